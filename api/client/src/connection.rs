//! The way to one daemon, and how answers are read.

use crate::distrust::Distrust;
use crate::error::ClientError;
use crate::operation::{self, Answered};
use crate::trust::Trust;
use gatherd_api_types::{Page, Problem};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// Longest answer that is taken, in bytes.
const MAX_ANSWER: usize = 256 * 1024 * 1024;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one pause within an answer may be.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// How long the daemon may let us wait for an answer before it tells of an operation instead, in seconds; less than
/// [`READ_TIMEOUT`].
pub(crate) const PATIENCE: u64 = 30;

/// The credential header.
const TOKEN_HEADER: &str = "x-auth-token";

/// A client of one daemon. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    place: String,
    token: Option<HeaderValue>,
}

impl Client {
    /// A client of the daemon behind a unix socket.
    ///
    /// # Errors
    ///
    /// [`ClientError::Setup`] when the HTTP client cannot be set up. Connecting happens with each call.
    pub fn unix(socket: impl AsRef<Path>) -> Result<Self, ClientError> {
        let place = format!("unix socket {}", socket.as_ref().display());
        // Nothing is encrypted there, so the system is not asked whom it believes.
        let builder = reqwest::Client::builder().unix_socket(socket.as_ref()).tls_certs_only([]);
        Self::build(builder, "http://localhost".to_owned(), place)
    }

    /// A client of the daemon at an `http://` or `https://` address, such as `http://127.0.0.1:8720`; over TLS, the
    /// authorities that the system knows are believed.
    ///
    /// # Errors
    ///
    /// [`ClientError::Address`] when it is no such address, [`ClientError::Setup`] when the HTTP client
    /// cannot be set up.
    pub fn http(address: &str) -> Result<Self, ClientError> {
        Self::trusting(address, &Trust::default())
    }

    /// The same with a word about whom to believe over TLS, and what to show.
    ///
    /// # Errors
    ///
    /// As [`Client::http`].
    pub fn trusting(address: &str, trust: &Trust) -> Result<Self, ClientError> {
        let parsed = reqwest::Url::parse(address).ok().filter(reqwest::Url::has_host);
        let builder = reqwest::Client::builder();
        let builder = match parsed.as_ref().map(reqwest::Url::scheme) {
            Some("http") => builder.tls_certs_only([]),
            Some("https") => trust.apply(builder),
            _ => return Err(ClientError::Address { address: address.to_owned() }),
        };
        let base = address.trim_end_matches('/').to_owned();
        Self::build(builder, base.clone(), base)
    }

    fn build(builder: reqwest::ClientBuilder, base: String, place: String) -> Result<Self, ClientError> {
        let http = builder
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            // Tokens and passwords go to the daemon and to nobody between.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("gatherd-client/", env!("CARGO_PKG_VERSION")))
            .build();
        match http {
            Ok(http) => Ok(Self { http, base, place, token: None }),
            Err(source) => Err(ClientError::Setup { place, source }),
        }
    }

    /// The same client, which shows this token with every call.
    ///
    /// # Errors
    ///
    /// [`ClientError::Header`] when the token cannot travel in a header.
    pub fn with_token(mut self, token: &str) -> Result<Self, ClientError> {
        self.token = Some(secret_header("token", token)?);
        Ok(self)
    }

    /// Where this client connects to, for people.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The next page of a list; `None` after the last one.
    ///
    /// # Errors
    ///
    /// As the operation that gave the page.
    pub async fn next_page<T: DeserializeOwned>(
        &self,
        page: &Page<T>,
    ) -> Result<Option<Page<T>>, ClientError> {
        match &page.next {
            Some(next) if next.starts_with('/') => self.get(next).await.map(Some),
            Some(_) | None => Ok(None),
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        let request = request.header("Prefer", format!("wait={PATIENCE}"));
        match &self.token {
            Some(token) => request.header(TOKEN_HEADER, token),
            None => request,
        }
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.answer(path, self.request(Method::GET, path)).await.map(|(answer, _)| answer)
    }

    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        filter: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        let request = self.request(Method::GET, path).query(filter);
        self.answer(path, request).await.map(|(answer, _)| answer)
    }

    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.answer(path, self.request(Method::POST, path)).await.map(|(answer, _)| answer)
    }

    /// Sends, and reads a JSON answer together with its headers.
    pub(crate) async fn answer<T: DeserializeOwned>(
        &self,
        path: &str,
        request: RequestBuilder,
    ) -> Result<(T, HeaderMap), ClientError> {
        let Answered { status: _, headers, body } = self.ask(path, request).await?;
        Ok((self.read(path, &body)?, headers))
    }

    /// Sends, and reads an answer of text.
    pub(crate) async fn text(&self, path: &str, request: RequestBuilder) -> Result<String, ClientError> {
        let response = self.send(path, request).await?;
        let body = self.body(path, response).await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// Sends, and reads the whole answer; what takes longer is followed to its end.
    pub(crate) async fn ask(&self, path: &str, request: RequestBuilder) -> Result<Answered, ClientError> {
        let answered = self.ask_once(path, request).await?;
        if operation::is_one(&answered) { self.follow_operation(path, &answered).await } else { Ok(answered) }
    }

    pub(crate) async fn ask_once(
        &self,
        path: &str,
        request: RequestBuilder,
    ) -> Result<Answered, ClientError> {
        let response = self.send(path, request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Answered { status, headers, body: self.body(path, response).await? })
    }

    pub(crate) fn read<T: DeserializeOwned>(&self, path: &str, body: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(body).map_err(|source| ClientError::Answer {
            place: self.place.clone(),
            path: path.to_owned(),
            source,
        })
    }

    /// Sends; an answer that is not a success becomes an error.
    pub(crate) async fn send(&self, path: &str, request: RequestBuilder) -> Result<Response, ClientError> {
        let response = request.send().await.map_err(|source| self.broken(source))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.body(path, response).await?;
        Err(self.refused(status, &body))
    }

    pub(crate) fn refused(&self, status: StatusCode, body: &[u8]) -> ClientError {
        match serde_json::from_slice::<Problem>(body) {
            Ok(problem) => ClientError::Problem { problem: Box::new(problem) },
            Err(_) => ClientError::Foreign { place: self.place.clone(), status: status.as_u16() },
        }
    }

    pub(crate) fn broken(&self, source: reqwest::Error) -> ClientError {
        let place = self.place.clone();
        match Distrust::of(&source) {
            Some(distrust) => ClientError::Distrust { place, distrust },
            None => ClientError::Connection { place, source: source.without_url() },
        }
    }

    pub(crate) async fn body(&self, path: &str, mut response: Response) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|source| self.broken(source))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                let (place, path) = (self.place.clone(), path.to_owned());
                return Err(ClientError::TooLong { place, path, limit: MAX_ANSWER });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// A header value that debug output hides.
pub(crate) fn secret_header(what: &'static str, value: &str) -> Result<HeaderValue, ClientError> {
    let mut header = HeaderValue::from_str(value).map_err(|_| ClientError::Header { what })?;
    header.set_sensitive(true);
    Ok(header)
}

/// `text` as one or more path segments: all but unreserved characters and `/` is percent-encoded.
pub(crate) fn segments(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            other => {
                let _infallible = write!(out, "%{other:02X}");
            }
        }
        out
    })
}

/// `text` as exactly one path segment.
pub(crate) fn segment(text: &str) -> String {
    segments(text).replace('/', "%2F")
}
