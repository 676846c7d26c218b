//! Notifications as messages carry them.

use std::collections::BTreeMap;

use gatherd_model::{CdTime, MetaValue, Notification, Severity, UnknownSeverity};
use serde::{Deserialize, Serialize};

/// A notification. Texts that are empty may be left out.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Note {
    /// `okay`, `warning`, `failure`.
    pub severity: String,
    /// When it was noticed, in units of 2⁻³⁰ s since the epoch.
    pub time: u64,
    /// One sentence.
    pub message: String,
    /// The machine.
    pub host: String,
    /// The plugin's name.
    pub plugin: String,
    /// The plugin instance.
    pub plugin_instance: String,
    /// The data set's name.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The type instance.
    pub type_instance: String,
    /// What programs should know, by name.
    pub meta: BTreeMap<String, MetaNote>,
}

/// One value of a notification's metadata: an object of one key, which names the kind.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MetaNote {
    /// Text.
    String(String),
    /// A signed whole number.
    Int(i64),
    /// A whole number.
    Uint(u64),
    /// A floating point number; `null` where it is not finite.
    Double(Option<f64>),
    /// Yes or no.
    Bool(bool),
}

impl From<&Notification> for Note {
    fn from(notification: &Notification) -> Self {
        let Notification {
            severity,
            time,
            message,
            host,
            plugin,
            plugin_instance,
            type_name,
            type_instance,
            meta,
        } = notification.clone();
        let note = |value| match value {
            MetaValue::String(text) => MetaNote::String(text),
            MetaValue::Int(number) => MetaNote::Int(number),
            MetaValue::UInt(number) => MetaNote::Uint(number),
            MetaValue::Double(number) => MetaNote::Double(number.is_finite().then_some(number)),
            MetaValue::Bool(yes) => MetaNote::Bool(yes),
        };
        Self {
            severity: severity.to_string(),
            time: time.0,
            message,
            host,
            plugin,
            plugin_instance,
            type_name,
            type_instance,
            meta: meta.into_iter().map(|(name, value)| (name, note(value))).collect(),
        }
    }
}

impl TryFrom<Note> for Notification {
    type Error = UnknownSeverity;

    /// Judges nothing but the severity.
    fn try_from(note: Note) -> Result<Self, UnknownSeverity> {
        let Note { severity, time, message, host, plugin, plugin_instance, type_name, type_instance, meta } =
            note;
        let value = |note| match note {
            MetaNote::String(text) => MetaValue::String(text),
            MetaNote::Int(number) => MetaValue::Int(number),
            MetaNote::Uint(number) => MetaValue::UInt(number),
            MetaNote::Double(number) => MetaValue::Double(number.unwrap_or(f64::NAN)),
            MetaNote::Bool(yes) => MetaValue::Bool(yes),
        };
        Ok(Self {
            severity: severity.parse::<Severity>()?,
            time: CdTime(time),
            message,
            host,
            plugin,
            plugin_instance,
            type_name,
            type_instance,
            meta: meta.into_iter().map(|(name, note)| (name, value(note))).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_comes_back_as_it_was() {
        let meta = [
            ("s", MetaValue::String("t".into())),
            ("i", MetaValue::Int(-1)),
            ("u", MetaValue::UInt(u64::MAX)),
            ("d", MetaValue::Double(0.5)),
            ("b", MetaValue::Bool(true)),
        ];
        let notification = Notification {
            severity: Severity::Warning,
            time: CdTime(7),
            message: "m".into(),
            host: "h".into(),
            plugin: "p".into(),
            plugin_instance: "pi".into(),
            type_name: "t".into(),
            type_instance: "ti".into(),
            meta: meta.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        };
        let text = serde_json::to_string(&Note::from(&notification)).unwrap();
        assert_eq!(Notification::try_from(serde_json::from_str::<Note>(&text).unwrap()), Ok(notification));
    }

    #[test]
    fn a_severity_that_nobody_knows_is_refused() {
        let note = Note { severity: "bad".into(), ..Note::default() };
        assert_eq!(Notification::try_from(note), Err(UnknownSeverity("bad".into())));
    }
}
