//! The machine's clock.

use crate::connection::Client;
use crate::error::ClientError;
use gatherd_api_types::{Time, TimeSync, TimeSynced};
use reqwest::Method;

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
}
