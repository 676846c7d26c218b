//! Writing out now.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is to be written out; where neither plugins nor outputs are named, all of them but paused outputs.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FlushRequest {
    /// Ids of plugins: their outputs where they write, else what they hold back themselves.
    #[schema(max_items = 100)]
    pub plugins: Vec<String>,
    /// Ids of outputs.
    #[schema(max_items = 100)]
    pub outputs: Vec<String>,
    /// Identifiers of series: what holds something back is asked for only these. Queues are written out whole up
    /// to now, whatever is named here.
    #[schema(max_items = 100)]
    pub identifiers: Vec<String>,
    /// Only what is held back for longer than this, in seconds.
    #[schema(minimum = 0, maximum = 31_536_000)]
    pub older_than: f64,
    /// How long the answer may take, in seconds; 2 when nobody says. What is not acknowledged by then goes on.
    #[schema(minimum = 0, maximum = 60, default = 2)]
    pub wait: Option<f64>,
}

/// What came of a flush.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct FlushReport {
    /// Whether everything is acknowledged.
    pub complete: bool,
    /// Who was asked, by id.
    pub targets: Vec<FlushTarget>,
}

/// What came of the flush of one plugin or output.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct FlushTarget {
    /// Id of the plugin.
    pub id: String,
    /// How far it is.
    pub state: FlushState,
    /// Value lists that were dropped while the flush went on and that it was about; all others were acknowledged.
    pub lost: u64,
    /// Value lists that still wait or are being written; 0 when it is done.
    pub open: u64,
    /// Why it takes so long, where that is known.
    #[schema(required)]
    pub reason: Option<String>,
}

/// How far a flush is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlushState {
    /// Everything is acknowledged.
    Done,
    /// The time was over before; it goes on.
    Open,
}
