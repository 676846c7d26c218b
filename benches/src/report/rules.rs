//! P11 in the report.

use std::fmt::Write as _;

use super::{Report, spread};
use crate::rules::Changed;

impl Report {
    pub(super) fn write_rules(&self, text: &mut String) {
        let Some(first) = self.rules.values().flatten().next() else { return };
        let _infallible = writeln!(
            text,
            "## P11: changing one rule while values flow\n\n\
             {} series are dispatched without a pause while one rule changes. Time until the change holds for the\n\
             last series in memory, asked over HTTP; and how long the dispatching call takes a value in the passes\n\
             of the time between, against those before.\n\n\
             | change | runs | holds after ms | before ns | meanwhile ns | slower % | afterwards ns |\n\
             |---|---|---|---|---|---|---|",
            first.series
        );
        for (what, runs) in &self.rules {
            let cell = |part: fn(&Changed) -> f64| spread(runs.iter().map(part).collect());
            let cells = [
                cell(|run| run.held_ms),
                cell(|run| run.before),
                cell(|run| run.meanwhile),
                cell(|run| 100.0 * (run.meanwhile / run.before - 1.0)),
                cell(|run| run.afterwards),
            ];
            let _infallible = writeln!(text, "| {what} | {} | {} |", runs.len(), cells.join(" | "));
        }
        text.push_str("\nBar: at most 1 s, and at most 20 % slower meanwhile.\n");
    }
}
