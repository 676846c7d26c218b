//! How much a plugin may give, wherever it runs.

use std::time::{Duration, Instant};

use gatherd_e2e::{Ask, Checked, Daemon, Libraries, Setup, Stage};
use serde_json::{Value, json};

use crate::scene::{instance, misbehaving, number_until, plugin_until, runs};

/// The series of the well-behaved neighbour.
const WELL: &str = "testhost/misbehave/gauge-reads";

/// A daemon with a neighbour, and a plugin of 1000 series that has these limits and runs there.
async fn limited(stage: &Stage, isolation: &str, limits: &str) -> (Libraries, Daemon) {
    let libraries = misbehaving(stage);
    let burst = instance("burst", "burst", 0.2, "series = 1000");
    let burst = burst.replace("trusted = true\n", &format!("trusted = true\nisolation = \"{isolation}\"\n"));
    let config = instance("well", "well", 0.2, "") + &burst + &format!("[plugins.burst.limits]\n{limits}\n");
    let daemon = Daemon::start(Setup::new(stage).config(config).plugins_from(libraries.path())).await;
    (libraries, daemon)
}

async fn neighbour_is_well(client: &Checked) {
    let plugin = runs(client, "well").await;
    assert_eq!((&plugin["failures"], &plugin["drops"]), (&json!(0), &json!({})), "{plugin}");
    let number = number_until(client, WELL, |_| true).await;
    number_until(client, WELL, |later| later > number).await;
}

fn dropped(plugin: &Value, reason: &str) -> u64 {
    plugin["drops"][reason].as_u64().unwrap_or(0)
}

#[tokio::test]
async fn samples_beyond_the_rate_are_dropped_and_counted_and_the_others_arrive() {
    let Some(stage) = Stage::find() else { return };
    for isolation in ["thread", "process"] {
        let began = Instant::now();
        let (_libraries, daemon) = limited(&stage, isolation, "values_per_second = 100").await;
        let client = daemon.unix();
        let is_over = |plugin: &Value| dropped(plugin, "over_rate") > 10_000;
        let plugin = plugin_until(&client, "burst", "has samples dropped", is_over).await;
        let values = plugin["values"].as_f64().unwrap();
        // A full bucket, and what flowed in since.
        let most = 125.0 + 100.0 * (began.elapsed() + Duration::from_millis(100)).as_secs_f64();
        assert!((125.0..=most).contains(&values), "{isolation}: {values} of at most {most}; {plugin}");
        assert_eq!(plugin["failures"], 0, "{plugin}");
        let first = "testhost/misbehave-burst/gauge-0";
        let number = number_until(&client, first, |_| true).await;
        number_until(&client, first, |later| later > number).await;
        neighbour_is_well(&client).await;
        let patch = json!({"limits": {"values_per_second": null}});
        client.send(Ask::patch("/v1/plugins/burst", &patch).if_match("*")).await.ok();
        let last = "testhost/misbehave-burst/gauge-999";
        let number = number_until(&client, last, |_| true).await;
        number_until(&client, last, |later| later > number).await;
    }
}

#[tokio::test]
async fn series_beyond_the_bound_are_refused_and_the_bound_is_changed_while_it_runs() {
    let Some(stage) = Stage::find() else { return };
    for isolation in ["thread", "process"] {
        let (_libraries, daemon) = limited(&stage, isolation, "series = 10").await;
        let client = daemon.unix();
        number_until(&client, "testhost/misbehave-burst/gauge-9", |_| true).await;
        let is_over = |plugin: &Value| dropped(plugin, "over_quota") >= 990;
        plugin_until(&client, "burst", "has series refused", is_over).await;
        let known = client.all("/v1/metrics?plugin=misbehave&plugin_instance=burst").await;
        assert_eq!(known.len(), 10, "{isolation}");
        let patch = json!({"limits": {"series": 20}});
        client.send(Ask::patch("/v1/plugins/burst", &patch).if_match("*")).await.ok();
        number_until(&client, "testhost/misbehave-burst/gauge-19", |_| true).await;
        let known = client.all("/v1/metrics?plugin=misbehave&plugin_instance=burst").await;
        assert_eq!(known.len(), 20, "{isolation}");
        neighbour_is_well(&client).await;
    }
}
