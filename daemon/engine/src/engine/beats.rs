//! What the engine does by itself, again and again: where it can, at the moments at which plugins are read, when the
//! machine is awake anyhow.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gatherd_model::{CdTime, Interval, MetaValue, Notification, Severity};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::clock::{Alarm, Step, StepCause, SystemClock, Timing, WatchedClock};
use crate::observe::{Observer, OwnFigures};
use crate::port::Clock;
use crate::schedule::until_point;
use crate::way::Way;

/// Time between two looks for a step of the clock, where the kernel tells of none and no value passes.
const LOOK: Duration = Duration::from_millis(500);

/// So few series are walked through on the spot, within a tenth of a millisecond.
const FEW: usize = 4096;

/// Ticks at the points of the grid on which plugins of this interval are read; what was missed is left out.
pub(super) fn beat(clock: &dyn Clock, every: Duration) -> tokio::time::Interval {
    let grid = Interval::from_units(CdTime::from_duration(every).0).unwrap_or(Interval::DEFAULT);
    let first = Instant::now() + until_point(grid, clock.monotonic()).as_duration();
    let mut ticks = interval_at(first, grid.as_duration());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

/// Once per interval, between a second and ten: silent series leave.
pub(super) fn sweep(way: &Arc<Way>, beat: Interval) -> JoinHandle<()> {
    let way = Arc::clone(way);
    tokio::spawn(async move {
        let period = beat.as_duration().clamp(Duration::from_secs(1), Duration::from_secs(10));
        let mut ticks = self::beat(way.clock(), period);
        loop {
            ticks.tick().await;
            if way.cache().table().len() <= FEW {
                way.expire();
                continue;
            }
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
        let mut ticks = beat(&*clock, LOOK);
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
pub(super) fn figures(observer: &Arc<Observer>, clock: &Arc<dyn Clock>, beat: Interval) -> JoinHandle<()> {
    let clock = Arc::clone(clock);
    let figures = OwnFigures::new(Arc::clone(observer), observer.own_door(beat));
    tokio::spawn(async move {
        figures.read();
        let mut ticks = self::beat(&*clock, beat.as_duration());
        loop {
            ticks.tick().await;
            figures.read();
        }
    })
}
