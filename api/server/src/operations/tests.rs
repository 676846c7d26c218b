//! Bounds of operations: how many, for how long, whose.

use super::*;
use std::future::pending;

const ADMIN: (&str, Role) = ("admin", Role::Admin);

fn caller((user, role): (&str, Role)) -> Caller {
    Caller { user: user.to_owned(), role, peer: "127.0.0.1".to_owned() }
}

/// A second of the test.
fn at(began: Moment, seconds: u64) -> Moment {
    let after = Duration::from_secs(seconds);
    Moment { wall: began.wall + after, steady: began.steady + after }
}

fn asked(user: &str, is_cancellable: bool, began: Moment) -> Asked {
    let (request, request_id) = ("POST /v1/plugins/cpu/test".to_owned(), "req-1".to_owned());
    Asked { request, request_id, user: user.to_owned(), is_cancellable, began }
}

fn work() -> AbortHandle {
    tokio::spawn(pending::<()>()).abort_handle()
}

fn begin(operations: &Operations, began: Moment, now: Moment) -> Option<Running> {
    operations.begin(asked("ann", true, began), work(), now)
}

fn done() -> OperationResult {
    OperationResult { status: 200, headers: BTreeMap::new(), body: serde_json::json!({"x": 1}) }
}

#[tokio::test]
async fn an_operation_tells_how_far_it_is() {
    let operations = Operations::new();
    let began = Moment::now();
    let running = begin(&operations, began, began).unwrap();
    let seen = running.view(at(began, 3));
    assert_eq!((seen.state, seen.cancellable, seen.seconds), (OperationState::Running, true, 3.0));
    assert_eq!((seen.ended, seen.result, seen.user.as_str()), (None, None, "ann"));
    assert_eq!(seen.request, "POST /v1/plugins/cpu/test");
    running.end(Some(done()), at(began, 5));
    let seen = operations.look(&caller(("ann", Role::Member)), &seen.id, Duration::ZERO).await.unwrap();
    assert_eq!((seen.state, seen.cancellable, seen.seconds), (OperationState::Done, false, 5.0));
    assert_eq!(seen.ended, Some(clock::timestamp(at(began, 5).wall)));
    assert_eq!(seen.result, Some(done()));
}

#[tokio::test]
async fn an_operation_that_ended_is_forgotten_after_ten_minutes() {
    let operations = Operations::new();
    let now = Moment::now();
    let old = Moment { wall: now.wall, steady: now.steady.checked_sub(KEPT).unwrap() };
    let running = begin(&operations, old, old).unwrap();
    let id = running.view(now).id;
    running.end(Some(done()), old);
    let found = operations.look(&caller(ADMIN), &id, Duration::ZERO).await;
    assert_eq!(found.unwrap_err().code(), ProblemCode::NotFound);
    // One that is under way never is.
    let running = begin(&operations, old, old).unwrap();
    let seen = operations.look(&caller(ADMIN), &running.view(now).id, Duration::ZERO).await.unwrap();
    assert_eq!(seen.state, OperationState::Running);
}

#[tokio::test]
async fn the_oldest_that_ended_makes_room_and_those_under_way_do_not() {
    let operations = Operations::new();
    let began = Moment::now();
    let mut all: Vec<Running> = (0..MOST).map(|_| begin(&operations, began, began).unwrap()).collect();
    assert!(begin(&operations, began, began).is_none(), "there is no place for one more");
    let ids: Vec<String> = all.iter().map(|running| running.view(began).id).collect();
    all.remove(7).end(Some(done()), at(began, 2));
    all.remove(5).end(Some(done()), at(began, 1));
    assert!(begin(&operations, began, at(began, 3)).is_some());
    let look = async |index: usize| operations.look(&caller(ADMIN), &ids[index], Duration::ZERO).await;
    assert_eq!(look(5).await.unwrap_err().code(), ProblemCode::NotFound, "it ended first");
    assert_eq!(look(7).await.unwrap().state, OperationState::Done);
}

#[tokio::test]
async fn an_operation_is_its_caller_s_and_the_admins() {
    let operations = Operations::new();
    let now = Moment::now();
    let running = begin(&operations, now, now).unwrap();
    let id = running.view(now).id;
    let look = async |who| operations.look(&caller(who), &id, Duration::ZERO).await;
    for who in [("ann", Role::Reader), ADMIN] {
        assert_eq!(look(who).await.unwrap().id, id);
    }
    let bob = ("bob", Role::Member);
    assert_eq!(look(bob).await.unwrap_err().code(), ProblemCode::NotFound);
    assert_eq!(operations.cancel(&caller(bob), &id).unwrap_err().code(), ProblemCode::NotFound);
}

#[tokio::test]
async fn who_waits_hears_of_the_end_at_once_and_of_a_stop_too() {
    let operations = Arc::new(Operations::new());
    let now = Moment::now();
    let waited = |id: String| {
        let operations = Arc::clone(&operations);
        let long = Duration::from_mins(1);
        tokio::spawn(async move { operations.look(&caller(ADMIN), &id, long).await.unwrap().state })
    };
    let (one, other) = (begin(&operations, now, now).unwrap(), begin(&operations, now, now).unwrap());
    let (first, second) = (waited(one.view(now).id), waited(other.view(now).id));
    one.end(None, now);
    assert_eq!(first.await.unwrap(), OperationState::Cancelled);
    operations.hurry(true);
    assert_eq!(second.await.unwrap(), OperationState::Running);
    operations.hurry(false);
    assert!(!waited(other.view(now).id).is_finished());
}
