//! P11: one rule changes while a million series flow. Until it holds, and what it costs the flow.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::Options;
use crate::daemon::Daemon;
use crate::report::Work;
use crate::run::median;

/// Passes before the first change and between two: so many are the yardstick.
const PASSES: usize = 12;
/// Time between two questions whether a change holds: who asks takes no core from the flow.
const PAUSE: Duration = Duration::from_millis(1);
/// Longest that a change may take here.
const DEADLINE: Duration = Duration::from_secs(30);

/// What one change cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Changed {
    /// How many series flow.
    pub(crate) series: usize,
    /// Until the change held for the last series, in milliseconds.
    pub(crate) held_ms: f64,
    /// Dispatching call before, meanwhile and afterwards, in nanoseconds a value.
    pub(crate) before: f64,
    pub(crate) meanwhile: f64,
    pub(crate) afterwards: f64,
}

/// One pass over all series.
#[derive(Clone, Copy, Debug)]
struct Pass {
    /// Wall clock, in nanoseconds.
    began: f64,
    ended: f64,
    call: f64,
}

/// A change: what it is called, the request, and how the last series looks once it holds.
struct Change {
    what: &'static str,
    method: &'static str,
    path: &'static str,
    body: &'static str,
    holds: fn(u16, &Value) -> bool,
}

const CHANGES: [Change; 8] = [
    Change {
        what: "1 blacklist: hide 1 % of the series",
        method: "POST",
        path: "/v1/blacklist",
        body: r#"{"id": "some", "verb": "collect", "match": {"plugin": "benchdisp", "type_instance": "*99"}}"#,
        holds: |status, _| status == 404,
    },
    Change {
        what: "2 blacklist: take that back",
        method: "DELETE",
        path: "/v1/blacklist/some",
        body: "",
        holds: |status, _| status == 200,
    },
    Change {
        what: "3 threshold: judge 1 % of the series",
        method: "POST",
        path: "/v1/thresholds",
        body: r#"{"id": "some", "match": {"plugin": "benchdisp", "type_instance": "*99"}, "failure_max": 1e300}"#,
        holds: |_, value| value["state"] == "okay",
    },
    Change {
        what: "4 threshold: another bound",
        method: "PUT",
        path: "/v1/thresholds/some",
        body: r#"{"match": {"plugin": "benchdisp", "type_instance": "*99"}, "failure_max": 0}"#,
        holds: |_, value| value["state"] == "failure",
    },
    Change {
        what: "5 threshold: judge all series",
        method: "POST",
        path: "/v1/thresholds",
        body: r#"{"id": "all", "match": {"plugin": "benchdisp", "plugin_instance": "re:.", "type": "gauge"}, "failure_max": 1e300}"#,
        holds: |_, value| value["judged"]["threshold"] == "all",
    },
    Change {
        what: "6 threshold: judge none of them",
        method: "DELETE",
        path: "/v1/thresholds/all",
        body: "",
        holds: |_, value| value["judged"]["threshold"] == "some",
    },
    Change {
        what: "7 chain: stop 1 % of the series before the cache",
        method: "POST",
        path: "/v1/chains",
        body: r#"{"id": "PreCache", "rules": {"some": {"matches": {"regex": {"plugin": "^benchdisp$", "type_instance": "99$"}}, "targets": {"stop": {}}}}}"#,
        holds: |status, _| status == 404,
    },
    Change {
        what: "8 chain: take that back",
        method: "DELETE",
        path: "/v1/chains/PreCache",
        body: "",
        holds: |status, _| status == 200,
    },
];

/// Measures every change once, in one life of the daemon.
pub(crate) async fn measure(
    options: &Options,
    place: &Path,
    series: usize,
) -> Result<Vec<(&'static str, Changed)>> {
    let last = format!(
        "/v1/values/host{:04}/benchdisp-{}/gauge-m{}",
        (series - 1) / 1000,
        (series - 1) / 10 % 100,
        series - 1
    );
    let daemon = Daemon::dispatching(options, place, Work { series, passes: 1_000_000 }).await?;
    let out = daemon.dispatch().await?;
    let mut measured = Vec::new();
    let mut known = passes_from(&out, PASSES + 3).await?;
    for change in &CHANGES {
        let before = median(known.iter().rev().take(PASSES).map(|pass| pass.call).collect());
        let (asked, clock) = (now(), Instant::now());
        let (status, answer) = daemon.ask(change.method, change.path, change.body).await?;
        ensure!(status < 300, "{}: {status} {answer}", change.what);
        loop {
            let (status, answer) = daemon.ask("GET", &last, "").await?;
            if (change.holds)(status, &serde_json::from_str(&answer).unwrap_or_default()) {
                break;
            }
            ensure!(clock.elapsed() < DEADLINE, "{} does not hold; seen last: {answer}", change.what);
            tokio::time::sleep(PAUSE).await;
        }
        let held = now();
        let so_far = read(&out)?.len();
        known = passes_from(&out, so_far + PASSES + 2).await?;
        let meanwhile: Vec<f64> = known
            .iter()
            .filter(|pass| pass.ended > asked && pass.began < held)
            .map(|pass| pass.call)
            .collect();
        let mean = meanwhile.iter().sum::<f64>() / meanwhile.len().max(1) as f64;
        let afterwards = median(known.iter().rev().take(PASSES).map(|pass| pass.call).collect());
        let held_ms = (held - asked) / 1e6;
        measured.push((change.what, Changed { series, held_ms, before, meanwhile: mean, afterwards }));
    }
    // A read that never ends does not let the daemon stop in good order; its end is no part of this.
    drop(daemon);
    Ok(measured)
}

/// The dispatching call of the passes from now on, in nanoseconds a value.
pub(crate) async fn flow(out: &Path) -> Result<f64> {
    let so_far = read(out).map_or(0, |passes| passes.len());
    let known = passes_from(out, so_far + PASSES).await?;
    Ok(median(known.iter().rev().take(PASSES - 1).map(|pass| pass.call).collect()))
}

/// Wall clock, in nanoseconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64() * 1e9)
}

/// The passes so far, once there are `count` of them.
async fn passes_from(out: &Path, count: usize) -> Result<Vec<Pass>> {
    let began = Instant::now();
    loop {
        let passes = read(out).unwrap_or_default();
        if passes.len() >= count {
            return Ok(passes);
        }
        ensure!(
            began.elapsed() < Duration::from_mins(2),
            "{} of {count} passes in two minutes",
            passes.len()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The passes so far, but for the first, which fills the cache.
fn read(out: &Path) -> Result<Vec<Pass>> {
    let text = std::fs::read_to_string(out).with_context(|| format!("read {}", out.display()))?;
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let pass = |line: Value| {
        let (ended, took) = (line["ended_ns"].as_f64()?, line["took_ns"].as_f64()?);
        Some(Pass { began: ended - took, ended, call: line["call_ns"].as_f64()? })
    };
    Ok(lines.filter_map(pass).skip(1).collect())
}
