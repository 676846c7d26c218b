//! One plugin that exists.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Mutex as Turns, MutexGuard as Turn};
use tokio::time::timeout;

use super::SetError;
use crate::lifecycle::{self, Life, Surroundings};
use crate::port::{PluginId, Spec};
use crate::way::Counters;

/// What is wanted of a plugin.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    pub(super) spec: Spec,
    pub(super) enabled: bool,
    /// The plugin was taken out; who still waited for a turn finds nothing.
    pub(super) gone: bool,
}

/// One plugin that exists.
pub(super) struct Entry {
    pub(super) id: Arc<PluginId>,
    pub(super) life: Life,
    /// Survives every instance.
    pub(super) counters: Arc<Counters>,
    wanted: Mutex<Wanted>,
    /// Held for the whole of a change.
    turns: Turns<()>,
}

impl Entry {
    /// A plugin whose life begins, disabled.
    pub(super) fn begin(spec: Spec, around: &Surroundings) -> Self {
        let id = Arc::new(spec.id.clone());
        let counters = Arc::new(Counters::default());
        let life = lifecycle::begin(Arc::clone(&id), Arc::clone(&counters), around.clone());
        let wanted = Mutex::new(Wanted { spec, enabled: false, gone: false });
        Self { id, life, counters, wanted, turns: Turns::new(()) }
    }

    pub(super) fn wanted(&self) -> Wanted {
        self.wanted.lock().expect("no holder of the wish panics").clone()
    }

    pub(super) fn want(&self, spec: Spec, enabled: bool) {
        *self.wanted.lock().expect("no holder of the wish panics") = Wanted { spec, enabled, gone: false };
    }

    pub(super) fn leave(&self) {
        self.wanted.lock().expect("no holder of the wish panics").gone = true;
    }

    /// Waits until no other change of this plugin goes on.
    pub(super) async fn turn(&self, deadline: Duration) -> Result<Turn<'_, ()>, SetError> {
        let turn = timeout(deadline, self.turns.lock()).await.map_err(|_| SetError::Busy)?;
        if self.wanted().gone { Err(SetError::Gone) } else { Ok(turn) }
    }
}
