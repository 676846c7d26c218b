//! The daemon's own users: what is asked, and that no password is shown that need not be.

use crate::daemon::{Answer, Ctl, Daemon, Ran};
use serde_json::{Value, json};

const ONE: &str = "GET /v1/auth/users/ann ";
const PUT: &str = "PUT /v1/auth/users/ann ";

fn ann() -> Value {
    json!({"name": "ann", "role": "reader", "password_changed_at": null})
}

/// Runs it with this on standard input.
fn run(daemon: &Daemon, line: &str, input: &str) -> Ran {
    let ctl = Ctl { input, ..Ctl::default() };
    ctl.run(&[line, &daemon.place.join(" ")].join(" "))
}

#[test]
fn a_rotated_password_is_all_that_is_printed() {
    let rotated = json!({"user": ann(), "password": "s3cret"});
    let daemon = Daemon::tcp(vec![Answer::ok("POST /v1/auth/users/ann/rotate ", &rotated)]);
    let ran = daemon.run("user rotate ann");
    let note = "the new password of ann, which is kept nowhere:\n";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "s3cret\n", note));
}

#[test]
fn a_password_is_read_from_standard_input_and_not_shown() {
    let daemon =
        Daemon::tcp(vec![Answer::refusal(ONE, "404 Not Found", "not_found"), Answer::ok(PUT, &ann())]);
    let ran = run(&daemon, "user add ann --role reader", "correct horse\n");
    assert_eq!((ran.code, ran.out.as_str()), (0, "ann is a user now (reader)\n"), "{}", ran.err);
    let sent = daemon.asked().pop().unwrap();
    assert!(sent.ends_with(r#"{"role":"reader","password":"correct horse"}"#), "{sent}");
    assert!(!ran.err.contains("horse"), "{}", ran.err);
}

#[test]
fn who_adds_a_user_that_is_there_changes_nothing() {
    let daemon = Daemon::tcp(vec![Answer::ok(ONE, &ann())]);
    let ran = run(&daemon, "user add ann --role reader", "correct horse\n");
    assert_eq!(ran.code, 1);
    assert!(ran.err.starts_with("gatherctl: there is a user ann already"), "{}", ran.err);
    assert_eq!(daemon.asked().len(), 1);
}

#[test]
fn without_a_password_nothing_is_asked_for() {
    let daemon = Daemon::tcp(vec![]);
    let ran = run(&daemon, "user passwd ann", "");
    let expected = "gatherctl: no password was given, so nothing was done\n";
    assert_eq!((ran.code, ran.err.as_str()), (2, expected));
    assert_eq!(daemon.asked(), Vec::<String>::new());
}

#[test]
fn users_are_rows() {
    let page = json!({"items": [{"name": "admin", "role": "admin",
        "password_changed_at": "2026-11-30T21:24:06Z"}, ann()], "next": null});
    let daemon = Daemon::tcp(vec![Answer::ok("GET /v1/auth/users ", &page)]);
    let expected = "\
NAME   ROLE    PASSWORD SINCE
admin  admin   2026-11-30T21:24:06Z
ann    reader  -
";
    assert_eq!(daemon.run("user list").out, expected);
}
