//! The steps of a change: judged, carried out, taken back.

use std::sync::Arc;

use futures_util::FutureExt as _;

use super::plan::Action;
use super::{Apply, ApplyFailure, EditError};
use crate::port::{OpenFailure, PluginId};

/// Asks the plugins themselves, before anything happens.
pub(super) async fn validate(
    actions: &[Action],
    edited: Option<&PluginId>,
    apply: &Arc<dyn Apply>,
) -> Result<(), EditError> {
    for wanted in actions.iter().filter_map(Action::needs_validation) {
        let (apply, spec) = (apply.clone(), wanted.spec.clone());
        let judged = tokio::task::spawn_blocking(move || apply.validate(&spec)).await;
        match finished(judged) {
            Some(Ok(())) => {}
            // Pointers of the plugin are into its configuration, which is what was sent.
            Some(Err(OpenFailure::Config(found))) if edited == Some(&wanted.spec.id) => {
                return Err(EditError::Invalid(found));
            }
            Some(Err(source)) => {
                return Err(EditError::Refused { id: wanted.spec.id.clone(), source });
            }
            None => return Err(EditError::Stopping),
        }
    }
    Ok(())
}

pub(super) async fn perform(action: &Action, apply: &dyn Apply) -> Result<(), ApplyFailure> {
    let step = async {
        match action {
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
