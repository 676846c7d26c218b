//! A stream of Server-Sent Events (WHATWG HTML, section 9.2).
//!
//! ```text
//! retry: 2000
//!
//! id: 8f2c…-17              the life of the daemon, and the number of the event
//! event: notification
//! data: {"id":17, …}
//!
//! : heartbeat               every 15 s
//! ```
//!
//! Beside the events of its kind a stream has `gap` (so many are not remembered; `null` where nobody can know), `lost`
//! (so many were lost because the reader was slow) and `end` (why the daemon ends it).

use crate::auth::Pass;
use crate::clock::now;
use crate::events::{Event, Events};
use crate::problem::ApiError;
use crate::streams::{Ending, Place, Streams};
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, HeaderName};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::stream;
use gatherd_api_types::Role;
use serde::Serialize;
use serde_json::json;
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// The media type of every stream.
const EVENT_STREAM: &str = "text/event-stream";

/// Time between two looks whether a stream has to end.
const LOOK: Duration = Duration::from_millis(500);

/// Looks between two signs of life; 15 s.
const LOOKS_PER_HEARTBEAT: u32 = 30;

/// When a reader should come back after the connection broke, in milliseconds.
const RETRY: u32 = 2_000;

/// What a reader says that it saw last.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A stream that may be opened: it has a place, and a credential that counts.
pub(crate) struct EventStream {
    place: Place,
    pass: Pass,
    seen: Seen,
    is_head: bool,
}

/// What the reader has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Seen {
    /// It does not say.
    Unsaid,
    /// All up to this number.
    Up(u64),
    /// Something of another life of the daemon.
    Foreign,
}

impl EventStream {
    /// Takes a place for the stream of a request whose role was proved.
    ///
    /// # Errors
    ///
    /// 503 when there are as many streams as there may be.
    pub(crate) fn open(request: &HttpRequest, needed: Role) -> Result<Self, ApiError> {
        let streams = request.app_data::<web::Data<Streams>>();
        let place = streams.and_then(|streams| streams.clone().into_inner().admit());
        let place = place.ok_or_else(ApiError::too_many_streams)?;
        let seen = request.headers().get(LAST_EVENT_ID).map_or(Seen::Unsaid, |id| {
            let number = id.to_str().ok().and_then(|id| number_of(id, place.life()));
            number.map_or(Seen::Foreign, Seen::Up)
        });
        let is_head = request.method() == Method::HEAD;
        Ok(Self { place, pass: Pass::of(request, needed), seen, is_head })
    }

    /// The number behind which the stream begins: what the reader saw last, or else `since`; from now on when `None`.
    pub(crate) fn after(&self, since: Option<u64>) -> Option<u64> {
        match self.seen {
            Seen::Unsaid => since,
            Seen::Up(number) => Some(number),
            Seen::Foreign => Some(0),
        }
    }

    /// The answer. `name` is that of the events.
    pub(crate) fn answer<T: Serialize + 'static>(
        self,
        name: &'static str,
        events: Events<T>,
    ) -> HttpResponse {
        let mut answer = HttpResponse::Ok();
        answer.content_type(EVENT_STREAM).insert_header((CACHE_CONTROL, "no-store"));
        // Proxies must not gather what has to arrive at once, and our own compression would.
        answer.insert_header(("x-accel-buffering", "no")).insert_header((CONTENT_ENCODING, "identity"));
        if self.is_head {
            return answer.finish();
        }
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let Self { place, pass, seen, is_head: _ } = self;
        let running = Running { name, place, pass, events, ticks, looks: 0, stage: Stage::Begin(seen) };
        answer.streaming(stream::unfold(running, |mut running| async move {
            Some((Ok::<_, Infallible>(running.next().await?), running))
        }))
    }
}

/// A stream under way.
struct Running<T> {
    name: &'static str,
    place: Place,
    pass: Pass,
    events: Events<T>,
    ticks: Interval,
    /// Looks since something was sent.
    looks: u32,
    stage: Stage,
}

enum Stage {
    Begin(Seen),
    Events,
    End,
}

impl<T: Serialize> Running<T> {
    /// What is sent next.
    async fn next(&mut self) -> Option<Bytes> {
        match self.stage {
            Stage::Begin(seen) => {
                self.stage = Stage::Events;
                return Some(beginning(seen));
            }
            Stage::Events => {}
            Stage::End => return None,
        }
        loop {
            tokio::select! {
                biased;
                _ = self.ticks.tick() => {
                    if let Some(last) = self.look(now()) {
                        return Some(last);
                    }
                }
                event = self.events.next() => {
                    self.looks = 0;
                    return event.map(|event| self.written(event));
                }
            }
        }
    }

    /// Ends the stream if it has to, and gives a sign of life when nothing else was sent for a while.
    fn look(&mut self, now: u64) -> Option<Bytes> {
        let ending = match self.place.poll() {
            Some(Ending::Stopping) => Some("stopping"),
            Some(Ending::Stalled) => Some("stalled"),
            None if !self.pass.holds_at(now) => Some("credentials"),
            None => None,
        };
        if let Some(reason) = ending {
            self.stage = Stage::End;
            return Some(event(None, "end", &json!({"reason": reason})));
        }
        self.looks += 1;
        (self.looks >= LOOKS_PER_HEARTBEAT).then(|| {
            self.looks = 0;
            Bytes::from_static(b": heartbeat\n\n")
        })
    }

    fn written(&self, happened: Event<T>) -> Bytes {
        match happened {
            Event::One { number, what } => event(Some((self.place.life(), number)), self.name, &what),
            Event::Gap(lost) => event(None, "gap", &json!({"lost": lost})),
            Event::Lost(lost) => {
                self.place.count_lost(lost);
                event(None, "lost", &json!({"lost": lost}))
            }
        }
    }
}

fn beginning(seen: Seen) -> Bytes {
    let mut text = format!("retry: {RETRY}\n\n").into_bytes();
    if seen == Seen::Foreign {
        text.extend_from_slice(&event(None, "gap", &json!({"lost": null})));
    }
    text.into()
}

/// One event. JSON has no line breaks of its own, so one line carries it.
fn event(id: Option<(u64, u64)>, name: &str, data: &impl Serialize) -> Bytes {
    let id = id.map_or_else(String::new, |(life, number)| format!("id: {life:016x}-{number}\n"));
    let mut text = format!("{id}event: {name}\ndata: ").into_bytes();
    serde_json::to_writer(&mut text, data).expect("wire types are always JSON, and memory takes all writes");
    text.extend_from_slice(b"\n\n");
    text.into()
}

/// The number in an id of this life.
fn number_of(id: &str, life: u64) -> Option<u64> {
    let (of, number) = id.trim().split_once('-')?;
    (of == format!("{life:016x}")).then(|| number.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Identity;
    use crate::management::Caller;
    use actix_web::HttpMessage;
    use actix_web::test::TestRequest;
    use std::sync::Arc;

    #[test]
    fn an_id_comes_back_as_its_number_and_one_of_another_life_does_not() {
        let text = event(Some((0xab, 17)), "notification", &json!({"message": "a\nb"}));
        assert_eq!(
            text,
            "id: 00000000000000ab-17\nevent: notification\ndata: {\"message\":\"a\\nb\"}\n\n".as_bytes()
        );
        assert_eq!(number_of("00000000000000ab-17", 0xab), Some(17));
        for foreign in
            ["00000000000000ac-17", "17", "", "-", "00000000000000ab-x", "ab-17", "00000000000000ab--1"]
        {
            assert_eq!(number_of(foreign, 0xab), None, "{foreign}");
        }
    }

    #[actix_web::test]
    async fn a_sign_of_life_comes_every_fifteen_seconds_and_an_event_puts_it_off() {
        let request = TestRequest::default().to_http_request();
        let caller = Caller { user: "root".to_owned(), role: Role::Admin, peer: "unix:0".to_owned() };
        request.extensions_mut().insert(Identity::Peer(caller));
        let mut running = Running {
            name: "x",
            place: Arc::new(Streams::new(1)).admit().unwrap(),
            pass: Pass::of(&request, Role::Reader),
            events: Events::<u8>::from_stream(stream::empty()),
            ticks: interval(LOOK),
            looks: 0,
            stage: Stage::Events,
        };
        assert_eq!(LOOK * LOOKS_PER_HEARTBEAT, Duration::from_secs(15));
        let said = |running: &mut Running<u8>, looks: u32| (0..looks).filter_map(|_| running.look(0)).count();
        assert_eq!(said(&mut running, LOOKS_PER_HEARTBEAT - 1), 0);
        assert_eq!(running.look(0).as_deref(), Some(b": heartbeat\n\n".as_slice()));
        assert_eq!(said(&mut running, LOOKS_PER_HEARTBEAT - 1), 0);
        running.looks = 0; // As after an event.
        assert_eq!(said(&mut running, LOOKS_PER_HEARTBEAT - 1), 0);
        running.pass = Pass::of(&TestRequest::default().to_http_request(), Role::Reader);
        let end = "event: end\ndata: {\"reason\":\"credentials\"}\n\n".as_bytes();
        assert_eq!(running.look(0).as_deref(), Some(end));
        assert!(matches!(running.stage, Stage::End));
    }

    #[test]
    fn who_was_in_another_life_is_told_that_nobody_knows_what_is_missing() {
        assert_eq!(beginning(Seen::Up(3)), "retry: 2000\n\n".as_bytes());
        assert_eq!(
            beginning(Seen::Foreign),
            "retry: 2000\n\nevent: gap\ndata: {\"lost\":null}\n\n".as_bytes()
        );
    }
}
