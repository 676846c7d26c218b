//! What plugins say, and one read of them that nobody else sees.

use crate::connection::{Client, segment};
use crate::error::ClientError;
use crate::filter::PluginLogFilter;
use crate::stream::EventStream;
use gatherd_api_types::{Page, PluginLogLine, PluginTest, PluginTestReport};
use reqwest::Method;

impl Client {
    /// What a plugin says and what is said of it, oldest first.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 when there is no such plugin; otherwise as [`Client::plugins`].
    pub async fn plugin_log(
        &self,
        id: &str,
        filter: &PluginLogFilter,
    ) -> Result<Page<PluginLogLine>, ClientError> {
        self.list(&path(id, "log"), filter).await
    }

    /// Follows what a plugin says, from behind the id of an earlier event where one is named.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 503 when too many streams are open; otherwise as [`Client::plugin_log`].
    pub async fn follow_plugin_log(
        &self,
        id: &str,
        filter: &PluginLogFilter,
        behind: Option<&str>,
    ) -> Result<EventStream, ClientError> {
        self.follow(path(id, "log/stream"), filter, behind).await
    }

    /// Reads a plugin once beside what runs; nothing of it is dispatched.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 when there is no such plugin, 409 when its code cannot be opened, 422 when
    /// the configuration to try is not valid; a read that fails is no error.
    pub async fn test_plugin(&self, id: &str, test: &PluginTest) -> Result<PluginTestReport, ClientError> {
        let path = path(id, "test");
        let request = self.request(Method::POST, &path).json(test);
        self.answer(&path, request).await.map(|(answer, _)| answer)
    }
}

fn path(id: &str, rest: &str) -> String {
    format!("/v1/plugins/{}/{rest}", segment(id))
}
