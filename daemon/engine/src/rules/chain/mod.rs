//! Filter chains: rules of matches and targets that a value list passes before and after the cache.
//!
//! collectd's meaning: all matches of a rule must match, then its targets run in order; `return` leaves the
//! chain, `stop` ends the way, and who reaches the end of a chain runs its default targets. What a series'
//! name alone decides is decided here, once per series, and leaves a [`Plan`]: straight steps that only ask
//! for values. Values themselves are the matter of the room `chains`.

mod check;
mod name;
mod plan;
mod route;

pub use check::{MAX_DEPTH, MAX_STEPS, Shape, Tangle, tangles};
pub use name::{NameMatch, ReplaceName, SetName, fill};
pub use plan::{Decided, Flow, Plan, Step};
pub use route::Route;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gatherd_model::{CdTime, Severity};

/// All chains, and those that values enter by.
#[derive(Debug, Default)]
pub struct Chains {
    /// By id.
    pub all: BTreeMap<Arc<str>, Arc<Chain>>,
    /// What values pass before the cache.
    pub before: Option<Arc<Chain>>,
    /// What they pass after it; without one they go to every output.
    pub after: Option<Arc<Chain>>,
}

impl Chains {
    /// True where no value enters a chain.
    pub fn is_empty(&self) -> bool {
        self.before.is_none() && self.after.is_none()
    }

    /// True where both are the very same chains.
    pub fn is_same(&self, other: &Self) -> bool {
        let entry = |one: &Option<Arc<Chain>>| one.as_ref().map(Arc::as_ptr);
        self.all.len() == other.all.len()
            && self.all.values().zip(other.all.values()).all(|(one, other)| Arc::ptr_eq(one, other))
            && entry(&self.before) == entry(&other.before)
            && entry(&self.after) == entry(&other.after)
    }
}

/// A list of rules, and what is done at its end.
#[derive(Debug)]
pub struct Chain {
    /// Its name.
    pub id: Arc<str>,
    /// Its rules in order.
    pub rules: Vec<Arc<ChainRule>>,
    /// What is done with a value list that no rule took out of the chain.
    pub targets: Vec<Target>,
    /// What these did.
    pub tally: Arc<Tally>,
}

/// What is done with the value lists for which all matches match.
#[derive(Debug)]
pub struct ChainRule {
    /// Its name; unique in its chain.
    pub id: Arc<str>,
    /// All must match; none match everything.
    pub matches: Vec<Match>,
    /// Done in order.
    pub targets: Vec<Target>,
    /// How often it matched, and stopped.
    pub tally: Arc<Tally>,
}

impl ChainRule {
    /// Whether all matches match that ask for the name alone.
    pub fn chooses(&self, text: &str) -> bool {
        self.matches.iter().all(|one| one.chooses(text))
    }

    /// Whether it depends on values too.
    pub fn needs_values(&self) -> bool {
        self.matches.iter().any(Match::needs_values)
    }
}

/// What a rule, or the end of a chain, did since the daemon began.
#[derive(Debug, Default)]
pub struct Tally {
    matched: AtomicU64,
    stopped: AtomicU64,
}

impl Tally {
    /// Value lists for which all matches matched.
    pub fn matched(&self) -> u64 {
        self.matched.load(Ordering::Relaxed)
    }

    /// Value lists whose way ended here.
    pub fn stopped(&self) -> u64 {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Counts one that matched.
    pub fn count_matched(&self) {
        self.matched.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one whose way ended.
    pub fn count_stopped(&self) {
        self.stopped.fetch_add(1, Ordering::Relaxed);
    }
}

/// A criterion.
#[derive(Debug)]
pub enum Match {
    /// Regular expressions on the parts of the identifier.
    Regex(Box<NameMatch>),
    /// Groups of hosts.
    Hashed(Box<[Group]>),
    /// Bounds of the rates.
    Value(Box<ValueMatch>),
    /// How far the time is from now.
    TimeDiff(TimeDiff),
    /// Counters and derives that are all zero.
    EmptyCounter,
}

impl Match {
    /// Whether it asks for more than the name.
    pub fn needs_values(&self) -> bool {
        matches!(self, Self::Value(_) | Self::TimeDiff(_) | Self::EmptyCounter)
    }

    /// Whether the name is right; true where it asks for values.
    fn chooses(&self, text: &str) -> bool {
        match self {
            Self::Regex(names) => names.admits(text),
            Self::Hashed(groups) => {
                let hash = host_hash(text.split('/').next().unwrap_or_default());
                groups.iter().any(|group| hash % group.total == group.number)
            }
            Self::Value(_) | Self::TimeDiff(_) | Self::EmptyCounter => true,
        }
    }
}

/// One of several groups of hosts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Group {
    /// Which, from 0.
    pub number: u32,
    /// How many there are; never zero.
    pub total: u32,
}

/// The number that decides to which group a host belongs.
///
/// Source: collectd 5.12's `match_hashed`, whose factor is 2184401929 (its manual says 251) and whose
/// characters are signed on the machines that it is mostly built for.
pub fn host_hash(host: &str) -> u32 {
    host.bytes().fold(0, |hash: u32, byte| {
        hash.wrapping_mul(2_184_401_929).wrapping_add_signed(i32::from(byte.cast_signed()))
    })
}

/// Bounds of rates.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueMatch {
    /// Less does not match.
    pub min: Option<f64>,
    /// More does not match.
    pub max: Option<f64>,
    /// What is within matches not, and the other way round.
    pub invert: bool,
    /// Only these data sources, whatever the case of their names; all for none.
    pub sources: Box<[Box<str>]>,
    /// One data source is enough.
    pub any: bool,
}

/// How far the time of a value list is from now; spans, zero for no bound.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TimeDiff {
    /// So far ahead, or more.
    pub future: CdTime,
    /// So far behind, or more.
    pub past: CdTime,
}

/// What is done with a value list.
#[derive(Clone, Debug)]
pub enum Target {
    /// Ends its way.
    Stop,
    /// Leaves the chain.
    Return,
    /// Passes it through another chain, by id.
    Jump(Arc<str>),
    /// Hands it to outputs.
    Write(Arc<Route>),
    /// Gives it another name.
    Set(Arc<SetName>),
    /// Changes its name.
    Replace(Arc<ReplaceName>),
    /// Changes its values.
    Scale(Arc<Scale>),
    /// Says something of it.
    Notify(Arc<Notice>),
}

/// A line through the values: factor and offset.
#[derive(Debug)]
pub struct Scale {
    /// Told apart by; what is remembered of a series' counters belongs to one number.
    pub number: u64,
    /// The rate is multiplied by it.
    pub factor: f64,
    /// Then it is added, per second for all but gauges.
    pub offset: f64,
    /// Only these data sources, whatever the case of their names; all for none.
    pub sources: Box<[Box<str>]>,
}

impl Scale {
    /// One with a number of its own.
    pub fn new(factor: f64, offset: f64, sources: Box<[Box<str>]>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { number: NEXT.fetch_add(1, Ordering::Relaxed), factor, offset, sources }
    }
}

/// What is said of a value list.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// How bad it is.
    pub severity: Severity,
    /// With places such as `%{host}` and `%{ds:value}`.
    pub message: Box<str>,
}

/// Whether `sources` names a data source; no names are all of them.
pub fn names_source(sources: &[Box<str>], name: &str) -> bool {
    sources.is_empty() || sources.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
}

#[cfg(test)]
pub(crate) mod tests;
