//! Delivers notifications over HTTP, signed, to addresses that were judged.
//!
//! ```text
//!  message ─► JSON ─► HMAC-SHA256 over "time.body" ─► name resolved once, each address judged ─► POST ─► 2xx: delivered
//! ```
//!
//! Nothing here exists before the first delivery: neither a client nor the roots of trust.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::io;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use gatherd_engine::port::{BoxFuture, Message, NotDelivered, Reach, Target, Targets, Webhook};
use gatherd_model::{MetaValue, Notification};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode, redirect};
use serde_json::{Map, Value, json};

/// How long a connection that is not used stays open.
const IDLE: std::time::Duration = std::time::Duration::from_secs(20);

/// Makes ways to webhooks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Webhooks;

impl Targets for Webhooks {
    fn open(&self, webhook: &Webhook) -> Result<Box<dyn Target>, NotDelivered> {
        Ok(Box::new(Hook::new(webhook)?))
    }
}

/// One webhook with its client.
struct Hook {
    client: Client,
    url: String,
    key: Option<hmac::Key>,
    headers: HeaderMap,
}

impl Hook {
    fn new(webhook: &Webhook) -> Result<Self, NotDelivered> {
        let client = Client::builder()
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
        let body = body(message).to_string();
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
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), NotDelivered>> {
        Box::pin(self.post(message))
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

/// What a receiver is told; the notification as the API shows it, but for what becomes of it later.
fn body(message: &Message) -> Value {
    let Message { id, subscription, number, notification } = message;
    let Notification {
        severity,
        time,
        message,
        host,
        plugin,
        plugin_instance,
        type_name,
        type_instance,
        meta,
    } = &**notification;
    let span = time.as_duration();
    let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    let time = gatherd_api_types::Timestamp::from_unix(seconds, span.subsec_nanos());
    let meta: Map<String, Value> = meta.iter().map(|(name, value)| (name.clone(), fact(value))).collect();
    json!({
        "delivery": id,
        "subscription": &**subscription,
        "test": *number == 0,
        "notification": {
            "id": number,
            "time": time.as_str(),
            "severity": severity.to_string(),
            "message": message,
            "host": host,
            "plugin": plugin,
            "plugin_instance": plugin_instance,
            "type": type_name,
            "type_instance": type_instance,
            "meta": meta,
        },
    })
}

fn fact(value: &MetaValue) -> Value {
    match value {
        MetaValue::String(text) => text.as_str().into(),
        MetaValue::Int(value) => (*value).into(),
        MetaValue::UInt(value) => (*value).into(),
        MetaValue::Double(value) => (*value).into(),
        MetaValue::Bool(value) => (*value).into(),
    }
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
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use gatherd_model::{CdTime, Severity};

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
    fn an_answer_is_a_success_only_with_2xx() {
        assert_eq!(judged(StatusCode::NO_CONTENT), Ok(()));
        assert!(matches!(judged(StatusCode::FOUND), Err(NotDelivered::Later(said)) if said.contains("302")));
        assert!(matches!(judged(StatusCode::INTERNAL_SERVER_ERROR), Err(NotDelivered::Later(_))));
        assert!(matches!(judged(StatusCode::GONE), Err(NotDelivered::Never(_))));
    }

    #[test]
    fn a_body_has_what_the_api_shows() {
        let notification = Notification {
            severity: Severity::Failure,
            time: CdTime::from_secs(1_700_000_000),
            message: "full".into(),
            host: "h".into(),
            plugin: "df".into(),
            plugin_instance: "root".into(),
            type_name: "percent_bytes".into(),
            type_instance: "used".into(),
            meta: BTreeMap::from([
                ("n".into(), MetaValue::UInt(u64::MAX)),
                ("x".into(), MetaValue::Double(f64::NAN)),
            ]),
        };
        let message = Message {
            id: "1-7-a".into(),
            subscription: "a".into(),
            number: 7,
            notification: Arc::new(notification),
        };
        assert_eq!(
            body(&message),
            json!({"delivery": "1-7-a", "subscription": "a", "test": false, "notification": {"id": 7,
                "time": "2023-11-14T22:13:20Z", "severity": "failure", "message": "full", "host": "h", "plugin": "df",
                "plugin_instance": "root", "type": "percent_bytes", "type_instance": "used",
                "meta": {"n": u64::MAX, "x": null}}})
        );
    }
}
