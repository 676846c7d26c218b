//! Slow work: who does not wait for it is told where to ask.

use super::sockets::{DEADLINE, ask, start};
use super::{Answer, Site};
use actix_web::dev::Service;
use actix_web::test::{TestRequest, init_service};
use futures_util::FutureExt;
use gatherd_api_types::{AuditOutcome, AuditRecord, Role};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const OPERATION: &str = "application/vnd.gatherd.operation+json";

/// A request about the plugin `slow`, whose caller does not wait.
fn slow(verb: &str) -> TestRequest {
    let request = TestRequest::post().uri(&format!("/v1/plugins/slow/{verb}"));
    request.insert_header(("Prefer", "wait=0"))
}

/// The operation that a request became, and its place.
fn became(answer: &Answer) -> (Value, String) {
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (202, Some(OPERATION)),
        "{}",
        answer.text()
    );
    let (operation, place) = (answer.json(), answer.header("location").unwrap().to_owned());
    assert_eq!(place, format!("/v1/operations/{}", operation["id"].as_str().unwrap()));
    (operation, place)
}

impl Site {
    /// What became of an operation in the end.
    async fn ended(&self, place: &str) -> Value {
        let request = TestRequest::get().uri(place).insert_header(("Prefer", "wait=20"));
        let answer = self.call_as(Role::Admin, request).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    fn noted(&self) -> Vec<AuditRecord> {
        let Ok(text) = std::fs::read_dir(self.trail()) else { return Vec::new() };
        let paths = text.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some());
        let text: String = paths.map(|path| std::fs::read_to_string(path).unwrap()).collect();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

#[actix_web::test]
async fn what_takes_longer_than_its_caller_waits_goes_on_and_keeps_its_answer() {
    let site = Site::new();
    let answer = site.call_as(Role::Member, slow("disable")).await;
    let (operation, place) = became(&answer);
    assert_eq!(answer.header("preference-applied"), Some("wait=0"));
    assert_eq!((&operation["state"], &operation["result"]), (&json!("running"), &Value::Null));
    assert_eq!(operation["request"], "POST /v1/plugins/slow/disable");
    assert_eq!((&operation["user"], &operation["cancellable"]), (&json!("member"), &json!(false)));
    assert_eq!(operation["request_id"].as_str(), answer.header("x-openstack-request-id"));
    assert_eq!(site.noted().len(), 0, "it did not come to anything yet");
    site.fake.gate.add_permits(1);
    let ended = site.ended(&place).await;
    assert_eq!((&ended["state"], &ended["result"]["status"]), (&json!("done"), &json!(200)));
    let direct = site.call_as(Role::Member, TestRequest::post().uri("/v1/plugins/cpu/disable")).await;
    assert_eq!(ended["result"]["headers"]["etag"].as_str(), direct.header("etag"));
    assert_eq!(ended["result"]["body"]["id"], "slow");
    let [record, _direct] = &site.noted()[..] else { panic!("one change is one record") };
    assert_eq!((record.outcome, record.reason.reason_code.as_str()), (AuditOutcome::Success, "200"));
    assert_eq!(Some(record.request_id.as_str()), answer.header("x-openstack-request-id"));
}

#[actix_web::test]
async fn who_waits_long_enough_has_the_answer_itself() {
    let site = Site::new();
    site.fake.gate.add_permits(1);
    let request = TestRequest::post().uri("/v1/plugins/slow/disable").insert_header(("Prefer", "wait=20"));
    let answer = site.call_as(Role::Member, request).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (200, None));
    // What is quick takes no notice of the wish.
    let read = TestRequest::get().uri("/v1/plugins").insert_header(("Prefer", "wait=0"));
    assert_eq!(site.call_as(Role::Reader, read).await.status, 200);
}

#[actix_web::test]
async fn a_refusal_in_the_end_is_kept_with_its_document() {
    let site = Site::new();
    let request = TestRequest::post().uri("/v1/plugins/pinned/disable").insert_header(("Prefer", "wait=0"));
    let answer = site.call_as(Role::Member, request).await;
    let (_, place) = became(&answer);
    let ended = site.ended(&place).await;
    let problem = &ended["result"]["body"];
    assert_eq!((&ended["state"], &ended["result"]["status"]), (&json!("failed"), &json!(409)));
    assert_eq!(
        (&problem["code"], &problem["instance"]),
        (&json!("pinned"), &json!("/v1/plugins/pinned/disable"))
    );
    assert_eq!(problem["request_id"].as_str(), answer.header("x-openstack-request-id"));
    let panics = TestRequest::post().uri("/v1/plugins/panics/disable").insert_header(("Prefer", "wait=0"));
    let (_, place) = became(&site.call_as(Role::Member, panics).await);
    let ended = site.ended(&place).await;
    assert_eq!(
        (&ended["result"]["status"], &ended["result"]["body"]["code"]),
        (&json!(500), &json!("internal"))
    );
}

#[actix_web::test]
async fn who_may_not_ask_is_told_so_at_once() {
    let site = Site::new();
    assert_eq!(site.call(slow("disable")).await.refusal(), (401, "unauthorized"));
    assert_eq!(site.call_as(Role::Reader, slow("disable")).await.refusal(), (403, "forbidden"));
    assert_eq!(site.call_as(Role::Member, slow("reload")).await.refusal(), (403, "forbidden"));
    assert_eq!(site.noted().len(), 3);
}

#[actix_web::test]
async fn what_can_be_cancelled_is_and_what_is_carried_to_its_end_is_not() {
    let site = Site::new();
    let (operation, tried) = became(&site.call_as(Role::Member, slow("test")).await);
    assert_eq!(operation["cancellable"], true);
    let (_, carried) = became(&site.call_as(Role::Member, slow("disable")).await);
    let delete = |place: &str| TestRequest::delete().uri(place);
    assert_eq!(site.call_as(Role::Reader, delete(&tried)).await.refusal(), (403, "forbidden"));
    assert_eq!(site.call_as(Role::Member, delete(&tried)).await.status, 204);
    let ended = site.ended(&tried).await;
    assert_eq!((&ended["state"], &ended["result"]), (&json!("cancelled"), &Value::Null));
    assert_eq!(site.call_as(Role::Member, delete(&carried)).await.refusal(), (409, "conflict"));
    // One that ended is forgotten.
    assert_eq!(site.call_as(Role::Member, delete(&tried)).await.status, 204);
    assert_eq!(site.call_as(Role::Member, delete(&tried)).await.refusal(), (404, "not_found"));
    let outcomes: Vec<AuditOutcome> = site
        .noted()
        .iter()
        .filter(|record| record.target.id == "/v1/plugins/slow")
        .map(|record| record.outcome)
        .collect();
    assert_eq!(outcomes, [AuditOutcome::Unknown], "what was cancelled may have been done");
}

#[actix_web::test]
async fn an_operation_is_shown_to_its_caller_and_to_admins() {
    let site = Site::new();
    let (_, place) = became(&site.call_as(Role::Member, slow("disable")).await);
    let look = || TestRequest::get().uri(&place);
    assert_eq!(site.call_as(Role::Member, look()).await.json()["state"], "running");
    assert_eq!(site.call_as(Role::Admin, look()).await.status, 200);
    assert_eq!(site.call_as(Role::Reader, look()).await.refusal(), (404, "not_found"));
    assert_eq!(site.call(look()).await.refusal(), (401, "unauthorized"));
    let wrong = TestRequest::get().uri(&format!("{place}?wait=5"));
    assert_eq!(site.call_as(Role::Member, wrong).await.refusal(), (400, "bad_parameter"));
}

#[actix_web::test]
async fn a_key_replays_the_place_of_the_operation() {
    let site = Site::new();
    let request = || slow("disable").insert_header(("Idempotency-Key", "k"));
    let first = site.call_as(Role::Member, request()).await;
    let (_, place) = became(&first);
    let again = site.call_as(Role::Member, request()).await;
    assert_eq!(became(&again).1, place);
    assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &first.body));
    site.fake.gate.add_permits(2);
    assert_eq!(site.ended(&place).await["state"], "done");
    assert_eq!(site.noted().len(), 1, "it was done once");
}

#[actix_web::test]
async fn work_whose_caller_goes_away_is_carried_to_its_end_and_noted() {
    let site = Site::new();
    let service = init_service(site.shared().app()).await;
    let token = site.token(Role::Member);
    let request = TestRequest::post().uri("/v1/plugins/slow/disable").insert_header(("X-Auth-Token", token));
    let mut under_way = Box::pin(service.call(request.to_request()));
    while under_way.as_mut().now_or_never().is_none() && site.fake.left_values.lock().unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(under_way);
    site.fake.gate.add_permits(1);
    while site.noted().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(site.noted()[0].outcome, AuditOutcome::Success);
}

/// Reads until an answer has begun and ended.
async fn read_some(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    stream.read_buf(&mut seen).await.unwrap();
    String::from_utf8(seen).unwrap()
}

#[tokio::test]
async fn how_long_a_body_takes_does_not_count() {
    let site = Site::new();
    let (address, stopper, running) = start(&site);
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (token, body) = (site.token(Role::Member), "{\"outputs\": [\"cpu\"]}");
    let head = format!(
        "POST /v1/flush HTTP/1.1\r\nHost: h\r\nPrefer: wait=0\r\nX-Auth-Token: {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(300), read_some(&mut stream)).await;
    assert!(early.is_err(), "{early:?}");
    stream.write_all(body.as_bytes()).await.unwrap();
    let answer = read_some(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    assert!(stopper.stop(DEADLINE).await);
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stop_of_the_server_waits_for_nobody_who_waits_for_an_operation() {
    let site = Site::new();
    let (address, stopper, running) = start(&site);
    let token = site.token(Role::Member);
    let request =
        format!("POST /v1/plugins/slow/disable HTTP/1.1\r\nPrefer: wait=0\r\nX-Auth-Token: {token}");
    let answer = ask(TcpStream::connect(address).await.unwrap(), &request).await;
    let place = answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().to_owned();
    let request = format!("GET {place} HTTP/1.1\r\nPrefer: wait=60\r\nX-Auth-Token: {token}");
    let waiting =
        tokio::spawn(async move { ask(TcpStream::connect(address).await.unwrap(), &request).await });
    let early = tokio::time::timeout(Duration::from_millis(300), async {
        while !waiting.is_finished() {
            tokio::task::yield_now().await;
        }
    });
    assert!(early.await.is_err(), "it waits");
    let began = Instant::now();
    assert!(stopper.stop(DEADLINE).await);
    running.await.unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(waiting.await.unwrap().contains("\"state\":\"running\""));
}
