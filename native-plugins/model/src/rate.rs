//! How a rate follows from two readings.

use crate::Value;

/// What a counter advanced, with one wrap at 32 or 64 bits.
///
/// The width is told by the older reading, as in collectd: one that fits 32 bits wraps there.
pub fn counter_diff(old: u64, new: u64) -> u64 {
    if old <= new {
        new - old
    } else if let Ok(old) = u32::try_from(old) {
        new.wrapping_add(u64::from(u32::MAX - old)).wrapping_add(1)
    } else {
        (u64::MAX - old).wrapping_add(new).wrapping_add(1)
    }
}

/// The rate per second that `new` means after `old`, `seconds` later; NaN where none can be told.
///
/// A gauge is its own rate. Readings of different kinds have no rate.
pub fn rate_between(old: Value, new: Value, seconds: f64) -> f64 {
    match (old, new) {
        (_, Value::Gauge(new)) => new,
        _ if seconds.is_nan() || seconds <= 0.0 => f64::NAN,
        (Value::Counter(old), Value::Counter(new)) => counter_diff(old, new) as f64 / seconds,
        (Value::Derive(old), Value::Derive(new)) => new.wrapping_sub(old) as f64 / seconds,
        (_, Value::Absolute(new)) => new as f64 / seconds,
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_counter_wraps_at_32_bits_when_it_was_that_small() {
        assert_eq!(counter_diff(u64::from(u32::MAX) - 4, 5), 10);
        assert_eq!(counter_diff(u64::from(u32::MAX), 0), 1);
    }

    #[test]
    fn a_counter_wraps_at_64_bits_when_it_was_larger() {
        assert_eq!(counter_diff(u64::MAX - 4, 5), 10);
        assert_eq!(counter_diff(1 << 32, 0), u64::MAX - (1 << 32) + 1);
    }

    #[test]
    fn each_kind_has_its_rate() {
        assert_eq!(rate_between(Value::Gauge(1.0), Value::Gauge(4.0), 2.0), 4.0);
        assert_eq!(rate_between(Value::Counter(10), Value::Counter(30), 2.0), 10.0);
        assert_eq!(rate_between(Value::Derive(30), Value::Derive(10), 2.0), -10.0);
        assert_eq!(rate_between(Value::Absolute(99), Value::Absolute(30), 2.0), 15.0);
    }

    #[test]
    fn no_time_between_two_readings_has_no_rate() {
        assert!(rate_between(Value::Counter(1), Value::Counter(2), 0.0).is_nan());
        assert!(rate_between(Value::Derive(1), Value::Derive(2), f64::NAN).is_nan());
        assert!(rate_between(Value::Gauge(1.0), Value::Counter(2), 1.0).is_nan());
    }

    proptest! {
        #[test]
        fn a_counter_that_did_not_wrap_advances_by_the_difference(old in any::<u64>(), step in any::<u64>()) {
            if let Some(new) = old.checked_add(step) {
                prop_assert_eq!(counter_diff(old, new), step);
            }
        }

        #[test]
        fn no_two_readings_panic(old in any::<u64>(), new in any::<u64>(), seconds in any::<f64>()) {
            rate_between(Value::Counter(old), Value::Counter(new), seconds);
            rate_between(Value::Derive(old.cast_signed()), Value::Derive(new.cast_signed()), seconds);
        }
    }
}
