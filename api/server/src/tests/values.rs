//! Values that callers put in.

use super::{Answer, Site};
use actix_web::test::TestRequest;
use gatherd_api_types::Role;
use serde_json::{Value, json};

async fn put(site: &Site, media_type: &'static str, body: impl Into<Vec<u8>>) -> Answer {
    let request = TestRequest::post().uri("/v1/values").insert_header(("Content-Type", media_type));
    site.call_as(Role::Member, request.set_payload(body.into())).await
}

fn list(identifier: &str) -> Value {
    json!({"identifier": identifier, "values": [1]})
}

#[actix_web::test]
async fn what_was_taken_and_what_not_is_told_list_by_list() {
    let site = Site::new();
    let body = json!([list("h/p/gauge"), list("h/p/old"), list("h/p/gauge")]).to_string();
    let answer = put(&site, "application/json", body).await;
    assert_eq!(answer.status, 200);
    let refused =
        json!([{"index": 1, "identifier": "h/p/old", "reason": "too_old", "detail": "said by the daemon"}]);
    assert_eq!(answer.json(), json!({"taken": 2, "refused": refused}));
    assert_eq!(site.fake.last_caller.lock().unwrap().as_ref().unwrap().user, "member");
}

#[actix_web::test]
async fn where_nothing_was_taken_the_refusal_points_at_each_list() {
    let site = Site::new();
    let answer = put(&site, "application/json", json!([list("h/p/old"), list("h/p/full")]).to_string()).await;
    assert_eq!(answer.refusal(), (422, "invalid"));
    let pointers: Vec<String> = answer.problem().errors.into_iter().map(|error| error.pointer).collect();
    assert_eq!(pointers, ["/0/time", "/1"]);
    let alone = put(&site, "application/json", list("h/p/old").to_string()).await;
    assert_eq!(alone.problem().errors[0].pointer, "/time");
    assert_eq!(alone.problem().errors[0].detail, "too_old: said by the daemon");
}

#[actix_web::test]
async fn every_format_is_read_and_no_other() {
    let site = Site::new();
    let lines = format!("{}\n{}\n", list("h/p/gauge"), list("h/p/gauge"));
    assert_eq!(put(&site, "application/x-ndjson", lines).await.json()["taken"], 2);
    assert_eq!(
        put(&site, "text/plain; charset=utf-8", "PUTVAL h/p/gauge 1:1 2:2\n").await.json()["taken"],
        2
    );
    assert_eq!(put(&site, "text/csv", "h,1").await.refusal(), (415, "unsupported_media_type"));
}

#[actix_web::test]
async fn a_body_that_cannot_be_read_reaches_nobody() {
    let site = Site::new();
    for (media_type, body, refusal) in [
        ("application/json", &b"{"[..], (400, "malformed_json")),
        (
            "application/json",
            b"[{\"identifier\": \"h/p/gauge\", \"values\": [1e400]}]",
            (400, "malformed_json"),
        ),
        ("application/json", b"[]", (422, "invalid")),
        ("application/json", b"[{\"identifier\": \"h/p/gauge\"}]", (422, "invalid")),
        ("application/json", b"{\"identifier\": \"h/p/gauge\", \"values\": \"1\"}", (422, "invalid")),
        ("application/json", b"{\"identifier\": \"\xff\", \"values\": [1]}", (400, "malformed_json")),
        (
            "application/x-ndjson",
            b"{\"identifier\": \"h/p/gauge\", \"values\": [1]}\n{",
            (400, "malformed_json"),
        ),
        ("application/x-ndjson", b"{\"identifier\": \"h/p/gauge\", \"values\": [1]}\n[", (422, "invalid")),
        ("text/plain", b"PUTVAL \xff/p/gauge 1:1", (400, "bad_request")),
        ("text/plain", b"PUTVAL h/p/gauge 1:one", (422, "invalid")),
    ] {
        let answer = put(&site, media_type, body).await;
        assert_eq!(
            answer.refusal(),
            refusal,
            "{media_type} {}: {}",
            String::from_utf8_lossy(body),
            answer.text()
        );
    }
    let long = format!("PUTVAL h/p/gauge 1:1{}", " ".repeat(1 << 20));
    assert_eq!(put(&site, "text/plain", long).await.refusal(), (413, "too_large"));
    assert!(site.fake.last_caller.lock().unwrap().is_none());
}
