//! What is told: the audit trail, logs of plugins, notifications, and tests of plugins and subscriptions.

use crate::daemon::{Answer, Ctl, Daemon};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};

fn record(number: u64) -> Value {
    json!({"number": number, "typeURI": "e", "id": "u", "eventType": "activity",
        "eventTime": "2026-01-31T12:00:00Z", "action": "disable", "outcome": "success",
        "reason": {"reasonType": "HTTP", "reasonCode": "200", "problem": null},
        "initiator": {"typeURI": "u", "id": "ann", "role": "admin", "host": {"address": "127.0.0.1"}},
        "target": {"typeURI": "p", "id": format!("/v1/plugins/p{number}")},
        "observer": {"typeURI": "t", "id": "web1"}, "requestPath": "POST /", "request_id": "req-1",
        "revision_before": 6, "revision_after": 7, "suppressed": 0, "lost": 0, "previous": ""})
}

fn page(items: &[Value]) -> Value {
    json!({"items": items, "next": null})
}

/// The first lines of a command that does not end by itself.
fn first_lines(daemon: &Daemon, line: &str, count: usize) -> Vec<String> {
    let mut child = Ctl::default().command(&format!("{line} {}", daemon.place.join(" "))).spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let lines = out.lines().take(count).map(Result::unwrap).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    lines
}

#[test]
fn records_are_listed_as_filtered_and_followed_oldest_first() {
    let daemon = Daemon::tcp(vec![
        Answer::ok("GET /v1/audit?limit=1 ", &page(&[record(4)])),
        Answer::ok("GET /v1/audit?since=4 ", &page(&[record(6), record(5)])),
        Answer::ok("GET /v1/audit?since=6 ", &page(&[])),
        Answer::ok("GET /v1/audit?user=ann&outcome=success ", &page(&[record(2)])),
    ]);
    let ran = daemon.run("audit --user ann --outcome success");
    let expected = "\
NUMBER  TIME                  USER  FROM       ACTION   TARGET          OUTCOME  REVISION
     2  2026-01-31T12:00:00Z  ann   127.0.0.1  disable  /v1/plugins/p2  success         7
";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, expected, ""));
    let followed = first_lines(&daemon, "audit -f", 2);
    let line =
        |number| format!("2026-01-31T12:00:00Z  ann  127.0.0.1  disable  /v1/plugins/p{number}  success  7");
    assert_eq!(followed, [line(5), line(6)]);
}

#[test]
fn what_a_plugin_says_is_listed_and_followed() {
    let line = json!({"number": 7, "time": "2026-01-31T12:00:00Z", "level": "warn", "source": "plugin",
        "text": "no such\u{9b}file"});
    let stream = format!("retry: 2000\n\nid: a-7\nevent: line\ndata: {line}\n\n");
    let daemon = Daemon::tcp(vec![
        Answer {
            body: stream,
            ..Answer::ok("GET /v1/plugins/df/log/stream?since=3&level=warn ", &json!({}))
        },
        Answer::ok("GET /v1/plugins/df/log?level=warn&limit=5 ", &page(&[line])),
    ]);
    let ran = daemon.run("plugin log df --level warn --limit 5");
    let expected = "\
NUMBER  TIME                  LEVEL  SOURCE  TEXT
     7  2026-01-31T12:00:00Z  warn   plugin  no such\\u{9b}file
";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, expected, ""));
    let followed = first_lines(&daemon, "plugin log df -f --since 3 --level warn", 1);
    assert_eq!(followed, ["2026-01-31T12:00:00Z  warn  plugin  no such\\u{9b}file"]);
}

#[test]
fn a_test_that_fails_ends_with_one_and_tries_the_file() {
    let report = json!({"outcome": "read_failed", "message": "no such file", "version": "0.1.0", "digest": null,
        "opened_in": 0.001, "read_in": 0.001, "series": 0, "values": [], "drops": {}});
    let test = json!({"delivered": false, "reason": "status 500", "seconds": 0.25});
    let daemon = Daemon::tcp(vec![
        Answer::ok("POST /v1/plugins/df/test ", &report),
        Answer::ok("POST /v1/subscriptions/oncall/test ", &test),
    ]);
    let place = daemon.place.join(" ");
    let ran = Ctl { input: "mount_point = [\"/\"]\n", ..Ctl::default() }
        .run(&format!("plugin test df --file - {place}"));
    let expected = "the read failed: no such file\nversion 0.1.0, opened in 1ms, read in 1ms, 0 series\n";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (1, expected, ""));
    assert!(daemon.asked()[0].ends_with(r#"{"config":{"mount_point":["/"]}}"#), "{:?}", daemon.asked());
    let ran = daemon.run("subscription test oncall");
    let expected = "oncall did not take the message: status 500 (after 250ms)\n";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (1, expected, ""));
}

#[test]
fn a_notification_is_published_and_noted() {
    let notification = json!({"id": 17, "time": "2026-01-31T12:00:00Z", "severity": "okay", "message": "done",
        "host": "h", "plugin": "backup", "plugin_instance": "", "type": "", "type_instance": "", "meta": {},
        "count": 1, "last_time": "2026-01-31T12:00:00Z",
        "acknowledged": {"by": "ann", "time": "2026-01-31T12:00:00Z", "comment": "seen"}});
    let daemon = Daemon::tcp(vec![
        Answer { status: "201 Created", ..Answer::ok("POST /v1/notifications ", &notification) },
        Answer::ok("POST /v1/notifications/17/acknowledge ", &notification),
    ]);
    let ran = daemon.run("notifications put done --severity okay --plugin backup --meta tries=3");
    assert_eq!((ran.code, ran.out.as_str()), (0, "published as 17\n"), "{}", ran.err);
    let body: Value = serde_json::from_str(daemon.asked()[0].split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(
        (&body["message"], &body["plugin"], &body["meta"]),
        (&json!("done"), &json!("backup"), &json!({"tries": 3}))
    );
    let ran = daemon.run("notifications acknowledge 17 --comment seen");
    assert_eq!((ran.code, ran.out.as_str()), (0, "ann took note of 17 at 2026-01-31T12:00:00Z: seen\n"));
}
