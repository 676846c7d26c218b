//! The daemon itself: versions, life, log, audit trail.

use crate::connection::Client;
use crate::error::ClientError;
use crate::filter::AuditFilter;
use gatherd_api_types::{AuditRecord, Heartbeat, LogLevel, Page, Versions};
use reqwest::Method;
use serde_json::{Map, Value};

impl Client {
    /// Which versions of the API there are.
    ///
    /// # Errors
    ///
    /// [`ClientError`] when there is no answer, or a refusal.
    pub async fn versions(&self) -> Result<Versions, ClientError> {
        self.get("/").await
    }

    /// That the daemon lives, and how.
    ///
    /// # Errors
    ///
    /// As [`Client::versions`].
    pub async fn heartbeat(&self) -> Result<Heartbeat, ClientError> {
        self.get("/v1/heartbeat").await
    }

    /// What daemon and machine can do, as the API answers it: what is known of machines grows with each version.
    ///
    /// # Errors
    ///
    /// As [`Client::versions`].
    pub async fn capabilities(&self) -> Result<Map<String, Value>, ClientError> {
        self.get("/v1/capabilities").await
    }

    /// Who changed what, and who was refused; the newest first. For admins.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 403 for others; otherwise as [`Client::versions`].
    pub async fn audit(&self, filter: &AuditFilter) -> Result<Page<AuditRecord>, ClientError> {
        self.list("/v1/audit", filter).await
    }

    /// What the daemon logs.
    ///
    /// # Errors
    ///
    /// As [`Client::versions`].
    pub async fn log_level(&self) -> Result<LogLevel, ClientError> {
        self.get("/v1/daemon/log-level").await
    }

    /// Changes what the daemon logs, until it ends.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 422 when the filter is not one; otherwise as [`Client::versions`].
    pub async fn set_log_level(&self, level: &LogLevel) -> Result<LogLevel, ClientError> {
        let path = "/v1/daemon/log-level";
        let request = self.request(Method::PUT, path).json(level);
        self.answer(path, request).await.map(|(answer, _)| answer)
    }

    /// Whether the daemon serves its purpose now.
    ///
    /// # Errors
    ///
    /// As [`Client::versions`]; a daemon that is not ready is no error.
    pub async fn is_ready(&self) -> Result<bool, ClientError> {
        match self.send("/readyz", self.request(Method::GET, "/readyz")).await {
            Ok(_) => Ok(true),
            Err(ClientError::Problem { problem }) if problem.status == 503 => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The OpenAPI document.
    ///
    /// # Errors
    ///
    /// As [`Client::versions`].
    pub async fn openapi(&self) -> Result<Value, ClientError> {
        self.get("/openapi.json").await
    }
}
