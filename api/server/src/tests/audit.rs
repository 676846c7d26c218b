//! The audit trail: what leaves a record, what does not, and what it says.

use super::Site;
use crate::clock::now;
use crate::management::AuditHealth;
use actix_web::dev::Service;
use actix_web::http::Method;
use actix_web::test::{TestRequest, init_service};
use futures_util::FutureExt;
use gatherd_api_types::{AuditOutcome, AuditRecord, Role};
use serde_json::json;
use std::fs;

impl Site {
    /// What was written, the oldest first.
    pub(super) fn records(&self) -> Vec<AuditRecord> {
        self.audit_text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn audit_text(&self) -> String {
        let Ok(entries) = fs::read_dir(self.trail()) else { return String::new() };
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut paths: Vec<_> =
            paths.filter(|path| path.extension().is_some_and(|it| it == "jsonl")).collect();
        paths.sort();
        paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
    }
}

fn disable() -> TestRequest {
    TestRequest::post().uri("/v1/plugins/cpu/disable?reason=because")
}

#[actix_web::test]
async fn a_change_leaves_a_record_of_who_what_and_what_came_of_it() {
    let site = Site::new();
    let put = TestRequest::put().uri("/v1/plugins/cpu/config").insert_header(("If-Match", "*"));
    let answer = site.call_as(Role::Admin, put.set_json(json!({"interval": 5, "password": "hush"}))).await;
    assert_eq!(answer.status, 200);
    let [record] = &site.records()[..] else { panic!("{}", site.audit_text()) };
    assert_eq!((record.number, record.previous.as_str()), (1, ""));
    assert_eq!((record.action.as_str(), record.outcome), ("update", AuditOutcome::Success));
    assert_eq!((record.initiator.id.as_str(), record.initiator.role.as_deref()), ("admin", Some("admin")));
    assert_eq!(record.target.id, "/v1/plugins/cpu/config");
    assert_eq!(record.target.type_uri, "service/telemetry/plugins/config");
    assert_eq!(record.request_path, "PUT /v1/plugins/cpu/config");
    assert_eq!(Some(record.request_id.as_str()), answer.header("x-openstack-request-id"));
    assert_eq!((record.revision_before, record.revision_after), (7, Some(8)));
    assert_eq!((record.reason.reason_code.as_str(), &record.reason.problem), ("200", &None));
    assert_eq!(record.observer.id, "testhost");
}

#[actix_web::test]
async fn something_taken_away_has_its_revision_and_what_changed_nothing_has_none() {
    let site = Site::new();
    let delete = TestRequest::delete().uri("/v1/blacklist/cpu").insert_header(("If-Match", "*"));
    assert_eq!(site.call_as(Role::Member, delete).await.status, 204);
    assert_eq!(site.call_as(Role::Member, disable()).await.status, 200);
    assert_eq!(site.records()[1].target.id, "/v1/plugins/cpu");
    let made: Vec<Option<u64>> = site.records().iter().map(|record| record.revision_after).collect();
    assert_eq!(made, [Some(8), None]);
}

#[actix_web::test]
async fn reads_leave_none_and_refused_credentials_do() {
    let site = Site::new();
    assert_eq!(site.get("/v1/plugins").await.status, 200);
    assert_eq!(site.get("/v1/plugins/none").await.status, 404);
    assert_eq!(site.get("/nowhere").await.status, 404);
    let preview = TestRequest::post().uri("/v1/blacklist/preview").set_json(json!({"verb": "notify"}));
    assert_eq!(site.call_as(Role::Reader, preview).await.status, 200);
    assert_eq!(site.audit_text(), "");
    assert_eq!(site.call(TestRequest::get().uri("/v1/plugins")).await.status, 401);
    assert_eq!(site.call_as(Role::Reader, disable()).await.status, 403);
    let both = TestRequest::get().uri("/v1/plugins").insert_header(("X-Auth-Token", "a"));
    assert_eq!(site.call(both.insert_header(("Authorization", "Bearer b"))).await.status, 400);
    let told: Vec<(String, String, String)> = site
        .records()
        .into_iter()
        .map(|it| (it.action, it.initiator.id, it.reason.problem.unwrap_or_default()))
        .collect();
    let of = |action: &str, who: &str, problem: &str| (action.into(), who.into(), problem.into());
    let expected = [
        of("read", "unknown", "unauthorized"),
        of("disable", "reader", "forbidden"),
        of("read", "unknown", "ambiguous_credentials"),
    ];
    assert_eq!(told, expected);
}

#[actix_web::test]
async fn a_login_names_who_came_in_and_never_what_was_tried() {
    let site = Site::new();
    let login = |name: &str, password: &str| {
        TestRequest::post().uri("/v1/auth/tokens").set_json(json!({"auth": {"identity": {
            "methods": ["password"], "password": {"user": {"name": name, "password": password}}}}}))
    };
    let answer = site.call(login("admin", "correct horse")).await;
    assert_eq!(answer.status, 201);
    assert_eq!(site.call(login("hunter2-typed-as-a-name", "battery staple")).await.status, 401);
    let records = site.records();
    assert_eq!((records[0].initiator.id.as_str(), records[0].outcome), ("admin", AuditOutcome::Success));
    assert_eq!((records[1].initiator.id.as_str(), records[1].outcome), ("unknown", AuditOutcome::Failure));
    let token = answer.header("x-subject-token").unwrap();
    for secret in ["correct horse", "battery staple", "hunter2", token] {
        assert!(!site.audit_text().contains(secret), "{}", site.audit_text());
    }
}

#[actix_web::test]
async fn no_secret_and_no_query_is_in_a_record() {
    let site = Site::new();
    let token = site.token(Role::Admin);
    let put =
        TestRequest::put().uri("/v1/plugins/cpu/config?reason=hush-reason").insert_header(("If-Match", "*"));
    site.call_as(Role::Admin, put.set_json(json!({"interval": 5, "password": "hush-body"}))).await;
    site.call_as(Role::Member, TestRequest::post().uri("/v1/plugins/cpu/disable?token=hush-query")).await;
    let text = site.audit_text();
    assert_eq!(site.records().len(), 2);
    assert!(!text.contains("hush") && !text.contains(&token), "{text}");
}

#[actix_web::test]
async fn a_refused_or_failed_change_is_recorded_as_such() {
    let site = Site::new();
    for (id, status, problem) in [
        ("none", 404, "not_found"),
        ("pinned", 409, "pinned"),
        ("full", 507, "storage"),
        ("broken", 500, "internal"),
    ] {
        let request = TestRequest::post().uri(&format!("/v1/plugins/{id}/disable"));
        assert_eq!(site.call_as(Role::Member, request).await.status.as_u16(), status);
        let record = site.records().pop().unwrap();
        assert_eq!((record.outcome, record.reason.reason_code), (AuditOutcome::Failure, status.to_string()));
        assert_eq!(record.reason.problem.as_deref(), Some(problem));
    }
}

#[actix_web::test]
async fn a_change_whose_handler_panics_or_whose_caller_goes_away_is_recorded_as_unknown() {
    let site = Site::new();
    let request = TestRequest::post().uri("/v1/plugins/panics/disable");
    assert_eq!(site.call_as(Role::Member, request).await.status, 500);
    let service = init_service(site.shared().app()).await;
    let token = site.token(Role::Member);
    let slow = TestRequest::post().uri("/v1/plugins/slow/disable").insert_header(("X-Auth-Token", token));
    let under_way = service.call(slow.to_request());
    assert!(under_way.now_or_never().is_none(), "it was still under way");
    let outcomes: Vec<AuditOutcome> = site.records().iter().map(|record| record.outcome).collect();
    assert_eq!(outcomes, [AuditOutcome::Unknown; 2]);
}

#[actix_web::test]
async fn an_answer_that_is_given_again_is_no_second_change() {
    let site = Site::new();
    for _ in 0..2 {
        let request = disable().insert_header(("Idempotency-Key", "k"));
        assert_eq!(site.call_as(Role::Member, request).await.status, 200);
    }
    assert_eq!(site.records().len(), 1);
}

#[actix_web::test]
async fn a_flood_of_refusals_is_counted_and_the_next_record_says_how_many() {
    let site = Site::new();
    let service = init_service(site.shared().app()).await;
    let token = site.token(Role::Member);
    for _ in 0..100 {
        let refused = service.call(TestRequest::get().uri("/v1/plugins").to_request()).await.unwrap();
        assert_eq!(refused.status(), 401);
    }
    let change = disable().insert_header(("X-Auth-Token", token));
    assert_eq!(service.call(change.to_request()).await.unwrap().status(), 200);
    let records = site.records();
    assert_eq!((records.len(), records.last().unwrap().suppressed), (21, 80));
}

#[actix_web::test]
async fn what_cannot_be_written_holds_no_change_up_and_is_told() {
    let site = Site::new();
    let service = init_service(site.shared().app()).await;
    let change =
        || disable().insert_header(("X-Auth-Token", site.store.token_of("member", now()))).to_request();
    let heard = || site.fake.audit.lock().unwrap().clone();
    fs::write(site.trail(), b"in the way").unwrap();
    for lost in 1..=2 {
        assert_eq!(service.call(change()).await.unwrap().status(), 200);
        let AuditHealth { lost: told, failing } = heard().unwrap();
        assert_eq!((told, failing.is_some()), (lost, true));
    }
    fs::remove_file(site.trail()).unwrap();
    assert_eq!(service.call(change()).await.unwrap().status(), 200);
    assert_eq!(heard(), Some(AuditHealth { lost: 2, failing: None }));
    assert_eq!(site.records()[0].lost, 2);
}

#[actix_web::test]
async fn the_list_is_the_newest_first_by_page_and_condition_and_mistakes_are_said() {
    let site = Site::new();
    for _ in 0..3 {
        site.call_as(Role::Member, disable()).await;
    }
    site.call_as(Role::Reader, disable()).await;
    let list = async |query: &str| {
        let answer = site.call_as(Role::Admin, TestRequest::get().uri(&format!("/v1/audit{query}"))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page = answer.json();
        let numbers: Vec<u64> =
            page["items"].as_array().unwrap().iter().map(|it| it["number"].as_u64().unwrap()).collect();
        (numbers, page["next"].as_str().map(str::to_owned))
    };
    assert_eq!(list("").await, (vec![4, 3, 2, 1], None));
    let (first, next) = list("?limit=3").await;
    assert_eq!(first, [4, 3, 2]);
    let next = next.unwrap();
    assert_eq!(list(next.trim_start_matches("/v1/audit")).await, (vec![1], None));
    assert_eq!(list("?since=2").await.0, [4, 3]);
    assert_eq!(list("?outcome=failure").await.0, [4]);
    assert_eq!(list("?user=mem*&action=disable").await.0, [3, 2, 1]);
    assert_eq!(list("?action=create").await.0, Vec::<u64>::new());
    for query in ["since=soon", "outcome=fine", "user=re:(", "limit=0", "marker=z", "from=1"] {
        let answer = site.call_as(Role::Admin, TestRequest::get().uri(&format!("/v1/audit?{query}"))).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
    }
    let delete = TestRequest::default().method(Method::DELETE).uri("/v1/audit");
    assert_eq!(site.call_as(Role::Admin, delete).await.refusal(), (405, "method_not_allowed"));
}
