//! What the engine does by itself once per interval.

use std::sync::Arc;
use std::time::Duration;

use gatherd_model::{CdTime, Interval};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::{Step, StepDetector};
use crate::observe::{Observer, OwnFigures};
use crate::way::Way;

/// A jump of the wall clock that slewing can not explain.
const STEP: CdTime = CdTime::from_secs(1);

/// Once per interval, between a second and ten: silent series leave, and steps of the clock are noticed.
pub(super) fn sweep(way: &Arc<Way>, observer: &Arc<Observer>, beat: Interval) -> JoinHandle<()> {
    let (way, observer) = (Arc::clone(way), Arc::clone(observer));
    let mut steps = StepDetector::new(STEP);
    tokio::spawn(async move {
        let period = beat.as_duration().clamp(Duration::from_secs(1), Duration::from_secs(10));
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Some(step) = steps.observe(way.clock().wall(), way.monotonic()) {
                let (way_it_went, by) = match step {
                    Step::Forward(by) => ("forward", by),
                    Step::Backward(by) => ("backward", by),
                };
                observer.clock_stepped();
                tracing::warn!(
                    "the wall clock stepped {way_it_went} by {by} s; values in its past are refused"
                );
            }
            let way = Arc::clone(&way);
            // A walk over a million series takes its time, and must not hold up the plugins' drivers.
            let _swept = spawn_blocking(move || way.expire()).await;
        }
    })
}

/// Once per interval the daemon's own figures take the way of all values.
pub(super) fn figures(observer: &Arc<Observer>, beat: Interval) -> JoinHandle<()> {
    let figures = OwnFigures::new(Arc::clone(observer), observer.own_door(beat));
    tokio::spawn(async move {
        let mut ticks = interval(beat.as_duration());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            figures.read();
        }
    })
}
