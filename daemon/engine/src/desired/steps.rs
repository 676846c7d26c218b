//! The steps of a change: judged, carried out, taken back.

use std::sync::Arc;

use futures_util::FutureExt as _;

use super::edit::EditError;
use super::plan::Action;
use super::resource::Resource;
use super::secret::WriteOnly;
use super::{Apply, ApplyFailure};
use crate::port::{ConfigProblem, OpenFailure, PluginId};

/// Asks the plugins themselves, before anything happens. `sent_at` points to what was sent.
pub(super) async fn validate(
    actions: &[Action],
    sent_at: &str,
    write_only: &WriteOnly,
    apply: &Arc<dyn Apply>,
) -> Result<(), EditError> {
    for wanted in actions.iter().filter_map(Action::needs_validation) {
        let (apply, spec) = (apply.clone(), wanted.spec.clone());
        let judged = tokio::task::spawn_blocking(move || apply.validate(&spec)).await;
        match finished(judged) {
            Some(Ok(())) => {}
            Some(Err(OpenFailure::Config(found))) => {
                let found = OpenFailure::Config(write_only.hush(&wanted.spec.type_name, found));
                return Err(refusal(&wanted.spec.id, found, sent_at));
            }
            Some(Err(source)) => return Err(refusal(&wanted.spec.id, source, sent_at)),
            None => return Err(EditError::Stopping),
        }
    }
    Ok(())
}

/// A plugin's own complaint about its configuration has pointers into that; who sent it knows it by others.
fn refusal(id: &PluginId, source: OpenFailure, sent_at: &str) -> EditError {
    let config = Resource::plugin_config(id).pointer();
    let into_sent = |pointer: &str| format!("{config}{pointer}").strip_prefix(sent_at).map(str::to_owned);
    match source {
        OpenFailure::Config(found) if config.starts_with(sent_at) => {
            let each = found.into_iter().map(|ConfigProblem { pointer, detail }| ConfigProblem {
                pointer: into_sent(&pointer).unwrap_or(pointer),
                detail,
            });
            EditError::Invalid(each.collect())
        }
        source => EditError::Refused { id: id.clone(), source },
    }
}

pub(super) async fn perform(action: &Action, apply: &dyn Apply) -> Result<(), ApplyFailure> {
    let step = async {
        match action {
            Action::Configure { after, .. } => apply.configure(after).await,
            Action::Set { to, .. } => apply.set(to.spec.clone(), to.enabled).await,
            Action::Remove { was } => apply.remove(was.spec.id.clone()).await,
        }
    };
    // A panic must not keep the steps before it from being taken back.
    match std::panic::AssertUnwindSafe(step).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(ApplyFailure::Panicked(text.unwrap_or("no reason given").to_owned()))
        }
    }
}

/// Takes all steps up to a failed one back, the last first; tells whether all went well. A plugin that could not
/// be set is as it was; rooms may stand between two documents, and are told again.
pub(super) async fn undo_failed(actions: &[Action], failed: usize, apply: &dyn Apply) -> bool {
    let touched = usize::from(matches!(actions[failed], Action::Configure { .. }));
    undo(&actions[..failed + touched], apply).await
}

/// Takes steps back, the last first; tells whether all went well.
pub(super) async fn undo(done: &[Action], apply: &dyn Apply) -> bool {
    let mut undone = true;
    for action in done.iter().rev().map(Action::undo) {
        if let Err(error) = perform(&action, apply).await {
            tracing::error!(step = %action, error = %error, "could not take a step back; what runs is not what is desired");
            undone = false;
        }
    }
    undone
}

/// What a task answered; `None` where the runtime ended before it. A panic goes on in the caller.
pub(super) fn finished<T>(ended: Result<T, tokio::task::JoinError>) -> Option<T> {
    match ended {
        Ok(answer) => Some(answer),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => None,
        },
    }
}
