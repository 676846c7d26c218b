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
use gatherd_client::Client;
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
    let (place, client) = match place.map(|place| (place.client(), place)) {
        Ok((Ok(client), place)) => (place, client),
        Ok((Err(error), _)) => return complain(&error.into(), "", &[]),
        Err(error) => return complain(&error.into(), "", &[]),
    };
    match ask(cli, &client, &place, surroundings.state()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => complain(&failure, client.place(), &place.missed),
    }
}

/// Asks the daemon, and prints what it answers.
fn ask(cli: Cli, client: &Client, place: &Place, state: Option<PathBuf>) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Start)?;
    let (mut to, mut notes) = (BufWriter::new(io::stdout()), io::stderr());
    let output = Output::new(cli.options.output, Paper::find(cli.options.color), &mut to, &mut notes);
    let mut desk = Desk::new(client, place.is_local(), state, output);
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
