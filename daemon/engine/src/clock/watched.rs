//! The wall clock under watch: each step is noticed where time is asked for, so no value is stamped between a
//! step and its discovery.
//!
//! What is compared is the distance between wall clock and monotonic clock. Slewing changes it slowly and is
//! followed; a jump of it is a step, unless the machine slept meanwhile, which the boot clock tells.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use gatherd_model::CdTime;

use crate::port::{Clock, Moment};

/// A jump that slewing cannot explain between two looks half a second apart: the quickest slewing there is
/// moves the clock by a tenth of the time that passes. In units of 2⁻³⁰ s.
const STEP: i64 = 1 << 30 >> 3;
/// The smallest jump that counts where the kernel said that the clock was set: a millisecond.
const SMALL_STEP: i64 = 1 << 20;
/// Reading two clocks takes no longer than this, or they are read again: an eighth of a millisecond.
const TOGETHER: CdTime = CdTime(1 << 30 >> 13);
/// How many of the newest steps are remembered.
const REMEMBERED: usize = 32;
/// Units of 2⁻³⁰ s in a second.
const UNITS: f64 = 1_073_741_824.0;

/// The clocks of a machine.
pub trait Clocks: Clock {
    /// Time since the machine started, sleep included.
    fn boot(&self) -> CdTime;
}

/// A step of the wall clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// What the wall clock said after it.
    pub time: CdTime,
    /// How far it went, in seconds; less than zero is back.
    pub by: f64,
    /// What stepped.
    pub cause: StepCause,
}

/// What stepped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StepCause {
    /// The system clock.
    System,
    /// The system clock, under a correction of ours that took the step out: values did not notice.
    Absorbed,
    /// Our correction of it.
    Correction,
}

/// The wall clock that stamps values: the system's and the correction in force.
#[derive(Debug)]
pub struct WatchedClock<C> {
    clocks: C,
    /// What is added to the system's wall clock. All in units of 2⁻³⁰ s.
    correction: AtomicI64,
    /// System's wall clock less monotonic clock, when last looked at.
    distance: AtomicI64,
    /// Monotonic time of the newest step, and how far it went back.
    stepped: AtomicU64,
    back: AtomicU64,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    /// System's wall clock less boot clock.
    boot_distance: i64,
    corrects: bool,
    steps: VecDeque<Step>,
    count: u64,
    untold: usize,
}

fn less(one: CdTime, other: CdTime) -> i64 {
    one.0.cast_signed().wrapping_sub(other.0.cast_signed())
}

fn moved(time: CdTime, by: i64) -> CdTime {
    CdTime(time.0.saturating_add_signed(by))
}

impl<C: Clocks> WatchedClock<C> {
    /// Watches `clocks` from now on.
    pub fn new(clocks: C) -> Self {
        let (wall, monotonic, boot) = together(&clocks);
        let seen = Seen {
            boot_distance: less(wall, boot),
            corrects: false,
            steps: VecDeque::with_capacity(REMEMBERED),
            count: 0,
            untold: 0,
        };
        Self {
            clocks,
            correction: AtomicI64::new(0),
            distance: AtomicI64::new(less(wall, monotonic)),
            stepped: AtomicU64::new(0),
            back: AtomicU64::new(0),
            seen: Mutex::new(seen),
        }
    }

    /// Looks for a step; `set` where the kernel said that the clock was set, so that small ones count too.
    pub fn look(&self, set: bool) {
        self.look_closely(if set { SMALL_STEP } else { STEP });
    }

    /// Steps that were not taken before, the oldest first; at most the 32 newest.
    pub fn take_steps(&self) -> Vec<Step> {
        let mut seen = self.seen.lock().expect("no holder panics");
        let from = seen.steps.len() - std::mem::take(&mut seen.untold);
        seen.steps.iter().skip(from).copied().collect()
    }

    /// How many steps there were, and the newest 32 of them, the oldest first.
    pub fn steps(&self) -> (u64, Vec<Step>) {
        let seen = self.seen.lock().expect("no holder panics");
        (seen.count, seen.steps.iter().copied().collect())
    }

    /// The system's wall clock, uncorrected.
    pub fn system_wall(&self) -> CdTime {
        self.clocks.wall()
    }

    /// Time since the machine started.
    pub fn boot(&self) -> CdTime {
        self.clocks.boot()
    }

    /// What is added to the system clock now, in nanoseconds; `None` where nothing is in force.
    pub fn correction(&self) -> Option<i64> {
        let seen = self.seen.lock().expect("no holder panics");
        seen.corrects.then(|| nanos(self.correction.load(Ordering::Relaxed)))
    }

    /// Adds `nanoseconds` to the system clock from now on, or nothing for `None`. For values this is a step.
    pub fn correct(&self, nanoseconds: Option<i64>) {
        self.look(false);
        let mut seen = self.seen.lock().expect("no holder panics");
        let new = units(nanoseconds.unwrap_or(0));
        let old = self.correction.swap(new, Ordering::Relaxed);
        seen.corrects = nanoseconds.is_some();
        let by = new.saturating_sub(old);
        if by.abs() > SMALL_STEP {
            let wall = moved(self.clocks.wall(), new);
            self.note(&mut seen, wall, self.clocks.monotonic(), by, StepCause::Correction);
        }
    }

    /// Reads the clocks with care; a jump of more than `smallest` units is a step.
    #[cold]
    fn look_closely(&self, smallest: i64) {
        let mut seen = self.seen.lock().expect("no holder panics");
        let (wall, monotonic, boot) = together(&self.clocks);
        let (distance, boot_distance) = (less(wall, monotonic), less(wall, boot));
        let by = distance.saturating_sub(self.distance.swap(distance, Ordering::Relaxed));
        let by_boot = boot_distance.saturating_sub(std::mem::replace(&mut seen.boot_distance, boot_distance));
        if by.abs() <= smallest || by_boot.abs() <= smallest {
            return; // Slewed, or slept.
        }
        if seen.corrects {
            self.correction.fetch_sub(by, Ordering::Relaxed);
            self.note(&mut seen, wall, monotonic, by, StepCause::Absorbed);
        } else {
            self.note(&mut seen, wall, monotonic, by, StepCause::System);
        }
    }

    fn note(&self, seen: &mut Seen, wall: CdTime, monotonic: CdTime, by: i64, cause: StepCause) {
        if cause != StepCause::Absorbed {
            self.back.store(by.min(0).unsigned_abs(), Ordering::Relaxed);
            self.stepped.store(monotonic.0.max(1), Ordering::Release);
        }
        if seen.steps.len() == REMEMBERED {
            seen.steps.pop_front();
        }
        seen.steps.push_back(Step { time: wall, by: by as f64 / UNITS, cause });
        seen.count += 1;
        seen.untold = (seen.untold + 1).min(REMEMBERED);
    }
}

/// Wall, monotonic and boot clock at one moment, as well as three reads can be made one: again where something
/// came in between, at most four times.
fn together<C: Clocks>(clocks: &C) -> (CdTime, CdTime, CdTime) {
    let read = || {
        let before = clocks.monotonic();
        let (wall, boot) = (clocks.wall(), clocks.boot());
        (clocks.monotonic().since(before), (wall, before, boot))
    };
    let mut best = read();
    for _ in 0..3 {
        if best.0 <= TOGETHER {
            break;
        }
        let again = read();
        if again.0 < best.0 {
            best = again;
        }
    }
    best.1
}

#[expect(clippy::cast_possible_truncation, reason = "2⁶³ units are 8.6e18 ns, which fit")]
fn nanos(units: i64) -> i64 {
    ((i128::from(units) * 1_000_000_000) >> 30) as i64
}

fn units(nanos: i64) -> i64 {
    let units = (i128::from(nanos) << 30) / 1_000_000_000;
    i64::try_from(units).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

impl<C: Clocks> Clock for WatchedClock<C> {
    fn wall(&self) -> CdTime {
        moved(self.clocks.wall(), self.correction.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> CdTime {
        self.clocks.monotonic()
    }

    /// Looks for a step on the way; costs one comparison where there was none.
    fn moment(&self) -> Moment {
        let (mut wall, mut monotonic) = (self.clocks.wall(), self.clocks.monotonic());
        let by = less(wall, monotonic).wrapping_sub(self.distance.load(Ordering::Relaxed));
        if by.wrapping_abs() > STEP {
            self.look_closely(STEP);
            (wall, monotonic) = (self.clocks.wall(), self.clocks.monotonic());
        }
        let stepped = CdTime(self.stepped.load(Ordering::Acquire));
        let back = CdTime(self.back.load(Ordering::Relaxed));
        Moment { wall: moved(wall, self.correction.load(Ordering::Relaxed)), monotonic, stepped, back }
    }
}
