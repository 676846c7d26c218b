//! Sets the system clock for the daemon, within the limits of its command line.
//!
//! Standard input and output are one connection, as a service manager hands it over for `Accept=yes` with
//! `StandardInput=socket`. One request, one answer, end.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use gatherd_clock::{Answer, Limits, Rehearsal, Request, SettableClock, SystemClock, Uptime, serve};
use rustix::net::sockopt::{Timeout, set_socket_timeout, socket_peercred};
use rustix::time::{ClockId, clock_gettime};

/// How long the other side may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(5);

/// Moves the system clock as one request on standard input asks, within limits.
#[derive(Debug, Parser)]
#[command(name = "gatherd-clock", version)]
struct Options {
    /// Directory of the ledger; exists.
    #[arg(long, value_name = "DIR", env = "STATE_DIRECTORY")]
    state: PathBuf,
    /// Farthest move at once, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    max_step: f64,
    /// How far the clock may be moved within the window, in seconds, forth and back added up.
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    budget: f64,
    /// Length of the window, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "86400")]
    window: f64,
    /// Adds up in FILE what it would do, and leaves the machine's clock alone.
    #[arg(long, value_name = "FILE")]
    rehearse: Option<PathBuf>,
}

#[expect(clippy::print_stderr, reason = "standard error is its log")]
fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gatherd-clock: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<()> {
    let limits = Limits {
        max_step: nanos(options.max_step).context("--max-step")?,
        budget: nanos(options.budget).context("--budget")?,
        window: nanos(options.window).context("--window")?,
    };
    let boot =
        std::fs::read_to_string("/proc/sys/kernel/random/boot_id").context("cannot tell this start")?;
    let boottime = clock_gettime(ClockId::Boottime);
    let now = boottime.tv_sec.saturating_mul(1_000_000_000).saturating_add(boottime.tv_nsec);
    let uptime = Uptime { boot: boot.trim().to_owned(), now };
    let stdin = std::io::stdin();
    // In a terminal or a pipe there is no such thing, and nobody to be waited for.
    let _no_socket = set_socket_timeout(&stdin, Timeout::Recv, Some(PATIENCE));
    let asker = socket_peercred(&stdin).map(|peer| peer.uid.as_raw()).ok();
    let mut clock: Box<dyn SettableClock> = match &options.rehearse {
        Some(path) => Box::new(Rehearsal { path: path.clone() }),
        None => Box::new(SystemClock),
    };
    let (request, answer) =
        serve(stdin.lock(), std::io::stdout().lock(), &options.state, &limits, &uptime, &mut *clock)?;
    log(request, &answer, asker);
    Ok(())
}

/// Says what was done or refused, and for whom; questions are not worth a line.
#[expect(clippy::print_stderr, reason = "standard error is its log")]
fn log(request: Option<Request>, answer: &Answer, asker: Option<u32>) {
    let who = asker.map_or_else(|| "somebody".to_owned(), |uid| format!("user {uid}"));
    let seconds = |offset: i64| offset as f64 / 1e9;
    let what = match request {
        Some(Request::Step { offset }) => format!("stepping the clock by {} s", seconds(offset)),
        Some(Request::Slew { offset }) => format!("slewing the clock by {} s", seconds(offset)),
        Some(Request::Allowance) => return,
        None => "a request that cannot be understood".to_owned(),
    };
    match answer {
        Answer::Refused { detail, .. } => eprintln!("gatherd-clock: refused to {who}: {what}: {detail}"),
        Answer::Done(_) | Answer::Allowance(_) => eprintln!("gatherd-clock: for {who}: {what}"),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "in range, as just seen")]
fn nanos(seconds: f64) -> anyhow::Result<i64> {
    anyhow::ensure!((0.0..=1e9).contains(&seconds), "{seconds} is out of range: 0 to 1000000000 is allowed");
    Ok((seconds * 1e9).round() as i64)
}
