//! Tokens: got, kept, shown, made worthless.

use crate::daemon::{Answer, Ctl, Daemon, Ran};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const LOGIN: &str = "POST /v1/auth/tokens ";
const LOGOUT: &str = "DELETE /v1/auth/tokens ";

/// A token that ends at this time.
fn token(request: &'static str, end: &str) -> Answer {
    let body = json!({"token": {"methods": ["password"], "user": {"id": "a", "name": "ann", "domain": {}},
        "roles": [{"id": "member", "name": "member"}], "issued_at": "2026-01-31T12:00:00Z",
        "expires_at": end, "audit_ids": []}});
    Answer { status: "201 Created", headers: "X-Subject-Token: s3cret\r\n", ..Answer::ok(request, &body) }
}

fn level() -> Answer {
    Answer::ok("GET /v1/daemon/log-level", &json!({"filter": "info"}))
}

fn logged_out() -> Answer {
    Answer { request: LOGOUT, status: "204 No Content", headers: "", body: String::new(), counted: None }
}

/// Runs with a home of its own.
fn run(home: &Path, daemon: &Daemon, line: &str, input: &str) -> Ran {
    let variables = vec![("HOME", home.to_str().unwrap())];
    Ctl { variables, input }.run(&format!("{line} {}", daemon.place.join(" ")))
}

/// Whether the last request showed the token.
fn showed_token(daemon: &Daemon) -> bool {
    daemon.asked().last().unwrap().contains("x-auth-token: s3cret\r\n")
}

#[test]
fn a_token_is_kept_shown_and_made_worthless() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::tcp(vec![token(LOGIN, "9999-01-01T00:00:00Z"), level(), logged_out()]);
    let place = &daemon.place[1];

    let ran = run(home.path(), &daemon, "login --user ann", "horse\n");
    let expected = format!("logged in to {place} as ann (member) until 9999-01-01T00:00:00Z\n");
    assert_eq!((ran.code, ran.out, ran.err.as_str()), (0, expected, ""));
    let body = daemon.asked()[0].split_once("\r\n\r\n").unwrap().1.to_owned();
    let user = &serde_json::from_str::<Value>(&body).unwrap()["auth"]["identity"]["password"]["user"];
    assert_eq!((&user["name"], &user["password"]), (&json!("ann"), &json!("horse")));
    let file = home.path().join(".local/state/gatherd/ctl-token");
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);

    assert_eq!(run(home.path(), &daemon, "log-level", "").code, 0);
    assert!(showed_token(&daemon));

    let ran = run(home.path(), &daemon, "logout", "");
    assert_eq!((ran.code, ran.err), (0, format!("logged out of {place}\n")));
    assert!(daemon.asked().last().unwrap().contains("x-subject-token: s3cret\r\n"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "{}");

    let ran = run(home.path(), &daemon, "logout", "");
    assert_eq!((ran.code, ran.err), (0, format!("not logged in to {place}\n")));
}

#[test]
fn a_token_is_shown_to_its_own_daemon_alone() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::tcp(vec![token(LOGIN, "9999-01-01T00:00:00Z")]);
    let other = Daemon::tcp(vec![level()]);
    assert_eq!(run(home.path(), &daemon, "login", "horse\n").code, 0);
    assert_eq!(run(home.path(), &other, "log-level", "").code, 0);
    assert!(!showed_token(&other));
}

#[test]
fn a_token_that_ended_is_not_shown() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::tcp(vec![token(LOGIN, "2000-01-01T00:00:00Z"), level()]);
    assert_eq!(run(home.path(), &daemon, "login", "horse\n").code, 0);
    assert_eq!(run(home.path(), &daemon, "log-level", "").code, 0);
    assert!(!showed_token(&daemon));
}

#[test]
fn a_login_prints_no_secret_in_any_form() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::tcp(vec![token(LOGIN, "9999-01-01T00:00:00Z")]);
    for form in ["table", "json", "ndjson"] {
        let ran = run(home.path(), &daemon, &format!("login -o {form}"), "horse\n");
        assert_eq!(ran.code, 0);
        assert!(!ran.out.contains("s3cret") && !ran.err.contains("s3cret"), "{ran:?}");
    }
}

#[test]
fn name_and_password_may_come_from_the_daemon_s_file() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::tcp(vec![token(LOGIN, "9999-01-01T00:00:00Z")]);
    let file = home.path().join("admin.credential");
    fs::write(&file, r#"{"user":"admin","password":"staple"}"#).unwrap();
    let ran = run(home.path(), &daemon, &format!("login --credential {}", file.display()), "");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let asked = &daemon.asked()[0];
    assert!(asked.contains(r#""name":"admin""#) && asked.contains(r#""password":"staple""#), "{asked}");
}

#[test]
fn a_wrong_password_is_said_as_such_and_nothing_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::tcp(vec![Answer::refusal(LOGIN, "401 Unauthorized", "unauthorized")]);
    let ran = run(home.path(), &daemon, "login", "donkey\n");
    let expected =
        format!("gatherctl: the daemon at {} does not accept this name and password\n", daemon.place[1]);
    assert!(ran.err.starts_with(&expected), "{}", ran.err);
    assert_eq!(ran.code, 1);
    assert!(!home.path().join(".local").exists());
}

#[test]
fn an_empty_password_is_not_sent() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::tcp(vec![]);
    let ran = run(home.path(), &daemon, "login", "");
    let expected = "gatherctl: no password was given, so nothing was done\n";
    assert_eq!((ran.code, ran.err.as_str()), (2, expected));
    assert_eq!(daemon.asked(), Vec::<String>::new());
}

#[test]
fn a_logout_that_the_daemon_does_not_hear_forgets_the_token_and_says_so() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let daemon = Daemon::unix(&socket, vec![token(LOGIN, "9999-01-01T00:00:00Z")]);
    assert_eq!(run(home.path(), &daemon, "login", "horse\n").code, 0);
    fs::remove_file(&socket).unwrap();
    let ran = run(home.path(), &daemon, "logout", "");
    let expected =
        "the token is forgotten here, but stays good until 9999-01-01T00:00:00Z\ngatherctl: no connection";
    assert!(ran.err.starts_with(expected), "{}", ran.err);
    assert_eq!(ran.code, 3);
    let kept = fs::read_to_string(home.path().join(".local/state/gatherd/ctl-token")).unwrap();
    assert_eq!(kept, "{}");
}

#[test]
fn a_logout_of_a_token_that_is_already_worthless_is_done() {
    let home = tempfile::tempdir().unwrap();
    let answers = vec![
        token(LOGIN, "9999-01-01T00:00:00Z"),
        Answer::refusal(LOGOUT, "401 Unauthorized", "unauthorized"),
    ];
    let daemon = Daemon::tcp(answers);
    assert_eq!(run(home.path(), &daemon, "login", "horse\n").code, 0);
    let ran = run(home.path(), &daemon, "logout", "");
    assert_eq!((ran.code, ran.err), (0, format!("logged out of {}\n", daemon.place[1])));
}
