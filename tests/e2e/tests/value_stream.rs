//! `/v1/values/stream`: values as they flow.

use gatherd_e2e::{Ask, Checked, Daemon, Setup, Stage};
use serde_json::json;

async fn put(client: &Checked, plugin: &str, value: u32) {
    let list = json!({"identifier": format!("web1/{plugin}/gauge"), "values": [value]});
    assert_eq!(client.send(Ask::post("/v1/values").json(&list)).await.ok()["taken"], 1);
}

#[tokio::test]
async fn what_flows_comes_at_once_and_only_where_it_is_wanted() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let client = daemon.unix();
    put(&client, "backup", 1).await;
    let mut stream = client.stream(Ask::get("/v1/values/stream?plugin=back*&plugin_id=api")).await;
    put(&client, "other", 2).await;
    put(&client, "backup", 3).await;
    let event = stream.next().await.unwrap();
    assert_eq!((event.name.as_str(), &event.data["identifier"]), ("value", &json!("web1/backup/gauge")));
    assert_eq!(event.data["values"], json!({"value": 3.0}));
    let listed = client.get("/v1/values/web1/backup/gauge").await.ok();
    for member in ["time", "interval", "values", "rates", "state", "judged", "host", "type"] {
        assert_eq!(event.data[member], listed[member], "{member}");
    }
    // A plugin's own values flow there too.
    let mut load = client.stream(Ask::get("/v1/values/stream?plugin=load&state=unknown")).await;
    assert_eq!(load.next().await.unwrap().data["identifier"], "testhost/load/load");
}

#[tokio::test]
async fn a_slow_reader_holds_up_nobody_and_is_told_what_it_lost() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let client = daemon.unix();
    let mut slow = client.stream(Ask::get("/v1/values/stream?plugin=many")).await;
    let line = |number: u32| format!("PUTVAL web1/many/gauge-{number} interval=600 N:1");
    let lines: String = (0..10_000).map(line).collect::<Vec<_>>().join("\n");
    let mut taken = 0;
    for _ in 0..12 {
        let answer = client.send(Ask::post("/v1/values").body("text/plain", lines.clone())).await.ok();
        taken += answer["taken"].as_u64().unwrap();
    }
    assert_eq!(taken, 120_000);
    let lost = slow.next_named("lost").await.data["lost"].as_u64().unwrap();
    assert!((1..taken).contains(&lost), "{lost}");
    assert!(client.get("/v1/heartbeat").await.ok()["streams"]["lost"].as_u64() >= Some(lost));
    // It goes on with what comes then.
    drop(slow);
    let mut other = client.stream(Ask::get("/v1/values/stream?plugin=backup")).await;
    put(&client, "backup", 1).await;
    assert_eq!(other.next().await.unwrap().data["identifier"], "web1/backup/gauge");
}
