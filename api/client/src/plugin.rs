//! Plugins and plugin types.

use crate::change::{Asked, Changed, Sent};
use crate::connection::{Client, secret_header, segment};
use crate::error::ClientError;
use crate::filter::{PluginFilter, PluginTypeFilter};
use gatherd_api_types::{LeftValues, Page, Plugin, PluginConfig, PluginType};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, ETAG, HeaderMap, IF_MATCH};
use serde_json::{Map, Value};

/// What a plugin is configured with, and the tag that a change of it must show.
#[derive(Clone, Debug, PartialEq)]
pub struct TaggedConfig {
    /// The configuration.
    pub config: PluginConfig,
    /// The entity tag, as the daemon wrote it; `*` would replace any revision.
    pub etag: String,
}

impl Client {
    /// The plugins, by id.
    ///
    /// # Errors
    ///
    /// [`ClientError`] when there is no answer, or a refusal.
    pub async fn plugins(&self, filter: &PluginFilter) -> Result<Page<Plugin>, ClientError> {
        self.list("/v1/plugins", filter).await
    }

    /// One plugin.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 when there is none; otherwise as [`Client::plugins`].
    pub async fn plugin(&self, id: &str) -> Result<Plugin, ClientError> {
        self.get(&format!("/v1/plugins/{}", segment(id))).await
    }

    /// Makes a plugin run, now and after every start of the daemon.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 or 409; otherwise as [`Client::plugins`].
    pub async fn enable_plugin(&self, id: &str) -> Result<Plugin, ClientError> {
        self.operate(id, "enable").await
    }

    /// Makes a plugin rest, now and after every start of the daemon.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 or 409; otherwise as [`Client::plugins`].
    pub async fn disable_plugin(&self, id: &str) -> Result<Plugin, ClientError> {
        self.operate(id, "disable").await
    }

    /// Stops a plugin and starts it again, with the same code.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 or 409; otherwise as [`Client::plugins`].
    pub async fn restart_plugin(&self, id: &str) -> Result<Plugin, ClientError> {
        self.operate(id, "restart").await
    }

    /// Stops a plugin and starts it again, with the code that is on disk now.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 or 409; otherwise as [`Client::plugins`].
    pub async fn reload_plugin(&self, id: &str) -> Result<Plugin, ClientError> {
        self.operate(id, "reload").await
    }

    /// Makes a plugin run, asked for as other changes are.
    ///
    /// # Errors
    ///
    /// As [`Client::enable_plugin`].
    pub async fn enable_plugin_as(&self, id: &str, asked: &Asked) -> Result<Changed<Plugin>, ClientError> {
        let path = format!("/v1/plugins/{}/enable", segment(id));
        self.change(Method::POST, &path, asked, Sent::<()>::Nothing).await
    }

    /// Makes a plugin rest, asked for as other changes are; says what becomes of its values.
    ///
    /// # Errors
    ///
    /// As [`Client::disable_plugin`].
    pub async fn disable_plugin_as(
        &self,
        id: &str,
        values: LeftValues,
        asked: &Asked,
    ) -> Result<Changed<Plugin>, ClientError> {
        let left = match values {
            LeftValues::Expire => "",
            LeftValues::Keep => "?values=keep",
        };
        let path = format!("/v1/plugins/{}/disable{left}", segment(id));
        self.change(Method::POST, &path, asked, Sent::<()>::Nothing).await
    }

    /// Loads a plugin; its id is a member `id` of what is sent.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 409 when there is one of this id, 422 when it is not valid.
    pub async fn create_plugin(
        &self,
        asked: &Asked,
        sent: &Map<String, Value>,
    ) -> Result<Changed<Plugin>, ClientError> {
        self.change(Method::POST, "/v1/plugins", asked, Sent::Whole(sent)).await
    }

    /// Merges into a plugin's type, interval, trust and configuration (RFC 7396: `null` removes).
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 412 when it changed meanwhile, 422 when it is not valid.
    pub async fn patch_plugin(
        &self,
        id: &str,
        asked: &Asked,
        merged: &Map<String, Value>,
    ) -> Result<Changed<Plugin>, ClientError> {
        let path = format!("/v1/plugins/{}", segment(id));
        self.change(Method::PATCH, &path, asked, Sent::Patch(merged)).await
    }

    /// Unloads a plugin.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 when there is none, 412 when it changed meanwhile.
    pub async fn delete_plugin(&self, id: &str, asked: &Asked) -> Result<Changed<()>, ClientError> {
        let path = format!("/v1/plugins/{}", segment(id));
        self.change(Method::DELETE, &path, asked, Sent::<()>::Nothing).await
    }

    async fn operate(&self, id: &str, verb: &str) -> Result<Plugin, ClientError> {
        self.post(&format!("/v1/plugins/{}/{verb}", segment(id))).await
    }

    /// What a plugin is configured with.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 when there is no such plugin; otherwise as [`Client::plugins`].
    pub async fn plugin_config(&self, id: &str) -> Result<TaggedConfig, ClientError> {
        let path = config_path(id);
        let (config, headers) = self.answer(&path, self.request(Method::GET, &path)).await?;
        Ok(TaggedConfig { config, etag: etag(&headers) })
    }

    /// Replaces what a plugin is configured with, if it still has the tag `etag`.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 412 when it changed, 422 when it is not valid, 409 when it is pinned.
    pub async fn replace_plugin_config(
        &self,
        id: &str,
        etag: &str,
        config: &PluginConfig,
    ) -> Result<TaggedConfig, ClientError> {
        self.change_config(Method::PUT, id, etag, ("application/json", config)).await
    }

    /// Merges into what a plugin is configured with (RFC 7396: `null` removes), if it still has `etag`.
    ///
    /// # Errors
    ///
    /// As [`Client::replace_plugin_config`].
    pub async fn patch_plugin_config(
        &self,
        id: &str,
        etag: &str,
        patch: &PluginConfig,
    ) -> Result<TaggedConfig, ClientError> {
        self.change_config(Method::PATCH, id, etag, ("application/merge-patch+json", patch)).await
    }

    async fn change_config(
        &self,
        method: Method,
        id: &str,
        if_match: &str,
        (media_type, body): (&str, &PluginConfig),
    ) -> Result<TaggedConfig, ClientError> {
        let path = config_path(id);
        let request = self
            .request(method, &path)
            .header(IF_MATCH, secret_header("entity tag", if_match)?)
            .header(CONTENT_TYPE, media_type)
            .json(body);
        let (config, headers) = self.answer(&path, request).await?;
        Ok(TaggedConfig { config, etag: etag(&headers) })
    }

    /// What could be loaded.
    ///
    /// # Errors
    ///
    /// As [`Client::plugins`].
    pub async fn plugin_types(&self, filter: &PluginTypeFilter) -> Result<Page<PluginType>, ClientError> {
        self.list("/v1/plugin-types", filter).await
    }
}

fn config_path(id: &str) -> String {
    format!("/v1/plugins/{}/config", segment(id))
}

fn etag(headers: &HeaderMap) -> String {
    let text = headers.get(ETAG).and_then(|value| value.to_str().ok());
    text.unwrap_or_default().to_owned()
}
