//! An HTTP client that believes no answer: each is held against the committed document.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, redirect};
use serde_json::Value;

use crate::{Answer, Authority, Document, EventReader, Identity};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(40);

/// How long the daemon may let us wait before it tells of an operation instead, in seconds.
const WAIT: &str = "wait=35";

/// How long a stream may be open.
const ALL_DAY: Duration = Duration::from_hours(24);

/// A request.
#[derive(Clone, Debug)]
pub struct Ask {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Ask {
    /// Any method on a path, query included.
    pub fn new(method: &str, path: impl Into<String>) -> Self {
        let method = Method::from_bytes(method.as_bytes()).expect("tests name methods that can be sent");
        Self { method, path: path.into(), headers: HeaderMap::new(), body: Vec::new() }
    }

    /// A GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    /// A POST.
    pub fn post(path: impl Into<String>) -> Self {
        Self::new("POST", path)
    }

    /// A PUT.
    pub fn put(path: impl Into<String>) -> Self {
        Self::new("PUT", path)
    }

    /// A PATCH that merges.
    pub fn patch(path: impl Into<String>, body: &Value) -> Self {
        Self::new("PATCH", path).body("application/merge-patch+json", body.to_string())
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).expect("tests name headers that can be sent");
        let value = HeaderValue::try_from(value).expect("tests send headers that can be sent");
        self.headers.append(name, value);
        self
    }

    /// With a token.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.header("x-auth-token", token)
    }

    /// With a condition.
    #[must_use]
    pub fn if_match(self, tag: &str) -> Self {
        self.header("if-match", tag)
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// With any body.
    #[must_use]
    pub fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", media_type)
    }
}

/// A client of one daemon, over one transport.
#[derive(Clone, Debug)]
pub struct Checked {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Checked {
    pub(crate) fn unix(socket: &Path) -> Self {
        Self::build(
            reqwest::Client::builder().unix_socket(socket).tls_certs_only([]),
            "http://localhost".to_owned(),
        )
    }

    pub(crate) fn tcp(address: &str) -> Self {
        Self::build(reqwest::Client::builder().tls_certs_only([]), format!("http://{address}"))
    }

    pub(crate) fn tls(address: &str, authority: &Authority, identity: Option<&Identity>) -> Self {
        let pem = std::fs::read(authority.file()).expect("our own file can be read");
        let only = reqwest::Certificate::from_pem(&pem).expect("our own authority has a certificate");
        let mut builder = reqwest::Client::builder().tls_certs_only([only]);
        if let Some(identity) = identity {
            let identity =
                reqwest::Identity::from_pem(&identity.pem()).expect("our own files are an identity");
            builder = builder.identity(identity);
        }
        Self::build(builder, format!("https://{address}"))
    }

    fn build(builder: reqwest::ClientBuilder, base: String) -> Self {
        let http = builder.redirect(redirect::Policy::none()).timeout(PATIENCE).no_proxy().build();
        Self { http: http.expect("a client can be made"), base, token: None }
    }

    /// The same client, which shows this token with every request.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Ask::get(path)).await
    }

    /// POST without a body.
    pub async fn post(&self, path: &str) -> Answer {
        self.send(Ask::post(path)).await
    }

    /// Opens a stream of events.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub async fn stream(&self, ask: Ask) -> EventReader {
        let Ask { method, path, mut headers, body: _ } = ask;
        self.show_token(&mut headers);
        // A stream has no end in time.
        let request = self.http.request(method, format!("{}{path}", self.base)).headers(headers);
        let response = request.timeout(ALL_DAY).send().await.expect("the daemon answers");
        EventReader::new(&path, response)
    }

    /// Sends, and judges the answer.
    ///
    /// # Panics
    ///
    /// When there is no answer, or one that the document does not allow.
    pub async fn send(&self, ask: Ask) -> Answer {
        let shown = format!("{} {}", ask.method, ask.path);
        self.try_send(ask).await.unwrap_or_else(|error| panic!("{shown}: no answer: {error:?}"))
    }

    /// As [`Checked::send`], where there may be no answer.
    ///
    /// # Errors
    ///
    /// When there is none.
    ///
    /// # Panics
    ///
    /// When the document does not allow the answer.
    pub async fn try_send(&self, ask: Ask) -> Result<Answer, reqwest::Error> {
        let Ask { method, path, mut headers, body } = ask;
        self.show_token(&mut headers);
        if !headers.contains_key("prefer") {
            headers.insert("prefer", HeaderValue::from_static(WAIT));
        }
        let request = self.http.request(method.clone(), format!("{}{path}", self.base));
        let request = request.headers(headers).body(body);
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut answer = Answer { status, headers, body: Bytes::new() };
        // A stream has no end; who wants to read it takes [`Checked::stream`].
        if answer.media_type() != "text/event-stream" {
            answer.body = response.bytes().await?;
        }
        Document::committed().judge(method.as_str(), &path, &answer);
        Ok(answer)
    }

    fn show_token(&self, headers: &mut HeaderMap) {
        if let Some(token) = &self.token {
            let token = HeaderValue::try_from(token.as_str()).expect("tokens can be sent");
            headers.insert("x-auth-token", token);
        }
    }

    /// One plugin.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub async fn plugin(&self, id: &str) -> Value {
        self.get(&format!("/v1/plugins/{id}")).await.ok()
    }

    /// A plugin's configuration and its tag.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub async fn plugin_config(&self, id: &str) -> (Value, String) {
        let answer = self.get(&format!("/v1/plugins/{id}/config")).await;
        let tag = answer.header("etag").expect("a configuration has a tag").to_owned();
        (answer.ok(), tag)
    }

    /// All items of a list, page after page.
    ///
    /// # Panics
    ///
    /// When a page is refused.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let mut next = Some(path.to_owned());
        let mut all = Vec::new();
        while let Some(path) = next {
            let page = self.get(&path).await.ok();
            all.extend(page["items"].as_array().cloned().unwrap_or_default());
            next = page["next"].as_str().map(str::to_owned);
        }
        all
    }

    /// The text of one identifier's only value, `None` where there is no such identifier or it has no number.
    pub async fn number(&self, identifier: &str) -> Option<f64> {
        let answer = self.get(&format!("/v1/values/{identifier}")).await;
        if answer.status == 404 {
            return None;
        }
        answer.ok()["values"]["value"].as_f64()
    }
}
