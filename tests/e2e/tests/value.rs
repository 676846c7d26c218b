//! `/v1/values`: the newest values, as pages, as lines, and one by one.

use gatherd_e2e::{Ask, Daemon, Libraries, Setup, Stage, within};
use serde_json::{Value, json};

use crate::scene::{instance, misbehaving, number_until};

/// A daemon with 25 series of a burst, and one with slashes in its name.
async fn burst(stage: &Stage) -> (Libraries, Daemon) {
    let libraries = misbehaving(stage);
    let config = instance("burst", "burst", 0.25, "series = 25") + &instance("slash", "name_slash", 0.25, "");
    let daemon = Daemon::start(Setup::new(stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    within("all series are there", async || {
        let found = client.all("/v1/values?plugin=misbehave").await.len();
        if found == 26 { Ok(()) } else { Err(found) }
    })
    .await;
    (libraries, daemon)
}

fn identifiers(values: &[Value]) -> Vec<&str> {
    values.iter().map(|value| value["identifier"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_join_to_the_whole_list_in_its_order_and_without_twins() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = burst(&stage).await;
    let client = daemon.unix();
    let whole = client.all("/v1/values?plugin=misbehave").await;
    for limit in [1, 7, 26, 10_000] {
        let paged = client.all(&format!("/v1/values?plugin=misbehave&limit={limit}")).await;
        assert_eq!(identifiers(&paged), identifiers(&whole), "limit {limit}");
    }
    let mut each = identifiers(&whole);
    each.sort_unstable();
    each.dedup();
    assert_eq!((each.len(), whole.len()), (26, 26));
    let first = client.get("/v1/values?plugin=misbehave&limit=7").await.ok();
    assert_eq!(first["items"].as_array().map(Vec::len), Some(7));
    let next = first["next"].as_str().unwrap();
    assert!(
        next.contains("plugin=misbehave") && next.contains("limit=7") && next.contains("marker="),
        "{next}"
    );
}

#[tokio::test]
async fn filters_are_exact_globs_or_regular_expressions() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = burst(&stage).await;
    let client = daemon.unix();
    for (filter, count) in [
        ("plugin=misbehave&plugin_instance=burst", 25),
        ("plugin=misbehave&plugin_instance=burst&type_instance=7", 1),
        ("plugin=misbehave&type_instance=1*", 11),
        ("plugin=misbehave&type_instance=re:^[0-9]$", 10),
        ("plugin=misbehave&type=gauge&host=testhost", 26),
        ("plugin=misbehave&host=elsewhere", 0),
        ("plugin=misbehav", 0),
        ("plugin=misbehave&plugin_instance=", 0),
        ("plugin=misbehave&plugin_id=slash", 1),
        ("plugin=misbehave&plugin_id=b*", 25),
        ("plugin_id=misbehave", 0),
        ("plugin=misbehave&state=unknown", 26),
        ("plugin=misbehave&state=okay", 0),
        ("plugin=misbehave&since=1000000000", 26),
        ("plugin=misbehave&since=2026-01-31T12:00:00%2B02:00", 26),
        ("plugin=misbehave&since=9000-12-31T00:00:00Z", 0),
    ] {
        assert_eq!(client.all(&format!("/v1/values?{filter}")).await.len(), count, "{filter}");
    }
}

#[tokio::test]
async fn a_filter_that_is_none_is_named() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = burst(&stage).await;
    let client = daemon.unix();
    for (query, name) in [
        ("type=re:(", "type"),
        ("host=re:(a{1000}){1000}", "host"),
        (&*format!("plugin={}", "a".repeat(1025)), "plugin"),
        ("limit=0", "limit"),
        ("limit=10001", "limit"),
        ("limit=ten", "limit"),
        ("colour=red", "colour"),
        ("dry_run=true", "dry_run"),
        ("host=a&host=b", "host"),
        ("plugin_id=re:[", "plugin_id"),
        ("since=yesterday", "since"),
        ("since=-1", "since"),
        ("since=1e400", "since"),
        ("since=1969-12-31T23:59:59Z", "since"),
        ("state=blue", "state"),
        ("fresh=perhaps", "fresh"),
    ] {
        let answer = client.get(&format!("/v1/values?{query}")).await;
        assert_eq!(answer.refusal(), (400, "bad_parameter".to_owned()), "{query}: {}", answer.text());
        assert!(answer.text().contains(name), "{query}: {}", answer.text());
    }
    for marker in ["zz", "0", "%C3%A9", "00ff00"] {
        let answer = client.get(&format!("/v1/values?marker={marker}")).await;
        assert_eq!(answer.refusal(), (400, "bad_marker".to_owned()), "{marker}: {}", answer.text());
    }
}

#[tokio::test]
async fn one_value_is_found_by_its_identifier_as_the_list_writes_it() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = burst(&stage).await;
    let client = daemon.unix();
    for listed in client.all("/v1/values?plugin=misbehave").await {
        let identifier = listed["identifier"].as_str().unwrap();
        let one = client.get(&format!("/v1/values/{identifier}")).await.ok();
        assert_eq!(one["identifier"], listed["identifier"]);
        assert_eq!((&one["interval"], &one["host"]), (&json!(0.25), &json!("testhost")));
    }
    // Slashes in a part are escaped as collectd does, so that an identifier has one reading.
    let slash = client.all("/v1/values?plugin_instance=a_b").await;
    assert_eq!(identifiers(&slash), ["testhost/misbehave-a_b/gauge-reads"]);
    let encoded = client.get("/v1/values/testhost%2Fmisbehave-a_b%2Fgauge-reads").await;
    assert_eq!(encoded.status, 200);
    for none in ["testhost/misbehave/gauge-none", "testhost", "a/b/c/d", "%00/b/c"] {
        assert_eq!(client.get(&format!("/v1/values/{none}")).await.refusal().0, 404, "{none}");
    }
}

#[tokio::test]
async fn a_stream_of_lines_has_every_value_once() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = burst(&stage).await;
    let client = daemon.unix();
    let lines = Ask::get("/v1/values?plugin=misbehave").header("accept", "application/x-ndjson");
    let answer = client.send(lines).await;
    assert_eq!((answer.status, answer.media_type()), (200, "application/x-ndjson"));
    let text = answer.text();
    let values: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let listed = client.all("/v1/values?plugin=misbehave").await;
    assert_eq!(identifiers(&values), identifiers(&listed));
    let other = client.send(Ask::get("/v1/values").header("accept", "image/png")).await;
    assert_eq!(other.refusal(), (406, "not_acceptable".to_owned()));
}

#[tokio::test]
async fn numbers_count_up_and_gauges_are_their_own_rate() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = burst(&stage).await;
    let client = daemon.unix();
    let identifier = "testhost/misbehave-burst/gauge-0";
    let first = number_until(&client, identifier, |_| true).await;
    number_until(&client, identifier, |number| number >= first + 3.0).await;
    let value = client.get(&format!("/v1/values/{identifier}")).await.ok();
    assert_eq!(value["rates"], value["values"]);
    assert!(value["age"].as_f64() < Some(5.0), "{value}");
    assert_eq!(value["state"], "unknown");
}

#[tokio::test]
async fn who_asks_again_gets_only_what_came_since() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = burst(&stage).await;
    let client = daemon.unix();
    client.post("/v1/plugins/burst/disable").await.ok();
    let stopped = within("the burst has left the cache", async || {
        let left = client.all("/v1/values?plugin_id=burst").await;
        if left.is_empty() {
            Ok(client.get("/v1/heartbeat").await.ok()["time"].clone())
        } else {
            Err(left.len())
        }
    })
    .await;
    let since = stopped.as_str().unwrap();
    let newer = within("one series came again", async || {
        let newer = client.all(&format!("/v1/values?plugin=misbehave&since={since}")).await;
        if newer.is_empty() { Err(0) } else { Ok(newer) }
    })
    .await;
    assert_eq!(identifiers(&newer), ["testhost/misbehave-a_b/gauge-reads"]);
    within("it is fresh right after it came", async || {
        let fresh = client.all("/v1/values?plugin=misbehave&fresh=true").await.len();
        if fresh == 1 { Ok(()) } else { Err(fresh) }
    })
    .await;
}

#[tokio::test]
async fn csv_and_lines_have_what_the_pages_have() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = burst(&stage).await;
    let client = daemon.unix();
    for (path, columns) in [("values", 14), ("metrics", 10)] {
        let listed = client.all(&format!("/v1/{path}?plugin=misbehave")).await;
        let ask = |media_type: &'static str, query: &str| {
            client.send(Ask::get(format!("/v1/{path}?{query}")).header("accept", media_type))
        };
        let lines = ask("application/x-ndjson", "plugin=misbehave").await;
        assert_eq!((lines.status, lines.media_type()), (200, "application/x-ndjson"));
        let text = lines.text();
        let values: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(identifiers(&values), identifiers(&listed));
        let csv = ask("text/csv", "plugin=misbehave").await;
        assert_eq!((csv.status, csv.media_type()), (200, "text/csv"));
        let text = csv.text();
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        assert!(rows.iter().all(|row| row.len() == columns), "{text}");
        let names: Vec<&str> = rows[1..].iter().map(|row| row[0]).collect();
        assert_eq!((rows[0][0], &names[..]), ("identifier", &identifiers(&listed)[..]));
        assert_eq!(ask("text/csv", "plugin=misbehave&limit=3").await.text().lines().count(), 4);
        assert_eq!(ask("text/csv", "plugin=nothing").await.text().lines().count(), 1);
        assert_eq!(ask("image/png", "").await.refusal(), (406, "not_acceptable".to_owned()));
    }
}
