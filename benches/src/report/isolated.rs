//! P8 in the report.

use std::fmt::Write as _;

use super::{Report, spread};
use crate::daemon::Home;
use crate::run::{Steady, median};

impl Report {
    pub(super) fn write_isolated(&self, text: &mut String) {
        let isolated = &self.isolated;
        if isolated.runs.is_empty() {
            return;
        }
        text.push_str(
            "## P8: a value from a plugin in a process of its own\n\n\
             The same plugin in C dispatches the same series by handle to the same writer, once in the daemon's process and\n\
             once in its own; the runs alternate. CPU time is that of the daemon and of the plugin's process together.\n\n\
             | series | plugin runs in | runs | wall ns | CPU ns | dispatch call ns | making a series known, ns |\n\
             |---|---|---|---|---|---|---|\n",
        );
        for ((series, home), runs) in &isolated.runs {
            let of = |part: fn(&Steady) -> f64| spread(runs.iter().map(part).collect());
            let known = isolated.registering.get(&(*series, *home)).cloned().unwrap_or_default();
            let _infallible = writeln!(
                text,
                "| {series} | {} | {} | {} | {} | {} | {} |",
                if *home == Home::Host { "its own process" } else { "the daemon" },
                runs.len(),
                of(|run| run.wall),
                of(|run| run.cpu),
                of(|run| run.call),
                spread(known)
            );
        }
        text.push_str("\n| series | wall | CPU |\n|---|---|---|\n");
        let sizes = isolated.runs.keys().filter(|(_, home)| *home == Home::Host).map(|(series, _)| *series);
        for series in sizes {
            let ratio = |part: fn(&Steady) -> f64| {
                let of = |home| {
                    let runs = isolated.runs.get(&(series, home)).map_or(&[][..], Vec::as_slice);
                    median(runs.iter().map(part).collect())
                };
                of(Home::Host) / of(Home::Daemon)
            };
            let _infallible = writeln!(
                text,
                "| {series} | {:.2} x | {:.2} x |",
                ratio(|run| run.wall),
                ratio(|run| run.cpu)
            );
        }
        let mib = isolated.hosts.iter().map(|bytes| bytes / f64::from(1 << 20)).collect();
        let _infallible = writeln!(
            text,
            "\nA host whose plugin tells one value a read has {} MiB of resident memory.\n\n\
             Bar: at most 3 x; aim: 1.5 x.",
            spread(mib)
        );
    }
}
