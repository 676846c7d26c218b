//! `cargo xtask openapi`: the committed `OpenAPI` document is what the API says of itself.
//!
//! The document comes from a program of its own, so this crate needs nothing of the API.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::artefacts::{Artefacts, DOCUMENT, Profile, Selection};
use crate::generated::{self, Mode};
use crate::workspace::Workspace;

/// Writes or compares the document.
///
/// # Errors
///
/// When the API does not build, or the document is out of date.
pub(crate) fn settle(workspace: &Workspace, mode: Mode) -> anyhow::Result<()> {
    let artefacts = Artefacts::build(workspace, Profile::Dev, Selection::Document)?;
    settle_from(artefacts.program(DOCUMENT)?, workspace, mode)
}

/// The same with a program that is built already.
///
/// # Errors
///
/// When the program fails or the document is out of date.
pub(crate) fn settle_from(program: &Path, workspace: &Workspace, mode: Mode) -> anyhow::Result<()> {
    let output = Command::new(program).output().with_context(|| format!("cannot start {DOCUMENT}"))?;
    if !output.status.success() {
        bail!("{DOCUMENT} failed: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    let document = String::from_utf8(output.stdout).context("the document is not UTF-8")?;
    let path = workspace.root.join("openapi/gatherd.json");
    generated::settle(&path, &document, mode, "cargo xtask openapi")
}
