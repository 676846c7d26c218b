//! What went wrong, said to people: what, where, and what to do; and the exit code that says it to programs.

use crate::cloud::CloudError;
use crate::commands::plugin_config::ChangeError;
use crate::document::DocumentError;
use crate::escape;
use crate::output::OutputError;
use crate::place::PlaceError;
use crate::secret::SecretError;
use crate::token_file::TokenFileError;
use crate::top::TopError;
use gatherd_client::types::{Problem, ProblemCode};
use gatherd_client::{ClientError, Distrust, TrustError};
use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The daemon was not reached, or said no.
    #[error(transparent)]
    Call(#[from] ClientError),
    /// Name or password were not accepted.
    #[error("the daemon at {place} does not accept this name and password")]
    Login {
        /// Which daemon.
        place: String,
    },
    /// The token of a cloud was not accepted.
    #[error("the daemon at {place} does not accept a token of {cloud}: does it ask that Keystone?")]
    NotKnown {
        /// Which daemon.
        place: String,
        /// Which cloud.
        cloud: String,
    },
    /// There is no token of a cloud.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The daemon's list has no end.
    #[error("the daemon at {place} names the same next page again and again")]
    Circle {
        /// Which daemon.
        place: String,
    },
    /// It is not clear whom to ask.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// Files for encrypted connections are not usable.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A key without what it belongs to.
    #[error("--key (GATHERCTL_KEY) names the key of a client certificate: give --cert as well")]
    KeyAlone,
    /// There is such a user.
    #[error("there is a user {name} already: `gatherctl user passwd` and `gatherctl user role` change it")]
    UserExists {
        /// Which.
        name: String,
    },
    /// There is no password.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The kept tokens are not usable.
    #[error(transparent)]
    Tokens(#[from] TokenFileError),
    /// The change is not one.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// There is nothing to send.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// What was tried failed, or was not taken as a whole, which has been said.
    #[error("not all of it is good")]
    NotGood,
    /// CSV has no pages.
    #[error("CSV takes a limit of at most {most}; without one, all of the list is shown")]
    CsvLimit {
        /// The greatest limit.
        most: usize,
    },
    /// What was compared is not the same, which has been said.
    #[error("it differs")]
    Differs,
    /// The configuration has no such part.
    #[error("the configuration has nothing at {key}; `gatherctl config get` shows all of it")]
    NoKey {
        /// Where it was looked for.
        key: String,
    },
    /// There is no such part of what can be done.
    #[error("nothing is known of {key}; `gatherctl capabilities` shows all that is")]
    NoCapability {
        /// What was looked for.
        key: String,
    },
    /// The daemon made a change that it was only to judge.
    #[error("the daemon does not know how to judge a change; do versions of gatherctl and daemon differ?")]
    NoPlan,
    /// There is no revision to go back to.
    #[error("there is no revision before the newest")]
    NoRevision,
    /// No revision is provisional.
    #[error("no change waits to be confirmed; `gatherctl history` shows what became of it")]
    NothingWaits,
    /// No key of a plugin is named.
    #[error("there is nothing to change: give --interval, --type, --trusted, --isolation or --limit")]
    NoPluginKey,
    /// It is not clear which series are meant.
    #[error("name an identifier, or filters, or --all: exactly one of the three")]
    NotOneChoice,
    /// The answer cannot be printed.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The live view does not go on.
    #[error(transparent)]
    Top(#[from] TopError),
    /// The process cannot wait for the network.
    #[error("cannot start")]
    Start(#[source] io::Error),
}

impl Failure {
    /// 0 the reader just went away, 1 the daemon said no or its answer cannot be used, 2 something is wrong
    /// here, 3 no connection, 4 what was compared differs.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Output(error) if error.is_broken_pipe() => 0,
            Self::Call(ClientError::Connection { .. } | ClientError::Distrust { .. }) => 3,
            Self::Cloud(error) => error.exit_code(),
            Self::Differs => 4,
            Self::Call(
                ClientError::Address { .. } | ClientError::Setup { .. } | ClientError::Header { .. },
            )
            | Self::Place(_)
            | Self::Trust(_)
            | Self::KeyAlone
            | Self::Secret(_)
            | Self::Tokens(_)
            | Self::Change(_)
            | Self::Document(_)
            | Self::NoPluginKey
            | Self::NotOneChoice
            | Self::CsvLimit { .. }
            | Self::Output(_)
            | Self::Top(_)
            | Self::Start(_) => 2,
            Self::Call(
                ClientError::Problem { .. }
                | ClientError::Foreign { .. }
                | ClientError::Answer { .. }
                | ClientError::Cancelled { .. }
                | ClientError::TooLong { .. },
            )
            | Self::Login { .. }
            | Self::NotGood
            | Self::UserExists { .. }
            | Self::NotKnown { .. }
            | Self::NoKey { .. }
            | Self::NoCapability { .. }
            | Self::NoPlan
            | Self::NoRevision
            | Self::NothingWaits
            | Self::Circle { .. } => 1,
        }
    }

    /// Whether asking again may help: the daemon is away, on its way down or up, or too busy.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Call(ClientError::Problem { problem }) => problem.status >= 500 || problem.status == 429,
            Self::Call(error) => {
                matches!(error, ClientError::Connection { .. } | ClientError::Foreign { .. })
            }
            _ => false,
        }
    }

    /// Whether what was asked for is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Call(error) if error.problem().is_some_and(|problem| problem.status == 404))
    }

    /// What went wrong, in a few words and without the place; not yet harmless for a terminal.
    pub(crate) fn brief(&self) -> String {
        match self {
            Self::Call(ClientError::Problem { problem }) => match hint(problem.code) {
                Some(hint) => format!("{} ({hint})", problem.detail.trim_end_matches('.')),
                None => problem.detail.trim_end_matches('.').to_owned(),
            },
            Self::Call(error @ ClientError::Connection { .. }) => root(error).to_string(),
            other => other.to_string(),
        }
    }

    /// All lines for standard error. `place` is where the daemon should be, `missed` are the sockets that
    /// were looked for before.
    pub(crate) fn told(&self, place: &str, missed: &[PathBuf]) -> String {
        match self {
            Self::Call(ClientError::Problem { problem }) => refusal(problem, place),
            Self::Call(error @ ClientError::Connection { .. }) => no_connection(error, place, missed),
            Self::Differs | Self::NotGood => String::new(),
            Self::Call(error @ ClientError::Distrust { distrust, .. }) => {
                lines(&error.to_string(), &[("try", remedy(*distrust).to_owned())])
            }
            Self::Login { .. } => {
                let hint = "the first password of admin is in admin.credential in the daemon's state directory; \
                    show it with --credential FILE";
                lines(&self.to_string(), &[("try", hint.to_owned())])
            }
            other => {
                let cause = other.source().map(|cause| ("cause", root(cause).to_string()));
                lines(&other.to_string(), cause.as_slice())
            }
        }
    }
}

/// A headline and named lines below it, harmless for a terminal.
fn lines(headline: &str, more: &[(&str, String)]) -> String {
    let mut text = format!("gatherctl: {}\n", escape::text(headline));
    for (name, line) in more {
        let _infallible = writeln!(text, "  {}: {}", escape::text(name), escape::text(line));
    }
    text
}

fn refusal(problem: &Problem, place: &str) -> String {
    let mut more = Vec::new();
    for error in &problem.errors {
        let pointer = if error.pointer.is_empty() { "the whole input" } else { &error.pointer };
        more.push((pointer, error.detail.clone()));
    }
    let Problem { status, code, request_id, .. } = problem;
    more.push(("answer", format!("{status} {code} of {place}, request {request_id}")));
    if let Some(hint) = hint(*code) {
        more.push(("try", hint.to_owned()));
    }
    lines(&problem.detail, &more)
}

/// What to do about a refusal; `None` where its own words say all there is.
fn hint(code: ProblemCode) -> Option<&'static str> {
    use ProblemCode as C;
    Some(match code {
        C::Unauthorized => "run `gatherctl login`",
        C::Forbidden => "run `gatherctl login` as a user with a stronger role",
        C::NotFound => "`gatherctl plugins` and `gatherctl values` list what there is",
        C::NotAcceptable | C::MethodNotAllowed | C::UnsupportedMediaType => {
            "use the gatherctl that came with this daemon"
        }
        C::Disabled => "run `gatherctl plugin enable ID` first",
        C::Pinned => "change it where it is pinned, and restart the daemon",
        C::Unloadable => "`gatherctl types` says what is wrong with the code",
        C::Stopping | C::Unavailable | C::Timeout => "wait a little, and repeat",
        C::IdentityUnreachable => "wait until Keystone answers, or come over the unix socket",
        C::TooManyRequests => "wait a minute, and repeat",
        C::PreconditionFailed => "it was changed meanwhile: look again, and repeat",
        C::PreconditionRequired => {
            "look at its revision with `gatherctl plugin config ID`, and use --if-match"
        }
        C::ClockKept => "leave the clock to who keeps it, or stop that first",
        C::ClockNotPermitted => "enable the unit gatherd-clock.socket",
        C::Internal => "look for the request in the daemon's log",
        C::Storage => "make room on the disk of the daemon's state directory, and repeat",
        C::BadRequest
        | C::MalformedJson
        | C::BadParameter
        | C::BadMarker
        | C::AmbiguousCredentials
        | C::Conflict
        | C::Exists
        | C::Provisional
        | C::KeyInUse
        | C::KeyReused
        | C::ReloadLimit
        | C::ClockUncertain
        | C::ClockTooFar
        | C::ClockBudget
        | C::TooLarge
        | C::Invalid => return None,
    })
}

/// What to do about certificates that are not believed.
fn remedy(distrust: Distrust) -> &'static str {
    match distrust {
        Distrust::UnknownAuthority => {
            "name the file of the authority that made it with --cacert FILE or GATHERCTL_CACERT"
        }
        Distrust::OtherName => "ask for the daemon by a name that its certificate has",
        Distrust::OutOfTime => "renew the daemon's certificate, or set the clock of this machine",
        Distrust::NoGood => {
            "give the daemon another certificate, or look whether it is the daemon that answers"
        }
        Distrust::OursMissing => "show one with --cert FILE and --key FILE",
        Distrust::OursRefused => {
            "show one that an authority of the daemon's client_ca made and did not take back"
        }
        Distrust::NotEncrypted => "ask with http:// in place of https://",
    }
}

fn no_connection(error: &ClientError, place: &str, missed: &[PathBuf]) -> String {
    let cause = root(error);
    let mut more = vec![("cause", cause.to_string())];
    if !missed.is_empty() {
        let sockets: Vec<String> = missed.iter().map(|path| path.display().to_string()).collect();
        more.push(("before", format!("no usable socket at {}", sockets.join(" or "))));
    }
    let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
    let hint = if kind == Some(io::ErrorKind::PermissionDenied) {
        "this user may not connect there: join the group gatherd-admin, or use --url and `gatherctl login`"
    } else {
        "is gatherd running? start it with `gatherd`, or name another with --socket or --url"
    };
    more.push(("try", hint.to_owned()));
    lines(&format!("no connection to the daemon at {place}"), &more)
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut last = error;
    while let Some(cause) = last.source() {
        let _infallible = write!(text, ": {cause}");
        last = cause;
    }
    text
}

/// The last cause of a chain.
fn root<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatherd_client::types::FieldError;

    fn problem(code: ProblemCode, errors: Vec<FieldError>) -> Failure {
        let problem = Problem {
            type_uri: format!("urn:gatherd:problem:{code}"),
            title: String::new(),
            status: code.meaning()[..3].parse().unwrap(),
            detail: "It is\u{1b} so.".to_owned(),
            instance: "/v1/x".to_owned(),
            code,
            request_id: "req-1".to_owned(),
            errors,
        };
        Failure::Call(ClientError::Problem { problem: Box::new(problem) })
    }

    fn told(failure: &Failure) -> String {
        failure.told("http://h", &[])
    }

    #[test]
    fn a_refusal_is_told_with_its_answer_and_what_to_do() {
        let failure = problem(ProblemCode::Unauthorized, vec![]);
        let expected = "gatherctl: It is\\u{1b} so.\n  \
            answer: 401 unauthorized of http://h, request req-1\n  try: run `gatherctl login`\n";
        assert_eq!(told(&failure), expected);
        assert_eq!(failure.exit_code(), 1);
    }

    #[test]
    fn parts_of_the_input_have_a_line_each() {
        let error =
            |pointer: &str, detail: &str| FieldError { pointer: pointer.into(), detail: detail.into() };
        let errors = vec![error("/interval", "is zero"), error("", "is no\nobject")];
        let expected = "gatherctl: It is\\u{1b} so.\n  /interval: is zero\n  the whole input: is no\\nobject\n  \
            answer: 422 invalid of http://h, request req-1\n";
        assert_eq!(told(&problem(ProblemCode::Invalid, errors)), expected);
    }

    #[test]
    fn a_stale_revision_asks_to_look_again() {
        let text = told(&problem(ProblemCode::PreconditionFailed, vec![]));
        assert!(text.ends_with("  try: it was changed meanwhile: look again, and repeat\n"), "{text}");
    }

    #[test]
    fn files_and_arguments_are_told_with_their_cause() {
        let source = io::Error::from(io::ErrorKind::NotFound);
        let failure = Failure::Secret(SecretError::Read { path: "/p".into(), source });
        assert_eq!(told(&failure), "gatherctl: cannot read /p\n  cause: entity not found\n");
        assert_eq!(failure.exit_code(), 2);
        let failure = Failure::Tokens(TokenFileError::Nowhere);
        let expected =
            "gatherctl: no place to keep a token: set HOME or XDG_STATE_HOME to an absolute path\n";
        assert_eq!((told(&failure).as_str(), failure.exit_code()), (expected, 2));
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let write = |kind: io::ErrorKind| Failure::Output(OutputError::Write(kind.into()));
        assert_eq!(write(io::ErrorKind::BrokenPipe).exit_code(), 0);
        assert_eq!(write(io::ErrorKind::StorageFull).exit_code(), 2);
        let json = serde_json::Error::io(io::ErrorKind::BrokenPipe.into());
        assert_eq!(Failure::Output(OutputError::Json(json)).exit_code(), 0);
    }

    #[test]
    fn who_waits_asks_again_where_that_may_help() {
        for (code, may_pass) in [
            (ProblemCode::Unavailable, true),
            (ProblemCode::TooManyRequests, true),
            (ProblemCode::Unauthorized, false),
            (ProblemCode::NotFound, false),
        ] {
            assert_eq!(problem(code, vec![]).may_pass(), may_pass, "{code}");
        }
        let foreign = Failure::Call(ClientError::Foreign { place: "http://h".to_owned(), status: 502 });
        assert!(foreign.may_pass());
        assert!(problem(ProblemCode::NotFound, vec![]).is_not_found() && !foreign.is_not_found());
        assert!(!Failure::Circle { place: "http://h".to_owned() }.may_pass());
    }

    #[test]
    fn a_brief_failure_names_no_place() {
        let brief = problem(ProblemCode::Unauthorized, vec![]).brief();
        assert_eq!(brief, "It is\u{1b} so (run `gatherctl login`)");
        assert_eq!(problem(ProblemCode::Conflict, vec![]).brief(), "It is\u{1b} so");
    }

    #[test]
    fn an_address_that_can_not_be_used_is_our_fault() {
        let failure = Failure::Call(ClientError::Address { address: "h:1".to_owned() });
        assert_eq!(failure.exit_code(), 2);
        let foreign = Failure::Call(ClientError::Foreign { place: "http://h".to_owned(), status: 502 });
        assert_eq!(foreign.exit_code(), 1);
    }
}
