//! P12 in the report.

use std::fmt::Write as _;

use super::Report;
use crate::jitter::percentile;

impl Report {
    pub(super) fn write_faults(&self, text: &mut String) {
        if self.heard.streamed.is_empty() {
            return;
        }
        let _infallible = writeln!(
            text,
            "## P12: from a fault to its subscriber\n\n\
             A plugin is read every 50 ms, and each value is on the other side of a threshold than the one before. The\n\
             value is the plugin's clock, so what arrives tells how long it took from the reading, through cache,\n\
             threshold and bus. Meanwhile another plugin is reconfigured over the API without a pause, {} times.\n\n\
             | subscriber | notifications | median ms | p99 ms | most ms |\n|---|---|---|---|---|",
            self.heard.changes
        );
        for (subscriber, heard) in [
            ("reader of `/v1/notifications/stream`", &self.heard.streamed),
            ("receiver of a webhook", &self.heard.called),
        ] {
            let mut took = heard.clone();
            took.sort_by(f64::total_cmp);
            let [middle, late, most] = [50, 99, 100].map(|percent| percentile(&took, percent));
            let _infallible =
                writeln!(text, "| {subscriber} | {} | {middle:.2} | {late:.2} | {most:.2} |", took.len());
        }
        text.push_str("\nBar: at most 100 ms at the 99th percentile; aim: at most 5 ms.\n");
    }
}
