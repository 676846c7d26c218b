//! What measures and corrects the machine's clock, and the words for it. All of it lies outside of this process:
//! the kernel, other daemons, servers, the helper that may set the clock.

use std::path::Path;
use std::time::Duration;

use super::BoxFuture;

/// Asks the kernel, chrony, NTP servers and the clock helper.
pub trait Timekeeper: Send + Sync + 'static {
    /// What the kernel knows of its clock; `None` where it does not say.
    fn kernel(&self) -> Option<KernelClock>;

    /// PTP clocks of this machine, by name; empty where there are none.
    fn hardware(&self) -> Vec<HardwareClock>;

    /// What chrony says behind its command port `address`; `None` where it does not answer.
    fn discipline<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Option<Discipline>>;

    /// Asks each of `servers` over NTP, all at once; one answer each, in their order.
    fn measure<'a>(&'a self, servers: &'a [String], timeout: Duration) -> BoxFuture<'a, Vec<Exchange>>;

    /// What the helper behind the unix socket `helper` would still do.
    fn allowance<'a>(&'a self, helper: &'a Path) -> BoxFuture<'a, Result<Allowance, AdjustFailure>>;

    /// Lets the helper behind the unix socket `helper` move the system clock by `offset` nanoseconds.
    fn adjust<'a>(
        &'a self,
        helper: &'a Path,
        how: Adjustment,
        offset: i64,
    ) -> BoxFuture<'a, Result<Allowance, AdjustFailure>>;
}

/// How a clock is moved.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Adjustment {
    /// It runs a little faster or slower until it is right.
    Slew,
    /// It jumps.
    Step,
}

/// The kernel's clock as adjtimex(2) tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelClock {
    /// Whether somebody keeps it right.
    pub synchronised: bool,
    /// What is still to be slewed, in seconds.
    pub offset: f64,
    /// How much faster it is made to run, in parts per million.
    pub frequency: f64,
    /// The largest error that it may have, in seconds.
    pub max_error: f64,
    /// The error that it probably has, in seconds.
    pub estimated_error: f64,
    /// The bits of its status that are set, such as `unsync`.
    pub status: Vec<&'static str>,
    /// Seconds that TAI is ahead of UTC; 0 where nobody told the kernel.
    pub tai_offset: i32,
}

/// A PTP clock of this machine.
#[derive(Clone, Debug, PartialEq)]
pub struct HardwareClock {
    /// What the kernel calls its device, such as `ptp0`.
    pub device: String,
    /// What its driver calls it.
    pub name: String,
    /// How far it is ahead of the system clock, in seconds; `None` where it may not be read.
    pub ahead: Option<f64>,
}

/// How another daemon keeps the clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Discipline {
    /// Whether it has a reference, so that it steers the clock.
    pub synchronised: bool,
    /// Its reference: an address, or the four characters of a reference clock; empty for none.
    pub reference: String,
    /// Steps to the primary clock; 0 without a reference.
    pub stratum: u8,
    /// What is to be added to the system clock to be right, in nanoseconds.
    pub offset: i64,
    /// How far that may be wrong, in nanoseconds.
    pub error_bound: i64,
    /// How much faster than right the clock runs by itself, in parts per million.
    pub frequency: f64,
    /// What it measures with, at most 64.
    pub sources: Vec<DisciplineSource>,
}

/// One source of another daemon.
#[derive(Clone, Debug, PartialEq)]
pub struct DisciplineSource {
    /// Its address, or the four characters of a reference clock.
    pub address: String,
    /// `selected`, `unselectable`, `falseticker`, `jittery`, `unselected` or `selectable`.
    pub state: &'static str,
    /// Steps to the primary clock.
    pub stratum: u8,
    /// The newest eight attempts to reach it, one bit each.
    pub reach: u8,
    /// What its newest measurement would add to the time that the daemon takes for right, in nanoseconds.
    pub offset: i64,
    /// How far that may be wrong, in nanoseconds.
    pub error_bound: i64,
}

/// What came of asking one server.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// The server as it was named.
    pub server: String,
    /// What it measured, or why it did not, for people.
    pub outcome: Result<Reading, String>,
}

/// One measurement of the system clock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reading {
    /// What is to be added to the system clock to be right, in nanoseconds.
    pub offset: i64,
    /// How far that may be wrong, in nanoseconds; half the way there and back.
    pub error_bound: i64,
    /// Time there and back, in nanoseconds.
    pub delay: i64,
    /// Steps from the server to the primary clock, its own included.
    pub stratum: u8,
}

/// What the helper allows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Allowance {
    /// Farthest single correction, in nanoseconds.
    pub max_step: i64,
    /// How far the clock may be moved within a window, in nanoseconds, forth and back added up.
    pub budget: i64,
    /// Length of the window.
    pub window: Duration,
    /// How much of the budget is used now, in nanoseconds.
    pub used: i64,
}

/// Why the helper did not move the clock.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AdjustFailure {
    /// There is none.
    #[error("the clock helper does not answer: {0}")]
    NoHelper(String),
    /// It may not.
    #[error("the clock helper may not set the clock: {0}")]
    NotPermitted(String),
    /// Further than it moves a clock at once.
    #[error("{0}")]
    TooFar(String),
    /// The budget is used up.
    #[error("{0}")]
    Budget(String),
    /// It could not.
    #[error("the clock helper failed: {0}")]
    Failed(String),
}
