//! The ring, its listeners, repeats and acknowledgements.

use super::*;
use gatherd_model::{CdTime, MetaValue, Severity};

fn notification(message: &str) -> Notification {
    Notification {
        severity: Severity::Warning,
        time: CdTime::from_secs(1),
        message: message.into(),
        host: "h".into(),
        plugin: String::new(),
        plugin_instance: String::new(),
        type_name: String::new(),
        type_instance: String::new(),
        meta: std::collections::BTreeMap::new(),
    }
}

#[test]
fn the_ring_keeps_the_newest_and_numbers_go_on() {
    let bus = Bus::new(2);
    for message in ["a", "b", "c"] {
        bus.publish(notification(message)).unwrap();
    }
    let recent = bus.recent(0, 10, |_| true);
    assert_eq!(recent.iter().map(|one| one.number).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(bus.recent(2, 10, |_| true)[0].notification.message, "c");
    assert!(bus.recent(0, 10, |one| one.notification.message == "a").is_empty());
}

#[tokio::test]
async fn who_follows_hears_what_is_remembered_and_what_comes_once_each() {
    let bus = Bus::new(3);
    for message in ["a", "b", "c", "d", "e"] {
        bus.publish(notification(message)).unwrap();
    }
    for (after, gap, numbers) in
        [(Some(0), 2, vec![3, 4, 5]), (Some(1), 1, vec![3, 4, 5]), (Some(4), 0, vec![5]), (None, 0, vec![])]
    {
        let followed = bus.follow(after);
        let recent: Vec<u64> = followed.recent.iter().map(|one| one.number).collect();
        assert_eq!((followed.gap, recent), (gap, numbers), "{after:?}");
    }
    for far in [6, u64::MAX] {
        let followed = bus.follow(Some(far));
        assert_eq!((followed.gap, followed.recent.len()), (0, 0), "{far}");
    }
    let mut followed = bus.follow(Some(5));
    bus.publish(notification("f")).unwrap();
    assert!(matches!(followed.listener.hear().await, Some(Heard::One(one)) if one.number == 6));
}

#[tokio::test]
async fn a_slow_listener_is_told_how_many_it_lost() {
    let bus = Bus::new(2);
    let mut listener = bus.listen();
    for message in ["a", "b", "c", "d"] {
        bus.publish(notification(message)).unwrap();
    }
    assert_eq!(listener.hear().await, Some(Heard::Lost(2)));
    assert!(matches!(listener.hear().await, Some(Heard::One(one)) if one.number == 3));
}

#[test]
fn an_oversized_notification_is_refused() {
    let bus = Bus::new(2);
    assert_eq!(bus.publish(notification("")), Err(NotPublished::Message(0)));
    assert_eq!(bus.publish(notification(&"x".repeat(4097))), Err(NotPublished::Message(4097)));
    let mut many = notification("m");
    many.meta = (0..65).map(|n| (n.to_string(), MetaValue::Bool(true))).collect();
    assert_eq!(bus.publish(many), Err(NotPublished::Meta(65)));
}

#[test]
fn a_ring_that_is_made_smaller_or_larger_loses_only_what_has_no_room() {
    let bus = Bus::new(3);
    for message in ["a", "b", "c", "d"] {
        bus.publish(notification(message)).unwrap();
    }
    let settings = |remembered| BusSettings { remembered, window: CdTime::ZERO };
    let numbers = || bus.recent(0, 10, |_| true).iter().map(|one| one.number).collect::<Vec<_>>();
    bus.configure(settings(2));
    assert_eq!(numbers(), [3, 4]);
    bus.configure(settings(4));
    for message in ["e", "f", "g"] {
        bus.publish(notification(message)).unwrap();
    }
    assert_eq!(numbers(), [4, 5, 6, 7]);
    assert_eq!(bus.get(4).unwrap().notification.message, "d");
    assert!(bus.get(3).is_none() && bus.get(8).is_none() && bus.get(0).is_none());
}

#[test]
fn who_acknowledges_first_stays_and_what_is_forgotten_cannot_be() {
    let bus = Bus::new(1);
    let number = bus.publish(notification("a")).unwrap().number;
    let by = |who: &str| Acknowledgement { by: who.into(), time: CdTime::from_secs(5), comment: "c".into() };
    let one = bus.acknowledge(number, by("me")).unwrap();
    assert_eq!(one.acknowledged.as_deref(), Some(&by("me")));
    assert_eq!(bus.acknowledge(number, by("you")).unwrap(), one);
    assert_eq!(bus.get(number), Some(one));
    bus.publish(notification("b")).unwrap();
    assert_eq!(bus.acknowledge(number, by("me")), None);
}

fn at(seconds: u64, severity: Severity, host: &str) -> Notification {
    Notification { severity, time: CdTime::from_secs(seconds), host: host.into(), ..notification("m") }
}

#[tokio::test]
async fn an_equal_one_within_the_window_is_counted_and_not_heard_again() {
    let bus = Bus::new(4);
    bus.configure(BusSettings { remembered: 4, window: CdTime::from_secs(10) });
    let mut listener = bus.listen();
    let first = bus.publish(at(100, Severity::Warning, "h")).unwrap();
    assert_eq!((first.number, first.count), (1, 1));
    let again = bus.publish(at(110, Severity::Warning, "h")).unwrap();
    assert_eq!((again.number, again.count, again.last), (1, 2, CdTime::from_secs(110)));
    let early = bus.publish(at(95, Severity::Warning, "h")).unwrap();
    assert_eq!((early.number, early.count, early.last), (1, 3, CdTime::from_secs(110)));
    assert_eq!(bus.get(1), Some(early));
    assert_eq!(bus.publish(at(111, Severity::Warning, "h")).unwrap().number, 2, "the window is over");
    assert_eq!(bus.publish(at(112, Severity::Warning, "other")).unwrap().number, 3);
    for number in 1..=3 {
        assert!(
            matches!(listener.hear().await, Some(Heard::One(one)) if one.number == number && one.count == 1)
        );
    }
}

#[test]
fn what_comes_back_after_something_else_was_said_is_said_again() {
    let bus = Bus::new(4);
    bus.configure(BusSettings { remembered: 4, window: CdTime::from_secs(60) });
    let said = [Severity::Failure, Severity::Okay, Severity::Failure, Severity::Failure];
    let numbers = said.map(|severity| bus.publish(at(100, severity, "h")).unwrap().number);
    assert_eq!(numbers, [1, 2, 3, 3], "who heard `okay` must hear of the next failure");
}

#[test]
fn what_is_forgotten_or_without_a_window_counts_nothing() {
    let bus = Bus::new(2);
    let publish = |host: &str| bus.publish(at(100, Severity::Warning, host)).unwrap().number;
    assert_eq!((publish("a"), publish("a")), (1, 2), "no window");
    bus.configure(BusSettings { remembered: 2, window: CdTime::from_secs(60) });
    assert_eq!((publish("a"), publish("b"), publish("c")), (3, 4, 5));
    assert_eq!(publish("a"), 6, "3 is forgotten");
    bus.configure(BusSettings { remembered: 2, window: CdTime::ZERO });
    assert_eq!(publish("a"), 7);
}

#[test]
fn what_is_published_anew_is_no_repetition_and_the_next_equal_one_is_one() {
    let bus = Bus::new(4);
    bus.configure(BusSettings { remembered: 4, window: CdTime::from_secs(60) });
    bus.publish(at(100, Severity::Okay, "h")).unwrap();
    assert_eq!(bus.publish_anew(at(101, Severity::Okay, "h")).unwrap().number, 2);
    assert_eq!(bus.publish(at(102, Severity::Okay, "h")).unwrap().count, 2);
}
