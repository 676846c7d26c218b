//! What happened lately.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

/// One notification of the recent ring.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Notification {
    /// Its number; later ones are greater. Starts anew when the daemon does.
    pub id: u64,
    /// When it happened.
    pub time: Timestamp,
    /// How bad it is.
    pub severity: Severity,
    /// What happened, for people.
    pub message: String,
    /// Host that it is about.
    pub host: String,
    /// Plugin part of the identifier; empty when there is none.
    pub plugin: String,
    /// Plugin instance part; empty when there is none.
    pub plugin_instance: String,
    /// Type part; empty when there is none.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Type instance part; empty when there is none.
    pub type_instance: String,
    /// Further facts by name.
    #[schema(schema_with = facts)]
    pub meta: BTreeMap<String, MetaValue>,
    /// How often it came: more than once where equal ones that came soon after it were counted on it.
    pub count: u64,
    /// When the newest of them happened.
    pub last_time: Timestamp,
    /// Who took note of it; `null` while nobody did.
    #[schema(required)]
    pub acknowledged: Option<Acknowledgement>,
}

/// That somebody took note of a notification.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Acknowledgement {
    /// Who.
    pub by: String,
    /// When.
    pub time: Timestamp,
    /// What there was to say; may be empty.
    pub comment: String,
}

/// What is said of a notification when note is taken of it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AcknowledgeRequest {
    /// What there is to say.
    #[schema(max_length = 1024, example = "the disk is being replaced")]
    pub comment: String,
}

/// A notification from outside, as collectd's `PUTNOTIF` takes it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNotification {
    /// How bad it is.
    pub severity: Severity,
    /// What happened, for people; 1 to 4096 bytes.
    #[schema(max_length = 4096, example = "the backup is done")]
    pub message: String,
    /// When it happened; now when nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// Host that it is about; the daemon's own when nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 127)]
    pub host: Option<String>,
    /// Plugin part of the identifier.
    #[serde(default)]
    #[schema(max_length = 127)]
    pub plugin: String,
    /// Plugin instance part.
    #[serde(default)]
    #[schema(max_length = 127)]
    pub plugin_instance: String,
    /// Type part.
    #[serde(default, rename = "type")]
    #[schema(max_length = 127)]
    pub type_name: String,
    /// Type instance part.
    #[serde(default)]
    #[schema(max_length = 127)]
    pub type_instance: String,
    /// Further facts by name; at most 64.
    #[serde(default)]
    #[schema(schema_with = facts)]
    pub meta: BTreeMap<String, MetaValue>,
}

/// collectd's severities; not a log level.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Back to normal.
    Okay,
    /// Somebody should look.
    Warning,
    /// Somebody must act.
    Failure,
}

/// Schema of the facts of a notification.
fn facts() -> Object {
    let fact = SchemaType::from_iter([Type::Boolean, Type::Number, Type::String, Type::Null]);
    ObjectBuilder::new()
        .description(Some("Further facts by name; integers keep all their 64 bits."))
        .additional_properties(Some(ObjectBuilder::new().schema_type(fact)))
        .build()
}

/// A fact of a notification.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
pub enum MetaValue {
    /// A truth value.
    Boolean(bool),
    /// An integer from zero on.
    Unsigned(u64),
    /// An integer below zero.
    Signed(i64),
    /// Any other number; one that JSON cannot write travels as `null` and arrives as `Unknown`.
    Float(f64),
    /// Text.
    Text(String),
    /// A number that JSON cannot write.
    Unknown,
}
