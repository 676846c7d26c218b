//! The client against a daemon that says one thing.

use crate::{
    Asked, Changed, Client, ClientError, Format, PluginFilter, PluginLogFilter, SentValues, ValueFilter,
};
use gatherd_api_types::{
    AcknowledgeRequest, LogLevel, PluginConfig, PluginLogLevel, PluginState, ProblemCode, SyncMethod,
    TimeSync,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const PROBLEM: &str = r#"{"type":"urn:gatherd:problem:invalid","title":"Unprocessable Content",
    "status":422,"detail":"The body is wrong.","instance":"/v1/daemon/log-level","code":"invalid",
    "request_id":"req-1","errors":[{"pointer":"/filter","detail":"is not a filter"}]}"#;

/// A daemon that answers one request, and what it was asked.
async fn daemon(status: &str, headers: &str, body: &str) -> (Client, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !is_whole(&request) {
            stream.read_buf(&mut request).await.unwrap();
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    });
    (Client::http(&format!("http://{address}/")).unwrap(), asked)
}

/// Whether head and announced body are there.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let announced = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    body.len() >= announced.map_or(0, |length| length.parse().unwrap())
}

#[tokio::test]
async fn filters_and_the_token_travel_with_a_list() {
    let (client, asked) = daemon("200 OK", "", r#"{"items":[],"next":"/v1/plugins?marker=aa"}"#).await;
    let client = client.with_token("secret").unwrap();
    let filter = PluginFilter {
        id: Some("cpu-*".to_owned()),
        state: Some(PluginState::Backoff),
        limit: Some(5),
        ..PluginFilter::default()
    };
    let page = client.plugins(&filter).await.unwrap();
    assert_eq!(page.next.as_deref(), Some("/v1/plugins?marker=aa"));
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("GET /v1/plugins?id=cpu-*&state=backoff&limit=5 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("x-auth-token: secret\r\n"), "{asked}");
    assert!(!format!("{client:?}").contains("secret"), "{client:?}");
}

#[tokio::test]
async fn the_next_page_is_asked_for_where_the_last_one_says() {
    let (client, asked) = daemon("200 OK", "", r#"{"items":[1],"next":null}"#).await;
    let first = crate::types::Page { items: vec![0], next: Some("/v1/x?marker=aa".to_owned()) };
    let second = client.next_page(&first).await.unwrap().unwrap();
    assert_eq!(second.items, [1]);
    assert!(asked.await.unwrap().starts_with("GET /v1/x?marker=aa HTTP/1.1\r\n"));
    assert_eq!(client.next_page(&second).await.unwrap(), None);
}

#[tokio::test]
async fn names_are_escaped_in_paths() {
    let (client, asked) = daemon("404 Not Found", "", "").await;
    client.plugin("a/b ?é").await.unwrap_err();
    assert!(asked.await.unwrap().starts_with("GET /v1/plugins/a%2Fb%20%3F%C3%A9 HTTP/1.1\r\n"));
    let (client, asked) = daemon("404 Not Found", "", "").await;
    client.value("h/df-a b/x").await.unwrap_err();
    assert!(asked.await.unwrap().starts_with("GET /v1/values/h/df-a%20b/x HTTP/1.1\r\n"));
}

#[tokio::test]
async fn a_change_of_configuration_shows_its_tag_and_returns_the_new_one() {
    let (client, asked) = daemon("200 OK", "ETag: \"8\"\r\n", r#"{"x":1}"#).await;
    let changed = client.patch_plugin_config("cpu", "\"7\"", &PluginConfig::default()).await.unwrap();
    assert_eq!(changed.etag, "\"8\"");
    assert_eq!(changed.config.0["x"], 1);
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("PATCH /v1/plugins/cpu/config HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("if-match: \"7\"\r\n"), "{asked}");
    assert!(asked.contains("content-type: application/merge-patch+json\r\n"), "{asked}");
    assert!(!asked.contains("content-type: application/json"), "{asked}");
}

#[tokio::test]
async fn a_login_returns_the_token_of_the_header_and_hides_it() {
    let body = r#"{"token":{"methods":["password"],"user":{"id":"admin","name":"admin","domain":{}},
        "roles":[],"issued_at":null,"expires_at":null,"audit_ids":[]}}"#;
    let (client, asked) = daemon("201 Created", "X-Subject-Token: secret\r\n", body).await;
    let session = client.login("admin", "horse").await.unwrap();
    assert_eq!(session.token, "secret");
    assert_eq!(session.facts.user.name, "admin");
    assert!(!format!("{session:?}").contains("secret"), "{session:?}");
    assert!(asked.await.unwrap().contains(r#""password":"horse""#));
}

#[tokio::test]
async fn a_problem_is_told_in_the_daemon_s_words() {
    let (client, _asked) = daemon("422 Unprocessable Content", "", PROBLEM).await;
    let error = client.set_log_level(&LogLevel { filter: "x".to_owned() }).await.unwrap_err();
    assert_eq!(error.problem().unwrap().code, ProblemCode::Invalid);
    assert_eq!(error.to_string(), "The body is wrong.; /filter: is not a filter (422 invalid, req-1)");
}

#[tokio::test]
async fn another_server_or_another_answer_is_named_as_such() {
    let (client, _asked) = daemon("502 Bad Gateway", "", "<html>").await;
    assert!(matches!(client.cache().await.unwrap_err(), ClientError::Foreign { status: 502, .. }));
    let (client, _asked) = daemon("200 OK", "", r#"{"series":"many"}"#).await;
    let error = client.cache().await.unwrap_err();
    assert!(matches!(&error, ClientError::Answer { path, .. } if path == "/v1/cache"), "{error}");
}

#[tokio::test]
async fn the_exposition_is_text_in_the_format_that_was_asked_for() {
    let (client, asked) = daemon("200 OK", "", "a 1\n# EOF\n").await;
    assert_eq!(client.exposition(Format::OpenMetrics).await.unwrap(), "a 1\n# EOF\n");
    assert!(asked.await.unwrap().contains("accept: application/openmetrics-text; version=1.0.0\r\n"));
}

#[tokio::test]
async fn a_daemon_that_is_not_there_is_named_with_its_place() {
    let client = Client::unix("/nonexistent/gatherd.sock").unwrap();
    let error = client.values(&ValueFilter::default()).await.unwrap_err();
    let place = "unix socket /nonexistent/gatherd.sock";
    assert!(matches!(&error, ClientError::Connection { place: it, .. } if it == place), "{error}");
}

#[test]
fn only_addresses_of_http_are_taken() {
    for address in ["h:8720", "", "http://", "unix:/x", "ftp://h"] {
        assert!(matches!(Client::http(address), Err(ClientError::Address { .. })), "{address}");
    }
    assert_eq!(Client::http("http://[::1]:8720/").unwrap().place(), "http://[::1]:8720");
}

#[test]
fn what_cannot_travel_in_a_header_is_refused() {
    let client = Client::http("http://h").unwrap();
    assert!(matches!(client.with_token("a\nb"), Err(ClientError::Header { what: "token" })));
}

#[tokio::test]
async fn a_measurement_is_asked_for_and_read() {
    let (client, asked) =
        daemon("200 OK", "", r#"{"method":"measure","moved":0.0,"measurement":null}"#).await;
    let sync = TimeSync { method: SyncMethod::Measure, max_step: None, server: None, force: false };
    let synced = client.sync_time(&sync).await.unwrap();
    assert_eq!((synced.method, synced.moved, synced.measurement), (SyncMethod::Measure, 0.0, None));
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("POST /v1/time/sync HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains(r#""method":"measure""#), "{asked}");
}

#[tokio::test]
async fn value_lists_travel_as_they_are_written() {
    let (client, asked) = daemon("200 OK", "", r#"{"taken":1,"refused":[]}"#).await;
    let taken = client.put_values(SentValues::Putval, "PUTVAL h/p/t N:1\n".to_owned()).await.unwrap();
    assert_eq!((taken.taken, taken.refused.len()), (1, 0));
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("POST /v1/values HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("content-type: text/plain\r\n"), "{asked}");
    assert!(asked.ends_with("\r\n\r\nPUTVAL h/p/t N:1\n"), "{asked}");
}

#[tokio::test]
async fn csv_is_asked_for_and_read_line_by_line() {
    let (client, asked) = daemon("200 OK", "", "identifier,x\r\nh/p/t,\"a\"\r\n").await;
    let filter =
        ValueFilter { plugin_id: Some("cpu".to_owned()), fresh: Some(true), ..ValueFilter::default() };
    let mut lines = client.values_csv(&filter).await.unwrap();
    assert_eq!(lines.next().await.unwrap().as_deref(), Some("identifier,x"));
    assert_eq!(lines.next().await.unwrap().as_deref(), Some("h/p/t,\"a\""));
    assert_eq!(lines.next().await.unwrap(), None);
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("GET /v1/values?plugin_id=cpu&fresh=true HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("accept: text/csv\r\n"), "{asked}");
}

#[tokio::test]
async fn a_history_is_asked_for_by_its_length() {
    let (client, asked) = daemon("404 Not Found", "", "").await;
    client.value_with_history("h/p/t", 5).await.unwrap_err();
    assert!(asked.await.unwrap().starts_with("GET /v1/values/h/p/t?history=5 HTTP/1.1\r\n"));
}

#[tokio::test]
async fn a_stream_is_asked_for_behind_what_was_seen() {
    let body = "retry: 2000\n\nid: a-7\nevent: line\ndata: {}\n\n";
    let (client, asked) = daemon("200 OK", "", body).await;
    let filter = PluginLogFilter { level: Some(PluginLogLevel::Warn), ..PluginLogFilter::default() };
    let mut stream = client.follow_plugin_log("cpu", &filter, Some("a-6")).await.unwrap();
    let event = stream.next().await.unwrap().unwrap();
    assert_eq!((event.id.as_str(), event.name.as_str(), event.data.as_str()), ("a-7", "line", "{}"));
    assert_eq!(stream.next().await.unwrap(), None);
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("GET /v1/plugins/cpu/log/stream?level=warn HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("last-event-id: a-6\r\n"), "{asked}");
}

#[tokio::test]
async fn note_is_taken_by_number_and_with_a_comment() {
    let (client, asked) = daemon("422 Unprocessable Content", "", PROBLEM).await;
    let request = AcknowledgeRequest { comment: "seen".to_owned() };
    client.acknowledge(17, &request).await.unwrap_err();
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("POST /v1/notifications/17/acknowledge HTTP/1.1\r\n"), "{asked}");
    assert!(asked.ends_with(r#"{"comment":"seen"}"#), "{asked}");
}

/// The media type of an operation.
const OPERATION: &str = "Content-Type: application/vnd.gatherd.operation+json\r\n";

fn operation(state: &str, result: &str) -> String {
    format!(
        r#"{{"id":"u-1","request":"POST /v1/plugins/cpu/restart","request_id":"req-1","user":"admin","state":"{state}",
        "cancellable":false,"began":"2026-01-31T12:00:00Z","ended":null,"seconds":2.0,"result":{result}}}"#
    )
}

/// A daemon that answers one request after the other, and what it was asked.
async fn daemon_of(answers: Vec<(&'static str, &'static str, String)>) -> (Client, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = tokio::spawn(async move {
        let mut all = Vec::new();
        for (status, headers, body) in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !is_whole(&request) {
                stream.read_buf(&mut request).await.unwrap();
            }
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            all.push(String::from_utf8(request).unwrap());
        }
        all
    });
    (Client::http(&format!("http://{address}/")).unwrap(), asked)
}

#[tokio::test]
async fn what_takes_longer_is_followed_to_its_end() {
    let result =
        r#"{"status":200,"headers":{"etag":"\"8\"","content-type":"application/json"},"body":{"x":1}}"#;
    let (client, asked) = daemon_of(vec![
        ("202 Accepted", OPERATION, operation("running", "null")),
        ("200 OK", "", operation("running", "null")),
        ("200 OK", "", operation("done", result)),
    ])
    .await;
    let changed = client.patch_plugin_config("cpu", "*", &PluginConfig::default()).await.unwrap();
    assert_eq!((changed.etag.as_str(), &changed.config.0["x"]), ("\"8\"", &1.into()));
    let asked = asked.await.unwrap();
    assert!(asked[0].contains("prefer: wait=30\r\n"), "{}", asked[0]);
    for look in &asked[1..] {
        assert!(look.starts_with("GET /v1/operations/u-1 HTTP/1.1\r\n"), "{look}");
    }
}

#[tokio::test]
async fn what_is_gone_in_the_end_answers_nothing() {
    let result = r#"{"status":204,"headers":{},"body":null}"#;
    let (client, _asked) = daemon_of(vec![("202 Accepted", OPERATION, operation("done", result))]).await;
    let gone = client.delete_plugin("cpu", &Asked::default()).await.unwrap();
    assert_eq!(gone, Changed::Done { value: (), etag: String::new() });
}

#[tokio::test]
async fn a_refusal_in_the_end_is_one_and_what_was_cancelled_says_so() {
    let result = format!(r#"{{"status":422,"headers":{{}},"body":{PROBLEM}}}"#);
    let (client, _asked) = daemon_of(vec![("202 Accepted", OPERATION, operation("failed", &result))]).await;
    let error = client.restart_plugin("cpu").await.unwrap_err();
    assert_eq!(error.problem().unwrap().code, ProblemCode::Invalid);
    let (client, _asked) = daemon_of(vec![("202 Accepted", OPERATION, operation("cancelled", "null"))]).await;
    let error = client.restart_plugin("cpu").await.unwrap_err();
    assert!(
        matches!(&error, ClientError::Cancelled { path, .. } if path == "/v1/plugins/cpu/restart"),
        "{error}"
    );
}

#[tokio::test]
async fn another_answer_of_202_is_no_operation() {
    let report = r#"{"complete":false,"targets":[]}"#.to_owned();
    let (client, _asked) =
        daemon_of(vec![("202 Accepted", "Content-Type: application/json\r\n", report)]).await;
    assert!(!client.flush_output("csv").await.unwrap().complete);
}
