//! Why the engine said no, in the words of the API.

use std::error::Error;
use std::path::PathBuf;

use gatherd_api::ManagementError;
use gatherd_api::types::{FieldError, ProblemCode};
use gatherd_engine::desired::{ApplyFailure, EditError};
use gatherd_engine::lifecycle::Denied;
use gatherd_engine::port::{ConfigProblem, OpenFailure};
use gatherd_engine::registry::SetError;

use crate::convert::without_directories;

/// Maps engine errors; knows which directories no answer names.
pub(crate) struct Errors<'a> {
    pub(crate) private: &'a [PathBuf],
}

impl Errors<'_> {
    fn conflict(&self, code: ProblemCode, detail: &str) -> ManagementError {
        ManagementError::Conflict { code, detail: without_directories(detail, self.private) }
    }

    pub(crate) fn open(&self, failure: &OpenFailure) -> ManagementError {
        match failure {
            OpenFailure::Config(problems) => invalid(problems),
            OpenFailure::Library { code: "reload_limit", detail } => {
                self.conflict(ProblemCode::ReloadLimit, detail)
            }
            OpenFailure::Library { code, detail } => {
                self.conflict(ProblemCode::Unloadable, &format!("{code}: {detail}"))
            }
            OpenFailure::Init { code, detail } => {
                self.conflict(ProblemCode::Conflict, &format!("{code}: {detail}"))
            }
        }
    }

    pub(crate) fn set(&self, error: &SetError) -> ManagementError {
        let text = error.to_string();
        match error {
            SetError::Open(failure) => self.open(failure),
            SetError::Denied(Denied::Stopping) => self.conflict(ProblemCode::Stopping, &text),
            SetError::Denied(_) | SetError::Call(_) => self.conflict(ProblemCode::Conflict, &text),
            SetError::NotEnabled => self.conflict(ProblemCode::Disabled, &text),
            SetError::Busy => ManagementError::Unavailable { detail: text },
            SetError::Gone => ManagementError::NotFound { detail: text },
        }
    }

    pub(crate) fn edit(&self, error: &EditError) -> ManagementError {
        match error {
            EditError::NotFound { .. } => ManagementError::NotFound { detail: error.to_string() },
            EditError::Exists { .. } => self.conflict(ProblemCode::Exists, &error.to_string()),
            EditError::NoRevision { .. } => ManagementError::NotFound { detail: error.to_string() },
            EditError::Provisional { .. } => self.conflict(ProblemCode::Provisional, &error.to_string()),
            EditError::NotConfirmed { .. } => self.conflict(ProblemCode::Conflict, &error.to_string()),
            EditError::Pinned { .. } => self.conflict(ProblemCode::Pinned, &error.to_string()),
            EditError::Stale { current } => ManagementError::PreconditionFailed { current: *current },
            EditError::Invalid(problems) => invalid(problems),
            EditError::Refused { id, source: OpenFailure::Config(problems) } => {
                let into_document = |problem: &ConfigProblem| ConfigProblem {
                    pointer: format!("/plugins/{id}/config{}", problem.pointer),
                    detail: problem.detail.clone(),
                };
                invalid(&problems.iter().map(into_document).collect::<Vec<_>>())
            }
            EditError::Refused { id, source } => match self.open(source) {
                ManagementError::Conflict { code, detail } => {
                    ManagementError::Conflict { code, detail: format!("plugin {id}: {detail}") }
                }
                other => other,
            },
            EditError::ApplyFailed { source: ApplyFailure::Open(failure), undone: true, .. } => {
                self.open(failure)
            }
            EditError::ApplyFailed { source: ApplyFailure::Busy, undone: true, .. }
            | EditError::Busy
            | EditError::HandingOver => ManagementError::Unavailable { detail: error.to_string() },
            EditError::ApplyFailed { source: ApplyFailure::Panicked(_), .. } => {
                ManagementError::Internal { detail: chain(error) }
            }
            EditError::ApplyFailed { .. } => self.conflict(ProblemCode::Conflict, &chain(error)),
            EditError::Storage { .. } => {
                tracing::error!("a change was not stored: {}", chain(error));
                // The place and the system's words are in the log; the caller learns what it means.
                ManagementError::Storage {
                    detail: format!("{error}: is the disk of the state directory full?"),
                }
            }
            EditError::Stopping => self.conflict(ProblemCode::Stopping, &error.to_string()),
        }
    }
}

fn invalid(problems: &[ConfigProblem]) -> ManagementError {
    let field = |ConfigProblem { pointer, detail }: &ConfigProblem| FieldError {
        pointer: pointer.clone(),
        detail: detail.clone(),
    };
    ManagementError::Invalid { errors: problems.iter().map(field).collect() }
}

/// An error with all its causes, each once.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatherd_engine::desired::Source;

    const ERRORS: Errors<'static> = Errors { private: &[] };

    fn code_of(error: ManagementError) -> ProblemCode {
        match error {
            ManagementError::Conflict { code, .. } => code,
            other => panic!("{other:?} is no conflict"),
        }
    }

    #[test]
    fn conflicts_have_the_code_of_their_reason() {
        let library = |code| OpenFailure::Library { code, detail: "d".into() };
        assert_eq!(code_of(ERRORS.open(&library("reload_limit"))), ProblemCode::ReloadLimit);
        assert_eq!(code_of(ERRORS.open(&library("missing"))), ProblemCode::Unloadable);
        let init = OpenFailure::Init { code: "init_failed", detail: "d".into() };
        assert_eq!(code_of(ERRORS.open(&init)), ProblemCode::Conflict);
        assert_eq!(code_of(ERRORS.set(&SetError::NotEnabled)), ProblemCode::Disabled);
        assert_eq!(code_of(ERRORS.set(&SetError::Denied(Denied::Stopping))), ProblemCode::Stopping);
        let pinned = EditError::Pinned { key: "plugins.cpu.enabled".into(), by: Source::Environment };
        assert_eq!(code_of(ERRORS.edit(&pinned)), ProblemCode::Pinned);
        assert_eq!(code_of(ERRORS.edit(&EditError::Stopping)), ProblemCode::Stopping);
    }

    #[test]
    fn a_refused_configuration_is_invalid_with_its_pointers() {
        let problem = ConfigProblem { pointer: "/a".into(), detail: "no".into() };
        let refused =
            EditError::Refused { id: "cpu".parse().unwrap(), source: OpenFailure::Config(vec![problem]) };
        let expected = FieldError { pointer: "/plugins/cpu/config/a".into(), detail: "no".into() };
        assert_eq!(ERRORS.edit(&refused), ManagementError::Invalid { errors: vec![expected] });
    }

    #[test]
    fn a_step_that_could_not_be_taken_back_is_told_so() {
        let failed =
            EditError::ApplyFailed { step: "start cpu".into(), source: ApplyFailure::Busy, undone: false };
        let ManagementError::Conflict { detail, .. } = ERRORS.edit(&failed) else { panic!("no conflict") };
        assert!(detail.contains("could not all be taken back"), "{detail}");
    }
}
