//! `cargo xtask prove`: a promise shown by many runs of the real daemon.

use std::process::{Command, Stdio};

use anyhow::bail;
use clap::ValueEnum;

use crate::artefacts::{Artefacts, Profile, Selection};
use crate::stage::Staged;
use crate::test;
use crate::workspace::{Workspace, forget_our_package, succeed};

/// The program that makes requests from the document.
const SCHEMATHESIS: &str = "schemathesis";

/// How to get it, at the version that the proof was made with.
const HOW_TO_GET_IT: &str = "pip install --requirement tests/document/requirements.txt";

/// The program that proves.
const PROVER: &str = "gatherd-prove";

/// What can be proven.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Promise {
    /// A change is made wholly or not at all, whatever happens at whichever step of it
    Transactions,
    /// Every answer is one that the document names, whatever is sent; runs are examples of each operation
    Document,
    /// The API stays up, whatever clients do; runs are connections
    Api,
    /// A bad plugin in a process of its own hurts only itself, and leaves nothing behind; runs are reloads of changed code
    Isolation,
}

impl Promise {
    /// Runs of the short form, which is a gate.
    fn short(self) -> u64 {
        match self {
            Self::Transactions => 120,
            Self::Document => 5,
            Self::Api => 2_000,
            Self::Isolation => 50,
        }
    }

    /// Runs of the long form.
    fn long(self) -> u64 {
        match self {
            Self::Transactions => 1_000,
            Self::Document => 200,
            Self::Api => 10_000,
            Self::Isolation => 10_000,
        }
    }

    /// The prover's word for it.
    fn word(self) -> &'static str {
        match self {
            Self::Transactions => "transactions",
            Self::Document => "document",
            Self::Api => "api",
            Self::Isolation => "isolation",
        }
    }
}

/// Builds, stages and proves; without `runs` as often as the long form has it.
///
/// # Errors
///
/// When something does not build, or the promise does not hold.
pub(crate) fn promise(workspace: &Workspace, promise: Promise, runs: Option<u64>) -> anyhow::Result<()> {
    if promise == Promise::Document && !is_there(SCHEMATHESIS) {
        bail!("{SCHEMATHESIS} is not installed: {HOW_TO_GET_IT}");
    }
    let artefacts = Artefacts::build(workspace, Profile::Dev, Selection::Everything)?;
    let staged = test::stage(workspace, &artefacts)?;
    run(promise, runs.unwrap_or(promise.long()), &artefacts, &staged)
}

/// The short form of every promise. What cannot be proven here is said; with `ci` it is a failure.
///
/// # Errors
///
/// As [`promise`].
pub(crate) fn all(workspace: &Workspace, ci: bool) -> anyhow::Result<()> {
    let artefacts = Artefacts::build(workspace, Profile::Dev, Selection::Everything)?;
    let staged = test::stage(workspace, &artefacts)?;
    for &promise in Promise::value_variants() {
        if promise != Promise::Document || is_there(SCHEMATHESIS) {
            run(promise, promise.short(), &artefacts, &staged)?;
        } else if ci {
            bail!("{SCHEMATHESIS} is not installed: {HOW_TO_GET_IT}");
        } else {
            println!("SKIPPED: {}: {SCHEMATHESIS} is not installed: {HOW_TO_GET_IT}", promise.word());
        }
    }
    Ok(())
}

fn run(promise: Promise, runs: u64, artefacts: &Artefacts, staged: &Staged) -> anyhow::Result<()> {
    let mut command = Command::new(artefacts.program(PROVER)?);
    forget_our_package(&mut command);
    succeed(command.args([promise.word(), &runs.to_string()]).env(test::STAGE, &staged.dir))
}

/// Whether a program can be started.
fn is_there(program: &str) -> bool {
    let mut probe = Command::new(program);
    probe.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}
