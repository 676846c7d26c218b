//! The native kind with libraries that are really loaded: a guest in C that does as its configuration says.

#![expect(clippy::unwrap_used, reason = "in a test a failed step is a failed test")]

mod whole_life;
mod workshop;

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use gatherd_engine::port::{
    Batch, CallFailure, Capability, Code, ConfigProblem, Delivery, DropReason, Flush, OpenFailure,
    PluginKind, Sample, Series, SeriesId, WriteFailure,
};
use gatherd_engine::way::Parts;
use gatherd_kinds::native::{NativeKind, NativeSettings};
use gatherd_model::{CdTime, Interval, Value};
use serde_json::json;

use workshop::{WRITER, Workshop, spec, wait_until};

macro_rules! workshop {
    () => {
        match Workshop::new() {
            Some(workshop) => workshop,
            None => return,
        }
    };
}

fn code(outcome: Result<impl Sized, OpenFailure>) -> &'static str {
    outcome.map(|_| ()).expect_err("it can not be opened").code()
}

#[tokio::test]
async fn a_read_brings_values_through_the_door_and_the_manifest_tells_who_read() {
    let shop = workshop!();
    shop.build("guest", &["-DSTAMP=7"]);
    let kind = shop.kind();
    let (mut plugin, _door, counters) = shop.open(&kind, spec("guest", "{}")).await.unwrap();
    assert_eq!(plugin.read().await, Ok(()));
    assert_eq!(shop.newest("own/guest/gauge-named"), Some(7.0));
    assert_eq!(counters.values(), 1);
    let manifest = plugin.manifest();
    assert_eq!((manifest.kind, &*manifest.type_name, &*manifest.version), ("native", "guest", "1.2"));
    assert_eq!(manifest.capabilities, [Capability::Read]);
    assert_eq!((manifest.library.as_deref(), manifest.abi), (Some("guest.so"), (1, 1)));
    assert_eq!(manifest.digest.as_deref(), Some(&*shop.digest("guest")));
    assert_eq!(manifest.config_schema, json!({"type": "object"}));
    plugin.stop().await;
}

#[tokio::test]
async fn a_batch_larger_than_the_daemons_is_taken_whole() {
    let shop = workshop!();
    shop.build("guest", &[]);
    let (mut plugin, _door, counters) =
        shop.open(&shop.kind(), spec("guest", r#"{"mode":"many"}"#)).await.unwrap();
    assert_eq!(plugin.read().await, Ok(()));
    assert_eq!((counters.values(), counters.drops()), (300, vec![]));
    assert_eq!(shop.newest("own/guest/gauge-299"), Some(299.0));
    plugin.stop().await;
}

#[tokio::test]
async fn each_sample_is_answered_for_itself() {
    let shop = workshop!();
    shop.build("guest", &[]);
    let opened = shop.open(&shop.kind(), spec("guest", r#"{"mode":"foreign"}"#)).await.unwrap();
    let (mut plugin, _door, counters) = opened;
    assert_eq!(plugin.read().await, Err(CallFailure::Failed("-3 0 -3".into())));
    assert_eq!((counters.values(), counters.drops()), (1, vec![(DropReason::StaleHandle, 1)]));
    plugin.stop().await;
}

#[tokio::test]
async fn a_breach_of_the_contract_is_refused_and_counted() {
    let shop = workshop!();
    shop.build("guest", &[]);
    let opened = shop.open(&shop.kind(), spec("guest", r#"{"mode":"bad_name"}"#)).await.unwrap();
    let (mut plugin, _door, counters) = opened;
    assert_eq!(plugin.read().await, Ok(()));
    assert_eq!(counters.drops(), [(DropReason::BadName, 1)]);
    plugin.stop().await;
}

#[tokio::test]
async fn a_failed_read_tells_its_reason_and_leaves_the_instance() {
    let shop = workshop!();
    shop.build("guest", &[]);
    let (mut plugin, ..) = shop.open(&shop.kind(), spec("guest", r#"{"mode":"read_fails"}"#)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(plugin.read().await, Err(CallFailure::Failed("no such file".into())));
    }
    assert_eq!(plugin.flush(Flush::default()).await, Err(CallFailure::NotSupported));
    plugin.stop().await;
}

#[tokio::test]
async fn a_panic_loses_the_instance_and_its_reason_stays() {
    let shop = workshop!();
    shop.build("guest", &[]);
    let (mut plugin, ..) = shop.open(&shop.kind(), spec("guest", r#"{"mode":"read_panics"}"#)).await.unwrap();
    let lost = CallFailure::Lost("index out of bounds".into());
    assert_eq!(plugin.read().await, Err(lost.clone()));
    // The thread ends now; until it has, the next call may still be queued, and gets the same answer.
    assert_eq!(plugin.read().await, Err(lost));
    plugin.stop().await;
}

#[tokio::test]
async fn init_says_no_panics_or_refuses_the_configuration() {
    let shop = workshop!();
    shop.build("guest", &[]);
    let kind = shop.kind();
    let fails = shop.open(&kind, spec("guest", r#"{"mode":"init_fails"}"#)).await.map(|_| ());
    let detail = "the plugin does not start: no such device".into();
    assert_eq!(fails, Err(OpenFailure::Init { code: "init_failed", detail }));
    assert_eq!(code(shop.open(&kind, spec("guest", r#"{"mode":"init_panics"}"#)).await), "init_panicked");
    let bad = spec("guest", r#"{"mode":"bad_config"}"#);
    let problem = ConfigProblem { pointer: "/mode".into(), detail: "this mode is bad".into() };
    let refused = OpenFailure::Config(vec![problem]);
    assert_eq!(kind.validate(&bad), Err(refused.clone()));
    assert_eq!(shop.open(&kind, bad).await.map(|_| ()), Err(refused));
    assert_eq!(code(kind.validate(&spec("guest", r#"{"mode":"judge_panics"}"#))), "config_refused");
    assert_eq!(kind.validate(&spec("guest", "{}")).unwrap().type_name, "guest");
}

#[tokio::test]
async fn an_init_that_hangs_is_left_behind_and_ends_by_itself() {
    let shop = workshop!();
    shop.build("guest", &[]);
    let kind = shop.kind_with(|settings| settings.init_deadline = Duration::from_millis(100));
    let gate = shop.file("gate");
    let config = json!({"mode": "init_blocks tell_end", "file": gate}).to_string();
    assert_eq!(code(shop.open(&kind, spec("guest", &config)).await), "init_timeout");
    fs::remove_file(&gate).unwrap();
    wait_until("the late instance is shut down on its own thread", || {
        fs::read_to_string(&gate).is_ok_and(|text| text == "ended on gd-guest\n")
    });
}

#[tokio::test]
async fn judgements_that_hang_are_bounded() {
    let shop = workshop!();
    shop.build("guest", &[]);
    let kind = shop.kind_with(|settings| {
        settings.init_deadline = Duration::from_millis(100);
        settings.max_hanging_judgements = 2;
    });
    let gate = shop.file("gate");
    let hangs = spec("guest", &json!({"mode": "judge_blocks", "file": gate}).to_string());
    let codes: Vec<_> = (0..4).map(|_| code(kind.validate(&hangs))).collect();
    assert_eq!(codes, ["configure_timeout", "configure_timeout", "thread_limit", "thread_limit"]);
    fs::remove_file(&gate).unwrap();
    wait_until("they end, and others are judged again", || kind.validate(&spec("guest", "{}")).is_ok());
}

#[tokio::test]
async fn a_read_that_hangs_takes_nothing_along_and_a_stop_waits_for_it() {
    let shop = workshop!();
    shop.build("guest", &[]);
    let (kind, gate) = (shop.kind(), shop.file("gate"));
    let config = json!({"mode": "read_blocks tell_end", "file": gate}).to_string();
    let (mut hanging, door, counters) = shop.open(&kind, spec("guest", &config)).await.unwrap();
    let (mut other, ..) = shop.open(&kind, spec("guest", "{}")).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(50), hanging.read()).await.is_err());
    assert_eq!(other.read().await, Ok(()));
    door.close();
    let mut stopping = hanging.stop();
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut stopping).await.is_err());
    fs::remove_file(&gate).unwrap();
    stopping.await;
    assert_eq!(fs::read_to_string(&gate).unwrap(), "ended on gd-guest\n");
    assert_eq!(counters.drops(), [(DropReason::Closed, 1)], "what it said late was not heard");
    other.stop().await;
}

#[tokio::test]
async fn calls_behind_one_that_hangs_are_bounded() {
    let shop = workshop!();
    shop.build("guest", &[]);
    let gate = shop.file("gate");
    let config = json!({"mode": "read_blocks", "file": gate}).to_string();
    let (mut plugin, ..) = shop.open(&shop.kind(), spec("guest", &config)).await.unwrap();
    let mut outcomes = Vec::new();
    for _ in 0..12 {
        outcomes.push(tokio::time::timeout(Duration::from_millis(20), plugin.read()).await);
    }
    let full = CallFailure::Failed("earlier calls into the plugin still hang".into());
    assert_eq!(outcomes.last(), Some(&Ok(Err(full))));
    fs::remove_file(&gate).unwrap();
    plugin.stop().await;
}

#[tokio::test]
async fn a_dropped_plugin_shuts_down_by_itself() {
    let shop = workshop!();
    shop.build("guest", &[]);
    let end = shop.directory.path().join("end");
    let config = json!({"mode": "tell_end", "file": end}).to_string();
    let (plugin, ..) = shop.open(&shop.kind(), spec("guest", &config)).await.unwrap();
    drop(plugin);
    wait_until("it is shut down", || end.exists());
}

#[tokio::test]
async fn a_reload_takes_the_code_on_disk_and_a_restart_the_code_that_ran() {
    let shop = workshop!();
    shop.build("guest", &["-DSTAMP=1"]);
    let kind = shop.kind();
    let (mut plugin, ..) = shop.open(&kind, spec("guest", "{}")).await.unwrap();
    let first = Code::Loaded(plugin.manifest().digest.clone().unwrap());
    plugin.read().await.unwrap();
    plugin.stop().await;
    shop.build("guest", &["-DSTAMP=2"]);
    for (code, stamp) in [(first.clone(), 1.0), (Code::Newest, 2.0), (first, 1.0)] {
        let mut asked = spec("guest", "{}");
        asked.code = code;
        let (mut plugin, ..) = shop.open(&kind, asked).await.unwrap();
        plugin.read().await.unwrap();
        assert_eq!(shop.newest("own/guest/gauge-named"), Some(stamp));
        plugin.stop().await;
    }
}

#[tokio::test]
async fn too_many_changed_libraries_are_refused() {
    let shop = workshop!();
    let kind = shop.kind_with(|settings| settings.max_changed_digests = 1);
    let mut codes = Vec::new();
    for stamp in ["-DSTAMP=1", "-DSTAMP=2", "-DSTAMP=3"] {
        shop.build("guest", &[stamp]);
        codes.push(kind.validate(&spec("guest", "{}")).map_or_else(|failure| failure.code(), |_| "ok"));
    }
    assert_eq!(codes, ["ok", "ok", "reload_limit"]);
}

#[tokio::test]
async fn unlisted_libraries_run_only_where_the_operator_says_so() {
    let shop = workshop!();
    shop.build_unlisted("guest", &[]);
    let kind = shop.kind();
    let mut asked = spec("guest", "{}");
    let refused = kind.validate(&asked).unwrap_err();
    assert_eq!(refused.code(), "untrusted");
    assert!(refused.to_string().contains("set `trusted = true`"), "{refused}");
    asked.trusted = true;
    let digest = kind.validate(&asked).unwrap().digest.unwrap();
    asked.code = Code::Loaded(digest);
    assert!(kind.validate(&asked).is_ok());
    asked.trusted = false;
    assert_eq!(code(kind.validate(&asked)), "untrusted", "that it is loaded makes it no better");
}

#[tokio::test]
async fn a_type_that_is_no_plain_name_leads_nowhere() {
    let shop = workshop!();
    shop.build("guest", &[]);
    let kind = shop.kind();
    for type_name in ["../guest", "/etc/passwd", "", "Guest", "guest.so", "a/b", "gu\0est", "nobody"] {
        let mut asked = spec("guest", "{}");
        asked.type_name = type_name.into();
        assert_eq!(code(kind.validate(&asked)), "missing", "{type_name:?}");
    }
    let mut asked = spec("guest", "{}");
    asked.code = Code::Loaded("00".repeat(32));
    assert_eq!(code(kind.validate(&asked)), "missing");
    let homeless = NativeKind::new(NativeSettings::new(vec![]));
    assert_eq!(code(homeless.validate(&spec("guest", "{}"))), "missing");
}

#[tokio::test]
async fn what_lies_in_the_directories_is_found_with_its_reason() {
    let shop = workshop!();
    shop.build("guest", &[]);
    shop.build_unlisted("stranger", &["-DSTAMP=9"]);
    shop.write("broken.so", b"not a library");
    shop.write("Odd Name.so", b"");
    shop.write("notes.txt", b"");
    shop.list();
    let found = shop.kind().found();
    let seen: Vec<_> = found
        .iter()
        .map(|found| {
            (&*found.type_name, found.trusted, found.manifest.as_ref().map_err(OpenFailure::code).is_ok())
        })
        .collect();
    assert_eq!(seen, [("broken", false, false), ("guest", true, true), ("stranger", false, false)]);
    assert_eq!(code(found[0].manifest.clone()), "not_a_library");
    assert_eq!(code(found[2].manifest.clone()), "untrusted");
    assert_eq!(found[1].library, "guest.so");
}

#[tokio::test]
async fn what_changes_in_a_directory_is_found_anew() {
    let shop = workshop!();
    let kind = shop.kind();
    assert_eq!(kind.found(), []);
    shop.build_unlisted("guest", &[]);
    assert_eq!(code(kind.found()[0].manifest.clone()), "untrusted");
    shop.build("guest", &["-DSTAMP=2"]);
    let found = kind.found();
    assert_eq!(found[0].manifest.as_ref().unwrap().digest.as_deref(), Some(&*shop.digest("guest")));
    assert_eq!(kind.found(), found, "nothing changed");
    shop.set_mode("guest.so", 0o777);
    assert_eq!(code(kind.found()[0].manifest.clone()), "unsafe_file");
    std::fs::remove_file(shop.directory.path().join("guest.so")).unwrap();
    assert_eq!(kind.found(), []);
}

#[tokio::test]
async fn a_directory_or_library_that_others_may_write_is_refused() {
    let shop = workshop!();
    shop.build("guest", &[]);
    shop.set_mode("guest.so", 0o775);
    assert_eq!(code(shop.kind().validate(&spec("guest", "{}"))), "unsafe_file");
    shop.set_mode("guest.so", 0o755);
    shop.set_mode(".", 0o777);
    assert_eq!(code(shop.kind().validate(&spec("guest", "{}"))), "unsafe_directory");
}

fn delivery(series: &[SeriesId]) -> [Delivery; 1] {
    let sample = |(at, series): (usize, &SeriesId)| Sample {
        series: *series,
        time: CdTime::from_secs(1000),
        interval: Interval::DEFAULT,
        first: u32::try_from(at).unwrap(),
        count: 1,
        position: 0,
        outputs: 1,
        judged: false,
        remembered: false,
    };
    let numbers = 0_u32..;
    let batch = Batch {
        plugin: Arc::new("other".parse().unwrap()),
        samples: series.iter().enumerate().map(sample).collect(),
        values: numbers.clone().take(series.len()).map(|n| Value::Gauge(f64::from(n))).collect(),
        rates: numbers.take(series.len()).map(|n| f64::from(n) / 2.0).collect(),
    };
    [Delivery::new(Arc::new(batch), 1)]
}

/// A native writer asks its door, not the output's worker.
fn named(_series: SeriesId) -> Option<Series> {
    panic!("nobody asks")
}

/// Makes `own/other/gauge-<name>` known to the daemon.
fn series(shop: &Workshop, name: &str) -> SeriesId {
    let door = shop.way.open_door(Arc::new("other".parse().unwrap()), Interval::DEFAULT, Arc::default());
    let parts =
        Parts { host: "", plugin: "other", plugin_instance: "", type_name: "gauge", type_instance: name };
    door.register(&parts, "").unwrap();
    shop.way.cache().table().find(&format!("own/other/gauge-{name}")).unwrap()
}

#[tokio::test]
async fn a_writer_is_given_every_sample_by_name() {
    let shop = workshop!();
    shop.build("guest", &[WRITER]);
    let out = shop.directory.path().join("out");
    let config = json!({"mode": "", "file": out}).to_string();
    let (mut plugin, door, _) = shop.open(&shop.kind(), spec("guest", &config)).await.unwrap();
    assert_eq!(plugin.read().await, Err(CallFailure::NotSupported));
    let mut output = plugin.take_output().unwrap();
    assert!(plugin.take_output().is_none(), "once");
    let (one, gone, two) = (series(&shop, "1"), series(&shop, "9"), series(&shop, "2"));
    shop.way.cache().table().expire(gone, |_, _| true).unwrap();
    let nobody = SeriesId { index: u32::MAX, generation: u32::MAX };
    output.write(&delivery(&[one, gone, nobody, two]), &named).await.unwrap();
    door.close();
    output.write(&delivery(&[one, gone, nobody, two]), &named).await.unwrap();
    output.flush(Flush::default()).await.unwrap();
    let expected = "other/gauge-1 0 0\nother/gauge-2 3 1.5\n";
    assert_eq!(
        fs::read_to_string(&out).unwrap(),
        expected.repeat(2),
        "what waits is carried away behind a closed door too"
    );
    drop(output);
    plugin.stop().await;
}

#[tokio::test]
async fn a_write_that_fails_may_be_tried_again_and_one_that_panics_may_not() {
    let shop = workshop!();
    shop.build("guest", &[WRITER]);
    let kind = shop.kind();
    let (mut plugin, ..) =
        shop.open(&kind, spec("guest", r#"{"mode":"write_fails flush_fails"}"#)).await.unwrap();
    let mut output = plugin.take_output().unwrap();
    let failed = output.write(&delivery(&[series(&shop, "1")]), &named).await;
    let failed = failed.unwrap_err();
    assert!(matches!(failed.failure, WriteFailure::Retry(reason) if reason == "disk full"));
    assert!(
        matches!(output.flush(Flush::default()).await, Err(WriteFailure::Retry(reason)) if reason == "cannot flush")
    );
    assert_eq!(plugin.flush(Flush::default()).await, Err(CallFailure::Failed("cannot flush".into())));
    drop(output);
    plugin.stop().await;

    let (mut plugin, ..) = shop.open(&kind, spec("guest", r#"{"mode":"write_panics"}"#)).await.unwrap();
    let mut output = plugin.take_output().unwrap();
    for _ in 0..2 {
        let lost = output.write(&delivery(&[series(&shop, "1")]), &named).await;
        let lost = lost.unwrap_err();
        assert!(matches!(lost.failure, WriteFailure::Lost(reason) if reason == "write went wrong"));
    }
    let lost = CallFailure::Lost("write went wrong".into());
    assert_eq!(plugin.read().await, Err(lost), "who asks for a read hears of it");
    plugin.stop().await;
}
