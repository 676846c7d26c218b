//! Value lists that callers put in.

use crate::Number;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};

/// The values of one series at one time.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ValueList {
    /// `host/plugin-instance/type-instance`, as collectd writes it; an empty host is the daemon's own.
    #[schema(example = "web1/backup-nightly/duration")]
    pub identifier: String,
    /// When the values were taken; now where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Moment>,
    /// Time until the next values of the series, in seconds; the daemon's own where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0.001, maximum = 31_536_000)]
    pub interval: Option<f64>,
    /// One number for each data source.
    #[schema(schema_with = numbers)]
    pub values: Numbers,
}

/// A moment, as callers write it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Moment {
    /// Seconds since 1970.
    Seconds(f64),
    /// RFC 3339 text, such as `2026-01-31T12:00:00.5Z`.
    Text(String),
}

/// The numbers of a value list; `null` is a gauge that is not known.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Numbers {
    /// In the order of the data set.
    Ordered(Vec<Option<Number>>),
    /// By data source, as `GET /v1/values` shows them.
    Named(BTreeMap<String, Option<Number>>),
}

/// Schema of numbers by order or by name.
fn numbers() -> Schema {
    let number = || ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::Number, Type::Null]));
    OneOfBuilder::new()
        .description(Some("One number per data source; `null` is a gauge that is not known."))
        .item(ArrayBuilder::new().items(number()).min_items(Some(1)).max_items(Some(16)))
        .item(ObjectBuilder::new().additional_properties(Some(number())))
        .build()
        .into()
}

/// One value list, or up to 10,000 of them.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ValueLists {
    /// One.
    One(ValueList),
    /// Several, taken in their order.
    Many(Vec<ValueList>),
}

/// What became of value lists that were put in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct ValuesTaken {
    /// How many the cache took.
    pub taken: u64,
    /// Those that it did not take, in their order; all others were taken.
    pub refused: Vec<RefusedValueList>,
}

/// A value list that was not taken.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct RefusedValueList {
    /// Its place among those that were sent, from 0 on.
    pub index: u64,
    /// Its identifier, as it was sent; cut where it is long.
    pub identifier: String,
    /// Why it was not taken.
    pub reason: ValueRefusal,
    /// The same for people.
    pub detail: String,
}

/// Why a value list is not taken.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValueRefusal {
    /// The identifier is none: a part is missing, too long, or holds a control character.
    BadName,
    /// There is no data set of the type's name.
    UnknownType,
    /// Not as many values as the data set has, or other names.
    WrongCount,
    /// A number does not fit its data source.
    BadValue,
    /// The time is none.
    BadTime,
    /// The interval is not between a millisecond and a year.
    BadInterval,
    /// Not later than the newest values of the series.
    TooOld,
    /// Further in the future than the daemon tolerates.
    TooNew,
    /// A rule of the blacklist hides the series.
    Blacklisted,
    /// A filter takes it out.
    Filtered,
    /// A limit on series is reached.
    OverQuota,
    /// The series expired in this very moment; sent again it is taken.
    StaleHandle,
    /// The daemon stops.
    Closed,
}

impl ValueRefusal {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadName => "bad_name",
            Self::UnknownType => "unknown_type",
            Self::WrongCount => "wrong_count",
            Self::BadValue => "bad_value",
            Self::BadTime => "bad_time",
            Self::BadInterval => "bad_interval",
            Self::TooOld => "too_old",
            Self::TooNew => "too_new",
            Self::Blacklisted => "blacklisted",
            Self::Filtered => "filtered",
            Self::OverQuota => "over_quota",
            Self::StaleHandle => "stale_handle",
            Self::Closed => "closed",
        }
    }

    /// The member of the value list that is at fault; empty where it is none.
    pub fn member(self) -> &'static str {
        match self {
            Self::BadName | Self::UnknownType => "identifier",
            Self::WrongCount | Self::BadValue => "values",
            Self::BadTime | Self::TooOld | Self::TooNew => "time",
            Self::BadInterval => "interval",
            Self::Blacklisted | Self::Filtered | Self::OverQuota | Self::StaleHandle | Self::Closed => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_a_refusal_is_the_one_on_the_wire() {
        for refusal in [
            ValueRefusal::BadName,
            ValueRefusal::UnknownType,
            ValueRefusal::WrongCount,
            ValueRefusal::BadValue,
            ValueRefusal::BadTime,
            ValueRefusal::BadInterval,
            ValueRefusal::TooOld,
            ValueRefusal::TooNew,
            ValueRefusal::Blacklisted,
            ValueRefusal::Filtered,
            ValueRefusal::OverQuota,
            ValueRefusal::StaleHandle,
            ValueRefusal::Closed,
        ] {
            assert_eq!(serde_json::to_value(refusal).unwrap(), refusal.as_str());
        }
    }

    #[test]
    fn values_are_numbers_in_order_or_by_name() {
        let list: ValueList =
            serde_json::from_str(r#"{"identifier": "h/p/t", "values": [1, null, -2, 0.5]}"#).unwrap();
        let numbers = [Some(Number::Unsigned(1)), None, Some(Number::Signed(-2)), Some(Number::Float(0.5))];
        assert_eq!(list.values, Numbers::Ordered(numbers.to_vec()));
        let list: ValueList = serde_json::from_str(
            r#"{"identifier": "h/p/t", "time": "2026-01-31T12:00:00Z", "values": {"rx": 18446744073709551615}}"#,
        )
        .unwrap();
        assert_eq!(
            list.values,
            Numbers::Named(BTreeMap::from([("rx".to_owned(), Some(Number::Unsigned(u64::MAX)))]))
        );
        assert_eq!(list.time, Some(Moment::Text("2026-01-31T12:00:00Z".to_owned())));
    }
}
