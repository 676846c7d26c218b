//! The program against a daemon with prepared answers: what it asks, prints, and how it ends.

use crate::daemon::{Answer, Ctl, Daemon};
use serde_json::{Value, json};
use std::process::Stdio;

/// Seven values of one host, on three pages; the second host tries to steer the terminal.
fn pages() -> Vec<Answer> {
    let value = |number: u64, host: &str| {
        json!({"identifier": format!("{host}/x/count-{number}"), "host": host, "plugin": "x",
            "plugin_instance": "", "type": "count", "type_instance": number.to_string(),
            "time": "2026-01-31T12:00:00Z", "interval": 10.0, "state": "unknown",
            "values": {"value": u64::MAX - number}, "rates": {"value": null}, "age": 1.0,
            "clock_stepped": false})
    };
    let page = |items: &[Value], next: Option<&str>| json!({"items": items, "next": next});
    vec![
        Answer::ok("GET /v1/values?marker=b", &page(&[value(2, "h\u{9b}2J")], None)),
        Answer::ok("GET /v1/values?marker=a", &page(&[value(1, "h")], Some("/v1/values?marker=b"))),
        Answer::ok("GET /v1/values", &page(&[value(0, "h")], Some("/v1/values?marker=a"))),
    ]
}

fn config_answers() -> Vec<Answer> {
    let tagged = |request, tag, body: Value| Answer { headers: tag, ..Answer::ok(request, &body) };
    vec![
        tagged("GET /v1/plugins/cpu/config ", "ETag: \"7\"\r\n", json!({"a": 1})),
        tagged("PATCH /v1/plugins/cpu/config ", "ETag: \"8\"\r\n", json!({"a": 2})),
        tagged("PUT /v1/plugins/cpu/config ", "ETag: \"9\"\r\n", json!({"b": "\u{202e}"})),
    ]
}

/// Beginning and body of each request, and its `If-Match`.
fn outline(requests: &[String]) -> Vec<(String, String, String)> {
    let part = |request: &String| {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
        let tag = head.lines().find_map(|line| line.strip_prefix("if-match: ")).unwrap_or_default();
        (line, tag.to_owned(), body.to_owned())
    };
    requests.iter().map(part).collect()
}

fn owned(line: &str, tag: &str, body: &str) -> (String, String, String) {
    (line.to_owned(), tag.to_owned(), body.to_owned())
}

#[test]
fn all_pages_of_a_list_are_shown_and_nothing_steers_the_terminal() {
    let daemon = Daemon::tcp(pages());
    let ran = daemon.run("values");
    let expected = "\
IDENTIFIER           VALUES                      RATES    AGE
h/x/count-0          value=18446744073709551615  value=-   1s
h/x/count-1          value=18446744073709551614  value=-   1s
h\\u{9b}2J/x/count-2  value=18446744073709551613  value=-   1s
";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, expected, ""));
}

#[test]
fn pages_are_joined_into_one_document() {
    let daemon = Daemon::tcp(pages());
    let ran = daemon.run("values -o json");
    let whole: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(whole["next"], Value::Null);
    let items = whole["items"].as_array().unwrap();
    let numbers: Vec<_> = items.iter().map(|item| item["values"]["value"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [u64::MAX, u64::MAX - 1, u64::MAX - 2]);
    assert_eq!(items[2]["host"], "h\u{9b}2J");
    assert!(ran.out.contains("h\\u009b2J"), "{}", ran.out);
}

#[test]
fn a_limit_ends_the_list_without_asking_for_more() {
    let daemon = Daemon::tcp(pages());
    let ran = daemon.run("values -o ndjson --limit 2 --host h");
    assert_eq!(ran.out.lines().count(), 2);
    let lines: Vec<_> = outline(&daemon.asked()).into_iter().map(|(line, ..)| line).collect();
    assert_eq!(lines, ["GET /v1/values?host=h&limit=2", "GET /v1/values?marker=a"]);
}

#[test]
fn a_list_that_goes_in_circles_is_left() {
    let page = json!({"items": [], "next": "/v1/plugins?marker=a"});
    let daemon = Daemon::tcp(vec![Answer::ok("GET /v1/plugins", &page)]);
    let ran = daemon.run("plugins");
    let expected =
        format!("gatherctl: the daemon at {} names the same next page again and again\n", daemon.place[1]);
    assert_eq!((ran.code, ran.err), (1, expected));
}

#[test]
fn a_unix_socket_serves_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let level = json!({"filter": "info"});
    let daemon = Daemon::unix(&folder.path().join("s"), vec![Answer::ok("GET /v1/daemon/log-level", &level)]);
    let ran = daemon.run("log-level");
    assert_eq!((ran.code, ran.out.as_str()), (0, "info\n"));
}

#[test]
fn the_environment_names_the_daemon() {
    let level = json!({"filter": "info"});
    let daemon = Daemon::tcp(vec![Answer::ok("GET /v1/daemon/log-level", &level)]);
    let variables = vec![("GATHERCTL_URL", daemon.place[1].as_str())];
    let ran = Ctl { variables, ..Ctl::default() }.run("log-level -o ndjson");
    assert_eq!((ran.code, ran.out.as_str()), (0, "{\"filter\":\"info\"}\n"));
}

#[test]
fn a_configuration_is_printed_as_json_with_its_revision_beside() {
    let daemon = Daemon::tcp(config_answers());
    let ran = daemon.run("plugin config cpu");
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("{\n  \"a\": 1\n}\n", "revision 7\n"));
}

#[test]
fn a_change_shows_the_revision_that_it_found() {
    let daemon = Daemon::tcp(config_answers());
    let ran = daemon.run("plugin config cpu --set a=2 --set b=eth0 --unset c");
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("{\n  \"a\": 2\n}\n", "revision 8\n"));
    let path = "/v1/plugins/cpu/config";
    let expected = [
        owned(&format!("GET {path}"), "", ""),
        owned(&format!("PATCH {path}"), "\"7\"", r#"{"a":2,"b":"eth0","c":null}"#),
    ];
    assert_eq!(outline(&daemon.asked()), expected);
}

#[test]
fn a_named_revision_is_shown_without_a_look() {
    let daemon = Daemon::tcp(config_answers());
    let input = r#"{"b": "x"}"#;
    let line = format!("plugin config cpu --replace - --if-match 3 -o ndjson {}", daemon.place.join(" "));
    let ran = Ctl { input, ..Ctl::default() }.run(&line);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("{\"b\":\"\\u202e\"}\n", ""));
    let expected = [owned("PUT /v1/plugins/cpu/config", "\"3\"", r#"{"b":"x"}"#)];
    assert_eq!(outline(&daemon.asked()), expected);
}

#[test]
fn a_refusal_ends_with_one_and_says_what_to_do() {
    let daemon = Daemon::tcp(vec![
        Answer::refusal("GET /v1/plugins/x ", "404 Not Found", "not_found"),
        Answer::refusal("PUT /v1/daemon/log-level", "422 Unprocessable Content", "invalid"),
        Answer::refusal("GET /v1/heartbeat", "401 Unauthorized", "unauthorized"),
    ]);
    let place = &daemon.place[1];
    for (line, lines) in [
        (
            "plugin show x",
            format!(
                "answer: 404 not_found of {place}, request req-1\n  \
                try: `gatherctl plugins` and `gatherctl values` list what there is\n"
            ),
        ),
        ("log-level x", format!("/filter: is none\n  answer: 422 invalid of {place}, request req-1\n")),
        (
            "status",
            format!("answer: 401 unauthorized of {place}, request req-1\n  try: run `gatherctl login`\n"),
        ),
    ] {
        let ran = daemon.run(line);
        let expected = format!("gatherctl: It is so.\n  {lines}");
        assert_eq!((ran.code, ran.out.as_str(), ran.err), (1, "", expected));
    }
}

#[test]
fn wrong_usage_ends_with_two() {
    for line in [
        "",
        "fly",
        "plugin show A",
        "status --url a --socket b",
        "status --url ftp://h",
        "status --url https://h --key /k",
        "status --url https://h --cacert /nonexistent",
        "logout",
    ] {
        let ran = Ctl::default().run(line);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{line}: {}", ran.err);
    }
}

#[test]
fn no_connection_ends_with_three_and_says_what_to_do() {
    let ran = Ctl::default().run("status --socket /nonexistent/s");
    let expected = "gatherctl: no connection to the daemon at unix socket /nonexistent/s\n  \
        cause: No such file or directory (os error 2)\n  \
        try: is gatherd running? start it with `gatherd`, or name another with --socket or --url\n";
    assert_eq!((ran.code, ran.err.as_str()), (3, expected));
}

#[test]
fn help_ends_well_and_names_the_exit_codes() {
    let ran = Ctl::default().run("--help");
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("Exit codes: 0 done, 1 the daemon said no, 2 "), "{}", ran.out);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let items: Vec<Value> = (0..2_000)
        .map(|number| {
            json!({"id": number, "time": "2026-01-31T12:00:00Z", "severity": "okay",
            "message": "x".repeat(100), "host": "h", "plugin": "", "plugin_instance": "", "type": "",
            "type_instance": "", "meta": {}, "count": 1, "last_time": "2026-01-31T12:00:00Z",
            "acknowledged": null})
        })
        .collect();
    let page = json!({"items": items, "next": null});
    let daemon = Daemon::tcp(vec![Answer::ok("GET /v1/notifications", &page)]);
    for form in ["table", "json", "ndjson"] {
        let line = format!("notifications -o {form} {}", daemon.place.join(" "));
        let mut child = Ctl::default().command(&line).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{form}");
    }
}

#[test]
fn a_full_disk_is_said_and_not_a_panic() {
    let level = json!({"filter": "info"});
    let daemon = Daemon::tcp(vec![Answer::ok("GET /v1/daemon/log-level", &level)]);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = Ctl::default().command(&format!("log-level {}", daemon.place.join(" ")));
    let output = command.stdout(Stdio::from(full)).output().unwrap();
    let expected =
        "gatherctl: cannot write to standard output\n  cause: No space left on device (os error 28)\n";
    assert_eq!(
        (output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()),
        (Some(2), expected)
    );
}
