//! The plugin from its configuration to its values, without a daemon.

use gatherd_testkit::{ConfigureError, Harness, HarnessError, Values, assert_bad_input_is_survived, told};
use serde_json::{Value, json};

use super::*;

const GOOD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/file-nr");

/// The plugin with this configuration, which must hold.
fn running(config: Value) -> Harness<Plugin> {
    Harness::new(config).unwrap()
}

/// Why the plugin does not start with this configuration.
fn refusal(config: Value) -> String {
    Harness::<Plugin>::new(config).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn the_open_files_are_told_at_each_read() {
    let mut plugin = running(json!({ "file": GOOD }));
    for _ in 0..2 {
        assert_eq!(told(&plugin.read()), [format!("{PLUGIN}/files-used [Gauge(1088.0)]")]);
    }
}

#[test]
fn the_maximum_is_told_on_request() {
    let mut plugin = running(json!({ "file": GOOD, "report_maximum": true }));
    let expected = ["files-used [Gauge(1088.0)]", "files-maximum [Gauge(2465620.0)]"];
    assert_eq!(told(&plugin.read()), expected.map(|line| format!("{PLUGIN}/{line}")));
}

#[test]
fn a_series_that_expired_comes_back() {
    let mut plugin = running(json!({ "file": GOOD }));
    let identifier = plugin.read()[0].identifier.clone();
    plugin.expire(&identifier);
    assert_eq!(plugin.read().len(), 1);
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[("file-nr", include_bytes!("../fixtures/file-nr"))];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        Plugin::init(Config { file: folder.join("file-nr"), report_maximum: true }, host)
    });
}

#[test]
fn a_file_that_is_not_there_is_a_failure_that_names_it() {
    let error = refusal(json!({ "file": "/no/file-nr" }));
    assert!(error.contains("cannot open /no/file-nr: No such file or directory"), "{error}");
}

#[test]
fn a_path_that_is_not_absolute_is_refused_with_its_place() {
    let error = Harness::<Plugin>::new(json!({ "file": "file-nr" })).unwrap_err();
    let HarnessError::Configure(ConfigureError::Refused(complaints)) = error else { panic!("{error:?}") };
    let told: Vec<_> = complaints.iter().map(|one| (one.pointer.as_str(), one.detail.as_str())).collect();
    assert_eq!(told, [("/file", "an absolute path is wanted")]);
}

#[test]
fn an_unknown_option_is_named() {
    let error = refusal(json!({ "verbose": true }));
    assert!(error.contains("unknown field `verbose`"), "{error}");
}

#[test]
fn the_schema_describes_every_option() {
    let plugin = running(json!({}));
    let options = plugin.library().manifest().config_schema["properties"].as_object().unwrap();
    let described: Vec<_> =
        options.iter().map(|(name, option)| (name.as_str(), option["description"].as_str())).collect();
    let expected = [
        ("file", Some("The file that is read: an absolute path.")),
        ("report_maximum", Some("Whether to tell how many files there may be.")),
    ];
    assert_eq!(described, expected);
}

#[test]
fn this_machine_has_open_files() {
    assert_eq!(running(json!({})).read().len(), 1);
}
