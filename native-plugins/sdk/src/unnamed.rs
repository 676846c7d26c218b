//! Series that have no handle yet, or no longer: they are registered together, in one question to the daemon.
//!
//! ```text
//!  Batch ──samples without a handle──► Unnamed ──each series once──► Host::register_many
//!        ◄──────── answers ──────────┘
//! ```

use std::sync::Arc;

use gatherd_abi::Status;

use crate::Host;
use crate::series::Entry;

/// Samples of a batch whose series are to be registered. Buffers are kept from read to read.
#[derive(Debug, Default)]
pub(crate) struct Unnamed {
    /// Each series once. Kept alive: a plugin may drop a series before its values are dispatched.
    entries: Vec<Arc<Entry>>,
    /// Place of a sample in the batch, and of its series in `entries`.
    samples: Vec<(usize, usize)>,
    /// Parallel to `entries`, once they were registered.
    answers: Vec<Status>,
}

impl Unnamed {
    /// The sample at `at` waits for the handle of `entry`.
    pub(crate) fn add(&mut self, at: usize, entry: Arc<Entry>) {
        // At most one chunk of samples waits, so the search is short; and only new series come here.
        let known = self.entries.iter().position(|other| Arc::ptr_eq(other, &entry));
        let which = known.unwrap_or_else(|| {
            self.entries.push(entry);
            self.entries.len() - 1
        });
        self.samples.push((at, which));
    }

    /// True where nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Registers all series. A series that is refused has no handle afterwards, and that is logged.
    pub(crate) fn register(&mut self, host: &Host) {
        host.register_many(&self.entries, &mut self.answers);
        for (entry, status) in self.entries.iter().zip(&self.answers) {
            if *status != Status::OK {
                entry.unsettle();
                entry.tell(host, *status);
            }
        }
    }

    /// The samples that waited, with their series.
    pub(crate) fn samples(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.samples.iter().map(|(at, which)| (*at, &*self.entries[*which]))
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.samples.clear();
        self.answers.clear();
    }
}

#[cfg(test)]
mod tests;
