//! What the engine does by itself, again and again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gatherd_model::{Interval, MetaValue, Notification, Severity};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::{Alarm, Step, StepCause, SystemClock, Timing, WatchedClock};
use crate::observe::{Observer, OwnFigures};
use crate::way::Way;

/// Time between two looks for a step of the clock, where the kernel tells of none and no value passes.
const LOOK: Duration = Duration::from_millis(500);

/// Once per interval, between a second and ten: silent series leave.
pub(super) fn sweep(way: &Arc<Way>, beat: Interval) -> JoinHandle<()> {
    let way = Arc::clone(way);
    tokio::spawn(async move {
        let period = beat.as_duration().clamp(Duration::from_secs(1), Duration::from_secs(10));
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let way = Arc::clone(&way);
            // A walk over a million series takes its time, and must not hold up the plugins' drivers.
            let _swept = spawn_blocking(move || way.expire()).await;
        }
    })
}

/// Tells of steps of the wall clock: in the log, as notifications, in a count.
pub(super) fn watch(
    clock: &Arc<WatchedClock<SystemClock>>,
    way: &Arc<Way>,
    observer: &Arc<Observer>,
) -> JoinHandle<()> {
    let (clock, way, observer) = (Arc::clone(clock), Arc::clone(way), Arc::clone(observer));
    tokio::spawn(async move {
        let mut alarm = Alarm::new();
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let was_set = tokio::select! {
                () = alarm.rings() => true,
                _ = ticks.tick() => false,
            };
            clock.look(was_set);
            for step in clock.take_steps() {
                observer.clock_stepped();
                tell(&step, &way);
            }
        }
    })
}

fn tell(step: &Step, way: &Way) {
    let what = match step.cause {
        StepCause::System => "the wall clock stepped",
        StepCause::Absorbed => "the wall clock stepped under the correction in force, which took it out,",
        StepCause::Correction => "a correction moved the time of values",
    };
    let message = format!("{what} by {:.6} s", step.by);
    tracing::warn!("{message}");
    let notification = Notification {
        severity: Severity::Warning,
        time: way.clock().wall(),
        message,
        host: way.hostname().to_owned(),
        plugin: "self".into(),
        plugin_instance: String::new(),
        type_name: String::new(),
        type_instance: String::new(),
        meta: BTreeMap::from([
            ("state".into(), MetaValue::String("clock_stepped".into())),
            ("by".into(), MetaValue::Double(step.by)),
        ]),
    };
    let _number = way.bus().publish(notification);
}

/// Measures the clock as often as the document says.
pub(super) fn measure(timing: &Arc<Timing>) -> JoinHandle<()> {
    let timing = Arc::clone(timing);
    tokio::spawn(async move { timing.keep_measuring().await })
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
