//! How much a plugin may say: so many lines in a while, further ones are only counted, which is said.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines of one instance within [`SPAN`].
pub(super) const LINES: u32 = 50;

/// How long until as many may be said again.
pub(super) const SPAN: Duration = Duration::from_secs(10);

/// What becomes of a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// It is said; before it, that so many were not, unless none.
    Said { held_before: u64 },
    /// It is only counted; whether it is the first of its span, so that this is to be said.
    Held { first: bool },
}

#[derive(Debug)]
struct State {
    began: Instant,
    said: u32,
    held: u64,
}

/// Counts the lines of one instance.
#[derive(Debug)]
pub(super) struct Speech(Mutex<State>);

impl Speech {
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(State { began: now, said: 0, held: 0 }))
    }

    /// Judges one line.
    pub(super) fn judge(&self, now: Instant) -> Verdict {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(state.began) >= SPAN {
            state.began = now;
            state.said = 0;
        }
        if state.said >= LINES {
            state.held += 1;
            return Verdict::Held { first: state.held == 1 };
        }
        state.said += 1;
        Verdict::Said { held_before: std::mem::take(&mut state.held) }
    }

    /// Lines that were only counted, and of which nothing was said yet.
    pub(super) fn take_held(&self) -> u64 {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_lines_are_said_and_the_next_span_tells_how_many_were_not() {
        let now = Instant::now();
        let speech = Speech::new(now);
        for _ in 0..LINES {
            assert_eq!(speech.judge(now), Verdict::Said { held_before: 0 });
        }
        assert_eq!(speech.judge(now), Verdict::Held { first: true });
        assert_eq!(speech.judge(now + SPAN / 2), Verdict::Held { first: false });
        assert_eq!(speech.judge(now + SPAN), Verdict::Said { held_before: 2 });
        assert_eq!(speech.judge(now + SPAN), Verdict::Said { held_before: 0 });
    }

    #[test]
    fn what_was_held_at_the_end_is_known() {
        let now = Instant::now();
        let speech = Speech::new(now);
        for _ in 0..LINES + 7 {
            speech.judge(now);
        }
        assert_eq!((speech.take_held(), speech.take_held()), (7, 0));
    }
}
