//! States of series that are not in the cache: those that fell silent, and those of before a restart.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use gatherd_model::CdTime;

use super::State;

/// Most states that are kept of series that are not there; more are forgotten.
pub(super) const MOST: usize = 100_000;

/// What is known of a series that is not there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Absence {
    pub(super) state: State,
    /// Since when.
    pub(super) since: CdTime,
    /// The id of the threshold that judged it.
    pub(super) rule: Arc<str>,
    /// After what span it is said again; `None` for never.
    pub(super) repeat: Option<CdTime>,
    /// When it was last said.
    pub(super) said: CdTime,
}

/// The states, by identifier.
#[derive(Debug, Default)]
pub(super) struct Absent(HashMap<Arc<str>, Absence, RandomState>);

impl Absent {
    /// Keeps a state; forgets it at once when there are too many.
    pub(super) fn put(&mut self, identifier: Arc<str>, absence: Absence) {
        if self.0.len() < MOST || self.0.contains_key(&identifier) {
            self.0.insert(identifier, absence);
        }
    }

    /// Takes the state of a series that has come.
    pub(super) fn take(&mut self, identifier: &str) -> Option<Absence> {
        if self.0.is_empty() {
            return None;
        }
        self.0.remove(identifier)
    }

    /// Those that must be said again at `now`, which counts as said.
    pub(super) fn due(&mut self, now: CdTime) -> Vec<(Arc<str>, Absence)> {
        let mut due = Vec::new();
        for (identifier, absence) in &mut self.0 {
            // A step of the clock backwards must not silence it for long.
            if absence.repeat.is_some_and(|span| now.since(absence.said) >= span || now < absence.said) {
                absence.said = now;
                due.push((Arc::clone(identifier), absence.clone()));
            }
        }
        due
    }

    /// Forgets those that `keep` does not want; answers them.
    pub(super) fn retain(&mut self, keep: impl Fn(&str, &Absence) -> bool) -> Vec<(Arc<str>, Absence)> {
        self.0.extract_if(|identifier, absence| !keep(identifier, absence)).collect()
    }

    /// Shows all.
    pub(super) fn each(&self, mut show: impl FnMut(&Arc<str>, &Absence)) {
        self.0.iter().for_each(|(identifier, absence)| show(identifier, absence));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn absence(repeat: Option<u64>) -> Absence {
        let repeat = repeat.map(CdTime::from_secs);
        let since = CdTime::from_secs(100);
        Absence { state: State::Missing, since, rule: "r".into(), repeat, said: since }
    }

    #[test]
    fn what_persists_is_due_once_per_span() {
        let mut absent = Absent::default();
        absent.put("a".into(), absence(Some(10)));
        absent.put("b".into(), absence(None));
        let due = |absent: &mut Absent, at| absent.due(CdTime::from_secs(at)).len();
        assert_eq!([109, 110, 119, 120].map(|at| due(&mut absent, at)), [0, 1, 0, 1]);
        assert_eq!(due(&mut absent, 50), 1, "the clock stepped back");
    }

    #[test]
    fn more_than_fit_are_forgotten() {
        let mut absent = Absent::default();
        for number in 0..=MOST {
            absent.put(number.to_string().into(), absence(None));
        }
        assert_eq!(absent.0.len(), MOST);
        absent.put("0".into(), Absence { state: State::Failure, ..absence(None) });
        assert_eq!(absent.take("0").unwrap().state, State::Failure);
        assert_eq!(absent.take(&MOST.to_string()), None);
    }
}
