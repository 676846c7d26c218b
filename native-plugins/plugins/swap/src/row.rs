//! What is known of some swap space, and the series that tell it.

use gatherd_sdk::{Batch, Host, Series};

use crate::Config;

/// What swap space is used for, in bytes. The parts add up to the whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Parts {
    pub(crate) used: f64,
    pub(crate) free: f64,
    /// Pages that are in memory as well; not told of one device alone, nor by each kernel.
    pub(crate) cached: Option<f64>,
}

/// The series of some swap space, where they are asked for.
#[derive(Debug)]
pub(crate) struct Rows {
    absolute: Option<Row>,
    percent: Option<Row>,
}

/// One series for each part.
#[derive(Debug)]
struct Row {
    used: Series,
    free: Series,
    cached: Series,
}

impl Rows {
    /// The series with the plugin instance `instance`.
    pub(crate) fn new(config: Config, host: &Host, instance: &str) -> Self {
        let row = |type_name| {
            let series = |part| host.series("swap", instance, type_name, part);
            Row { used: series("used"), free: series("free"), cached: series("cached") }
        };
        Self {
            absolute: config.values_absolute.then(|| row("swap")),
            percent: config.values_percentage.then(|| row("percent")),
        }
    }

    /// Reports each part. Of no space at all, each share is NaN.
    pub(crate) fn report(&self, parts: &Parts, out: &mut Batch) {
        if let Some(row) = &self.absolute {
            row.report(parts, 1.0, out);
        }
        if let Some(row) = &self.percent {
            let whole = parts.used + parts.free + parts.cached.unwrap_or(0.0);
            let factor = if whole > 0.0 { 100.0 / whole } else { f64::NAN };
            row.report(parts, factor, out);
        }
    }
}

impl Row {
    fn report(&self, parts: &Parts, factor: f64, out: &mut Batch) {
        out.gauge(&self.used, parts.used * factor);
        out.gauge(&self.free, parts.free * factor);
        if let Some(cached) = parts.cached {
            out.gauge(&self.cached, cached * factor);
        }
    }
}
