//! What a policy file may say, and what is said of one that is wrong.

use super::*;
use proptest::prelude::*;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

fn line(method: &str, path: &str) -> &'static Line {
    TABLE.iter().find(|line| line.method.as_str() == method && line.document_path() == path).unwrap()
}

fn faults(text: &str) -> Vec<(usize, String)> {
    let faults = RoutePolicy::parse(text).unwrap_err();
    faults.into_iter().map(|RouteFault { line, detail }| (line, detail)).collect()
}

/// The one fault of a text.
fn fault(text: &str) -> (usize, String) {
    let faults = faults(text);
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults[0].clone()
}

#[test]
fn a_line_is_about_its_route_alone() {
    let policy = RoutePolicy::parse("[routes]\n\"POST /v1/plugins/{id}/restart\" = \"admin\"\n").unwrap();
    assert_eq!(policy.said_of(line("POST", "/v1/plugins/{id}/restart")), Some(Needs::Role(Role::Admin)));
    let others = TABLE.iter().filter(|line| policy.said_of(line).is_none()).count();
    assert_eq!(others, TABLE.len() - 1);
}

#[test]
fn a_star_is_every_method_that_needs_a_role_and_a_line_with_a_method_counts_before_it() {
    let text = "routes = { \"GET /v1/chains/{id}\" = \"reader\", \"* /v1/chains/{id}\" = \"nobody\", \
                \"* /v1/auth/tokens\" = \"member\" }";
    let policy = RoutePolicy::parse(text).unwrap();
    assert_eq!(policy.said_of(line("GET", "/v1/chains/{id}")), Some(Needs::Role(Role::Reader)));
    for method in ["PUT", "PATCH", "DELETE"] {
        assert_eq!(policy.said_of(line(method, "/v1/chains/{id}")), Some(Needs::Nobody), "{method}");
    }
    assert_eq!(policy.said_of(line("GET", "/v1/chains")), None);
    assert_eq!(policy.said_of(line("POST", "/v1/auth/tokens")), None, "a login needs nothing");
    assert_eq!(policy.said_of(line("DELETE", "/v1/auth/tokens")), Some(Needs::Role(Role::Member)));
}

#[test]
fn an_empty_file_says_nothing() {
    for text in ["", "# nothing yet\n", "[routes]\n"] {
        assert_eq!(RoutePolicy::parse(text).unwrap(), RoutePolicy::default(), "{text:?}");
    }
}

#[test]
fn every_route_that_needs_a_role_can_be_named() {
    for line in TABLE.iter().filter(|line| line.access != Access::Open) {
        let policy = RoutePolicy::parse(&format!("[routes]\n\"{}\" = \"nobody\"\n", line.name())).unwrap();
        assert_eq!(policy.said_of(line), Some(Needs::Nobody), "{}", line.name());
    }
}

#[test]
fn no_route_that_answers_everybody_can_be_named() {
    for line in TABLE.iter().filter(|line| line.access == Access::Open) {
        let (_, detail) = fault(&format!("[routes]\n\"{}\" = \"admin\"\n", line.name()));
        assert_eq!(
            detail,
            format!("`{}` answers everybody, which no policy changes: take the line out", line.name())
        );
    }
    assert!(fault("[routes]\n\"* /healthz\" = \"admin\"").1.contains("answers everybody"));
}

#[test]
fn an_unknown_route_is_told_with_its_line_and_the_nearest_one() {
    let text = "# Who may what.\n[routes]\n\"POST /v1/plugins/{id}/restart\" = \"admin\"\n\n\
                \"POST /v1/plugin/{id}/restart\" = \"admin\"\n";
    let expected = "there is no route `POST /v1/plugin/{id}/restart`; the nearest is `POST /v1/plugins/{id}/restart`, \
                    and /openapi.json lists all";
    assert_eq!(fault(text), (5, expected.to_owned()));
    for (written, nearest) in [
        ("GET /v1/plugins/{name}", "GET /v1/plugins/{id}"),
        ("get /v1/plugins", "GET /v1/plugins"),
        ("/v1/plugins", "GET /v1/plugins"),
        ("GET  /v1/plugins", "GET /v1/plugins"),
        ("GET /v1/plugins/", "GET /v1/plugins"),
        ("HEAD /v1/plugins", "GET /v1/plugins"),
        ("GET /v1/values/{identifier:.+}", "GET /v1/values/{identifier}"),
    ] {
        let (_, detail) = fault(&format!("[routes]\n\"{written}\" = \"admin\""));
        assert!(detail.contains(&format!("the nearest is `{nearest}`,")), "{written}: {detail}");
    }
}

#[test]
fn words_that_are_no_roles_are_told() {
    for (value, word) in [
        ("\"owner\"", "`owner` is no role: `reader`, `member`, `admin` or `nobody` is wanted"),
        ("\"Admin\"", "`Admin` is no role: `reader`, `member`, `admin` or `nobody` is wanted"),
        ("\"\"", "`` is no role: `reader`, `member`, `admin` or `nobody` is wanted"),
        ("1", "a role is a text, `reader`, `member`, `admin` or `nobody`; this is integer"),
        ("[\"admin\"]", "a role is a text, `reader`, `member`, `admin` or `nobody`; this is array"),
    ] {
        assert_eq!(fault(&format!("[routes]\n\"GET /v1/audit\" = {value}")), (2, word.to_owned()));
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let text =
        "colour = 1\n[routes]\n\"GET /v1/audits\" = \"admin\"\n\"GET /v1/audit\" = \"owner\"\n[more]\n";
    let lines: Vec<usize> = faults(text).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [1, 3, 4, 5]);
    assert_eq!(fault("routes = 1\n"), (1, "`routes` is a table of routes and roles".to_owned()));
    assert_eq!(fault("[routes]\n\"GET /v1/audit\" = \"admin\"\n\"GET /v1/audit\" = \"member\"\n").0, 3);
    assert_eq!(fault("[routes\n").0, 1);
}

#[test]
fn a_file_that_others_may_write_that_is_none_or_that_is_no_text_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.toml");
    let read = || RoutePolicy::read(&path);
    assert!(matches!(read(), Err(RoutePolicyError::File(FileError::Read { .. }))));
    std::fs::write(&path, "[routes]\n\"GET /v1/audit\" = \"member\"\n").unwrap();
    for mode in [0o664, 0o646, 0o666] {
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        assert!(
            matches!(read(), Err(RoutePolicyError::File(FileError::Mode { found, .. })) if found == mode)
        );
    }
    for mode in [0o644, 0o600, 0o440] {
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        assert!(!read().unwrap().is_empty());
    }
    std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    std::fs::write(&path, b"[routes]\n\"GET /v1/audit\" = \"\xff\"\n").unwrap();
    assert!(matches!(read(), Err(RoutePolicyError::Wrong(faults)) if faults[0].line == 2));
    std::fs::write(&path, "# long\n".repeat(200_000)).unwrap();
    assert!(matches!(read(), Err(RoutePolicyError::File(FileError::Kind { .. }))));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(read(), Err(RoutePolicyError::File(FileError::Kind { .. }))));
}

proptest! {
    #[test]
    fn whatever_is_written_is_taken_or_told_with_a_line_of_the_text(text in "[\\[\\]a-z\"=/ *{}#\\n]{0,200}") {
        if let Err(faults) = RoutePolicy::parse(&text) {
            prop_assert!(!faults.is_empty());
            let most = 1 + text.matches('\n').count();
            prop_assert!(faults.iter().all(|fault| (1..=most).contains(&fault.line)), "{:?}", faults);
        }
    }
}
