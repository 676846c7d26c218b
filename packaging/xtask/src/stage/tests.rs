//! Staging into temporary directories.

use std::fs::File;
use std::io::Read;

use super::*;

/// SHA-256 of `abc`. Source: FIPS 180-2, appendix B.1.
const DIGEST_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// One built library with `content`, under `name`.
fn built(folder: &Path, name: &str, content: &str) -> BTreeMap<String, PathBuf> {
    let path = folder.join(format!("lib{name}.so"));
    fs::write(&path, content).unwrap();
    BTreeMap::from([(name.to_owned(), path)])
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_manifest_lists_digest_and_file_as_sha256sum_does() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("plugins");
    fill_with_plugins(&directory, &built(folder.path(), "cpu", "abc")).unwrap();
    let manifest = fs::read_to_string(directory.join("MANIFEST.sha256")).unwrap();
    assert_eq!(manifest, format!("{DIGEST_OF_ABC}  cpu.so\n"));
    assert_eq!(fs::read_to_string(directory.join("cpu.so")).unwrap(), "abc");
}

#[test]
fn modes_do_not_depend_on_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("plugins");
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, Permissions::from_mode(0o777)).unwrap();
    fs::write(directory.join("cpu.so"), "old").unwrap();
    fs::set_permissions(directory.join("cpu.so"), Permissions::from_mode(0o666)).unwrap();
    fill_with_plugins(&directory, &built(folder.path(), "cpu", "new")).unwrap();
    let found = [&directory, &directory.join("cpu.so"), &directory.join(MANIFEST)].map(|path| mode(path));
    assert_eq!(found, [0o755, 0o644, 0o644]);
}

#[test]
fn an_open_library_keeps_its_content_when_it_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("plugins");
    fill_with_plugins(&directory, &built(folder.path(), "cpu", "old")).unwrap();
    let mut open = File::open(directory.join("cpu.so")).unwrap();
    fill_with_plugins(&directory, &built(folder.path(), "cpu", "new")).unwrap();
    let mut kept = String::new();
    open.read_to_string(&mut kept).unwrap();
    assert_eq!(kept, "old");
    assert_eq!(fs::read_to_string(directory.join("cpu.so")).unwrap(), "new");
}

#[test]
fn plugins_that_are_no_more_and_left_overs_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("plugins");
    fill_with_plugins(&directory, &built(folder.path(), "gone", "abc")).unwrap();
    fs::write(directory.join(".cpu.so.1.new"), "half").unwrap();
    fs::write(directory.join("notes.txt"), "mine").unwrap();
    fill_with_plugins(&directory, &built(folder.path(), "cpu", "abc")).unwrap();
    assert_eq!(names(&directory), ["MANIFEST.sha256", "cpu.so", "notes.txt"]);
}

#[test]
fn programs_can_be_run_by_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    fs::write(&program, "#!/bin/sh\n").unwrap();
    let programs = PROGRAMS.map(|name| (name.to_owned(), program.clone()));
    let artefacts = Artefacts { programs: BTreeMap::from(programs), ..Artefacts::default() };
    let staged = lay_out(&artefacts, folder.path().join("staged")).unwrap();
    assert_eq!(PROGRAMS.map(|name| mode(&staged.program(name))), [0o755; PROGRAMS.len()]);
    assert_eq!(names(&staged.plugins()), ["MANIFEST.sha256"]);
}

#[test]
fn a_build_without_the_daemon_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = lay_out(&Artefacts::default(), folder.path().join("staged")).unwrap_err();
    assert_eq!(error.to_string(), "the build made no program gatherd");
}

#[test]
fn a_failed_replacement_leaves_nothing_beside() {
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("taken");
    fs::create_dir_all(taken.join("by-a-directory")).unwrap();
    let error = replace(&taken, b"abc", MODE_FILE).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot write {}", taken.display()));
    assert_eq!(names(folder.path()), ["taken"]);
}
