//! benches/results.md: medians, spread, ratios, and the commands that produced them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};

use crate::access::Asked;
use crate::change::FirstValues;
use crate::fault::Heard;
use crate::idle::Idle;
use crate::isolated::Isolated;
use crate::jitter::{Case, Shifted};
use crate::lists::Round;
use crate::machine;
use crate::page::page;
use crate::rules::Changed;
use crate::run::{Steady, median};

mod access;
mod change;
mod fault;
mod isolated;
mod jitter;
mod lists;
mod rules;
mod standard;

const INTRODUCTION: &str = "# Results

Produced by `cargo xtask bench`; what is measured and why stands in `docs/performance.md`.
Each figure is the median of the runs, with the smallest and largest in brackets; the runs alternate, or stand side by
side. Below each section stands the run that it comes from.
";

/// How much one run does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub(crate) series: usize,
    pub(crate) passes: usize,
}

/// Who ran.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Row {
    Gatherd,
    Peer { threads: u32 },
}

impl Row {
    /// As the report calls it.
    fn name(self) -> String {
        match self {
            Self::Gatherd => "gatherd".to_owned(),
            Self::Peer { threads: 1 } => "collectd, 1 write thread".to_owned(),
            Self::Peer { threads } => format!("collectd, {threads} write threads"),
        }
    }
}

/// Resident memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) series: usize,
    pub(crate) empty: usize,
    pub(crate) filled: usize,
    pub(crate) after: usize,
    pub(crate) scraped: usize,
    pub(crate) listed: usize,
}

/// Everything that was measured.
pub(crate) struct Report {
    peer: Option<String>,
    runs: BTreeMap<(usize, Row), Vec<Steady>>,
    memory: Option<Memory>,
    /// Runs of the standard set, each with all sides.
    idle: Vec<BTreeMap<Row, Idle>>,
    rules: BTreeMap<&'static str, Vec<Changed>>,
    first: FirstValues,
    isolated: Isolated,
    /// Runs of P10, each with how many changes there were.
    jitter: Vec<(BTreeMap<Case, Shifted>, usize)>,
    heard: Heard,
    asked: Asked,
    /// Rounds of lists, by side.
    lists: BTreeMap<Row, Vec<Round>>,
}

impl Report {
    pub(crate) fn new(peer: Option<&str>) -> Self {
        Self {
            peer: peer.map(str::to_owned),
            runs: BTreeMap::new(),
            memory: None,
            idle: Vec::new(),
            rules: BTreeMap::new(),
            first: FirstValues::default(),
            isolated: Isolated::default(),
            jitter: Vec::new(),
            heard: Heard::default(),
            asked: Asked::default(),
            lists: BTreeMap::new(),
        }
    }

    pub(crate) fn add(&mut self, row: Row, series: usize, steady: Steady) {
        self.runs.entry((series, row)).or_default().push(steady);
    }

    pub(crate) fn memory(&mut self, memory: Memory) {
        self.memory = Some(memory);
    }

    pub(crate) fn rules(&mut self, rules: Vec<(&'static str, Changed)>) {
        for (what, changed) in rules {
            self.rules.entry(what).or_default().push(changed);
        }
    }

    pub(crate) fn changes(&mut self, first: FirstValues) {
        self.first = first;
    }

    pub(crate) fn isolated(&mut self, isolated: Isolated) {
        self.isolated = isolated;
    }

    pub(crate) fn jitter(&mut self, run: (BTreeMap<Case, Shifted>, usize)) {
        self.jitter.push(run);
    }

    pub(crate) fn faults(&mut self, heard: Heard) {
        self.heard = heard;
    }

    pub(crate) fn access(&mut self, asked: Asked) {
        self.asked = asked;
    }

    pub(crate) fn lists(&mut self, row: Row, round: Round) {
        self.lists.entry(row).or_default().push(round);
    }

    pub(crate) fn idle(&mut self, sides: BTreeMap<Row, Idle>) {
        self.idle.push(sides);
    }

    fn of(&self, series: usize, row: Row, part: fn(&Steady) -> f64) -> Option<f64> {
        Some(median(self.runs.get(&(series, row))?.iter().map(part).collect()))
    }

    /// The better of the peer's thread counts.
    fn peer_of(&self, series: usize, part: fn(&Steady) -> f64) -> Option<f64> {
        let both = [1, 5].map(|threads| self.of(series, Row::Peer { threads }, part));
        both.into_iter().flatten().min_by(f64::total_cmp)
    }

    fn sizes(&self) -> Vec<usize> {
        let mut sizes: Vec<usize> = self.runs.keys().map(|(series, _)| *series).collect();
        sizes.dedup();
        sizes
    }

    /// Writes the report; sections that this run did not measure stay as they are, and what people have found out
    /// about the figures stands in `notes` and is put behind them.
    pub(crate) fn write(&self, path: &Path, notes: &Path) -> Result<()> {
        let old = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            other => other.with_context(|| format!("read {}", path.display()))?,
        };
        let notes = std::fs::read_to_string(notes).with_context(|| format!("read {}", notes.display()))?;
        let run = self.run();
        let parts: [fn(&Self, &mut String); 12] = [
            Self::write_dispatch,
            Self::write_growth,
            Self::write_memory,
            Self::write_cpu,
            Self::write_resident,
            Self::write_isolated,
            Self::write_changes,
            Self::write_jitter,
            Self::write_lists,
            Self::write_rules,
            Self::write_faults,
            Self::write_access,
        ];
        let fresh: Vec<String> = parts
            .iter()
            .map(|write| {
                let mut text = String::new();
                write(self, &mut text);
                format!("{}\n\n{run}", text.trim())
            })
            .collect();
        std::fs::write(path, page(INTRODUCTION, &old, &fresh, &notes))
            .with_context(|| format!("write {}", path.display()))
    }

    /// On what was measured: one line each.
    fn run(&self) -> String {
        let peer = self.peer.as_deref().unwrap_or("none");
        let own = format!("gatherd: {}, profile `dist`; peer: {peer}", env!("CARGO_PKG_VERSION"));
        let lines: Vec<String> =
            machine::described().into_iter().chain([own]).map(|line| format!("* {line}\n")).collect();
        lines.concat()
    }

    fn write_dispatch(&self, text: &mut String) {
        if self.runs.is_empty() {
            return;
        }
        text.push_str(
            "\n## P1: a value dispatched by handle in process, to one writer\n\n\
             A plugin in C dispatches every series, pass after pass, in batches of 128 and in permuted order; a\n\
             writer plugin in C touches every value. Wall time until the writer has seen the value, and CPU time\n\
             of the whole process, in nanoseconds a value.\n\n\
             | series | who | runs | wall ns | CPU ns | dispatch call ns |\n|---|---|---|---|---|---|\n",
        );
        for ((series, row), runs) in &self.runs {
            let who = row.name();
            let cell = |part: fn(&Steady) -> f64| spread(runs.iter().map(part).collect());
            let cells = [cell(|run| run.wall), cell(|run| run.cpu), cell(|run| run.call)].join(" | ");
            let _infallible = writeln!(text, "| {series} | {who} | {} | {cells} |", runs.len());
        }
        text.push_str("\n| series | times faster, wall | times less CPU |\n|---|---|---|\n");
        for series in self.sizes() {
            let ratio = |part: fn(&Steady) -> f64| {
                let both = self.peer_of(series, part).zip(self.of(series, Row::Gatherd, part));
                both.map_or("-".to_owned(), |(peer, own)| format!("{:.0} ×", peer / own))
            };
            let (wall, cpu) = (ratio(|run| run.wall), ratio(|run| run.cpu));
            let _infallible = writeln!(text, "| {series} | {wall} | {cpu} |");
        }
        text.push_str(
            "\nBar: at least 40 × at 100,000 series, against the better of 1 and 5 write threads.\n",
        );
    }

    fn write_growth(&self, text: &mut String) {
        let sizes = self.sizes();
        let (Some(&small), Some(&large)) = (sizes.first(), sizes.last()) else { return };
        if small == large {
            return;
        }
        text.push_str("\n## P2: growth with the number of series\n\n");
        let wall: fn(&Steady) -> f64 = |run| run.wall;
        if let Some((few, many)) = self.of(small, Row::Gatherd, wall).zip(self.of(large, Row::Gatherd, wall))
        {
            let _infallible = writeln!(
                text,
                "gatherd: {few:.1} ns at {small} series, {many:.1} ns at {large}: {:.2} ×.\n",
                many / few
            );
        }
        if let Some((few, many)) = self.peer_of(small, wall).zip(self.peer_of(large, wall)) {
            let _infallible =
                writeln!(text, "collectd: {few:.0} ns and {many:.0} ns: {:.2} ×.\n", many / few);
        }
        text.push_str("Bar: at most 4 ×, or at most 100 ns at a million series.\n");
    }

    fn write_memory(&self, text: &mut String) {
        let Some(Memory { series, empty, filled, after, scraped, listed }) = self.memory else { return };
        let each = |bytes: usize| bytes as f64 / series as f64;
        let _infallible = writeln!(
            text,
            "\n## P3: resident memory per series\n\n\
             {series} series. Whole resident memory of the daemon divided by the series, nothing subtracted.\n\n\
             | when | MiB | bytes a series |\n|---|---|---|\n\
             | before the first value | {:.1} | - |\n\
             | after four passes | {:.1} | {:.0} |\n\
             | after one scrape ({:.0} MiB of text) and one full list ({listed} values) | {:.1} | {:.0} |\n\n\
             Bar: at most 400 bytes after the scrape and the list.",
            mib(empty),
            mib(filled),
            each(filled),
            mib(scraped),
            mib(after),
            each(after),
        );
    }
}

fn mib(bytes: usize) -> f64 {
    bytes as f64 / 1_048_576.0
}

fn spread(of: Vec<f64>) -> String {
    let (low, high) = bounds(&of);
    format!("{:.1} [{low:.1}..{high:.1}]", median(of))
}

fn bounds(of: &[f64]) -> (f64, f64) {
    of.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)))
}
