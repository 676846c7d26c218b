//! Writing out now, with an answer when it is done.

use std::time::Duration;

use futures_util::future::join_all;
use gatherd_model::CdTime;
use tokio::time::timeout;

use super::Engine;
use crate::output::FlushError;
use crate::port::{CallFailure, Capability, Flush, PluginId};
use crate::registry::{Picture, SetError};

/// What is to be written out; where no plugin and no output is named, all of them but paused outputs.
#[derive(Clone, Debug, Default)]
pub struct FlushRequest {
    /// These plugins: their outputs where they write, else what they hold back themselves.
    pub plugins: Vec<PluginId>,
    /// These outputs.
    pub outputs: Vec<PluginId>,
    /// Only what belongs to these series, where what holds it back can tell; every series where none is named.
    pub identifiers: Vec<String>,
    /// Only what is held back for longer than this span.
    pub older_than: Option<CdTime>,
}

/// Something was named that is not there; nothing was asked to flush.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FlushRefused {
    /// No such plugin.
    #[error("there is no plugin {0}")]
    NoPlugin(PluginId),
    /// No such output.
    #[error("there is no output {0}: no plugin of that id writes")]
    NoOutput(PluginId),
    /// No such series.
    #[error("there is no series {0:?}")]
    NoSeries(String),
}

/// What came of the flush of one plugin or output.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FlushOutcome {
    /// All of it is acknowledged, but what was dropped meanwhile.
    Done {
        /// Value lists that were dropped before they could be written.
        lost: u64,
    },
    /// The time was over before; it goes on.
    Open {
        /// Value lists that wait or are being written.
        values: u64,
        /// Why it takes so long, where that is known.
        reason: Option<String>,
    },
    /// It could not be done.
    Failed {
        /// Why.
        reason: String,
    },
}

/// One plugin or output that was asked to flush.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FlushTarget {
    /// The plugin.
    pub id: PluginId,
    /// What came of it.
    pub outcome: FlushOutcome,
}

impl Engine {
    /// Writes out what is held back, and answers when everything is acknowledged or `deadline` has passed, in the
    /// order of the ids.
    ///
    /// # Errors
    ///
    /// [`FlushRefused`] where something is named that is not there.
    pub async fn flush(
        &self,
        request: &FlushRequest,
        deadline: Duration,
    ) -> Result<Vec<FlushTarget>, FlushRefused> {
        let targets = self.flush_targets(request)?;
        let whats = whats(request);
        let older_than = request.older_than.map_or(Duration::ZERO, CdTime::as_duration);
        let flushing = targets.into_iter().map(|(id, writes)| {
            let whats = whats.clone();
            async move {
                let outcome = if writes {
                    self.flush_output(&id, older_than, whats, deadline).await
                } else {
                    self.flush_plugin(&id, whats, deadline).await
                };
                FlushTarget { id, outcome }
            }
        });
        Ok(join_all(flushing).await)
    }

    /// Whom to ask, and whether it is an output; each once, in the order of the ids.
    fn flush_targets(&self, request: &FlushRequest) -> Result<Vec<(PluginId, bool)>, FlushRefused> {
        let table = self.way.cache().table();
        if let Some(unknown) = request.identifiers.iter().find(|text| table.find(text).is_none()) {
            return Err(FlushRefused::NoSeries(unknown.clone()));
        }
        let writes = |id: &PluginId| self.outputs.look(id).is_some();
        let mut targets = Vec::new();
        for id in &request.outputs {
            if !writes(id) {
                return Err(FlushRefused::NoOutput(id.clone()));
            }
            targets.push((id.clone(), true));
        }
        for id in &request.plugins {
            if self.registry.picture(id).is_none() {
                return Err(FlushRefused::NoPlugin(id.clone()));
            }
            targets.push((id.clone(), writes(id)));
        }
        if request.outputs.is_empty() && request.plugins.is_empty() {
            let writing = self.outputs.attached().into_iter().filter(|output| !output.settings.paused);
            targets.extend(writing.map(|output| (PluginId::clone(&output.id), true)));
            let holding = self.registry.pictures().into_iter().filter(holds_back);
            let holding = holding.map(|plugin| PluginId::clone(&plugin.id)).filter(|id| !writes(id));
            targets.extend(holding.map(|id| (id, false)));
        }
        targets.sort();
        targets.dedup_by(|one, other| one.0 == other.0);
        Ok(targets)
    }

    async fn flush_output(
        &self,
        id: &PluginId,
        older_than: Duration,
        whats: Vec<Flush>,
        deadline: Duration,
    ) -> FlushOutcome {
        match timeout(deadline, self.outputs.flush(id, older_than, whats)).await {
            Ok(Ok(flushed)) => FlushOutcome::Done { lost: flushed.lost },
            Ok(Err(failure)) => failed(&failure),
            Err(_elapsed) => {
                let seen = self.outputs.look(id);
                let reason = seen.as_ref().filter(|seen| seen.failing.is_some());
                let reason = reason.and_then(|seen| Some(seen.last_failure.as_ref()?.reason.to_string()));
                FlushOutcome::Open { values: seen.map_or(0, |seen| seen.ledger.open()), reason }
            }
        }
    }

    async fn flush_plugin(&self, id: &PluginId, whats: Vec<Flush>, deadline: Duration) -> FlushOutcome {
        let flushing = async {
            for what in whats {
                match self.registry.flush(id, what).await {
                    // What holds nothing back has nothing to flush.
                    Ok(()) | Err(SetError::Call(CallFailure::NotSupported)) => {}
                    Err(failure) => return FlushOutcome::Failed { reason: failure.to_string() },
                }
            }
            FlushOutcome::Done { lost: 0 }
        };
        timeout(deadline, flushing).await.unwrap_or(FlushOutcome::Open { values: 0, reason: None })
    }
}

/// What is asked of whoever holds something back: one question per series, or one for all.
fn whats(request: &FlushRequest) -> Vec<Flush> {
    let older_than = request.older_than;
    if request.identifiers.is_empty() {
        return vec![Flush { older_than, identifier: None }];
    }
    let each = request.identifiers.iter();
    each.map(|text| Flush { older_than, identifier: Some(text.as_str().into()) }).collect()
}

fn holds_back(plugin: &Picture) -> bool {
    let flushes = plugin.manifest.as_ref().is_some_and(|m| m.capabilities.contains(&Capability::Flush));
    flushes && plugin.enabled
}

fn failed(failure: &FlushError) -> FlushOutcome {
    FlushOutcome::Failed { reason: failure.to_string() }
}
