//! Values, metrics and the cache.

use crate::connection::{Client, segments};
use crate::error::ClientError;
use crate::filter::ValueFilter;
use crate::lines::LineStream;
use crate::stream::EventStream;
use gatherd_api_types::{Cache, CacheRemoval, Metric, Page, ValueView, ValuesTaken};
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE};

/// Text form of all values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// Prometheus text format 0.0.4.
    Classic,
}

/// How value lists that are put in are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SentValues {
    /// One JSON object, or an array of them.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// The lines of collectd's PUTVAL.
    Putval,
}

impl SentValues {
    fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Putval => "text/plain",
        }
    }
}

impl Client {
    /// Newest values, by identifier.
    ///
    /// # Errors
    ///
    /// [`ClientError`] when there is no answer, or a refusal.
    pub async fn values(&self, filter: &ValueFilter) -> Result<Page<ValueView>, ClientError> {
        self.list("/v1/values", filter).await
    }

    /// Newest values of one identifier, such as `web1/cpu-0/cpu-idle`.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 when the cache has none; otherwise as [`Client::values`].
    pub async fn value(&self, identifier: &str) -> Result<ValueView, ClientError> {
        self.get(&format!("/v1/values/{}", segments(identifier))).await
    }

    /// The same with so many value lists of its history, the newest at the end.
    ///
    /// # Errors
    ///
    /// As [`Client::value`].
    pub async fn value_with_history(&self, identifier: &str, most: u32) -> Result<ValueView, ClientError> {
        let path = format!("/v1/values/{}", segments(identifier));
        let request = self.request(Method::GET, &path).query(&[("history", most)]);
        self.answer(&path, request).await.map(|(answer, _)| answer)
    }

    /// Values as they flow, from now on; of the filter `since`, `fresh` and `limit` must be `None`.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 503 when too many streams are open; otherwise as [`Client::values`].
    pub async fn follow_values(&self, filter: &ValueFilter) -> Result<EventStream, ClientError> {
        self.follow("/v1/values/stream".to_owned(), filter, None).await
    }

    /// Puts values in, at most 10,000 value lists in 1 MiB; each is taken or refused by itself.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 422 when the text cannot be read, or none was taken.
    pub async fn put_values(&self, form: SentValues, text: String) -> Result<ValuesTaken, ClientError> {
        let path = "/v1/values";
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, form.media_type()).body(text);
        self.answer(path, request).await.map(|(answer, _)| answer)
    }

    /// Newest values as CSV (RFC 4180), one line per data source behind a line of titles.
    ///
    /// # Errors
    ///
    /// As [`Client::values`].
    pub async fn values_csv(&self, filter: &ValueFilter) -> Result<LineStream, ClientError> {
        self.csv("/v1/values", filter).await
    }

    /// What is being collected as CSV (RFC 4180), one line per data source behind a line of titles.
    ///
    /// # Errors
    ///
    /// As [`Client::values`].
    pub async fn metrics_csv(&self, filter: &ValueFilter) -> Result<LineStream, ClientError> {
        self.csv("/v1/metrics", filter).await
    }

    async fn csv(&self, path: &'static str, filter: &ValueFilter) -> Result<LineStream, ClientError> {
        let request = self.request(Method::GET, path).query(filter).header(ACCEPT, "text/csv");
        let response = self.send(path, request).await?;
        Ok(LineStream::new(self.clone(), path, response))
    }

    /// What is being collected, by identifier.
    ///
    /// # Errors
    ///
    /// As [`Client::values`].
    pub async fn metrics(&self, filter: &ValueFilter) -> Result<Page<Metric>, ClientError> {
        self.list("/v1/metrics", filter).await
    }

    /// The cache as a whole.
    ///
    /// # Errors
    ///
    /// As [`Client::values`].
    pub async fn cache(&self) -> Result<Cache, ClientError> {
        self.get("/v1/cache").await
    }

    /// Series that a filter chooses leave the cache; without one, all do. Each comes back with its next value.
    ///
    /// # Errors
    ///
    /// As [`Client::values`].
    pub async fn remove_values(&self, filter: &ValueFilter) -> Result<CacheRemoval, ClientError> {
        let path = "/v1/cache";
        let is_all = *filter == ValueFilter::default();
        let mut request = self.request(Method::DELETE, path).query(filter);
        if is_all {
            request = request.query(&[("all", true)]);
        }
        self.answer(path, request).await.map(|(answer, _)| answer)
    }

    /// One series leaves the cache; it comes back with its next value.
    ///
    /// # Errors
    ///
    /// As [`Client::value`].
    pub async fn remove_value(&self, identifier: &str) -> Result<CacheRemoval, ClientError> {
        let path = format!("/v1/cache/{}", segments(identifier));
        self.answer(&path, self.request(Method::DELETE, &path)).await.map(|(answer, _)| answer)
    }

    /// All values as text for a monitoring system.
    ///
    /// # Errors
    ///
    /// As [`Client::values`].
    pub async fn exposition(&self, format: Format) -> Result<String, ClientError> {
        let accept = match format {
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0",
            Format::Classic => "text/plain; version=0.0.4",
        };
        let request = self.request(Method::GET, "/metrics").header(ACCEPT, accept);
        self.text("/metrics", request).await
    }
}
