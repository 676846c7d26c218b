//! Requests that are wrong: each is refused by its code, and the daemon serves on.

use gatherd_e2e::{Answer, Ask, Checked, Daemon, Document, Setup, Stage, raw};
use serde_json::json;

use crate::scene::steady;

const CONFIG: &str = "/v1/plugins/steady/config";

/// Requests with a body, but for the body: method, path and media type.
const BODIES: [(&str, &str, &str); 8] = [
    ("POST", "/v1/auth/tokens", "application/json"),
    ("PUT", "/v1/daemon/log-level", "application/json"),
    ("PUT", CONFIG, "application/json"),
    ("PATCH", CONFIG, "application/merge-patch+json"),
    ("PUT", "/v1/config", "application/json"),
    ("PATCH", "/v1/config", "application/merge-patch+json"),
    ("POST", "/v1/plugins", "application/json"),
    ("PATCH", "/v1/plugins/steady", "application/merge-patch+json"),
];

/// Sends a body to each operation that takes one, with the right media type.
async fn all_refuse(client: &Checked, body: &[u8], expected: (u16, &str)) {
    for (method, path, media_type) in BODIES {
        let answer = client.send(Ask::new(method, path).if_match("*").body(media_type, body)).await;
        let (status, code) = answer.refusal();
        assert_eq!((status, code.as_str()), expected, "{method} {path}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_or_too_deep_or_too_large_is_refused() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    for broken in ["", "{", "{,}", "'a'", "\u{feff}{}", "NaN"] {
        all_refuse(&client, broken.as_bytes(), (400, "malformed_json")).await;
    }
    // Where all fields are known by name, an unknown one may be seen before the end that is missing.
    for broken in [&b"{\"a\":}"[..], b"{} {}", b"{\"a\":1,}", b"{\"a\": \"\xff\"}"] {
        let answer = client.send(Ask::put(CONFIG).if_match("*").body("application/json", broken)).await;
        assert_eq!(answer.refusal(), (400, "malformed_json".to_owned()), "{broken:?}: {}", answer.text());
    }
    let deep = format!("{{\"a\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for (method, path, media_type) in BODIES {
        let answer = client.send(Ask::new(method, path).if_match("*").body(media_type, deep.as_str())).await;
        // Where the field itself is not known, that may be seen first.
        assert!([400, 422].contains(&answer.status), "{method} {path}: {}", answer.text());
    }
    let large = format!("{{\"a\": \"{}\"}}", "x".repeat(1 << 20));
    all_refuse(&client, large.as_bytes(), (413, "too_large")).await;
    assert_eq!(client.plugin_config("steady").await.0, json!({"mode": "well"}));
}

#[tokio::test]
async fn a_body_of_another_type_or_with_unknown_fields_is_refused_with_a_pointer() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    for wrong in ["[]", "5", "\"text\"", "null", "true"] {
        all_refuse(&client, wrong.as_bytes(), (422, "invalid")).await;
    }
    let pointers = async |ask: Ask| -> Vec<String> {
        let answer = client.send(ask.if_match("*")).await;
        assert_eq!(answer.refusal(), (422, "invalid".to_owned()), "{}", answer.text());
        answer.errors().into_iter().map(|(pointer, _)| pointer).collect()
    };
    let level = |body| Ask::put("/v1/daemon/log-level").json(&body);
    assert_eq!(pointers(level(json!({"filter": 5}))).await, ["/filter"]);
    assert_eq!(pointers(level(json!({"filter": "gatherd=loud"}))).await, ["/filter"]);
    assert_eq!(pointers(level(json!({"filter": "x".repeat(2000)}))).await, ["/filter"]);
    assert_eq!(pointers(level(json!({"filter": "info", "more": 1}))).await, ["/more"]);
    let token = |body| Ask::post("/v1/auth/tokens").json(&body);
    assert_eq!(pointers(token(json!({"auth": {"identity": 5}}))).await, ["/auth/identity"]);
}

#[tokio::test]
async fn a_body_of_the_wrong_media_type_is_refused() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    for (method, path, right) in BODIES {
        for wrong in
            ["text/plain", "application/xml", "application/json-patch+json", "multipart/form-data", ""]
        {
            let ask = Ask::new(method, path).if_match("*").body(wrong, "{}");
            assert_eq!(
                client.send(ask).await.refusal(),
                (415, "unsupported_media_type".to_owned()),
                "{path} {wrong}"
            );
        }
        let squeezed =
            Ask::new(method, path).if_match("*").body(right, "{}").header("content-encoding", "gzip");
        assert_eq!(client.send(squeezed).await.refusal().0, 415, "{path}");
    }
}

#[tokio::test]
async fn every_path_answers_head_like_get_and_refuses_other_methods() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    let operations = Document::committed().operations();
    for operation in &operations {
        let path = operation
            .path
            .replace("{id}", "steady")
            .replace("{identifier}", "a/b/c")
            .replace("{revision}", "1");
        if operation.method == "GET" {
            let (get, head) = (client.get(&path).await, client.send(Ask::new("HEAD", &path)).await);
            assert_eq!((head.status, head.body.len()), (get.status, 0), "HEAD {path}");
        }
        for method in ["DELETE", "TRACE", "OPTIONS", "BREW"] {
            if operations.iter().any(|it| it.path == operation.path && it.method == method) {
                continue;
            }
            let answer = client.send(Ask::new(method, &path)).await;
            assert_eq!(answer.refusal(), (405, "method_not_allowed".to_owned()), "{method} {path}");
            let allow = answer.header("allow").unwrap();
            assert!(allow.contains(operation.method.as_str()), "{method} {path}: {allow}");
        }
    }
}

#[tokio::test]
async fn paths_that_lead_nowhere_are_not_found() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    let long = format!("/v1/plugins/{}", "a".repeat(10_000));
    for path in [
        "/v2",
        "/v1/nothing",
        "/v1/plugins/",
        "/v1/plugins/steady/",
        "/v1/plugins/steady/nothing",
        "/V1/plugins",
        "/v1/plugins/%00",
        "/v1/plugins/a%00b",
        "/v1/plugins/..%2f..%2fetc%2fpasswd",
        "/v1/plugins/st%C3%A9ady",
        "/v1/plugins/%FF%FE",
        "//v1/plugins",
        &long,
    ] {
        let (status, code) = client.get(path).await.refusal();
        assert!(
            [(404, "not_found"), (400, "bad_request")].contains(&(status, &code)),
            "{path:.60}: {status} {code}"
        );
    }
}

/// Sends a request line and what follows it.
async fn line(daemon: &Daemon, request: &[u8]) -> Option<Answer> {
    raw(&daemon.address(), request).await
}

#[tokio::test]
async fn bytes_that_are_no_request_are_refused_and_harm_nothing() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(200_000));
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Header: value\r\n".repeat(5_000));
    let requests: [(&[u8], &[u16]); 11] = [
        (b"nonsense\r\n\r\n", &[400]),
        (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", &[400, 505]),
        (b"GET /v1/\0plugins HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
        (b"GET /v1/pl ugins HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", &[400]),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            &[400, 405],
        ),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde", &[400]),
        (
            b"PUT /v1/daemon/log-level HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            &[400, 401],
        ),
        (b"GET /v1/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", &[404]),
        (long.as_bytes(), &[400, 404, 414, 431]),
        (many.as_bytes(), &[400, 431]),
    ];
    for (request, statuses) in requests {
        let shown = String::from_utf8_lossy(&request[..request.len().min(60)]).into_owned();
        // No answer is one as well: the connection is closed.
        if let Some(answer) = line(&daemon, request).await {
            assert!(statuses.contains(&answer.status), "{shown:?}: {}\n{}", answer.status, answer.text());
        }
    }
    let answer = line(&daemon, b"GET /v1/%2e%2e/secret HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("a path like any other");
    Document::committed().judge("GET", "/v1/%2e%2e/secret", &answer);
    assert_eq!(daemon.tcp().get("/healthz").await.status, 200);
    assert!(!daemon.log().contains("panic"), "{}", daemon.log());
}
