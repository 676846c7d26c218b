//! Proves promises by many runs of the real daemon: `gatherd-prove PROMISE RUNS`, as `cargo xtask prove` calls it.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "this is a command line tool; what it finds goes to the terminal")]
#![expect(clippy::unwrap_used, reason = "a step that fails is a proof that fails")]

mod api;
mod bench;
mod document;
mod fault;
mod figures;
mod isolation;
mod transactions;

use std::env;
use std::process::ExitCode;

use gatherd_e2e::Stage;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let wish = match arguments.as_slice() {
        [promise, runs] => runs.parse::<u64>().ok().map(|runs| (promise.as_str(), runs)),
        _ => None,
    };
    let (Some((promise, runs)), Some(stage)) = (wish, Stage::find()) else {
        println!("usage: gatherd-prove PROMISE RUNS, with GATHERD_STAGE naming a staged installation");
        return ExitCode::FAILURE;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match promise {
        "transactions" => runtime.block_on(transactions::prove(&stage, runs)),
        "api" => runtime.block_on(api::prove(&stage, runs)),
        "isolation" => runtime.block_on(isolation::prove(&stage, runs)),
        "document" => runtime.block_on(document::prove(&stage, runs)),
        _ => {
            println!("no such promise: {promise}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
