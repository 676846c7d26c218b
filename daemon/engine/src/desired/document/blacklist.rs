//! The section `blacklist`.

use std::collections::BTreeMap;

use gatherd_model::CdTime;
use serde::{Deserialize, Serialize};

use super::rule::{Fault, Faults, matcher};
use crate::rules::{Fields, Hide, Verb};

/// Longest text of a rule, in bytes.
const LONGEST_TEXT: usize = 1024;

/// One rule of the blacklist.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, expecting = "a table of the keys of one rule")]
pub struct BlacklistEntry {
    /// Which series it hides.
    #[serde(default, rename = "match")]
    pub fields: Fields,
    /// What it takes away.
    pub verb: BlacklistVerb,
    /// When it ends, as RFC 3339 text; never for `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Why there is such a rule.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Who made it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// When it was made, as RFC 3339 text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
}

/// What a rule of the blacklist takes away.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BlacklistVerb {
    /// Values are neither cached nor written.
    #[default]
    Collect,
    /// No threshold judges them.
    Evaluate,
    /// They are judged, but nothing is said.
    Notify,
}

/// The rules by id.
pub type BlacklistEntries = BTreeMap<String, BlacklistEntry>;

impl BlacklistEntry {
    /// The rule that it says.
    ///
    /// # Errors
    ///
    /// All that is wrong with it, pointers into the entry.
    pub fn compile(&self, id: &str) -> Result<Hide, Vec<Fault>> {
        let mut faults = Faults::default();
        let fields = faults.take("/match", matcher(&self.fields)).unwrap_or_default();
        let expires_at = faults.time("/expires_at", self.expires_at.as_deref());
        faults.time("/created", self.created.as_deref());
        for (pointer, text) in [("/reason", &self.reason), ("/author", &self.author)] {
            let is_bad = text.len() > LONGEST_TEXT || text.contains(char::is_control);
            faults.say_if(
                is_bad,
                pointer,
                format_args!("at most {LONGEST_TEXT} bytes without control characters are allowed"),
            );
        }
        let verb = match self.verb {
            BlacklistVerb::Collect => Verb::Collect,
            BlacklistVerb::Evaluate => Verb::Evaluate,
            BlacklistVerb::Notify => Verb::Notify,
        };
        faults.end(Hide::new(id.into(), fields, verb, expires_at))
    }
}

impl Faults {
    fn time(&mut self, pointer: &str, text: Option<&str>) -> Option<CdTime> {
        let time = text.map(|text| {
            let time: jiff::Timestamp = text.parse().ok()?;
            let since = time.duration_since(jiff::Timestamp::UNIX_EPOCH);
            Some(CdTime::from_duration(since.try_into().ok()?))
        });
        self.say_if(
            time == Some(None),
            pointer,
            format_args!("a time since 1970 as RFC 3339 text is wanted, such as 2027-01-31T12:00:00Z"),
        );
        time.flatten()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compiled(entry: serde_json::Value) -> Result<Hide, Vec<String>> {
        let entry: BlacklistEntry = serde_json::from_value(entry).unwrap();
        entry.compile("x").map_err(|faults| faults.into_iter().map(|(pointer, _)| pointer).collect())
    }

    #[test]
    fn a_rule_ends_at_the_moment_that_it_names_in_whatever_zone() {
        let rule = compiled(json!({"verb": "notify", "expires_at": "1970-01-01T02:00:10+02:00"})).unwrap();
        assert_eq!((rule.verb, rule.expires_at), (Verb::Notify, Some(CdTime::from_secs(10))));
        assert_eq!(compiled(json!({"verb": "collect"})).unwrap().expires_at, None);
    }

    #[test]
    fn everything_wrong_is_told_with_its_place() {
        for (entry, pointer) in [
            (json!({"verb": "collect", "expires_at": "tomorrow"}), "/expires_at"),
            (json!({"verb": "collect", "expires_at": "1969-12-31T00:00:00Z"}), "/expires_at"),
            (json!({"verb": "collect", "created": "2026-01-01"}), "/created"),
            (json!({"verb": "collect", "reason": "a\nb"}), "/reason"),
            (json!({"verb": "collect", "author": "x".repeat(1025)}), "/author"),
            (json!({"verb": "collect", "match": {"host": "re:["}}), "/match/host"),
        ] {
            assert_eq!(compiled(entry.clone()).map(|_| ()), Err(vec![pointer.to_owned()]), "{entry}");
        }
        assert!(serde_json::from_value::<BlacklistEntry>(json!({"verb": "forget"})).is_err());
        assert!(
            serde_json::from_value::<BlacklistEntry>(json!({})).is_err(),
            "a rule must say what it takes away"
        );
    }
}
