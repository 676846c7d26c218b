//! Filter chains, beside what they share with all members of sections.

use crate::connection::Client;
use crate::error::ClientError;
use gatherd_api_types::ChainPreview;
use reqwest::Method;
use serde_json::{Map, Value};

impl Client {
    /// What filter chains would do with a value list, an object as `ChainTrial`; nothing is changed.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 422 when the value list or a chain is not valid.
    pub async fn preview_chains(&self, trial: &Map<String, Value>) -> Result<ChainPreview, ClientError> {
        let path = "/v1/chains/preview";
        let request = self.request(Method::POST, path).json(trial);
        self.answer(path, request).await.map(|(answer, _)| answer)
    }
}
