//! collectd's JSON: an array with one object.
//!
//! Source: lines that collectd 5.12's plugin `write_log` wrote; they are this plugin's fixture.

use std::fmt::Write;

use gatherd_sdk::{CdTime, Value, WriteSample};

use crate::number;

/// Appends the array.
pub(crate) fn push(line: &mut String, sample: &WriteSample<'_>) {
    line.push_str("[{\"values\":[");
    push_list(line, sample.values().map(|written| written.value), push_value);
    line.push_str("],\"dstypes\":[");
    push_list(line, sample.values().map(|written| kind(written.value)), push_text);
    line.push_str("],\"dsnames\":[");
    push_list(line, sample.values().map(|written| written.source), push_text);
    line.push_str("],\"time\":");
    push_seconds(line, sample.time());
    line.push_str(",\"interval\":");
    push_seconds(line, sample.interval().span());
    let names = [
        (",\"host\":", sample.host()),
        (",\"plugin\":", sample.plugin()),
        (",\"plugin_instance\":", sample.plugin_instance()),
        (",\"type\":", sample.type_name()),
        (",\"type_instance\":", sample.type_instance()),
    ];
    for (key, name) in names {
        line.push_str(key);
        push_text(line, name);
    }
    line.push_str("}]");
}

fn push_list<T>(line: &mut String, items: impl Iterator<Item = T>, push: impl Fn(&mut String, T)) {
    for (at, item) in items.enumerate() {
        if at > 0 {
            line.push(',');
        }
        push(line, item);
    }
}

/// JSON knows neither NaN nor infinity: they are null.
fn push_value(line: &mut String, value: Value) {
    match value {
        Value::Gauge(gauge) if gauge.is_finite() => number::push(line, gauge),
        Value::Gauge(_) => line.push_str("null"),
        Value::Derive(integer) => push_shown(line, integer),
        Value::Counter(integer) | Value::Absolute(integer) => push_shown(line, integer),
    }
}

fn kind(value: Value) -> &'static str {
    match value {
        Value::Gauge(_) => "gauge",
        Value::Derive(_) => "derive",
        Value::Counter(_) => "counter",
        Value::Absolute(_) => "absolute",
    }
}

/// A string of JSON; what may not stand in one is `?`, as in collectd.
pub(crate) fn push_text(line: &mut String, text: &str) {
    line.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => line.extend(['\\', letter]),
            letter if letter.is_control() => line.push('?'),
            letter => line.push(letter),
        }
    }
    line.push('"');
}

fn push_seconds(line: &mut String, time: CdTime) {
    push_shown(line, format_args!("{:.3}", time.as_secs_f64()));
}

fn push_shown(line: &mut String, what: impl std::fmt::Display) {
    write!(line, "{what}").expect("memory takes all that is written");
}
