//! The trail in a directory of its own: bounded, chained, and whole after whatever cut it off.

use super::*;
use gatherd_api_types::audit::{AuditHost, AuditInitiator, AuditReason, AuditResource};
use gatherd_api_types::{AuditOutcome, Timestamp};
use proptest::prelude::*;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

fn record(user: &str) -> AuditRecord {
    AuditRecord {
        number: 0,
        type_uri: "t".into(),
        id: "i".into(),
        event_type: "activity".into(),
        event_time: Timestamp::from_unix(1_700_000_000, 0),
        action: "update".into(),
        outcome: AuditOutcome::Success,
        reason: AuditReason { reason_type: "HTTP".into(), reason_code: "200".into(), problem: None },
        initiator: AuditInitiator {
            type_uri: "u".into(),
            id: user.into(),
            role: None,
            host: AuditHost { address: "127.0.0.1".into() },
            credential: None,
        },
        target: AuditResource { type_uri: "t".into(), id: "/v1/config".into() },
        observer: AuditResource { type_uri: "t".into(), id: "h".into() },
        request_path: "PATCH /v1/config".into(),
        request_id: "req-1".into(),
        revision_before: 1,
        revision_after: Some(2),
        suppressed: 0,
        lost: 0,
        previous: String::new(),
    }
}

fn trail(place: &TempDir) -> Trail {
    Trail::new(place.path().join("audit"), Bounds::default())
}

fn users(trail: &Trail) -> Vec<String> {
    let found = trail.newest(u64::MAX, 0, usize::MAX, &|_| true).unwrap();
    found.into_iter().map(|record| record.initiator.id).collect()
}

/// All lines in order, over all files.
fn lines(trail: &Trail) -> Vec<String> {
    let files = trail.files().unwrap();
    let text: String = files.iter().map(|(_, path)| fs::read_to_string(path).unwrap()).collect();
    text.lines().map(str::to_owned).collect()
}

/// Every line but the first names the digest of the one before, and the numbers go on by one.
fn assert_chained(trail: &Trail) {
    let lines = lines(trail);
    let parsed: Vec<AuditRecord> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (at, pair) in parsed.windows(2).enumerate() {
        assert_eq!(pair[1].previous, digest_of(lines[at].as_bytes()), "line {}", at + 1);
        assert_eq!(pair[1].number, pair[0].number + 1);
    }
}

#[test]
fn records_are_numbered_and_chained_over_a_restart() {
    let place = TempDir::new().unwrap();
    for user in ["one", "two"] {
        let fresh = trail(&place);
        fresh.append(&mut record(user), true).unwrap();
        fresh.append(&mut record(user), false).unwrap();
    }
    let again = trail(&place);
    assert_eq!(users(&again), ["two", "two", "one", "one"]);
    assert_chained(&again);
}

#[test]
fn files_are_private_and_none_is_there_before_the_first_record() {
    let place = TempDir::new().unwrap();
    let trail = trail(&place);
    assert_eq!(users(&trail), Vec::<String>::new());
    assert!(!place.path().join("audit").exists());
    trail.append(&mut record("a"), true).unwrap();
    for entry in fs::read_dir(place.path().join("audit")).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn the_trail_is_bounded_and_the_chain_holds_from_file_to_file() {
    let place = TempDir::new().unwrap();
    let trail = Trail::new(place.path().join("audit"), Bounds { file: 2_000, files: 3 });
    for number in 0..50 {
        trail.append(&mut record(&number.to_string()), false).unwrap();
    }
    let files = trail.files().unwrap();
    assert_eq!(files.len(), 3);
    assert!(files.iter().all(|(_, path)| fs::metadata(path).unwrap().len() <= 2_000));
    assert_chained(&trail);
    assert_eq!(users(&trail)[0], "49");
    // The first that is kept names one that is gone.
    assert!(!serde_json::from_str::<AuditRecord>(&lines(&trail)[0]).unwrap().previous.is_empty());
}

#[test]
fn pages_and_conditions_find_what_is_asked_for() {
    let place = TempDir::new().unwrap();
    let trail = Trail::new(place.path().join("audit"), Bounds { file: 3_000, files: 100 });
    for number in 1..=20 {
        trail.append(&mut record(if number % 2 == 0 { "even" } else { "odd" }), false).unwrap();
    }
    let numbers = |before, since, limit, user: &str| {
        let found = trail.newest(before, since, limit, &|record| record.initiator.id == user).unwrap();
        found.iter().map(|record| record.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(u64::MAX, 0, 3, "even"), [20, 18, 16]);
    assert_eq!(numbers(16, 0, 3, "even"), [14, 12, 10]);
    assert_eq!(numbers(u64::MAX, 15, 100, "odd"), [19, 17]);
    assert_eq!(numbers(1, 0, 100, "odd"), Vec::<u64>::new());
}

#[test]
fn what_was_cut_off_is_taken_off_and_the_chain_goes_on() {
    let place = TempDir::new().unwrap();
    trail(&place).append(&mut record("whole"), true).unwrap();
    let path = trail(&place).files().unwrap().remove(0).1;
    let whole = fs::read(&path).unwrap();
    for length in [0, 1, whole.len() / 2, whole.len() - 1] {
        let torn = [&whole[..], &whole[..length]].concat();
        fs::write(&path, torn).unwrap();
        let again = trail(&place);
        again.append(&mut record("next"), true).unwrap();
        assert_eq!(users(&again), ["next", "whole"], "{length}");
        assert_chained(&again);
        fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn a_file_that_was_begun_and_not_written_to_goes_on_where_the_one_before_ended() {
    let place = TempDir::new().unwrap();
    trail(&place).append(&mut record("one"), true).unwrap();
    fs::write(place.path().join("audit/audit-00000000000000000002.jsonl"), b"").unwrap();
    let again = trail(&place);
    again.append(&mut record("two"), true).unwrap();
    assert_eq!(users(&again), ["two", "one"]);
    assert_chained(&again);
}

#[test]
fn two_daemons_may_write_one_trail() {
    let place = TempDir::new().unwrap();
    let (one, other) = (trail(&place), trail(&place));
    for _ in 0..3 {
        one.append(&mut record("one"), false).unwrap();
        other.append(&mut record("other"), false).unwrap();
    }
    assert_eq!(users(&one), ["other", "one", "other", "one", "other", "one"]);
    assert_chained(&one);
}

#[test]
fn damage_is_left_out_and_hides_nothing_else() {
    let place = TempDir::new().unwrap();
    let damaged = trail(&place);
    for user in ["one", "two", "three"] {
        damaged.append(&mut record(user), true).unwrap();
    }
    let path = damaged.files().unwrap().remove(0).1;
    let text = fs::read_to_string(&path).unwrap().replace("\"two\"", "\"two\0");
    fs::write(&path, text).unwrap();
    let again = trail(&place);
    again.append(&mut record("four"), true).unwrap();
    assert_eq!(users(&again), ["four", "three", "one"]);
}

#[test]
fn what_cannot_be_written_is_an_error_and_the_trail_goes_on_afterwards() {
    let place = TempDir::new().unwrap();
    let trail = trail(&place);
    fs::write(place.path().join("audit"), b"in the way").unwrap();
    assert!(trail.append(&mut record("lost"), true).is_err());
    fs::remove_file(place.path().join("audit")).unwrap();
    trail.append(&mut record("kept"), true).unwrap();
    assert_eq!(users(&trail), ["kept"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_a_name_is_a_record_is_one_line_of_plain_ascii_and_reads_back(user in any::<String>()) {
        let mut written = record(&user);
        written.target.id = format!("/v1/{user}\n{{\"forged\": 1}}\u{2028}\u{202e}\u{1b}[31m");
        let line = line(&written);
        let (text, end) = line.split_at(line.len() - 1);
        prop_assert_eq!(end, b"\n");
        prop_assert!(text.iter().all(|byte| (b' '..=b'~').contains(byte)));
        prop_assert_eq!(serde_json::from_slice::<AuditRecord>(text).unwrap(), written);
    }
}
