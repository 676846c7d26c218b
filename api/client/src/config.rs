//! The whole configuration, and its history.

use crate::change::{Asked, Changed, Sent, text_of};
use crate::connection::Client;
use crate::error::ClientError;
use crate::section::{PageFilter, Tagged};
use gatherd_api_types::{Config, ConfigSources, Page, Reloaded, Revision, RevisionDiff};
use reqwest::Method;
use reqwest::header::ETAG;

/// Path of the whole configuration.
const CONFIG: &str = "/v1/config";

impl Client {
    /// The configuration that is in effect.
    ///
    /// # Errors
    ///
    /// [`ClientError`] when there is no answer, or a refusal.
    pub async fn config(&self) -> Result<Tagged<Config>, ClientError> {
        let (value, headers) = self.answer(CONFIG, self.request(Method::GET, CONFIG)).await?;
        Ok(Tagged { value, etag: text_of(&headers, ETAG.as_str()).to_owned() })
    }

    /// Who says what each key is.
    ///
    /// # Errors
    ///
    /// As [`Client::config`].
    pub async fn config_sources(&self) -> Result<ConfigSources, ClientError> {
        self.get("/v1/config/sources").await
    }

    /// Replaces the whole configuration.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 409 when a key is pinned, 412 when it changed meanwhile, 422 when it is not valid.
    pub async fn replace_config(
        &self,
        asked: &Asked,
        config: &Config,
    ) -> Result<Changed<Config>, ClientError> {
        self.change(Method::PUT, CONFIG, asked, Sent::Whole(config)).await
    }

    /// Merges into the configuration (RFC 7396: `null` removes).
    ///
    /// # Errors
    ///
    /// As [`Client::replace_config`].
    pub async fn patch_config(&self, asked: &Asked, patch: &Config) -> Result<Changed<Config>, ClientError> {
        self.change(Method::PATCH, CONFIG, asked, Sent::Patch(patch)).await
    }

    /// Reads the configuration files again.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 422 when a file is wrong.
    pub async fn reload_daemon(&self, asked: &Asked) -> Result<Changed<Reloaded>, ClientError> {
        self.change(Method::POST, "/v1/daemon/reload", asked, Sent::<()>::Nothing).await
    }

    /// The revisions that are kept, the newest first.
    ///
    /// # Errors
    ///
    /// As [`Client::config`].
    pub async fn revisions(&self, filter: &PageFilter) -> Result<Page<Revision>, ClientError> {
        self.list("/v1/revisions", filter).await
    }

    /// One revision.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 when it is not kept; otherwise as [`Client::config`].
    pub async fn revision(&self, number: u64) -> Result<Revision, ClientError> {
        self.get(&format!("/v1/revisions/{number}")).await
    }

    /// The configuration as it was with one revision.
    ///
    /// # Errors
    ///
    /// As [`Client::revision`].
    pub async fn revision_config(&self, number: u64) -> Result<Config, ClientError> {
        self.get(&format!("/v1/revisions/{number}/config")).await
    }

    /// What a revision changed, against another or the one before it.
    ///
    /// # Errors
    ///
    /// As [`Client::revision`].
    pub async fn revision_diff(
        &self,
        number: u64,
        against: Option<u64>,
    ) -> Result<RevisionDiff, ClientError> {
        let path = format!("/v1/revisions/{number}/diff");
        let request = self.request(Method::GET, &path).query(&[("against", against)]);
        self.answer(&path, request).await.map(|(answer, _)| answer)
    }

    /// Makes an earlier revision's configuration the newest one.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 when it is not kept, 422 when what it names is gone.
    pub async fn restore_revision(&self, number: u64, asked: &Asked) -> Result<Changed<Config>, ClientError> {
        let path = format!("/v1/revisions/{number}/restore");
        let any = Asked { if_match: asked.if_match.clone().or(Some("*".to_owned())), ..asked.clone() };
        self.change(Method::POST, &path, &any, Sent::<()>::Nothing).await
    }

    /// Lets a provisional revision stay.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 409 when it is not provisional.
    pub async fn confirm_revision(&self, number: u64) -> Result<Revision, ClientError> {
        self.post(&format!("/v1/revisions/{number}/confirm")).await
    }
}
