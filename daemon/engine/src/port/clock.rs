//! Where time comes from.

use gatherd_model::CdTime;

/// A source of time. Pure rooms get time as an argument and never see this.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock; it stamps values and may jump.
    fn wall(&self) -> CdTime;

    /// Time since some fixed point, that never jumps; for deadlines, schedules and expiry.
    fn monotonic(&self) -> CdTime;

    /// Both at once, with the newest step of the wall clock. A clock that does not watch itself knows of none.
    fn moment(&self) -> Moment {
        Moment { wall: self.wall(), monotonic: self.monotonic(), ..Moment::default() }
    }
}

/// One moment on both clocks, and the newest step of the wall clock before it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Moment {
    /// The wall clock.
    pub wall: CdTime,
    /// The monotonic clock.
    pub monotonic: CdTime,
    /// When the wall clock stepped last, on the monotonic clock; zero when it never did.
    pub stepped: CdTime,
    /// How far that step went back, a span; zero for a step forward.
    pub back: CdTime,
}
