//! Subscriptions: what became of their messages, and one to try.

use std::collections::BTreeMap;

use gatherd_api::types::{
    SubscriptionDrops, SubscriptionError, SubscriptionRun, SubscriptionStatus, SubscriptionTest,
};
use gatherd_api::{Caller, ManagementError};
use gatherd_engine::port::{Attempt, Run};
use gatherd_engine::subscription::{Tally, Tried};
use gatherd_model::{CdTime, Notification, Severity};

use crate::EngineManagement;
use crate::convert::timestamp;

/// Sends one message past the queue.
pub(crate) async fn test(
    this: &EngineManagement,
    caller: &Caller,
    id: &str,
) -> Result<SubscriptionTest, ManagementError> {
    let way = this.engine().way();
    let notification = Notification {
        severity: Severity::Okay,
        time: way.clock().wall(),
        message: format!("{} tries this subscription", caller.user),
        host: way.hostname().to_owned(),
        plugin: "self".to_owned(),
        plugin_instance: String::new(),
        type_name: String::new(),
        type_instance: String::new(),
        meta: BTreeMap::new(),
    };
    let tried = this.engine().subscriptions().try_out(id, notification).await;
    let Some(Tried { attempt: Attempt { outcome, run }, took }) = tried else {
        let id: String = id.chars().take(64).collect();
        return Err(ManagementError::NotFound { detail: format!("there is no subscription {id:?}") });
    };
    let reason = outcome.err().map(|reason| reason.to_string());
    let run = run.map(|run| ran(way.clock().wall(), run));
    Ok(SubscriptionTest { delivered: reason.is_none(), reason, seconds: took.as_secs_f64(), run })
}

/// What became of the messages of one.
pub(crate) fn status(tally: Tally) -> SubscriptionStatus {
    let Tally {
        queued,
        delivered,
        failed,
        dropped_full,
        dropped_aged,
        dropped_refused,
        missed,
        last_delivered,
        last_error,
        last_run,
    } = tally;
    SubscriptionStatus {
        queued,
        delivered,
        failed,
        dropped: SubscriptionDrops { full: dropped_full, aged: dropped_aged, refused: dropped_refused },
        missed,
        last_delivered: last_delivered.map(timestamp),
        last_error: last_error.map(|(time, reason)| SubscriptionError { time: timestamp(time), reason }),
        last_run: last_run.map(|(time, run)| ran(time, run)),
    }
}

/// How a program ran that had ended at `time`.
fn ran(time: CdTime, run: Run) -> SubscriptionRun {
    let Run { took, exit_status, signal, timed_out, stderr } = run;
    let (time, seconds) = (timestamp(time), took.as_secs_f64());
    SubscriptionRun { time, seconds, exit_status, signal, timed_out, stderr }
}
