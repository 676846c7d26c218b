//! Numbers in messages.

/// A number as C's `%g` writes it: six significant digits, without zeros behind.
pub(crate) struct Short(pub(crate) f64);

impl std::fmt::Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.0;
        if value == 0.0 || !value.is_finite() {
            return if value.is_nan() { f.write_str("nan") } else { write!(f, "{value}") };
        }
        // The exponent after rounding to six digits decides the form.
        let scientific = format!("{value:.5e}");
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let trimmed = |text: &str| {
            let is_fraction = text.contains('.');
            let shorter = if is_fraction { text.trim_end_matches('0').trim_end_matches('.') } else { text };
            shorter.to_owned()
        };
        if (-4..6).contains(&exponent) {
            let places = usize::try_from(5 - exponent).unwrap_or(0);
            return f.write_str(&trimmed(&format!("{value:.places$}")));
        }
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(f, "{}e{sign}{:02}", trimmed(digits), exponent.unsigned_abs())
    }
}
