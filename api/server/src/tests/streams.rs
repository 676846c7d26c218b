//! Streams of events, from the credential to the last byte.

use super::sockets::{DEADLINE, ask, start};
use super::{Answer, Site};
use actix_web::test::TestRequest;
use gatherd_api_types::{Role, StreamCounts};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

const PATH: &str = "/v1/notifications/stream";

impl Site {
    /// The answer to a request that is ended from outside once its stream is open, and how long that took.
    pub(super) async fn ended_by(&self, request: TestRequest, end: impl FnOnce()) -> (Answer, Duration) {
        self.fake.endless.store(true, Ordering::Relaxed);
        let ending = async {
            while self.streams.counts().open == 0 {
                tokio::task::yield_now().await;
            }
            end();
            Instant::now()
        };
        let (answer, began) = tokio::join!(self.call(request), ending);
        (answer, began.elapsed())
    }
}

#[actix_web::test]
async fn a_stream_tells_what_happened_what_is_forgotten_and_what_was_lost() {
    let site = Site::new();
    let request = TestRequest::get().uri(PATH).insert_header(("Accept-Encoding", "gzip, zstd"));
    let answer = site.call_as(Role::Reader, request).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-accel-buffering"), Some("no"));
    assert_eq!(
        answer.header("content-encoding"),
        None,
        "what is compressed waits until there is enough of it"
    );
    let text = answer.text();
    let events: Vec<&str> = text.split("\n\n").collect();
    assert_eq!(events[0], "retry: 2000");
    assert_eq!(events[1], "event: gap\ndata: {\"lost\":2}");
    assert_eq!(events[2], "event: lost\ndata: {\"lost\":5}");
    let (id, rest) = events[3].split_once('\n').unwrap();
    assert!(id.starts_with("id: ") && id.ends_with("-7"), "{id}");
    assert!(rest.starts_with("event: notification\ndata: {\"id\":7,"), "{rest}");
    assert_eq!(events.len(), 5, "{text}");
    assert_eq!(site.streams.counts(), StreamCounts { open: 0, limit: 4, refused: 0, lost: 5 });
}

#[actix_web::test]
async fn a_stream_goes_on_behind_the_last_event_and_else_behind_since() {
    let site = Site::new();
    let begins = async |path: &str, id: Option<&str>| {
        let request = TestRequest::get().uri(path);
        let request = match id {
            Some(id) => request.insert_header(("Last-Event-ID", id)),
            None => request,
        };
        let answer = site.call_as(Role::Reader, request).await;
        let unknown = answer.text().contains("data: {\"lost\":null}");
        (site.fake.followed.lock().unwrap().pop().unwrap(), unknown, answer.text())
    };
    let (after, unknown, text) = begins(PATH, None).await;
    assert_eq!((after, unknown), (None, false));
    let last = text.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
    let since = format!("{PATH}?since=3&host=web-*");
    assert_eq!(begins(&since, None).await.0, Some(3));
    let (after, unknown, _) = begins(&since, Some(&last)).await;
    assert_eq!((after, unknown), (Some(7), false), "what was seen goes before");
    let (after, unknown, _) = begins(&since, Some("0123456789abcdef-7")).await;
    assert_eq!((after, unknown), (Some(0), true), "another life of the daemon");
}

#[actix_web::test]
async fn what_is_no_filter_is_refused_and_a_page_is_none() {
    let site = Site::new();
    for bad in ["since=x", "severity=bad", "host=re:(", "limit=1", "marker=00"] {
        let answer = site.get(&format!("{PATH}?{bad}")).await;
        assert_eq!(answer.refusal(), (400, "bad_parameter"), "{bad}");
    }
}

#[actix_web::test]
async fn head_is_the_same_without_a_stream() {
    let site = Site::new();
    site.fake.endless.store(true, Ordering::Relaxed);
    let answer =
        site.call_as(Role::Reader, TestRequest::with_uri(PATH).method("HEAD".parse().unwrap())).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some("text/event-stream")));
    assert_eq!(site.streams.counts().open, 0);
}

#[actix_web::test]
async fn a_token_that_is_taken_back_or_loses_its_role_ends_the_stream_within_a_second() {
    let site = Site::new();
    let token = site.token(Role::Reader);
    let request = || TestRequest::get().uri(PATH).insert_header(("X-Auth-Token", token.as_str()));
    let revoke = || site.store.revoke(&token, crate::clock::now()).unwrap();
    let (answer, took) = site.ended_by(request(), revoke).await;
    let end = "event: end\ndata: {\"reason\":\"credentials\"}\n\n";
    assert!(answer.text().ends_with(end), "{}", answer.text());
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(site.call(request()).await.refusal(), (401, "unauthorized"));

    let token = site.token(Role::Member);
    let request = TestRequest::get().uri(PATH).insert_header(("X-Auth-Token", token));
    let change = || site.store.put_user("member", Role::Member, "another horse").unwrap();
    assert!(site.ended_by(request, change).await.0.text().ends_with(end));
}

#[actix_web::test]
async fn more_streams_than_there_may_be_are_503_and_counted() {
    let site = Site::new();
    let places: Vec<_> = (0..4).map(|_| site.streams.admit().unwrap()).collect();
    let answer = site.get(PATH).await;
    assert_eq!(answer.refusal(), (503, "unavailable"));
    assert_eq!(answer.header("retry-after"), Some("5"));
    let beat = site.get("/v1/heartbeat").await.json();
    assert_eq!(beat["streams"], serde_json::json!({"open": 4, "limit": 4, "refused": 1, "lost": 0}));
    drop(places);
    assert_eq!(site.get(PATH).await.status, 200);
}

#[tokio::test]
async fn a_stop_of_the_server_ends_its_streams_and_waits_for_none() {
    let site = Site::new();
    site.fake.endless.store(true, Ordering::Relaxed);
    let (address, stopper, running) = start(&site);
    let request = format!("GET {PATH} HTTP/1.1\r\nX-Auth-Token: {}", site.token(Role::Reader));
    let reading =
        tokio::spawn(async move { ask(TcpStream::connect(address).await.unwrap(), &request).await });
    let told = || !site.fake.followed.lock().unwrap().is_empty();
    while !told() {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    assert!(stopper.stop(DEADLINE).await);
    running.await.unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let text = reading.await.unwrap();
    assert!(text.contains("event: end\ndata: {\"reason\":\"stopping\"}\n\n"), "{text}");
}

#[actix_web::test]
async fn values_flow_as_events_that_pass_the_filters() {
    let site = Site::new();
    let answer = site.get("/v1/values/stream?type_instance=*2").await;
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let text = answer.text();
    let events: Vec<&str> = text.split("\n\n").collect();
    assert_eq!(events.len(), 4, "{text}");
    let (id, rest) = events[1].split_once('\n').unwrap();
    assert!(id.starts_with("id: ") && id.ends_with("-5"), "{id}");
    assert!(rest.starts_with("event: value\ndata: {\"identifier\":\"h/p/counter-00002\","), "{rest}");
    assert_eq!(events[2], "event: lost\ndata: {\"lost\":9}");
    for query in ["since=1", "limit=5", "state=blue", "host=re:("] {
        let refused = site.get(&format!("/v1/values/stream?{query}")).await;
        assert_eq!(refused.refusal(), (400, "bad_parameter"), "{query}");
    }
}
