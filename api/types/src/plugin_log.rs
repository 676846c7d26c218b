//! What a plugin says, and what the daemon says of it.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One line of a plugin's log.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct PluginLogLine {
    /// Its number among those of the plugin; later ones are greater. Starts anew when the daemon does.
    pub number: u64,
    /// When it was said.
    pub time: Timestamp,
    /// How important it is.
    pub level: PluginLogLevel,
    /// Who says it.
    pub source: PluginLogSource,
    /// The words, cut at 1,024 bytes; one line.
    #[schema(example = "cannot read /proc/meminfo")]
    pub text: String,
}

/// How important a line is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PluginLogLevel {
    /// For who looks for a fault.
    Debug,
    /// All is well.
    Info,
    /// Somebody should look.
    Warn,
    /// Something does not work.
    Error,
}

/// Who says a line.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PluginLogSource {
    /// The plugin itself.
    Plugin,
    /// The daemon, of the plugin.
    Daemon,
}
