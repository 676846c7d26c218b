//! The kernel's clock. Source of all numbers: adjtimex(2) and `linux/timex.h`.

use std::fs;
use std::io;
use std::path::PathBuf;

/// Bits of the status, and our words for them.
const STATUS: [(i32, &str); 14] = [
    (libc::STA_PLL, "pll"),
    (libc::STA_PPSFREQ, "pps_frequency"),
    (libc::STA_PPSTIME, "pps_time"),
    (libc::STA_FLL, "fll"),
    (libc::STA_INS, "insert_second"),
    (libc::STA_DEL, "delete_second"),
    (libc::STA_UNSYNC, "unsync"),
    (libc::STA_FREQHOLD, "frequency_hold"),
    (libc::STA_PPSSIGNAL, "pps_signal"),
    (libc::STA_PPSJITTER, "pps_jitter"),
    (libc::STA_PPSWANDER, "pps_wander"),
    (libc::STA_PPSERROR, "pps_error"),
    (libc::STA_CLOCKERR, "clock_error"),
    (libc::STA_NANO, "nanoseconds"),
];

/// What the kernel says of its clock.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelState {
    /// Whether somebody keeps it right.
    pub synchronised: bool,
    /// What is still to be slewed, in seconds.
    pub offset: f64,
    /// How much faster it is made to run, in parts per million.
    pub frequency: f64,
    /// The largest error that it may have, in seconds.
    pub max_error: f64,
    /// The error that it probably has, in seconds.
    pub estimated_error: f64,
    /// The bits of its status that are set.
    pub status: Vec<&'static str>,
    /// Seconds that TAI is ahead of UTC; 0 where nobody told the kernel.
    pub tai_offset: i32,
}

/// Asks the kernel; changes nothing and needs no right.
///
/// # Errors
///
/// What the kernel says where it does not answer.
pub fn kernel_state() -> io::Result<KernelState> {
    let mut timex = nothing();
    adjtimex(&mut timex)?;
    let per_second = if timex.status & libc::STA_NANO == 0 { 1e6 } else { 1e9 };
    Ok(KernelState {
        synchronised: timex.status & libc::STA_UNSYNC == 0,
        offset: timex.offset as f64 / per_second,
        frequency: timex.freq as f64 / 65_536.0,
        max_error: timex.maxerror as f64 / 1e6,
        estimated_error: timex.esterror as f64 / 1e6,
        status: STATUS.iter().filter(|(bit, _)| timex.status & bit != 0).map(|(_, word)| *word).collect(),
        tai_offset: timex.tai,
    })
}

/// A clock that can be moved.
pub trait SettableClock {
    /// Adds `offset` nanoseconds at once.
    ///
    /// # Errors
    ///
    /// What the kernel says; the clock is as it was.
    fn step(&mut self, offset: i64) -> io::Result<()>;

    /// Adds `offset` nanoseconds little by little; takes the place of a slew that is still under way.
    ///
    /// # Errors
    ///
    /// What the kernel says; the clock is as it was.
    fn slew(&mut self, offset: i64) -> io::Result<()>;
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock;

impl SettableClock for SystemClock {
    fn step(&mut self, offset: i64) -> io::Result<()> {
        let mut timex = nothing();
        timex.modes = libc::ADJ_SETOFFSET | libc::ADJ_NANO;
        // With ADJ_NANO the field for microseconds holds nanoseconds, and must not be negative.
        timex.time.tv_sec = offset.div_euclid(1_000_000_000);
        timex.time.tv_usec = offset.rem_euclid(1_000_000_000);
        adjtimex(&mut timex)
    }

    fn slew(&mut self, offset: i64) -> io::Result<()> {
        let mut timex = nothing();
        timex.modes = libc::ADJ_OFFSET_SINGLESHOT;
        timex.offset = offset / 1000;
        adjtimex(&mut timex)
    }
}

/// A clock on paper: what would have been done to the machine's is added up in a file, as `+1.500000000`.
///
/// libfaketime reads this form, so a daemon under it lives through the steps that it asked for.
#[derive(Debug)]
pub struct Rehearsal {
    /// The file; none means that nothing was added yet.
    pub path: PathBuf,
}

impl Rehearsal {
    fn add(&self, offset: i64) -> io::Result<()> {
        let text = match fs::read_to_string(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            other => other?,
        };
        let seconds: f64 = text.trim().parse().unwrap_or(0.0);
        fs::write(&self.path, format!("{:+.9}\n", seconds + offset as f64 / 1e9))
    }
}

impl SettableClock for Rehearsal {
    fn step(&mut self, offset: i64) -> io::Result<()> {
        self.add(offset)
    }

    fn slew(&mut self, offset: i64) -> io::Result<()> {
        self.add(offset)
    }
}

/// A question that asks for nothing but the state.
fn nothing() -> libc::timex {
    // SAFETY: `timex` is numbers only, for each of which all bits zero are a value.
    unsafe { std::mem::zeroed() }
}

fn adjtimex(timex: &mut libc::timex) -> io::Result<()> {
    // SAFETY: `timex` is a live structure that only this call uses; the kernel reads and writes no more than it.
    let state = unsafe { libc::adjtimex(timex) };
    if state < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_answers_without_any_right() {
        let state = kernel_state().unwrap();
        assert_eq!(state.synchronised, !state.status.contains(&"unsync"));
        assert!(state.max_error >= 0.0 && state.frequency.abs() <= 512.0, "{state:?}");
    }

    #[test]
    fn a_rehearsal_adds_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clock");
        let mut clock = Rehearsal { path: path.clone() };
        clock.step(1_500_000_000).unwrap();
        clock.slew(-2_000_000_000).unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "-0.500000000\n");
    }
}
