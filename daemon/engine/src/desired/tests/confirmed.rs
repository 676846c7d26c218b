//! Changes that go back unless they are confirmed.

use std::time::Duration;

use super::*;

const MINUTE: Duration = Duration::from_mins(1);

async fn try_out(desired: &Desired, edit: Edit, plugins: &Arc<Plugins>) -> Result<Tried, EditError> {
    match desired.change(Change::Edit(edit), admin(), Mode::Confirm(MINUTE), plugins.clone()).await? {
        Outcome::Provisional(tried) => Ok(tried),
        other => panic!("{other:?}"),
    }
}

/// Lets what is due run, and waits for its work on threads of its own.
async fn pass(desired: &Desired, time: Duration, until_revision: u64) {
    tokio::time::advance(time).await;
    while desired.current().revision != until_revision {
        tokio::task::yield_now().await;
    }
}

async fn fates(desired: &Desired) -> Vec<(u64, Fate)> {
    let found = desired.revisions(u64::MAX, 9).await.unwrap();
    found.into_iter().map(|record| (record.revision, record.fate)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_not_confirmed_goes_back_by_itself() {
    let (disk, desired, plugins) = start();
    let before = plugins.running();
    let tried = try_out(&desired, put(json!({"n": 1}), IfMatch::OneOf(vec![1])), &plugins).await.unwrap();
    assert_eq!((tried.committed.effective.revision, desired.current().revision), (2, 2));
    assert_eq!(desired.current().plugin_config(&id("df")), Some((json!({"n": 1}), 2)));
    assert_eq!(plugins.running(), desired.current().specs());
    pass(&desired, MINUTE, 3).await;
    assert_eq!(plugins.running(), before);
    let (config, revision) = desired.current().plugin_config(&id("df")).unwrap();
    assert_eq!(
        (config, revision),
        (json!({"a": 1, "b": {"c": 2, "d": 3}}), 3),
        "no tag of the tried one is valid"
    );
    assert_eq!(fates(&desired).await, [(3, Fate::Kept), (2, Fate::Reverted), (1, Fate::Kept)]);
    let record = desired.revision(3).await.unwrap().unwrap();
    assert_eq!(
        (record.user.as_str(), record.reason.as_str()),
        ("gatherd", "revision 2 was not confirmed in time")
    );
    assert_eq!(after_crash(&disk).revision, 3);
    let late = desired.confirm(2).await.unwrap_err();
    assert_eq!(late.to_string(), "revision 2 was not confirmed in time and was taken back");
    // What comes next is not kept from anything.
    assert_eq!(desired.edit(Edit::Disable(id("cpu")), admin(), plugins).await.unwrap().effective.revision, 4);
}

#[tokio::test(start_paused = true)]
async fn a_confirmed_change_stays_also_after_its_time_and_a_crash() {
    let (disk, desired, plugins) = start();
    try_out(&desired, Edit::Disable(id("cpu")), &plugins).await.unwrap();
    let unconfirmed = Disk::holding(disk.bytes());
    assert_eq!(desired.confirm(2).await.unwrap().revision, 2);
    assert_eq!(desired.confirm(2).await.unwrap().revision, 2, "again is fine");
    tokio::time::advance(2 * MINUTE).await;
    tokio::task::yield_now().await;
    assert_eq!((desired.current().revision, plugins.steps()), (2, vec!["off cpu".to_owned()]));
    assert_eq!(fates(&desired).await, [(2, Fate::Kept), (1, Fate::Kept)]);
    assert!(!after_crash(&disk).document.plugins["cpu"].enabled);

    // A daemon that died before the confirmation begins with what was before, under a number of its own.
    let again = open(&unconfirmed, layers(FILE, &[]));
    assert_eq!(again.current().revision, 3);
    assert!(again.current().document.plugins["cpu"].enabled);
    assert_eq!(fates(&again).await, [(3, Fate::Kept), (2, Fate::Reverted), (1, Fate::Kept)]);
    assert_eq!(again.current().plugin_revision(&id("cpu")), Some(3));
    assert_eq!(again.current().plugin_revision(&id("df")), Some(1));
    let reason = again.revision(3).await.unwrap().unwrap().reason;
    assert_eq!(reason, "revision 2 was not confirmed before the daemon ended");
    assert_eq!(open(&unconfirmed, layers(FILE, &[])).current().revision, 3, "only once");
}

#[tokio::test(start_paused = true)]
async fn while_one_change_waits_every_other_is_refused() {
    let (_disk, desired, plugins) = start();
    try_out(&desired, Edit::Disable(id("cpu")), &plugins).await.unwrap();
    let edits = [Edit::Enable(id("cpu")), put(json!({}), IfMatch::Any)];
    for edit in edits {
        for mode in [Mode::Commit, Mode::DryRun, Mode::Confirm(MINUTE)] {
            let refused = desired.change(Change::Edit(edit.clone()), admin(), mode, plugins.clone()).await;
            assert!(matches!(refused, Err(EditError::Provisional { revision: 2, .. })), "{refused:?}");
        }
    }
    let reread = desired.reread(layers("", &[]), plugins.clone()).await;
    assert!(matches!(reread, Err(EditError::Provisional { .. })), "{reread:?}");
    assert_eq!(desired.provisional().unwrap().0.revision, 2);
    assert!(matches!(desired.confirm(7).await, Err(EditError::NoRevision { revision: 7 })));

    // Restoring what was before takes it back at once.
    let back = Change::Restore { revision: 1, if_match: IfMatch::Any };
    let back = committed(desired.change(back, admin(), Mode::Commit, plugins.clone()).await).unwrap();
    assert_eq!((back.effective.revision, back.changed), (3, vec!["/plugins/cpu".to_owned()]));
    assert_eq!(desired.revision(3).await.unwrap().unwrap().user, "admin");
    assert!(desired.provisional().is_none());
    assert_eq!(plugins.running(), desired.current().specs());
    tokio::time::advance(2 * MINUTE).await;
    tokio::task::yield_now().await;
    assert_eq!(desired.current().revision, 3);
}

#[tokio::test]
async fn a_change_for_a_while_that_fails_leaves_nothing() {
    let (disk, desired, plugins) = start();
    *plugins.fail.lock().unwrap() = Some("df");
    let error = try_out(&desired, put(json!({}), IfMatch::Any), &plugins).await.unwrap_err();
    assert!(matches!(error, EditError::ApplyFailed { undone: true, .. }), "{error:?}");
    assert!(desired.provisional().is_none());
    assert_eq!(after_crash(&disk).revision, 1);
    *plugins.fail.lock().unwrap() = None;
    disk.set_broken(true);
    let error = try_out(&desired, put(json!({}), IfMatch::Any), &plugins).await.unwrap_err();
    assert!(matches!(error, EditError::Storage { undone: true, .. }), "{error:?}");
    assert_eq!(plugins.steps(), ["on df"], "what cannot be stored is not begun");
    disk.heal();
    assert_eq!(
        try_out(&desired, put(json!({}), IfMatch::Any), &plugins).await.unwrap().committed.effective.revision,
        2
    );
}

#[tokio::test(start_paused = true)]
async fn the_way_back_is_gone_also_when_it_cannot_be_stored() {
    let (disk, desired, plugins) = start();
    try_out(&desired, Edit::Disable(id("cpu")), &plugins).await.unwrap();
    disk.set_broken(true);
    let error = desired.confirm(2).await.unwrap_err();
    assert!(matches!(error, EditError::Storage { .. }), "{error:?}");
    assert!(desired.provisional().is_some(), "it waits still");
    pass(&desired, MINUTE, 3).await;
    assert!(plugins.running()[&id("cpu")].enabled);
    disk.heal();
    let found = after_crash(&disk);
    assert!(found.document.plugins["cpu"].enabled);
    // The next change is stored, and above all numbers that were told.
    desired.edit(put(json!({}), IfMatch::Any), admin(), plugins).await.unwrap();
    assert_eq!((desired.current().revision, after_crash(&disk).revision), (4, 4));
}

#[tokio::test]
async fn a_crash_at_any_step_of_a_change_for_a_while_shows_what_was_before() {
    let (disk, desired, plugins) = start();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (watched, kept) = (disk.clone(), seen.clone());
    *plugins.hook.lock().unwrap() = Some(Box::new(move || kept.lock().unwrap().push(watched.bytes())));
    try_out(
        &desired,
        Edit::Patch {
            at: Resource::whole(),
            patch: json!({"timeout": 9, "plugins": {"cpu": null, "df": {"interval": 3}}}),
            if_match: IfMatch::Any,
        },
        &plugins,
    )
    .await
    .unwrap();
    let mut seen = std::mem::take(&mut *seen.lock().unwrap());
    seen.push(disk.bytes());
    assert_eq!(seen.len(), 4);
    for bytes in seen {
        let found = open(&Disk::holding(bytes), layers(FILE, &[])).current();
        assert_eq!((found.revision, found.document.timeout, found.document.plugins.len()), (3, 2, 2));
    }
}
