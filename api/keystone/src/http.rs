//! One request to Keystone, and an answer of which nothing is believed yet.

use crate::Secret;
use crate::config::Config;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, Method, redirect};
use serde_json::Value;
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// How long a connection that is not used stays open.
const IDLE: Duration = Duration::from_secs(30);

/// Most connections that wait to be used again.
const SPARE: usize = 4;

/// Longest answer about a token, in bytes.
pub(crate) const LONGEST_TOKEN: usize = 256 * 1024;

/// Longest answer that has a service catalogue, in bytes.
pub(crate) const LONGEST_CATALOGUE: usize = 1024 * 1024;

/// Our own token.
pub(crate) const AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

/// The token that a request or an answer is about.
pub(crate) const SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The certificates cannot be read.
    #[error("cannot read the certificates in {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// There is no certificate in the file.
    #[error("{} holds no certificate in PEM form", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The library refuses.
    #[error("cannot make an HTTP client")]
    Client(#[source] reqwest::Error),
}

/// Speaks HTTP.
#[derive(Debug)]
pub(crate) struct Http {
    client: Client,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer; without any address or secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct NoReply(pub(crate) String);

impl Http {
    /// A client as configured.
    ///
    /// # Errors
    ///
    /// [`HttpError`].
    pub(crate) fn new(config: &Config) -> Result<Self, HttpError> {
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(config.timeout)
            .connect_timeout(config.timeout)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(SPARE)
            .user_agent(concat!("gatherd/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &config.ca_file {
            let path = path.clone();
            let text = match std::fs::read(&path) {
                Ok(text) => text,
                Err(source) => return Err(HttpError::Read { path, source }),
            };
            match Certificate::from_pem_bundle(&text) {
                Ok(found) if !found.is_empty() => builder = builder.tls_certs_only(found),
                _ => return Err(HttpError::NoCertificate { path }),
            }
        }
        builder.build().map(|client| Self { client }).map_err(HttpError::Client)
    }

    /// Sends a request with tokens in its headers, and reads at most `longest` bytes of the answer.
    ///
    /// # Errors
    ///
    /// [`NoReply`] when there is none in time, or a longer one.
    pub(crate) async fn send(
        &self,
        method: Method,
        place: Url,
        tokens: &[(HeaderName, &Secret<String>)],
        body: Option<&Value>,
        longest: usize,
    ) -> Result<Reply, NoReply> {
        let mut request = self.client.request(method, place);
        for (name, token) in tokens {
            let value = HeaderValue::from_str(token.reveal());
            let mut value = value.map_err(|_| NoReply("a token cannot be sent".to_owned()))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let mut response = request.send().await.map_err(|error| NoReply(reason(&error)))?;
        let too_long = || NoReply(format!("the answer has more than {longest} bytes"));
        if response.content_length().is_some_and(|length| length > longest as u64) {
            return Err(too_long());
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| NoReply(reason(&error)))? {
            if body.len() + chunk.len() > longest {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, headers, body })
    }
}

impl Reply {
    /// Whether this is Keystone's own way to say its status, and not that of something in front of it.
    pub(crate) fn is_keystone_error(&self) -> bool {
        let body: Option<Value> = serde_json::from_slice(&self.body).ok();
        body.is_some_and(|body| body["error"]["code"] == self.status)
    }
}

/// The place of tokens below an endpoint.
pub(crate) fn tokens_of(endpoint: &Url, query: Option<&str>) -> Url {
    let mut place = endpoint.clone();
    place.set_path(&format!("{}/auth/tokens", endpoint.path().trim_end_matches('/')));
    place.set_query(query);
    place
}

/// What went wrong, without the address.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    let last = causes.last().map_or_else(|| "the request failed".to_owned(), ToString::to_string);
    let kind = if error.is_connect() { "no connection: " } else { "" };
    format!("{kind}{last}")
}
