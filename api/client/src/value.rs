//! Values, metrics and the cache.

use crate::connection::{Client, segments};
use crate::error::ClientError;
use crate::filter::ValueFilter;
use gatherd_api_types::{Cache, CacheRemoval, Metric, Page, ValueView};
use reqwest::Method;
use reqwest::header::ACCEPT;

/// Text form of all values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// Prometheus text format 0.0.4.
    Classic,
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
