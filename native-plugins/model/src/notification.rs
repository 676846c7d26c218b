//! A message about a state, with collectd's severities.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::CdTime;

/// Most bytes of a notification's message that collectd's own plugins can carry, without the zero.
///
/// Longer messages are cut at a character where they cross to such a plugin, and nowhere else.
pub const MAX_MESSAGE: usize = 4096;

/// Most entries of a notification's metadata.
pub const MAX_META: usize = 64;

/// How bad it is. The numbers are collectd's `NOTIF_*`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// All is well again.
    Okay,
    /// Somebody should look.
    Warning,
    /// Something does not work.
    Failure,
}

/// A word or number that is no severity.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no severity: okay (4), warning (2) or failure (1) is wanted")]
pub struct UnknownSeverity(pub String);

impl Severity {
    /// The number that carries it across the plugin boundary.
    pub fn number(self) -> i32 {
        match self {
            Self::Failure => 1,
            Self::Warning => 2,
            Self::Okay => 4,
        }
    }

    /// Reads collectd's number.
    ///
    /// # Errors
    ///
    /// [`UnknownSeverity`] for any number but 1, 2 and 4.
    pub fn from_number(number: i32) -> Result<Self, UnknownSeverity> {
        match number {
            1 => Ok(Self::Failure),
            2 => Ok(Self::Warning),
            4 => Ok(Self::Okay),
            other => Err(UnknownSeverity(other.to_string())),
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Okay => "okay",
            Self::Warning => "warning",
            Self::Failure => "failure",
        })
    }
}

impl FromStr for Severity {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, UnknownSeverity> {
        match text.to_ascii_lowercase().as_str() {
            "okay" | "ok" => Ok(Self::Okay),
            "warning" | "warn" => Ok(Self::Warning),
            "failure" => Ok(Self::Failure),
            _ => Err(UnknownSeverity(text.chars().take(32).collect())),
        }
    }
}

/// One typed value of a notification's metadata.
#[derive(Clone, Debug, PartialEq)]
pub enum MetaValue {
    /// Text.
    String(String),
    /// A signed whole number.
    Int(i64),
    /// A whole number.
    UInt(u64),
    /// A floating point number.
    Double(f64),
    /// Yes or no.
    Bool(bool),
}

/// A message about a state. All parts of the identifier but the host may be empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// How bad it is.
    pub severity: Severity,
    /// When it was noticed.
    pub time: CdTime,
    /// One sentence for a person.
    pub message: String,
    /// The machine that it speaks of.
    pub host: String,
    /// The plugin's name, or empty.
    pub plugin: String,
    /// The plugin instance, or empty.
    pub plugin_instance: String,
    /// The data set's name, or empty.
    pub type_name: String,
    /// The type instance, or empty.
    pub type_instance: String,
    /// What programs should know, by name; at most [`MAX_META`] entries.
    pub meta: BTreeMap<String, MetaValue>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_carry_collectds_numbers() {
        for (severity, number) in [(Severity::Failure, 1), (Severity::Warning, 2), (Severity::Okay, 4)] {
            assert_eq!(severity.number(), number);
            assert_eq!(Severity::from_number(number), Ok(severity));
            assert_eq!(severity.to_string().parse(), Ok(severity));
        }
    }

    #[test]
    fn other_words_and_numbers_are_no_severity() {
        assert_eq!(Severity::from_number(3), Err(UnknownSeverity("3".into())));
        assert_eq!("critical".parse::<Severity>(), Err(UnknownSeverity("critical".into())));
    }
}
