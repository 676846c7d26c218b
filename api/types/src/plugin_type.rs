//! What could be loaded.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// One library or script that was found; one that cannot be loaded is listed with its `problem`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct PluginType {
    /// What a plugin names to be of this type.
    #[serde(rename = "type")]
    #[schema(example = "cpu")]
    pub type_name: String,
    /// The way it runs.
    #[schema(example = "native")]
    pub kind: String,
    /// File name, without the directory.
    #[schema(example = "cpu.so")]
    pub library: String,
    /// Its own version, if it says one.
    #[schema(example = "0.1.0", required)]
    pub version: Option<String>,
    /// SHA-256 of the file, in lower-case hex; `null` when it cannot be read.
    #[schema(required)]
    pub digest: Option<String>,
    /// What it measures, in one sentence.
    #[schema(required)]
    pub description: Option<String>,
    /// Plugin contract that it was built against, as `major.minor`.
    #[schema(example = "1.0", required)]
    pub abi: Option<String>,
    /// What it can do.
    pub capabilities: Vec<Capability>,
    /// JSON Schema of its configuration.
    #[schema(value_type = Option<Object>, required)]
    pub config_schema: Option<Value>,
    /// Whether it may run in the daemon's process: it was listed at build time, or a plugin that runs trusts it by name.
    pub trusted: bool,
    /// Why it cannot be loaded; `null` when it can.
    #[schema(required)]
    pub problem: Option<PluginTypeProblem>,
}

/// Something that a plugin can do.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// It dispatches values.
    Read,
    /// It carries values away.
    Write,
    /// It empties its buffer when asked.
    Flush,
    /// It is told about notifications.
    Notification,
}

/// Why a library or script cannot be loaded.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct PluginTypeProblem {
    /// A stable word for the kind of problem.
    #[schema(example = "abi_mismatch")]
    pub code: String,
    /// What is wrong, for people.
    pub message: String,
}
