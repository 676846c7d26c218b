//! Proves that a change is made wholly or not at all: a real daemon, a change of five things at once, and a fault at
//! every step of it, many times.
//!
//! ```text
//!  validate ─► [provisional stored] ─► configure ─► set one ─► set three ─► set two ─► commit ─► answer ─► [confirm]
//!     ▲                  ▲                ▲           ▲           ▲           ▲          ▲         ▲           ▲
//!     └────────── killed there, failing there, the disk full there, killed while it is taken back ─────────────┘
//! ```
//!
//! After each run the daemon must hold the old or the new document and nothing between, run what it holds, never give
//! a number twice, and hold the new one where it was acknowledged for good.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "this is a command line tool; what it finds goes to the terminal")]
#![expect(clippy::unwrap_used, reason = "a step that fails is a proof that fails")]

mod bench;
mod fault;
mod figures;

use std::env;
use std::process::ExitCode;
use std::time::Instant;

use bench::Bench;
use fault::FAULTS;
use figures::Figures;
use gatherd_e2e::{Dice, Stage};

/// Runs without an argument.
const RUNS: u64 = 1_000;

fn main() -> ExitCode {
    let runs = env::args().nth(1).map_or(Ok(RUNS), |text| text.parse::<u64>());
    let (Ok(runs), Some(stage)) = (runs, Stage::find()) else {
        println!("usage: gatherd-prove [RUNS], with GATHERD_STAGE naming a staged installation");
        return ExitCode::FAILURE;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(prove(&stage, runs));
    ExitCode::SUCCESS
}

/// Takes turns with the faults.
async fn prove(stage: &Stage, runs: u64) {
    let begun = Instant::now();
    let mut bench = Bench::start(stage).await;
    let (mut figures, mut dice) = (Figures::default(), Dice(1));
    for round in 0..runs {
        let fault = FAULTS[usize::try_from(round).unwrap() % FAULTS.len()];
        let Some(outcome) = bench.run(fault, &mut dice).await else {
            figures.skipped(fault);
            continue;
        };
        figures.count(fault, outcome, bench.last_start());
        if round % 100 == 99 {
            println!("{} of {runs} runs", round + 1);
        }
    }
    println!("{}", figures.report(begun.elapsed()));
}
