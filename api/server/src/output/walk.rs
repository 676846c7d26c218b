//! A walk through a list, part by part, so that no answer is ever in memory as a whole.

use crate::management::{ManagementError, Part};
use crate::query::ListRequest;
use crate::rows::{RowForm, RowWriter, Rows};
use futures_util::future::LocalBoxFuture;
use serde::Serialize;

/// Most entries that are in memory at one time.
const PART: usize = 1_000;

/// Asks for one part, in one form.
type Ask = Box<dyn Fn(ListRequest, RowForm) -> LocalBoxFuture<'static, Result<Rows, ManagementError>>>;

/// A walk: where it is, and how far it may go.
pub(crate) struct Walk {
    ask: Ask,
    after: Option<String>,
    left: usize,
    ended: bool,
}

impl Walk {
    /// A walk over at most `list.limit` entries behind `list.after`.
    pub(crate) fn new<T, F>(list: ListRequest, ask: F) -> Self
    where
        T: Serialize + 'static,
        F: Fn(ListRequest) -> LocalBoxFuture<'static, Result<Part<T>, ManagementError>> + 'static,
    {
        Self::of_rows(list, move |list, form| {
            let (asked, part) = (list.limit, ask(list));
            Box::pin(async move {
                let Part { items, next } = part.await?;
                let mut rows = RowWriter::new(form);
                items.iter().take(asked).for_each(|item| rows.json(item));
                Ok(rows.finish(next))
            })
        })
    }

    /// The same where the rows are written by who reads them.
    pub(crate) fn of_rows<F>(list: ListRequest, ask: F) -> Self
    where
        F: Fn(ListRequest, RowForm) -> LocalBoxFuture<'static, Result<Rows, ManagementError>> + 'static,
    {
        let ListRequest { after, limit } = list;
        Self { ask: Box::new(ask), after, left: limit, ended: limit == 0 }
    }

    /// The next entries; `None` when the list or the limit is reached.
    ///
    /// # Errors
    ///
    /// What the daemon says; the walk is over then.
    pub(crate) async fn step(&mut self, form: RowForm) -> Option<Result<Rows, ManagementError>> {
        if self.ended {
            return None;
        }
        let request = ListRequest { after: self.after.clone(), limit: self.left.min(PART) };
        match (self.ask)(request, form).await {
            Ok(rows) => {
                self.left = self.left.saturating_sub(rows.count);
                let stuck = rows.next.is_some() && rows.next == self.after; // Would never end.
                self.ended = rows.next.is_none() || self.left == 0 || stuck;
                self.after = if stuck { None } else { rows.next.clone() };
                Some(Ok(rows))
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
