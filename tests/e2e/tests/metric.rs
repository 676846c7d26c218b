//! `/v1/metrics`: what is being collected.

use gatherd_e2e::{Daemon, Setup, Stage, within};
use serde_json::{Value, json};

#[tokio::test]
async fn every_series_names_its_data_sources_and_who_feeds_it() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let client = daemon.unix();
    let load = within("the load is collected", async || {
        let found = client.all("/v1/metrics?plugin=load&type=load").await;
        if found.len() == 1 { Ok(found[0].clone()) } else { Err(found.len()) }
    })
    .await;
    assert_eq!((&load["identifier"], &load["plugin"]), (&json!("testhost/load/load"), &json!("load")));
    let names: Vec<&Value> = load["data_sources"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["shortterm", "midterm", "longterm"]);
    assert_eq!(load["data_sources"][0]["kind"], "gauge");
    assert_eq!(load["interval"], json!(1.0));
    let cpu = within("the CPU time is collected", async || {
        let found = client.all("/v1/metrics?plugin=cpu&type_instance=user").await;
        if found.is_empty() { Err("not yet") } else { Ok(found) }
    })
    .await;
    assert!(cpu.iter().all(|metric| metric["data_sources"][0]["kind"] == "derive"), "{cpu:?}");
}

#[tokio::test]
async fn metrics_and_values_are_the_same_series_page_by_page() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let client = daemon.unix();
    within("both lists agree", async || {
        let names = async |path: &str| {
            let all = client.all(path).await;
            all.iter().map(|it| it["identifier"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let (metrics, values) = (names("/v1/metrics?limit=9").await, names("/v1/values?limit=11").await);
        if metrics == values && metrics.len() > 20 { Ok(()) } else { Err(format!("{metrics:?}\n{values:?}")) }
    })
    .await;
}
