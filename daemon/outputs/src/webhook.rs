//! Delivers notifications over HTTP, signed, to addresses that were judged.
//!
//! ```text
//!  message ─► JSON ─► HMAC-SHA256 over "time.body" ─► name resolved once, each address judged ─► POST ─► 2xx: delivered
//! ```
//!
//! Nothing here exists before the first delivery: neither a client nor the roots of trust.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use gatherd_engine::port::{Attempt, BoxFuture, Message, NotDelivered, Reach, Target, Webhook};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, StatusCode, redirect};

use crate::message;

/// How long a connection that is not used stays open.
const IDLE: std::time::Duration = std::time::Duration::from_secs(20);

/// Most bytes of a file with certificates.
const LARGEST_CA_FILE: u64 = 1 << 20;

/// One webhook with its client.
pub(crate) struct Hook {
    client: Client,
    url: String,
    key: Option<hmac::Key>,
    headers: HeaderMap,
}

impl Hook {
    /// A way to `webhook`; reads the file with certificates, where there is one.
    ///
    /// # Errors
    ///
    /// When the file cannot be used, or a header cannot be sent.
    pub(crate) fn new(webhook: &Webhook) -> Result<Self, NotDelivered> {
        let authorities = webhook.ca_file.as_deref().map_or_else(|| Ok(Vec::new()), authorities)?;
        let client = Client::builder()
            .tls_certs_merge(authorities)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(webhook.timeout)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(1)
            .user_agent(concat!("gatherd/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Judged(webhook.reach))
            .build()
            .map_err(|error| NotDelivered::Later(reason(&error)))?;
        let headers = webhook.headers.iter().map(|(name, value)| {
            let mut value = HeaderValue::try_from(&value.0).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::try_from(name).ok()?, value))
        });
        let headers = headers.collect::<Option<HeaderMap>>();
        let headers = headers.ok_or_else(|| NotDelivered::Never("a header cannot be sent".to_owned()))?;
        let key =
            webhook.secret.as_ref().map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.0.as_bytes()));
        Ok(Self { client, url: webhook.url.clone(), key, headers })
    }

    async fn post(&self, message: &Message) -> Result<(), NotDelivered> {
        let body = message::json(message).to_string();
        let mut request = self
            .client
            .post(&self.url)
            .headers(self.headers.clone())
            .header("content-type", "application/json")
            .header("x-gatherd-delivery", &message.id)
            .header("x-gatherd-subscription", &*message.subscription)
            .header("x-gatherd-event", if message.number == 0 { "test" } else { "notification" });
        if let Some(key) = &self.key {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
            request = request.header("x-gatherd-signature", signature(key, now, body.as_bytes()));
        }
        match request.body(body).send().await {
            Ok(answer) => judged(answer.status()),
            Err(error) if is_refused(&error) => Err(NotDelivered::Never(reason(&error))),
            Err(error) => Err(NotDelivered::Later(reason(&error))),
        }
    }
}

impl Target for Hook {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Attempt> {
        Box::pin(async { self.post(message).await.into() })
    }
}

/// The certificates of a file. What is wrong with it names the key and not the path, because everybody who may look is
/// told.
fn authorities(path: &Path) -> Result<Vec<Certificate>, NotDelivered> {
    let refused = |why: &dyn fmt::Display| {
        NotDelivered::Later(format!("the file that subscriptions_policy.ca_file names cannot be used: {why}"))
    };
    let mut pem = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST_CA_FILE + 1).read_to_end(&mut pem));
    let length = read.map_err(|error| refused(&error))?;
    if length as u64 > LARGEST_CA_FILE {
        return Err(refused(&format_args!("it has more than {LARGEST_CA_FILE} bytes")));
    }
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if certificates.is_empty() => Err(refused(&"there is no certificate in it")),
        Ok(certificates) => Ok(certificates),
        Err(_) => Err(refused(&"it is no PEM")),
    }
}

/// What an answer means. Whatever it is, its body is not read.
fn judged(status: StatusCode) -> Result<(), NotDelivered> {
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::GONE => {
            Err(NotDelivered::Never("the receiver answers 410: it is gone for good".to_owned()))
        }
        status if status.is_redirection() => {
            Err(NotDelivered::Later(format!("the receiver answers {status}; redirects are not followed")))
        }
        status => Err(NotDelivered::Later(format!("the receiver answers {status}"))),
    }
}

/// `t=<seconds>,v1=<hex>` over the time, a dot and the body.
fn signature(key: &hmac::Key, now: u64, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    context.update(format!("{now}.").as_bytes());
    context.update(body);
    let mut text = format!("t={now},v1=");
    for byte in context.sign().as_ref() {
        let _infallible = write!(text, "{byte:02x}");
    }
    text
}

/// Resolves a name, and lets a connection go only to addresses that the policy admits.
struct Judged(Reach);

/// No address of a name may be connected to.
#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads only to addresses that the policy of subscriptions does not allow")
    }
}

impl Error for Refused {}

impl Resolve for Judged {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            admitted(reach, &found).map(|admitted| Box::new(admitted.into_iter()) as Addrs)
        })
    }
}

fn admitted(reach: Reach, found: &[SocketAddr]) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
    let admitted: Vec<SocketAddr> = found.iter().filter(|it| reach.admits(it.ip())).copied().collect();
    match (found.is_empty(), admitted.is_empty()) {
        (true, _) => Err(Box::new(io::Error::other("the name has no address"))),
        (_, true) => Err(Box::new(Refused)),
        _ => Ok(admitted),
    }
}

fn is_refused(error: &reqwest::Error) -> bool {
    std::iter::successors(error.source(), |error| (*error).source()).any(<dyn Error + 'static>::is::<Refused>)
}

/// What went wrong, without the address, which may have a secret in it.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "the receiver did not answer in time".to_owned();
    }
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    let last = causes.last().map_or_else(|| "the request failed".to_owned(), ToString::to_string);
    let kind = if error.is_connect() { "no connection to the receiver: " } else { "" };
    format!("{kind}{last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_over_time_and_body() {
        // Made with `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key`.
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
        let signed = signature(&key, 1_700_000_000, b"{\"a\":1}");
        assert_eq!(signed, format!("t=1700000000,v1={EXPECTED}"));
    }

    const EXPECTED: &str = "a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03";

    #[test]
    fn a_name_that_leads_within_is_refused_and_of_several_addresses_only_the_good_are_used() {
        let address = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        let mixed = [address("127.0.0.1"), address("93.184.215.14"), address("::ffff:10.0.0.1")];
        assert_eq!(admitted(Reach::Public, &mixed).unwrap(), [address("93.184.215.14")]);
        assert!(admitted(Reach::Public, &mixed[..1]).unwrap_err().is::<Refused>());
        assert!(!admitted(Reach::Public, &[]).unwrap_err().is::<Refused>());
    }

    #[test]
    fn a_file_of_certificates_that_cannot_be_used_is_told_by_its_key_and_not_by_its_path() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("ca.pem");
        let refused = || match authorities(&path) {
            Err(NotDelivered::Later(said)) => said,
            other => panic!("{other:?}"),
        };
        assert!(refused().contains("ca_file") && !refused().contains(&*path.to_string_lossy()));
        for (text, word) in [
            ("", "no certificate in it"),
            ("-----BEGIN CERTIFICATE-----\nöö\n-----END CERTIFICATE-----\n", "no PEM"),
            (&"x".repeat(2 << 20), "more than 1048576 bytes"),
        ] {
            std::fs::write(&path, text).unwrap();
            assert!(refused().contains(word), "{}", refused());
        }
    }

    #[test]
    fn an_answer_is_a_success_only_with_2xx() {
        assert_eq!(judged(StatusCode::NO_CONTENT), Ok(()));
        assert!(matches!(judged(StatusCode::FOUND), Err(NotDelivered::Later(said)) if said.contains("302")));
        assert!(matches!(judged(StatusCode::INTERNAL_SERVER_ERROR), Err(NotDelivered::Later(_))));
        assert!(matches!(judged(StatusCode::GONE), Err(NotDelivered::Never(_))));
    }
}
