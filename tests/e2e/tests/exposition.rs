//! `/metrics`: both texts, read strictly.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use gatherd_e2e::{Ask, Checked, Daemon, Exposition, Format, Setup, Stage, skip, within};

use crate::scene::{instance, misbehaving, number_until};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0";

async fn scrape(client: &Checked, accept: &str) -> (String, String) {
    let answer = client.send(Ask::get("/metrics").header("accept", accept)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    (answer.header("content-type").unwrap().to_owned(), answer.text())
}

/// A daemon with the six plugins, all of which have been read twice.
async fn scraped(stage: &Stage) -> Daemon {
    let daemon = Daemon::start(Setup::new(stage).variable("GATHERD_INTERVAL", "0.3")).await;
    let client = daemon.unix();
    within("all were read twice", async || {
        let plugins = client.all("/v1/plugins").await;
        if plugins.iter().all(|it| it["reads"].as_u64() >= Some(2)) {
            Ok(())
        } else {
            Err(format!("{plugins:?}"))
        }
    })
    .await;
    number_until(&client, "testhost/self/cache_size", |series| series > 50.0).await;
    daemon
}

#[tokio::test]
async fn both_texts_are_well_formed_and_show_the_same_series() {
    let Some(stage) = Stage::find() else { return };
    let daemon = scraped(&stage).await;
    let client = daemon.tcp(); // Scrapers need no token by default.
    let (classic_type, classic) = scrape(&client, "text/plain").await;
    assert_eq!(classic_type, "text/plain; version=0.0.4; charset=utf-8");
    let (open_type, open) = scrape(&client, OPENMETRICS).await;
    assert_eq!(open_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let (classic, open) =
        (Exposition::read(&classic, Format::Classic), Exposition::read(&open, Format::OpenMetrics));
    let names = |it: &Exposition| {
        it.samples.iter().map(|s| (s.name.clone(), s.labels.clone())).collect::<BTreeSet<_>>()
    };
    assert_eq!(names(&classic), names(&open));
    assert!(classic.samples.len() > 50, "{}", classic.samples.len());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    for sample in classic.samples.iter().chain(&open.samples) {
        assert_eq!(sample.labels["instance"], "testhost");
        let age = now - sample.time.expect("our samples have times");
        assert!((-1.0..60.0).contains(&age), "{sample:?} is {age} s old");
    }
}

#[tokio::test]
async fn what_is_exposed_is_what_the_api_shows_under_collectds_names() {
    let Some(stage) = Stage::find() else { return };
    let daemon = scraped(&stage).await;
    let client = daemon.unix();
    client.post("/v1/plugins/load/disable").await.ok();
    client.post("/v1/plugins/memory/disable").await.ok();
    let text = client.get("/metrics").await.text();
    assert!(
        !text.contains("collectd_load") && !text.contains("collectd_memory"),
        "disabled plugins' series are gone"
    );
    client.post("/v1/plugins/memory/enable").await.ok();
    number_until(&client, "testhost/memory/memory-used", |_| true).await;
    let exposed = Exposition::read(&client.get("/metrics").await.text(), Format::Classic);
    assert!(exposed.value("collectd_memory", &[("memory", "used")]).is_some_and(|bytes| bytes > 1e6));
    assert!(exposed.value("collectd_cpu_total", &[("cpu", "0"), ("type", "user")]).is_some());
    assert_eq!(exposed.families["collectd_cpu_total"], "counter");
    assert_eq!(exposed.families["collectd_memory"], "gauge");
    assert_eq!(exposed.value("collectd_self_total_operations_total", &[("self", "nobody")]), None);
}

#[tokio::test]
async fn the_format_is_what_the_scraper_accepts_most() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let client = daemon.unix();
    for (accept, open) in [
        ("*/*", false),
        ("text/plain;version=0.0.4;q=0.5,application/openmetrics-text;version=1.0.0", true),
        ("application/openmetrics-text;version=1.0.0;q=0.3,text/plain;version=0.0.4;q=0.8", false),
        ("application/openmetrics-text; version=0.0.1, text/plain", false),
    ] {
        let (media_type, _) = scrape(&client, accept).await;
        assert_eq!(media_type.starts_with("application/openmetrics-text"), open, "{accept}: {media_type}");
    }
    let answer = client.send(Ask::get("/metrics").header("accept", "image/png")).await;
    assert_eq!(answer.refusal(), (406, "not_acceptable".to_owned()));
    let squeezed = client.send(Ask::get("/metrics").header("accept-encoding", "gzip")).await;
    assert_eq!((squeezed.status, squeezed.header("content-encoding")), (200, Some("gzip")));
}

#[tokio::test]
async fn names_that_need_escaping_stay_readable() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = instance("long", "name_127", 0.2, "") + &instance("slash", "name_slash", 0.2, "");
    let setup = Setup::new(&stage).config(config).plugins_from(libraries.path());
    let daemon = Daemon::start(setup.variable("GATHERD_HOSTNAME", "q\"uo\\te")).await;
    let client = daemon.unix();
    within("the series is exposed", async || {
        let found = Exposition::read(&client.get("/metrics").await.text(), Format::Classic);
        let labels = [("misbehave", "a_b"), ("instance", "q\"uo\\te")];
        found.value("collectd_misbehave_gauge", &labels).ok_or("not yet")
    })
    .await;
}

#[tokio::test]
async fn prometheus_own_checker_has_no_objection() {
    let Some(stage) = Stage::find() else { return };
    if Command::new("promtool").arg("--version").output().is_err() {
        return skip("there is no promtool");
    }
    let daemon = scraped(&stage).await;
    let (_, text) = scrape(&daemon.unix(), "text/plain").await;
    let mut checker = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    checker.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = checker.wait_with_output().unwrap();
    // 3 means that it read all of it and has an opinion about a name, which is collectd's.
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{said}");
}
