//! Work that takes longer than the daemon lets somebody wait: followed to its end.

use crate::change::text_of;
use crate::connection::{Client, segment};
use crate::error::ClientError;
use gatherd_api_types::{Operation, OperationResult, OperationState};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use std::time::Duration;

/// The media type of an operation that stands where the answer would.
const OPERATION_JSON: &str = "application/vnd.gatherd.operation+json";

/// Pause between two looks; the daemon holds each back until there is something to tell.
const PAUSE: Duration = Duration::from_millis(200);

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Whether an answer tells of an operation in the place of what was asked for.
pub(crate) fn is_one(answered: &Answered) -> bool {
    let Answered { status, headers, body: _ } = answered;
    *status == StatusCode::ACCEPTED && text_of(headers, CONTENT_TYPE.as_str()).starts_with(OPERATION_JSON)
}

impl Client {
    /// An operation, as soon as it ended, or after half a minute.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 when it is not kept any more, or another's.
    pub async fn operation(&self, id: &str) -> Result<Operation, ClientError> {
        let path = format!("/v1/operations/{}", segment(id));
        let answered = self.ask_once(&path, self.request(Method::GET, &path)).await?;
        self.read(&path, &answered.body)
    }

    /// Ends an operation before its time, or forgets one that ended.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 as [`Client::operation`], 409 when its work is carried to its end.
    pub async fn cancel_operation(&self, id: &str) -> Result<(), ClientError> {
        let path = format!("/v1/operations/{}", segment(id));
        self.send(&path, self.request(Method::DELETE, &path)).await.map(|_empty| ())
    }

    /// What a request is answered in the end.
    pub(crate) async fn follow_operation(
        &self,
        path: &str,
        answered: &Answered,
    ) -> Result<Answered, ClientError> {
        let mut operation: Operation = self.read(path, &answered.body)?;
        while operation.state == OperationState::Running {
            tokio::time::sleep(PAUSE).await;
            operation = self.operation(&operation.id).await?;
        }
        let Some(result) = operation.result else {
            let (place, path) = (self.place().to_owned(), path.to_owned());
            return Err(ClientError::Cancelled { place, path });
        };
        let settled = settled(&result);
        if settled.status.is_success() {
            Ok(settled)
        } else {
            Err(self.refused(settled.status, &settled.body))
        }
    }
}

/// The answer that an operation kept.
fn settled(result: &OperationResult) -> Answered {
    let OperationResult { status, headers, body } = result;
    let pair = |(name, value): (&String, &String)| {
        let name = HeaderName::try_from(name.as_str()).ok()?;
        Some((name, HeaderValue::from_str(value).ok()?))
    };
    Answered {
        // What is no status is none of this API either.
        status: StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY),
        headers: headers.iter().filter_map(pair).collect(),
        body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
    }
}
