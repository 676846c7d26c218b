//! The C compiler: the work of both sides is written in C.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Compiles one C source into a library, with these flags besides.
pub(crate) fn library<F: AsRef<OsStr>>(source: &Path, library: &Path, flags: &[F]) -> Result<()> {
    compile(source, library, |command| command.args(["-fPIC", "-shared"]).args(flags))
}

/// Compiles one C source into a program.
pub(crate) fn program(source: &Path, program: &Path) -> Result<()> {
    compile(source, program, |command| command)
}

fn compile(source: &Path, output: &Path, more: impl FnOnce(&mut Command) -> &mut Command) -> Result<()> {
    let mut command = Command::new("cc");
    more(command.args(["-O2", "-Wall"])).arg("-o").arg(output).arg(source);
    let status = command.status().context("run the C compiler `cc`")?;
    ensure!(status.success(), "`cc` refused {}", source.display());
    Ok(())
}
