//! Every transition, every refusal, and what holds for any sequence of events.

use gatherd_model::CdTime;
use proptest::prelude::*;

use super::{Denied, Effect, Event, Failures, State};

const NOW: CdTime = CdTime::from_secs(100);

fn after(seconds: u64) -> CdTime {
    NOW.plus(CdTime::from_secs(seconds))
}

fn backoff(failures: u32, seconds: u64) -> State {
    State::Backoff(Failures(failures), after(seconds))
}

fn running(failures: u32) -> State {
    State::Running(Failures(failures))
}

#[test]
fn a_start_opens_it_from_wherever_it_does_not_run() {
    let fresh = Ok((State::Starting(Failures(0)), Effect::Open));
    assert_eq!(State::Stopped.on(Event::Start, NOW), fresh);
    assert_eq!(State::Failed.on(Event::Start, NOW), fresh);
    assert_eq!(
        backoff(3, 8).on(Event::Start, NOW),
        Ok((State::Starting(Failures(3)), Effect::Open)),
        "a crash loop keeps counting"
    );
}

#[test]
fn a_start_of_what_is_up_is_denied() {
    for state in [State::Starting(Failures(0)), running(1)] {
        assert_eq!(state.on(Event::Start, NOW), Err(Denied::AlreadyUp));
    }
    assert_eq!(State::Starting(Failures(0)).on(Event::Replace, NOW), Err(Denied::AlreadyUp));
}

#[test]
fn nothing_starts_while_it_stops() {
    assert_eq!(State::Stopping.on(Event::Start, NOW), Err(Denied::Stopping));
    assert_eq!(State::Stopping.on(Event::Replace, NOW), Err(Denied::Stopping));
}

#[test]
fn what_does_not_run_has_nothing_to_replace() {
    assert_eq!(State::Stopped.on(Event::Replace, NOW), Err(Denied::NotUp));
}

#[test]
fn third_failure_waits_eight_seconds() {
    assert_eq!(running(2).on(Event::Failed, NOW), Ok((backoff(3, 8), Effect::WakeAt(after(8)))));
    let starting = State::Starting(Failures(2));
    assert_eq!(starting.on(Event::Failed, NOW), Ok((backoff(3, 8), Effect::WakeAt(after(8)))));
}

#[test]
fn no_failure_waits_longer_than_256_seconds() {
    assert_eq!(running(7).on(Event::Failed, NOW), Ok((backoff(8, 256), Effect::WakeAt(after(256)))));
    assert_eq!(running(u32::MAX).on(Event::Failed, NOW).unwrap().0, backoff(u32::MAX, 256));
}

#[test]
fn a_crash_loop_keeps_counting_until_settled() {
    assert_eq!(State::Starting(Failures(4)).on(Event::Started, NOW), Ok((running(4), Effect::None)));
    assert_eq!(running(4).on(Event::Settled, NOW), Ok((running(0), Effect::None)));
}

#[test]
fn a_refused_start_leaves_it_stopped() {
    assert_eq!(State::Starting(Failures(0)).on(Event::Refused, NOW), Ok((State::Stopped, Effect::None)));
}

#[test]
fn giving_up_waits_for_someone_to_act() {
    assert_eq!(running(2).on(Event::GaveUp, NOW), Ok((State::Failed, Effect::None)));
    assert_eq!(State::Starting(Failures(0)).on(Event::GaveUp, NOW), Ok((State::Failed, Effect::None)));
}

#[test]
fn a_replacement_changes_nothing_until_it_has_taken_the_place() {
    for state in [running(2), backoff(1, 2), State::Failed] {
        assert_eq!(state.on(Event::Replace, NOW), Ok((state, Effect::OpenBeside)));
        assert_eq!(state.on(Event::Replaced, NOW), Ok((running(0), Effect::None)));
    }
}

#[test]
fn a_stop_closes_what_runs_and_is_done_at_once_where_nothing_does() {
    for state in [State::Starting(Failures(1)), running(1)] {
        assert_eq!(state.on(Event::Stop, NOW), Ok((State::Stopping, Effect::Close)));
    }
    for state in [backoff(1, 2), State::Failed, State::Stopped] {
        assert_eq!(state.on(Event::Stop, NOW), Ok((State::Stopped, Effect::None)));
    }
    assert_eq!(State::Stopping.on(Event::Stop, NOW), Ok((State::Stopping, Effect::None)));
}

#[test]
fn however_it_ends_while_stopping_it_is_stopped() {
    for event in [Event::Exited, Event::Failed, Event::GaveUp] {
        assert_eq!(State::Stopping.on(event, NOW), Ok((State::Stopped, Effect::None)));
    }
}

#[test]
fn an_answer_that_nobody_asked_for_is_named_with_its_state() {
    let (state, event) = (State::Stopped, Event::Started);
    let denied = state.on(event, NOW).unwrap_err();
    assert_eq!(denied, Denied::OutOfOrder { state, event });
    assert_eq!(denied.to_string(), "Started can not happen in Stopped");
}

#[test]
fn states_have_the_words_of_the_api() {
    let all = [
        State::Stopped,
        State::Starting(Failures(0)),
        running(0),
        backoff(1, 1),
        State::Stopping,
        State::Failed,
    ];
    let words = all.map(State::as_str);
    assert_eq!(words, ["stopped", "starting", "running", "backoff", "stopping", "failed"]);
}

fn any_event() -> impl Strategy<Value = Event> {
    use Event as V;
    proptest::sample::select(vec![
        V::Start,
        V::Started,
        V::Refused,
        V::Failed,
        V::GaveUp,
        V::Settled,
        V::Replace,
        V::Replaced,
        V::Stop,
        V::Exited,
    ])
}

proptest! {
    /// An open is only ever asked for where nothing is open; after a stop nothing runs until the next start;
    /// a back-off always ends in the future.
    #[test]
    fn any_sequence_of_events_keeps_the_house_in_order(events in proptest::collection::vec(any_event(), 0..200)) {
        let mut state = State::Stopped;
        for (second, event) in events.into_iter().enumerate() {
            let now = CdTime::from_secs(second as u64);
            let Ok((next, effect)) = state.on(event, now) else { continue };
            match effect {
                Effect::Open => {
                    prop_assert!(matches!(next, State::Starting(_)));
                    prop_assert!(matches!(state, State::Stopped | State::Backoff(..) | State::Failed));
                }
                Effect::Close => {
                    prop_assert_eq!(next, State::Stopping);
                    prop_assert!(matches!(state, State::Starting(_) | State::Running(_)));
                }
                Effect::WakeAt(until) => {
                    prop_assert!(until > now && until <= now.plus(CdTime::from_secs(256)));
                    prop_assert!(matches!(next, State::Backoff(_, at) if at == until));
                }
                Effect::OpenBeside => prop_assert_eq!(next, state),
                Effect::None => {}
            }
            if event == Event::Stop {
                prop_assert!(matches!(next, State::Stopped | State::Stopping));
            }
            if matches!(next, State::Running(_)) && !matches!(state, State::Running(_)) {
                prop_assert!(matches!(event, Event::Started | Event::Replaced));
            }
            state = next;
        }
    }

    #[test]
    fn no_time_overflows(now: u64, failures: u32) {
        let (state, _) = running(failures).on(Event::Failed, CdTime(now)).unwrap();
        prop_assert!(matches!(state, State::Backoff(..)));
    }
}
