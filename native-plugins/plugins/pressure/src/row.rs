//! The series of one kind of waiting for one resource.

use gatherd_sdk::{Batch, Host, Series};

use crate::Config;
use crate::psi::{Stall, WINDOWS};

/// Microseconds in the unit of the total.
const UNIT: u64 = 1000;

/// The series of one kind of waiting, where they are asked for.
#[derive(Debug)]
pub(crate) struct Row {
    averages: Option<[Series; WINDOWS.len()]>,
    total: Option<Series>,
}

impl Row {
    /// The series of waiting for `resource`, of the kind `some` or `full`.
    pub(crate) fn new(config: &Config, host: &Host, resource: &str, kind: &str) -> Self {
        let average = |window| host.series("pressure", resource, "percent", &format!("{kind}-{window}"));
        let total = || host.series("pressure", resource, "total_time_in_ms", kind);
        Self {
            averages: config.report_averages.then(|| WINDOWS.map(average)),
            total: config.report_total.then(total),
        }
    }

    pub(crate) fn report(&self, stall: &Stall, out: &mut Batch) {
        if let Some(averages) = &self.averages {
            for (series, average) in averages.iter().zip(stall.averages) {
                out.gauge(series, average);
            }
        }
        if let Some(total) = &self.total {
            out.derive(total, (stall.total / UNIT).cast_signed());
        }
    }
}
