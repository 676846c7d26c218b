//! The daemon's own figures, which enter at the top like everybody's, as plugin `self`.
//!
//! | identifier | meaning |
//! |---|---|
//! | `self/uptime` | seconds since the daemon started |
//! | `self/total_operations-heartbeats` | how often these figures were read: it stands still when the daemon does |
//! | `self/cache_size` | series in the cache |
//! | `self/total_values-updates`, `-expired` | value lists taken; series that left the cache |
//! | `self/total_values-<reason>` | value lists dropped, over all plugins |
//! | `self-api/total_values-dispatched`, `-<reason>` | where the value lists went that callers put in; once somebody did |
//! | `self/ps_rss` | resident memory, bytes |
//! | `self/total_time_in_ms-cpu` | CPU time of the process |
//! | `self/threads-abandoned` | calls into plugins that never came back |
//! | `self-<plugin>/total_values-dispatched`, `-<reason>` | where the plugin's value lists went |
//! | `self-<plugin>/total_operations-reads`, `-failures`, `-overruns` | its reads |
//! | `self-<plugin>/total_operations-failures-<code>` | its failures by code: `missing`, `read_failed`, `stuck` … |
//! | `self-<plugin>/duration-read_p50`, `-read_p99` | how long its newest reads took, seconds |
//! | `self-<plugin>/queue_length`, `queue_length-in_flight` | its output, where it writes: value lists that wait, that are being written |
//! | `self-<plugin>/bytes-queue`, `duration-queue_oldest` | memory of these; how long the oldest is there, seconds |
//! | `self-<plugin>/gauge-failing` | 1 while its newest write failed |
//! | `self-<plugin>/total_values-<what>`, `total_operations-write_retries` | its ledger |

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gatherd_model::{CdTime, Value};
use rustix::time::{ClockId, clock_gettime};

use super::Observer;
use crate::output::{Attached, Loss};
use crate::registry::Picture;
use crate::way::{Door, Parts};

/// Reads the daemon's own figures and hands them in at a door.
pub struct OwnFigures {
    observer: Arc<Observer>,
    door: Arc<Door>,
    beats: AtomicU64,
}

impl OwnFigures {
    /// Reads from `observer` and hands in at `door`.
    pub fn new(observer: Arc<Observer>, door: Arc<Door>) -> Self {
        Self { observer, door, beats: AtomicU64::new(0) }
    }

    /// Reads and hands in all of them once.
    pub fn read(&self) {
        self.whole();
        for plugin in self.observer.plugins() {
            self.plugin(&plugin);
        }
        for output in self.observer.outputs() {
            self.output(&output);
        }
    }

    fn put(&self, plugin_instance: &str, type_name: &str, type_instance: &str, value: Value) {
        let parts = Parts { host: "", plugin: "self", plugin_instance, type_name, type_instance };
        // What goes wrong is counted by the door itself.
        let _counted = self.door.dispatch_values(&parts, &[value.to_bits()], CdTime::ZERO, None);
    }

    fn gauge(&self, plugin_instance: &str, type_name: &str, type_instance: &str, value: f64) {
        self.put(plugin_instance, type_name, type_instance, Value::Gauge(value));
    }

    fn count(&self, plugin_instance: &str, type_name: &str, type_instance: &str, value: u64) {
        let value = Value::Derive(i64::try_from(value).unwrap_or(i64::MAX));
        self.put(plugin_instance, type_name, type_instance, value);
    }

    fn whole(&self) {
        let totals = self.observer.totals();
        self.gauge("", "uptime", "", totals.uptime.as_secs_f64());
        self.count("", "total_operations", "heartbeats", self.beats.fetch_add(1, Ordering::Relaxed) + 1);
        self.gauge("", "cache_size", "", totals.series as f64);
        self.count("", "total_values", "updates", totals.updates);
        self.count("", "total_values", "expired", totals.expired);
        for (reason, count) in totals.drops {
            self.count("", "total_values", reason.as_str(), count);
        }
        if let Some(callers) = self.observer.callers() {
            self.count("api", "total_values", "dispatched", callers.values());
            for (reason, count) in callers.drops() {
                self.count("api", "total_values", reason.as_str(), count);
            }
        }
        self.gauge("", "threads", "abandoned", totals.abandoned as f64);
        if let Some(resident) = resident_bytes() {
            self.gauge("", "ps_rss", "", resident);
        }
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let millis = cpu.tv_sec.saturating_mul(1000).saturating_add(cpu.tv_nsec / 1_000_000);
        self.put("", "total_time_in_ms", "cpu", Value::Derive(millis));
    }

    fn plugin(&self, plugin: &Picture) {
        let id = plugin.id.as_str();
        self.count(id, "total_values", "dispatched", plugin.values);
        for (reason, count) in &plugin.drops {
            self.count(id, "total_values", reason.as_str(), *count);
        }
        let vitals = &plugin.vitals;
        self.count(id, "total_operations", "reads", vitals.reads);
        self.count(id, "total_operations", "failures", vitals.failures);
        self.count(id, "total_operations", "overruns", vitals.overruns);
        for (code, count) in &vitals.failures_by_code {
            self.count(id, "total_operations", &format!("failures-{code}"), *count);
        }
        for (name, percent) in [("read_p50", 50), ("read_p99", 99)] {
            if let Some(span) = vitals.read_times.percentile(percent) {
                self.gauge(id, "duration", name, span.as_secs_f64());
            }
        }
    }

    fn output(&self, output: &Attached) {
        let (id, ledger) = (output.id.as_str(), output.ledger);
        self.gauge(id, "queue_length", "", ledger.queued as f64);
        self.gauge(id, "queue_length", "in_flight", ledger.in_flight as f64);
        self.gauge(id, "bytes", "queue", output.depth.bytes as f64);
        self.gauge(id, "duration", "queue_oldest", output.depth.oldest.as_secs_f64());
        self.gauge(id, "gauge", "failing", f64::from(u8::from(output.failing.is_some())));
        self.count(id, "total_values", "accepted", ledger.accepted);
        self.count(id, "total_values", "acknowledged", ledger.acknowledged);
        for loss in Loss::ALL {
            self.count(id, "total_values", loss.as_str(), ledger.dropped(loss));
        }
        self.count(id, "total_operations", "write_retries", ledger.retries);
    }
}

/// Resident memory of this process in bytes; the second field of `/proc/self/statm` counts pages.
fn resident_bytes() -> Option<f64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages as f64 * rustix::param::page_size() as f64)
}
