//! Events as a daemon hands them out: one after the other, and what is missing between them.

use futures_util::stream::{Stream, StreamExt};
use std::fmt;
use std::pin::Pin;

/// What somebody who follows events is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event<T> {
    /// Something happened.
    One {
        /// Its number; later ones are greater. Who comes back names the last one that was seen.
        number: u64,
        /// What.
        what: T,
    },
    /// So many that happened before the next one are not remembered any more.
    Gap(u64),
    /// So many that happened before the next one were lost, because the reader was slow.
    Lost(u64),
}

/// Events as they happen; nothing waits for who reads them, and who is slow is told with [`Event::Lost`].
pub struct Events<T>(Pin<Box<dyn Stream<Item = Event<T>> + Send>>);

impl<T: Send + 'static> Events<T> {
    /// These events. What they come from must be bounded, and must drop what nobody fetches.
    pub fn from_stream(events: impl Stream<Item = Event<T>> + Send + 'static) -> Self {
        Self(events.boxed())
    }
}

impl<T> Events<T> {
    /// The next one, as soon as it happens; `None` when there will be no more. May be dropped while it waits.
    pub async fn next(&mut self) -> Option<Event<T>> {
        self.0.next().await
    }
}

impl<T> fmt::Debug for Events<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Events").finish_non_exhaustive()
    }
}
