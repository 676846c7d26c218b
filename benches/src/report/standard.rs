//! P5 and P6 in the report.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Report, Row, bounds, mib, spread};
use crate::idle::Idle;
use crate::process::Resident;
use crate::run::median;

impl Report {
    /// One figure of one side, run by run.
    fn idle_of(&self, row: Row, part: fn(&Idle) -> f64) -> Vec<f64> {
        self.idle.iter().filter_map(|run| run.get(&row)).map(part).collect()
    }

    /// The sides that ran, ours first.
    fn idle_rows(&self) -> Vec<Row> {
        self.idle.first().map(|run| run.keys().copied().collect()).unwrap_or_default()
    }

    /// CPU time of ours divided by that of the better of the peers beside it, run by run.
    fn idle_ratios(&self) -> Vec<f64> {
        let ratio = |run: &BTreeMap<Row, Idle>| {
            let own = run.get(&Row::Gatherd)?.cpu;
            let peers = run.iter().filter(|(row, _)| **row != Row::Gatherd).map(|(_, idle)| idle.cpu);
            Some(own / peers.min_by(f64::total_cmp)?)
        };
        self.idle.iter().filter_map(ratio).collect()
    }

    pub(super) fn write_cpu(&self, text: &mut String) {
        if self.idle.is_empty() {
            return;
        }
        text.push_str(
            "## P5: CPU per interval of the standard set\n\n\
             The plugins `cpu`, `memory`, `load`, `df`, `disk`, `interface`, `processes`, `swap`, `vmem`, `uptime`,\n\
             `irq`, `contextswitch`, each read once a second, and a writer that takes all values. All sides run at\n\
             the same time. CPU time of the whole process from its own clock, in microseconds an interval. Ours\n\
             also tells its own figures (plugin `self`), and has its API open.\n\n\
             | who | runs | CPU µs an interval | value lists an interval |\n|---|---|---|---|\n",
        );
        for row in self.idle_rows() {
            let (cpu, told) =
                (self.idle_of(row, |idle| idle.cpu), self.idle_of(row, |idle| idle.value_lists));
            let runs = cpu.len();
            let _infallible =
                writeln!(text, "| {} | {runs} | {} | {} |", row.name(), spread(cpu), spread(told));
        }
        let ratios = self.idle_ratios();
        if !ratios.is_empty() {
            let (low, high) = bounds(&ratios);
            let _infallible = writeln!(
                text,
                "\nOurs against the better of the two beside it, run by run: {:.2} × [{low:.2}..{high:.2}].",
                median(ratios)
            );
        }
        text.push_str("\nBar: at most 1 ×; aim: at most 1/2.\n");
    }

    pub(super) fn write_resident(&self, text: &mut String) {
        if self.idle.is_empty() {
            return;
        }
        text.push_str(
            "## P6: resident memory of the idle daemon\n\n\
             The same runs, at the end of each. In MiB; files are programs and libraries, memory files the plugins as\n\
             our daemon loads them.\n\n\
             | who | runs | all | of no file | files | memory files |\n|---|---|---|---|---|---|\n",
        );
        let parts: [fn(&Resident) -> usize; 4] = [
            |resident| resident.all,
            |resident| resident.anonymous,
            |resident| resident.files,
            |resident| resident.memory_files,
        ];
        for row in self.idle_rows() {
            let of_row: Vec<Resident> =
                self.idle.iter().filter_map(|run| run.get(&row)).map(|idle| idle.resident).collect();
            let cells = parts.map(|part| spread(of_row.iter().map(|resident| mib(part(resident))).collect()));
            let _infallible = writeln!(text, "| {} | {} | {} |", row.name(), of_row.len(), cells.join(" | "));
        }
        text.push_str("\nBar: at most 25 MiB; aim: at most 10 MiB.\n");
    }
}
