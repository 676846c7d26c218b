//! The plugin from its files to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_sdk::ValueList;
use gatherd_testkit::{Harness, Values, assert_bad_input_is_survived, told};
use serde_json::json;

use super::*;

/// How many value lists each instance has, in their order.
fn counts(lists: &[ValueList]) -> Vec<(String, usize)> {
    let instance = |list: &ValueList| list.identifier.plugin_instance.to_string();
    lists
        .chunk_by(|a, b| instance(a) == instance(b))
        .map(|chunk| (instance(&chunk[0]), chunk.len()))
        .collect()
}

/// A plugin that reads files of its own, and their folder.
fn running(config: serde_json::Value, files: &[(&str, &[u8])]) -> (tempfile::TempDir, PathBuf, Harness<Nfs>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    for (name, text) in files {
        fs::write(path.join(name), text).unwrap();
    }
    let (config, place) = (serde_json::from_value(config).unwrap(), path.clone());
    let harness = Harness::made(move |host| Nfs::open(config, host, &place)).unwrap();
    (folder, path, harness)
}

const CLIENT: &[u8] = include_bytes!("../fixtures/nfs.txt");
const SERVER: &[u8] = include_bytes!("../fixtures/nfsd.txt");

fn expected(instances: &[(&str, usize)]) -> Vec<(String, usize)> {
    instances.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[test]
fn client_and_server_are_told_by_version() {
    let (_folder, _path, mut harness) = running(json!({}), &[("nfs", CLIENT), ("nfsd", SERVER)]);
    let lists = harness.read();
    let wanted = [("v3client", 22), ("v4client", 60), ("v3server", 22), ("v4server", 72)];
    assert_eq!(counts(&lists), expected(&wanted));
    let lines = told(&lists);
    assert!(lines.contains(&"nfs-v3client/nfs_procedure-getattr [Derive(1812)]".to_owned()));
    assert!(lines.contains(&"nfs-v4client/nfs_procedure-getattr [Derive(9021)]".to_owned()));
    assert!(lines.contains(&"nfs-v4server/nfs_procedure-getattr [Derive(12044)]".to_owned()));
}

#[test]
fn each_number_has_its_procedures_name() {
    let field = |number: u32| format!(" {number}");
    let numbers: String = (100..118).map(field).collect();
    let (_folder, _path, mut harness) =
        running(json!({}), &[("nfs", format!("proc2 18{numbers}\n").as_bytes())]);
    let lines = told(&harness.read());
    assert_eq!(lines.len(), 18);
    assert_eq!(lines[0], "nfs-v2client/nfs_procedure-null [Derive(100)]");
    assert_eq!(lines[17], "nfs-v2client/nfs_procedure-fsstat [Derive(117)]");
}

#[test]
fn a_version_can_be_left_out() {
    let two = format!("proc2 18{}\n", " 1".repeat(18));
    let files = [("nfs", CLIENT), ("nfsd", two.as_bytes())];
    for (config, wanted) in [
        (json!({"report_v2": false}), [("v3client", 22), ("v4client", 60)]),
        (json!({"report_v3": false}), [("v4client", 60), ("v2server", 18)]),
        (json!({"report_v4": false}), [("v3client", 22), ("v2server", 18)]),
    ] {
        let (_folder, _path, mut harness) = running(config, &files);
        assert_eq!(counts(&harness.read()), expected(&wanted));
    }
}

#[test]
fn a_wrong_number_of_procedures_is_not_told() {
    let text =
        format!("proc2 17{}\nproc3 23{}\nproc4 20{}\n", " 1".repeat(17), " 1".repeat(23), " 1".repeat(20));
    let (_folder, path, mut harness) = running(json!({}), &[("nfs", text.as_bytes())]);
    assert_eq!(harness.read(), []);
    fs::write(path.join("nfs"), format!("proc3 22{}\n", " 18446744073709551615".repeat(22))).unwrap();
    assert_eq!(told(&harness.read())[21], "nfs-v3client/nfs_procedure-commit [Derive(-1)]");
}

#[test]
fn a_machine_may_become_a_server_later() {
    let (_folder, path, mut harness) = running(json!({}), &[("nfs", CLIENT)]);
    assert_eq!(harness.read().len(), 82);
    fs::write(path.join("nfsd"), SERVER).unwrap();
    fs::remove_file(path.join("nfs")).unwrap();
    assert_eq!(counts(&harness.read()), expected(&[("v3server", 22), ("v4server", 72)]));
}

#[test]
fn a_machine_without_nfs_is_a_failure_that_names_the_files() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("no")] {
        let expected = format!("there is neither {0}/nfs nor {0}/nfsd", path.display());
        let made = Harness::made(move |host| Nfs::open(Config::default(), host, &path));
        let error = made.err().unwrap().to_string();
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn an_unknown_option_is_named() {
    let error = Harness::<Nfs>::new(json!({"report_v5": true})).err().unwrap().to_string();
    assert!(error.contains("unknown field `report_v5`"), "{error}");
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[("nfs", CLIENT), ("nfsd", SERVER)];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        Nfs::open(Config::default(), host, folder)
    });
}
