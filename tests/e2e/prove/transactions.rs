//! A change is made wholly or not at all: a real daemon, a change of five things at once, and a fault at every step of
//! it, many times.
//!
//! ```text
//!  validate ─► [provisional stored] ─► configure ─► set one ─► set three ─► set two ─► commit ─► answer ─► [confirm]
//!     ▲                  ▲                ▲           ▲           ▲           ▲          ▲         ▲           ▲
//!     └────────── killed there, failing there, the disk full there, killed while it is taken back ─────────────┘
//! ```
//!
//! After each run the daemon must hold the old or the new document and nothing between, run what it holds, never give
//! a number twice, and hold the new one where it was acknowledged for good.

use std::time::Instant;

use gatherd_e2e::{Dice, Stage};

use crate::bench::Bench;
use crate::fault::FAULTS;
use crate::figures::Figures;

/// Takes turns with the faults.
pub(crate) async fn prove(stage: &Stage, runs: u64) {
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
