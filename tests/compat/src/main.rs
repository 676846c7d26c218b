//! `gatherd-compat`: runs the daemon beside its peer and writes what it found to the documentation.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a command line tool: what it finds goes to the terminal")]

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;

const MISSING: &str = "collectd is not installed: `apt-get install collectd-core`";

/// Compares the staged daemon with stock collectd, plugin by plugin.
#[derive(Debug, Parser)]
struct Arguments {
    /// Directory with the staged daemon: `bin/gatherd`, `plugins/`
    #[arg(long)]
    stage: PathBuf,
    /// The page to write
    #[arg(long, default_value = "docs/collectd-compat.md")]
    report: PathBuf,
    /// Without collectd, say so and succeed
    #[arg(long)]
    if_installed: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.if_installed && !gatherd_compat::peer_is_installed() {
        println!("not compared: {MISSING}");
        return Ok(());
    }
    ensure!(gatherd_compat::peer_is_installed(), MISSING);
    let stage = arguments.stage.canonicalize().context("cannot find the staged daemon")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(gatherd_compat::all(&stage))?;
    let report = gatherd_compat::report(&outcome);
    fs::write(&arguments.report, &report)
        .with_context(|| format!("cannot write {}", arguments.report.display()))?;
    println!("{}\nwrote {}", gatherd_compat::summary(&outcome), arguments.report.display());
    let faults = outcome.faults();
    if !faults.is_empty() {
        let lines: Vec<String> = faults.iter().map(|(round, fault)| format!("  {round}: {fault}")).collect();
        bail!("{} differences that are not allowed:\n{}", faults.len(), lines.join("\n"));
    }
    let silent = outcome.silent();
    ensure!(silent.is_empty(), "no reading was compared of {}: both must have some", silent.join(", "));
    Ok(())
}
