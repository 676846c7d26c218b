//! Every refusal and failure is a problem document that says no more than it should.

use super::Site;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::test::TestRequest;
use gatherd_api_types::Role;
use std::sync::atomic::Ordering;

#[actix_web::test]
async fn an_unknown_path_is_404_with_the_request_id_of_the_header() {
    let site = Site::new();
    for path in ["/nothing", "/v1/nothing", "/v2/plugins", "/v1/plugins/", "/v1/plugins/cpu/fly"] {
        let answer = site.get(path).await;
        assert_eq!(answer.refusal(), (404, "not_found"), "{path}");
        let problem = answer.problem();
        assert_eq!(problem.instance, path);
        assert!(problem.request_id.starts_with("req-"), "{}", problem.request_id);
        assert_eq!(problem.request_id.len(), 40);
    }
}

#[actix_web::test]
async fn a_wrong_method_is_405_and_says_which_are_right() {
    let site = Site::new();
    let answer = site.call_as(Role::Admin, TestRequest::delete().uri("/v1/plugins/cpu/config")).await;
    assert_eq!(answer.refusal(), (405, "method_not_allowed"));
    assert_eq!(answer.header("allow"), Some("GET, PUT, PATCH, HEAD"));
    let answer = site.call_as(Role::Admin, TestRequest::get().uri("/v1/plugins/cpu/enable")).await;
    assert_eq!(answer.header("allow"), Some("POST"));
}

#[actix_web::test]
async fn what_the_daemon_says_becomes_its_status_and_code() {
    let site = Site::new();
    let cases = [
        ("nobody", 404, "not_found", "There is no plugin nobody."),
        ("pinned", 409, "pinned", "said by the daemon"),
        ("strange", 409, "conflict", "said by the daemon"),
        ("full", 507, "storage", "said by the daemon"),
        ("away", 503, "unavailable", "said by the daemon"),
        ("broken", 500, "internal", "The daemon failed; its log has the request id."),
    ];
    for (id, status, code, detail) in cases {
        let answer = site.get(&format!("/v1/plugins/{id}")).await;
        assert_eq!(answer.refusal(), (status, code), "{id}");
        assert_eq!(answer.problem().detail, detail, "{id}");
    }
}

#[actix_web::test]
async fn a_panic_of_a_handler_is_a_problem_like_any_other() {
    let answer = Site::new().get("/v1/plugins/panics").await;
    assert_eq!(answer.refusal(), (500, "internal"));
    assert_eq!(answer.problem().instance, "/v1/plugins/panics");
    assert!(!answer.text().contains("as asked"), "{}", answer.text());
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

async fn log_level(media_type: &str, body: impl Into<Vec<u8>>) -> super::Answer {
    let request = TestRequest::put().uri("/v1/daemon/log-level").insert_header(("Content-Type", media_type));
    Site::new().call_as(Role::Admin, request.set_payload(body.into())).await
}

#[actix_web::test]
async fn a_body_that_is_not_json_is_400_with_the_place() {
    for body in ["", "{", "{\"filter\": }", "nonsense", "{\"filter\":\"x\"} x"] {
        assert_eq!(log_level("application/json", body).await.refusal(), (400, "malformed_json"), "{body}");
    }
    let answer = log_level("application/json", "{\n  x").await;
    assert!(answer.problem().detail.contains("line 2, column 3"), "{}", answer.text());
    let bad_text = b"{\"filter\": \"\xff\"}".to_vec();
    assert_eq!(log_level("application/json", bad_text).await.refusal().0, 400);
}

#[actix_web::test]
async fn nesting_without_end_is_refused() {
    let site = Site::new();
    let body = format!("{}{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    let request = TestRequest::put().uri("/v1/plugins/cpu/config").insert_header(("If-Match", "*"));
    let request = request.insert_header(("Content-Type", "application/json")).set_payload(body);
    assert_eq!(site.call_as(Role::Admin, request).await.refusal(), (400, "malformed_json"));
}

#[actix_web::test]
async fn a_body_that_does_not_fit_is_422_with_pointers_and_without_our_types() {
    let cases = [
        ("{}", "/filter", "is required"),
        (r#"{"filter": 5}"#, "/filter", "has the wrong type or is out of range"),
        (r#"{"filter": "x", "level": 1}"#, "/level", "is not known here"),
        (r#"{"filter": "x", "filter": "y"}"#, "/filter", "is given twice"),
        ("[]", "", "has the wrong type or is out of range"),
    ];
    for (body, pointer, detail) in cases {
        let answer = log_level("application/json", body).await;
        if body == "[]" {
            assert_eq!(answer.refusal().0, 422);
            continue;
        }
        assert_eq!(answer.refusal(), (422, "invalid"), "{body}");
        let errors = answer.problem().errors;
        assert_eq!((errors[0].pointer.as_str(), errors[0].detail.as_str()), (pointer, detail), "{body}");
        assert!(
            !answer.text().contains("struct") && !answer.text().contains("LogLevel"),
            "{}",
            answer.text()
        );
    }
}

#[actix_web::test]
async fn pointers_lead_into_the_depth_of_a_body() {
    let body = r#"{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": 1}}}}}"#;
    let request =
        TestRequest::post().uri("/v1/auth/tokens").insert_header(("Content-Type", "application/json"));
    let answer = Site::new().call(request.set_payload(body)).await;
    assert_eq!(answer.problem().errors[0].pointer, "/auth/identity/password/user/name");
}

#[actix_web::test]
async fn a_wrong_media_type_or_encoding_is_415() {
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json"] {
        let answer = log_level(media_type, "{}").await;
        assert_eq!(answer.refusal(), (415, "unsupported_media_type"), "{media_type}");
    }
    let zipped = TestRequest::put()
        .uri("/v1/daemon/log-level")
        .insert_header(("Content-Type", "application/json"))
        .insert_header(("Content-Encoding", "gzip"))
        .set_payload("x");
    assert_eq!(Site::new().call_as(Role::Admin, zipped).await.refusal(), (415, "unsupported_media_type"));
}

#[actix_web::test]
async fn a_body_beyond_one_mebibyte_is_413() {
    let long = |length: usize| format!("{{\"filter\": \"{}\"}}", "x".repeat(length - 14));
    assert_eq!(log_level("application/json", long(1024 * 1024)).await.status, 200);
    let answer = log_level("application/json", long(1024 * 1024 + 1)).await;
    assert_eq!(answer.refusal(), (413, "too_large"));
}

#[actix_web::test]
async fn a_body_of_somebody_who_is_not_known_is_small() {
    let site = Site::new();
    for (length, status) in [(16 * 1024, 400), (16 * 1024 + 1, 413)] {
        let login =
            TestRequest::post().uri("/v1/auth/tokens").insert_header((CONTENT_TYPE, "application/json"));
        let answer = site.call(login.set_payload("x".repeat(length))).await;
        assert_eq!(answer.status, status, "{length} bytes");
    }
}

#[actix_web::test]
async fn a_parameter_that_is_not_known_is_refused_everywhere() {
    let site = Site::new();
    for path in ["/v1/plugins?dry_run=true", "/v1/cache?x", "/v1/plugins/cpu?limit=1", "/v1/values?Host=h"] {
        let answer = site.get(path).await;
        assert_eq!(answer.refusal(), (400, "bad_parameter"), "{path}");
    }
    let answer = site.get("/v1/plugins?dry_run=true").await;
    assert_eq!(answer.problem().errors[0].pointer, "/dry_run");
    let change = TestRequest::post().uri("/v1/plugins/cpu/enable?dryrun=true");
    assert_eq!(site.call_as(Role::Member, change).await.refusal(), (400, "bad_parameter"));
    assert_eq!(*site.fake.last_caller.lock().unwrap(), None);
}

#[actix_web::test]
async fn a_parameter_that_is_wrong_or_doubled_is_named() {
    let site = Site::new();
    let cases = [
        ("/v1/plugins?id=a&id=b", "/id"),
        ("/v1/plugins?limit=0", "/limit"),
        ("/v1/plugins?state=flying", "/state"),
        ("/v1/plugins?enabled=1", "/enabled"),
        ("/v1/plugins?type=re:(", "/type"),
        ("/v1/values?plugin_instance=re:(?=x)", "/plugin_instance"),
        ("/v1/notifications?since=-1", "/since"),
        ("/v1/notifications?severity=fatal", "/severity"),
    ];
    for (path, pointer) in cases {
        let answer = site.get(path).await;
        assert_eq!(answer.refusal(), (400, "bad_parameter"), "{path}");
        assert_eq!(answer.problem().errors[0].pointer, pointer, "{path}");
    }
}

#[actix_web::test]
async fn readiness_is_200_or_503_and_health_is_always_200() {
    let site = Site::new();
    assert_eq!(site.get("/readyz").await.text(), "ok\n");
    site.fake.ready.store(false, Ordering::Relaxed);
    assert_eq!(site.get("/readyz").await.refusal(), (503, "unavailable"));
    assert_eq!(site.get("/healthz").await.text(), "ok\n");
}

#[actix_web::test]
async fn every_answer_forbids_what_a_browser_should_not_do() {
    let site = Site::new();
    for path in ["/", "/v1/plugins", "/nothing"] {
        let answer = site.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
    }
}
