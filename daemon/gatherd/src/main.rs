//! The daemon: wiring only.

#![forbid(unsafe_code)]

mod activation;
mod check;
mod cli;
mod handover;
mod hostname;
mod keystone;
mod kinds;
mod limits;
mod logging;
mod notify;
mod overheard;
mod paths;
mod policy;
mod recover;
mod run;
mod signals;
mod successor;
mod takeover;
mod test_plugin;
mod tls;

use std::process::ExitCode;

use clap::Parser as _;
use gatherd_engine::desired::LayersError;

use cli::{Cli, Command, Run};

fn main() -> ExitCode {
    let Cli { options, mut sets, command } = Cli::parse();
    let outcome = match command {
        None => run::run(&options, &sets.set, false),
        Some(Command::Run(Run { sets: more, take_over })) => {
            sets.set.extend(more.set);
            run::run(&options, &sets.set, take_over)
        }
        Some(Command::Check(more)) => {
            sets.set.extend(more.set);
            check::command(&options, &sets.set)
        }
        Some(Command::RecoverAdmin(more)) => {
            sets.set.extend(more.set);
            recover::command(&options, &sets.set)
        }
        Some(Command::Test(test)) => test_plugin::command(&options, &sets.set, &test),
    };
    outcome.unwrap_or_else(|error| {
        complain(&error);
        ExitCode::FAILURE
    })
}

/// Says why the daemon does not run: one line each where the configuration is wrong in several places,
/// otherwise the whole chain of causes.
#[expect(clippy::print_stderr, reason = "there may be no log yet, and a person waits for the answer")]
fn complain(error: &anyhow::Error) {
    let wrong = error.chain().find_map(|cause| cause.downcast_ref::<LayersError>());
    match wrong {
        Some(LayersError { problems }) => {
            for problem in problems {
                eprintln!("gatherd: {}", logging::escaped(&problem.to_string()));
            }
        }
        None => eprintln!("gatherd: {}", logging::escaped(&format!("{error:#}"))),
    }
}
