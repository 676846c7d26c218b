//! The machine's clock.

use crate::change::{Asked, Changed, Sent, text_of};
use crate::connection::Client;
use crate::error::ClientError;
use crate::section::Tagged;
use gatherd_api_types::{Time, TimeConfig, TimeSync, TimeSynced};
use reqwest::Method;
use reqwest::header::ETAG;
use serde_json::{Map, Value};

/// Path of how the clock is measured and corrected.
const TIME_CONFIG: &str = "/v1/time/config";

impl Client {
    /// The clocks, and all that is known of them.
    ///
    /// # Errors
    ///
    /// As [`Client::versions`].
    pub async fn time(&self) -> Result<Time, ClientError> {
        self.get("/v1/time").await
    }

    /// Measures or corrects the clock.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 409 and a code that begins with `clock_` where it is not corrected; otherwise
    /// as [`Client::versions`].
    pub async fn sync_time(&self, sync: &TimeSync) -> Result<TimeSynced, ClientError> {
        let path = "/v1/time/sync";
        let request = self.request(Method::POST, path).json(sync);
        self.answer(path, request).await.map(|(answer, _)| answer)
    }

    /// How the clock is measured and corrected.
    ///
    /// # Errors
    ///
    /// As [`Client::versions`].
    pub async fn time_config(&self) -> Result<Tagged<TimeConfig>, ClientError> {
        let (value, headers) = self.answer(TIME_CONFIG, self.request(Method::GET, TIME_CONFIG)).await?;
        Ok(Tagged { value, etag: text_of(&headers, ETAG.as_str()).to_owned() })
    }

    /// Replaces how the clock is measured and corrected; what is not sent has its default.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 412 when it changed meanwhile, 422 when it is not valid.
    pub async fn replace_time_config(
        &self,
        asked: &Asked,
        sent: &Map<String, Value>,
    ) -> Result<Changed<TimeConfig>, ClientError> {
        self.change(Method::PUT, TIME_CONFIG, asked, Sent::Whole(sent)).await
    }

    /// Merges into how the clock is measured and corrected (RFC 7396: `null` brings the default back).
    ///
    /// # Errors
    ///
    /// As [`Client::replace_time_config`].
    pub async fn patch_time_config(
        &self,
        asked: &Asked,
        patch: &Map<String, Value>,
    ) -> Result<Changed<TimeConfig>, ClientError> {
        self.change(Method::PATCH, TIME_CONFIG, asked, Sent::Patch(patch)).await
    }
}
