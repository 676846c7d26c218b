//! Developer commands of this repository: `cargo xtask <command>`.
//!
//! One file per command; what several commands need is in `workspace` (where we are, how `cargo` is called),
//! `artefacts` (what a build made) and `generated` (files that are written by a program and committed).
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "these are command line tools; what they find goes to the terminal"
)]

mod abi;
mod artefacts;
mod bench;
mod check;
mod compat;
mod floors;
mod generated;
mod new_plugin;
mod openapi;
mod prove;
mod run;
mod stage;
mod test;
mod walls;
mod workspace;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::artefacts::Profile;
use crate::generated::Mode;
use crate::prove::Promise;
use crate::workspace::Workspace;

/// Developer commands of gatherd.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
enum Command {
    /// Runs every gate in order and stops at the first that fails
    Check {
        /// Leaves out what needs a build of everything: document, docs, tests
        #[arg(long)]
        fast: bool,
    },
    /// Checks that crates use only lower floors
    Floors,
    /// Checks the house style: file docs, file lengths, `unsafe` attributes, crate names
    Walls,
    /// Writes the `OpenAPI` document
    Openapi {
        /// Compares instead of writing
        #[arg(long)]
        check: bool,
    },
    /// Writes the C header of the plugin contract
    Abi {
        /// Compares instead of writing
        #[arg(long)]
        check: bool,
    },
    /// Builds daemon, command line and plugins, and lays them out in one directory
    Stage {
        /// Profile to build with
        #[arg(long, value_enum, default_value_t = Profile::Dev)]
        profile: Profile,
        /// Where to; relative to the top of the repository
        #[arg(long, default_value = "target/gatherd")]
        dir: PathBuf,
    },
    /// Stages, then becomes the daemon
    Run {
        /// Profile to build with
        #[arg(long, value_enum, default_value_t = Profile::Dev)]
        profile: Profile,
        /// Handed to the daemon as they are
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Builds what the tests need and runs all of them
    Test {
        /// Only the end-to-end tests whose names contain this
        filter: Option<String>,
        /// A skipped test is a failure; also meant by `CI=true`
        #[arg(long)]
        ci: bool,
    },
    /// Runs the benchmarks with the profile that packages ship
    Bench {
        /// Handed to the benchmarks as they are: `P1`, `P2` …; none means all
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Makes the skeleton of a plugin, with its tests
    NewPlugin {
        /// Type of the plugin: a-z, 0-9, `_` and `-`, the first a letter or a digit, at most 63
        name: String,
        /// In C instead of Rust; only outside of this workspace
        #[arg(long)]
        c: bool,
        /// Where to make the folder NAME, outside of this workspace; without it the plugin is one of ours
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Shows by many runs of the real daemon that a promise holds
    Prove {
        /// Which promise
        #[arg(value_enum)]
        promise: Promise,
        /// How many runs, examples of each operation (document) or connections (api); 1,000, 200 and 10,000 by default
        #[arg(long)]
        runs: Option<u64>,
    },
    /// Runs the daemon beside stock collectd and writes what differs into the documentation
    Compat,
}

fn main() -> ExitCode {
    let Err(error) = obey(Arguments::parse().command) else {
        return ExitCode::SUCCESS;
    };
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
    ExitCode::FAILURE
}

fn obey(command: Command) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    match command {
        Command::Check { fast } => check::all(&workspace, fast),
        Command::Floors => floors::check(&workspace),
        Command::Walls => walls::check(&workspace),
        Command::Openapi { check } => openapi::settle(&workspace, Mode::from_check(check)),
        Command::Abi { check } => abi::settle(&workspace, Mode::from_check(check)),
        Command::Stage { profile, dir } => stage::product(&workspace, profile, &dir).map(|_staged| ()),
        Command::Run { profile, arguments } => run::daemon(&workspace, profile, &arguments),
        Command::Test { filter: Some(filter), .. } => test::some(&workspace, &filter),
        Command::Test { ci, .. } => test::all(&workspace, ci || test::is_ci()),
        Command::Bench { arguments } => bench::all(&workspace, &arguments),
        Command::NewPlugin { name, c, dir } => new_plugin::make(&workspace, &name, c, dir.as_deref()),
        Command::Prove { promise, runs } => prove::promise(&workspace, promise, runs),
        Command::Compat => compat::all(&workspace),
    }
}
