//! The whole configuration.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The configuration document: every key that `docs/configuration.md` lists, with its defaults. Write-only keys are
/// not shown; a PUT that leaves one out keeps it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object, example = json!({"interval": 10.0, "plugins": {"cpu": {"enabled": true}}}))]
pub struct Config(pub Map<String, Value>);

/// Who says what each key is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct ConfigSources {
    /// The revision that this is of.
    pub revision: u64,
    /// By key, its parts joined by dots: `default`, `file:` and a name, `api`, `environment` or `command_line`. The
    /// last two pin the key.
    #[schema(example = json!({"interval": "file:gatherd.toml", "plugins.cpu.enabled": "api"}))]
    pub sources: BTreeMap<String, String>,
}

/// What reading the configuration files again led to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Reloaded {
    /// The revision that is in effect now.
    pub revision: u64,
    /// The resources that changed, as JSON pointers into `/v1/config`; none where nothing did.
    #[schema(example = json!(["/plugins/cpu"]))]
    pub changed: Vec<String>,
    /// The keys that changed and that take effect only when the daemon starts again.
    #[schema(example = json!(["api"]))]
    pub needs_restart: Vec<String>,
}
