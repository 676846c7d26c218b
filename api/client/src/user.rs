//! The daemon's own users.

use crate::connection::{Client, segment};
use crate::error::ClientError;
use crate::section::PageFilter;
use gatherd_api_types::{Page, RotatedUser, User, UserChange};
use reqwest::Method;

impl Client {
    /// The daemon's own users, by name.
    ///
    /// # Errors
    ///
    /// [`ClientError`] when there is no answer, or a refusal.
    pub async fn users(&self, filter: &PageFilter) -> Result<Page<User>, ClientError> {
        self.list("/v1/auth/users", filter).await
    }

    /// Makes a user, or changes one; what is left out stays as it is.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 422 when name, role or password is missing or not one, 409 for the last admin;
    /// otherwise as [`Client::users`].
    pub async fn put_user(&self, name: &str, change: &UserChange) -> Result<User, ClientError> {
        let path = format!("/v1/auth/users/{}", segment(name));
        let request = self.request(Method::PUT, &path).json(change);
        self.answer(&path, request).await.map(|(answer, _)| answer)
    }

    /// Whether there is a user of this name.
    ///
    /// # Errors
    ///
    /// As [`Client::users`]; that there is none is no error.
    pub async fn has_user(&self, name: &str) -> Result<bool, ClientError> {
        match self.get::<User>(&format!("/v1/auth/users/{}", segment(name))).await {
            Ok(_user) => Ok(true),
            Err(ClientError::Problem { problem }) if problem.status == 404 => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes a user away.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 when there is none, 409 for the last admin; otherwise as [`Client::users`].
    pub async fn delete_user(&self, name: &str) -> Result<(), ClientError> {
        let path = format!("/v1/auth/users/{}", segment(name));
        self.send(&path, self.request(Method::DELETE, &path)).await?;
        Ok(())
    }

    /// Gives a user a new password, which the answer tells.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 when there is no such user; otherwise as [`Client::users`].
    pub async fn rotate_user(&self, name: &str) -> Result<RotatedUser, ClientError> {
        self.post(&format!("/v1/auth/users/{}/rotate", segment(name))).await
    }
}
