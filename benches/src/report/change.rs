//! P9 in the report.

use std::fmt::Write as _;

use super::Report;
use crate::jitter::percentile;

impl Report {
    pub(super) fn write_changes(&self, text: &mut String) {
        if self.first.enabled.is_empty() {
            return;
        }
        text.push_str(
            "## P9: from a change to its first value\n\n\
             A daemon with the standard set, read once a second, and one plugin more, which is changed over the unix\n\
             socket. Milliseconds from the request until a question over the API finds the first value; it is asked every\n\
             millisecond. The peer, with the same set, is told to end and started again, which is how it takes a new\n\
             configuration; its time ends with the first value of any plugin at its writer.\n\n\
             | change | times | median ms | p99 ms | most ms |\n|---|---|---|---|---|\n",
        );
        let rows = [
            ("gatherd: enabled", &self.first.enabled),
            ("gatherd: reconfigured", &self.first.reconfigured),
            ("collectd: restarted", &self.first.restarted),
        ];
        for (what, took) in rows.into_iter().filter(|(_, took)| !took.is_empty()) {
            let mut took = took.clone();
            took.sort_by(f64::total_cmp);
            let [middle, late, most] = [50, 99, 100].map(|percent| percentile(&took, percent));
            let _infallible =
                writeln!(text, "| {what} | {} | {middle:.1} | {late:.1} | {most:.1} |", took.len());
        }
        text.push_str("\nBar: at most one interval, here 1,000 ms; aim: at most 20 ms.\n");
    }
}
