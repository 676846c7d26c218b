//! A walk through a list, part by part, so that no answer is ever in memory as a whole.

use crate::management::{ManagementError, Part};
use crate::query::ListRequest;
use futures_util::future::LocalBoxFuture;

/// Most entries that are in memory at one time.
const PART: usize = 1_000;

/// Asks for one part.
type Ask<T> = Box<dyn Fn(ListRequest) -> LocalBoxFuture<'static, Result<Part<T>, ManagementError>>>;

/// A walk: where it is, and how far it may go.
pub(crate) struct Walk<T> {
    ask: Ask<T>,
    after: Option<String>,
    left: usize,
    ended: bool,
}

impl<T> Walk<T> {
    /// A walk over at most `list.limit` entries behind `list.after`.
    pub(crate) fn new<F>(list: ListRequest, ask: F) -> Self
    where
        F: Fn(ListRequest) -> LocalBoxFuture<'static, Result<Part<T>, ManagementError>> + 'static,
    {
        let ListRequest { after, limit } = list;
        Self { ask: Box::new(ask), after, left: limit, ended: limit == 0 }
    }

    /// The next entries; `None` when the list or the limit is reached.
    ///
    /// # Errors
    ///
    /// What the daemon says; the walk is over then.
    pub(crate) async fn step(&mut self) -> Option<Result<Vec<T>, ManagementError>> {
        if self.ended {
            return None;
        }
        let request = ListRequest { after: self.after.clone(), limit: self.left.min(PART) };
        let asked = request.limit;
        match (self.ask)(request).await {
            Ok(Part { mut items, next }) => {
                items.truncate(asked);
                self.left -= items.len();
                let stuck = next.is_some() && next == self.after; // Would never end.
                self.ended = next.is_none() || self.left == 0 || stuck;
                self.after = if stuck { None } else { next };
                Some(Ok(items))
            }
            Err(error) => {
                self.ended = true;
                self.after = None;
                Some(Err(error))
            }
        }
    }

    /// The key behind which another walk would go on; `None` when the list was walked to its end.
    pub(crate) fn rest(&self) -> Option<&str> {
        self.after.as_deref()
    }
}
