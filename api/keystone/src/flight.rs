//! Questions under way: one for each token, however many ask it, and a bounded number in all.
//!
//! A flight goes on by itself when whoever asked goes away, so that nobody who waits for the same answer is let down.

use crate::memory::Print;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use gatherd_api::auth::Verdict;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;

/// Waits for an answer.
pub(crate) type Flight = Shared<BoxFuture<'static, Verdict>>;

/// All questions under way.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    by_print: Mutex<HashMap<Print, Flight>>,
}

impl Flights {
    /// Joins the flight of a token, or begins one with what `begin` answers.
    ///
    /// # Errors
    ///
    /// What `begin` refuses with.
    pub(crate) fn join<F>(
        self: &Arc<Self>,
        print: Print,
        runtime: &Handle,
        begin: impl FnOnce() -> Result<F, Verdict>,
    ) -> Result<Flight, Verdict>
    where
        F: Future<Output = Verdict> + Send + 'static,
    {
        let mut by_print = self.by_print.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = by_print.get(&print) {
            return Ok(flight.clone());
        }
        let question = begin()?;
        let landing = Landing { flights: Arc::clone(self), print };
        let task = runtime.spawn(async move {
            let _until_the_end = landing;
            question.await
        });
        // Only a panic, or the end of the daemon, cuts one off.
        let flight =
            task.map(|ended| ended.unwrap_or(Verdict::Unreachable { retry_after: 1 })).boxed().shared();
        by_print.insert(print, flight.clone());
        Ok(flight)
    }
}

/// Takes a flight off the list when it ends, however it ends.
struct Landing {
    flights: Arc<Flights>,
    print: Print,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.flights.by_print.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.print);
    }
}
