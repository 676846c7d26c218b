//! Builds plugins in C for tests.

use std::env;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the header of the contract lies.
const INCLUDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../abi/include");

/// Why a plugin in C was not built.
#[derive(Debug, thiserror::Error)]
pub enum CcError {
    /// The compiler could not be started.
    #[error("cannot start the C compiler {}", compiler.display())]
    Start {
        /// Its name.
        compiler: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The compiler does not like the source.
    #[error("the C compiler refuses {}:\n{said}", source_file.display())]
    Refused {
        /// The source.
        source_file: PathBuf,
        /// What the compiler said.
        said: String,
    },
}

/// Builds the shared library `out` from the C file `source`.
///
/// # Errors
///
/// [`CcError`].
pub fn build(source: &Path, out: &Path) -> Result<(), CcError> {
    build_with(source, out, &[])
}

/// As [`build`], with more arguments for the compiler, such as `-DSTAMP=2`.
///
/// # Errors
///
/// [`CcError`].
pub fn build_with(source: &Path, out: &Path, arguments: &[&str]) -> Result<(), CcError> {
    let compiler = compiler();
    let output = Command::new(&compiler)
        .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-shared", "-fPIC", "-I", INCLUDE])
        .args(arguments)
        .arg("-o")
        .args([out, source])
        .output()
        .map_err(|source| CcError::Start { compiler: compiler.into(), source })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(CcError::Refused { source_file: source.into(), said })
}

/// True where there is no C compiler; the test that asks is then noted as skipped.
pub fn is_missing(test: &str) -> bool {
    let is_missing = Command::new(compiler()).arg("--version").output().is_err();
    if is_missing {
        note_skipped(test, "there is no C compiler");
    }
    is_missing
}

/// Notes a test as skipped in the file that `GATHERD_SKIP_LOG` names, where it names one.
pub fn note_skipped(test: &str, why: &str) {
    let Some(log) = env::var_os("GATHERD_SKIP_LOG") else {
        return;
    };
    let line = format!("SKIPPED: {test}: {why}\n");
    let written = OpenOptions::new()
        .append(true)
        .create(true)
        .open(log)
        .and_then(|mut log| log.write_all(line.as_bytes()));
    written.expect("GATHERD_SKIP_LOG names a file that can be written");
}

fn compiler() -> OsString {
    env::var_os("CC").unwrap_or_else(|| "cc".into())
}
