//! `/v1/chains`: what becomes of values before and after the cache, changed while the daemon runs.

use std::fs;
use std::path::PathBuf;

use gatherd_e2e::{Ask, Checked, Daemon, Libraries, Setup, Stage, within};
use serde_json::{Value, json};

use crate::scene::{instance, misbehaving, number_until, numbers_in, runs, writing, written};

const SERIES: &str = "testhost/misbehave/gauge-reads";

/// A daemon with one plugin that tells the number in a file, five times a second, and a writer `out`.
struct Told {
    libraries: Libraries,
    daemon: Daemon,
    lines: PathBuf,
}

impl Told {
    async fn start(stage: &Stage, number: f64) -> Self {
        let libraries = misbehaving(stage).with("writer", &stage.test_plugin("writer"));
        let (file, lines) = (libraries.path().join("number"), libraries.path().join("lines"));
        fs::write(&file, number.to_string()).unwrap();
        let plugin = instance("told", "file", 0.2, &format!("file = '{}'", file.display()));
        let config = plugin + &writing("out", &lines, "");
        let daemon = Daemon::start(Setup::new(stage).config(config).plugins_from(libraries.path())).await;
        runs(&daemon.unix(), "told").await;
        number_until(&daemon.unix(), SERIES, |found| found == number).await;
        Self { libraries, daemon, lines }
    }

    fn tell(&self, number: f64) {
        let fresh = self.libraries.path().join("fresh");
        fs::write(&fresh, number.to_string()).unwrap();
        fs::rename(fresh, self.libraries.path().join("number")).unwrap();
    }
}

async fn make(client: &Checked, chain: Value) -> Value {
    let answer = client.send(Ask::post("/v1/chains").json(&chain)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

async fn shown(client: &Checked, id: &str) -> Value {
    client.get(&format!("/v1/chains/{id}")).await.ok()
}

/// One chain with one rule.
fn one(id: &str, matches: &Value, targets: &Value) -> Value {
    json!({"id": id, "rules": {"r": {"matches": matches, "targets": targets}}})
}

/// Waits until a rule counted what `look` likes.
async fn counted(client: &Checked, id: &str, rule: &str, look: impl Fn(u64, u64) -> bool) {
    within(&format!("rule {rule} of {id} counted"), async || {
        let chain = shown(client, id).await;
        let tally = &chain["status"]["rules"][rule];
        let count = |name: &str| tally[name].as_u64().unwrap_or_default();
        if look(count("matched"), count("stopped")) { Ok(()) } else { Err(chain) }
    })
    .await;
}

async fn gone(client: &Checked, identifier: &str) {
    within(&format!("{identifier} is gone"), async || {
        let answer = client.get(&format!("/v1/values/{identifier}")).await;
        if answer.status == 404 { Ok(()) } else { Err(answer.text()) }
    })
    .await;
}

#[tokio::test]
async fn a_name_is_changed_before_the_cache_and_back_without_a_restart() {
    let Some(stage) = Stage::find() else { return };
    let told = Told::start(&stage, 5.0).await;
    let client = told.daemon.unix();
    let rename =
        one("PreCache", &json!({"regex": {"plugin": "^misbehave$"}}), &json!({"set": {"plugin": "renamed"}}));
    let made = make(&client, rename).await;
    assert_eq!((&made["status"]["entry"], &made["rules"]["r"]["order"]), (&json!("pre_cache"), &json!(0)));
    number_until(&client, "testhost/renamed/gauge-reads", |number| number == 5.0).await;
    gone(&client, SERIES).await;
    assert!(written(&told.lines, "testhost/renamed/gauge-reads", 2).await.iter().all(|number| *number == 5));
    counted(&client, "PreCache", "r", |matched, stopped| matched > 2 && stopped == 0).await;
    within("its chain is in force", async || {
        let chain = shown(&client, "PreCache").await;
        if chain["status"]["in_force"] == true { Ok(()) } else { Err(chain) }
    })
    .await;
    let before = client.plugin("told").await;
    assert!(before["drops"].get("stale_handle").is_none(), "{before}");
    // Scaled as well: the rule is changed where it is.
    let patch = json!({"rules": {"r": {"targets": {"scale": {"factor": 2, "order": 1}}}}});
    client.send(Ask::patch("/v1/chains/PreCache", &patch).if_match("*")).await.ok();
    number_until(&client, "testhost/renamed/gauge-reads", |number| number == 10.0).await;
    assert_eq!(client.send(Ask::new("DELETE", "/v1/chains/PreCache").if_match("*")).await.status, 204);
    number_until(&client, SERIES, |number| number == 5.0).await;
    assert_eq!(client.plugin("told").await["restarts"], before["restarts"]);
}

#[tokio::test]
async fn after_the_cache_outputs_get_other_names_and_the_api_shows_the_cache() {
    let Some(stage) = Stage::find() else { return };
    let told = Told::start(&stage, 7.0).await;
    let client = told.daemon.unix();
    let chain = json!({"id": "PostCache", "rules": {
        "own": {"order": 1, "matches": {"regex": {"plugin": "^self$"}}, "targets": {"stop": {}}},
        "rename": {"order": 2, "matches": {"regex": {"plugin": "^misbehave$"}}, "targets": {
            "replace": {"host": {"regex": "host$", "with": "bed"}, "order": 1},
            "write": {"outputs": ["out"], "order": 2}}}}});
    let made = make(&client, chain).await;
    assert_eq!(made["status"]["entry"], "post_cache");
    assert_eq!(written(&told.lines, "testbed/misbehave/gauge-reads", 3).await[0], 7);
    number_until(&client, SERIES, |number| number == 7.0).await;
    assert_eq!(client.get("/v1/values/testbed/misbehave/gauge-reads").await.status, 404);
    counted(&client, "PostCache", "own", |matched, stopped| matched > 0 && matched == stopped).await;
    // Nothing else is written under the own name from now on.
    let length = numbers_in(&told.lines, SERIES).len();
    let more = numbers_in(&told.lines, "testbed/misbehave/gauge-reads").len() + 3;
    written(&told.lines, "testbed/misbehave/gauge-reads", more).await;
    assert_eq!(numbers_in(&told.lines, SERIES).len(), length);
    assert!(client.plugin("told").await["drops"].get("filtered").is_none());
}

#[tokio::test]
async fn values_are_dropped_by_what_they_were_and_counted_as_filtered() {
    let Some(stage) = Stage::find() else { return };
    let told = Told::start(&stage, 5.0).await;
    let client = told.daemon.unix();
    make(
        &client,
        one("PreCache", &json!({"regex": {"plugin": "mis"}, "value": {"min": 10}}), &json!({"stop": {}})),
    )
    .await;
    told.tell(6.0);
    number_until(&client, SERIES, |number| number == 6.0).await;
    told.tell(50.0);
    // The first is let through, because the rate of before was fine; as in collectd.
    number_until(&client, SERIES, |number| number == 50.0).await;
    counted(&client, "PreCache", "r", |matched, stopped| matched > 1 && matched == stopped).await;
    let drops = client.plugin("told").await["drops"]["filtered"].as_u64();
    assert!(drops > Some(1), "{drops:?}");
    let all = client.get("/v1/cache").await.ok()["drops"]["filtered"].as_u64();
    assert!(all >= drops, "{all:?}");
}

#[tokio::test]
async fn a_host_is_in_one_half_and_a_target_tells_it() {
    let Some(stage) = Stage::find() else { return };
    let told = Told::start(&stage, 5.0).await;
    let client = told.daemon.unix();
    let half = |groups: &str| {
        json!({"matches": {"hashed": {"groups": [groups]}, "regex": {"plugin": "misbehave"}},
            "targets": {"notification": {"severity": "failure", "message": "%{host} is in %{type}: %{ds:value}"}}})
    };
    make(&client, json!({"id": "PreCache", "rules": {"even": half("0/2"), "odd": half("1/2")}})).await;
    within("it was said", async || {
        let said = client.all("/v1/notifications?severity=failure").await;
        let found = said
            .iter()
            .any(|it| it["message"] == "testhost is in gauge: 5" && it["type_instance"] == "reads");
        if found { Ok(()) } else { Err(json!(said)) }
    })
    .await;
    let status = &shown(&client, "PreCache").await["status"]["rules"];
    let matched = |rule: &str| status[rule]["matched"].as_u64().unwrap() > 0;
    assert!(matched("even") != matched("odd"), "{status}");
}

#[tokio::test]
async fn a_new_chain_judges_series_whose_plugin_is_silent() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    // It is read once, and then not for a quarter of an hour.
    let config = instance("burst", "burst", 900.0, "series = 500");
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    number_until(&client, "testhost/misbehave-burst/gauge-499", |_| true).await;
    make(&client, one("PreCache", &json!({"regex": {"type_instance": "^4"}}), &json!({"stop": {}}))).await;
    within("what the chain stops is gone", async || {
        let left = client.all("/v1/values?plugin=misbehave").await.len();
        if left == 500 - 111 { Ok(()) } else { Err(left) }
    })
    .await;
    assert_eq!(client.plugin("burst").await["reads"], 1);
}

#[tokio::test]
async fn wrong_chains_are_refused_with_their_places() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let client = daemon.unix();
    let rule = |matches: Value, targets: Value| json!({"id": "c", "rules": {"r": {"matches": matches, "targets": targets}}});
    let stop = || json!({"stop": {}});
    for (chain, pointer) in [
        (json!({"rules": {}}), "/id"),
        (json!({"id": "a b"}), ""),
        (rule(json!({}), json!({})), "/rules/r/targets"),
        (rule(json!({"odd": {}}), stop()), "/rules/r/matches/odd/kind"),
        (rule(json!({"regex": {"plugin": "("}}), stop()), "/rules/r/matches/regex/plugin"),
        (rule(json!({"regex": {"min": 1}}), stop()), "/rules/r/matches/regex"),
        (rule(json!({"value": {}}), stop()), "/rules/r/matches/value"),
        (rule(json!({"timediff": {"future": -1}}), stop()), "/rules/r/matches/timediff/future"),
        (rule(json!({"hashed": {"groups": ["2/2"]}}), stop()), "/rules/r/matches/hashed/groups/0"),
        (rule(json!({}), json!({"jump": {"chain": "none"}})), "/rules/r/targets/jump/chain"),
        (rule(json!({}), json!({"jump": {"chain": "c"}})), "/rules/r/targets/jump/chain"),
        (rule(json!({}), json!({"set": {"host": ""}})), "/rules/r/targets/set/host"),
        (rule(json!({}), json!({"scale": {}})), "/rules/r/targets/scale"),
        (rule(json!({}), json!({"return": {}, "scale": {"factor": 2}})), "/rules/r/targets/scale"),
        (
            rule(json!({}), json!({"notification": {"message": "%{nobody}"}})),
            "/rules/r/targets/notification/message",
        ),
        (rule(json!({}), json!({"write": {"outputs": ["A B"]}})), "/rules/r/targets/write/outputs/0"),
    ] {
        let answer = client.send(Ask::post("/v1/chains").json(&chain)).await;
        assert_eq!(answer.status, 422, "{chain}: {}", answer.text());
        let errors = &serde_json::from_slice::<Value>(&answer.body).unwrap()["errors"];
        let found: Vec<&str> =
            errors.as_array().unwrap().iter().map(|it| it["pointer"].as_str().unwrap()).collect();
        assert!(found.contains(&pointer), "{chain}: {found:?}");
    }
    let jump = |id: &str, to: &str| one(id, &json!({}), &json!({"jump": {"chain": to}}));
    make(&client, json!({"id": "b", "targets": {"stop": {}}})).await;
    make(&client, jump("a", "b")).await;
    let round = json!({"targets": {"stop": null, "jump": {"chain": "a"}}});
    let answer = client.send(Ask::patch("/v1/chains/b", &round).if_match("*")).await;
    assert!(answer.status == 422 && answer.text().contains("a → b → a"), "{}", answer.text());
    let answer = client.send(Ask::new("DELETE", "/v1/chains/b").if_match("*")).await;
    assert!(answer.status == 422 && answer.text().contains("there is no chain b"), "{}", answer.text());
    assert_eq!(client.all("/v1/chains").await.len(), 2);
}

#[tokio::test]
async fn chains_survive_a_restart_and_a_dry_run_changes_nothing() {
    let Some(stage) = Stage::find() else { return };
    let mut told = Told::start(&stage, 5.0).await;
    let client = told.daemon.unix();
    let rename =
        one("mine", &json!({"regex": {"plugin": "^misbehave$"}}), &json!({"set": {"plugin": "renamed"}}));
    let dry = client.send(Ask::post("/v1/chains?dry_run=true").json(&rename)).await;
    assert_eq!(dry.json()["changed"], json!(["/chains/mine"]), "{}", dry.text());
    assert_eq!(client.get("/v1/chains/mine").await.status, 404);
    make(&client, rename).await;
    assert_eq!(shown(&client, "mine").await["status"]["entry"], Value::Null);
    let patch = json!({"pre_cache_chain": "mine"});
    client.send(Ask::patch("/v1/config", &patch).if_match("*")).await.ok();
    number_until(&client, "testhost/renamed/gauge-reads", |number| number == 5.0).await;
    let none =
        client.send(Ask::patch("/v1/config", &json!({"pre_cache_chain": "nobody"})).if_match("*")).await;
    assert!(none.status == 422 && none.text().contains("there is no chain nobody"), "{}", none.text());
    told.daemon.restart().await;
    let client = told.daemon.unix();
    number_until(&client, "testhost/renamed/gauge-reads", |number| number == 5.0).await;
    assert_eq!(shown(&client, "mine").await["status"]["entry"], "pre_cache");
    assert_eq!(client.get(&format!("/v1/values/{SERIES}")).await.status, 404);
}

#[tokio::test]
async fn chains_are_tried_without_effect() {
    let Some(stage) = Stage::find() else { return };
    let told = Told::start(&stage, 5.0).await;
    let client = told.daemon.unix();
    let chain = json!({"rules": {
        "high": {"order": 1, "matches": {"value": {"min": 100}}, "targets": {"stop": {}}},
        "double": {"order": 2, "targets": {"scale": {"factor": 2}, "set": {"order": 1, "plugin": "p"}}}}});
    let trial = json!({"identifier": SERIES, "chains": {"PreCache": chain}});
    let tried = client.send(Ask::post("/v1/chains/preview").json(&trial)).await.ok();
    assert_eq!((&tried["identifier"], &tried["values"]), (&json!("testhost/p/gauge-reads"), &json!([10.0])));
    let rules = &tried["before"]["rules"];
    assert_eq!((&rules[0]["rule"], &rules[0]["matched"]), (&json!("high"), &json!(false)));
    assert_eq!((&rules[1]["rule"], &rules[1]["matched"]), (&json!("double"), &json!(true)));
    assert_eq!(tried["after"]["writes"][0]["outputs"], json!([]));
    let stop =
        json!({"identifier": "h/p/gauge", "values": [1], "chains": {"PreCache": {"targets": {"stop": {}}}}});
    let tried = client.send(Ask::post("/v1/chains/preview").json(&stop)).await.ok();
    assert_eq!((&tried["stopped"], &tried["after"]), (&json!(true), &Value::Null));
    for (trial, pointer) in [
        (json!({"identifier": "h/p"}), "/identifier"),
        (json!({"identifier": "h/p/nonsense"}), "/identifier"),
        (json!({"identifier": "h/p/gauge"}), "/values"),
        (json!({"identifier": "h/p/gauge", "values": [1, 2]}), "/values"),
        (json!({"identifier": "h/p/derive", "values": [0.5]}), "/values/0"),
        (json!({"identifier": "h/p/gauge", "values": [1], "interval": 0}), "/interval"),
        (json!({"identifier": "h/p/gauge", "values": [1], "pre_cache_chain": "none"}), "/pre_cache_chain"),
        (
            json!({"identifier": "h/p/gauge", "values": [1], "chains": {"x": {"targets": {"scale": {}}}}}),
            "/chains/x/targets/scale",
        ),
    ] {
        let answer = client.send(Ask::post("/v1/chains/preview").json(&trial)).await;
        assert_eq!(answer.status, 422, "{trial}: {}", answer.text());
        assert_eq!(
            serde_json::from_slice::<Value>(&answer.body).unwrap()["errors"][0]["pointer"],
            pointer,
            "{trial}"
        );
    }
    assert!(client.all("/v1/chains").await.is_empty());
}
