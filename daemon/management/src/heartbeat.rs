//! Sign of life.

use std::sync::atomic::Ordering;

use gatherd_api::types::{DaemonState, Heartbeat, PluginCounts, PluginState, StreamCounts};
use rustix::time::{ClockId, clock_gettime};

use crate::convert::{seconds, timestamp};
use crate::plugin::state_of;
use crate::{EngineManagement, audit};

pub(crate) fn beat(this: &EngineManagement) -> Heartbeat {
    let engine = this.engine();
    let pictures = engine.registry().pictures();
    let totals = engine.observer().totals();
    let mut counts = PluginCounts { total: pictures.len() as u64, ..PluginCounts::default() };
    let (mut starting, mut down) = (false, false);
    for picture in &pictures {
        let state = state_of(&picture.vitals);
        count(&mut counts, state);
        starting |= picture.enabled && state == PluginState::Starting;
        down |= picture.enabled && state != PluginState::Running;
    }
    let (audit_lost, audit_fails) = audit::lost(this);
    let state = match (this.stopping.load(Ordering::Acquire), starting, down || audit_fails) {
        (true, ..) => DaemonState::Stopping,
        (_, true, _) => DaemonState::Starting,
        (.., true) => DaemonState::Degraded,
        _ => DaemonState::Running,
    };
    let boot = clock_gettime(ClockId::Boottime);
    Heartbeat {
        time: timestamp(engine.way().clock().wall()),
        uptime: seconds(totals.uptime),
        boot_uptime: Some(boot.tv_sec as f64 + boot.tv_nsec as f64 / 1e9),
        version: this.parts.version.to_owned(),
        revision: engine.desired().current().revision,
        hostname: engine.way().hostname().to_owned(),
        state,
        plugins: counts,
        series: totals.series as u64,
        audit_lost,
        values_total: pictures.iter().map(|picture| picture.values).sum(),
        streams: StreamCounts::default(), // The server knows.
        keystone: None,                   // The server knows.
    }
}

fn count(counts: &mut PluginCounts, state: PluginState) {
    *match state {
        PluginState::Stopped => &mut counts.stopped,
        PluginState::Starting => &mut counts.starting,
        PluginState::Running => &mut counts.running,
        PluginState::Backoff => &mut counts.backoff,
        PluginState::Stopping => &mut counts.stopping,
        PluginState::Failed => &mut counts.failed,
        PluginState::Unavailable => &mut counts.unavailable,
    } += 1;
}
