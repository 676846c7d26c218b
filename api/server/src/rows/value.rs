//! A row of values: the same members as [`gatherd_api_types::ValueView`], borrowed.

use super::csv::Cells;
use super::times::Times;
use super::write_json;
use gatherd_api_types::{Judged, Number, ValueState};
use std::time::Duration;

/// The columns of values; one line for each data source.
pub(super) const HEAD: &str = "identifier,host,plugin,plugin_instance,type,type_instance,data_source,\
    time,interval,value,rate,state,age,clock_stepped\r\n";

/// The newest values of a series but for its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueRow<'a> {
    /// `host/plugin-instance/type-instance`, as collectd writes it.
    pub identifier: &'a str,
    /// Host part.
    pub host: &'a str,
    /// Plugin part.
    pub plugin: &'a str,
    /// Plugin instance part; empty when there is none.
    pub plugin_instance: &'a str,
    /// Type part: the name of the data set.
    pub type_name: &'a str,
    /// Type instance part; empty when there is none.
    pub type_instance: &'a str,
    /// When the values were taken, since the Unix epoch.
    pub time: Duration,
    /// Time between two value lists of this series, in seconds.
    pub interval: f64,
    /// What thresholds and silence say about it.
    pub state: ValueState,
    /// What judges it.
    pub judged: Option<Judged>,
    /// Time since the values were taken, in seconds.
    pub age: f64,
    /// Whether the clock stepped within the last interval before the values were taken, or after.
    pub clock_stepped: bool,
}

/// The number of one data source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SourceRow<'a> {
    /// Name of the data source.
    pub name: &'a str,
    /// Its raw value; `None` for a gauge that is not known.
    pub value: Option<Number>,
    /// Its rate per second; `None` where none is known.
    pub rate: Option<f64>,
}

impl<'a> ValueRow<'a> {
    /// The JSON that a `ValueView` of the same members has, but for the order of data sources. Written by hand,
    /// because it is written a million times in one answer: the names of members are constants that need no
    /// look for what must be escaped.
    pub(super) fn write_json(
        &self,
        sources: impl Iterator<Item = SourceRow<'a>> + Clone,
        times: &mut Times,
        out: &mut Vec<u8>,
    ) {
        let Self { identifier, host, plugin, plugin_instance, type_name, type_instance, .. } = self;
        let Self { time, interval, state, judged, age, clock_stepped, .. } = self;
        for (name, text) in [
            (&b"{\"identifier\":"[..], identifier),
            (b",\"host\":", host),
            (b",\"plugin\":", plugin),
            (b",\"plugin_instance\":", plugin_instance),
            (b",\"type\":", type_name),
            (b",\"type_instance\":", type_instance),
        ] {
            out.extend_from_slice(name);
            write_text(out, text);
        }
        out.extend_from_slice(b",\"time\":\"");
        times.write(*time, out);
        out.extend_from_slice(b"\",\"interval\":");
        write_float(out, Some(*interval));
        out.extend_from_slice(b",\"state\":\"");
        out.extend_from_slice(word(*state));
        out.extend_from_slice(b"\",\"judged\":");
        match judged {
            None => out.extend_from_slice(b"null"),
            Some(judged) => write_json(out, judged),
        }
        out.extend_from_slice(b",\"values\":{");
        for (index, source) in sources.clone().enumerate() {
            write_name(out, index, source.name);
            match source.value {
                None => out.extend_from_slice(b"null"),
                Some(Number::Float(value)) => write_float(out, Some(value)),
                Some(number) => write_json(out, &number),
            }
        }
        out.extend_from_slice(b"},\"rates\":{");
        for (index, source) in sources.enumerate() {
            write_name(out, index, source.name);
            write_float(out, source.rate);
        }
        out.extend_from_slice(b"},\"age\":");
        write_float(out, Some(*age));
        out.extend_from_slice(b",\"clock_stepped\":");
        out.extend_from_slice(truth(*clock_stepped));
        out.push(b'}');
    }

    pub(super) fn write_csv(
        &self,
        sources: impl Iterator<Item = SourceRow<'a>>,
        times: &mut Times,
        cells: &mut Cells<'_>,
    ) {
        let Self { identifier, host, plugin, plugin_instance, type_name, type_instance, .. } = self;
        let Self { time, interval, state, judged: _, age, clock_stepped, .. } = self;
        for source in sources {
            for text in [identifier, host, plugin, plugin_instance, type_name, type_instance, &source.name] {
                cells.text(text);
            }
            cells.own(|out| times.write(*time, out));
            cells.float(Some(*interval));
            cells.number(source.value);
            cells.float(source.rate);
            cells.own(|out| out.extend_from_slice(word(*state)));
            cells.float(Some(*age));
            cells.own(|out| out.extend_from_slice(truth(*clock_stepped)));
            cells.end();
        }
    }
}

fn word(state: ValueState) -> &'static [u8] {
    match state {
        ValueState::Unknown => b"unknown",
        ValueState::Okay => b"okay",
        ValueState::Warning => b"warning",
        ValueState::Failure => b"failure",
        ValueState::Missing => b"missing",
    }
}

fn truth(truth: bool) -> &'static [u8] {
    if truth { b"true" } else { b"false" }
}

/// The name of a member whose place among the others is `index`.
fn write_name(out: &mut Vec<u8>, index: usize, name: &str) {
    if index > 0 {
        out.push(b',');
    }
    write_text(out, name);
    out.push(b':');
}

/// Text in quotes. Most names have nothing to escape, and are copied then.
fn write_text(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        write_json(out, text);
    }
}

fn write_float(out: &mut Vec<u8>, number: Option<f64>) {
    match number.filter(|number| number.is_finite()) {
        // Whole numbers of everyday size, such as most intervals.
        Some(number)
            if number.fract() == 0.0 && (0.0..1000.0).contains(&number) && number.is_sign_positive() =>
        {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is whole and below 1000"
            )]
            let mut whole = number as u32;
            let mut digits = [b'0'; 3];
            let mut first = digits.len();
            while first == digits.len() || whole > 0 {
                first -= 1;
                digits[first] += u8::try_from(whole % 10).unwrap_or(0);
                whole /= 10;
            }
            out.extend_from_slice(&digits[first..]);
            out.extend_from_slice(b".0");
        }
        Some(number) => write_json(out, &number),
        None => out.extend_from_slice(b"null"),
    }
}
