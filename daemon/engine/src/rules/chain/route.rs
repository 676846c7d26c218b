//! Which outputs a `write` names.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use crate::port::PluginId;
use crate::rules::Rules;

/// The outputs that a `write` names, by the id of their plugins.
#[derive(Debug)]
pub struct Route {
    outputs: Box<[PluginId]>,
    /// The outputs' bits as they were found, below the number of the set of outputs that they were found in.
    found: AtomicU64,
}

impl Route {
    /// To these outputs; to all of them for none.
    pub fn new(outputs: impl Into<Box<[PluginId]>>) -> Self {
        Self { outputs: outputs.into(), found: AtomicU64::new(u64::MAX) }
    }

    /// The one to all outputs.
    pub fn to_all() -> Arc<Self> {
        static ALL: LazyLock<Arc<Route>> = LazyLock::new(|| Arc::new(Route::new([])));
        Arc::clone(&ALL)
    }

    /// The outputs that it names; none for all.
    pub fn outputs(&self) -> &[PluginId] {
        &self.outputs
    }

    /// True where it names none, and so means all.
    pub fn is_all(&self) -> bool {
        self.outputs.is_empty()
    }

    /// The bits of those outputs that are there.
    pub fn bits(&self, rules: &Rules) -> u32 {
        if self.is_all() {
            return rules.outputs();
        }
        let word = self.found.load(Ordering::Relaxed);
        if (word >> 32) as u32 == rules.outputs_number() {
            #[expect(clippy::cast_possible_truncation, reason = "the lower half of the word")]
            return word as u32;
        }
        let bits = rules.bits_of(&self.outputs);
        self.found.store(u64::from(rules.outputs_number()) << 32 | u64::from(bits), Ordering::Relaxed);
        bits
    }
}
