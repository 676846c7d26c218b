//! Makes series known to the daemon: many in one question, or singly where the daemon is older.

use gatherd_loader::{Handle, IdentityRef, Status};
use gatherd_wire::{Answer, Identity, MAX_REGISTRATIONS, Protocol, Registration, ToDaemon};

use crate::control::Control;

/// What the daemon answered to one name.
type Named = Result<Handle, Status>;

/// Makes one series known.
pub(crate) fn register(control: &Control, identity: &IdentityRef<'_>, data_set: &str) -> Named {
    let (identity, data_set) = (owned(identity), data_set.to_owned());
    let answer = control.ask(|question| ToDaemon::Register { question, identity, data_set });
    let answer = answer.ok_or(Status::CLOSED)?;
    match (Status(answer.status), answer.handle) {
        (Status::OK, Some(handle)) => Ok(Handle(handle)),
        (Status::OK, None) => Err(Status::FAILED),
        (status, _) => Err(status),
    }
}

/// Makes many known; `common` is the version that both sides speak. Answers parallel to `series`.
pub(crate) fn register_many(
    control: &Control,
    common: Protocol,
    series: &[(IdentityRef<'_>, &str)],
) -> Vec<Named> {
    if !common.registers_many() {
        return series.iter().map(|(identity, data_set)| register(control, identity, data_set)).collect();
    }
    let mut all = Vec::with_capacity(series.len());
    for part in series.chunks(MAX_REGISTRATIONS) {
        let message = part.iter().map(|(identity, data_set)| Registration {
            identity: owned(identity),
            data_set: (*data_set).to_owned(),
        });
        let series = message.collect();
        let answer = control.ask(|question| ToDaemon::RegisterMany { question, series });
        all.extend(answers(answer, part.len()));
    }
    all
}

/// One answer for each of `count` names, whatever the daemon said.
fn answers(answer: Option<Answer>, count: usize) -> Vec<Named> {
    let Some(Answer { status, handles, statuses, .. }) = answer else {
        return vec![Err(Status::CLOSED); count];
    };
    if status != Status::OK.0 {
        return vec![Err(Status(status)); count];
    }
    let one = |at: usize| match (statuses.get(at), handles.get(at)) {
        (Some(0), Some(handle)) => Ok(Handle(*handle)),
        (Some(0) | None, _) => Err(Status::FAILED),
        (Some(status), _) => Err(Status(*status)),
    };
    (0..count).map(one).collect()
}

/// The parts of an identifier as they go over the socket.
pub(crate) fn owned(identity: &IdentityRef<'_>) -> Identity {
    let IdentityRef { host, plugin, plugin_instance, type_name, type_instance } = *identity;
    Identity {
        host: host.into(),
        plugin: plugin.into(),
        plugin_instance: plugin_instance.into(),
        type_name: type_name.into(),
        type_instance: type_instance.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_an_answer_whatever_the_daemon_says() {
        let whole = Answer { handles: vec![7, 0, 9], statuses: vec![0, -4, 0], ..Answer::default() };
        assert_eq!(
            answers(Some(whole.clone()), 3),
            [Ok(Handle(7)), Err(Status::UNKNOWN_TYPE), Ok(Handle(9))]
        );
        assert_eq!(answers(Some(whole.clone()), 2).len(), 2, "more than was asked is passed over");
        let short = Answer { handles: vec![7], ..whole.clone() };
        assert_eq!(
            answers(Some(short), 4)[1..],
            [Err(Status::UNKNOWN_TYPE), Err(Status::FAILED), Err(Status::FAILED)]
        );
        let refused = Answer { status: Status::BAD_CALL.0, ..whole };
        assert_eq!(answers(Some(refused), 2), [Err(Status::BAD_CALL); 2]);
        assert_eq!(answers(None, 1), [Err(Status::CLOSED)]);
    }
}
