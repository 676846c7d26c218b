//! `/v1/heartbeat` and `/v1/cache`: the daemon as a whole.

use gatherd_e2e::{Daemon, Setup, Stage, within};
use serde_json::json;

use crate::scene::{instance, misbehaving};

#[tokio::test]
async fn the_heartbeat_counts_plugins_series_and_values() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = instance("well", "burst", 0.2, "series = 5")
        + "[plugins.none]\n"
        + "[plugins.off]\ntype = \"misbehave\"\nenabled = false\n";
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    let beat = within("all is counted", async || {
        let beat = client.get("/v1/heartbeat").await.ok();
        let counted = (beat["values_total"].as_u64() > Some(10)) && beat["plugins"]["unavailable"] == 1;
        if counted && beat["plugins"]["running"] == 1 { Ok(beat) } else { Err(beat) }
    })
    .await;
    assert_eq!((&beat["plugins"]["total"], &beat["plugins"]["stopped"]), (&json!(3), &json!(1)));
    assert_eq!((&beat["hostname"], &beat["revision"]), (&json!("testhost"), &json!(1)));
    assert_eq!(beat["state"], "degraded", "a plugin that cannot run is no good health: {beat}");
    let later = client.get("/v1/heartbeat").await.ok();
    assert!(later["uptime"].as_f64() >= beat["uptime"].as_f64());
    client.post("/v1/plugins/none/disable").await.ok();
    let beat = client.get("/v1/heartbeat").await.ok();
    assert_eq!((&beat["state"], &beat["revision"]), (&json!("running"), &json!(2)));
}

#[tokio::test]
async fn the_cache_counts_series_and_what_did_not_get_in() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = "limits.series = 60\n".to_owned()
        + &instance("many", "burst", 0.2, "series = 100")
        + &instance("odd", "past", 0.2, "");
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    let cache = within("the bound is reached", async || {
        let cache = client.get("/v1/cache").await.ok();
        if cache["drops"]["over_quota"].as_u64() > Some(40) { Ok(cache) } else { Err(cache) }
    })
    .await;
    assert_eq!((&cache["limit"], &cache["series"]), (&json!(60), &json!(60)));
    let plugin = client.plugin("many").await;
    assert_eq!(plugin["state"], "running");
    assert!(plugin["drops"]["over_quota"].as_u64() > Some(40), "{plugin}");
}
