//! Is a measurement good enough to correct a clock by it? Pure: no clock is read and none is moved.

use crate::port::{AdjustFailure, Discipline, Exchange, Reading};

/// What the system clock was measured to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// The server that was believed, or `chrony`.
    pub server: String,
    /// What it said.
    pub reading: Reading,
    /// Whether the others' readings could be true together with it.
    pub agreed: bool,
    /// What each server said, in the order of the configuration; empty where chrony was asked.
    pub exchanges: Vec<Exchange>,
}

/// Why there is no measurement.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoMeasurement {
    /// Nobody is named.
    #[error("there is nobody to measure with: name NTP servers in time.servers, or run chrony")]
    Nobody,
    /// Nobody answered.
    #[error("no server answered: {0}")]
    Silence(String),
}

/// What a correction must keep to; all in nanoseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bounds {
    /// Largest error bound of a measurement that is acted upon.
    pub max_error: i64,
    /// Farthest correction.
    pub max_step: i64,
}

/// Why a clock is not corrected.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The servers cannot all be right.
    #[error("the servers disagree by more than their error bounds, so none is believed")]
    Disagree,
    /// The measurement may be too far off.
    #[error("the offset of {} s may be wrong by {} s, and at most {} s are borne (time.max_error)",
        seconds(*offset), seconds(*bound), seconds(*most))]
    Uncertain {
        /// What was measured, in nanoseconds.
        offset: i64,
        /// How far it may be wrong, in nanoseconds.
        bound: i64,
        /// What is borne, in nanoseconds.
        most: i64,
    },
    /// Too far for one correction.
    #[error("the clock would move by {} s, and at most {} s are allowed at once", seconds(*offset), seconds(*most))]
    TooFar {
        /// What was measured, in nanoseconds.
        offset: i64,
        /// What is allowed, in nanoseconds.
        most: i64,
    },
    /// Somebody else keeps the clock right.
    #[error("{by} keeps the system clock already, and two hands on one clock fight; stop it, or say `force`")]
    Disciplined {
        /// Who.
        by: String,
    },
    /// A slew would run away under a correction.
    #[error("values are stamped with a correction of {} s; release it before the clock is slewed", seconds(*offset))]
    Corrected {
        /// The correction in force, in nanoseconds.
        offset: i64,
    },
    /// The helper said no.
    #[error(transparent)]
    Helper(#[from] AdjustFailure),
}

/// Nanoseconds as seconds, for people.
fn seconds(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

/// The best of what servers said: that with the smallest error bound.
///
/// # Errors
///
/// [`NoMeasurement::Silence`] where none answered, with the reason of each.
pub(super) fn best_of(exchanges: Vec<Exchange>) -> Result<Measurement, NoMeasurement> {
    let readings = || exchanges.iter().filter_map(|one| Some((&one.server, *one.outcome.as_ref().ok()?)));
    let Some((server, reading)) = readings().min_by_key(|(_, reading)| reading.error_bound) else {
        let said = |one: &Exchange| Some(format!("{}: {}", one.server, one.outcome.as_ref().err()?));
        let reasons: Vec<String> = exchanges.iter().filter_map(said).collect();
        return Err(NoMeasurement::Silence(reasons.join("; ")));
    };
    let server = server.clone();
    let agreed = readings().all(|(_, other)| {
        let apart = other.offset.saturating_sub(reading.offset).saturating_abs();
        apart <= other.error_bound.saturating_add(reading.error_bound)
    });
    Ok(Measurement { server, reading, agreed, exchanges })
}

/// What another daemon measured, as far as it has a reference.
pub(super) fn by_discipline(discipline: &Discipline) -> Option<Measurement> {
    let Discipline { synchronised: true, offset, error_bound, stratum, .. } = *discipline else {
        return None;
    };
    let reading = Reading { offset, error_bound, delay: 0, stratum };
    Some(Measurement { server: "chrony".to_owned(), reading, agreed: true, exchanges: Vec::new() })
}

/// Whether a clock may be moved by what was measured.
///
/// # Errors
///
/// [`Refusal::Disagree`], [`Refusal::Uncertain`] or [`Refusal::TooFar`].
pub(super) fn judge(measurement: &Measurement, bounds: Bounds) -> Result<(), Refusal> {
    let Reading { offset, error_bound: bound, .. } = measurement.reading;
    if !measurement.agreed {
        return Err(Refusal::Disagree);
    }
    if bound > bounds.max_error {
        return Err(Refusal::Uncertain { offset, bound, most: bounds.max_error });
    }
    if offset.saturating_abs() > bounds.max_step {
        return Err(Refusal::TooFar { offset, most: bounds.max_step });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { max_error: 100, max_step: 1000 };

    fn exchange(server: &str, offset: i64, error_bound: i64) -> Exchange {
        let reading = Reading { offset, error_bound, delay: 2 * error_bound, stratum: 2 };
        Exchange { server: server.into(), outcome: Ok(reading) }
    }

    fn silent(server: &str) -> Exchange {
        Exchange { server: server.into(), outcome: Err("timed out".into()) }
    }

    fn measured(offset: i64, error_bound: i64) -> Measurement {
        best_of(vec![exchange("a", offset, error_bound)]).unwrap()
    }

    #[test]
    fn the_narrowest_answer_is_believed_and_the_others_are_held_against_it() {
        let best = best_of(vec![exchange("a", 50, 60), silent("b"), exchange("c", 10, 20)]).unwrap();
        assert_eq!((best.server.as_str(), best.reading.offset, best.agreed), ("c", 10, true));
        let far = best_of(vec![exchange("a", 91, 60), exchange("c", 10, 20)]).unwrap();
        assert_eq!((far.reading.offset, far.agreed), (10, false));
        assert_eq!(judge(&far, BOUNDS), Err(Refusal::Disagree));
    }

    #[test]
    fn where_nobody_answers_each_reason_is_told() {
        let silence = best_of(vec![silent("a"), silent("b")]).unwrap_err();
        assert_eq!(silence, NoMeasurement::Silence("a: timed out; b: timed out".into()));
    }

    #[test]
    fn an_uncertain_or_far_offset_is_refused_and_the_bounds_themselves_are_not() {
        assert_eq!(judge(&measured(1000, 100), BOUNDS), Ok(()));
        let uncertain = Refusal::Uncertain { offset: 0, bound: 101, most: 100 };
        assert_eq!(judge(&measured(0, 101), BOUNDS), Err(uncertain));
        for offset in [1001, -1001, i64::MIN] {
            let far = Refusal::TooFar { offset, most: 1000 };
            assert_eq!(judge(&measured(offset, 1), BOUNDS), Err(far));
        }
    }

    #[test]
    fn a_refusal_says_seconds() {
        let far = Refusal::TooFar { offset: -1_500_000_000, most: 1_000_000_000 };
        assert_eq!(far.to_string(), "the clock would move by -1.5 s, and at most 1 s are allowed at once");
    }
}
