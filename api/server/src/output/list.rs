//! Lists as JSON pages and as NDJSON, chunk by chunk.

use super::walk::Walk;
use crate::input::Marker;
use crate::management::ManagementError;
use crate::problem::ApiError;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use serde::Serialize;

/// A page as `{"items": […], "next": …}`. An error before the first chunk is a problem document; a
/// later one breaks the answer off, so that nobody takes it for whole.
///
/// # Errors
///
/// What the daemon says about the first part.
pub(crate) async fn page<T: Serialize + 'static>(
    request: &HttpRequest,
    mut walk: Walk<T>,
) -> Result<HttpResponse, ApiError> {
    let first = walk.step().await.transpose()?.unwrap_or_default();
    let link = NextLink::of(request);
    let state = (Stage::First(first), walk, link);
    let chunks = stream::try_unfold(state, |(stage, mut walk, link)| async move {
        let (chunk, next) = match stage {
            Stage::First(items) => {
                (joined(b"{\"items\":[", &items, b",", true), Stage::Items(items.is_empty()))
            }
            Stage::Items(nothing_yet) => match walk.step().await.transpose()? {
                Some(items) => {
                    let nothing_now = nothing_yet && items.is_empty();
                    (joined(b"", &items, b",", nothing_yet), Stage::Items(nothing_now))
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
enum Stage<T> {
    /// Nothing is written; these are the first entries.
    First(Vec<T>),
    /// The list is open; whether it is still empty.
    Items(bool),
    /// The end is written.
    Done,
}

/// One entry per line, without an end but the list's.
///
/// # Errors
///
/// What the daemon says about the first part.
pub(crate) async fn ndjson<T: Serialize + 'static>(mut walk: Walk<T>) -> Result<HttpResponse, ApiError> {
    let first = walk.step().await.transpose()?.unwrap_or_default();
    let chunks = stream::try_unfold((Some(first), walk), |(first, mut walk)| async move {
        let items = match first {
            Some(items) => Some(items),
            None => walk.step().await.transpose()?,
        };
        Ok::<_, ManagementError>(items.map(|items| (lines(&items), (None, walk))))
    });
    Ok(HttpResponse::Ok().content_type("application/x-ndjson").streaming(non_empty(chunks)))
}

/// Without empty chunks, which would mean the end in chunked transfer.
fn non_empty(
    chunks: impl Stream<Item = Result<Bytes, ManagementError>>,
) -> impl Stream<Item = Result<Bytes, ManagementError>> {
    chunks.filter(|chunk| std::future::ready(!matches!(chunk, Ok(bytes) if bytes.is_empty())))
}

fn lines<T: Serialize>(items: &[T]) -> Bytes {
    let mut out = Vec::new();
    for item in items {
        write(&mut out, item);
        out.push(b'\n');
    }
    out.into()
}

/// `prefix`, then the items with `comma` between them; also before the first unless it begins the list.
fn joined<T: Serialize>(prefix: &[u8], items: &[T], comma: &[u8], begins: bool) -> Bytes {
    let mut out = prefix.to_vec();
    for (index, item) in items.iter().enumerate() {
        if index > 0 || !begins {
            out.extend_from_slice(comma);
        }
        write(&mut out, item);
    }
    out.into()
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
