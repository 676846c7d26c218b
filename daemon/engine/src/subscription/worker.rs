//! Delivers what waits for one subscription, one after the other. Lives while something waits, and a little longer.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::time::timeout;

use super::one::{Next, One};
use crate::output::Retry;
use crate::port::Target;

/// How long the way to a subscriber stays open when nothing waits.
const LINGER: Duration = Duration::from_secs(30);

/// When a failed delivery is tried again.
pub(super) const RETRY: Retry =
    Retry { first: Duration::from_millis(500), most: Duration::from_mins(5), jitter: 0.5 };

/// See the module.
pub(super) async fn work(one: Arc<One>) {
    let mut way: Option<(u64, Box<dyn Target>)> = None;
    loop {
        match one.next() {
            Next::End => return,
            Next::Nothing => {
                let nothing_came = timeout(LINGER, one.changed.notified()).await.is_err();
                if nothing_came && one.rests() {
                    return;
                }
            }
            Next::Deliver { message, subscriber, generation } => {
                if way.as_ref().is_none_or(|(of, _)| *of != generation) {
                    way = None;
                }
                let opened = match way.take() {
                    Some((_, target)) => Ok(target),
                    None => one.around.targets.open(&subscriber),
                };
                let attempt = match opened {
                    Ok(target) => {
                        let attempt = one.deliver(&*target, &subscriber, &message).await;
                        // After a failure all is looked at anew, certificates too.
                        way = attempt.outcome.is_ok().then_some((generation, target));
                        attempt
                    }
                    Err(refused) => Err(refused).into(),
                };
                if let Some(pause) = one.settle(&message, attempt, chance()) {
                    wait(&one, pause, generation).await;
                }
            }
        }
    }
}

/// Waits before the next attempt; another configuration or the end cuts it short, more messages do not.
async fn wait(one: &One, pause: Duration, generation: u64) {
    let changed = async {
        loop {
            one.changed.notified().await;
            match one.next() {
                Next::Deliver { generation: current, .. } if current == generation => {}
                Next::Deliver { .. } | Next::Nothing | Next::End => return,
            }
        }
    };
    let _waited_out = timeout(pause, changed).await;
}

/// Anything between 0 and 1.
fn chance() -> f64 {
    RandomState::default().hash_one(0_u8) as f64 / u64::MAX as f64
}
