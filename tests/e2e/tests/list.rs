//! What all lists have in common.

use gatherd_e2e::{Daemon, Setup, Stage, within};

/// Every list of the API.
const LISTS: [&str; 6] =
    ["/v1/plugins", "/v1/plugin-types", "/v1/values", "/v1/metrics", "/v1/notifications", "/v1/outputs"];

#[tokio::test]
async fn every_list_refuses_what_it_does_not_know() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let client = daemon.unix();
    for list in LISTS {
        for query in ["dry_run=true", "limit=0", "limit=10001", "limit=", "limit=1&limit=2", "a=b"] {
            let answer = client.get(&format!("{list}?{query}")).await;
            assert_eq!(
                answer.refusal(),
                (400, "bad_parameter".to_owned()),
                "{list}?{query}: {}",
                answer.text()
            );
        }
        let answer = client.get(&format!("{list}?marker=nonsense")).await;
        assert_eq!(answer.refusal(), (400, "bad_marker".to_owned()), "{list}");
    }
    // Well-formed, but of another list; it was a failure of the daemon once.
    for list in ["/v1/values", "/v1/metrics", "/v1/notifications", "/v1/audit", "/v1/plugins/cpu/log"] {
        for marker in ["", "9c8f8a"] {
            let answer = client.get(&format!("{list}?marker={marker}")).await;
            assert_eq!(answer.refusal(), (400, "bad_marker".to_owned()), "{list} {marker}");
        }
    }
    for list in ["/v1/notifications", "/v1/audit", "/v1/plugins/cpu/log"] {
        let answer = client.get(&format!("{list}?since=9223372036854775808")).await;
        assert_eq!(answer.refusal(), (400, "bad_parameter".to_owned()), "{list} {}", answer.text());
    }
    for path in
        ["/v1/heartbeat", "/v1/cache", "/v1/daemon/log-level", "/v1/plugins/cpu", "/v1/plugins/cpu/config"]
    {
        let answer = client.get(&format!("{path}?dry_run=true")).await;
        assert_eq!(answer.refusal(), (400, "bad_parameter".to_owned()), "{path}");
    }
    for verb in ["enable?dryrun=true", "disable?confirm=1", "restart?dry_run=true", "reload?dry_run=true"] {
        let answer = client.post(&format!("/v1/plugins/cpu/{verb}")).await;
        assert_eq!(answer.refusal(), (400, "bad_parameter".to_owned()), "{verb}");
    }
}

#[tokio::test]
async fn plugins_are_listed_page_by_page_and_by_state() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let client = daemon.unix();
    client.post("/v1/plugins/df/disable").await.ok();
    let ids = async |path: &str| {
        let all = client.all(path).await;
        all.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("/v1/plugins?limit=1").await, ["cpu", "df", "disk", "interface", "load", "memory"]);
    assert_eq!(ids("/v1/plugins?enabled=false").await, ["df"]);
    assert_eq!(ids("/v1/plugins?id=d*&type=disk").await, ["disk"]);
    within("the others run", async || {
        let running = ids("/v1/plugins?state=running").await;
        if running == ["cpu", "disk", "interface", "load", "memory"] {
            Ok(())
        } else {
            Err(format!("{running:?}"))
        }
    })
    .await;
    for bad in ["state=sleeping", "enabled=perhaps"] {
        assert_eq!(
            client.get(&format!("/v1/plugins?{bad}")).await.refusal(),
            (400, "bad_parameter".to_owned())
        );
    }
}
