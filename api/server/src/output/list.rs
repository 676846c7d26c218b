//! Lists as JSON pages, as NDJSON and as CSV, chunk by chunk.

use super::walk::Walk;
use crate::input::{ListParams, Marker, Offer, choose};
use crate::management::ManagementError;
use crate::problem::ApiError;
use crate::query::ListRequest;
use crate::rows::{RowForm, Rows, Table};
use actix_web::{HttpRequest, HttpResponse, rt};
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use gatherd_api_types::ProblemCode;
use serde::Serialize;
use tokio::sync::mpsc;

/// Parts of a list without an end that are made before the reader has taken those before them.
const AHEAD: usize = 2;

/// A page as `{"items": […], "next": …}`. An error before the first chunk is a problem document; a
/// later one breaks the answer off, so that nobody takes it for whole.
///
/// # Errors
///
/// What the daemon says about the first part.
pub(crate) async fn page(request: &HttpRequest, mut walk: Walk) -> Result<HttpResponse, ApiError> {
    let first = walk.step(RowForm::Items).await.transpose()?.map_or_else(Bytes::new, |rows| rows.text);
    let link = NextLink::of(request);
    let state = (Stage::First(first), walk, link);
    let chunks = stream::try_unfold(state, |(stage, mut walk, link)| async move {
        let (chunk, next) = match stage {
            Stage::First(items) => {
                let nothing_yet = items.is_empty();
                (behind(b"{\"items\":[", &items), Stage::Items(nothing_yet))
            }
            Stage::Items(nothing_yet) => match walk.step(RowForm::Items).await.transpose()? {
                Some(Rows { text, .. }) => {
                    let separator: &[u8] = if nothing_yet || text.is_empty() { b"" } else { b"," };
                    let nothing_yet = nothing_yet && text.is_empty();
                    (behind(separator, &text), Stage::Items(nothing_yet))
                }
                None => (link.end(walk.rest()), Stage::Done),
            },
            Stage::Done => return Ok::<_, ManagementError>(None),
        };
        Ok(Some((chunk, (next, walk, link))))
    });
    Ok(HttpResponse::Ok().content_type("application/json").streaming(non_empty(chunks)))
}

/// Where a page is while it is being written.
enum Stage {
    /// Nothing is written; these are the first entries.
    First(Bytes),
    /// The list is open; whether it is still empty.
    Items(bool),
    /// The end is written.
    Done,
}

/// The formats of lists that may be long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ListFormat {
    /// A page of JSON.
    Page,
    /// One JSON object per line.
    Lines,
    /// CSV.
    Csv,
}

impl ListFormat {
    const ALL: [Self; 3] = [Self::Page, Self::Lines, Self::Csv];
    const OFFERS: &[Offer] = &[
        Offer { media_type: "application/json", version: None },
        Offer { media_type: "application/x-ndjson", version: None },
        Offer { media_type: "text/csv", version: None },
    ];

    /// What `Accept` wants most; `None` when it wants none of them.
    pub(crate) fn wanted(request: &HttpRequest) -> Option<Self> {
        choose(request.headers(), Self::OFFERS).and_then(|index| Self::ALL.get(index).copied())
    }

    /// The place and the number of entries; only pages have a limit where nobody says.
    ///
    /// # Errors
    ///
    /// 400 when the limit is not 1–10,000 or the marker is not ours.
    pub(crate) fn read(format: Option<Self>, list: ListParams) -> Result<ListRequest, ApiError> {
        match format {
            Some(Self::Lines | Self::Csv) => list.read_unbounded(),
            Some(Self::Page) | None => list.read(),
        }
    }
}

/// A list in the form that `Accept` chose among JSON, NDJSON and CSV.
///
/// # Errors
///
/// 406 when none of them is wanted, and what the daemon says about the first part.
pub(crate) async fn listed(
    request: &HttpRequest,
    format: Option<ListFormat>,
    table: Table,
    walk: Walk,
) -> Result<HttpResponse, ApiError> {
    match format {
        None => Err(ApiError::of(ProblemCode::NotAcceptable)),
        Some(ListFormat::Page) => page(request, walk).await,
        Some(ListFormat::Lines) => endless("application/x-ndjson", "", RowForm::Lines, walk).await,
        Some(ListFormat::Csv) => {
            endless("text/csv; charset=utf-8; header=present", table.head(), RowForm::Csv, walk).await
        }
    }
}

/// Entries without an end but the list's. The next part is made while the reader takes the one before.
async fn endless(
    media_type: &'static str,
    head: &'static str,
    form: RowForm,
    mut walk: Walk,
) -> Result<HttpResponse, ApiError> {
    let first = walk.step(form).await.transpose()?;
    let begin =
        stream::iter([Bytes::from_static(head.as_bytes())].into_iter().chain(first.map(|it| it.text)));
    let (parts, mut made) = mpsc::channel(AHEAD);
    // A reader that goes away drops the stream, which closes the channel, which ends the walk.
    rt::spawn(async move {
        while let Some(step) = walk.step(form).await {
            if parts.send(step.map(|rows| rows.text)).await.is_err() {
                break;
            }
        }
    });
    let rest = stream::poll_fn(move |context| made.poll_recv(context));
    let chunks = non_empty(begin.map(Ok).chain(rest));
    Ok(HttpResponse::Ok().content_type(media_type).streaming(chunks))
}

/// Without empty chunks, which would mean the end in chunked transfer.
fn non_empty(
    chunks: impl Stream<Item = Result<Bytes, ManagementError>>,
) -> impl Stream<Item = Result<Bytes, ManagementError>> {
    chunks.filter(|chunk| std::future::ready(!matches!(chunk, Ok(bytes) if bytes.is_empty())))
}

/// `prefix`, then `text`.
fn behind(prefix: &[u8], text: &[u8]) -> Bytes {
    [prefix, text].concat().into()
}

fn write<T: Serialize>(out: &mut Vec<u8>, item: &T) {
    serde_json::to_writer(out, item).expect("wire types are always JSON, and memory takes all writes");
}

/// The address of the next page but for its marker.
struct NextLink {
    path: String,
    query: String,
}

impl NextLink {
    fn of(request: &HttpRequest) -> Self {
        let others = request.query_string().split('&').filter(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            !pair.is_empty() && name != "marker"
        });
        let query = others.flat_map(|pair| [pair, "&"]).collect();
        Self { path: request.path().to_owned(), query }
    }

    /// The end of the page.
    fn end(&self, rest: Option<&str>) -> Bytes {
        let next = rest.map(|key| format!("{}?{}marker={}", self.path, self.query, Marker::write(key)));
        let mut out = b"],\"next\":".to_vec();
        write(&mut out, &next);
        out.push(b'}');
        out.into()
    }
}
