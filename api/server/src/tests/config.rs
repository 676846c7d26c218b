//! Configuration and its entity tags.

use super::{Answer, Site};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use gatherd_api_types::{LeftValues, Role};

const PATH: &str = "/v1/plugins/cpu/config";

async fn put(site: &Site, if_match: Option<&str>, body: &'static str) -> Answer {
    let mut request = TestRequest::put().uri(PATH).insert_header(("Content-Type", "application/json"));
    if let Some(if_match) = if_match {
        request = request.insert_header(("If-Match", if_match));
    }
    site.call_as(Role::Admin, request.set_payload(body)).await
}

#[actix_web::test]
async fn a_configuration_comes_with_its_revision_as_a_strong_tag() {
    let answer = Site::new().get(PATH).await;
    assert_eq!(answer.header("etag"), Some("\"7\""));
    assert_eq!(answer.text(), r#"{"interval":10}"#);
}

#[actix_web::test]
async fn who_has_the_configuration_already_gets_no_body() {
    let site = Site::new();
    for (tags, status) in [("\"7\"", 304), ("W/\"7\", \"9\"", 304), ("*", 304), ("\"8\"", 200), ("7", 400)] {
        let request = TestRequest::get().uri(PATH).insert_header(("If-None-Match", tags));
        let answer = site.call_as(Role::Reader, request).await;
        assert_eq!(answer.status, status, "{tags}");
        assert_eq!(answer.body.is_empty(), status == 304, "{tags}");
    }
}

#[actix_web::test]
async fn who_disables_a_plugin_says_what_becomes_of_its_values() {
    let site = Site::new();
    for (query, left) in [
        ("", LeftValues::Expire),
        ("?values=expire", LeftValues::Expire),
        ("?reason=why&values=keep", LeftValues::Keep),
    ] {
        let request = TestRequest::post().uri(&format!("/v1/plugins/cpu/disable{query}"));
        assert_eq!(site.call_as(Role::Member, request).await.status, 200, "{query}");
        assert_eq!(site.fake.left_values.lock().unwrap().take(), Some(left), "{query}");
    }
    for query in ["values=", "values=forget", "values=keep&values=keep", "keep=true"] {
        let request = TestRequest::post().uri(&format!("/v1/plugins/cpu/disable?{query}"));
        assert_eq!(site.call_as(Role::Member, request).await.refusal(), (400, "bad_parameter"), "{query}");
        assert_eq!(*site.fake.left_values.lock().unwrap(), None, "{query}");
    }
}

#[actix_web::test]
async fn a_change_needs_the_current_tag() {
    let site = Site::new();
    let refused = [
        (None, 428, "precondition_required"),
        (Some("\"6\""), 412, "precondition_failed"),
        (Some("W/\"7\""), 412, "precondition_failed"),
        (Some("\"07\""), 412, "precondition_failed"),
        (Some("\"seven, or eight\""), 412, "precondition_failed"),
        (Some("7"), 400, "bad_request"),
        (Some("\"7"), 400, "bad_request"),
        (Some("\"7\" \"8\""), 400, "bad_request"),
        (Some("*, \"7\""), 400, "bad_request"),
        (Some("\"7\","), 400, "bad_request"),
    ];
    for (if_match, status, code) in refused {
        assert_eq!(put(&site, if_match, "{}").await.refusal(), (status, code), "{if_match:?}");
    }
    let answer = put(&site, Some("\"5\", \"7\""), r#"{"interval":20}"#).await;
    assert_eq!((answer.status.as_u16(), answer.header("etag")), (200, Some("\"8\"")));
    let answer = put(&site, Some("*"), r#"{"interval":30}"#).await;
    assert_eq!((answer.status.as_u16(), answer.header("etag")), (200, Some("\"9\"")));
    assert_eq!(site.get(PATH).await.text(), r#"{"interval":30}"#);
}

#[actix_web::test]
async fn a_merge_patch_changes_parts_and_needs_its_media_type() {
    let site = Site::new();
    let patch = |media_type: &'static str| {
        let request = TestRequest::patch().uri(PATH).insert_header(("If-Match", "\"7\""));
        request.insert_header(("Content-Type", media_type)).set_payload(r#"{"interval":null,"x":1}"#)
    };
    let answer = site.call_as(Role::Admin, patch("application/json")).await;
    assert_eq!(answer.refusal(), (415, "unsupported_media_type"));
    let answer = site.call_as(Role::Admin, patch("application/merge-patch+json; charset=utf-8")).await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, r#"{"x":1}"#));
}

#[actix_web::test]
async fn what_the_daemon_finds_wrong_is_answered_with_pointers() {
    let answer = put(&Site::new(), Some("*"), r#"{"interval":"often"}"#).await;
    assert_eq!(answer.refusal(), (422, "invalid"));
    let errors = answer.problem().errors;
    assert_eq!((errors[0].pointer.as_str(), errors[0].detail.as_str()), ("/interval", "must be a number"));
}

#[actix_web::test]
async fn a_configuration_is_an_object() {
    for body in ["[]", "null", "5", "\"x\""] {
        assert_eq!(put(&Site::new(), Some("*"), body).await.refusal(), (422, "invalid"), "{body}");
    }
}

#[actix_web::test]
async fn a_dry_run_answers_the_plan_and_changes_nothing() {
    let site = Site::new();
    let request = |path: &str| TestRequest::default().uri(path).insert_header(("If-Match", "\"7\""));
    let put = request("/v1/plugins/cpu/config?dry_run=true&reason=a%20try").method(Method::PUT);
    let answer = site.call_as(Role::Admin, put.set_json(serde_json::json!({"interval": 1}))).await;
    assert_eq!((answer.status.as_u16(), answer.header("etag")), (200, None));
    assert_eq!(answer.header("content-type"), Some("application/vnd.gatherd.plan+json"));
    assert_eq!(
        (answer.json()["revision"].as_u64(), &answer.json()["steps"][0]),
        (Some(7), &"change cpu".into())
    );
    assert_eq!(site.get(PATH).await.text(), r#"{"interval":10}"#);
    let enable = request("/v1/plugins/cpu/enable?dry_run=true").method(Method::POST);
    let answer = site.call_as(Role::Member, enable).await;
    assert_eq!(answer.header("content-type"), Some("application/vnd.gatherd.plan+json"));
    let stale =
        TestRequest::put().uri("/v1/plugins/cpu/config?dry_run=true").insert_header(("If-Match", "\"6\""));
    let answer = site.call_as(Role::Admin, stale.set_json(serde_json::json!({}))).await;
    assert_eq!(answer.refusal(), (412, "precondition_failed"));
}

#[actix_web::test]
async fn how_a_change_is_asked_for_is_judged_parameter_by_parameter() {
    let site = Site::new();
    let long = "x".repeat(257);
    for (query, pointer) in [
        ("dry_run=1", "/dry_run"),
        ("dry_run=true&dry_run=true", "/dry_run"),
        ("reason=a%0Ab", "/reason"),
        (&format!("reason={long}"), "/reason"),
        ("why=x", "/why"),
    ] {
        let request = TestRequest::post().uri(&format!("/v1/plugins/cpu/enable?{query}"));
        let answer = site.call_as(Role::Member, request).await;
        assert_eq!(answer.refusal(), (400, "bad_parameter"), "{query}");
        assert_eq!(answer.problem().errors[0].pointer, pointer, "{query}");
    }
    let answer =
        site.call_as(Role::Member, TestRequest::post().uri("/v1/plugins/cpu/enable?reason=quiet")).await;
    assert_eq!((answer.status.as_u16(), answer.header("etag")), (200, Some("\"7\"")));
}
