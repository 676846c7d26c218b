//! Outputs, their queues, and flushing.

use crate::change::{Asked, Changed, Sent, text_of};
use crate::connection::{Client, segment};
use crate::error::ClientError;
use crate::section::{PageFilter, Tagged};
use gatherd_api_types::{FlushReport, FlushRequest, Output, OutputBuffer, Page};
use reqwest::Method;
use reqwest::header::ETAG;
use serde_json::{Map, Value};

impl Client {
    /// What carries values away, by id.
    ///
    /// # Errors
    ///
    /// [`ClientError`] when there is no answer, or a refusal.
    pub async fn outputs(&self, filter: &PageFilter) -> Result<Page<Output>, ClientError> {
        self.list("/v1/outputs", filter).await
    }

    /// One output.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 when there is none; otherwise as [`Client::outputs`].
    pub async fn output(&self, id: &str) -> Result<Output, ClientError> {
        self.get(&path(id, "")).await
    }

    /// How an output's queue behaves.
    ///
    /// # Errors
    ///
    /// As [`Client::output`].
    pub async fn output_buffer(&self, id: &str) -> Result<Tagged<OutputBuffer>, ClientError> {
        let path = path(id, "/buffer");
        let (value, headers) = self.answer(&path, self.request(Method::GET, &path)).await?;
        Ok(Tagged { value, etag: text_of(&headers, ETAG.as_str()).to_owned() })
    }

    /// Replaces how an output's queue behaves; what is not sent has its default.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 412 when it changed meanwhile, 422 when it is not valid.
    pub async fn replace_output_buffer(
        &self,
        id: &str,
        asked: &Asked,
        sent: &Map<String, Value>,
    ) -> Result<Changed<OutputBuffer>, ClientError> {
        self.change(Method::PUT, &path(id, "/buffer"), asked, Sent::Whole(sent)).await
    }

    /// Merges into how an output's queue behaves (RFC 7396: `null` brings the default back).
    ///
    /// # Errors
    ///
    /// As [`Client::replace_output_buffer`].
    pub async fn patch_output_buffer(
        &self,
        id: &str,
        asked: &Asked,
        patch: &Map<String, Value>,
    ) -> Result<Changed<OutputBuffer>, ClientError> {
        self.change(Method::PATCH, &path(id, "/buffer"), asked, Sent::Patch(patch)).await
    }

    /// Lets an output rest: its queue takes values, and nothing is written.
    ///
    /// # Errors
    ///
    /// As [`Client::output`].
    pub async fn pause_output(&self, id: &str, asked: &Asked) -> Result<Changed<Output>, ClientError> {
        self.change(Method::POST, &path(id, "/pause"), asked, Sent::<()>::Nothing).await
    }

    /// Lets an output write again.
    ///
    /// # Errors
    ///
    /// As [`Client::output`].
    pub async fn resume_output(&self, id: &str, asked: &Asked) -> Result<Changed<Output>, ClientError> {
        self.change(Method::POST, &path(id, "/resume"), asked, Sent::<()>::Nothing).await
    }

    /// Writes out now what waits for one output.
    ///
    /// # Errors
    ///
    /// As [`Client::output`].
    pub async fn flush_output(&self, id: &str) -> Result<FlushReport, ClientError> {
        self.post(&path(id, "/flush")).await
    }

    /// Writes out now.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 when something that is named is not there, 422 when it is not valid.
    pub async fn flush(&self, wish: &FlushRequest) -> Result<FlushReport, ClientError> {
        let path = "/v1/flush";
        let request = self.request(Method::POST, path).json(wish);
        self.answer(path, request).await.map(|(answer, _)| answer)
    }
}

fn path(id: &str, rest: &str) -> String {
    format!("/v1/outputs/{}{rest}", segment(id))
}
