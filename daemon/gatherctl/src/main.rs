//! Command line of the management API.
//!
//! `cli` says what can be asked, `place` where the daemon is, `commands` what is done, `output` and `table`
//! how answers look, `failure` how refusals look, `top` is the live view. Nothing is printed but through
//! `output`, `failure` and the view's `draw`, which make foreign text harmless for a terminal.
#![forbid(unsafe_code)]

mod cli;
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
use cli::Cli;
use commands::Desk;
use failure::Failure;
use gatherd_client::{Client, Trust};
use output::Output;
use paper::Paper;
use place::{Place, Surroundings};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

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
    let place = Place::find(cli.options.url.as_deref(), cli.options.socket.as_deref(), &surroundings);
    let found = place.map_err(Failure::from).and_then(|place| {
        let trust = trust(&cli.options, &surroundings)?;
        Ok((place.client(&trust)?, place))
    });
    let (client, place) = match found {
        Ok(found) => found,
        Err(failure) => return complain(&failure, "", &[]),
    };
    match ask(cli, &client, &place, surroundings.state()) {
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

/// Asks the daemon, and prints what it answers.
fn ask(cli: Cli, client: &Client, place: &Place, state: Option<PathBuf>) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Start)?;
    let (mut to, mut notes) = (BufWriter::new(io::stdout()), io::stderr());
    let output = Output::new(cli.options.output, Paper::find(cli.options.color), &mut to, &mut notes);
    let mut desk = Desk::new(client, place.is_private(), state, output);
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
