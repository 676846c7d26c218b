//! The outside of the clock: kernel, chrony, NTP servers, PTP clocks, and the helper that may set it.
//!
//! Asks and translates; what an answer is good for is judged by the engine.

#![forbid(unsafe_code)]

mod chrony;
mod helper;
mod ntp;
mod ptp;

use std::path::Path;
use std::time::Duration;

use gatherd_clock::{KernelState, Request, kernel_state};
use gatherd_engine::port::{
    AdjustFailure, Adjustment, Allowance, BoxFuture, Discipline, Exchange, HardwareClock, KernelClock,
    Timekeeper,
};

/// Asks this machine and the servers that are named to it.
#[derive(Clone, Copy, Debug, Default)]
pub struct MachineTimekeeper;

impl Timekeeper for MachineTimekeeper {
    fn kernel(&self) -> Option<KernelClock> {
        let state =
            kernel_state().inspect_err(|error| tracing::debug!(%error, "adjtimex does not answer")).ok()?;
        let KernelState { synchronised, offset, frequency, max_error, estimated_error, status, tai_offset } =
            state;
        Some(KernelClock { synchronised, offset, frequency, max_error, estimated_error, status, tai_offset })
    }

    fn hardware(&self) -> Vec<HardwareClock> {
        ptp::clocks()
    }

    fn discipline<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Option<Discipline>> {
        Box::pin(async move {
            let asked = chrony::ask(address).await;
            asked.inspect_err(|error| tracing::debug!(%error, "chrony does not answer")).ok()
        })
    }

    fn measure<'a>(&'a self, servers: &'a [String], timeout: Duration) -> BoxFuture<'a, Vec<Exchange>> {
        Box::pin(ntp::measure(servers, timeout))
    }

    fn allowance<'a>(&'a self, helper: &'a Path) -> BoxFuture<'a, Result<Allowance, AdjustFailure>> {
        Box::pin(helper::ask(helper, Request::Allowance))
    }

    fn adjust<'a>(
        &'a self,
        helper: &'a Path,
        how: Adjustment,
        offset: i64,
    ) -> BoxFuture<'a, Result<Allowance, AdjustFailure>> {
        let request = match how {
            Adjustment::Slew => Request::Slew { offset },
            Adjustment::Step => Request::Step { offset },
        };
        Box::pin(helper::ask(helper, request))
    }
}
