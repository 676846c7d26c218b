//! Command line of the management API.
//!
//! `cli` says what can be asked, `place` where the daemon is, `commands` what is done, `output` and `table`
//! how answers look, `failure` how refusals look, `top` is the live view. Nothing is printed but through
//! `output`, `failure` and the view's `draw`, which make foreign text harmless for a terminal.
#![forbid(unsafe_code)]

mod cli;
mod cloud;
mod commands;
mod document;
mod escape;
mod failure;
mod figures;
mod output;
mod paper;
mod place;
mod prompt;
mod secret;
mod table;
mod token_file;
mod tone;
mod top;

use clap::Parser;
use cli::{Cli, Command};
use cloud::Cloud;
use commands::Desk;
use failure::Failure;
use gatherd_client::{Client, Trust};
use output::Output;
use paper::Paper;
use place::{Place, Surroundings};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use token_file::TokenFile;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => obey(cli),
        Err(error) => {
            let _closed = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
    }
}

/// Does what was asked; says on standard error what went wrong.
fn obey(cli: Cli) -> ExitCode {
    let surroundings = Surroundings {
        variable: &|name| std::env::var_os(name),
        is_root: rustix::process::geteuid().is_root(),
        is_writable: &|path| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok(),
    };
    let (url, socket) = (cli.options.url.as_deref(), cli.options.socket.as_deref());
    let login = Login {
        cloud: Cloud::find(cli.options.os_cloud.as_deref(), &surroundings),
        is_named: Place::is_named(url, socket, &surroundings),
        state: surroundings.state(),
    };
    let place = match login.found_before(&cli.command) {
        Some(place) => Ok(place),
        None => Place::find(url, socket, &surroundings),
    };
    let found = place.map_err(Failure::from).and_then(|place| {
        let trust = trust(&cli.options, &surroundings)?;
        Ok((place.client(&trust)?, place, trust))
    });
    let (client, place, trust) = match found {
        Ok(found) => found,
        Err(failure) => return complain(&failure, "", &[]),
    };
    match ask(cli, &client, &place, login, trust) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => complain(&failure, client.place(), &place.missed),
    }
}

/// Whom to believe over TLS and what to show, as the options or else the environment say.
fn trust(options: &cli::Options, surroundings: &Surroundings<'_>) -> Result<Trust, Failure> {
    let named = |option: &Option<PathBuf>, variable| {
        option.clone().or_else(|| surroundings.set(variable).map(PathBuf::from))
    };
    let mut trust = Trust::default();
    if let Some(authorities) = named(&options.cacert, "GATHERCTL_CACERT") {
        trust = trust.only(&authorities)?;
    }
    let key = named(&options.client_key, "GATHERCTL_KEY");
    match named(&options.client_cert, "GATHERCTL_CERT") {
        Some(certificate) => Ok(trust.shows(&certificate, key.as_deref())?),
        None if key.is_some() => Err(Failure::KeyAlone),
        None => Ok(trust),
    }
}

/// What is known of logins before anything is asked.
struct Login {
    /// The cloud that is named.
    cloud: Option<Cloud>,
    /// Whether somebody named the daemon.
    is_named: bool,
    /// Where tokens are kept.
    state: Option<PathBuf>,
}

impl Login {
    /// The daemon that an earlier login found in the catalogue of the cloud that is named; a new login looks again.
    fn found_before(&self, command: &Command) -> Option<Place> {
        if self.is_named || matches!(command, Command::Login(_)) {
            return None;
        }
        let file = TokenFile::within(self.state.clone()).ok()?;
        // A file that cannot be read is told when the token is looked for.
        file.place_of(self.cloud.as_ref()?.label()).ok()?.map(Place::at)
    }
}

/// Asks the daemon, and prints what it answers.
fn ask(cli: Cli, client: &Client, place: &Place, login: Login, trust: Trust) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Start)?;
    let (mut to, mut notes) = (BufWriter::new(io::stdout()), io::stderr());
    let output = Output::new(cli.options.output, Paper::find(cli.options.color), &mut to, &mut notes);
    let Login { cloud, is_named, state } = login;
    let mut desk = Desk::new(client, place.is_private(), state, output).of(cloud, is_named, trust);
    runtime.block_on(desk.run(cli.command))
}

/// Says what went wrong, unless the reader just went away.
fn complain(failure: &Failure, place: &str, missed: &[PathBuf]) -> ExitCode {
    let code = failure.exit_code();
    if code != 0 {
        let _nobody_reads = io::stderr().write_all(failure.told(place, missed).as_bytes());
    }
    ExitCode::from(code)
}
