//! The machine's clock: what is known of it, and how it is corrected.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The clocks, and all that is known of them. An offset is what is to be added to the system clock to be right.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Time {
    /// The clock that stamps values: the system's, with the correction where one is in force.
    pub wall: Timestamp,
    /// The system clock.
    pub system: Timestamp,
    /// Since the daemon started, in seconds of the monotonic clock.
    #[schema(example = 86_400.25)]
    pub monotonic: f64,
    /// Since the machine started, sleep included, in seconds.
    #[schema(example = 172_800.5)]
    pub boot: f64,
    /// Who knows best how right the system clock is: the one with the smallest error bound.
    pub source: TimeSource,
    /// The offset by that source, in seconds; `null` where there is none.
    #[schema(required, example = -0.000_012)]
    pub offset: Option<f64>,
    /// How far it may be wrong, in seconds. That of a measurement grows by 15 µs for each second since.
    #[schema(required, example = 0.000_4)]
    pub error_bound: Option<f64>,
    /// Steps from that source to the primary clock.
    #[schema(required, example = 3)]
    pub stratum: Option<u8>,
    /// What the kernel says of its clock; `null` where it does not.
    #[schema(required)]
    pub kernel: Option<KernelTime>,
    /// What chrony says; `null` where it does not answer.
    #[schema(required)]
    pub chrony: Option<Chrony>,
    /// The newest measurement of the daemon's own; `null` before the first.
    #[schema(required)]
    pub measurement: Option<TimeMeasurement>,
    /// The correction that values are stamped with; `null` where they have the system clock's time.
    #[schema(required)]
    pub correction: Option<TimeCorrection>,
    /// PTP clocks of this machine.
    pub ptp: Vec<PtpClock>,
    /// Steps of the clock since the daemon started.
    pub steps: u64,
    /// The newest 32 of them, the oldest first.
    pub recent_steps: Vec<ClockStep>,
    /// How late the newest reads of all plugins began.
    pub lateness: Lateness,
    /// What the clock helper would do; `null` where there is none, and the system clock is then not corrected.
    #[schema(required)]
    pub helper: Option<ClockHelper>,
}

/// Who knows how right a clock is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeSource {
    /// A measurement of the daemon's own.
    Measurement,
    /// chrony.
    Chrony,
    /// The kernel: somebody tells it.
    Kernel,
    /// Nobody.
    None,
}

/// What the kernel says of its clock. Source: adjtimex(2).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct KernelTime {
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
    /// The bits of its status that are set.
    #[schema(example = json!(["unsync"]))]
    pub status: Vec<String>,
    /// Seconds that TAI is ahead of UTC; 0 where nobody told the kernel.
    pub tai_offset: i32,
}

/// How chrony keeps the clock.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Chrony {
    /// Whether it has a reference.
    pub synchronised: bool,
    /// Its reference: an address, or the characters of a reference clock; empty for none.
    #[schema(example = "192.0.2.1")]
    pub reference: String,
    /// Steps to the primary clock; 0 without a reference.
    pub stratum: u8,
    /// The offset, in seconds.
    pub offset: f64,
    /// How far it may be wrong, in seconds.
    pub error_bound: f64,
    /// How much faster than right the clock runs by itself, in parts per million.
    pub frequency: f64,
    /// What it measures with; at most 64.
    pub sources: Vec<ChronySource>,
}

/// One source of chrony.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct ChronySource {
    /// Its address, or the characters of a reference clock.
    #[schema(example = "192.0.2.1")]
    pub address: String,
    /// `selected`, `unselectable`, `falseticker`, `jittery`, `unselected`, `selectable` or `unknown`.
    #[schema(example = "selected")]
    pub state: String,
    /// Steps to the primary clock.
    pub stratum: u8,
    /// The newest eight attempts to reach it, one bit each.
    #[schema(example = 255)]
    pub reach: u8,
    /// What its newest measurement would add to the time that chrony takes for right, in seconds.
    pub offset: f64,
    /// How far that may be wrong, in seconds.
    pub error_bound: f64,
}

/// One measurement of the system clock.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct TimeMeasurement {
    /// The server that was believed, or `chrony`.
    #[schema(example = "ntp.example.org")]
    pub server: String,
    /// The offset, in seconds.
    pub offset: f64,
    /// How far it may be wrong, in seconds: half the way there and back.
    pub error_bound: f64,
    /// Time there and back, in seconds.
    pub delay: f64,
    /// Steps from the server to the primary clock.
    pub stratum: u8,
    /// Whether what all servers said can be true together.
    pub agreed: bool,
    /// How long ago it was, in seconds.
    pub age: f64,
    /// What each server said; empty where chrony was asked.
    pub servers: Vec<ServerAnswer>,
}

/// What one NTP server said.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct ServerAnswer {
    /// The server as it was named.
    pub server: String,
    /// The offset, in seconds; `null` where it did not answer well.
    #[schema(required)]
    pub offset: Option<f64>,
    /// How far it may be wrong, in seconds.
    #[schema(required)]
    pub error_bound: Option<f64>,
    /// Steps from it to the primary clock.
    #[schema(required)]
    pub stratum: Option<u8>,
    /// Why it did not answer well.
    #[schema(required)]
    pub problem: Option<String>,
}

/// A correction that values are stamped with.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct TimeCorrection {
    /// What is added to the system clock, in seconds.
    pub offset: f64,
    /// How far that may be wrong, in seconds, as it was measured.
    pub error_bound: f64,
    /// Who measured it.
    pub server: String,
    /// When, by the corrected clock.
    pub since: Timestamp,
}

/// A PTP clock.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct PtpClock {
    /// What the kernel calls its device.
    #[schema(example = "ptp0")]
    pub device: String,
    /// What its driver calls it.
    pub name: String,
    /// How far it is ahead of the system clock, in seconds; most count TAI. `null` where it may not be read.
    #[schema(required)]
    pub ahead: Option<f64>,
}

/// A step of the clock.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct ClockStep {
    /// What the clock said after it.
    pub time: Timestamp,
    /// How far it went, in seconds; less than zero is back.
    pub by: f64,
    /// What stepped.
    pub cause: ClockStepCause,
}

/// What stepped.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClockStepCause {
    /// The system clock.
    System,
    /// The system clock, under a correction that took the step out: values did not notice.
    Absorbed,
    /// The correction.
    Correction,
}

/// How late what was due began, in seconds; `null` while there is nothing to say.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Lateness {
    /// Half of the reads were not later.
    #[schema(required)]
    pub p50: Option<f64>,
    /// 99 of 100 reads were not later.
    #[schema(required)]
    pub p99: Option<f64>,
    /// The latest.
    #[schema(required)]
    pub max: Option<f64>,
}

/// What the clock helper would do, in seconds. Its limits are arguments of its unit.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct ClockHelper {
    /// Farthest correction at once.
    pub max_step: f64,
    /// How far the clock may be moved within the window, forth and back added up.
    pub budget: f64,
    /// Length of the window.
    pub window: f64,
    /// How much of the budget is used now.
    pub used: f64,
}

/// What is to be done with the clock.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"method": "measure"}))]
pub struct TimeSync {
    /// How.
    pub method: SyncMethod,
    /// Farthest correction, in seconds; the configuration's `max_step` where that is less.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 31_536_000)]
    pub max_step: Option<f64>,
    /// The one server to measure with; it must be one of the configuration's.
    #[serde(default)]
    #[schema(max_length = 259)]
    pub server: Option<String>,
    /// Whether the system clock is moved although another daemon keeps it.
    #[serde(default)]
    pub force: bool,
}

/// How the clock is measured or corrected.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SyncMethod {
    /// It is measured, and nothing else.
    Measure,
    /// Values are stamped with the right time; the system clock is left alone. Needs the role admin.
    Agent,
    /// Values are stamped with the system clock's time again. Needs the role admin.
    Release,
    /// The clock helper slews the system clock. Needs the role admin.
    Slew,
    /// The clock helper steps the system clock. Needs the role admin.
    Step,
}

/// What was done with the clock.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct TimeSynced {
    /// How.
    pub method: SyncMethod,
    /// How far the clock is moved, in seconds; 0 where it was only measured, or right within the error bound.
    pub moved: f64,
    /// What was measured; `null` after a release.
    #[schema(required)]
    pub measurement: Option<TimeMeasurement>,
}

/// How the clock is measured, and within which bounds it may be corrected. What is not sent is at its default.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"servers": ["ntp.example.org"], "interval": 1024}))]
pub struct TimeConfig {
    /// NTP servers to measure with, as `host` or `host:port`; at most 16. None by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub servers: Option<Vec<String>>,
    /// Time between two measurements, in seconds, at least 16; 0, the default, for those that are asked for only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<f64>,
    /// How long one server is waited for, in seconds; 2 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<f64>,
    /// Largest error bound of a measurement that is acted upon, in seconds; 0.1 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_error: Option<f64>,
    /// Farthest correction at once, in seconds; 10 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_step: Option<f64>,
    /// Address and port of chrony's command port; empty when it is not to be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "127.0.0.1:323")]
    pub chrony: Option<String>,
    /// Unix socket of the clock helper.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helper: Option<String>,
}
