//! Tokens: log in, who am I, log out.

use crate::connection::{Client, secret_header};
use crate::error::ClientError;
use gatherd_api_types::{Token, TokenAnswer, TokenRequest};
use reqwest::Method;
use std::fmt;

/// The header that carries a token as a thing, not as a credential.
const SUBJECT_HEADER: &str = "x-subject-token";

/// A fresh token and what it says. Its debug form hides the token.
#[derive(Clone, Eq, PartialEq)]
pub struct Session {
    /// The token; a secret.
    pub token: String,
    /// Whose it is, what it may, until when.
    pub facts: Token,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { token: _, facts } = self;
        f.debug_struct("Session").field("facts", facts).finish_non_exhaustive()
    }
}

impl Client {
    /// Gets a token for a user of the daemon; show it with [`Client::with_token`].
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 401 when name or password is wrong, 429 after too many attempts.
    pub async fn login(&self, user: &str, password: &str) -> Result<Session, ClientError> {
        let path = "/v1/auth/tokens";
        let request = self.request(Method::POST, path).json(&TokenRequest::password(user, password));
        let (answer, headers) = self.answer::<TokenAnswer>(path, request).await?;
        let token = headers.get(SUBJECT_HEADER).and_then(|value| value.to_str().ok());
        match token {
            Some(token) => Ok(Session { token: token.to_owned(), facts: answer.token }),
            None => Err(ClientError::Foreign { place: self.place().to_owned(), status: 201 }),
        }
    }

    /// Who the daemon takes this client for.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 401 when it takes it for nobody.
    pub async fn whoami(&self) -> Result<Token, ClientError> {
        self.get::<TokenAnswer>("/v1/auth/tokens").await.map(|answer| answer.token)
    }

    /// Makes a token worthless from now on.
    ///
    /// # Errors
    ///
    /// [`ClientError::Problem`] with 404 when it already is, 403 when it is another user's.
    pub async fn revoke(&self, token: &str) -> Result<(), ClientError> {
        let path = "/v1/auth/tokens";
        let subject = secret_header("token", token)?;
        self.send(path, self.request(Method::DELETE, path).header(SUBJECT_HEADER, subject)).await?;
        Ok(())
    }
}
