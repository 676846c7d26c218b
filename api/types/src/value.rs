//! The newest values of one identifier.

use crate::Timestamp;
use crate::matcher::Specificity;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

/// What the cache holds of one identifier.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct ValueView {
    /// `host/plugin-instance/type-instance`, as collectd writes it.
    #[schema(example = "web1/interface-eth0/if_octets")]
    pub identifier: String,
    /// Host part.
    #[schema(example = "web1")]
    pub host: String,
    /// Plugin part.
    #[schema(example = "interface")]
    pub plugin: String,
    /// Plugin instance part; empty when there is none.
    #[schema(example = "eth0")]
    pub plugin_instance: String,
    /// Type part: the name of the data set.
    #[serde(rename = "type")]
    #[schema(example = "if_octets")]
    pub type_name: String,
    /// Type instance part; empty when there is none.
    pub type_instance: String,
    /// When the values were taken.
    pub time: Timestamp,
    /// Time between two value lists of this series, in seconds.
    #[schema(example = 10.0)]
    pub interval: f64,
    /// What thresholds and silence say about it.
    pub state: ValueState,
    /// What judges it; `null` where no threshold does.
    pub judged: Option<Judged>,
    /// Raw values by data source; `null` is a gauge that is not known.
    #[schema(schema_with = numbers_by_data_source)]
    pub values: BTreeMap<String, Option<Number>>,
    /// Per second, by data source; `null` until two value lists are known. A gauge's rate is its value.
    #[schema(schema_with = numbers_by_data_source)]
    pub rates: BTreeMap<String, Option<f64>>,
    /// Time since the values were taken, in seconds.
    #[schema(example = 3.2)]
    pub age: f64,
    /// Whether the clock stepped within the last interval before the values were taken, or after: `time` is then
    /// not comparable with the times before, or with now.
    pub clock_stepped: bool,
    /// The value lists before, with the newest at the end; only where they were asked for. Empty where no rule of
    /// the configuration's `history` keeps them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub history: Option<Vec<PastValues>>,
}

/// The values of a series at one time.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct PastValues {
    /// When they were taken.
    pub time: Timestamp,
    /// Time until the next were due, in seconds.
    pub interval: f64,
    /// Raw values by data source; `null` is a gauge that was not known.
    #[schema(schema_with = numbers_by_data_source)]
    pub values: BTreeMap<String, Option<Number>>,
    /// Per second, by data source; `null` where none was known.
    #[schema(schema_with = numbers_by_data_source)]
    pub rates: BTreeMap<String, Option<f64>>,
}

/// What judges a series, and why.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Judged {
    /// The id of the threshold; of the first by data source where several share them.
    #[schema(example = "disk-full")]
    pub threshold: String,
    /// How exactly it chooses the series: no other that chooses it does so more exactly.
    pub specificity: Specificity,
    /// All thresholds that judge it, by data source.
    pub by_data_source: BTreeMap<String, String>,
    /// Since when it is in its state; `null` before anything was judged.
    pub since: Option<Timestamp>,
    /// The rule of the blacklist that keeps it from being judged; `null` where there is none.
    pub exempt_by: Option<String>,
    /// The rule of the blacklist that keeps it from being spoken of; `null` where there is none.
    pub silenced_by: Option<String>,
}

/// Schema of an object whose members are numbers or `null`.
fn numbers_by_data_source() -> Object {
    let number = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::Number, Type::Null]));
    ObjectBuilder::new()
        .description(Some("One number per data source, by its name; `null` is not known."))
        .additional_properties(Some(number))
        .build()
}

/// What is known about the health of a series.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValueState {
    /// No threshold judges it.
    Unknown,
    /// Judged, and within its bounds.
    Okay,
    /// Beyond its warning bounds.
    Warning,
    /// Beyond its failure bounds.
    Failure,
    /// It fell silent.
    Missing,
}

/// A number that keeps its kind: integers travel with all their 64 bits, never through a float.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Number {
    /// A counter or an absolute, or any integer from zero on.
    Unsigned(u64),
    /// A derive, or any integer below zero.
    Signed(i64),
    /// A gauge. Finite: JSON has no other numbers.
    Float(f64),
}

impl Number {
    /// A gauge's number; `None` when it is unknown (NaN) or infinite.
    pub fn gauge(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self::Float(value))
    }
}

#[cfg(test)]
mod tests {
    use super::Number;

    #[test]
    fn integers_keep_all_their_bits_there_and_back() {
        for (number, text) in [
            (Number::Unsigned(u64::MAX), "18446744073709551615"),
            (Number::Signed(i64::MIN), "-9223372036854775808"),
            (Number::Float(0.5), "0.5"),
        ] {
            assert_eq!(serde_json::to_string(&number).unwrap(), text);
            assert_eq!(serde_json::from_str::<Number>(text).unwrap(), number);
        }
    }

    #[test]
    fn a_gauge_that_json_cannot_write_is_none() {
        assert_eq!(Number::gauge(f64::NAN), None);
        assert_eq!(Number::gauge(f64::INFINITY), None);
        assert_eq!(Number::gauge(1.0), Some(Number::Float(1.0)));
    }
}
