//! `cargo xtask prove`: a promise shown by many runs of the real daemon.

use clap::ValueEnum;

use crate::artefacts::{Artefacts, Profile, Selection};
use crate::test;
use crate::workspace::{Workspace, forget_our_package, succeed};

/// Runs of the short form, which is a gate.
pub(crate) const SHORT: u64 = 120;

/// The program that proves what is promised of transactions.
const PROVER: &str = "gatherd-prove";

/// What can be proven.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Promise {
    /// A change is made wholly or not at all, whatever happens at whichever step of it
    Transactions,
}

/// Builds, stages and proves.
///
/// # Errors
///
/// When something does not build, or the promise does not hold.
pub(crate) fn promise(workspace: &Workspace, promise: Promise, runs: u64) -> anyhow::Result<()> {
    let artefacts = Artefacts::build(workspace, Profile::Dev, Selection::Everything)?;
    let staged = test::stage(workspace, &artefacts)?;
    let mut command = std::process::Command::new(match promise {
        Promise::Transactions => artefacts.program(PROVER)?,
    });
    forget_our_package(&mut command);
    succeed(command.arg(runs.to_string()).env(test::STAGE, &staged.dir))
}
