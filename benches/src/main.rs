//! Benchmarks against the peer: ratios from one run, alternating, never timed tests.
//!
//! `cargo xtask bench` stages a daemon, then runs this. What is measured, and against which bar, stands in
//! docs/performance.md; the answer goes to benches/results.md.

#![forbid(unsafe_code)]

mod access;
mod change;
mod compile;
mod daemon;
mod fault;
mod idle;
mod isolated;
mod jitter;
mod lists;
mod machine;
mod page;
mod peer;
mod process;
mod report;
mod rules;
mod run;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

/// Measures the daemon beside its peer, and writes the report.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// What to measure: P1, P2, P3, P5, P6, P7, P8, P9, P10, P11, P12, P13; all of them by default. The report keeps the figures of the others.
    #[arg(value_delimiter = ',')]
    pub(crate) what: Vec<String>,
    /// Directory with the staged daemon: `bin/gatherd`, `bin/gatherctl`, `plugins/`.
    #[arg(long)]
    pub(crate) stage: PathBuf,
    /// Where the sources of this benchmark lie.
    #[arg(long, default_value = "benches")]
    pub(crate) sources: PathBuf,
    /// The C header of the plugin contract.
    #[arg(long, default_value = "native-plugins/abi/include")]
    pub(crate) include: PathBuf,
    /// The report to write.
    #[arg(long, default_value = "benches/results.md")]
    pub(crate) report: PathBuf,
    /// Runs of each, alternating; the median counts.
    #[arg(long, default_value_t = 5)]
    pub(crate) repeat: usize,
    /// Numbers of series.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000, 1_000_000])]
    pub(crate) series: Vec<usize>,
    /// Seconds for which the CPU time of the idle daemon is counted, in each run.
    #[arg(long, default_value_t = 20)]
    pub(crate) window: u64,
    /// Changes of each kind whose first value is waited for.
    #[arg(long, default_value_t = 50)]
    pub(crate) changes: usize,
    /// How often one plugin is reconfigured while the others are watched.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) reloads: usize,
    /// Faults that are heard of.
    #[arg(long, default_value_t = 500)]
    pub(crate) faults: usize,
    /// Requests with each kind of token.
    #[arg(long, default_value_t = 5_000)]
    pub(crate) asks: usize,
    /// Leave the peer out: only growth and memory are told then.
    #[arg(long)]
    pub(crate) without_peer: bool,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run::all(&options))
}
