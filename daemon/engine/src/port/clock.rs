//! Where time comes from.

use gatherd_model::CdTime;

/// A source of time. Pure rooms get time as an argument and never see this.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock; it stamps values and may jump.
    fn wall(&self) -> CdTime;

    /// Time since some fixed point, that never jumps; for deadlines, schedules and expiry.
    fn monotonic(&self) -> CdTime;
}
