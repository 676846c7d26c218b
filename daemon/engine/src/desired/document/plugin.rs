//! The section `plugins`.

use std::collections::BTreeMap;

use gatherd_model::Interval;
use serde::{Deserialize, Serialize};

use super::Document;
use crate::port::{Code, Isolation, PluginId, PluginLimits, Spec};

/// The plugins that run while no file names any.
pub const DEFAULT_PLUGINS: [&str; 6] = ["cpu", "memory", "load", "df", "disk", "interface"];

/// One wanted plugin.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of one plugin's keys")]
pub struct PluginEntry {
    /// What is loaded; the plugin's id for `None`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// Whether it shall run.
    pub enabled: bool,
    /// Time between two reads, in seconds; the document's for `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<f64>,
    /// Whether its library may run in process although its digest was not listed at build time.
    pub trusted: bool,
    /// Where its code runs; for `None` in process where it is trusted, in a process of its own otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// What its own process may use, where it has one.
    #[serde(skip_serializing_if = "is_default")]
    pub limits: PluginLimits,
    /// The plugin's own configuration, which only the plugin understands.
    pub config: serde_json::Map<String, serde_json::Value>,
}

fn is_default(limits: &PluginLimits) -> bool {
    *limits == PluginLimits::default()
}

impl Default for PluginEntry {
    fn default() -> Self {
        Self {
            type_name: None,
            enabled: true,
            interval: None,
            trusted: false,
            isolation: None,
            limits: PluginLimits::default(),
            config: serde_json::Map::new(),
        }
    }
}

/// A plugin as it shall be: what to open, and whether it shall run.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// What to open.
    pub spec: Spec,
    /// Whether it shall run.
    pub enabled: bool,
}

impl Document {
    /// The plugins as they shall be, by id.
    ///
    /// An entry that `check` would refuse is left out; a document that is in effect has none.
    pub fn to_specs(&self) -> BTreeMap<PluginId, Wanted> {
        let wanted = |(id, entry): (&String, &PluginEntry)| {
            let id: PluginId = id.parse().ok()?;
            let seconds = entry.interval.unwrap_or(self.interval);
            let spec = Spec {
                id: id.clone(),
                type_name: entry.type_name.clone().unwrap_or_else(|| id.to_string()),
                trusted: entry.trusted,
                isolation: entry.isolation,
                limits: entry.limits.clone(),
                code: Code::Newest,
                interval: Interval::from_secs_f64(seconds).ok()?,
                config: serde_json::Value::Object(entry.config.clone()),
            };
            Some((id, Wanted { spec, enabled: entry.enabled }))
        };
        self.plugins.iter().filter_map(wanted).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plugin_takes_type_from_its_id_and_interval_from_the_document() {
        let document = json!({"interval": 2, "plugins": {"cpu": {}, "root": {"type": "df", "interval": 60,
            "enabled": false, "trusted": true, "isolation": "process", "config": {"mount_point": ["/"]}}}});
        let specs = serde_json::from_value::<Document>(document).unwrap().to_specs();
        let cpu = &specs[&"cpu".parse().unwrap()];
        assert_eq!(cpu.spec.type_name, "cpu");
        assert_eq!(cpu.spec.interval, Interval::from_secs_f64(2.0).unwrap());
        assert_eq!((cpu.enabled, cpu.spec.trusted), (true, false));
        let root = &specs[&"root".parse().unwrap()];
        assert_eq!(root.spec.type_name, "df");
        assert_eq!(root.spec.interval, Interval::from_secs_f64(60.0).unwrap());
        assert_eq!(root.spec.config, json!({"mount_point": ["/"]}));
        assert_eq!((root.enabled, root.spec.trusted), (false, true));
        assert_eq!((root.spec.isolation, cpu.spec.isolation), (Some(Isolation::Process), None));
    }
}
