//! Tokens of an identity service: every route with every verdict, who one is, what is noted, when a stream ends.

use super::access::{SPARE, check, request, same};
use super::{Answer, Site};
use crate::auth::{
    DomainName, Foreign, IdentityService, Named, RolePolicy, Scope, TokenFacts, Verdict, Vouched,
};
use crate::routes::{Access, Line, TABLE};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use async_trait::async_trait;
use gatherd_api_types::{AuditOutcome, IdentityHealth, IdentityState, Role, Timestamp};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const URL: &str = "https://keystone.example.org:5000/v3";
const CHALLENGE: &str = "Keystone uri=\"https://keystone.example.org:5000/v3\"";
const TOKENS: &str = "/v1/auth/tokens";

/// A service that says what it is told to.
pub(super) struct Told {
    verdicts: Mutex<HashMap<String, Verdict>>,
    asked: Mutex<Vec<String>>,
    forgotten: Mutex<Vec<String>>,
    state: Mutex<IdentityState>,
}

impl Told {
    fn says(&self, token: &str, verdict: Verdict) {
        self.verdicts.lock().unwrap().insert(token.to_owned(), verdict);
    }
}

#[async_trait]
impl IdentityService for Told {
    async fn judge(&self, token: &str, _peer: &str, _now: u64) -> Verdict {
        self.asked.lock().unwrap().push(token.to_owned());
        self.verdicts.lock().unwrap().get(token).cloned().unwrap_or(Verdict::Refused)
    }

    fn forget(&self, token: &str) {
        self.forgotten.lock().unwrap().push(token.to_owned());
    }

    fn was(&self, token: &str) -> Option<Arc<TokenFacts>> {
        (token == "revoked").then(|| Arc::new(facts("member", project("ops"))))
    }

    fn health(&self) -> IdentityHealth {
        IdentityHealth {
            state: *self.state.lock().unwrap(),
            since: Timestamp::from_unix(1_700_000_000, 0),
            reason: None,
            requests: 3,
            failures: 1,
            limited: 2,
            remembered: 1,
            keys: 0,
        }
    }
}

fn project(name: &str) -> Scope {
    let domain = Some(DomainName { id: "default".to_owned(), name: "Default".to_owned() });
    Scope::Project(Named { id: format!("{name}-id"), name: name.to_owned(), domain })
}

fn facts(role: &str, scope: Scope) -> TokenFacts {
    let domain = Some(DomainName { id: "default".to_owned(), name: "Default".to_owned() });
    TokenFacts {
        user: Named { id: format!("{role}-id"), name: role.to_owned(), domain },
        scope,
        roles: vec![role.to_owned()],
        methods: vec!["password".to_owned()],
        application_credential: None,
        audit_ids: vec!["TGw".to_owned()],
        issued_at: 1_700_000_000,
        expires_at: 4_000_000_000,
        vouched: Vouched::Online,
    }
}

fn known(facts: TokenFacts) -> Verdict {
    Verdict::Known { facts: Arc::new(facts), unsure: None }
}

/// A server that takes tokens of the project `ops`, and the service behind it.
pub(super) fn guarded() -> (Site, Arc<Told>) {
    let service = Arc::new(Told {
        verdicts: Mutex::default(),
        asked: Mutex::default(),
        forgotten: Mutex::default(),
        state: Mutex::new(IdentityState::Reachable),
    });
    for role in ["reader", "member", "admin", "auditor"] {
        service.says(role, known(facts(role, project("ops"))));
        let unsure = Verdict::Known { facts: Arc::new(facts(role, project("ops"))), unsure: Some(7) };
        service.says(&format!("unsure-{role}"), unsure);
    }
    service.says("elsewhere", known(facts("admin", project("other"))));
    service.says("unscoped", known(facts("admin", Scope::Unscoped)));
    service.says("system", known(facts("admin", Scope::System)));
    service.says("unreachable", Verdict::Unreachable { retry_after: 9 });
    service.says("limited", Verdict::Limited { retry_after: 5 });
    let policy = RolePolicy { projects: vec!["Default:ops".to_owned()], ..RolePolicy::default() };
    let foreign = Foreign::new(service.clone(), policy, URL).unwrap();
    let site = Site { foreign: Some(foreign), ..Site::new() };
    site.store.put_user(SPARE, Role::Reader, "correct horse").unwrap();
    (site, service)
}

fn with(token: &str, request: TestRequest) -> TestRequest {
    request.insert_header(("X-Auth-Token", token))
}

/// The status that a token promises for a line; 0 for a success.
fn promised(line: &Line, token: &str) -> u16 {
    let Access::Needs(needed) = line.access else { return 0 };
    let role =
        [Role::Reader, Role::Member, Role::Admin].into_iter().find(|role| token.ends_with(role.as_str()));
    let covers = role.is_some_and(|role| role.covers(needed));
    match token {
        "reader" | "member" | "admin" if line.path == TOKENS && line.method == Method::DELETE => 409,
        "reader" | "member" | "admin" if covers => 0,
        "reader" | "member" | "admin" | "auditor" | "elsewhere" | "unscoped" | "system" => 403,
        "unsure-reader" | "unsure-member" | "unsure-admin" if covers && !line.changes() => 0,
        "unreachable" | "unsure-reader" | "unsure-member" | "unsure-admin" | "unsure-auditor" => 503,
        "limited" => 429,
        _ => 401,
    }
}

#[actix_web::test]
async fn every_route_lets_in_exactly_whom_the_table_says_by_keystone_s_word() {
    let (site, _) = guarded();
    let tokens = [
        "garbage",
        "reader",
        "member",
        "admin",
        "auditor",
        "elsewhere",
        "unscoped",
        "system",
        "unsure-reader",
        "unsure-member",
        "unsure-admin",
        "unsure-auditor",
        "unreachable",
        "limited",
    ];
    for line in TABLE.iter().filter(|line| line.access != Access::Open) {
        for token in tokens {
            let answer = site.call(with(token, request(line))).await;
            check(line, token, &answer, promised(line, token));
        }
    }
}

#[actix_web::test]
async fn a_refusal_is_one_and_the_same_and_says_where_tokens_are() {
    let (site, _) = guarded();
    let plugins = || TestRequest::get().uri("/v1/plugins");
    let plain = same(&site.call(plugins()).await);
    assert_eq!(plain.0, 401);
    assert!(plain.1.contains(&format!("www-authenticate: {CHALLENGE}")), "{}", plain.1);
    let revoked = site.token(Role::Admin);
    site.store.revoke(&revoked, crate::clock::now()).unwrap();
    let expired = site.store.token_of("admin", 1_000);
    for token in ["garbage", "revoked", "a.b.c", &"x".repeat(9_000), &revoked, &expired] {
        assert_eq!(same(&site.call(with(token, plugins())).await), plain, "{token:.20}");
    }
    let wait = |answer: &Answer| answer.header("retry-after").map(str::to_owned);
    let answer = site.call(with("unreachable", plugins())).await;
    assert_eq!((answer.refusal(), wait(&answer)), ((503, "identity_unreachable"), Some("9".to_owned())));
    let answer = site.call(with("unsure-admin", TestRequest::post().uri("/v1/plugins/cpu/enable"))).await;
    assert_eq!((answer.refusal(), wait(&answer)), ((503, "identity_unreachable"), Some("7".to_owned())));
    let answer = site.call(with("limited", plugins())).await;
    assert_eq!((answer.refusal(), wait(&answer)), ((429, "too_many_requests"), Some("5".to_owned())));
}

#[actix_web::test]
async fn our_own_tokens_are_never_shown_to_the_service_nor_judged_by_it() {
    let (site, service) = guarded();
    let own = site.token(Role::Reader);
    service.says(&own, known(facts("admin", project("ops"))));
    assert_eq!(site.call(with(&own, TestRequest::get().uri("/v1/plugins"))).await.status, 200);
    let change = || TestRequest::post().uri("/v1/plugins/cpu/enable");
    assert_eq!(site.call(with(&own, change())).await.refusal(), (403, "forbidden"));
    site.store.revoke(&own, crate::clock::now()).unwrap();
    assert_eq!(site.call(with(&own, change())).await.refusal(), (401, "unauthorized"));
    let first = own.split('.').next().unwrap();
    let forged = format!("{first}.e30.AAAA");
    service.says(&forged, known(facts("admin", project("ops"))));
    assert_eq!(site.call(with(&forged, change())).await.refusal(), (401, "unauthorized"));
    assert_eq!(*service.asked.lock().unwrap(), Vec::<String>::new());
}

#[actix_web::test]
async fn headers_that_claim_an_identity_count_for_nothing_beside_a_token() {
    let (site, _) = guarded();
    let claims = with("reader", TestRequest::post().uri("/v1/plugins/cpu/enable"))
        .insert_header(("X-Identity-Status", "Confirmed"))
        .insert_header(("X-Roles", "admin"))
        .insert_header(("X-Project-Name", "ops"))
        .insert_header(("OpenStack-System-Scope", "all"));
    assert_eq!(site.call(claims).await.refusal(), (403, "forbidden"));
}

#[actix_web::test]
async fn who_am_i_tells_scope_roles_and_what_i_may() {
    let (site, _) = guarded();
    let answer = site.call(with("member", TestRequest::get().uri(TOKENS))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let token = &answer.json()["token"];
    let default = json!({"id": "default", "name": "Default"});
    assert_eq!(token["user"], json!({"id": "member-id", "name": "member", "domain": default}));
    assert_eq!(token["roles"][0]["name"], "member");
    assert_eq!(token["audit_ids"], json!(["TGw"]));
    assert_eq!(
        token["keystone"],
        json!({"vouched": "online", "unsure": false, "roles": ["member"], "system": false, "domain": null,
            "project": {"id": "ops-id", "name": "ops", "domain": default}, "application_credential": null})
    );
    let may: Vec<&str> = token["may"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert!(
        may.contains(&"GET /v1/plugins/{id}") && may.contains(&"POST /v1/plugins/{id}/enable"),
        "{may:?}"
    );
    assert!(!may.contains(&"PUT /v1/config") && !may.contains(&"GET /v1/audit"), "{may:?}");
}

#[actix_web::test]
async fn a_token_of_another_is_shown_to_admins_and_one_s_own_to_oneself() {
    let (site, service) = guarded();
    service.says("second-of-member", known(facts("member", project("other"))));
    let look = async |as_whom: &str, subject: &str| {
        let ask = with(as_whom, TestRequest::get().uri(TOKENS)).insert_header(("X-Subject-Token", subject));
        site.call(ask).await
    };
    assert_eq!(look("member", "admin").await.refusal(), (403, "forbidden"));
    assert_eq!(look("admin", "nobody").await.refusal(), (404, "not_found"));
    assert_eq!(look("admin", "unreachable").await.refusal(), (503, "identity_unreachable"));
    assert_eq!(look("admin", "limited").await.refusal(), (429, "too_many_requests"));
    assert_eq!(look("admin", "member").await.json()["token"]["user"]["name"], "member");
    let second = look("member", "second-of-member").await.json();
    assert_eq!((&second["token"]["roles"], &second["token"]["may"]), (&json!([]), &json!([])));
    let own = site.token(Role::Member);
    assert_eq!(look("admin", &own).await.json()["token"]["keystone"], Value::Null);
    // A user of the daemon is nobody of the service, whatever they are called.
    let asked = site
        .call_as(Role::Member, TestRequest::get().uri(TOKENS).insert_header(("X-Subject-Token", "member")));
    assert_eq!(asked.await.refusal(), (403, "forbidden"));
}

#[actix_web::test]
async fn only_the_service_takes_its_tokens_back_but_it_is_asked_again() {
    let (site, service) = guarded();
    let answer = site.call(with("reader", TestRequest::delete().uri(TOKENS))).await;
    assert_eq!(answer.refusal(), (409, "conflict"));
    assert!(answer.problem().detail.contains("Only Keystone"));
    let subject = TestRequest::delete().uri(TOKENS).insert_header(("X-Subject-Token", "member"));
    assert_eq!(site.call(with("reader", subject)).await.refusal(), (409, "conflict"));
    assert_eq!(*service.forgotten.lock().unwrap(), ["reader", "member"]);
    let own = site.token(Role::Reader);
    assert_eq!(site.call(with(&own, TestRequest::delete().uri(TOKENS))).await.status, 204);
}

#[actix_web::test]
async fn records_name_user_project_and_token_also_of_who_was_refused() {
    let (site, _) = guarded();
    let change = || TestRequest::post().uri("/v1/plugins/cpu/enable");
    assert_eq!(site.call(with("member", change())).await.status, 200);
    assert_eq!(site.call(with("elsewhere", change())).await.status, 403);
    assert_eq!(site.call(with("unreachable", change())).await.status, 503);
    assert_eq!(site.call_as(Role::Member, change()).await.status, 200);
    let records = site.records();
    let [changed, stranger, unknown, local] = &records[..] else { panic!("{records:?}") };
    assert_eq!(
        (changed.initiator.id.as_str(), changed.outcome),
        ("keystone:Default/member", AuditOutcome::Success)
    );
    let credential = changed.initiator.credential.as_ref().unwrap();
    assert_eq!(
        (credential.type_uri.as_str(), &credential.audit_ids[..]),
        ("keystone", &["TGw".to_owned()][..])
    );
    assert_eq!(credential.user_id.as_deref(), Some("member-id"));
    assert_eq!(
        (credential.project_id.as_deref(), credential.project.as_deref()),
        (Some("ops-id"), Some("ops"))
    );
    assert_eq!((stranger.initiator.id.as_str(), &stranger.initiator.role), ("keystone:Default/admin", &None));
    assert_eq!(stranger.initiator.credential.as_ref().unwrap().project.as_deref(), Some("other"));
    assert_eq!((unknown.initiator.id.as_str(), &unknown.initiator.credential), ("unknown", &None));
    let credential = local.initiator.credential.as_ref().unwrap();
    assert_eq!((credential.type_uri.as_str(), credential.audit_ids.len()), ("token", 1));
    assert_eq!(site.call(with("revoked", change())).await.status, 401);
    let record = site.records().pop().unwrap();
    assert_eq!((record.initiator.id.as_str(), &record.initiator.role), ("unknown", &None));
    let credential = record.initiator.credential.unwrap();
    assert_eq!(
        (credential.type_uri.as_str(), credential.user.as_deref()),
        ("keystone/refused", Some("member"))
    );
    let caller = site.fake.last_caller.lock().unwrap().clone().unwrap();
    assert_eq!((caller.user.as_str(), caller.role), ("member", Role::Member));
}

#[actix_web::test]
async fn a_name_of_the_service_is_nobody_of_the_daemon_also_for_answers_by_key() {
    let (site, _) = guarded();
    let change = |token: &str| {
        let request = TestRequest::post().uri("/v1/plugins/cpu/disable");
        with(token, request).insert_header(("Idempotency-Key", "k"))
    };
    let own = site.token(Role::Member);
    for (token, replayed) in
        [("member", None), (own.as_str(), None), ("member", Some("true")), ("admin", None)]
    {
        let answer = site.call(change(token)).await;
        assert_eq!((answer.status.as_u16(), answer.header("idempotency-replayed")), (200, replayed));
    }
}

#[actix_web::test]
async fn a_stream_ends_when_the_service_refuses_its_token_or_takes_the_role_away() {
    const PATH: &str = "/v1/notifications/stream";
    let ends =
        [Verdict::Refused, known(facts("reader", project("other"))), Verdict::Unreachable { retry_after: 1 }];
    for verdict in ends {
        let (site, service) = guarded();
        let end = || service.says("reader", verdict.clone());
        let (answer, took) = site.ended_by(with("reader", TestRequest::get().uri(PATH)), end).await;
        assert!(
            answer.text().ends_with("event: end\ndata: {\"reason\":\"credentials\"}\n\n"),
            "{}",
            answer.text()
        );
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}

#[actix_web::test]
async fn a_stream_goes_on_while_the_service_is_away_and_the_grace_counts() {
    let (site, service) = guarded();
    let began = Instant::now();
    let stop = async || {
        while site.streams.counts().open == 0 {
            tokio::task::yield_now().await;
        }
        service.says(
            "reader",
            Verdict::Known { facts: Arc::new(facts("reader", project("ops"))), unsure: Some(3) },
        );
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        site.streams.stop();
    };
    site.fake.endless.store(true, std::sync::atomic::Ordering::Relaxed);
    let request = with("reader", TestRequest::get().uri("/v1/notifications/stream"));
    let (answer, ()) = tokio::join!(site.call(request), stop());
    assert!(answer.text().contains("\"stopping\""), "{}", answer.text());
    assert!(began.elapsed() >= Duration::from_millis(1_500));
}

#[actix_web::test]
async fn the_heartbeat_says_how_the_service_fares_and_health_says_nothing() {
    let (site, service) = guarded();
    let beat = site.get("/v1/heartbeat").await.json();
    assert_eq!((&beat["state"], &beat["keystone"]["state"]), (&json!("running"), &json!("reachable")));
    for (state, word) in [(IdentityState::Unreachable, "unreachable"), (IdentityState::Denied, "denied")] {
        *service.state.lock().unwrap() = state;
        let beat = site.get("/v1/heartbeat").await.json();
        assert_eq!((&beat["state"], &beat["keystone"]["state"]), (&json!("degraded"), &json!(word)));
        assert_eq!(site.call(TestRequest::get().uri("/healthz")).await.text(), "ok\n");
        assert_eq!(site.call(TestRequest::get().uri("/readyz")).await.status, 200);
    }
    assert_eq!(Site::new().get("/v1/heartbeat").await.json()["keystone"], Value::Null);
}

#[test]
fn an_address_that_cannot_stand_in_a_header_is_refused() {
    let (site, service) = guarded();
    drop(site);
    for url in ["", "https://a\"b", "https://a b", "https://é", "https://a\\b"] {
        assert!(Foreign::new(service.clone(), RolePolicy::default(), url).is_err(), "{url}");
    }
}
