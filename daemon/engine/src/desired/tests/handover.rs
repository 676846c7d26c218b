//! The next daemon gets the state.

use super::*;
use crate::desired::together;

#[tokio::test]
async fn while_it_is_held_no_change_is_taken_and_those_that_were_are_finished() {
    let (disk, desired, plugins) = start();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    *plugins.gate.lock().unwrap() = Some(gate.clone());
    let running = desired.edit(Edit::Disable(id("cpu")), admin(), plugins.clone());
    let holding = async {
        tokio::task::yield_now().await;
        let (held, ()) = tokio::join!(desired.hold(), async {
            tokio::task::yield_now().await;
            let late = desired.edit(Edit::Disable(id("df")), admin(), plugins.clone()).await;
            assert!(matches!(late, Err(EditError::HandingOver)), "{late:?}");
            gate.add_permits(100);
        });
        held.unwrap()
    };
    let (done, held) = tokio::join!(running, holding);
    assert_eq!(done.unwrap().effective.revision, 2);
    assert_eq!(after_crash(&disk).revision, 2, "it was stored before the hold was complete");
    let refused = desired.edit(Edit::Disable(id("df")), admin(), plugins.clone()).await;
    assert!(matches!(refused, Err(EditError::HandingOver)), "{refused:?}");
    let refused = desired.confirm(2).await;
    assert!(matches!(refused, Err(EditError::HandingOver)), "{refused:?}");
    drop(held);
    assert_eq!(desired.edit(Edit::Disable(id("df")), admin(), plugins).await.unwrap().effective.revision, 3);
}

#[tokio::test]
async fn a_hold_that_is_given_up_lets_changes_in_again() {
    let (_disk, desired, plugins) = start();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    *plugins.gate.lock().unwrap() = Some(gate.clone());
    let given_up = async {
        tokio::task::yield_now().await;
        let hold = desired.hold();
        let at_once = tokio::time::timeout(std::time::Duration::ZERO, hold).await;
        assert!(at_once.is_err(), "a change runs");
    };
    let (done, ()) = tokio::join!(desired.edit(Edit::Disable(id("cpu")), admin(), plugins.clone()), async {
        given_up.await;
        gate.add_permits(100);
    });
    done.unwrap();
    assert_eq!(desired.edit(Edit::Disable(id("df")), admin(), plugins).await.unwrap().effective.revision, 3);
}

#[tokio::test]
async fn what_is_closed_shows_what_is_in_effect_and_nothing_of_before() {
    let (_disk, desired, _plugins) = start();
    let held = desired.hold().await;
    desired.stop().await;
    desired.close().await;
    assert_eq!(desired.current().revision, 1);
    assert!(matches!(desired.revision(1).await, Err(StoreError::Closed)));
    assert!(matches!(desired.confirm(1).await, Err(EditError::HandingOver)));
    drop(held);
    assert!(matches!(desired.confirm(1).await, Err(EditError::Stopping)));
    assert!(desired.hold().await.is_none(), "it has stopped");
}

#[tokio::test]
async fn the_next_one_judges_its_files_with_the_changes_of_this_one() {
    let (_disk, desired, plugins) = start();
    desired.edit(patch(json!({"n": 1})), admin(), plugins.clone()).await.unwrap();
    let changes = desired.current().changes().clone();
    let document = together(&layers(FILE, &[]), &changes).unwrap();
    assert_eq!(document, desired.current().document);
    let wrong = together(&layers(FILE, &[]), &json!({"timeout": "often"})).unwrap_err();
    assert_eq!(wrong.problems.len(), 1, "{wrong:?}");
}
