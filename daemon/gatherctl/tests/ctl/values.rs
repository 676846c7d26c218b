//! Values that are put in, printed as CSV, filtered and followed.

use crate::daemon::{Answer, Ctl, Daemon};
use serde_json::json;
use std::io::{BufRead, BufReader};

/// Head and body of the only request.
fn asked(daemon: &Daemon) -> (String, String) {
    let requests = daemon.asked();
    assert_eq!(requests.len(), 1, "{requests:?}");
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

fn put(daemon: &Daemon, input: &str, more: &str) -> crate::daemon::Ran {
    Ctl { input, ..Ctl::default() }.run(&format!("values put {more} {}", daemon.place.join(" ")))
}

#[test]
fn lines_of_putval_go_as_they_stand() {
    let daemon = Daemon::tcp(vec![Answer::ok("POST /v1/values ", &json!({"taken": 2, "refused": []}))]);
    let input = "PUTVAL h/p/t interval=10 N:1\nPUTVAL h/p/u N:U\n";
    let ran = put(&daemon, input, "");
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "2 taken\n", ""));
    let (head, body) = asked(&daemon);
    assert!(head.contains("content-type: text/plain"), "{head}");
    assert_eq!(body, input);
}

#[test]
fn a_file_of_json_is_known_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("values");
    for (text, media_type) in [
        ("[{\"identifier\": \"h/p/t\", \"values\": [1]}]", "application/json"),
        ("{\"identifier\": \"h/p/t\",\n \"values\": [1]}\n", "application/json"),
        (
            "{\"identifier\": \"h/p/t\", \"values\": [1]}\n{\"identifier\": \"h/p/u\", \"values\": [1]}\n",
            "application/x-ndjson",
        ),
    ] {
        let daemon = Daemon::tcp(vec![Answer::ok("POST /v1/values ", &json!({"taken": 1, "refused": []}))]);
        std::fs::write(&file, text).unwrap();
        assert_eq!(put(&daemon, "", file.to_str().unwrap()).code, 0);
        let (head, body) = asked(&daemon);
        assert!(head.contains(&format!("content-type: {media_type}\r\n")), "{head}");
        assert_eq!(body, text);
    }
}

#[test]
fn what_is_not_taken_as_a_whole_ends_with_one_and_is_said_once() {
    let taken = json!({"taken": 1, "refused": [{"index": 1, "identifier": "h/p/u", "reason": "too_old",
        "detail": "it is older than the newest"}]});
    let daemon = Daemon::tcp(vec![Answer::ok("POST /v1/values ", &taken)]);
    let ran = put(&daemon, "PUTVAL h/p/t N:1\nPUTVAL h/p/u 5:1\n", "");
    let expected = "1 taken, 1 refused\nvalue list 2 (h/p/u): too_old: it is older than the newest\n";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (1, expected, ""));
}

#[test]
fn what_is_no_text_or_not_there_is_our_fault() {
    let ran = Ctl::default().run("values put /nonexistent/values --url http://127.0.0.1:1");
    assert_eq!(ran.code, 2);
    assert!(ran.err.starts_with("gatherctl: cannot read /nonexistent/values\n"), "{}", ran.err);
}

#[test]
fn csv_is_printed_as_the_daemon_writes_it_and_steers_no_terminal() {
    let text = "identifier,value\r\nh/p/t,1\r\nh\u{9b}2J/p/t,2\r\n";
    let answer = |request| Answer { body: text.to_owned(), ..Answer::ok(request, &json!({})) };
    for (command, request) in [
        (
            "values --plugin p --plugin-id df --since 5 --state okay --fresh true --limit 7",
            "GET /v1/values?plugin=p&plugin_id=df&since=5&state=okay&fresh=true&limit=7 ",
        ),
        ("metrics --host h", "GET /v1/metrics?host=h "),
    ] {
        let daemon = Daemon::tcp(vec![answer(request)]);
        let ran = daemon.run(&format!("{command} --format csv"));
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{:?}", daemon.asked());
        assert_eq!(ran.out, "identifier,value\r\nh/p/t,1\r\nh\\u{9b}2J/p/t,2\r\n");
        assert!(asked(&daemon).0.contains("accept: text/csv"));
    }
}

#[test]
fn what_can_not_be_csv_is_refused_before_anything_is_done() {
    let daemon = Daemon::tcp(vec![]);
    for command in ["plugin disable df -o csv", "values put -o csv", "status -o csv"] {
        let ran = daemon.run(command);
        let expected = "gatherctl: only lists of values and metrics can be printed as CSV: use -o table, json or ndjson\n";
        assert_eq!((ran.code, ran.err.as_str()), (2, expected), "{command}");
    }
    let ran = daemon.run("values -o csv --limit 10001");
    let expected = "gatherctl: CSV takes a limit of at most 10000; without one, all of the list is shown\n";
    assert_eq!((ran.code, ran.err.as_str()), (2, expected));
    assert_eq!(daemon.asked(), Vec::<String>::new());
}

#[test]
fn values_that_flow_are_lines_and_what_is_lost_is_said() {
    let view = json!({"identifier": "h/p/t", "host": "h", "plugin": "p", "plugin_instance": "", "type": "t",
        "type_instance": "", "time": "2026-01-31T12:00:00Z", "interval": 10.0, "state": "unknown", "judged": null,
        "values": {"value": 7}, "rates": {"value": 0.5}, "age": 0.0, "clock_stepped": false});
    let body = format!(
        "retry: 2000\n\nid: a-1\nevent: value\ndata: {view}\n\nevent: lost\ndata: {{\"lost\":3}}\n\n"
    );
    let answer = Answer { body, ..Answer::ok("GET /v1/values/stream?plugin=p ", &json!({})) };
    let daemon = Daemon::tcp(vec![answer]);
    let mut child = Ctl::default()
        .command(&format!("values stream --plugin p {}", daemon.place.join(" ")))
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut notes = BufReader::new(child.stderr.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "2026-01-31T12:00:00Z  h/p/t  value=7  value=0.5/s");
    assert_eq!(notes.next().unwrap().unwrap(), "lost: {\"lost\":3}");
    child.kill().unwrap();
    child.wait().unwrap();
}
