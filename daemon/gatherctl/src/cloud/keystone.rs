//! What is asked of Keystone: a token with its catalogue, and to take one back.

use super::account::Account;
use super::error::CloudError;
use gatherd_client::types::Timestamp;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Certificate, Client, RequestBuilder, Response, StatusCode, redirect};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long Keystone may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Longest answer that is taken, in bytes; catalogues are long.
const LONGEST: usize = 4 * 1024 * 1024;

/// The type under which the daemon stands in a catalogue.
const SERVICE: &str = "telemetry-agent";

/// A token of Keystone, and what it said with it. It holds a secret, so that it has no debug form.
pub(crate) struct Granted {
    /// The token; a secret.
    pub(crate) token: String,
    /// Whose it is.
    pub(crate) user: String,
    /// When it ends, as Keystone writes it.
    pub(crate) expires_at: Timestamp,
    catalog: Vec<Service>,
}

#[derive(Deserialize)]
struct Answer {
    token: Token,
}

#[derive(Deserialize)]
struct Token {
    user: User,
    expires_at: String,
    #[serde(default)]
    catalog: Vec<Service>,
}

#[derive(Deserialize)]
struct User {
    name: String,
}

#[derive(Deserialize)]
struct Service {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    endpoints: Vec<Endpoint>,
}

#[derive(Deserialize)]
struct Endpoint {
    interface: String,
    #[serde(default)]
    region_id: Option<String>,
    url: String,
}

/// What Keystone says when it refuses.
#[derive(Deserialize)]
struct Refusal {
    error: RefusalError,
}

#[derive(Deserialize)]
struct RefusalError {
    message: String,
}

impl Granted {
    /// Gets a token.
    ///
    /// # Errors
    ///
    /// [`CloudError`] when there is no password, Keystone is not reached, or says no.
    pub(crate) async fn get(account: &Account) -> Result<Self, CloudError> {
        let (client, url) = (client(&account.url, account.cacert.as_deref())?, &account.url);
        let (request, wanted) = match account.borrowed() {
            Some(token) => (about(client.get(tokens(url)), url, token)?, StatusCode::OK),
            None => (client.post(tokens(url)).json(&account.request()?), StatusCode::CREATED),
        };
        let response = request.send().await.map_err(|source| broken(url, source))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = body(url, response).await?;
        if status != wanted {
            return Err(refused(account, status, &headers, &body));
        }
        let foreign = || CloudError::Foreign { url: url.clone(), status: status.as_u16() };
        let given = || headers.get("x-subject-token").and_then(|value| value.to_str().ok());
        let token = account.borrowed().or_else(given).ok_or_else(foreign)?;
        let Answer { token: facts } = serde_json::from_slice(&body).map_err(|_| foreign())?;
        let Token { user, expires_at, catalog } = facts;
        let expires_at = moment(&expires_at).ok_or_else(foreign)?;
        Ok(Self { token: token.to_owned(), user: user.name, expires_at, catalog })
    }

    /// The address of the daemon in the catalogue, without the version in its path.
    ///
    /// # Errors
    ///
    /// [`CloudError::NoService`], [`CloudError::Regions`].
    pub(crate) fn endpoint(&self, account: &Account) -> Result<String, CloudError> {
        if let Some(address) = &account.address {
            return Ok(unversioned(address));
        }
        let endpoints =
            self.catalog.iter().filter(|service| service.kind == SERVICE).flat_map(|it| &it.endpoints);
        let wanted: Vec<&Endpoint> = endpoints
            .filter(|it| it.interface == account.interface)
            .filter(|it| account.region.is_none() || it.region_id == account.region)
            .collect();
        let addresses: BTreeSet<String> = wanted.iter().map(|it| unversioned(&it.url)).collect();
        let cloud = account.label.clone();
        let mut addresses = addresses.into_iter();
        match (addresses.next(), addresses.next()) {
            (Some(address), None) => Ok(address),
            (None, _) => {
                let region = account.region.as_ref().map_or_else(String::new, |name| format!(" in {name}"));
                Err(CloudError::NoService { cloud, interface: account.interface.clone(), region })
            }
            (Some(_), Some(_)) => {
                let names: BTreeSet<&str> = wanted.iter().filter_map(|it| it.region_id.as_deref()).collect();
                Err(CloudError::Regions { cloud, regions: names.into_iter().collect::<Vec<_>>().join(", ") })
            }
        }
    }
}

/// Takes a token back at the Keystone that gave it.
///
/// # Errors
///
/// [`CloudError`] when Keystone is not reached. A token that it does not know any more is taken back already.
pub(crate) async fn revoke(url: &str, cacert: Option<&Path>, token: &str) -> Result<(), CloudError> {
    let request = about(client(url, cacert)?.delete(tokens(url)), url, token)?;
    let response = request.send().await.map_err(|source| broken(url, source))?;
    match response.status() {
        status if status.is_success() => Ok(()),
        StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND => Ok(()),
        status => Err(CloudError::Foreign { url: url.to_owned(), status: status.as_u16() }),
    }
}

fn tokens(url: &str) -> String {
    format!("{url}/auth/tokens")
}

/// A request about a token, which is shown as its own credential.
fn about(request: RequestBuilder, url: &str, token: &str) -> Result<RequestBuilder, CloudError> {
    let mut secret = HeaderValue::from_str(token).map_err(|_| CloudError::NoToken { url: url.to_owned() })?;
    secret.set_sensitive(true);
    Ok(request.header("x-auth-token", secret.clone()).header("x-subject-token", secret))
}

/// A client that follows nobody elsewhere with a password.
fn client(url: &str, cacert: Option<&Path>) -> Result<Client, CloudError> {
    let mut builder = Client::builder()
        .timeout(PATIENCE)
        .redirect(redirect::Policy::none())
        .user_agent(concat!("gatherctl/", env!("CARGO_PKG_VERSION")));
    if let Some(path) = cacert {
        builder = builder.tls_certs_only(certificates(path)?);
    } else if url.starts_with("http://") {
        // The system is not asked whom it believes when there is nobody to believe.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|source| CloudError::Setup { url: url.to_owned(), source })
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, CloudError> {
    let path: PathBuf = path.to_owned();
    let pem = std::fs::read(&path).map_err(|source| CloudError::Read { path: path.clone(), source })?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) | Err(_) => Err(CloudError::Certificates { path }),
    }
}

fn refused(account: &Account, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> CloudError {
    let (url, status) = (account.url.clone(), status.as_u16());
    match serde_json::from_slice::<Refusal>(body) {
        Ok(_) if headers.contains_key("openstack-auth-receipt") => {
            let message = "a second factor is wanted, which is not asked for here".to_owned();
            CloudError::Refused { url, user: account.user(), status, message }
        }
        Ok(Refusal { error: RefusalError { message } }) => {
            CloudError::Refused { url, user: account.user(), status, message }
        }
        Err(_) => CloudError::Foreign { url, status },
    }
}

fn broken(url: &str, source: reqwest::Error) -> CloudError {
    CloudError::Connection { url: url.to_owned(), source: source.without_url() }
}

async fn body(url: &str, mut response: Response) -> Result<Vec<u8>, CloudError> {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|source| broken(url, source))? {
        if body.len() + chunk.len() > LONGEST {
            return Err(CloudError::Foreign { url: url.to_owned(), status });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A moment as Keystone writes it, `2026-01-31T12:00:00.000000Z`, to the second; such texts are in the order of time.
fn moment(text: &str) -> Option<Timestamp> {
    const SHAPE: &str = "0000-00-00T00:00:00";
    let fits = text.is_ascii()
        && text.len() > SHAPE.len()
        && text.ends_with('Z')
        && text.bytes().zip(SHAPE.bytes()).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        });
    if fits { serde_json::from_value(format!("{}Z", &text[..SHAPE.len()]).into()).ok() } else { None }
}

/// An endpoint without a slash and our version at its end, which every path of ours brings itself.
fn unversioned(url: &str) -> String {
    let bare = url.trim_end_matches('/');
    bare.strip_suffix("/v1").unwrap_or(bare).trim_end_matches('/').to_owned()
}
