//! Requests with a key are handled once.

use super::{Answer, Site};
use actix_web::test::TestRequest;
use gatherd_api_types::Role;
use serde_json::json;

fn load(id: &str, key: &str) -> TestRequest {
    let request = TestRequest::post().uri("/v1/plugins").insert_header(("Idempotency-Key", key));
    request.set_json(json!({"id": id, "type": "df"}))
}

async fn call(site: &Site, request: TestRequest) -> Answer {
    site.call_as(Role::Admin, request).await
}

#[actix_web::test]
async fn the_same_request_is_done_once_and_answered_alike() {
    let site = Site::new();
    let first = call(&site, load("root", "k-1")).await;
    assert_eq!((first.status.as_u16(), first.header("idempotency-replayed")), (201, None));
    let again = call(&site, load("root", "k-1")).await;
    assert_eq!((again.status.as_u16(), again.header("idempotency-replayed")), (201, Some("true")));
    assert_eq!(again.body, first.body);
    for name in ["etag", "location", "content-type"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
    assert_eq!(*site.fake.created.lock().unwrap(), 1);
    assert_eq!(call(&site, load("root", "k-2")).await.status, 201);
    assert_eq!(*site.fake.created.lock().unwrap(), 2);
}

#[actix_web::test]
async fn another_request_under_the_same_key_is_refused() {
    let site = Site::new();
    call(&site, load("root", "k")).await;
    assert_eq!(call(&site, load("tmp", "k")).await.refusal(), (422, "key_reused"));
    let other = TestRequest::post().uri("/v1/plugins/cpu/enable").insert_header(("Idempotency-Key", "k"));
    assert_eq!(call(&site, other).await.refusal(), (422, "key_reused"));
    // Another user's keys are his own.
    let mine = TestRequest::post().uri("/v1/plugins/cpu/enable").insert_header(("Idempotency-Key", "k"));
    assert_eq!(site.call_as(Role::Member, mine).await.status, 200);
}

#[actix_web::test]
async fn a_refusal_is_not_remembered_and_a_weak_caller_gets_no_answer() {
    let site = Site::new();
    assert_eq!(call(&site, load("cpu", "k")).await.refusal(), (409, "exists"));
    assert_eq!(call(&site, load("root", "k")).await.status, 201);
    assert_eq!(site.call_as(Role::Reader, load("root", "k")).await.refusal(), (403, "forbidden"));
    assert_eq!(site.call(load("root", "k")).await.refusal(), (401, "unauthorized"));
}

#[actix_web::test]
async fn a_key_is_a_short_text() {
    let site = Site::new();
    for key in ["", "  ", &"x".repeat(256), "\u{e9}"] {
        assert_eq!(call(&site, load("root", key)).await.refusal(), (400, "bad_request"), "{key:?}");
    }
    let body = load("root", "k").set_payload(" ".repeat(1024 * 1024 + 1));
    assert_eq!(call(&site, body).await.refusal(), (413, "too_large"));
    assert_eq!(*site.fake.created.lock().unwrap(), 0);
}
