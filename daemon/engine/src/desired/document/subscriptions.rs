//! The sections `subscriptions` and `subscriptions_policy`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Document;
use super::rule::{Fault, Faults, matcher};
use super::severity::SeverityWord;
use crate::port::{Secret, Webhook};
use crate::rules::Fields;
use crate::subscription::{DEFAULT_ALLOW, Policy, SubscriptionSpec};

/// Longest secret, in bytes.
const LONGEST_SECRET: usize = 1024;
/// Most headers of one webhook.
const MOST_HEADERS: usize = 32;
/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// Who is told of notifications.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of one subscription's keys")]
pub struct SubscriptionEntry {
    /// Whether it is delivered to.
    pub enabled: bool,
    /// What the notifications must be about.
    #[serde(rename = "match")]
    pub fields: Fields,
    /// How bad they must be; any for none.
    pub severity: Vec<SeverityWord>,
    /// Where they go.
    pub webhook: WebhookEntry,
    /// After this long a message is not tried any more, in seconds.
    pub max_age: f64,
    /// Most messages that wait.
    pub queue: u32,
}

/// A subscriber that is called over HTTP.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of the webhook's keys")]
pub struct WebhookEntry {
    /// Where.
    pub url: String,
    /// What messages are signed with; write-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// More headers, by name; write-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, String>>,
    /// How long one attempt may take, in seconds.
    pub timeout: f64,
}

/// The subscriptions by id.
pub type SubscriptionEntries = BTreeMap<String, SubscriptionEntry>;

/// Whom subscriptions may reach; only files say it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of the policy's keys")]
pub struct SubscriptionsPolicy {
    /// Which URLs may be called, such as `https://*:*` or `http://127.0.0.1:8080`.
    pub allow: Vec<String>,
}

impl Default for SubscriptionEntry {
    fn default() -> Self {
        Self {
            enabled: true,
            fields: Fields::default(),
            severity: Vec::new(),
            webhook: WebhookEntry::default(),
            max_age: 3600.0,
            queue: 1000,
        }
    }
}

impl Default for WebhookEntry {
    fn default() -> Self {
        Self { url: String::new(), secret: None, headers: None, timeout: 10.0 }
    }
}

impl Default for SubscriptionsPolicy {
    fn default() -> Self {
        Self { allow: vec![DEFAULT_ALLOW.to_owned()] }
    }
}

impl Document {
    /// The subscriptions for the room that delivers; of a document that was checked.
    pub fn to_subscriptions(&self) -> BTreeMap<String, SubscriptionSpec> {
        let Ok(policy) = self.subscriptions_policy.compile() else { return BTreeMap::new() };
        let each = self.subscriptions.iter();
        each.filter_map(|(id, entry)| Some((id.clone(), entry.compile(&policy).ok()?))).collect()
    }
}

impl SubscriptionsPolicy {
    /// The rules.
    ///
    /// # Errors
    ///
    /// The place of the first text that is no rule.
    pub fn compile(&self) -> Result<Policy, usize> {
        Policy::read(self.allow.iter().map(String::as_str))
    }
}

impl SubscriptionEntry {
    /// What it says, for the room that delivers.
    ///
    /// # Errors
    ///
    /// All that is wrong with it, pointers into the entry.
    pub fn compile(&self, policy: &Policy) -> Result<SubscriptionSpec, Vec<Fault>> {
        let mut faults = Faults::default();
        let about = faults.take("/match", matcher(&self.fields)).unwrap_or_default();
        let WebhookEntry { url, secret, headers, timeout } = &self.webhook;
        let url_fault = |refused: crate::subscription::UrlRefused| vec![(String::new(), refused.to_string())];
        let reach = faults.take("/webhook/url", policy.judge(url).map_err(url_fault));
        faults.say_if(
            !(1..=LONGEST_SECRET).contains(&secret.as_ref().map_or(1, String::len)),
            "/webhook/secret",
            format_args!("a secret has 1 to {LONGEST_SECRET} bytes"),
        );
        let headers = headers.clone().unwrap_or_default();
        faults.say_if(
            headers.len() > MOST_HEADERS || !headers.iter().all(|(name, value)| is_header(name, value)),
            "/webhook/headers",
            format_args!(
                "at most {MOST_HEADERS} headers of printable ASCII, none that this daemon or HTTP itself sets"
            ),
        );
        let seconds = |faults: &mut Faults, pointer: &str, found: f64, most: f64| {
            faults.say_if(
                !(0.1..=most).contains(&found),
                pointer,
                format_args!("{found} is out of range: seconds from 0.1 to {most} are allowed"),
            );
        };
        seconds(&mut faults, "/webhook/timeout", *timeout, 60.0);
        seconds(&mut faults, "/max_age", self.max_age, 7.0 * DAY);
        faults.say_if(
            !(1..=10_000).contains(&self.queue),
            "/queue",
            format_args!("{} is out of range: 1 to 10000 is allowed", self.queue),
        );
        let span = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        let webhook = Webhook {
            url: url.clone(),
            reach: reach.unwrap_or(crate::port::Reach::Public),
            secret: secret.clone().map(Secret),
            headers: headers.into_iter().map(|(name, value)| (name, Secret(value))).collect(),
            timeout: span(*timeout),
        };
        faults.end(SubscriptionSpec {
            enabled: self.enabled,
            about,
            severities: self.severity.iter().map(|word| word.to_severity()).collect(),
            webhook,
            max_age: span(self.max_age),
            queue: self.queue as usize,
        })
    }
}

/// Whether a header may be added to a request.
fn is_header(name: &str, value: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let ours = lower.starts_with("x-gatherd-")
        || ["host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade", "te"]
            .contains(&lower.as_str());
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=128).contains(&name.len())
        && name.bytes().all(token)
        && !ours
        && value.len() <= 4096
        && value.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(entry: serde_json::Value) -> Vec<String> {
        let policy = SubscriptionsPolicy::default().compile().unwrap();
        let entry: SubscriptionEntry = serde_json::from_value(entry).unwrap();
        let faults = entry.compile(&policy).err().unwrap_or_default();
        faults.into_iter().map(|(pointer, _)| pointer).collect()
    }

    #[test]
    fn everything_wrong_is_told_with_its_place() {
        let with = |key: &str, value: serde_json::Value| {
            let mut entry = json!({"webhook": {"url": "https://example.org/x"}});
            match key.strip_prefix("webhook.") {
                Some(key) => entry["webhook"][key] = value,
                None => entry[key] = value,
            }
            faults(entry)
        };
        assert_eq!(with("enabled", json!(true)), [""; 0]);
        for (key, value, pointer) in [
            ("webhook.url", json!("http://example.org/"), "/webhook/url"),
            ("webhook.url", json!("https://10.0.0.1/"), "/webhook/url"),
            ("webhook.secret", json!(""), "/webhook/secret"),
            ("webhook.secret", json!("x".repeat(1025)), "/webhook/secret"),
            ("webhook.headers", json!({"Host": "x"}), "/webhook/headers"),
            ("webhook.headers", json!({"X-Gatherd-Signature": "x"}), "/webhook/headers"),
            ("webhook.headers", json!({"a b": "x"}), "/webhook/headers"),
            ("webhook.headers", json!({"a": "x\r\ny"}), "/webhook/headers"),
            ("webhook.timeout", json!(0), "/webhook/timeout"),
            ("max_age", json!(0), "/max_age"),
            ("queue", json!(0), "/queue"),
            ("queue", json!(10_001), "/queue"),
            ("match", json!({"host": "re:["}), "/match/host"),
        ] {
            assert_eq!(with(key, value.clone()), [pointer], "{key} {value}");
        }
    }

    #[test]
    fn no_secret_is_in_what_is_printed() {
        let entry =
            json!({"webhook": {"url": "https://example.org/x", "secret": "hush", "headers": {"a": "hush"}}});
        let entry: SubscriptionEntry = serde_json::from_value(entry).unwrap();
        let spec = entry.compile(&SubscriptionsPolicy::default().compile().unwrap()).unwrap();
        assert!(!format!("{spec:?}").contains("hush"));
        assert_eq!(spec.webhook.secret, Some(Secret("hush".into())));
    }
}
