//! What can go wrong with a call.

use crate::distrust::Distrust;
use gatherd_api_types::Problem;
use std::fmt::Write as _;

/// Why a call gave no answer to use.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not one that this client can use.
    #[error("cannot use the address {address}: only http://, https:// and a unix socket are known")]
    Address {
        /// What was given.
        address: String,
    },
    /// The HTTP client could not be set up.
    #[error("cannot set up a client for {place}")]
    Setup {
        /// Where it should connect to.
        place: String,
        /// What the HTTP client said.
        #[source]
        source: reqwest::Error,
    },
    /// The daemon was not reached, or the connection broke.
    #[error("cannot reach the daemon at {place}; is it running, and may this user connect?")]
    Connection {
        /// Where we tried.
        place: String,
        /// What the HTTP client said.
        #[source]
        source: reqwest::Error,
    },
    /// Certificates do not let an encrypted connection come about.
    #[error("no encrypted connection to the daemon at {place}: {distrust}")]
    Distrust {
        /// Where we tried.
        place: String,
        /// Whose certificate, and what is wrong with it.
        distrust: Distrust,
    },
    /// The daemon refused or failed, and says why.
    #[error("{}", told(problem))]
    Problem {
        /// Its answer.
        problem: Box<Problem>,
    },
    /// Somebody answered, but not as this API does.
    #[error("{place} answered status {status}, which is not an answer of this API; is another server there?")]
    Foreign {
        /// Whom we asked.
        place: String,
        /// The HTTP status.
        status: u16,
    },
    /// The answer is not what this version of the client knows.
    #[error("cannot read the answer of {place} to {path}; do versions of client and daemon differ?")]
    Answer {
        /// Whom we asked.
        place: String,
        /// What we asked for.
        path: String,
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
    /// The answer is longer than this client takes.
    #[error("the answer of {place} to {path} has more than {limit} bytes; ask for less at once")]
    TooLong {
        /// Whom we asked.
        place: String,
        /// What we asked for.
        path: String,
        /// Most bytes that are taken.
        limit: usize,
    },
    /// Somebody ended the work before its time.
    #[error("what was asked of {place} with {path} was cancelled before its end")]
    Cancelled {
        /// Whom we asked.
        place: String,
        /// What we asked for.
        path: String,
    },
    /// A token or entity tag has characters that no header may have.
    #[error("the {what} has characters that cannot travel in a header")]
    Header {
        /// Which value.
        what: &'static str,
    },
}

impl ClientError {
    /// The daemon's own words, if it answered.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem { problem } => Some(problem),
            _ => None,
        }
    }
}

/// A problem in one line: detail, parts of the input, code and request id.
fn told(problem: &Problem) -> String {
    let mut text = problem.detail.clone();
    for error in &problem.errors {
        let place = if error.pointer.is_empty() { "the whole input" } else { &error.pointer };
        let _infallible = write!(text, "; {place}: {}", error.detail);
    }
    let _infallible = write!(text, " ({} {}, {})", problem.status, problem.code, problem.request_id);
    text
}
