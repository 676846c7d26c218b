//! Subscriptions: who is told of notifications.

use crate::Timestamp;
use crate::matcher::Matcher;
use crate::notification::Severity;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A subscription.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Subscription {
    /// Its id: 1–64 letters, digits, `-`, `_` and `.`; needed to make one, otherwise that of the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64, example = "oncall")]
    pub id: Option<String>,
    /// The revision that last changed it; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// Whether it is delivered to; true when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// What the notifications must be about; anything when absent.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub fields: Option<Matcher>,
    /// How bad they must be; any when absent or empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Vec<Severity>>,
    /// Where they go: a receiver that is called; this or `exec`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// Where they go: a program that is started; this or `webhook`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec: Option<Exec>,
    /// After this long a message is not tried any more, in seconds; 3600 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0.1, maximum = 604_800)]
    pub max_age: Option<f64>,
    /// Most messages that wait; 1000 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10_000)]
    pub queue: Option<u32>,
    /// What became of its messages; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<SubscriptionStatus>,
}

/// A subscriber that is called over HTTP.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Webhook {
    /// Where. Shown to everybody who may look.
    #[schema(max_length = 2048, example = "https://hooks.example.org/gatherd")]
    pub url: String,
    /// What messages are signed with; not at all when absent. Never shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(write_only, max_length = 1024)]
    pub secret: Option<String>,
    /// More headers, by name. Never shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(write_only)]
    pub headers: Option<BTreeMap<String, String>>,
    /// How long one attempt may take, in seconds; 10 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0.1, maximum = 60)]
    pub timeout: Option<f64>,
}

/// A subscriber that is a program of the daemon's machine, started once for each message.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Exec {
    /// Where it lies: an absolute path, directly in a directory that the daemon's files name.
    #[schema(max_length = 4095, example = "/etc/gatherd/exec/page")]
    pub program: String,
    /// What it is told besides; no shell reads them. Shown to everybody who may look; none when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 64)]
    pub arguments: Option<Vec<String>>,
    /// What it reads on its standard input; `collectd` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<ExecFormat>,
    /// How long it may run, in seconds; 30 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0.1, maximum = 300)]
    pub timeout: Option<f64>,
    /// Whether it is started again for the same message when it failed; false when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<bool>,
}

/// What a program reads on its standard input.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExecFormat {
    /// A line for each field, an empty line, the message; as collectd's `NotificationExec`.
    Collectd,
    /// The JSON that a webhook gets.
    Json,
}

/// What became of a subscription's messages, since the daemon began.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionStatus {
    /// Those that wait, the one under way included.
    pub queued: u64,
    /// Those that were delivered.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Those that were given up.
    pub dropped: SubscriptionDrops,
    /// Notifications that came faster than they could be looked at; nobody knows whether it wanted them.
    pub missed: u64,
    /// When the newest was delivered.
    #[schema(required)]
    pub last_delivered: Option<Timestamp>,
    /// The newest failure.
    #[schema(required)]
    pub last_error: Option<SubscriptionError>,
    /// How its program ran the last time; absent where none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run: Option<SubscriptionRun>,
}

/// How a program ran.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionRun {
    /// When it had ended.
    pub time: Timestamp,
    /// How long it ran, in seconds.
    pub seconds: f64,
    /// The status that it ended with; `null` when a signal ended it.
    #[schema(required)]
    pub exit_status: Option<i32>,
    /// The signal that ended it; `null` when it ended by itself.
    #[schema(required)]
    pub signal: Option<i32>,
    /// Whether it was ended because its time was over.
    pub timed_out: bool,
    /// The last 1024 bytes of what it wrote to its standard error.
    pub stderr: String,
}

/// Messages of a subscription that were given up, by reason.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionDrops {
    /// They made room for newer ones.
    pub full: u64,
    /// They became too old.
    pub aged: u64,
    /// They can never be delivered: the address is not allowed, the receiver is gone, the program failed and is not to
    /// be tried again, the subscription was disabled.
    pub refused: u64,
}

/// A failed delivery.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionError {
    /// When.
    pub time: Timestamp,
    /// Why.
    pub reason: String,
}

/// What came of trying a subscription.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionTest {
    /// Whether the message was delivered.
    pub delivered: bool,
    /// Why not; `null` when it was.
    #[schema(required)]
    pub reason: Option<String>,
    /// How long that took, in seconds.
    pub seconds: f64,
    /// How the program ran; absent where none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<SubscriptionRun>,
}
