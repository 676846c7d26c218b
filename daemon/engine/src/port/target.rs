//! Where notifications are delivered to, one at a time and with an answer.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gatherd_model::Notification;

use super::BoxFuture;

/// One notification on its way to one subscriber.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its name: the same at each attempt, never given to another, also not by another life of the daemon.
    pub id: String,
    /// Whose it is.
    pub subscription: Arc<str>,
    /// The notification's number; zero for one that was made to try the subscription.
    pub number: u64,
    /// What happened.
    pub notification: Arc<Notification>,
}

/// Why a message was not delivered; what it says is shown to operators.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotDelivered {
    /// It may be another time.
    #[error("{0}")]
    Later(String),
    /// It will not be.
    #[error("{0}")]
    Never(String),
}

/// Text that is shown nowhere.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Which addresses a name may lead to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// Those of the Internet.
    Public,
    /// Those of this machine and of private networks too, because the operator named the host.
    Named,
    /// This one, because the operator named it.
    Only(IpAddr),
}

/// Who is told, by the way to it.
#[derive(Clone, Debug, PartialEq)]
pub enum Subscriber {
    /// It is called over HTTP.
    Webhook(Webhook),
    /// It is started.
    Program(Program),
}

/// A subscriber that is reached over HTTP.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// Where; checked against the policy by whoever made this.
    pub url: String,
    /// Which addresses the name may lead to.
    pub reach: Reach,
    /// What messages are signed with; not at all for `None`.
    pub secret: Option<Secret>,
    /// More headers.
    pub headers: BTreeMap<String, Secret>,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// A file with certificates of authorities that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
}

/// A subscriber that is a program of this machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// Where; its spelling was checked against the policy by whoever made this, not what lies there.
    pub path: PathBuf,
    /// The directories that it may really lie in.
    pub directories: Arc<[PathBuf]>,
    /// What it is told besides; there is no shell that reads them.
    pub arguments: Vec<String>,
    /// What it reads on its standard input.
    pub format: ProgramFormat,
    /// How long it may run.
    pub timeout: Duration,
    /// Whether it is started again for the same message when it failed.
    pub retry: bool,
}

/// What a program reads on its standard input.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ProgramFormat {
    /// Lines with a field each, an empty line, the message; as collectd's `NotificationExec`.
    #[default]
    Collectd,
    /// What a webhook gets.
    Json,
}

/// What came of delivering once.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Why it was not delivered.
    pub outcome: Result<(), NotDelivered>,
    /// How the program ran; `None` where none did.
    pub run: Option<Run>,
}

impl From<Result<(), NotDelivered>> for Attempt {
    fn from(outcome: Result<(), NotDelivered>) -> Self {
        Self { outcome, run: None }
    }
}

/// How a program ran.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// How long.
    pub took: Duration,
    /// The status that it ended with; `None` where a signal ended it.
    pub exit_status: Option<i32>,
    /// The signal that ended it; `None` where it ended by itself.
    pub signal: Option<i32>,
    /// Whether it was ended because its time was over.
    pub timed_out: bool,
    /// The end of what it wrote to its standard error; text, without control characters but line feeds and tabs.
    pub stderr: String,
}

/// A way to a subscriber; what it holds is freed with it.
pub trait Target: Send + Sync {
    /// Delivers a message, once. When this is dropped, whatever was started for it is ended.
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Attempt>;
}

/// Opens ways to subscribers.
pub trait Targets: Send + Sync + 'static {
    /// A way; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// Why there is none.
    fn open(&self, subscriber: &Subscriber) -> Result<Box<dyn Target>, NotDelivered>;
}
