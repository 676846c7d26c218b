//! The sections `subscriptions` and `subscriptions_policy`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Document;
use super::rule::{Fault, Faults, matcher};
use super::severity::SeverityWord;
use crate::port::{Program, ProgramFormat, Reach, Secret, Subscriber, Webhook};
use crate::rules::Fields;
use crate::subscription::{DEFAULT_ALLOW, Policy, ProgramPolicy, SubscriptionSpec};

/// Longest secret, in bytes.
const LONGEST_SECRET: usize = 1024;
/// Most headers of one webhook.
const MOST_HEADERS: usize = 32;
/// Most arguments of one program, and the longest, in bytes.
const MOST_ARGUMENTS: usize = 64;
const LONGEST_ARGUMENT: usize = 4096;
/// Longest time that a webhook may take, and that a program may run, in seconds.
const LONGEST_CALL: f64 = 60.0;
const LONGEST_RUN: f64 = 300.0;
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
    /// Where they go: a receiver that is called …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookEntry>,
    /// … or a program that is started; one of the two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec: Option<ExecEntry>,
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

/// A subscriber that is a program of this machine.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of the program's keys")]
pub struct ExecEntry {
    /// Where it lies.
    pub program: String,
    /// What it is told besides.
    pub arguments: Vec<String>,
    /// What it reads on its standard input.
    pub format: ExecFormatWord,
    /// How long it may run, in seconds.
    pub timeout: f64,
    /// Whether it is started again for the same message when it failed.
    pub retry: bool,
}

/// What a program reads, as the document says it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecFormatWord {
    /// As collectd's `NotificationExec`.
    #[default]
    Collectd,
    /// What a webhook gets.
    Json,
}

/// The subscriptions by id.
pub type SubscriptionEntries = BTreeMap<String, SubscriptionEntry>;

/// Whom subscriptions may reach; only files say it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of the policy's keys")]
pub struct SubscriptionsPolicy {
    /// Which URLs may be called, such as `https://*:*` or `http://127.0.0.1:8080`.
    pub allow: Vec<String>,
    /// A file with certificates of authorities that are trusted besides the system's, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The directories that programs may be started from; none for none.
    pub exec_dirs: Vec<PathBuf>,
}

/// What the policy says, ready to judge by.
#[derive(Clone, Debug, PartialEq)]
pub struct Judge {
    /// Which URLs may be called.
    pub urls: Policy,
    /// Which programs may be started.
    pub programs: ProgramPolicy,
    /// Whom webhooks trust besides.
    pub ca_file: Option<PathBuf>,
}

impl Default for SubscriptionEntry {
    fn default() -> Self {
        Self {
            enabled: true,
            fields: Fields::default(),
            severity: Vec::new(),
            webhook: None,
            exec: None,
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

impl Default for ExecEntry {
    fn default() -> Self {
        let format = ExecFormatWord::default();
        Self { program: String::new(), arguments: Vec::new(), format, timeout: 30.0, retry: false }
    }
}

impl Default for SubscriptionsPolicy {
    fn default() -> Self {
        Self { allow: vec![DEFAULT_ALLOW.to_owned()], ca_file: None, exec_dirs: Vec::new() }
    }
}

impl Document {
    /// The subscriptions for the room that delivers; of a document that was checked.
    pub fn to_subscriptions(&self) -> BTreeMap<String, SubscriptionSpec> {
        let Ok(judge) = self.subscriptions_policy.compile() else { return BTreeMap::new() };
        let each = self.subscriptions.iter();
        each.filter_map(|(id, entry)| Some((id.clone(), entry.compile(&judge).ok()?))).collect()
    }
}

impl SubscriptionsPolicy {
    /// The rules.
    ///
    /// # Errors
    ///
    /// The place of the first text that is no rule for URLs.
    pub fn compile(&self) -> Result<Judge, usize> {
        let urls = Policy::read(self.allow.iter().map(String::as_str))?;
        let programs = ProgramPolicy::within(&self.exec_dirs);
        Ok(Judge { urls, programs, ca_file: self.ca_file.clone() })
    }
}

impl SubscriptionEntry {
    /// What it says, for the room that delivers.
    ///
    /// # Errors
    ///
    /// All that is wrong with it, pointers into the entry.
    pub fn compile(&self, judge: &Judge) -> Result<SubscriptionSpec, Vec<Fault>> {
        let mut faults = Faults::default();
        let about = faults.take("/match", matcher(&self.fields)).unwrap_or_default();
        let webhook = self.webhook.as_ref();
        let webhook = webhook.and_then(|entry| faults.take("/webhook", entry.compile(judge)));
        let program = self.exec.as_ref();
        let program = program.and_then(|entry| faults.take("/exec", entry.compile(judge)));
        faults.say_if(
            self.webhook.is_some() == self.exec.is_some(),
            "",
            format_args!("one of `webhook` and `exec` is wanted"),
        );
        seconds(&mut faults, "/max_age", self.max_age, 7.0 * DAY);
        faults.say_if(
            !(1..=10_000).contains(&self.queue),
            "/queue",
            format_args!("{} is out of range: 1 to 10000 is allowed", self.queue),
        );
        let webhook = webhook.map(Subscriber::Webhook);
        match webhook.or_else(|| program.map(Subscriber::Program)) {
            Some(subscriber) => faults.end(SubscriptionSpec {
                enabled: self.enabled,
                about,
                severities: self.severity.iter().map(|word| word.to_severity()).collect(),
                subscriber,
                max_age: span(self.max_age),
                queue: self.queue as usize,
            }),
            None => Err(faults.all()),
        }
    }
}

impl WebhookEntry {
    fn compile(&self, judge: &Judge) -> Result<Webhook, Vec<Fault>> {
        let mut faults = Faults::default();
        let Self { url, secret, headers, timeout } = self;
        let url_fault = |refused: crate::subscription::UrlRefused| vec![(String::new(), refused.to_string())];
        let reach = faults.take("/url", judge.urls.judge(url).map_err(url_fault));
        faults.say_if(
            !(1..=LONGEST_SECRET).contains(&secret.as_ref().map_or(1, String::len)),
            "/secret",
            format_args!("a secret has 1 to {LONGEST_SECRET} bytes"),
        );
        let headers = headers.clone().unwrap_or_default();
        faults.say_if(
            headers.len() > MOST_HEADERS || !headers.iter().all(|(name, value)| is_header(name, value)),
            "/headers",
            format_args!(
                "at most {MOST_HEADERS} headers of printable ASCII, none that this daemon or HTTP itself sets"
            ),
        );
        seconds(&mut faults, "/timeout", *timeout, LONGEST_CALL);
        faults.end(Webhook {
            url: url.clone(),
            reach: reach.unwrap_or(Reach::Public),
            secret: secret.clone().map(Secret),
            headers: headers.into_iter().map(|(name, value)| (name, Secret(value))).collect(),
            timeout: span(*timeout),
            ca_file: judge.ca_file.clone(),
        })
    }
}

impl ExecEntry {
    fn compile(&self, judge: &Judge) -> Result<Program, Vec<Fault>> {
        let mut faults = Faults::default();
        let Self { program, arguments, format, timeout, retry } = self;
        let refused =
            |refused: crate::subscription::ProgramRefused| vec![(String::new(), refused.to_string())];
        let path = faults.take("/program", judge.programs.judge(program).map_err(refused));
        let is_one = |argument: &String| argument.len() <= LONGEST_ARGUMENT && !argument.contains('\0');
        faults.say_if(
            arguments.len() > MOST_ARGUMENTS || !arguments.iter().all(is_one),
            "/arguments",
            format_args!(
                "at most {MOST_ARGUMENTS} of up to {LONGEST_ARGUMENT} bytes without NUL are allowed"
            ),
        );
        seconds(&mut faults, "/timeout", *timeout, LONGEST_RUN);
        let format = match format {
            ExecFormatWord::Collectd => ProgramFormat::Collectd,
            ExecFormatWord::Json => ProgramFormat::Json,
        };
        faults.end(Program {
            path: path.unwrap_or_default(),
            directories: judge.programs.directories(),
            arguments: arguments.clone(),
            format,
            timeout: span(*timeout),
            retry: *retry,
        })
    }
}

fn seconds(faults: &mut Faults, pointer: &str, found: f64, most: f64) {
    faults.say_if(
        !(0.1..=most).contains(&found),
        pointer,
        format_args!("{found} is out of range: seconds from 0.1 to {most} are allowed"),
    );
}

fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
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
    fn a_subscription_goes_to_a_webhook_or_to_a_program() {
        let policy =
            SubscriptionsPolicy { exec_dirs: vec!["/opt/x".into()], ..SubscriptionsPolicy::default() };
        let judge = policy.compile().unwrap();
        let compile = |entry: serde_json::Value| {
            let entry: SubscriptionEntry = serde_json::from_value(entry).unwrap();
            entry
                .compile(&judge)
                .map_err(|faults| faults.into_iter().map(|fault| fault.0).collect::<Vec<_>>())
        };
        let (webhook, exec) = (json!({"url": "https://example.org/x"}), json!({"program": "/opt/x/page"}));
        assert_eq!(compile(json!({})).unwrap_err(), [""]);
        assert_eq!(compile(json!({"webhook": webhook, "exec": exec})).unwrap_err(), [""]);
        assert!(matches!(compile(json!({"webhook": webhook})).unwrap().subscriber, Subscriber::Webhook(_)));
        let Subscriber::Program(program) = compile(json!({"exec": exec})).unwrap().subscriber else {
            panic!()
        };
        let expected = Program {
            path: "/opt/x/page".into(),
            directories: [PathBuf::from("/opt/x")].into(),
            arguments: Vec::new(),
            format: ProgramFormat::Collectd,
            timeout: Duration::from_secs(30),
            retry: false,
        };
        assert_eq!(program, expected);
        for (key, value) in [
            ("program", json!("/bin/sh")),
            ("program", json!("/opt/x/../x/page")),
            ("arguments", json!(vec!["a"; 65])),
            ("arguments", json!(["a\0b"])),
            ("arguments", json!(["x".repeat(4097)])),
            ("timeout", json!(0)),
            ("timeout", json!(301)),
        ] {
            let mut exec = exec.clone();
            exec[key] = value;
            assert_eq!(compile(json!({"exec": exec})).unwrap_err(), [format!("/exec/{key}")], "{exec:.80}");
        }
    }

    #[test]
    fn no_secret_is_in_what_is_printed() {
        let entry =
            json!({"webhook": {"url": "https://example.org/x", "secret": "hush", "headers": {"a": "hush"}}});
        let entry: SubscriptionEntry = serde_json::from_value(entry).unwrap();
        let spec = entry.compile(&SubscriptionsPolicy::default().compile().unwrap()).unwrap();
        assert!(!format!("{spec:?}").contains("hush"));
        let Subscriber::Webhook(webhook) = spec.subscriber else { panic!("it is a webhook") };
        assert_eq!(webhook.secret, Some(Secret("hush".into())));
    }
}
