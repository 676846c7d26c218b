//! P10 in the report.

use std::fmt::Write as _;

use super::{Report, spread};
use crate::daemon::Home;
use crate::jitter::{Beside, INTERVAL, STEADY, Shifted};

impl Report {
    pub(super) fn write_jitter(&self, text: &mut String) {
        let Some((_, changes)) = self.jitter.first() else { return };
        let _infallible = writeln!(
            text,
            "## P10: whether the reads of the others shift\n\n\
             Six daemons at the same time, each with {} plugins that are read every {} ms and write down when their\n\
             reads begin, half of them in processes of their own. Beside them, in all but one: a plugin in the daemon's\n\
             process or in its own is reconfigured {changes} times over the API; one hangs in its read and is given up,\n\
             again and again; one output fails every write. How far reads lie from the plugin's beat, in milliseconds.\n\n\
             | beside | the others run in | runs | reads | missed | median ms | p99 ms | most ms | p99 more than undisturbed, ms |\n\
             |---|---|---|---|---|---|---|---|---|",
            STEADY.len(),
            INTERVAL.as_millis()
        );
        let cases = Beside::ALL.into_iter().flat_map(|beside| Home::BOTH.map(|home| (beside, home)));
        for (beside, home) in cases {
            let what = match beside {
                Beside::Nothing => "nothing",
                Beside::Changes(Home::Daemon) => "one plugin is reconfigured",
                Beside::Changes(Home::Host) => "one isolated plugin is reconfigured",
                Beside::Hangs(Home::Daemon) => "one plugin hangs",
                Beside::Hangs(Home::Host) => "one isolated plugin hangs",
                Beside::OutputDown => "one output is down",
            };
            let process = if home == Home::Host { "their own" } else { "the daemon" };
            let of = |part: fn(&Shifted) -> f64| -> Vec<f64> {
                self.jitter.iter().filter_map(|(run, _)| run.get(&(beside, home))).map(part).collect()
            };
            let cell = |part| spread(of(part));
            let more = of(|shifted| shifted.p99)
                .into_iter()
                .zip(self.jitter.iter().filter_map(|(run, _)| run.get(&(Beside::Nothing, home))))
                .map(|(p99, control)| p99 - control.p99);
            let cells = [
                cell(|shifted| shifted.reads as f64),
                cell(|shifted| shifted.missed as f64),
                cell(|shifted| shifted.median),
                cell(|shifted| shifted.p99),
                cell(|shifted| shifted.most),
                spread(more.collect()),
            ];
            let _infallible =
                writeln!(text, "| {what} | {process} | {} | {} |", self.jitter.len(), cells.join(" | "));
        }
        text.push_str("\nBar: p99 within 5 ms of the undisturbed daemon; aim: unchanged.\n");
    }
}
