//! P10 in the report.

use std::fmt::Write as _;

use super::{Report, spread};
use crate::jitter::{Beside, INTERVAL, STEADY, Shifted};

impl Report {
    pub(super) fn write_jitter(&self, text: &mut String) {
        let Some((_, changes)) = self.jitter.first() else { return };
        let _infallible = writeln!(
            text,
            "## P10: whether the reads of the others shift\n\n\
             Four daemons at the same time, each with {} plugins that are read every {} ms and write down when their\n\
             reads begin. Beside them, in three of the four: one plugin is reconfigured {changes} times over the API; one\n\
             hangs in its read and is given up after ten seconds, again and again; one output fails every write. How far\n\
             reads lie from the plugin's beat, in milliseconds.\n\n\
             | beside | runs | reads | missed | median ms | p99 ms | most ms | p99 more than undisturbed, ms |\n\
             |---|---|---|---|---|---|---|---|",
            STEADY.len(),
            INTERVAL.as_millis()
        );
        for beside in Beside::ALL {
            let what = match beside {
                Beside::Nothing => "nothing",
                Beside::Changes => "one plugin is reconfigured",
                Beside::Hangs => "one plugin hangs",
                Beside::OutputDown => "one output is down",
            };
            let of = |part: fn(&Shifted) -> f64| -> Vec<f64> {
                self.jitter.iter().filter_map(|(run, _)| run.get(&beside)).map(part).collect()
            };
            let cell = |part| spread(of(part));
            let more = of(|shifted| shifted.p99)
                .into_iter()
                .zip(self.jitter.iter().filter_map(|(run, _)| run.get(&Beside::Nothing)))
                .map(|(p99, control)| p99 - control.p99);
            let cells = [
                cell(|shifted| shifted.reads as f64),
                cell(|shifted| shifted.missed as f64),
                cell(|shifted| shifted.median),
                cell(|shifted| shifted.p99),
                cell(|shifted| shifted.most),
                spread(more.collect()),
            ];
            let _infallible = writeln!(text, "| {what} | {} | {} |", self.jitter.len(), cells.join(" | "));
        }
        text.push_str("\nBar: p99 within 5 ms of the undisturbed daemon; aim: unchanged.\n");
    }
}
