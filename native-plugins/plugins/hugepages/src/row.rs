//! The series of the pages of one size.

use gatherd_sdk::{Batch, Host, Series};

use crate::Config;
use crate::pool::Pages;

/// The series of the pages of one size, on one node or on all, where they are asked for.
#[derive(Debug)]
pub(crate) struct Rows {
    /// Bytes of a page.
    page: f64,
    pages: Option<Row>,
    bytes: Option<Row>,
    percent: Option<Row>,
}

/// One series for each part.
#[derive(Debug)]
struct Row {
    free: Series,
    used: Series,
}

impl Rows {
    /// The series of pages of `size` KiB at `place`: `mm` or a node.
    pub(crate) fn new(config: Config, host: &Host, place: &str, size: u64) -> Self {
        let instance = format!("{place}-{size}Kb");
        let row = |type_name| {
            let series = |part| host.series("hugepages", &instance, type_name, part);
            Row { free: series("free"), used: series("used") }
        };
        Self {
            page: size as f64 * 1024.0,
            pages: config.values_pages.then(|| row("vmpage_number")),
            bytes: config.values_bytes.then(|| row("memory")),
            percent: config.values_percentage.then(|| row("percent")),
        }
    }

    /// Reports the pages. Of no pages at all, each share is NaN.
    pub(crate) fn report(&self, pages: Pages, out: &mut Batch) {
        let whole = pages.free + pages.used;
        let percent = if whole > 0.0 { 100.0 / whole } else { f64::NAN };
        for (row, factor) in [(&self.pages, 1.0), (&self.bytes, self.page), (&self.percent, percent)] {
            if let Some(row) = row {
                out.gauge(&row.free, pages.free * factor);
                out.gauge(&row.used, pages.used * factor);
            }
        }
    }
}
