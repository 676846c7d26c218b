//! A limit of a plugin, as people write it: `memory=64MiB`, `cpu=0.5`, `series=none`.

use serde_json::Value;
use std::str::FromStr;

/// What is written for no limit of its own.
const NONE: &str = "none";

/// Words for a limit, and the key of the API.
const KEYS: [(&str, &str); 7] = [
    ("memory", "memory"),
    ("descriptors", "descriptors"),
    ("processes", "processes"),
    ("cpu", "cpu"),
    ("read-deadline", "read_deadline"),
    ("series", "series"),
    ("values-per-second", "values_per_second"),
];

/// Units of memory, in bytes.
const UNITS: [(&str, u64); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// One limit of a plugin.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PluginLimit {
    /// Its key in the API.
    pub(crate) key: &'static str,
    /// How much; `null` takes it back.
    pub(crate) value: Value,
}

/// A text that is no [`PluginLimit`].
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum NoPluginLimit {
    /// There is no such limit.
    #[error(
        "KEY=VALUE is expected, where KEY is one of memory, descriptors, processes, cpu, read-deadline, series and \
         values-per-second"
    )]
    Key,
    /// There is no number.
    #[error("{key} takes {what}, or none to take it back")]
    Value {
        /// Of which limit.
        key: &'static str,
        /// What it takes.
        what: &'static str,
    },
}

impl FromStr for PluginLimit {
    type Err = NoPluginLimit;

    fn from_str(text: &str) -> Result<Self, NoPluginLimit> {
        let (word, value) = text.split_once('=').ok_or(NoPluginLimit::Key)?;
        let known = KEYS.into_iter().find(|(known, key)| *known == word || *key == word);
        let (word, key) = known.ok_or(NoPluginLimit::Key)?;
        let refused = |what| NoPluginLimit::Value { key: word, what };
        let value = match key {
            _ if value == NONE => Value::Null,
            "memory" => bytes(value).ok_or(refused("bytes, such as 64MiB"))?.into(),
            "cpu" | "read_deadline" | "values_per_second" => {
                let number = value.parse::<f64>().ok().filter(|number| number.is_finite());
                number.ok_or(refused("a number, such as 0.5"))?.into()
            }
            _ => value.parse::<u64>().map_err(|_| refused("a whole number, such as 100"))?.into(),
        };
        Ok(Self { key, value })
    }
}

/// `65536` or `64MiB`.
fn bytes(text: &str) -> Option<u64> {
    let unit = UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)));
    let (number, unit) = unit.unwrap_or((text, 1));
    number.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_limit_is_a_number_with_its_unit_or_none() {
        for (text, key, value) in [
            ("memory=64MiB", "memory", json!(67_108_864)),
            ("memory=65536", "memory", json!(65_536)),
            ("processes=4", "processes", json!(4)),
            ("cpu=0.5", "cpu", json!(0.5)),
            ("read-deadline=5", "read_deadline", json!(5.0)),
            ("values-per-second=500", "values_per_second", json!(500.0)),
            ("values_per_second=none", "values_per_second", Value::Null),
            ("series=none", "series", Value::Null),
        ] {
            assert_eq!(text.parse(), Ok(PluginLimit { key, value }), "{text}");
        }
    }

    #[test]
    fn what_is_no_limit_is_told_what_it_should_be() {
        for text in ["memory", "speed=1", "=1"] {
            assert_eq!(text.parse::<PluginLimit>(), Err(NoPluginLimit::Key), "{text}");
        }
        for text in ["memory=64MB", "memory=99999999999TiB", "cpu=nan", "cpu=", "series=1.5", "series=-1"] {
            let told = text.parse::<PluginLimit>();
            assert!(matches!(told, Err(NoPluginLimit::Value { .. })), "{text}");
        }
    }
}
