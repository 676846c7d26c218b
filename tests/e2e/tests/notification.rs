//! `/v1/notifications`: what happened lately.

use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use gatherd_e2e::{Ask, Daemon, Libraries, Setup, Stage, within};
use serde_json::{Value, json};

#[tokio::test]
async fn a_plugin_in_c_notifies_and_the_notification_keeps_its_facts() {
    let Some(stage) = Stage::find() else { return };
    let libraries = Libraries::new().with("c_example", &stage.test_plugin("c_example"));
    let file = libraries.path().join("counted");
    let config = format!(
        "[plugins.c_example]\ntrusted = true\ninterval = 0.2\n[plugins.c_example.config]\nfile = '{}'\n",
        file.display()
    );
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    let found = within("the plugin notified", async || {
        let found = client.all("/v1/notifications").await;
        if found.is_empty() { Err("nothing") } else { Ok(found) }
    })
    .await;
    assert_eq!(found.len(), 1);
    let notification = &found[0];
    assert_eq!((&notification["id"], &notification["severity"]), (&json!(1), &json!("okay")));
    assert_eq!(notification["message"], "the first read is done");
    assert_eq!((&notification["host"], &notification["plugin"]), (&json!("testhost"), &json!("c_example")));
    assert_eq!((&notification["type"], &notification["type_instance"]), (&json!("derive"), &json!("reads")));
    assert_eq!(notification["meta"], json!({"language": "C", "year": 1999}));

    assert_eq!(client.all("/v1/notifications?since=1").await.len(), 0);
    assert_eq!(client.all("/v1/notifications?since=0&severity=okay").await.len(), 1);
    assert_eq!(client.all("/v1/notifications?severity=failure").await.len(), 0);
    assert_eq!(client.all("/v1/notifications?host=test*&plugin=re:^c_&type=derive").await.len(), 1);
    assert_eq!(client.all("/v1/notifications?plugin_instance=x").await.len(), 0);
    for bad in ["since=-1", "since=x", "severity=bad", "plugin=re:("] {
        assert_eq!(client.get(&format!("/v1/notifications?{bad}")).await.refusal().0, 400, "{bad}");
    }
}

#[tokio::test]
async fn a_plugin_that_wants_notifications_hears_what_another_says() {
    let Some(stage) = Stage::find() else { return };
    let libraries = Libraries::new()
        .with("c_example", &stage.test_plugin("c_example"))
        .with("writer", &stage.test_plugin("writer"));
    let (counted, heard) = (libraries.path().join("counted"), libraries.path().join("heard"));
    let config = format!(
        "[plugins.c_example]\ntrusted = true\ninterval = 0.2\n[plugins.c_example.config]\nfile = '{}'\n\
         [plugins.writer]\ntrusted = true\n[plugins.writer.config]\nfile = '{}'\n",
        counted.display(),
        heard.display()
    );
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    within("the writer runs", async || {
        let writer = client.plugin("writer").await;
        if writer["state"] == "running" { Ok(()) } else { Err(writer) }
    })
    .await;
    // Its first read notifies; the writer listens by now.
    client.post("/v1/plugins/c_example/restart").await.ok();
    within("the writer heard it", async || {
        let text = std::fs::read_to_string(&heard).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("notification testhost "));
        line.filter(|line| line.contains("the first read is done")).map(str::to_owned).ok_or(text.len())
    })
    .await;
}

/// A daemon whose plugin `c_example` notifies once after each start.
async fn notifying(stage: &Stage) -> (Libraries, Daemon) {
    let libraries = Libraries::new().with("c_example", &stage.test_plugin("c_example"));
    let file = libraries.path().join("counted");
    let config = format!(
        "[plugins.c_example]\ntrusted = true\ninterval = 0.2\n[plugins.c_example.config]\nfile = '{}'\n",
        file.display()
    );
    let daemon = Daemon::start(Setup::new(stage).config(config).plugins_from(libraries.path())).await;
    (libraries, daemon)
}

#[tokio::test]
async fn a_stream_tells_what_happens_and_goes_on_where_it_was_broken_off() {
    const PATH: &str = "/v1/notifications/stream";
    let Some(stage) = Stage::find() else { return };
    let (_libraries, mut daemon) = notifying(&stage).await;
    let client = daemon.unix();
    let mut stream = client.stream(Ask::get(format!("{PATH}?since=0"))).await;
    let first = stream.next().await.unwrap();
    assert_eq!((first.name.as_str(), &first.data["id"]), ("notification", &json!(1)));
    assert_eq!(first.data, client.all("/v1/notifications").await[0], "as in the list");
    within("the stream is counted", async || {
        let beat = client.get("/v1/heartbeat").await.ok();
        if beat["streams"]["open"] == 1 { Ok(()) } else { Err(beat) }
    })
    .await;
    drop(stream);
    within("its place is free again", async || {
        let beat = client.get("/v1/heartbeat").await.ok();
        if beat["streams"]["open"] == 0 { Ok(()) } else { Err(beat) }
    })
    .await;

    // Each start notifies once; who was away hears of it, and of nothing that it heard before.
    client.post("/v1/plugins/c_example/restart").await.ok();
    let seen = first.id.unwrap();
    let mut stream = client.stream(Ask::get(PATH).header("last-event-id", &seen)).await;
    let second = stream.next().await.unwrap();
    assert_eq!(second.data["id"], 2);
    let mut filtered = client.stream(Ask::get(format!("{PATH}?since=0&plugin=other"))).await;
    client.post("/v1/plugins/c_example/restart").await.ok();
    assert_eq!(stream.next().await.unwrap().data["id"], 3);

    // The numbers of another life say nothing: all that is remembered comes, after a gap that nobody can measure.
    let seen = second.id.unwrap();
    daemon.restart().await;
    let end = filtered.next().await.unwrap();
    assert_eq!((end.name.as_str(), &end.data["reason"]), ("end", &json!("stopping")), "nothing came before");
    assert_eq!(stream.next_named("end").await.data["reason"], "stopping");
    assert_eq!(stream.next().await, None);
    let mut stream = client.stream(Ask::get(PATH).header("last-event-id", &seen)).await;
    let gap = stream.next().await.unwrap();
    assert_eq!((gap.name.as_str(), &gap.data["lost"]), ("gap", &json!(null)));
    assert_eq!(stream.next().await.unwrap().data["id"], 1);
}

#[tokio::test]
async fn a_token_that_is_taken_back_ends_its_stream_within_a_second_and_no_other() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = notifying(&stage).await;
    let token = daemon.token().await;
    let client = daemon.tcp().with_token(&token);
    let mut other = daemon.unix().stream(Ask::get("/v1/notifications/stream?since=0")).await;
    let mut stream = client.stream(Ask::get("/v1/notifications/stream?since=0")).await;
    assert_eq!(stream.next().await.unwrap().data["id"], 1);
    assert_eq!(client.send(Ask::new("DELETE", "/v1/auth/tokens")).await.status, 204);
    let began = Instant::now();
    assert_eq!(stream.next_named("end").await.data["reason"], "credentials");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(stream.next().await, None);
    daemon.unix().post("/v1/plugins/c_example/restart").await.ok();
    assert_eq!(other.next().await.unwrap().data["id"], 1);
    assert_eq!(other.next().await.unwrap().data["id"], 2);
}

/// A daemon that runs no plugin, so that nothing is published but what a test publishes.
async fn quiet(stage: &Stage) -> Daemon {
    Daemon::start(Setup::new(stage).config("[plugins]\n")).await
}

fn publish(body: &Value) -> Ask {
    Ask::post("/v1/notifications").json(body)
}

#[tokio::test]
async fn a_notification_from_outside_is_heard_found_and_acknowledged() {
    let Some(stage) = Stage::find() else { return };
    let daemon = quiet(&stage).await;
    let client = daemon.unix();
    let mut stream = client.stream(Ask::get("/v1/notifications/stream?severity=warning")).await;
    let body = json!({"severity": "warning", "message": "the backup is late", "host": "db1", "plugin": "backup",
        "type": "age", "time": "2026-01-31T12:00:00.5Z", "meta": {"hours": 26, "job": "nightly"}});
    let answer = client.send(publish(&body)).await;
    assert_eq!((answer.status, answer.header("location")), (201, Some("/v1/notifications/1")));
    let made = answer.json();
    assert_eq!((&made["time"], &made["meta"]), (&json!("2026-01-31T12:00:00.500000000Z"), &body["meta"]));
    assert_eq!((&made["count"], &made["acknowledged"]), (&json!(1), &json!(null)));
    assert_eq!(stream.next().await.unwrap().data, made);
    assert_eq!(client.get("/v1/notifications/1").await.ok(), made);
    client.send(publish(&json!({"severity": "okay", "message": "m"}))).await;
    let second = client.get("/v1/notifications/2").await.ok();
    assert_eq!((&second["host"], &second["plugin"]), (&json!("testhost"), &json!("")));

    let acknowledge = |number: &str, comment: &str| {
        let path = format!("/v1/notifications/{number}/acknowledge");
        client.send(Ask::post(path).json(&json!({"comment": comment})))
    };
    let noted = acknowledge("1", "on it").await.ok();
    assert_eq!(noted["acknowledged"]["comment"], "on it");
    assert!(noted["acknowledged"]["by"].is_string());
    assert_eq!(acknowledge("1", "me too").await.ok(), noted, "who came first stays");
    let numbers = async |filter: &str| {
        let found = client.all(&format!("/v1/notifications?acknowledged={filter}")).await;
        found.iter().map(|one| one["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((numbers("true").await, numbers("false").await), (vec![1], vec![2]));
    for unknown in ["3", "x", "-1"] {
        assert_eq!(acknowledge(unknown, "").await.refusal().0, 404, "{unknown}");
        assert_eq!(client.get(&format!("/v1/notifications/{unknown}")).await.refusal().0, 404, "{unknown}");
    }
    assert_eq!(client.get("/v1/notifications?acknowledged=perhaps").await.refusal().0, 400);
}

#[tokio::test]
async fn what_is_no_notification_is_refused_with_its_place() {
    let Some(stage) = Stage::find() else { return };
    let daemon = quiet(&stage).await;
    let client = daemon.unix();
    let many: serde_json::Map<String, Value> = (0..65).map(|n| (n.to_string(), n.into())).collect();
    for (key, value, pointer) in [
        ("message", json!(""), "/message"),
        ("message", json!("x".repeat(4097)), "/message"),
        ("severity", json!("bad"), "/severity"),
        ("time", json!("yesterday"), "/time"),
        ("time", json!("1969-12-31T00:00:00Z"), "/time"),
        ("host", json!("x".repeat(128)), "/host"),
        ("type_instance", json!("a\u{1b}"), "/type_instance"),
        ("meta", json!({"a/b": null}), "/meta/a~1b"),
        ("meta", json!({"": 1}), "/meta/"),
        ("meta", json!({"a": "x".repeat(4097)}), "/meta/a"),
        ("meta", Value::Object(many), "/meta"),
        ("colour", json!("red"), "/colour"),
    ] {
        let mut body = json!({"severity": "okay", "message": "m"});
        body[key] = value;
        let answer = client.send(publish(&body)).await;
        assert_eq!(answer.refusal().0, 422, "{key}: {}", answer.text());
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{}", answer.text());
    }
    let long = json!({"comment": "x".repeat(1025)});
    let answer = client.send(Ask::post("/v1/notifications/1/acknowledge").json(&long)).await;
    assert_eq!(answer.refusal().0, 422);
    assert!(client.all("/v1/notifications").await.is_empty());
}

#[tokio::test]
async fn repeats_are_counted_and_the_ring_is_resized_while_it_runs() {
    let Some(stage) = Stage::find() else { return };
    let daemon = quiet(&stage).await;
    let client = daemon.unix();
    let warning = |second: u32| {
        publish(&json!({"severity": "warning", "message": format!("try {second}"), "plugin": "p",
            "time": format!("2026-01-31T12:00:{second:02}Z")}))
    };
    for number in 1..=2 {
        assert_eq!(client.send(warning(0)).await.json()["id"], number, "no window by default");
    }
    let change = |patch: Value| Ask::patch("/v1/config", &patch).if_match("*");
    client.send(change(json!({"notifications": {"repeat_window": 10}}))).await.ok();
    let mut stream = client.stream(Ask::get("/v1/notifications/stream")).await;
    let statuses = [(0, 201), (5, 200), (10, 200), (11, 201)];
    for (second, status) in statuses {
        assert_eq!(client.send(warning(second)).await.status, status, "after {second} s");
    }
    let third = client.get("/v1/notifications/3").await.ok();
    assert_eq!((&third["count"], &third["message"]), (&json!(3), &json!("try 0")));
    assert_eq!(third["last_time"], "2026-01-31T12:00:10Z");
    assert_eq!(stream.next().await.unwrap().data["id"], 3);
    assert_eq!(stream.next().await.unwrap().data["id"], 4, "repeats are not heard");
    client.send(change(json!({"notifications": {"remembered": 2}}))).await.ok();
    let found = client.all("/v1/notifications").await;
    assert_eq!(found.iter().map(|one| one["id"].as_u64().unwrap()).collect::<Vec<_>>(), [3, 4]);
    let refused = client.send(change(json!({"notifications": {"remembered": 0}}))).await;
    assert_eq!(refused.refusal().0, 422);
}

#[tokio::test]
async fn the_heartbeat_is_a_series_and_as_often_as_wanted_a_notification() {
    let Some(stage) = Stage::find() else { return };
    let daemon = quiet(&stage).await;
    let client = daemon.unix();
    let beats = async || client.number("testhost/self/total_operations-heartbeats").await.unwrap_or(0.0);
    within("the series goes up", async || {
        let count = beats().await;
        if count >= 2.0 { Ok(()) } else { Err(count) }
    })
    .await;
    assert!(client.all("/v1/notifications").await.is_empty(), "none by default");
    let mut stream = client.stream(Ask::get("/v1/notifications/stream")).await;
    let every = |seconds: f64| {
        let patch =
            json!({"heartbeat": {"notification_interval": seconds}, "notifications": {"repeat_window": 60}});
        client.send(Ask::patch("/v1/config", &patch).if_match("*"))
    };
    every(0.1).await.ok();
    for number in 1..=3 {
        let beat = stream.next().await.unwrap().data;
        assert_eq!((&beat["id"], &beat["severity"]), (&json!(number), &json!("okay")), "never a repetition");
        assert_eq!((&beat["plugin"], &beat["meta"]["state"]), (&json!("self"), &json!("heartbeat")));
    }
    every(0.0).await.ok();
    client.send(publish(&json!({"severity": "failure", "message": "the last"}))).await;
    within("no beat comes after the last was heard", async || {
        let next = stream.next().await.unwrap().data;
        if next["message"] == "the last" { Ok(()) } else { Err(next) }
    })
    .await;
    assert_eq!(client.all("/v1/notifications").await.last().unwrap()["message"], "the last");
}

#[tokio::test]
async fn a_slow_reader_is_told_what_it_lost_and_a_quick_one_loses_nothing() {
    const COUNT: u64 = 5000;
    let Some(stage) = Stage::find() else { return };
    let daemon = quiet(&stage).await;
    let client = daemon.unix();
    let mut slow = client.stream(Ask::get("/v1/notifications/stream")).await;
    let mut quick = client.stream(Ask::get("/v1/notifications/stream")).await;
    let reading = tokio::spawn(async move {
        let mut next = 1;
        while next <= COUNT {
            let event = quick.next().await.unwrap();
            assert_eq!((event.name.as_str(), event.data["id"].as_u64()), ("notification", Some(next)));
            next += 1;
        }
    });
    let body = json!({"severity": "okay", "message": "x".repeat(4000)});
    let posts = (0..COUNT).map(|_| client.send(publish(&body)));
    let made =
        stream::iter(posts).buffer_unordered(16).filter(|answer| std::future::ready(answer.status == 201));
    assert_eq!(made.count().await as u64, COUNT, "who publishes waits for no reader");
    reading.await.unwrap();

    let (mut seen, mut lost, mut newest) = (0, 0, 0);
    while newest < COUNT {
        let event = slow.next().await.unwrap();
        match event.name.as_str() {
            "notification" => (seen, newest) = (seen + 1, event.data["id"].as_u64().unwrap()),
            "lost" => lost += event.data["lost"].as_u64().unwrap(),
            other => panic!("{other}"),
        }
    }
    assert!(lost > 0);
    assert_eq!(seen + lost, COUNT);
    assert_eq!(client.get("/v1/heartbeat").await.ok()["streams"]["lost"].as_u64(), Some(lost));
}
