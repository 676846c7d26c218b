//! What is delivered, tried again, dropped and counted, over targets that do as they are told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gatherd_model::{CdTime, Notification, Severity};
use tokio::sync::Notify;

use super::*;
use crate::clock::SystemClock;
use crate::port::{BoxFuture, Message, NotDelivered, Program, ProgramFormat, Reach, Target, Webhook};

/// What the targets of one test do, call by call; then all is well.
#[derive(Default)]
struct Script {
    says: Mutex<VecDeque<Option<NotDelivered>>>,
    calls: Mutex<Vec<(String, String)>>,
    /// While there is one, a delivery waits for it.
    gate: Option<Notify>,
    called: Notify,
    /// Deliveries under way, and the most at one time.
    under_way: Mutex<(usize, usize)>,
}

/// Counts a delivery for as long as it lasts, also when it is broken off.
struct UnderWay<'a>(&'a Script);

impl<'a> UnderWay<'a> {
    fn begin(script: &'a Script) -> Self {
        let mut counts = script.under_way.lock().unwrap();
        counts.0 += 1;
        counts.1 = counts.1.max(counts.0);
        Self(script)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.lock().unwrap().0 -= 1;
    }
}

struct Scripted(Arc<Script>);

impl Targets for Scripted {
    fn open(&self, _: &Subscriber) -> Result<Box<dyn Target>, NotDelivered> {
        Ok(Box::new(Scripted(Arc::clone(&self.0))))
    }
}

impl Target for Scripted {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Attempt> {
        Box::pin(async move {
            let _counted = UnderWay::begin(&self.0);
            let call = (message.id.clone(), message.notification.message.clone());
            self.0.calls.lock().unwrap().push(call);
            self.0.called.notify_one();
            if let Some(gate) = &self.0.gate {
                gate.notified().await;
            }
            let said = self.0.says.lock().unwrap().pop_front().flatten();
            said.map_or(Ok(()), Err).into()
        })
    }
}

fn spec() -> SubscriptionSpec {
    SubscriptionSpec {
        enabled: true,
        about: Matcher::default(),
        severities: vec![Severity::Failure],
        subscriber: Subscriber::Webhook(Webhook {
            url: "https://example.org/".into(),
            reach: Reach::Public,
            secret: None,
            headers: BTreeMap::new(),
            timeout: Duration::from_secs(1),
            ca_file: None,
        }),
        max_age: Duration::from_mins(1),
        queue: 3,
    }
}

fn notification(severity: Severity, message: &str) -> Notification {
    Notification {
        severity,
        time: CdTime::from_secs(1),
        message: message.into(),
        host: "h".into(),
        plugin: String::new(),
        plugin_instance: String::new(),
        type_name: String::new(),
        type_instance: String::new(),
        meta: BTreeMap::new(),
    }
}

fn start(script: Script) -> (Arc<Script>, Arc<Bus>, Subscriptions) {
    let (script, bus) = (Arc::new(script), Arc::new(Bus::new(64)));
    let clock = Arc::new(SystemClock::new());
    let subscriptions = Subscriptions::new(Arc::new(Scripted(Arc::clone(&script))), clock, Arc::clone(&bus));
    subscriptions.configure(BTreeMap::from([("a".to_owned(), spec())]));
    (script, bus, subscriptions)
}

async fn until(subscriptions: &Subscriptions, look: impl Fn(&Tally) -> bool) -> Tally {
    let found = async {
        loop {
            let tally = subscriptions.tallies()["a"].clone();
            if look(&tally) {
                return tally;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), found).await.expect("it comes to that")
}

fn fail(bus: &Bus, message: &str) {
    bus.publish(notification(Severity::Failure, message)).unwrap();
}

#[tokio::test]
async fn a_message_is_tried_until_it_is_delivered_under_one_id_and_keeps_its_place() {
    let says = VecDeque::from([Some(NotDelivered::Later("not now".into()))]);
    let (script, bus, subscriptions) = start(Script { says: Mutex::new(says), ..Script::default() });
    bus.publish(notification(Severity::Okay, "not wanted")).unwrap();
    fail(&bus, "one");
    fail(&bus, "two");
    let tally = until(&subscriptions, |tally| tally.delivered == 2).await;
    assert_eq!((tally.failed, tally.queued, tally.dropped_refused), (1, 0, 0));
    assert_eq!(tally.last_error.unwrap().1, "not now");
    let calls = script.calls.lock().unwrap().clone();
    assert_eq!(calls.iter().map(|call| call.1.as_str()).collect::<Vec<_>>(), ["one", "one", "two"]);
    assert!(calls[0].0 == calls[1].0 && calls[1].0 != calls[2].0);
}

#[tokio::test]
async fn what_can_never_be_delivered_is_dropped_at_once() {
    let says = VecDeque::from([Some(NotDelivered::Never("gone".into()))]);
    let (_script, bus, subscriptions) = start(Script { says: Mutex::new(says), ..Script::default() });
    fail(&bus, "one");
    fail(&bus, "two");
    let tally = until(&subscriptions, |tally| tally.delivered == 1).await;
    assert_eq!((tally.failed, tally.dropped_refused, tally.queued), (1, 1, 0));
}

#[tokio::test]
async fn a_full_queue_loses_its_oldest_also_the_one_under_way() {
    let (script, bus, subscriptions) = start(Script { gate: Some(Notify::new()), ..Script::default() });
    fail(&bus, "a");
    script.called.notified().await;
    for message in ["b", "c", "d", "e"] {
        fail(&bus, message);
    }
    let tally = until(&subscriptions, |tally| tally.dropped_full == 2).await;
    assert_eq!(tally.queued, 3);
    for _ in 0..4 {
        script.gate.as_ref().unwrap().notify_one();
        script.called.notified().await;
        if script.calls.lock().unwrap().len() == 4 {
            break;
        }
    }
    script.gate.as_ref().unwrap().notify_one();
    until(&subscriptions, |tally| tally.queued == 0).await;
    let calls = script.calls.lock().unwrap().clone();
    assert_eq!(calls.iter().map(|call| call.1.as_str()).collect::<Vec<_>>(), ["a", "c", "d", "e"]);
}

#[tokio::test]
async fn what_is_too_old_is_dropped_and_another_configuration_keeps_queue_and_counts() {
    let says = VecDeque::from([Some(NotDelivered::Later("not now".into())); 1]);
    let (_script, bus, subscriptions) = start(Script { says: Mutex::new(says), ..Script::default() });
    fail(&bus, "one");
    until(&subscriptions, |tally| tally.failed == 1).await;
    let old = SubscriptionSpec { max_age: Duration::ZERO, ..spec() };
    subscriptions.configure(BTreeMap::from([("a".to_owned(), old)]));
    let tally = until(&subscriptions, |tally| tally.queued == 0).await;
    assert_eq!((tally.failed, tally.dropped_aged, tally.delivered), (1, 1, 0));
}

#[tokio::test]
async fn what_is_taken_away_or_disabled_hears_nothing_and_a_stop_waits_for_what_is_under_way() {
    let (script, bus, subscriptions) = start(Script { gate: Some(Notify::new()), ..Script::default() });
    let off = SubscriptionSpec { enabled: false, ..spec() };
    subscriptions.configure(BTreeMap::from([("a".to_owned(), spec()), ("off".to_owned(), off)]));
    fail(&bus, "one");
    script.called.notified().await;
    script.gate.as_ref().unwrap().notify_one();
    subscriptions.stop().await;
    assert_eq!((subscriptions.tallies()["a"].delivered, subscriptions.tallies()["off"].queued), (1, 0));
    fail(&bus, "two");
    assert_eq!(subscriptions.tallies()["a"].queued, 0);
    subscriptions.configure(BTreeMap::new());
    assert!(subscriptions.tallies().is_empty());
    assert_eq!(subscriptions.try_out("a", notification(Severity::Okay, "m")).await, None);
}

fn program() -> SubscriptionSpec {
    let program = Program {
        path: "/opt/x/page".into(),
        directories: [].into(),
        arguments: Vec::new(),
        format: ProgramFormat::Collectd,
        timeout: Duration::from_secs(1),
        retry: false,
    };
    SubscriptionSpec { subscriber: Subscriber::Program(program), ..spec() }
}

#[tokio::test]
async fn of_a_program_one_runs_at_a_time_also_when_it_is_tried_out() {
    let (script, bus, subscriptions) = start(Script { gate: Some(Notify::new()), ..Script::default() });
    subscriptions.configure(BTreeMap::from([("a".to_owned(), program())]));
    fail(&bus, "one");
    script.called.notified().await;
    let trials = async {
        let trial = || subscriptions.try_out("a", notification(Severity::Okay, "trial"));
        tokio::join!(trial(), trial())
    };
    let open_gate = async {
        for _ in 0..1_000_000 {
            script.gate.as_ref().unwrap().notify_one();
            tokio::task::yield_now().await;
        }
    };
    let (first, second) = tokio::select! {
        both = trials => both,
        () = open_gate => panic!("the trials do not come to an end"),
    };
    assert_eq!(first.unwrap().attempt, Ok(()).into());
    assert_eq!(second.unwrap().attempt, Ok(()).into());
    until(&subscriptions, |tally| tally.delivered == 1).await;
    assert_eq!(*script.under_way.lock().unwrap(), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stop_breaks_off_what_does_not_end() {
    let (script, bus, subscriptions) = start(Script { gate: Some(Notify::new()), ..Script::default() });
    fail(&bus, "one");
    script.called.notified().await;
    assert_eq!(script.under_way.lock().unwrap().0, 1);
    subscriptions.stop().await;
    assert_eq!(script.under_way.lock().unwrap().0, 0);
}
