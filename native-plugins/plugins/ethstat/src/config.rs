//! What the plugin reports.

use std::collections::BTreeMap;

use gatherd_sdk::ConfigError;
use schemars::JsonSchema;
use serde::Deserialize;

/// The most interfaces and mappings.
const MAX_ENTRIES: usize = 1024;

/// The most bytes of an interface's name.
const MAX_INTERFACE: usize = 15;

/// What the plugin reports.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Interfaces to report, such as `eth0`.
    pub interface: Vec<String>,
    /// Under which type a statistic is reported; the key is the driver's name for it.
    pub map: BTreeMap<String, Mapping>,
    /// Report only statistics that `map` names.
    pub mapped_only: bool,
}

/// Under which type a statistic is reported.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Name of a data set with one data source that counts, such as `if_rx_errors`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Instance of that type.
    #[serde(default)]
    pub type_instance: String,
}

impl Config {
    /// All that is wrong.
    pub(crate) fn faults(&self) -> Vec<ConfigError> {
        let mut wrong = Vec::new();
        if self.interface.len() > MAX_ENTRIES || self.map.len() > MAX_ENTRIES {
            let detail = format!("at most {MAX_ENTRIES} interfaces and {MAX_ENTRIES} mappings are allowed");
            wrong.push(ConfigError::new("", detail));
        }
        for (at, name) in self.interface.iter().enumerate() {
            if name.is_empty() || name.len() > MAX_INTERFACE || name.contains(['/', '\0']) {
                let detail = format!("an interface has a name of 1 to {MAX_INTERFACE} bytes without slashes");
                wrong.push(ConfigError::new(format!("/interface/{at}"), detail));
            }
        }
        for (name, mapping) in &self.map {
            if mapping.type_name.is_empty() {
                let name = name.replace('~', "~0").replace('/', "~1");
                let detail = "the type is empty: give the name of a data set, such as if_rx_errors";
                wrong.push(ConfigError::new(format!("/map/{name}/type"), detail));
            }
        }
        if self.mapped_only && self.map.is_empty() {
            let detail = "nothing would be reported: mapped_only needs entries of `map`";
            wrong.push(ConfigError::new("/mapped_only", detail));
        }
        wrong
    }
}
