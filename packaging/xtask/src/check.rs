//! `cargo xtask check`: every gate, in order; stops at the first that fails and says what to do.
//!
//! The order spares work: what needs no build comes first, then what shares the compiler's quick pass (lints and
//! docs), then the one full build that document, compat run and tests share. The tests are last, so their summary is
//! too.

use std::process::Stdio;

use anyhow::Context;

use crate::artefacts::{Artefacts, DOCUMENT, Profile, Selection};
use crate::generated::Mode;
use crate::workspace::{Workspace, succeed};
use crate::{abi, compat, floors, openapi, prove, test, walls};

/// One gate.
struct Step {
    /// What it is called while it runs.
    name: &'static str,
    /// What to do when it fails.
    advice: &'static str,
    /// Whether it also runs with `--fast`: it needs no build of everything.
    fast: bool,
    /// Does it.
    run: fn(&Workspace) -> anyhow::Result<()>,
}

const STEPS: &[Step] = &[
    Step { name: "format", advice: "run `cargo fmt --all`", fast: true, run: format },
    Step { name: "floors", advice: "use a lower crate, or move the code", fast: true, run: floors::check },
    Step { name: "walls", advice: "mend the files named above", fast: true, run: walls::check },
    Step { name: "C header", advice: "run `cargo xtask abi` and commit it", fast: true, run: header },
    Step { name: "dependencies", advice: "see deny.toml; choose another crate", fast: true, run: deny },
    Step { name: "lints", advice: "mend what clippy names above", fast: true, run: lints },
    Step { name: "docs", advice: "mend the links and docs named above", fast: false, run: docs },
    Step { name: "document", advice: "run `cargo xtask openapi` and commit it", fast: false, run: document },
    Step { name: "compat", advice: "mend what differs from collectd", fast: false, run: compat::check },
    Step { name: "proofs", advice: "look at the run named above", fast: false, run: proofs },
    Step { name: "tests", advice: "mend the tests named above", fast: false, run: tests },
];

/// Runs every gate, or only the quick ones.
///
/// # Errors
///
/// When a gate fails; the later ones did not run then.
pub(crate) fn all(workspace: &Workspace, fast: bool) -> anyhow::Result<()> {
    let steps: Vec<&Step> = STEPS.iter().filter(|step| step.fast || !fast).collect();
    for (at, step) in steps.iter().enumerate() {
        println!("== {} ({} of {})", step.name, at + 1, steps.len());
        (step.run)(workspace).with_context(|| format!("{} failed: {}", step.name, step.advice))?;
    }
    println!("== all {} gates passed", steps.len());
    Ok(())
}

fn format(workspace: &Workspace) -> anyhow::Result<()> {
    succeed(&mut workspace.cargo(["fmt", "--all", "--check"]))
}

fn header(workspace: &Workspace) -> anyhow::Result<()> {
    abi::settle(workspace, Mode::Check)
}

fn deny(workspace: &Workspace) -> anyhow::Result<()> {
    let mut probe = workspace.cargo(["deny", "--version"]);
    let installed = probe.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !installed.is_ok_and(|status| status.success()) {
        println!("not checked: cargo-deny is not installed (`cargo install --locked cargo-deny`)");
        return Ok(());
    }
    succeed(&mut workspace.cargo(["deny", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"]))
}

fn lints(workspace: &Workspace) -> anyhow::Result<()> {
    succeed(&mut workspace.cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn docs(workspace: &Workspace) -> anyhow::Result<()> {
    succeed(workspace.cargo(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn document(workspace: &Workspace) -> anyhow::Result<()> {
    let artefacts = Artefacts::build(workspace, Profile::Dev, Selection::Everything)?;
    openapi::settle_from(artefacts.program(DOCUMENT)?, workspace, Mode::Check)
}

fn proofs(workspace: &Workspace) -> anyhow::Result<()> {
    prove::all(workspace, test::is_ci())
}

fn tests(workspace: &Workspace) -> anyhow::Result<()> {
    test::all(workspace, test::is_ci())
}
