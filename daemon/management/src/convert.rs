//! Small conversions that several resources share.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gatherd_api::ManagementError;
use gatherd_api::types::{Number, Timestamp};
use gatherd_engine::port::{DropReason, PluginId};
use gatherd_model::{CdTime, Value};

/// A moment of the wall clock.
pub(crate) fn timestamp(time: CdTime) -> Timestamp {
    let span = time.as_duration();
    Timestamp::from_unix(i64::try_from(span.as_secs()).unwrap_or(i64::MAX), span.subsec_nanos())
}

/// A moment that a caller wrote; `None` for what is no time since 1970.
pub(crate) fn time_of(written: &Timestamp) -> Option<CdTime> {
    let time: jiff::Timestamp = written.as_str().parse().ok()?;
    let since = time.duration_since(jiff::Timestamp::UNIX_EPOCH);
    Some(CdTime::from_duration(since.try_into().ok()?))
}

/// A moment in milliseconds since the Unix epoch.
pub(crate) fn milliseconds(since: u64) -> Timestamp {
    let nanoseconds = u32::try_from(since % 1000 * 1_000_000).unwrap_or(0);
    Timestamp::from_unix(i64::try_from(since / 1000).unwrap_or(i64::MAX), nanoseconds)
}

/// A raw value; `None` for a gauge that JSON can not write.
pub(crate) fn number(value: Value) -> Option<Number> {
    match value {
        Value::Gauge(value) => Number::gauge(value),
        Value::Derive(value) => Some(u64::try_from(value).map_or(Number::Signed(value), Number::Unsigned)),
        Value::Counter(value) | Value::Absolute(value) => Some(Number::Unsigned(value)),
    }
}

/// A span in seconds, without the dust of its binary fraction below a nanosecond.
pub(crate) fn seconds(span: CdTime) -> f64 {
    (span.as_secs_f64() * 1e9).round() / 1e9
}

/// Drops by the word of their reason.
pub(crate) fn drops(counted: impl IntoIterator<Item = (DropReason, u64)>) -> BTreeMap<String, u64> {
    counted.into_iter().map(|(reason, count)| (reason.as_str().to_owned(), count)).collect()
}

/// An id as callers write it; what can not be one is not found.
pub(crate) fn plugin_id(text: &str) -> Result<PluginId, ManagementError> {
    text.parse().map_err(|_| no_plugin(text))
}

pub(crate) fn no_plugin(id: &str) -> ManagementError {
    let id: String = id.chars().take(64).collect();
    ManagementError::NotFound { detail: format!("there is no plugin {id:?}; GET /v1/plugins lists them") }
}

/// Takes the directories of this machine out of a text, so that only file names are left of paths.
pub(crate) fn without_directories(text: &str, directories: &[PathBuf]) -> String {
    let mut text = text.to_owned();
    for directory in directories {
        let directory = directory.to_string_lossy();
        let directory = directory.trim_end_matches('/');
        if !directory.is_empty() {
            text = text.replace(&format!("{directory}/"), "").replace(directory, "its directory");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_keep_their_bits_and_their_sign() {
        assert_eq!(number(Value::Derive(-3)), Some(Number::Signed(-3)));
        assert_eq!(number(Value::Derive(3)), Some(Number::Unsigned(3)));
        assert_eq!(number(Value::Counter(u64::MAX)), Some(Number::Unsigned(u64::MAX)));
        assert_eq!(number(Value::Gauge(f64::NAN)), None);
    }

    #[test]
    fn a_time_keeps_its_fraction() {
        assert_eq!(timestamp(CdTime((1 << 30) + (1 << 29))).as_str(), "1970-01-01T00:00:01.500000000Z");
    }

    #[test]
    fn a_moment_in_milliseconds_keeps_them() {
        assert_eq!(milliseconds(1_700_000_000_250).as_str(), "2023-11-14T22:13:20.250000000Z");
    }

    #[test]
    fn a_span_reads_as_it_was_written() {
        let fifth = gatherd_model::Interval::from_secs_f64(0.2).unwrap();
        assert_eq!(seconds(fifth.span()), 0.2);
        assert_eq!(seconds(CdTime::from_secs(86_400)), 86_400.0);
    }

    #[test]
    fn only_file_names_are_left_of_paths() {
        let directories = [PathBuf::from("/usr/lib/gatherd/"), PathBuf::from("/")];
        let text = "cannot load /usr/lib/gatherd/cpu.so: /usr/lib/gatherd is writable by others";
        assert_eq!(
            without_directories(text, &directories),
            "cannot load cpu.so: its directory is writable by others"
        );
    }
}
