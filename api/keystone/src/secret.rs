//! A value that no log and no error shows.

use std::fmt;

/// A value that is not shown; whoever needs it says so by [`Secret::reveal`].
#[derive(Clone, Eq, PartialEq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Hides a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the one place that sends it.
    pub const fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn the_debug_form_hides_the_value_also_inside_others() {
        let shown = format!("{:?}", Some(Secret::new("s3cret".to_owned())));
        assert_eq!(shown, "Some((hidden))");
    }
}
