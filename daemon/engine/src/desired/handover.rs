//! The desired state goes to the next daemon: no change is taken, then the store is closed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use super::document::Document;
use super::draft::Draft;
use super::layers::Layers;
use super::problem::LayersError;
use super::transaction::{Desired, Inner, MOST_WAITING};

/// As long as this lives, no change is taken: each is told [`super::EditError::HandingOver`].
#[derive(Debug)]
pub struct Held {
    inner: Arc<Inner>,
    /// Those of all changes.
    _turns: OwnedSemaphorePermit,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.inner.held.store(false, Ordering::Release);
    }
}

impl Desired {
    /// Takes no further change until the answer is dropped, and waits for those that were taken. `None` where the
    /// daemon stops.
    pub async fn hold(&self) -> Option<Held> {
        // Before the permits are there, so that dropping this future lets changes in again.
        let mut held = Holding { inner: &self.inner, is_done: false };
        self.inner.held.store(true, Ordering::Release);
        let turns = self.inner.turns.clone().acquire_many_owned(MOST_WAITING).await.ok()?;
        held.is_done = true;
        Some(Held { inner: self.inner.clone(), _turns: turns })
    }

    /// Closes the state after [`Desired::stop`], so that another daemon can open it. What was in effect can still be
    /// read, the revisions before it cannot.
    pub async fn close(&self) {
        let store = self.inner.store.clone();
        let closing = tokio::task::spawn_blocking(move || {
            drop(store.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take());
        });
        if closing.await.is_err() {
            tracing::error!("closing the state panicked");
        }
    }
}

/// A hold that is not complete.
struct Holding<'a> {
    inner: &'a Inner,
    is_done: bool,
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.inner.held.store(false, Ordering::Release);
        }
    }
}

/// The document that the configuration of now and the changes that another daemon made over the API give together.
///
/// # Errors
///
/// [`LayersError`] with all that does not go together.
pub fn together(layers: &Layers, changes: &Value) -> Result<Document, LayersError> {
    match Draft::of(layers, changes.clone()) {
        Ok(draft) => Ok(draft.document),
        Err(found) => {
            let problems = found.into_iter().map(|problem| layers.locate(changes, problem)).collect();
            Err(LayersError { problems })
        }
    }
}
