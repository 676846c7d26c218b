//! Values along a line. Running sums cannot be multiplied as they are: their steps are, and are summed anew.
//!
//! Source: collectd 5.12's `target_scale`. What is left of a step behind the point is kept for the next one.

use gatherd_model::{Value, counter_diff};

use crate::rules::chain::Scale;

/// What is remembered of one data source between two value lists.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sum {
    /// The newest value as it came.
    before: u64,
    /// The total of the scaled steps.
    total: u64,
    /// What is left behind the point; at least 0 and less than 1.
    fraction: f64,
}

/// The scaled value. The first of a running sum is 0; `interval` is in seconds.
pub(super) fn value(scale: &Scale, value: Value, interval: f64, kept: &mut Option<Sum>) -> Value {
    let bits = value.to_bits();
    let before = kept.map_or(bits, |sum| sum.before);
    let Sum { total, fraction, .. } = kept.unwrap_or(Sum { before, total: 0, fraction: 0.0 });
    let step = match value {
        Value::Gauge(gauge) => return Value::Gauge(gauge * scale.factor + scale.offset),
        Value::Counter(now) => counter_diff(before, now) as f64,
        Value::Derive(now) => now.wrapping_sub(before.cast_signed()) as f64,
        Value::Absolute(now) => now as f64,
    };
    // The first value of a running sum only begins it.
    let is_first = kept.is_none() && !matches!(value, Value::Absolute(_));
    let step = if is_first { 0.0 } else { fraction + step * scale.factor + scale.offset * interval };
    let whole = step.floor();
    let left = step - whole;
    let (whole, fraction) = if left.is_finite() { (whole, left) } else { (0.0, 0.0) };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "what is too large stays at the end"
    )]
    let (total, scaled) = match value {
        Value::Counter(_) => {
            // A counter does not fall.
            let total = total.wrapping_add(whole as u64);
            (total, Value::Counter(total))
        }
        Value::Derive(_) => {
            let total = total.cast_signed().wrapping_add(whole as i64);
            (total.cast_unsigned(), Value::Derive(total))
        }
        Value::Absolute(_) => (0, Value::Absolute(whole as u64)),
        Value::Gauge(gauge) => (0, Value::Gauge(gauge)),
    };
    *kept = Some(Sum { before: bits, total, fraction });
    scaled
}
