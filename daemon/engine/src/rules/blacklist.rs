//! What the operator hides: rules that keep series out, from being judged, or from being spoken of.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gatherd_model::CdTime;

use super::{Matcher, Rule};

/// What a rule of the blacklist takes away.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Verb {
    /// Values are neither cached nor written.
    Collect,
    /// No threshold judges them.
    Evaluate,
    /// They are judged, but nothing is said.
    Notify,
}

impl Verb {
    /// All verbs.
    pub const ALL: [Self; 3] = [Self::Collect, Self::Evaluate, Self::Notify];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::Evaluate => "evaluate",
            Self::Notify => "notify",
        }
    }
}

/// One rule of the blacklist, compiled.
#[derive(Debug)]
pub struct Hide {
    /// Its name.
    pub id: Arc<str>,
    /// Which series it hides.
    pub matcher: Matcher,
    /// What it takes away.
    pub verb: Verb,
    /// The wall clock's time from which on it has no effect; `None` for never.
    pub expires_at: Option<CdTime>,
    hidden: AtomicU64,
}

impl Hide {
    /// A rule that has hidden nothing yet.
    pub fn new(id: Arc<str>, matcher: Matcher, verb: Verb, expires_at: Option<CdTime>) -> Self {
        Self { id, matcher, verb, expires_at, hidden: AtomicU64::new(0) }
    }

    /// True where both say the same; what they counted does not matter.
    pub fn is_same(&self, other: &Self) -> bool {
        let Self { id, matcher, verb, expires_at, hidden: _ } = self;
        (id, matcher, verb, expires_at) == (&other.id, &other.matcher, &other.verb, &other.expires_at)
    }

    /// Whether its time is over at `wall`.
    pub fn is_expired(&self, wall: CdTime) -> bool {
        self.expires_at.is_some_and(|end| end <= wall)
    }

    /// Counts something that it took away.
    pub fn count(&self) {
        self.hidden.fetch_add(1, Ordering::Relaxed);
    }

    /// What it took away since the daemon began: value lists that were not collected or not judged, or
    /// notifications that were not said.
    pub fn hidden(&self) -> u64 {
        self.hidden.load(Ordering::Relaxed)
    }
}

impl Rule for Hide {
    fn id(&self) -> &str {
        &self.id
    }

    fn matcher(&self) -> &Matcher {
        &self.matcher
    }
}
