//! The command line on values, chains, subscriptions, logs and the audit trail.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use gatherd_e2e::{Daemon, Ran, Receiver, Setup, Stage};
use serde_json::{Value, json};

use crate::scene::{number_until, runs, steady};

const SERIES: &str = "testhost/misbehave/gauge-reads";

/// What a command said that was done.
fn done(ran: &Ran) -> &str {
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    ran.out.trim_end()
}

/// A command that does not end by itself; it is killed when this is dropped.
struct Followed(Child);

impl Followed {
    fn start(stage: &Stage, daemon: &Daemon, arguments: &[&str]) -> Self {
        let mut command = Command::new(stage.gatherctl());
        command.env_clear().arg("--socket").arg(daemon.socket()).args(arguments).args(["-o", "ndjson"]);
        Self(command.stdout(Stdio::piped()).spawn().unwrap())
    }

    /// What it tells first.
    async fn first(&mut self) -> Value {
        let mut lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        let line = tokio::task::spawn_blocking(move || lines.next().unwrap().unwrap()).await.unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _ended_already = self.0.wait();
    }
}

#[tokio::test]
async fn values_are_put_in_listed_in_every_form_and_followed() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    number_until(&daemon.unix(), SERIES, |_| true).await;
    let file = daemon.place().path().join("values");
    let path = file.to_str().unwrap();
    fs::write(&file, "PUTVAL h/backup/gauge-tries interval=10 N:3\nPUTVAL h/backup/gauge-size N:U\n")
        .unwrap();
    assert_eq!(done(&daemon.ctl(["values", "put", path]).await), "2 taken");
    fs::write(&file, json!({"identifier": "h/backup/gauge-json", "values": [1]}).to_string()).unwrap();
    assert_eq!(done(&daemon.ctl(["values", "put", path]).await), "1 taken");
    fs::write(&file, "PUTVAL h/backup/gauge-more N:1\nPUTVAL h/backup/gauge-tries 5:1\n").unwrap();
    let half = daemon.ctl(["values", "put", path]).await;
    assert_eq!((half.code, half.err.as_str()), (Some(1), ""), "{}", half.out);
    assert!(
        half.out.starts_with("1 taken, 1 refused\nvalue list 2 (h/backup/gauge-tries): too_old"),
        "{}",
        half.out
    );
    fs::write(&file, "PUTVAL h/backup/nonsense N:1\n").unwrap();
    let none = daemon.ctl(["values", "put", path]).await;
    assert_eq!((none.code, none.out.as_str()), (Some(1), ""));
    assert!(none.err.contains("unknown_type"), "{}", none.err);

    let tries =
        daemon.ctl(["values", "--plugin", "backup", "--type-instance", "tries", "--format", "csv"]).await;
    let lines: Vec<&str> = done(&tries).lines().collect();
    assert!(lines.len() == 2 && lines[1].starts_with("h/backup/gauge-tries,"), "{lines:?}");
    let fed = daemon.ctl(["values", "--plugin-id", "steady", "--fresh", "true", "-o", "ndjson"]).await;
    assert_eq!(done(&fed).lines().count(), 1, "{}", fed.out);
    let metrics = daemon.ctl(["metrics", "--plugin-id", "steady", "-o", "csv"]).await;
    assert!(done(&metrics).contains(SERIES), "{}", metrics.out);
    for nothing in [&["--state", "failure"][..], &["--since", "2099-01-01T00:00:00Z"]] {
        let ran = daemon.ctl(["values", "-o", "ndjson"].iter().chain(nothing)).await;
        assert_eq!(done(&ran), "", "{nothing:?}");
    }
    let wrong = daemon.ctl(["values", "--since", "yesterday"]).await;
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.err.contains("/since"), "{}", wrong.err);
    let past = daemon.ctl(["values", SERIES, "--history", "3", "-o", "json"]).await;
    assert!(serde_json::from_str::<Value>(done(&past)).unwrap()["history"].is_array(), "{}", past.out);

    let mut stream = Followed::start(&stage, &daemon, &["values", "stream", "--plugin-id", "steady"]);
    assert_eq!(stream.first().await["identifier"], SERIES);
}

#[tokio::test]
async fn chains_are_made_tried_listed_and_taken_away() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    number_until(&daemon.unix(), SERIES, |_| true).await;
    let rule = "rules.r.matches.regex.plugin=^misbehave$";
    let set =
        ["chain", "set", "PreCache", "--set", rule, "--set", "rules.r.targets.set.plugin_instance=seen"];
    let trial = [
        "chain",
        "preview",
        SERIES,
        "--set",
        "values=[7]",
        "--set",
        "chains.PreCache.rules.r.targets.set.plugin_instance=seen",
    ];
    let seen = daemon.ctl(trial).await;
    let expected = "would be cached as testhost/misbehave-seen/gauge-reads 7";
    assert!(done(&seen).contains(expected), "{}", seen.out);
    assert_eq!(done(&daemon.ctl(set).await), "chain PreCache is set");
    number_until(&daemon.unix(), "testhost/misbehave-seen/gauge-reads", |_| true).await;
    let seen = daemon.ctl(["chain", "preview", SERIES, "--set", "values=[7]"]).await;
    assert!(done(&seen).starts_with("before the cache: PreCache/r matches, "), "{}", seen.out);
    let list = daemon.ctl(["chain", "list"]).await;
    assert!(done(&list).contains("PreCache  before the cache      1"), "{}", list.out);
    assert!(done(&daemon.ctl(["chain", "show", "PreCache"]).await).contains("\"^misbehave$\""));
    let dry = daemon.ctl(["chain", "delete", "PreCache", "--dry-run"]).await;
    assert!(done(&dry).contains("- chains.PreCache"), "{}", dry.out);
    assert_eq!(done(&daemon.ctl(["chain", "delete", "PreCache"]).await), "chain PreCache is gone");
    assert_eq!(daemon.ctl(["chain", "show", "PreCache"]).await.code, Some(1));
}

#[tokio::test]
async fn a_subscriber_is_set_tried_and_taken_away() {
    let Some(stage) = Stage::find() else { return };
    let receiver = Receiver::start([]).await;
    let config =
        format!("[plugins]\n[subscriptions_policy]\nallow = [\"https://*:*\", \"{}\"]\n", receiver.rule());
    let daemon = Daemon::start(Setup::new(&stage).config(config)).await;
    let url = format!("webhook.url={}", receiver.url("/hook"));
    let set = ["subscription", "set", "oncall", "--set", &url, "--set", "webhook.secret=hush-hush-hush"];
    assert_eq!(done(&daemon.ctl(set).await), "subscription oncall is set");
    let test = daemon.ctl(["subscription", "test", "oncall"]).await;
    assert!(done(&test).starts_with("oncall took the message within "), "{}", test.out);
    assert_eq!(receiver.calls().len(), 1);
    let shown = daemon.ctl(["subscription", "show", "oncall"]).await;
    assert!(done(&shown).contains("/hook") && !shown.out.contains("hush"), "{}", shown.out);
    receiver.then([gatherd_e2e::Says::Status(410)]);
    let gone = daemon.ctl(["subscription", "test", "oncall"]).await;
    assert_eq!((gone.code, gone.err.as_str()), (Some(1), ""), "{}", gone.out);
    assert!(gone.out.starts_with("oncall did not take the message: "), "{}", gone.out);
    assert!(done(&daemon.ctl(["subscription", "list"]).await).contains("oncall  yes"));
    assert_eq!(done(&daemon.ctl(["subscription", "delete", "oncall"]).await), "subscription oncall is gone");
}

#[tokio::test]
async fn a_plugin_is_tried_and_heard() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    runs(&daemon.unix(), "steady").await;
    let tried = daemon.ctl(["plugin", "test", "steady"]).await;
    assert!(done(&tried).starts_with("the read was good\n"), "{}", tried.out);
    assert!(tried.out.contains(&format!("{SERIES} value=1")), "{}", tried.out);
    let file = daemon.place().path().join("trial.toml");
    fs::write(&file, "mode = \"burst\"\nseries = 2\n").unwrap();
    let tried = daemon.ctl(["plugin", "test", "steady", "--file", file.to_str().unwrap()]).await;
    assert!(done(&tried).contains("testhost/misbehave-burst/gauge-1"), "{}", tried.out);
    fs::write(&file, "mode = \"nonsense\"\n").unwrap();
    let wrong = daemon.ctl(["plugin", "test", "steady", "--file", file.to_str().unwrap()]).await;
    assert_eq!((wrong.code, wrong.out.as_str()), (Some(1), ""));
    assert!(wrong.err.contains("nonsense"), "{}", wrong.err);

    let log = daemon.ctl(["plugin", "log", "steady"]).await;
    assert!(done(&log).contains("the plugin is running"), "{}", log.out);
    assert_eq!(done(&daemon.ctl(["plugin", "log", "steady", "--level", "error", "-o", "ndjson"]).await), "");
    let mut heard = Followed::start(&stage, &daemon, &["plugin", "log", "steady", "-f", "--since", "0"]);
    assert_eq!(heard.first().await["number"], 1);
}

#[tokio::test]
async fn what_was_done_and_said_is_listed_noted_and_followed() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let put = ["notifications", "put", "the backup is done", "--severity", "okay", "--plugin", "backup"];
    let published = daemon.ctl(put.iter().chain(&["--meta", "tries=3"])).await;
    let number = done(&published).strip_prefix("published as ").unwrap().to_owned();
    let noted = daemon.ctl(["notifications", "acknowledge", &number, "--comment", "seen"]).await;
    assert!(done(&noted).contains(&format!("took note of {number} at ")), "{}", noted.out);
    let open = ["notifications", "--plugin", "backup", "--acknowledged", "false", "-o", "ndjson"];
    assert_eq!(done(&daemon.ctl(open).await), "");
    assert_eq!(daemon.ctl(["notifications", "acknowledge", "999999"]).await.code, Some(1));

    let mut heard =
        Followed::start(&stage, &daemon, &["audit", "-f", "--since", "0", "--action", "acknowledge"]);
    let record = heard.first().await;
    assert_eq!(record["target"]["id"], format!("/v1/notifications/{number}"), "{record}");
    let failed = daemon.ctl(["audit", "--outcome", "failure"]).await;
    assert!(done(&failed).contains("failure: 404 not_found"), "{}", failed.out);
}
