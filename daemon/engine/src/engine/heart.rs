//! The heartbeat as a notification, as often as the document says; nothing runs while it says never.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gatherd_model::{MetaValue, Notification, Severity};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::desired::Document;
use crate::observe::Observer;
use crate::way::Way;

/// Knows how often the daemon says that it lives.
pub(super) struct Heart(watch::Sender<Option<Duration>>);

impl Heart {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Takes the document's interval over; counted from now on where it is another.
    pub(super) fn configure(&self, document: &Document) {
        let interval = document.heartbeat.interval();
        self.0.send_if_modified(|current| std::mem::replace(current, interval) != interval);
    }
}

/// Publishes the heartbeats.
pub(super) fn beat(heart: &Heart, way: &Arc<Way>, observer: &Arc<Observer>) -> JoinHandle<()> {
    let (mut interval, way, observer) = (heart.0.subscribe(), Arc::clone(way), Arc::clone(observer));
    tokio::spawn(async move {
        loop {
            let current = *interval.borrow_and_update();
            let due = async {
                match current {
                    Some(interval) => sleep(interval).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => publish(&way, &observer),
                changed = interval.changed() => if changed.is_err() { return },
            }
        }
    })
}

fn publish(way: &Way, observer: &Observer) {
    let totals = observer.totals();
    let uptime = totals.uptime.as_secs_f64();
    let series = u64::try_from(totals.series).unwrap_or(u64::MAX);
    let notification = Notification {
        severity: Severity::Okay,
        time: way.clock().wall(),
        message: format!("the daemon lives, for {uptime:.0} s, and has {series} series"),
        host: way.hostname().to_owned(),
        plugin: "self".into(),
        plugin_instance: String::new(),
        type_name: "uptime".into(),
        type_instance: String::new(),
        meta: BTreeMap::from([
            ("state".into(), MetaValue::String("heartbeat".into())),
            ("uptime".into(), MetaValue::Double(uptime)),
            ("series".into(), MetaValue::UInt(series)),
        ]),
    };
    // A heartbeat is never a repetition of the one before.
    let _published = way.bus().publish_anew(notification);
}
