//! The plugin from its file to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_testkit::{Harness, Values, assert_bad_input_is_survived, told};
use serde_json::json;

use super::*;

/// A plugin that reads a file of its own, and the file.
fn running(config: Config, text: &[u8]) -> (tempfile::TempDir, PathBuf, Harness<Irqs>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("interrupts");
    fs::write(&path, text).unwrap();
    let file = path.clone();
    let harness = Harness::made(move |host| Irqs::open(&config, host, &file)).unwrap();
    (folder, path, harness)
}

/// The interrupts that are told of a text, in their order.
fn names(config: Config, text: &[u8]) -> Vec<String> {
    let (_folder, _path, mut harness) = running(config, text);
    harness.read().iter().map(|list| list.identifier.type_instance.to_string()).collect()
}

const TEXT: &[u8] = b"  CPU0 CPU1\n 24: 1 7 IO-APIC ACPI:Ged\nIPI0: 10 20\nLOC: 3 4 Local\nERR: 9\n";

fn only(entries: &[&str], ignore_selected: bool) -> Config {
    Config { irq: entries.iter().map(ToString::to_string).collect(), ignore_selected }
}

#[test]
fn by_default_all_interrupts_are_told() {
    let (_folder, _path, mut harness) = running(Config::default(), TEXT);
    let expected = [
        "irq/irq-24 [Derive(8)]",
        "irq/irq-IPI0 [Derive(30)]",
        "irq/irq-LOC [Derive(7)]",
        "irq/irq-ERR [Derive(9)]",
    ];
    assert_eq!(told(&harness.read()), expected);
    assert_eq!(told(&harness.read()), expected);
}

#[test]
fn irq_selects_and_ignore_selected_turns_the_choice_round() {
    assert_eq!(names(only(&["24", "/^I/"], false), TEXT), ["24", "IPI0"]);
    assert_eq!(names(only(&["24", "/^I/"], true), TEXT), ["LOC", "ERR"]);
    assert_eq!(names(only(&[], true), TEXT).len(), 4);
}

#[test]
fn odd_names_are_told_as_an_identifier_takes_them() {
    let names = names(Config::default(), include_bytes!("../fixtures/odd.txt"));
    assert_eq!(names[8..], ["a:b", ":", "\u{fffd}\u{fffd}"]);
}

#[test]
fn an_interrupt_that_vanished_is_forgotten_and_one_that_appears_is_told() {
    let (_folder, path, mut harness) = running(Config::default(), b" CPU0\n 1: 1\n 2: 2\n");
    assert_eq!(harness.read().len(), 2);
    // A second CPU came online as well.
    fs::write(&path, " CPU0 CPU1\n 2: 2 5\n 3: 3 0\n").unwrap();
    assert_eq!(told(&harness.read()), ["irq/irq-2 [Derive(7)]", "irq/irq-3 [Derive(3)]"]);
    assert_eq!(harness.bench().registered(), 3, "2 is not registered again");
    fs::write(&path, " CPU0 CPU1\n").unwrap();
    assert_eq!(harness.read(), []);
}

#[test]
fn nonsense_is_a_failure_that_names_the_file_and_the_next_reading_is_good() {
    let (_folder, path, mut harness) = running(Config::default(), b"");
    let error = harness.read_err().to_string();
    assert!(error.contains("/interrupts does not begin with a line of CPUs"), "{error}");
    fs::write(&path, TEXT).unwrap();
    assert_eq!(harness.read().len(), 4);
}

#[test]
fn more_interrupts_than_can_be_followed_are_logged_once() {
    let line = |number: usize| format!("{number}: 1\n");
    let text: String = (0..MAX_IRQS + 2).map(line).collect();
    let text = format!(" CPU0\n{text}");
    let (_folder, _path, mut harness) = running(only(&["7"], false), text.as_bytes());
    assert_eq!(harness.read().len(), 1);
    assert_eq!(harness.read().len(), 1);
    let logs: Vec<String> = harness.logs().into_iter().map(|(_, line)| line).collect();
    assert_eq!(logs, ["2 interrupts beyond 16384 are not reported"]);
}

#[test]
fn a_missing_file_is_a_failure_that_names_it() {
    let made = Harness::made(|host| Irqs::open(&Config::default(), host, Path::new("/no/interrupts")));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("/no/interrupts: No such file or directory"), "{error}");
}

#[test]
fn a_file_that_cannot_be_read_is_a_failure_that_names_it() {
    // A directory opens, and then refuses to be read.
    let made = Harness::made(|host| Irqs::open(&Config::default(), host, Path::new("/proc/self")));
    let error = made.unwrap().read_err().to_string();
    assert!(error.contains("cannot read /proc/self: Is a directory"), "{error}");
}

#[test]
fn this_machine_has_interrupts() {
    let lists = told(&Harness::<Irqs>::new(json!({})).unwrap().read());
    assert!(!lists.is_empty(), "{lists:?}");
    assert!(lists.iter().all(|list| list.starts_with("irq/irq-")), "{lists:?}");
}

#[test]
fn a_faulty_configuration_is_named_by_its_place() {
    let error = |config| Harness::<Irqs>::new(config).err().unwrap().to_string();
    assert!(error(json!({"irq": ["1", "/(/"]})).contains("/irq/1"));
    assert!(error(json!({"irqs": []})).contains("unknown field `irqs`"));
    assert!(error(json!({"irq": [7]})).contains("/irq/0"));
}

#[test]
fn a_list_that_was_not_checked_is_refused_all_the_same() {
    let made = Harness::made(|host| Irqs::open(&only(&["/(/"], false), host, Path::new("/proc/interrupts")));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("no regular expression"), "{error}");
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[("interrupts", include_bytes!("../fixtures/linux-6.txt"))];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        Irqs::open(&Config::default(), host, &folder.join("interrupts"))
    });
}
