//! What is being collected.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One series that is collected, without its values.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Metric {
    /// `host/plugin-instance/type-instance`, as collectd writes it.
    #[schema(example = "web1/interface-eth0/if_octets")]
    pub identifier: String,
    /// Name of the data set.
    #[serde(rename = "type")]
    #[schema(example = "if_octets")]
    pub type_name: String,
    /// The parts of the data set, in its order.
    pub data_sources: Vec<DataSource>,
    /// Id of the plugin that feeds it; `null` when nobody does any more.
    #[schema(example = "interface", required)]
    pub plugin: Option<String>,
    /// Unit of the values in UCUM's case-sensitive form, if known.
    #[schema(example = "By", required)]
    pub unit: Option<String>,
    /// Time between two value lists, in seconds.
    #[schema(example = 10.0)]
    pub interval: f64,
    /// Time since the newest value list, in seconds.
    #[schema(example = 3.2)]
    pub age: f64,
}

/// One part of a data set.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct DataSource {
    /// Its name.
    #[schema(example = "rx")]
    pub name: String,
    /// How its raw values become rates.
    pub kind: DataSourceKind,
    /// Smallest value that is believed; `null` when there is no bound.
    #[schema(required)]
    pub min: Option<f64>,
    /// Largest value that is believed; `null` when there is no bound.
    #[schema(required)]
    pub max: Option<f64>,
}

/// collectd's four kinds of values.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataSourceKind {
    /// Taken as it is.
    Gauge,
    /// The difference per second; may fall.
    Derive,
    /// The difference per second; wraps at 32 or 64 bits.
    Counter,
    /// The value per second since the last read; reset by reading.
    Absolute,
}
