//! How far the clock was moved, on disk: the budget holds over every restart.
//!
//! Times are of the boot clock, which nobody can set. Moves before the machine's last start have an unknown age,
//! and count as made at that start.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::words::{Allowance, Reason};

/// Most moves that are kept apart; of more, the two oldest become one.
const MOST_MOVES: usize = 1024;

/// How far the clock may be moved. All in nanoseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Farthest move at once.
    pub max_step: i64,
    /// How far within a window, forth and back added up.
    pub budget: i64,
    /// Length of the window.
    pub window: i64,
}

/// Now, as nobody can set it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Uptime {
    /// Names this start of the machine.
    pub boot: String,
    /// Nanoseconds since then, sleep included.
    pub now: i64,
}

/// The moves within the window.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Ledger {
    boot: String,
    moves: Vec<Move>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Move {
    /// Nanoseconds after the machine's start.
    at: i64,
    /// How far; never negative.
    by: i64,
}

/// Why the ledger cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It cannot be read or written.
    #[error("cannot {what} the ledger {}", path.display())]
    Disk {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It holds something else.
    #[error("the ledger {} is damaged; look at it, and remove it to begin with a full budget", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

impl Ledger {
    /// Forgets what is older than the window, and takes moves before the machine's last start as made then.
    pub fn settle(&mut self, limits: &Limits, uptime: &Uptime) {
        if self.boot != uptime.boot {
            self.boot.clone_from(&uptime.boot);
            self.moves.iter_mut().for_each(|one| one.at = 0);
        }
        self.moves.retain(|one| uptime.now.saturating_sub(one.at) < limits.window);
    }

    /// What is allowed now, after [`Ledger::settle`].
    pub fn allowance(&self, limits: &Limits) -> Allowance {
        let used = self.moves.iter().fold(0_i64, |sum, one| sum.saturating_add(one.by));
        let Limits { max_step, budget, window } = *limits;
        Allowance { max_step, budget, window, used }
    }

    /// Writes a move down, or says why it may not be made. Pure: nothing is stored or moved.
    ///
    /// # Errors
    ///
    /// [`Reason::TooFar`] or [`Reason::Budget`], with a text for people.
    pub fn spend(&mut self, limits: &Limits, offset: i64, uptime: &Uptime) -> Result<(), (Reason, String)> {
        self.settle(limits, uptime);
        let by = offset.saturating_abs();
        if by > limits.max_step {
            let detail =
                format!("{} s is more than the {} s of one move", seconds(by), seconds(limits.max_step));
            return Err((Reason::TooFar, detail));
        }
        let used = self.allowance(limits).used;
        if used.saturating_add(by) > limits.budget {
            let detail = format!(
                "{} s of the budget of {} s in {} s are used, so {} s more are too much",
                seconds(used),
                seconds(limits.budget),
                seconds(limits.window),
                seconds(by)
            );
            return Err((Reason::Budget, detail));
        }
        if self.moves.len() >= MOST_MOVES {
            let oldest = self.moves.remove(0);
            self.moves[0].by = self.moves[0].by.saturating_add(oldest.by);
        }
        self.moves.push(Move { at: uptime.now, by });
        Ok(())
    }

    /// Reads it; an absent file is an empty ledger.
    ///
    /// # Errors
    ///
    /// [`LedgerError`]
    pub fn read(path: &PathBuf) -> Result<Self, LedgerError> {
        match fs::read(path) {
            Ok(text) => {
                serde_json::from_slice(&text).map_err(|_| LedgerError::Damaged { path: path.clone() })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(LedgerError::Disk { what: "read", path: path.clone(), source }),
        }
    }

    /// Stores it durably.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Disk`]; the one before is still there.
    pub fn write(&self, path: &PathBuf) -> Result<(), LedgerError> {
        let write = || {
            let beside = path.with_extension("new");
            let mut file = File::create(&beside)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            file.sync_all()?;
            fs::rename(&beside, path)?;
            path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
        };
        write().map_err(|source| LedgerError::Disk { what: "write", path: path.clone(), source })
    }
}

fn seconds(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { max_step: 10, budget: 25, window: 100 };

    fn at(now: i64) -> Uptime {
        Uptime { boot: "one".into(), now }
    }

    fn reason(spent: Result<(), (Reason, String)>) -> Option<Reason> {
        spent.err().map(|(reason, _)| reason)
    }

    #[test]
    fn moves_forth_and_back_add_up_until_the_window_has_passed() {
        let mut ledger = Ledger::default();
        assert_eq!(reason(ledger.spend(&LIMITS, 11, &at(0))), Some(Reason::TooFar));
        assert_eq!(reason(ledger.spend(&LIMITS, i64::MIN, &at(0))), Some(Reason::TooFar));
        assert_eq!(reason(ledger.spend(&LIMITS, 10, &at(0))), None);
        assert_eq!(reason(ledger.spend(&LIMITS, -10, &at(50))), None);
        assert_eq!(reason(ledger.spend(&LIMITS, 6, &at(60))), Some(Reason::Budget));
        assert_eq!(reason(ledger.spend(&LIMITS, 5, &at(60))), None);
        assert_eq!(ledger.allowance(&LIMITS).used, 25);
        assert_eq!(reason(ledger.spend(&LIMITS, 1, &at(99))), Some(Reason::Budget));
        assert_eq!(reason(ledger.spend(&LIMITS, 10, &at(100))), None);
    }

    #[test]
    fn another_start_of_the_machine_gives_no_new_budget() {
        let mut ledger = Ledger::default();
        ledger.spend(&LIMITS, 10, &at(90)).unwrap();
        ledger.spend(&LIMITS, 10, &at(95)).unwrap();
        let after = |now| Uptime { boot: "two".into(), now };
        assert_eq!(reason(ledger.spend(&LIMITS, 6, &after(3))), Some(Reason::Budget));
        assert_eq!(reason(ledger.spend(&LIMITS, 6, &after(100))), None);
    }

    #[test]
    fn what_was_stored_is_read_again_and_damage_is_no_empty_ledger() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        assert_eq!(Ledger::read(&path).unwrap(), Ledger::default());
        let mut ledger = Ledger::default();
        ledger.spend(&LIMITS, 7, &at(1)).unwrap();
        ledger.write(&path).unwrap();
        assert_eq!(Ledger::read(&path).unwrap(), ledger);
        fs::write(&path, "{").unwrap();
        assert!(matches!(Ledger::read(&path), Err(LedgerError::Damaged { .. })));
        let nowhere = folder.path().join("nowhere/ledger");
        assert!(matches!(ledger.write(&nowhere), Err(LedgerError::Disk { what: "write", .. })));
    }

    #[test]
    fn many_small_moves_are_kept_in_bounded_room_and_none_is_forgotten() {
        let limits = Limits { max_step: 1, budget: 5000, window: 1_000_000 };
        let mut ledger = Ledger::default();
        for now in 0..5000 {
            ledger.spend(&limits, 1, &at(now)).unwrap();
        }
        assert_eq!((ledger.moves.len(), ledger.allowance(&limits).used), (MOST_MOVES, 5000));
        assert_eq!(reason(ledger.spend(&limits, 1, &at(5000))), Some(Reason::Budget));
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_the_budget(moves in prop::collection::vec((0_i64..60, -12_i64..=12), 1..60)) {
            let (mut ledger, mut now, mut made) = (Ledger::default(), 0, Vec::new());
            for (later, by) in moves {
                now += later;
                if ledger.spend(&LIMITS, by, &at(now)).is_ok() {
                    made.push((now, by.abs()));
                }
                let within: i64 = made.iter().filter(|(at, _)| now - at < LIMITS.window).map(|(_, by)| by).sum();
                prop_assert!(within <= LIMITS.budget);
            }
        }
    }
}
