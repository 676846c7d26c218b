//! `/v1/thresholds`: values are judged, faults are said, and both survive a restart.

use gatherd_e2e::{Ask, Checked, Daemon, Libraries, Setup, Stage, within};
use serde_json::{Value, json};

use crate::scene::{instance, misbehaving, number_until, runs};

const SERIES: &str = "testhost/misbehave/gauge-reads";

/// A daemon with one plugin that tells the number in a file, five times a second.
struct Told {
    libraries: Libraries,
    daemon: Daemon,
}

impl Told {
    async fn start(stage: &Stage, number: f64, more: &str) -> Self {
        let libraries = misbehaving(stage);
        let file = libraries.path().join("number");
        std::fs::write(&file, number.to_string()).unwrap();
        let plugin = instance("told", "file", 0.2, &format!("file = '{}'", file.display()));
        let setup = Setup::new(stage).config(format!("{plugin}\n{more}")).plugins_from(libraries.path());
        let daemon = Daemon::start(setup).await;
        runs(&daemon.unix(), "told").await;
        Self { libraries, daemon }
    }

    fn tell(&self, number: &str) {
        let fresh = self.libraries.path().join("fresh");
        std::fs::write(&fresh, number).unwrap();
        std::fs::rename(fresh, self.libraries.path().join("number")).unwrap();
    }

    fn client(&self) -> Checked {
        self.daemon.unix()
    }
}

/// Waits until the series is in a state, and answers what is known of it.
async fn state_until(client: &Checked, state: &str) -> Value {
    within(&format!("the state {state}"), async || {
        let answer = client.get(&format!("/v1/values/{SERIES}")).await;
        let value = if answer.status == 404 { Value::Null } else { answer.ok() };
        if value["state"] == state { Ok(value) } else { Err(value) }
    })
    .await
}

/// What thresholds said so far: severity and message.
async fn said(client: &Checked) -> Vec<(String, String)> {
    let all = client.all("/v1/notifications").await;
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    all.iter().map(|one| (text(one, "severity"), text(one, "message"))).collect()
}

async fn said_until(client: &Checked, severities: &[&str]) -> Vec<(String, String)> {
    within(&format!("{severities:?} was said"), async || {
        let said = said(client).await;
        let found: Vec<&str> = said.iter().map(|(severity, _)| severity.as_str()).collect();
        if found == severities { Ok(said.clone()) } else { Err(format!("{said:?}")) }
    })
    .await
}

fn rule(bounds: &Value) -> Value {
    let mut rule = json!({"id": "full", "match": {"plugin": "misbehave", "type": "gauge"}});
    rule.as_object_mut().unwrap().extend(bounds.as_object().unwrap().clone());
    rule
}

#[tokio::test]
async fn a_new_threshold_judges_what_is_cached_and_a_deleted_one_forgets_it() {
    let Some(stage) = Stage::find() else { return };
    let told = Told::start(&stage, 5.0, "").await;
    let client = told.client();
    number_until(&client, SERIES, |number| number == 5.0).await;
    let made = client
        .send(Ask::post("/v1/thresholds").json(&rule(&json!({"warning_max": 10, "failure_max": 20}))))
        .await;
    assert_eq!((made.status, made.header("location")), (201, Some("/v1/thresholds/full")));
    let value = state_until(&client, "okay").await;
    let judged = &value["judged"];
    assert_eq!(
        (&judged["threshold"], &judged["by_data_source"]),
        (&json!("full"), &json!({"value": "full"}))
    );
    assert_eq!(
        judged["specificity"],
        json!({"host": "any", "plugin": "exact", "plugin_instance": "any", "type": "exact", "type_instance": "any"})
    );
    assert!(said(&client).await.is_empty(), "that all is well from the beginning is no news");

    told.tell("25");
    state_until(&client, "failure").await;
    let heard = said_until(&client, &["failure"]).await;
    assert_eq!(
        heard[0].1,
        "Host testhost, plugin misbehave type gauge (instance reads): Data source \"value\" is currently \
         25.000000. That is above the failure threshold of 20.000000."
    );
    let newest = &client.all("/v1/notifications").await[0];
    assert_eq!(
        newest["meta"],
        json!({"CurrentValue": 25.0, "DataSource": "value", "FailureMax": 20.0, "Threshold": "full",
            "WarningMax": 10.0, "state": "failure", "state_before": "okay"})
    );
    let shown = client.get("/v1/thresholds/full").await;
    let tag = shown.header("etag").unwrap().to_owned();
    let shown = shown.ok();
    assert_eq!(shown["status"], json!({"unknown": 0, "okay": 0, "warning": 0, "failure": 1, "missing": 0}));

    // A changed bound is judged at once, without a new value.
    told.tell("");
    let patch = Ask::patch("/v1/thresholds/full", &json!({"failure_max": 30})).if_match(&tag);
    assert_eq!(client.send(patch).await.ok()["failure_max"], 30.0);
    state_until(&client, "warning").await;
    assert_eq!(client.all("/v1/thresholds").await.len(), 1);
    let gone = client.send(Ask::new("DELETE", "/v1/thresholds/full").if_match("*")).await;
    assert_eq!(gone.status, 204);
    let value = state_until(&client, "unknown").await;
    assert_eq!(value["judged"], Value::Null);
    let heard = said_until(&client, &["failure", "warning", "okay"]).await;
    assert!(heard[2].1.ends_with("No threshold judges it any more."), "{}", heard[2].1);
    assert_eq!(client.get("/v1/thresholds/full").await.status, 404);
}

#[tokio::test]
async fn faults_survive_a_restart_and_are_said_once() {
    let Some(stage) = Stage::find() else { return };
    let section = "[thresholds.full]\nmatch = { plugin = \"misbehave\" }\nfailure_max = 20\n\
                   message = \"{host} has {value:.1}, {bound} is allowed\"\n";
    let mut told = Told::start(&stage, 25.0, section).await;
    let client = told.client();
    let since = state_until(&client, "failure").await["judged"]["since"].clone();
    assert_eq!(said_until(&client, &["failure"]).await[0].1, "testhost has 25.0, 20 is allowed");
    let stored = told.daemon.place().state().join("thresholds.json");
    within("the state is stored", async || {
        let text = std::fs::read_to_string(&stored).unwrap_or_default();
        if text.contains(SERIES) { Ok(()) } else { Err(text) }
    })
    .await;
    told.daemon.kill();
    told.daemon.start_again().await;
    let client = told.client();
    let value = state_until(&client, "failure").await;
    assert_eq!(value["judged"]["since"], since);
    told.tell("5");
    state_until(&client, "okay").await;
    said_until(&client, &["okay"]).await;

    std::fs::write(&stored, "{\"version\": 1, \"seri").unwrap();
    told.daemon.kill();
    told.daemon.start_again().await;
    state_until(&told.client(), "okay").await;
}

#[tokio::test]
async fn silence_of_what_is_judged_is_a_failure() {
    let Some(stage) = Stage::find() else { return };
    let section = "[thresholds.full]\nmatch = { plugin = \"misbehave\" }\nfailure_max = 20\n";
    let told = Told::start(&stage, 5.0, section).await;
    let client = told.client();
    state_until(&client, "okay").await;
    told.tell("");
    let heard = said_until(&client, &["failure"]).await;
    assert!(heard[0].1.starts_with(&format!("{SERIES} has not been updated for ")), "{}", heard[0].1);
    told.tell("6");
    let heard = said_until(&client, &["failure", "okay"]).await;
    assert!(heard[1].1.ends_with(": Value is no longer missing."), "{}", heard[1].1);
}

#[tokio::test]
async fn a_preview_tells_what_would_be_said_and_changes_nothing() {
    let Some(stage) = Stage::find() else { return };
    let told =
        Told::start(&stage, 25.0, "[thresholds.host]\nmatch = { host = \"testhost\", type = \"uptime\" }\n")
            .await;
    let client = told.client();
    number_until(&client, SERIES, |_| true).await;
    let preview = async |rule: Value| client.send(Ask::post("/v1/thresholds/preview").json(&rule)).await;
    let seen = preview(rule(&json!({"failure_max": 20}))).await.ok();
    assert_eq!(
        (&seen["series"], &seen["outranked"], &seen["would_say"]["failure"]),
        (&json!(1), &json!(0), &json!(1))
    );
    assert_eq!(
        seen["items"],
        json!([{"identifier": SERIES, "state": "failure", "data_source": "value", "value": 25.0, "outranked_by": null}])
    );
    let uptime = json!({"id": "all", "match": {"type": "uptime"}});
    let outranked = within("the daemon's own uptime is there", async || {
        let seen = preview(uptime.clone()).await.ok();
        if seen["series"] == 1 { Ok(seen) } else { Err(seen) }
    })
    .await;
    assert_eq!(
        (&outranked["outranked"], &outranked["items"][0]["outranked_by"]),
        (&json!(1), &json!("host"))
    );
    let wrong = preview(json!({"match": {"plugin": "re:("}, "message": "{what}"})).await;
    assert_eq!(wrong.status, 422);
    let errors = &serde_json::from_slice::<Value>(&wrong.body).unwrap()["errors"];
    assert_eq!((&errors[0]["pointer"], &errors[1]["pointer"]), (&json!("/match/plugin"), &json!("/message")));
    assert_eq!(client.get("/v1/thresholds/full").await.status, 404);
    assert!(said(&client).await.is_empty());
}

#[tokio::test]
async fn wrong_thresholds_are_refused_with_their_place() {
    let Some(stage) = Stage::find() else { return };
    let told = Told::start(&stage, 5.0, "").await;
    let client = told.client();
    let post = async |rule: Value| client.send(Ask::post("/v1/thresholds").json(&rule)).await;
    for (rule, pointer) in [
        (json!({}), "/id"),
        (json!({"id": "a", "hits": -1}), "/hits"),
        (json!({"id": "a", "hits": "x"}), "/hits"),
        (json!({"id": "a", "warnig_max": 1}), "/warnig_max"),
        (json!({"id": "a", "warning_min": 2, "warning_max": 1}), "/warning_max"),
        (json!({"id": "a", "match": {"host": "["}}), "/match/host"),
        (json!({"id": "a", "window": {"seconds": 1e12, "function": "mean"}}), "/window/seconds"),
        (json!({"id": "a", "window": {"seconds": 60, "function": "median"}}), "/window/function"),
        (json!({"id": "a", "message": "{hots}"}), "/message"),
    ] {
        let answer = post(rule.clone()).await;
        assert_eq!(answer.status, 422, "{rule}");
        let errors = &serde_json::from_slice::<Value>(&answer.body).unwrap()["errors"];
        assert_eq!(errors[0]["pointer"], pointer, "{rule}");
    }
    assert_eq!(post(json!({"id": "a b"})).await.status, 422);
    assert_eq!(post(json!({"id": "a"})).await.status, 201);
    assert_eq!(post(json!({"id": "a"})).await.refusal(), (409, "exists".to_owned()));
    let put = async |ask: Ask| client.send(ask.json(&json!({"failure_max": 1}))).await.status;
    assert_eq!(put(Ask::put("/v1/thresholds/a")).await, 428);
    assert_eq!(put(Ask::put("/v1/thresholds/a").if_match("\"999\"")).await, 412);
    assert_eq!(put(Ask::put("/v1/thresholds/a?dry_run=true").if_match("*")).await, 200);
    assert_eq!(client.get("/v1/thresholds/a").await.ok().get("failure_max"), None);
    assert_eq!(put(Ask::put("/v1/thresholds/a").if_match("*")).await, 200);
    // What was shown can be sent back as it is.
    let shown = client.get("/v1/thresholds/a").await;
    let (tag, shown) = (shown.header("etag").unwrap().to_owned(), shown.ok());
    let same = client.send(Ask::put("/v1/thresholds/a").if_match(&tag).json(&shown)).await.ok();
    let said = |rule: &Value| {
        let mut rule = rule.clone();
        rule.as_object_mut().unwrap().retain(|key, _| key != "revision" && key != "status");
        rule
    };
    assert_eq!(said(&same), said(&shown));
}
