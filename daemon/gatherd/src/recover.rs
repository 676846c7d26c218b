//! `gatherd recover-admin`: a new password for the user `admin`, where the old one is lost and no daemon runs.
//!
//! Whoever may do that may read the daemon's state anyway. While the daemon runs, the unix socket is the way: root needs
//! no password there.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, bail};
use gatherd_api::auth::recover_admin;
use gatherd_engine::desired::{Layers, OpenError, StateLock};

use crate::cli::Options;
use crate::logging::{self, escaped};
use crate::paths::Paths;

/// Gives `admin` a new password, and prints which file tells it.
///
/// # Errors
///
/// When the configuration is wrong, a daemon runs, none ever did, or the users cannot be read or written.
pub(crate) fn command(options: &Options, sets: &[String]) -> anyhow::Result<ExitCode> {
    let layers = logging::before(|| options.inputs(sets).map(|inputs| Layers::read(&inputs)))??;
    let paths = Paths::of(&layers.document())?;
    let _nobody_else = match StateLock::take(&paths.state) {
        Ok(lock) => lock,
        Err(OpenError::InUse { path }) => bail!(
            "the daemon runs on {}: ask it as root with `gatherctl user rotate admin` over its unix socket, or stop it",
            path.display()
        ),
        Err(error) => {
            return Err(error).context("nobody is recovered; does --state-dir name the daemon's state?");
        }
    };
    let told = recover_admin(&paths.state.join("auth")).context("nobody is recovered")?;
    let mut out = io::stdout().lock();
    writeln!(out, "admin has a new password; it is in {}", escaped(&told.display().to_string()))?;
    Ok(ExitCode::SUCCESS)
}
