//! What is on disk after a commit, a crash, a full disk and a flipped bit.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use serde_json::json;

use super::faulty::Disk;
use super::*;

fn record(revision: u64) -> Record {
    Record {
        revision,
        time: 1_700_000_000_000,
        user: "admin".to_owned(),
        peer: "127.0.0.1".to_owned(),
        reason: String::new(),
        changed: vec!["/plugins/cpu".to_owned()],
        difference: json!({"interval": revision}),
        overlay: json!({"interval": revision, "gone": null}),
        document: json!({"interval": revision}),
        resources: BTreeMap::from([("/plugins/cpu".to_owned(), revision)]),
        fate: Fate::Kept,
    }
}

#[test]
fn what_was_committed_is_there_after_opening_again() {
    let place = tempfile::tempdir().unwrap();
    {
        let (mut store, before) = Store::open(place.path()).unwrap();
        assert_eq!(before, Left::default());
        store.commit(&[&record(1)]).unwrap();
        store.commit(&[&record(2)]).unwrap();
    }
    let (mut store, newest) = Store::open(place.path()).unwrap();
    assert_eq!(newest.newest, Some(record(2)));
    assert_eq!(store.record(1).unwrap(), Some(record(1)));
    assert_eq!(store.record(3).unwrap(), None);
}

#[test]
fn only_the_owner_may_read_it() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("gatherd.lock"), "").unwrap();
    std::fs::set_permissions(place.path().join("gatherd.lock"), fs::Permissions::from_mode(0o644)).unwrap();
    let _store = Store::open(place.path()).unwrap();
    for name in ["desired.redb", "gatherd.lock"] {
        assert_eq!(place.path().join(name).metadata().unwrap().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_second_daemon_is_refused_and_told_why() {
    let place = tempfile::tempdir().unwrap();
    let _first = Store::open(place.path()).unwrap();
    let error = Store::open(place.path()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "another daemon uses the state directory {}: stop it, or give this one a `state_dir` of its own",
            place.path().display()
        )
    );
}

#[test]
fn a_missing_directory_and_a_link_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let missing = Store::open(&place.path().join("missing")).unwrap_err();
    assert!(matches!(missing, OpenError::Directory { .. }), "{missing:?}");
    std::os::unix::fs::symlink("/dev/null", place.path().join("gatherd.lock")).unwrap();
    let link = Store::open(place.path()).unwrap_err();
    assert!(matches!(link, OpenError::Directory { .. }), "{link:?}");
}

#[test]
fn a_file_that_is_no_database_is_named_with_what_to_do() {
    for bytes in [Vec::new(), b"nonsense".to_vec(), vec![0; 100_000], vec![0xff; 100_000]] {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("desired.redb");
        fs::write(&path, &bytes).unwrap();
        let error = Store::open(place.path()).unwrap_err();
        assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
        assert!(
            error
                .to_string()
                .contains(&format!("move the file away, for example to {}.damaged", path.display()))
        );
        assert_eq!(fs::read(&path).unwrap(), bytes, "nothing is written over what may be worth saving");
    }
}

#[test]
fn a_truncated_database_never_panics_and_never_shows_a_mix() {
    let disk = Disk::default();
    let (mut store, _) = disk.open().unwrap();
    store.commit(&[&record(1)]).unwrap();
    drop(store);
    let whole = disk.bytes();
    for length in (0..whole.len()).step_by(4099) {
        match Disk::holding(whole[..length].to_vec()).open() {
            Ok((_, left)) => assert!(left.newest.is_none() || left.newest == Some(record(1)), "at {length}"),
            Err(StoreError::Corrupt(_) | StoreError::Io(_)) => {}
            Err(error @ StoreError::Closed) => panic!("{error}"),
        }
    }
}

#[test]
fn a_flipped_bit_never_panics_and_never_changes_a_record() {
    let disk = Disk::default();
    let (mut store, _) = disk.open().unwrap();
    store.commit(&[&record(1)]).unwrap();
    drop(store);
    let whole = disk.bytes();
    let used = (0..whole.len()).filter(|at| whole[*at] != 0).step_by(41);
    for at in used {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        match Disk::holding(bytes).open() {
            Ok((_, left)) => assert!(left.newest.is_none() || left.newest == Some(record(1)), "at {at}"),
            Err(StoreError::Corrupt(_) | StoreError::Io(_)) => {}
            Err(error @ StoreError::Closed) => panic!("{error}"),
        }
    }
}

#[test]
fn a_full_disk_refuses_the_revision_and_the_next_one_works_when_there_is_space() {
    let disk = Disk::default();
    let (mut store, _) = disk.open().unwrap();
    store.commit(&[&record(1)]).unwrap();
    disk.set_broken(true);
    for _ in 0..3 {
        let error = store.commit(&[&record(2)]).unwrap_err();
        assert!(matches!(error, StoreError::Io(_)), "{error:?}");
    }
    disk.heal();
    store.commit(&[&record(2)]).unwrap();
    drop(store);
    assert_eq!(disk.open().unwrap().1.newest, Some(record(2)));
}

#[test]
fn a_commit_that_fails_at_any_write_leaves_the_revision_before() {
    let disk = Disk::default();
    let (mut store, _) = disk.open().unwrap();
    store.commit(&[&record(1)]).unwrap();
    drop(store);
    let whole = disk.bytes();
    let mut failures = 0;
    for writes in 0.. {
        let disk = Disk::holding(whole.clone());
        let (mut store, _) = disk.open().unwrap();
        disk.break_after(writes);
        let committed = store.commit(&[&record(2)]);
        disk.heal();
        if committed.is_ok() {
            break;
        }
        failures += 1;
        // The same store goes on: what it refused is not there, what comes next is.
        assert_eq!(store.record(2).unwrap(), None, "failed at write {writes}");
        store.commit(&[&Record { reason: "again".to_owned(), ..record(2) }]).unwrap();
        drop(store);
        assert_eq!(disk.open().unwrap().1.newest.unwrap().reason, "again");
    }
    assert!(failures > 2, "{failures} writes were failed");
}

#[test]
fn a_crash_at_any_write_shows_the_old_or_the_new_revision() {
    let disk = Disk::default();
    let (mut store, _) = disk.open().unwrap();
    store.commit(&[&record(1)]).unwrap();
    drop(store);
    let whole = disk.bytes();
    let (mut old, mut new) = (0, 0);
    for writes in 0..1000 {
        let disk = Disk::holding(whole.clone());
        let (mut store, _) = disk.open().unwrap();
        let before = disk.operations();
        disk.break_after(writes);
        let acknowledged = store.commit(&[&record(2)]).is_ok();
        // The crash: nothing after this moment reaches the disk.
        let left = Disk::holding(disk.bytes());
        match left.open().unwrap().1.newest.unwrap() {
            found if found == record(1) && !acknowledged => old += 1,
            found => {
                assert_eq!(found, record(2));
                new += 1;
            }
        }
        if acknowledged {
            assert!(disk.operations() > before);
            break;
        }
    }
    assert!(old > 0 && new > 0, "{old} {new}");
}

#[test]
fn the_last_thousand_revisions_are_kept() {
    let disk = Disk::default();
    let (mut store, _) = disk.open().unwrap();
    for revision in 1..=1003 {
        store.commit(&[&record(revision)]).unwrap();
    }
    assert_eq!(store.record(3).unwrap(), None);
    assert_eq!(store.record(4).unwrap(), Some(record(4)));
    assert_eq!(store.record(1003).unwrap(), Some(record(1003)));
}

#[test]
fn a_database_that_lost_its_revisions_is_not_taken_for_a_first_start() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("desired.redb");
    let (mut store, _) = Store::open(place.path()).unwrap();
    drop(store);
    // Before the first revision nothing can be lost.
    store = Store::open(place.path()).unwrap().0;
    store.commit(&[&record(1)]).unwrap();
    drop(store);
    fs::remove_file(&path).unwrap();
    drop(place::open_file(&path).unwrap());
    let error = Store::open(place.path()).unwrap_err();
    assert!(
        error.to_string().contains("is damaged (no revision is left of those that were in it)"),
        "{error}"
    );
    assert!(
        error.to_string().contains(&format!("move the file away, for example to {}.damaged", path.display()))
    );
    // The advice helps.
    fs::rename(&path, place.path().join("desired.redb.damaged")).unwrap();
    let (mut store, left) = Store::open(place.path()).unwrap();
    assert_eq!(left, Left::default());
    store.commit(&[&record(1)]).unwrap();
    drop(store);
    assert_eq!(Store::open(place.path()).unwrap().1.newest, Some(record(1)));
}

#[test]
fn a_provisional_revision_is_found_above_the_newest_until_it_is_committed_or_forgotten() {
    let disk = Disk::default();
    let (mut store, _) = disk.open().unwrap();
    store.commit(&[&record(1)]).unwrap();
    let tried = Record { fate: Fate::Provisional { until: 5 }, ..record(2) };
    store.provisional(&tried).unwrap();
    let found = || Disk::holding(disk.bytes()).open().unwrap().1;
    assert_eq!(found(), Left { newest: Some(record(1)), provisional: Some(tried.clone()) });
    store.forget_provisional().unwrap();
    assert_eq!(found(), Left { newest: Some(record(1)), provisional: None });
    store.provisional(&tried).unwrap();
    store.commit(&[&Record { fate: Fate::Reverted, ..record(2) }, &record(3)]).unwrap();
    assert_eq!(found(), Left { newest: Some(record(3)), provisional: None });
    assert_eq!(store.record(2).unwrap().unwrap().fate, Fate::Reverted);
}

#[test]
fn a_provisional_revision_that_was_not_acknowledged_is_taken_back() {
    let disk = Disk::default();
    let (mut store, _) = disk.open().unwrap();
    store.commit(&[&record(1)]).unwrap();
    drop(store);
    let whole = disk.bytes();
    for writes in 0.. {
        let disk = Disk::holding(whole.clone());
        let (mut store, _) = disk.open().unwrap();
        disk.break_after(writes);
        let written = store.provisional(&record(2));
        disk.heal();
        if written.is_ok() {
            assert!(writes > 2, "{writes} writes were failed");
            break;
        }
        assert_eq!(store.record(2).unwrap(), None);
        drop(store);
        assert_eq!(disk.open().unwrap().1, Left { newest: Some(record(1)), provisional: None });
    }
}

#[test]
fn records_are_listed_newest_first_below_a_number() {
    let disk = Disk::default();
    let (mut store, _) = disk.open().unwrap();
    assert_eq!(store.records(u64::MAX, 9).unwrap(), vec![]);
    for revision in 1..=4 {
        store.commit(&[&record(revision)]).unwrap();
    }
    let numbers = |found: Vec<Record>| found.iter().map(|record| record.revision).collect::<Vec<_>>();
    assert_eq!(numbers(store.records(u64::MAX, 2).unwrap()), [4, 3]);
    assert_eq!(numbers(store.records(3, 9).unwrap()), [2, 1]);
}
