//! Graphite's plain text: `path value time`.
//!
//! Source: lines that collectd 5.12's plugin `write_log` wrote; they are this plugin's fixture.

use std::fmt::Write;

use gatherd_sdk::{CdTime, Value, WriteSample, WrittenValue};

use crate::number;

/// Letters that collectd keeps out of a path, besides blanks and control characters.
const FORBIDDEN: &str = "!\"(),./:\\";

/// Appends `host.plugin[-instance].type[-instance]`.
pub(crate) fn push_path(line: &mut String, sample: &WriteSample<'_>) {
    push_part(line, sample.host());
    push_pair(line, sample.plugin(), sample.plugin_instance());
    push_pair(line, sample.type_name(), sample.type_instance());
}

/// Appends what follows the path of a value list: the data source where there are more than one, value and time.
pub(crate) fn push_value(line: &mut String, written: &WrittenValue<'_>, one_of_many: bool, time: CdTime) {
    if one_of_many {
        line.push('.');
        push_part(line, written.source);
    }
    line.push(' ');
    match written.value {
        Value::Gauge(gauge) => number::push(line, gauge),
        Value::Derive(derive) => push_integer(line, derive),
        Value::Counter(integer) | Value::Absolute(integer) => push_integer(line, integer),
    }
    line.push(' ');
    push_integer(line, nearest_second(time));
}

fn push_pair(line: &mut String, name: &str, instance: &str) {
    line.push('.');
    push_part(line, name);
    if !instance.is_empty() {
        line.push('-');
        push_part(line, instance);
    }
}

/// Appends a part of a path; what would end it, or means something to Graphite's functions, becomes `_`.
fn push_part(line: &mut String, part: &str) {
    let is_special =
        |letter: char| FORBIDDEN.contains(letter) || letter.is_whitespace() || letter.is_control();
    line.extend(part.chars().map(|letter| if is_special(letter) { '_' } else { letter }));
}

fn push_integer(line: &mut String, integer: impl std::fmt::Display) {
    write!(line, "{integer}").expect("memory takes all that is written");
}

/// Seconds since the epoch; half a second counts as a whole one.
fn nearest_second(time: CdTime) -> u64 {
    time.0.saturating_add(1 << 29) >> 30
}
