//! Who may do what: refusals, two credentials, claims of a client; what is tried on every route stands in `matrix`.

use super::{Answer, Site};
use crate::document::openapi_text;
use crate::routes::{Access, Line, TABLE};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use gatherd_api_types::Role;
use serde_json::{Value, json};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A user whom no token is of.
pub(super) const SPARE: &str = "spare";

/// A request that would succeed with the right credential.
pub(super) fn request(line: &Line) -> TestRequest {
    let path = line.path.replace("{id}", "cpu").replace("{identifier:.+}", "h/p/counter-00001");
    let path = path.replace("{revision}", "7").replace("{number}", "2");
    let path = path.replace("{file:.*}", "");
    // One that is made and taken away again, as the table has it.
    let user = match line.method {
        Method::GET => "reader",
        Method::POST => SPARE, // Another password ends the tokens that the test shows.
        _ => "ann",
    };
    let path = path.replace("{name}", user);
    let request = TestRequest::default().method(line.method.clone()).uri(&path);
    match (&line.method, line.path) {
        (&Method::PUT, "/v1/daemon/log-level") => request.set_json(json!({"filter": "debug"})),
        (_, "/v1/outputs/{id}/buffer") => buffer(request, &line.method),
        (&Method::POST, "/v1/flush") => request.set_json(json!({"outputs": ["cpu"]})),
        (&Method::DELETE, "/v1/cache") => request.uri("/v1/cache?all=true"),
        (&Method::PUT, "/v1/chains/{id}") => rule(request, json!({})),
        (&Method::POST, "/v1/chains") => request.set_json(json!({"id": fresh()})),
        (&Method::POST, "/v1/chains/preview") => request.set_json(json!({"identifier": "h/p/t"})),
        (&Method::PUT, "/v1/thresholds/{id}") => rule(request, json!({})),
        (&Method::PUT, "/v1/blacklist/{id}") => rule(request, json!({"verb": "notify"})),
        (&Method::PUT, "/v1/subscriptions/{id}") => rule(request, json!({})),
        (&Method::POST, "/v1/thresholds" | "/v1/thresholds/preview" | "/v1/subscriptions") => {
            request.set_json(json!({"id": fresh()}))
        }
        (&Method::POST, "/v1/blacklist" | "/v1/blacklist/preview") => {
            request.set_json(json!({"id": fresh(), "verb": "notify"}))
        }
        (&Method::DELETE, "/v1/auth/tokens" | "/v1/auth/users/{name}") => request,
        (&Method::PUT, "/v1/auth/users/{name}") => {
            request.set_json(json!({"role": "reader", "password": "correct horse"}))
        }
        (&Method::DELETE, _) => request.insert_header(("If-Match", "*")),
        (&Method::PUT, _) => request.insert_header(("If-Match", "*")).set_json(json!({"interval": 5})),
        (&Method::PATCH, _) => request
            .insert_header(("If-Match", "*"))
            .insert_header(("Content-Type", "application/merge-patch+json"))
            .set_payload(r#"{"interval": 5}"#),
        (&Method::POST, "/v1/notifications") => request.set_json(json!({"severity": "okay", "message": "m"})),
        (&Method::POST, "/v1/notifications/{number}/acknowledge") => {
            request.set_json(json!({"comment": "c"}))
        }
        (&Method::POST, "/v1/plugins") => request.set_json(json!({"id": "root", "type": "df"})),
        (&Method::POST, "/v1/auth/tokens") => request.set_json(json!({"auth": {"identity": {
            "methods": ["password"],
            "password": {"user": {"name": "admin", "password": "correct horse"}}}}})),
        (&Method::POST, "/v1/values") => request.set_json(json!({"identifier": "h/p/gauge", "values": [1]})),
        (&Method::POST, "/v1/time/sync") => request.set_json(json!({"method": "measure"})),
        _ => request,
    }
}

fn buffer(request: TestRequest, method: &Method) -> TestRequest {
    let request = request.insert_header(("If-Match", "*"));
    match *method {
        Method::PUT => request.set_json(json!({"max_values": 500})),
        _ => request
            .insert_header(("Content-Type", "application/merge-patch+json"))
            .set_payload(r#"{"max_values": 500}"#),
    }
}

/// An id that was not there yet.
fn fresh() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}

fn rule(request: TestRequest, rule: Value) -> TestRequest {
    request.insert_header(("If-Match", "*")).set_json(rule)
}

/// Holds an answer against the promised status, 0 for a success, and both against the document.
pub(super) fn check(line: &Line, what: &str, answer: &Answer, promised: u16) {
    let status = answer.status.as_u16();
    // There is no operation of this name; whoever may look is told so.
    let is_missing = status == 404 && line.path == "/v1/operations/{id}";
    let kept = if promised == 0 { status < 400 || is_missing } else { status == promised };
    assert!(kept, "{} {} with {what}: {status}, not {promised}\n{}", line.method, line.path, answer.text());
    if line.documented {
        let operation = &document()["paths"][line.document_path()][line.method.as_str().to_lowercase()];
        let said = &operation["responses"][status.to_string()];
        assert!(!said.is_null(), "{} {} does not say that it answers {status}", line.method, line.path);
    }
}

/// The document, read once.
fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&openapi_text()).unwrap());
    &DOCUMENT
}

#[actix_web::test]
async fn a_refused_route_says_the_same_to_everybody_who_is_not_known() {
    let site = Site::new();
    let revoked = site.token(Role::Admin);
    site.store.revoke(&revoked, crate::clock::now()).unwrap();
    let expired = site.store.token_of("admin", 1_000);
    let long = "x".repeat(9_000);
    for line in TABLE.iter().filter(|line| matches!(line.access, Access::Needs(_))) {
        let plain = same(&site.call(request(line)).await);
        assert_eq!(plain.0, 401);
        assert!(plain.1.contains("www-authenticate: Bearer"), "{}", plain.1);
        for token in [revoked.as_str(), &expired, &long, "a.b.c", "..", "é"] {
            let answer = site.call(request(line).insert_header(("X-Auth-Token", token))).await;
            assert_eq!(same(&answer), plain, "{} with {token:.20}", line.path);
        }
        for header in ["Bearer garbage", "Basic YWRtaW46YWRtaW4=", "Bearer", ""] {
            let answer = site.call(request(line).insert_header(("Authorization", header))).await;
            assert_eq!(same(&answer), plain, "{} with {header}", line.path);
        }
    }
}

/// Status, headers and body but for the request id.
pub(super) fn same(answer: &Answer) -> (u16, String, String) {
    let id = answer.header("x-openstack-request-id").unwrap().to_owned();
    let lines = answer.headers.iter().filter(|(name, _)| name.as_str() != "x-openstack-request-id");
    let mut lines: Vec<String> =
        lines.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    (answer.status.as_u16(), lines.join("\n"), answer.text().replace(&id, "ID"))
}

#[actix_web::test]
async fn both_headers_may_carry_a_token_but_not_two_different_ones() {
    let site = Site::new();
    let (one, other) = (site.token(Role::Reader), site.token(Role::Admin));
    let plugins = || TestRequest::get().uri("/v1/plugins");
    let bearer = |token: &str| ("Authorization", format!("bearer {token}"));
    assert_eq!(site.call(plugins().insert_header(bearer(&one))).await.status, 200);
    let twice = plugins().insert_header(bearer(&one)).insert_header(("X-Auth-Token", one.as_str()));
    assert_eq!(site.call(twice).await.status, 200);
    let both = plugins().insert_header(bearer(&one)).insert_header(("X-Auth-Token", other.as_str()));
    assert_eq!(site.call(both).await.refusal(), (400, "ambiguous_credentials"));
    let repeated = plugins().append_header(("X-Auth-Token", one)).append_header(("X-Auth-Token", other));
    assert_eq!(site.call(repeated).await.refusal(), (400, "ambiguous_credentials"));
}

#[actix_web::test]
async fn headers_that_claim_an_identity_count_for_nothing() {
    let site = Site::new();
    let claims = TestRequest::post()
        .uri("/v1/plugins/cpu/enable")
        .insert_header(("X-Identity-Status", "Confirmed"))
        .insert_header(("X-Roles", "admin"))
        .insert_header(("X-User-Id", "admin"));
    assert_eq!(site.call(claims).await.refusal(), (401, "unauthorized"));
}

#[actix_web::test]
async fn a_change_reaches_the_daemon_with_the_name_of_who_asked() {
    let site = Site::new();
    site.call_as(Role::Member, TestRequest::post().uri("/v1/plugins/cpu/enable")).await;
    let caller = site.fake.last_caller.lock().unwrap().clone().unwrap();
    assert_eq!((caller.user.as_str(), caller.role), ("member", Role::Member));
}

#[actix_web::test]
async fn who_may_measure_the_clock_may_not_move_it() {
    let site = Site::new();
    let sync = |method| TestRequest::post().uri("/v1/time/sync").set_json(json!({"method": method}));
    for method in ["agent", "release", "slew", "step"] {
        let answer = site.call_as(Role::Member, sync(method)).await;
        assert_eq!(answer.refusal(), (403, "forbidden"), "{method}");
    }
    assert_eq!(site.call_as(Role::Admin, sync("slew")).await.status, 200);
    assert_eq!(site.call_as(Role::Admin, sync("step")).await.refusal(), (409, "clock_budget"));
    assert_eq!(site.call_as(Role::Admin, sync("jump")).await.refusal(), (422, "invalid"));
}

#[actix_web::test]
async fn a_refusal_for_weakness_names_both_roles() {
    let site = Site::new();
    let answer = site.call_as(Role::Reader, TestRequest::post().uri("/v1/plugins/cpu/reload")).await;
    assert_eq!(answer.refusal(), (403, "forbidden"));
    assert_eq!(answer.problem().detail, "This needs the role admin; the caller is reader.");
}
