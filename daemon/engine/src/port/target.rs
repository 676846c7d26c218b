//! Where notifications are delivered to, one at a time and with an answer.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
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
}

/// A way to a subscriber; what it holds is freed with it.
pub trait Target: Send + Sync {
    /// Delivers a message, once.
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), NotDelivered>>;
}

/// Opens ways to subscribers.
pub trait Targets: Send + Sync + 'static {
    /// A way; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// Why there is none.
    fn open(&self, webhook: &Webhook) -> Result<Box<dyn Target>, NotDelivered>;
}
