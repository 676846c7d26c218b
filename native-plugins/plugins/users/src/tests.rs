//! The plugin from its file to its value lists.

use std::path::PathBuf;

use gatherd_testkit::{Harness, Values, assert_bad_input_is_survived, told};
use serde_json::json;

use super::*;
use crate::utmp::RECORD;

/// A table of so many users who are logged in.
fn table(users: usize) -> Vec<u8> {
    let mut record = [0; RECORD];
    record[..2].copy_from_slice(&7_i16.to_ne_bytes());
    record.repeat(users)
}

/// A plugin that reads a file of its own, and the file.
fn running(table: &[u8]) -> (tempfile::TempDir, PathBuf, Harness<Users>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("utmp");
    fs::write(&path, table).unwrap();
    let file = path.clone();
    let harness = Harness::made(move |host| Users::open(host, &file)).unwrap();
    (folder, path, harness)
}

#[test]
fn the_users_who_are_logged_in_are_counted() {
    let (_folder, path, mut harness) = running(&table(3));
    assert_eq!(told(&harness.read()), ["users/users [Gauge(3.0)]"]);
    fs::write(&path, table(1)).unwrap();
    assert_eq!(told(&harness.read()), ["users/users [Gauge(1.0)]"]);
    fs::write(&path, b"").unwrap();
    assert_eq!(told(&harness.read()), ["users/users [Gauge(0.0)]"]);
}

#[test]
fn a_table_that_took_the_place_of_the_old_one_is_read() {
    let (folder, path, mut harness) = running(&table(3));
    assert_eq!(told(&harness.read()), ["users/users [Gauge(3.0)]"]);
    let new = folder.path().join("new");
    fs::write(&new, table(2)).unwrap();
    fs::rename(&new, &path).unwrap();
    assert_eq!(told(&harness.read()), ["users/users [Gauge(2.0)]"]);
}

#[test]
fn a_table_that_vanished_is_a_failure_until_it_is_back() {
    let (_folder, path, mut harness) = running(&table(3));
    fs::remove_file(&path).unwrap();
    let error = harness.read_err().to_string();
    assert!(error.contains("cannot find the table of logins /"), "{error}");
    assert!(error.contains("/utmp: No such file or directory"), "{error}");
    fs::write(&path, table(4)).unwrap();
    assert_eq!(told(&harness.read()), ["users/users [Gauge(4.0)]"]);
}

#[test]
fn a_table_that_cannot_be_read_is_a_failure_that_names_it() {
    // A directory opens, and then refuses to be read.
    let made = Harness::made(|host| Users::open(host, Path::new("/proc/self")));
    let error = made.unwrap().read_err().to_string();
    assert!(error.contains("cannot read /proc/self: Is a directory"), "{error}");
}

#[test]
fn this_machine_counts_logins_or_says_why_not() {
    match Harness::<Users>::new(json!({})) {
        Ok(mut harness) => {
            let lists = told(&harness.read());
            assert!(lists.len() == 1 && lists[0].starts_with("users/users "), "{lists:?}");
        }
        Err(error) => {
            let error = error.to_string();
            assert!(error.contains("cannot find the table of logins /var/run/utmp: No such file"), "{error}");
        }
    }
}

#[test]
fn an_unknown_option_is_named() {
    let error = Harness::<Users>::new(json!({"verbose": true})).err().unwrap().to_string();
    assert!(error.contains("unknown field `verbose`"), "{error}");
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[("utmp", &table(2))];
    assert_bad_input_is_survived(files, Values::Computed, |host, folder| {
        Users::open(host, &folder.join("utmp"))
    });
}
