//! Time as the field counts it: units of 2⁻³⁰ s since the Unix epoch.

use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

/// Units of [`CdTime`] in one second.
const UNITS: u64 = 1 << 30;
const NANOS: u64 = 1_000_000_000;

/// A point in time, or a span of it, in units of 2⁻³⁰ s; a point counts from the Unix epoch.
///
/// Source: collectd's `cdtime_t` (`utils_time.h`), so the number crosses the plugin boundary unchanged.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CdTime(pub u64);

impl CdTime {
    /// The longest representable span, about 544 years.
    pub const MAX: Self = Self(u64::MAX);
    /// The epoch, or no time at all.
    pub const ZERO: Self = Self(0);

    /// Whole seconds as time; saturates at [`CdTime::MAX`].
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(UNITS))
    }

    /// The nearest time to `span`; saturates at [`CdTime::MAX`].
    pub const fn from_duration(span: Duration) -> Self {
        // Below 2³⁰ · 10⁹ the product of the rest fits 64 bits: no wide division on the way of a value.
        let rest = (span.subsec_nanos() as u64 * UNITS + NANOS / 2) / NANOS;
        Self(span.as_secs().saturating_mul(UNITS).saturating_add(rest))
    }

    /// Seconds as a floating point number; exact to 2⁻²² s for times of this century.
    pub fn as_secs_f64(self) -> f64 {
        // Split, so that the whole seconds lose nothing to the 53 bits of an f64.
        (self.0 / UNITS) as f64 + (self.0 % UNITS) as f64 / UNITS as f64
    }

    /// The same span in nanoseconds, rounded to the nearest.
    pub const fn as_nanos(self) -> u128 {
        (self.0 as u128 * NANOS as u128 + (UNITS / 2) as u128) / UNITS as u128
    }

    /// The same span as a [`Duration`], rounded to the nearest nanosecond.
    pub const fn as_duration(self) -> Duration {
        let nanos = self.as_nanos();
        #[expect(clippy::cast_possible_truncation, reason = "2⁶⁴ units are 1.8e19 ns, quotient and rest fit")]
        Duration::new((nanos / NANOS as u128) as u64, (nanos % NANOS as u128) as u32)
    }

    /// The span since `earlier`; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }

    /// This time and a span after it; saturates.
    #[must_use]
    pub const fn plus(self, span: Self) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl fmt::Display for CdTime {
    /// Seconds with three decimals, as collectd prints times.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = (u128::from(self.0) * 1000 + u128::from(UNITS / 2)) / u128::from(UNITS);
        write!(f, "{}.{:03}", millis / 1000, millis % 1000)
    }
}

/// Time between two value lists of one series, in units of 2⁻³⁰ s. Never zero.
///
/// Source: collectd's `cdtime_t` (`utils_time.h`), so the number crosses the plugin boundary unchanged.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Interval(NonZeroU64);

/// Why a number is no interval.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is no interval: a number of seconds from 0.001 to 31536000 (a year) is wanted")]
pub struct TimeError(pub f64);

impl Interval {
    /// collectd's default: ten seconds.
    pub const DEFAULT: Self = Self::from_secs_const(10);

    const fn from_secs_const(seconds: u64) -> Self {
        match NonZeroU64::new(seconds * UNITS) {
            Some(units) => Self(units),
            None => panic!("an interval is never zero"),
        }
    }

    /// An interval of `units` of 2⁻³⁰ s; `None` for zero.
    pub const fn from_units(units: u64) -> Option<Self> {
        match NonZeroU64::new(units) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    /// An interval from seconds, as people write it in configuration.
    ///
    /// # Errors
    ///
    /// [`TimeError`] unless `seconds` is between a millisecond and a year.
    pub fn from_secs_f64(seconds: f64) -> Result<Self, TimeError> {
        if !(0.001..=31_536_000.0).contains(&seconds) {
            return Err(TimeError(seconds));
        }
        Self::from_units(CdTime::from_duration(Duration::from_secs_f64(seconds)).0).ok_or(TimeError(seconds))
    }

    /// Units of 2⁻³⁰ s.
    pub const fn units(self) -> u64 {
        self.0.get()
    }

    /// The interval as a span of time.
    pub const fn span(self) -> CdTime {
        CdTime(self.0.get())
    }

    /// The interval as a [`Duration`], for waiting.
    pub const fn as_duration(self) -> Duration {
        self.span().as_duration()
    }

    /// Seconds as a floating point number.
    pub fn as_secs_f64(self) -> f64 {
        self.span().as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_second_has_two_to_the_thirty_units() {
        assert_eq!(CdTime::from_secs(1), CdTime(1_073_741_824));
        assert_eq!(CdTime::from_duration(Duration::from_millis(500)), CdTime(536_870_912));
    }

    #[test]
    fn a_time_prints_with_three_decimals() {
        assert_eq!(CdTime(1_073_741_824 + 536_870_912).to_string(), "1.500");
    }

    #[test]
    fn an_interval_is_between_a_millisecond_and_a_year() {
        assert_eq!(Interval::from_secs_f64(0.0), Err(TimeError(0.0)));
        assert!(Interval::from_secs_f64(f64::NAN).is_err());
        assert_eq!(Interval::from_secs_f64(-1.0), Err(TimeError(-1.0)));
        assert_eq!(Interval::from_secs_f64(31_536_001.0), Err(TimeError(31_536_001.0)));
        assert_eq!(Interval::from_secs_f64(10.0), Ok(Interval::DEFAULT));
    }

    #[test]
    fn an_enormous_duration_saturates() {
        assert_eq!(CdTime::from_duration(Duration::MAX), CdTime::MAX);
    }

    proptest! {
        #[test]
        fn nanoseconds_survive_the_way_there_and_back(nanos in 0_u64..u64::MAX / 4) {
            let there = Duration::from_nanos(nanos);
            let back = CdTime::from_duration(there).as_duration();
            prop_assert!(there.abs_diff(back) <= Duration::from_nanos(1));
        }
    }
}
