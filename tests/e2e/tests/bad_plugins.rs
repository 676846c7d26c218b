//! Every way in which a plugin can be bad has a name in the API, in the log and in `/metrics`, and costs its
//! neighbour nothing.

use std::os::unix::fs::symlink;

use gatherd_e2e::{Checked, Daemon, Exposition, Format, Libraries, Setup, Stage, is_root, skip, within};
use serde_json::{Value, json};

use crate::scene::{instance, misbehaving, number_until, plugin_until, runs};

/// Bytes of the machine in the head of an ELF file. Source: `elf.h`, `e_machine` at offset 18.
const MACHINE: std::ops::Range<usize> = 18..20;

/// The machine of IBM S/390, which nobody runs these tests on.
const S390: [u8; 2] = [22, 0];

/// Libraries that can not be opened: the type and the code that names why.
const UNLOADABLE: [(&str, &str); 10] = [
    ("absent", "missing"),
    ("text", "not_a_library"),
    ("empty", "not_a_library"),
    ("foreign", "other_architecture"),
    ("no_entry", "no_entry"),
    ("other_major", "abi_mismatch"),
    ("unresolved", "load_failed"),
    ("table", "bad_table"),
    ("writable", "unsafe_file"),
    ("link", "unsafe_file"),
];

/// A directory with all of [`UNLOADABLE`], and the misbehaving plugin as a good neighbour.
fn unloadable(stage: &Stage) -> Libraries {
    let libraries = misbehaving(stage);
    libraries.put("text", b"#!/bin/sh\necho this is no library\n");
    libraries.put("empty", b"");
    let mut foreign = std::fs::read(stage.plugin("memory")).unwrap();
    foreign[MACHINE].copy_from_slice(&S390);
    libraries.put("foreign", &foreign);
    libraries.compile("no_entry", "table", &["-DNO_ENTRY"]);
    libraries.compile("other_major", "table", &["-DMAJOR=99"]);
    libraries.compile("unresolved", "table", &["-DUNRESOLVED"]);
    libraries.compile("table", "table", &["-DSIZE=16"]);
    libraries.compile("writable", "stamp", &[]);
    libraries.set_library_mode("writable", 0o666);
    symlink(libraries.library("misbehave"), libraries.library("link")).unwrap();
    libraries
}

/// The section of a plugin that runs in process whatever its digest.
fn trusted(id: &str) -> String {
    format!("[plugins.{id}]\ntrusted = true\ninterval = 0.3\n")
}

/// How an instance breaks the contract, under the name of the instance.
fn call_config(call: &str) -> String {
    format!("[plugins.{call}.config]\ncall = \"{call}\"\n")
}

/// The neighbour was never disturbed: it still counts its reads from the first.
async fn neighbour_is_well(client: &Checked) {
    let plugin = runs(client, "well").await;
    assert_eq!((&plugin["failures"], &plugin["last_error"]), (&json!(0), &Value::Null), "{plugin}");
    let identifier = "testhost/misbehave/gauge-reads";
    let number = number_until(client, identifier, |_| true).await;
    number_until(client, identifier, |later| later > number).await;
}

/// Waits until the daemon's own figures count something of a plugin.
async fn counted(client: &Checked, id: &str, family: &str, what: &str) {
    within(&format!("/metrics counts {what} of {id}"), async || {
        let found = Exposition::read(&client.get("/metrics").await.text(), Format::Classic);
        let number = found.value(family, &[("self", id), ("type", what)]);
        number.filter(|number| *number >= 1.0).ok_or_else(|| format!("{number:?}"))
    })
    .await;
}

#[tokio::test]
async fn every_library_that_can_not_be_loaded_has_its_code_everywhere() {
    let Some(stage) = Stage::find() else { return };
    let libraries = unloadable(&stage);
    let mut config = instance("well", "well", 0.2, "");
    for (name, _) in UNLOADABLE {
        config += &trusted(name);
    }
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    for (name, code) in UNLOADABLE {
        let has_failed = |plugin: &Value| plugin["last_error"]["code"].is_string();
        let plugin = plugin_until(&client, name, "has failed", has_failed).await;
        assert_eq!(plugin["last_error"]["code"], code, "{plugin}");
        assert_eq!((&plugin["state"], &plugin["enabled"]), (&json!("unavailable"), &json!(true)), "{plugin}");
        let message = plugin["last_error"]["message"].as_str().unwrap();
        assert!(message.contains(&format!("{name}.so")), "{message}");
        assert!(
            !message.contains(&*libraries.path().to_string_lossy()),
            "an answer names no directory: {message}"
        );
        let log = daemon.log();
        let told = log.lines().any(|line| line.contains(&format!("plugin={name} ")) && line.contains(code));
        assert!(told, "the log does not name {code} of {name}:\n{log}");
        let by_code = format!("failures-{code}");
        counted(&client, name, "collectd_self_total_operations_total", &by_code).await;
        let answer = client.post(&format!("/v1/plugins/{name}/restart")).await;
        assert_eq!(answer.refusal(), (409, "unloadable".to_owned()), "{name}");
        assert!(answer.text().contains(code), "{}", answer.text());
    }
    neighbour_is_well(&client).await;
}

#[tokio::test]
async fn a_directory_that_others_may_write_gives_no_plugin() {
    let Some(stage) = Stage::find() else { return };
    for (mode, is_safe) in [(0o777, false), (0o775, false), (0o1777, false), (0o755, true)] {
        let libraries = misbehaving(&stage);
        libraries.set_mode(mode);
        let setup =
            Setup::new(&stage).config(instance("well", "well", 0.2, "")).plugins_from(libraries.path());
        let daemon = Daemon::start(setup).await;
        let client = daemon.unix();
        let expected = if is_safe { Value::Null } else { json!("unsafe_directory") };
        let has_ended =
            |plugin: &Value| plugin["state"] == "running" || plugin["last_error"]["code"].is_string();
        let plugin = plugin_until(&client, "well", "runs or failed", has_ended).await;
        assert_eq!(plugin["last_error"]["code"], expected, "mode {mode:o}: {plugin}");
        if !is_safe {
            assert!(daemon.log().contains("unsafe_directory"), "{}", daemon.log());
        }
    }
}

#[tokio::test]
async fn a_library_of_somebody_else_is_not_loaded() {
    let Some(stage) = Stage::find() else { return };
    if !is_root() {
        return skip("only root can give files away");
    }
    let libraries = misbehaving(&stage);
    std::os::unix::fs::chown(libraries.library("misbehave"), Some(65_534), None).unwrap();
    let setup = Setup::new(&stage).config(instance("well", "well", 0.2, "")).plugins_from(libraries.path());
    let daemon = Daemon::start(setup).await;
    let refused = |plugin: &Value| plugin["last_error"]["code"] == "unsafe_file";
    plugin_until(&daemon.unix(), "well", "is refused", refused).await;
}

#[tokio::test]
async fn an_init_that_fails_or_panics_has_its_code_and_is_tried_again() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = instance("well", "well", 0.2, "")
        + &instance("fails", "init_fails", 0.2, "")
        + &instance("panics", "init_panics", 0.2, "");
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    for (id, code) in [("fails", "init_failed"), ("panics", "init_panicked")] {
        let twice = |plugin: &Value| plugin["failures"].as_u64() >= Some(2);
        let plugin = plugin_until(&client, id, "was tried again", twice).await;
        assert_eq!(plugin["last_error"]["code"], code, "{plugin}");
        assert!(plugin["last_error"]["message"].as_str().unwrap().contains("as it was asked to"), "{plugin}");
        assert!(["backoff", "starting"].contains(&plugin["state"].as_str().unwrap()), "{plugin}");
        let log = daemon.log();
        assert!(
            log.lines().any(|line| line.contains(&format!("plugin={id} ")) && line.contains(code)),
            "{log}"
        );
        let by_code = format!("failures-{code}");
        counted(&client, id, "collectd_self_total_operations_total", &by_code).await;
    }
    neighbour_is_well(&client).await;
}

#[tokio::test]
async fn a_read_that_fails_panics_or_blocks_has_its_code_and_hurts_only_its_plugin() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = instance("well", "well", 0.2, "")
        + &instance("fails", "read_fails", 0.2, "")
        + &instance("panics", "read_panics", 0.2, "")
        + &instance("blocks", "read_blocks", 0.2, "");
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    for (id, code, said) in [
        ("fails", "read_failed", "read fails, as it was asked to"),
        ("panics", "lost", "read panics, as it was asked to"),
        ("blocks", "stuck", "did not come back"),
    ] {
        let named = |plugin: &Value| plugin["last_error"]["code"] == code;
        let plugin = plugin_until(&client, id, "has its code", named).await;
        assert!(plugin["last_error"]["message"].as_str().unwrap().contains(said), "{plugin}");
        let log = daemon.log();
        assert!(
            log.lines().any(|line| line.contains(&format!("plugin={id} ")) && line.contains(code)),
            "{log}"
        );
        let by_code = format!("failures-{code}");
        counted(&client, id, "collectd_self_total_operations_total", &by_code).await;
    }
    assert_eq!(client.plugin("fails").await["state"], "running", "a failed read is no reason to start anew");
    assert_eq!(client.plugin("blocks").await["abandoned_threads"], 1);
    number_until(&client, "testhost/self/threads-abandoned", |number| number >= 1.0).await;
    neighbour_is_well(&client).await;
}

#[tokio::test]
async fn every_value_that_can_not_be_is_dropped_under_its_reason() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let bad = [
        ("wrong_count", "wrong_count"),
        ("unknown_type", "unknown_type"),
        ("past", "too_old"),
        ("future", "too_new"),
        ("name_128", "bad_name"),
        ("name_nul", "bad_name"),
    ];
    let calls = [
        ("bad_utf8", "bad_name"),
        ("half_a_character", "bad_name"),
        ("small_batch", "bad_call"),
        ("falling_offsets", "bad_call"),
        ("wide_sample", "bad_call"),
        ("foreign_handle", "stale_handle"),
        ("many_values", "bad_call"),
    ];
    let mut config = String::new();
    for (mode, _) in bad {
        config += &instance(mode, mode, 0.3, "");
    }
    for (number, (call, _)) in calls.into_iter().enumerate() {
        // Its state is static, and one library is mapped once: each instance gets a library of its own.
        libraries.compile(call, "calls", &[&format!("-Wl,--build-id=0x{:02x}", number + 1)]);
        config += &trusted(call);
        config += &call_config(call);
    }
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    for (id, reason) in bad.into_iter().chain(calls) {
        let dropped = |plugin: &Value| plugin["drops"][reason].as_u64() >= Some(1);
        let plugin = plugin_until(&client, id, &format!("drops for {reason}"), dropped).await;
        let reasons: Vec<&String> = plugin["drops"].as_object().unwrap().keys().collect();
        assert_eq!(reasons, [reason], "{plugin}");
        counted(&client, id, "collectd_self_total_values_total", reason).await;
        let log = daemon.log();
        let told = log.lines().any(|line| line.contains(&format!("plugin={id} ")) && line.contains(reason));
        assert!(told, "the log does not name {reason} of {id}:\n{log}");
    }
    let cache = client.get("/v1/cache").await.ok();
    for reason in
        ["wrong_count", "unknown_type", "too_old", "too_new", "bad_name", "bad_call", "stale_handle"]
    {
        assert!(cache["drops"][reason].as_u64() >= Some(1), "{reason}: {cache}");
    }
}

#[tokio::test]
async fn the_longest_names_and_slashes_are_taken() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = instance("long", "name_127", 0.2, "") + &instance("slash", "name_slash", 0.2, "");
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    let long = format!("testhost/misbehave-{}/gauge-reads", "n".repeat(127));
    number_until(&client, &long, |_| true).await;
    number_until(&client, "testhost/misbehave-a_b/gauge-reads", |_| true).await;
    for id in ["long", "slash"] {
        assert_eq!(client.plugin(id).await["drops"], json!({}));
    }
    let exposed = Exposition::read(&client.get("/metrics").await.text(), Format::Classic);
    let labels = [("misbehave", &*"n".repeat(127)), ("type", "reads")];
    assert!(exposed.value("collectd_misbehave_gauge", &labels).is_some());
}
