//! Members of a section of the configuration, such as thresholds: all kinds have the same routes.

use crate::change::{Asked, Changed, Sent, text_of};
use crate::connection::{Client, segment};
use crate::error::ClientError;
use gatherd_api_types::{
    BlacklistPreview, BlacklistRule, Chain, Page, Subscription, Threshold, ThresholdPreview,
};
use reqwest::Method;
use reqwest::header::ETAG;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A kind of member of a section of the configuration.
pub trait Section: Serialize + DeserializeOwned + Send + Sync {
    /// Path of the section.
    const PATH: &'static str;
}

/// A kind whose effect can be seen before it is made.
pub trait Previewed: Section {
    /// What is seen.
    type Preview: Serialize + DeserializeOwned;
}

impl Section for Threshold {
    const PATH: &'static str = "/v1/thresholds";
}

impl Previewed for Threshold {
    type Preview = ThresholdPreview;
}

impl Section for BlacklistRule {
    const PATH: &'static str = "/v1/blacklist";
}

impl Previewed for BlacklistRule {
    type Preview = BlacklistPreview;
}

impl Section for Chain {
    const PATH: &'static str = "/v1/chains";
}

impl Section for Subscription {
    const PATH: &'static str = "/v1/subscriptions";
}

/// A member, and the tag that a change of it must show.
#[derive(Clone, Debug, PartialEq)]
pub struct Tagged<T> {
    /// The member.
    pub value: T,
    /// The entity tag, as the daemon wrote it.
    pub etag: String,
}

/// How many entries a page has.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct PageFilter {
    /// Most entries of one page, 1–10,000.
    pub limit: Option<usize>,
}

impl Client {
    /// The members of a section, by id.
    ///
    /// # Errors
    ///
    /// [`ClientError`] when there is no answer, or a refusal.
    pub async fn members<T: Section>(&self, filter: &PageFilter) -> Result<Page<T>, ClientError> {
        self.list(T::PATH, filter).await
    }

    /// One member.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 when there is none; otherwise as [`Client::members`].
    pub async fn member<T: Section>(&self, id: &str) -> Result<Tagged<T>, ClientError> {
        let path = path::<T>(id);
        let (value, headers) = self.answer(&path, self.request(Method::GET, &path)).await?;
        Ok(Tagged { value, etag: text_of(&headers, ETAG.as_str()).to_owned() })
    }

    /// Makes a member; its id is a member `id` of what is sent.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 409 when there is one of this id, 422 when it is not valid.
    pub async fn create_member<T: Section>(
        &self,
        asked: &Asked,
        sent: &Map<String, Value>,
    ) -> Result<Changed<T>, ClientError> {
        self.change(Method::POST, T::PATH, asked, Sent::Whole(sent)).await
    }

    /// Replaces a member, or makes it.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 412 when it changed meanwhile, 422 when it is not valid.
    pub async fn replace_member<T: Section>(
        &self,
        id: &str,
        asked: &Asked,
        sent: &Map<String, Value>,
    ) -> Result<Changed<T>, ClientError> {
        self.change(Method::PUT, &path::<T>(id), asked, Sent::Whole(sent)).await
    }

    /// Merges into a member (RFC 7396: `null` removes).
    ///
    /// # Errors
    ///
    /// As [`Client::replace_member`].
    pub async fn patch_member<T: Section>(
        &self,
        id: &str,
        asked: &Asked,
        patch: &Map<String, Value>,
    ) -> Result<Changed<T>, ClientError> {
        self.change(Method::PATCH, &path::<T>(id), asked, Sent::Patch(patch)).await
    }

    /// Takes a member away.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 when there is none, 412 when it changed meanwhile.
    pub async fn delete_member<T: Section>(
        &self,
        id: &str,
        asked: &Asked,
    ) -> Result<Changed<()>, ClientError> {
        self.change(Method::DELETE, &path::<T>(id), asked, Sent::<()>::Nothing).await
    }

    /// What a member would do, if it were made.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 422 when it is not valid.
    pub async fn preview_member<T: Previewed>(
        &self,
        sent: &Map<String, Value>,
    ) -> Result<T::Preview, ClientError> {
        let path = format!("{}/preview", T::PATH);
        let request = self.request(Method::POST, &path).json(sent);
        self.answer(&path, request).await.map(|(answer, _)| answer)
    }
}

fn path<T: Section>(id: &str) -> String {
    format!("{}/{}", T::PATH, segment(id))
}
