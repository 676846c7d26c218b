//! `top` and `values -w`, against daemons with prepared answers.

use crate::daemon::{Answer, Ctl, Daemon};
use crate::terminal::Terminal;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};

fn plugin(id: &str, state: &str) -> Value {
    json!({"id": id, "type": id, "enabled": true, "state": state, "since": "2026-01-31T12:00:00Z",
        "kind": "native", "version": null, "digest": null, "library": null, "interval": 10.0, "reads": 5,
        "values": 50, "failures": 0, "failures_in_row": 0, "overruns": 0, "last_error": null,
        "read_time_p50": null, "read_time_p99": null, "next_read": null, "drops": {},
        "abandoned_threads": 0, "suppressed_lines": 0, "limits": {}, "last_end": null,
        "process": null, "sources": {"enabled": "default", "config": {}}, "revision": 1})
}

fn value(identifier: &str, number: u64) -> Value {
    json!({"identifier": identifier, "host": "web1", "plugin": "cpu", "plugin_instance": "",
        "type": "count", "type_instance": "", "time": "2026-01-31T12:00:00Z", "interval": 10.0,
        "state": "unknown", "values": {"value": number}, "rates": {"value": 1.5}, "age": 1.0,
        "clock_stepped": false})
}

fn page(items: &[Value]) -> Value {
    json!({"items": items, "next": null})
}

fn answers() -> Vec<Answer> {
    let heartbeat = json!({"time": "2026-01-31T12:00:00Z", "uptime": 60.0, "boot_uptime": null,
        "version": "0.1.0", "revision": 1, "hostname": "web1", "state": "running",
        "plugins": {"total": 2, "stopped": 0, "starting": 0, "running": 2, "backoff": 0, "stopping": 0,
            "failed": 0, "unavailable": 0}, "series": 1, "audit_lost": 0,
        "values_total": 50, "streams": {"open": 0, "limit": 256, "refused": 0, "lost": 0}});
    vec![
        Answer::ok("GET /v1/heartbeat ", &heartbeat),
        Answer::ok("GET /v1/plugins ", &page(&[plugin("cpu", "running"), plugin("df", "running")])),
        Answer::ok("GET /v1/metrics ", &page(&[])),
        Answer::ok("GET /v1/values?plugin=cpu ", &page(&[value("web1/cpu/count", 41)])),
        Answer::ok("GET /v1/values?plugin=df ", &page(&[value("web1/df/count", 42)])),
        Answer::ok("GET /v1/values ", &page(&[value("web1/cpu/count", 41), value("web1/df/count", 42)])),
        Answer::ok("POST /v1/plugins/df/disable ", &plugin("df", "stopped")),
    ]
}

fn on_terminal(daemon: &Daemon, line: &str) -> Terminal {
    Terminal::run(&Ctl::default(), &format!("{line} {}", daemon.place.join(" ")))
}

#[test]
fn top_shows_steers_and_leaves_the_terminal_as_it_was() {
    let daemon = Daemon::tcp(answers());
    let mut terminal = on_terminal(&daemon, "top -n 0.1");
    terminal.shows("gatherd 0.1.0 on web1  running");
    terminal.shows("cpu/count");
    terminal.press("j");
    terminal.shows("Series of df  1 by name");
    terminal.shows("df/count");
    terminal.press("d");
    terminal.shows("disable df? y/n");
    assert!(!daemon.asked().iter().any(|request| request.starts_with("POST")));
    terminal.press("y");
    terminal.shows("df is stopped");
    assert!(daemon.asked().iter().any(|request| request.starts_with("POST /v1/plugins/df/disable ")));
    terminal.press("?");
    terminal.shows("go a page up or down");
    terminal.press("xq");
    let (status, text, is_restored) = terminal.ended();
    assert_eq!((status.code(), is_restored), (Some(0), true));
    assert!(text.contains("\u{1b}[?1049l") && text.contains("\u{1b}[?25h"), "screen and cursor are back");
}

#[test]
fn control_and_c_leaves_top_as_q_does() {
    let daemon = Daemon::tcp(answers());
    let mut terminal = on_terminal(&daemon, "top");
    terminal.shows("Series of cpu");
    terminal.press("\u{3}");
    let (status, text, is_restored) = terminal.ended();
    assert_eq!((status.code(), is_restored), (Some(0), true));
    assert!(text.contains("\u{1b}[?1049l"), "the screen is back");
}

#[test]
fn top_goes_on_when_the_daemon_goes_away_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, aside) = (folder.path().join("s"), folder.path().join("aside"));
    let daemon = Daemon::unix(&socket, answers());
    let mut terminal = on_terminal(&daemon, "top -n 0.1");
    terminal.shows("Series of cpu  1 by name");
    std::fs::rename(&socket, &aside).unwrap();
    terminal.shows("no answer: No such file or directory (os error 2); trying again, last answer ");
    terminal.press("j");
    terminal.shows("Series of df  asking");
    std::fs::rename(&aside, &socket).unwrap();
    terminal.shows("gatherd 0.1.0 on web1  running");
    terminal.shows("df/count");
    terminal.press("q");
    assert_eq!(terminal.ended().0.code(), Some(0));
}

#[test]
fn top_without_a_terminal_names_what_to_use_instead() {
    let daemon = Daemon::tcp(answers());
    let expected = "gatherctl: top needs a terminal for input and output: \
        use `gatherctl plugins` or `gatherctl values -w`\n";
    let ran = daemon.run("top");
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (2, "", expected));
    let variables = vec![("TERM", "dumb")];
    let line = format!("top {}", daemon.place.join(" "));
    let (status, text, _) = Terminal::run(&Ctl { variables, ..Ctl::default() }, &line).ended();
    assert_eq!((status.code(), text.replace('\r', "").as_str()), (Some(2), expected));
}

#[test]
fn top_without_a_daemon_says_so_as_every_command_does() {
    let (status, text, is_restored) = Terminal::run(&Ctl::default(), "top --socket /nonexistent/s").ended();
    assert_eq!((status.code(), is_restored), (Some(3), true));
    assert!(text.starts_with("gatherctl: no connection to the daemon at unix socket"), "{text}");
    assert!(!text.contains('\u{1b}'), "nothing was drawn: {text:?}");
}

#[test]
fn colours_are_on_a_terminal_and_can_be_forbidden() {
    let daemon = Daemon::tcp(answers());
    let green = "\u{1b}[38;5;2mrunning";
    let on = |variables: Vec<(&str, &str)>, line: &str| {
        let ctl = Ctl { variables, ..Ctl::default() };
        Terminal::run(&ctl, &format!("{line} {}", daemon.place.join(" "))).ended().1
    };
    assert!(on(vec![], "plugins").contains(green));
    assert!(!on(vec![("NO_COLOR", "1")], "plugins").contains('\u{1b}'));
    assert!(!on(vec![("TERM", "dumb")], "plugins").contains('\u{1b}'));
    assert!(!on(vec![], "plugins --color never").contains('\u{1b}'));
    assert!(!daemon.run("plugins").out.contains('\u{1b}'), "in a pipe");
    let forced = Ctl { variables: vec![("NO_COLOR", "1")], ..Ctl::default() };
    let ran = forced.run(&format!("plugins --color always {}", daemon.place.join(" ")));
    assert!(ran.out.contains(green), "{}", ran.out);
}

#[test]
fn watched_values_are_drawn_over_each_other_on_a_terminal() {
    let daemon = Daemon::tcp(answers());
    let mut terminal = on_terminal(&daemon, "values -w -n 0.1");
    terminal.shows("web1/df/count");
    terminal.shows("2 series, every 100ms");
}

/// Lines of a child until it said so many; then its reader goes away.
fn first_lines(daemon: &Daemon, line: &str, count: usize) -> (Vec<String>, i32, String) {
    let mut child = Ctl::default().command(&format!("{line} {}", daemon.place.join(" "))).spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let lines = out.lines().take(count).map(Result::unwrap).collect();
    let code = child.wait().unwrap().code().unwrap();
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    (lines, code, err)
}

/// Answers to `GET /v1/values` that are different each time.
fn changing() -> Vec<Answer> {
    let mut values =
        Answer::ok("GET /v1/values ", &page(&[value("web1/cpu/count", 41), value("web1/df/x", 1)]));
    values.counted = Some("41");
    vec![values]
}

#[test]
fn watched_values_in_a_pipe_are_the_changed_ones_until_the_reader_goes_away() {
    let daemon = Daemon::tcp(changing());
    let (lines, code, err) = first_lines(&daemon, "values -w -n 0.1", 4);
    assert_eq!(
        lines,
        [
            "2026-01-31T12:00:00Z  web1/cpu/count  value=41  value=1.5/s",
            "2026-01-31T12:00:00Z  web1/df/x       value=1   value=1.5/s",
            "2026-01-31T12:00:00Z  web1/cpu/count  value=42  value=1.5/s",
            "2026-01-31T12:00:00Z  web1/cpu/count  value=43  value=1.5/s",
        ]
    );
    assert_eq!((code, err.as_str()), (0, ""));
}

#[test]
fn watched_values_as_json_are_one_object_per_line() {
    for form in ["json", "ndjson"] {
        let daemon = Daemon::tcp(changing());
        let (lines, code, err) = first_lines(&daemon, &format!("values -w -n 0.1 -o {form}"), 3);
        let numbers: Vec<Value> = lines
            .iter()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["values"]["value"].clone())
            .collect();
        assert_eq!(numbers, [json!(41), json!(1), json!(42)]);
        assert_eq!((code, err.as_str()), (0, ""));
    }
}

#[test]
fn a_series_that_never_was_is_not_waited_for() {
    let daemon = Daemon::tcp(vec![Answer::refusal("GET /v1/values/h/x/y ", "404 Not Found", "not_found")]);
    let ran = daemon.run("values -w h/x/y");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("404 not_found"), "{}", ran.err);
}

#[test]
fn completions_go_away_with_their_reader() {
    let mut child = Ctl::default().command("completions bash").spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn bash_completes_commands_and_ids() {
    let daemon = Daemon::tcp(answers());
    let program = env!("CARGO_BIN_EXE_gatherctl");
    let folder = std::path::Path::new(program).parent().unwrap().display();
    let script = format!(
        "PATH={folder}:$PATH; source <(gatherctl completions bash)
        tried() {{ COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
            _gatherctl_with_ids gatherctl \"${{@: -1}}\" \"${{@: -2:1}}\"; echo \"${{COMPREPLY[*]}}\"; }}
        tried gatherctl comp; tried gatherctl plugin rest; tried gatherctl plugin restart ''
        tried gatherctl plugin restart d; tried gatherctl values --int"
    );
    let mut bash = std::process::Command::new("bash");
    bash.args(["--norc", "-c", &script]).env("GATHERCTL_URL", &daemon.place[1]);
    let output = bash.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text,
        "completions\nrestart\ncpu df\ndf\n--interval\n",
        "{:?}",
        String::from_utf8(output.stderr)
    );
}
