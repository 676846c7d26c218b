//! What the loader says, in the words of the engine.

use std::error::Error;

use gatherd_engine::port::{CallFailure, ConfigProblem, OpenFailure};
use gatherd_loader::{CallError, Complaint, ConfigureError, InitError, OpenError};

/// A library that can not be used.
pub(crate) fn of_opening(error: &OpenError) -> OpenFailure {
    let advice = match error {
        OpenError::NotListed { .. } => {
            "; set `trusted = true` for the plugin to run it in the daemon's process all the same, or `isolation = \"process\"`"
        }
        _ => "",
    };
    OpenFailure::Library { code: error.code(), detail: chain(error) + advice }
}

/// The whole chain of causes in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// A configuration that is refused.
pub(super) fn of_configuring(error: ConfigureError) -> OpenFailure {
    match error {
        ConfigureError::Refused(complaints) => refused(complaints),
        other @ (ConfigureError::Panicked { .. } | ConfigureError::Other { .. }) => {
            OpenFailure::Config(vec![ConfigProblem { pointer: String::new(), detail: other.to_string() }])
        }
    }
}

/// An instance that did not come up.
pub(super) fn of_init(error: InitError) -> OpenFailure {
    match error {
        InitError::Refused(complaints) => refused(complaints),
        InitError::Panicked { .. } => OpenFailure::Init { code: "init_panicked", detail: error.to_string() },
        InitError::Failed { .. } | InitError::Other { .. } => {
            OpenFailure::Init { code: "init_failed", detail: error.to_string() }
        }
    }
}

fn refused(complaints: Vec<Complaint>) -> OpenFailure {
    let problem = |Complaint { pointer, detail }| ConfigProblem { pointer, detail };
    OpenFailure::Config(complaints.into_iter().map(problem).collect())
}

/// A call that did not work.
pub(super) fn of_call(error: CallError) -> CallFailure {
    match error {
        CallError::Failed { reason } => CallFailure::Failed(reason),
        CallError::Panicked { reason } => CallFailure::Lost(reason),
        CallError::NotSupported => CallFailure::NotSupported,
        other @ CallError::Other { .. } => CallFailure::Failed(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use gatherd_loader::Status;

    use super::*;

    fn problem(pointer: &str, detail: &str) -> ConfigProblem {
        ConfigProblem { pointer: pointer.into(), detail: detail.into() }
    }

    #[test]
    fn a_library_failure_tells_the_whole_chain_once() {
        let source = io::Error::other("undefined symbol: x");
        let failure = of_opening(&OpenError::Load { path: "/p/a.so".into(), source });
        let detail = "cannot load plugin library /p/a.so: undefined symbol: x".into();
        assert_eq!(failure, OpenFailure::Library { code: "load_failed", detail });
    }

    #[test]
    fn complaints_keep_their_pointers() {
        let complaint = || vec![Complaint { pointer: "/a".into(), detail: "b".into() }];
        let expected = OpenFailure::Config(vec![problem("/a", "b")]);
        assert_eq!(of_configuring(ConfigureError::Refused(complaint())), expected);
        assert_eq!(of_init(InitError::Refused(complaint())), expected);
    }

    #[test]
    fn a_panic_over_a_configuration_speaks_of_the_whole() {
        let failure = of_configuring(ConfigureError::Panicked { reason: "x".into() });
        let detail = "the plugin panicked over its configuration: x";
        assert_eq!(failure, OpenFailure::Config(vec![problem("", detail)]));
        let failure = of_configuring(ConfigureError::Other { status: Status(5) });
        assert_eq!(failure.code(), "config_refused");
    }

    #[test]
    fn an_init_fails_panics_or_answers_nonsense() {
        assert_eq!(of_init(InitError::Failed { reason: "x".into() }).code(), "init_failed");
        assert_eq!(of_init(InitError::Panicked { reason: "x".into() }).code(), "init_panicked");
        assert_eq!(of_init(InitError::Other { status: Status(5) }).code(), "init_failed");
    }

    #[test]
    fn only_a_panic_loses_the_instance() {
        assert_eq!(of_call(CallError::Failed { reason: "x".into() }), CallFailure::Failed("x".into()));
        assert_eq!(of_call(CallError::Panicked { reason: "x".into() }), CallFailure::Lost("x".into()));
        assert_eq!(of_call(CallError::NotSupported), CallFailure::NotSupported);
        let odd = of_call(CallError::Other { status: Status(5) });
        assert_eq!(odd, CallFailure::Failed("the plugin answered 5".into()));
    }
}
