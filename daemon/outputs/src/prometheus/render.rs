//! The text itself, piece by piece.

use std::fmt::Write as _;
use std::sync::Arc;

use gatherd_engine::cache::Cache;
use gatherd_engine::port::ExpositionFormat;
use gatherd_engine::series::Parts;
use gatherd_model::{CdTime, Value};

use super::Group;
use super::names::{Family, push_labels};

/// Bytes after which a piece is handed out.
const PIECE: usize = 64 * 1024;

/// Makes the text of all families, one piece at a time.
pub(super) struct Render {
    cache: Arc<Cache>,
    format: ExpositionFormat,
    /// Older values are not shown.
    oldest: CdTime,
    groups: Vec<Group>,
    families: Vec<Family>,
    /// Which family, and which of its series, comes next.
    at: (usize, usize),
    done: bool,
    raw: Vec<u64>,
    rates: Vec<f64>,
}

impl Render {
    pub(super) fn new(
        cache: Arc<Cache>,
        format: ExpositionFormat,
        oldest: CdTime,
        groups: Vec<Group>,
        families: Vec<Family>,
    ) -> Self {
        Self {
            cache,
            format,
            oldest,
            groups,
            families,
            at: (0, 0),
            done: false,
            raw: Vec::new(),
            rates: Vec::new(),
        }
    }

    /// Writes the family's head where its first series comes next, and where the family before has not the
    /// same name.
    fn push_head(&self, text: &mut String) {
        let family = &self.families[self.at.0];
        let same_as_before = self.at.0 > 0 && self.families[self.at.0 - 1].name == family.name;
        if self.at.1 > 0 || same_as_before {
            return;
        }
        let openmetrics = self.format == ExpositionFormat::OpenMetrics;
        // OpenMetrics names the family, the classic text names its samples.
        let suffix = if family.grows && !openmetrics { "_total" } else { "" };
        let kind = if family.grows { "counter" } else { "gauge" };
        let name = &family.name;
        let _infallible =
            writeln!(text, "# HELP {name}{suffix} {}\n# TYPE {name}{suffix} {kind}", family.help);
    }

    /// Writes the sample of the next series, unless it expired meanwhile.
    fn push_sample(&mut self, text: &mut String) {
        let family = &self.families[self.at.0];
        let group = &self.groups[family.group];
        let id = group.series[self.at.1];
        let Some(slot) = self.cache.table().slot(id) else { return };
        let Some(reading) = slot.read(id.generation, &mut self.raw, &mut self.rates) else { return };
        let Some(identifier) = self.cache.table().text(id) else { return };
        let shown = reading.meta.filled && reading.time >= self.oldest;
        let (Some(bits), true) = (self.raw.get(family.source), shown) else { return };
        text.push_str(&family.name);
        if family.grows {
            text.push_str("_total");
        }
        push_labels(text, &Parts::of(&identifier));
        text.push(' ');
        push_value(text, Value::from_bits(group.data_set.sources[family.source].kind, *bits));
        push_time(text, self.format, reading.time);
        text.push('\n');
    }

    fn advance(&mut self) {
        self.at.1 += 1;
        let family = &self.families[self.at.0];
        if self.at.1 >= self.groups[family.group].series.len() {
            self.at = (self.at.0 + 1, 0);
        }
    }
}

fn push_value(text: &mut String, value: Value) {
    let _infallible = match value {
        Value::Gauge(value) if value.is_nan() => text.write_str("NaN"),
        Value::Gauge(value) if value.is_infinite() => {
            text.write_str(if value > 0.0 { "+Inf" } else { "-Inf" })
        }
        Value::Gauge(value) => text.write_str(zmij::Buffer::new().format_finite(value)),
        Value::Derive(value) => write!(text, "{value}"),
        Value::Counter(value) | Value::Absolute(value) => write!(text, "{value}"),
    };
}

/// Milliseconds in the classic text, seconds in OpenMetrics.
fn push_time(text: &mut String, format: ExpositionFormat, time: CdTime) {
    let millis = time.as_nanos() / 1_000_000;
    let _infallible = match format {
        ExpositionFormat::Classic => write!(text, " {millis}"),
        ExpositionFormat::OpenMetrics => write!(text, " {}.{:03}", millis / 1000, millis % 1000),
    };
}

impl Iterator for Render {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if self.done {
            return None;
        }
        let mut text = String::with_capacity(PIECE + 1024);
        while self.at.0 < self.families.len() && text.len() < PIECE {
            self.push_head(&mut text);
            self.push_sample(&mut text);
            self.advance();
        }
        if self.at.0 == self.families.len() {
            self.done = true;
            if self.format == ExpositionFormat::OpenMetrics {
                text.push_str("# EOF\n");
            }
        }
        Some(text.into_bytes())
    }
}
