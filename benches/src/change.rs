//! P9: how soon a change shows: from the request to the first value, asked over the API.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use gatherd_client::types::{PluginConfig, ValueView};
use serde_json::json;
use tokio::time::sleep;

use crate::Options;
use crate::daemon::Daemon;
use crate::peer::Peer;

/// The plugin that is changed, and its series.
const PLUGIN: &str = "benchsteady";
const SERIES: &str = "bench/benchsteady-one/gauge-stamp";

/// Longest that a change may take here.
const DEADLINE: Duration = Duration::from_secs(20);

/// Time between two questions; so much may be added to each figure.
const PAUSE: Duration = Duration::from_millis(1);

/// Restarts of the peer: each takes it seconds.
const RESTARTS: usize = 5;

/// Milliseconds until the first value, change by change.
#[derive(Clone, Debug, Default)]
pub(crate) struct FirstValues {
    /// The plugin was disabled and is enabled.
    pub(crate) enabled: Vec<f64>,
    /// The plugin runs and gets another configuration, which the value shows.
    pub(crate) reconfigured: Vec<f64>,
    /// The peer is told to end and is started again.
    pub(crate) restarted: Vec<f64>,
}

/// Makes `options.changes` changes of each kind.
pub(crate) async fn measure(options: &Options, peer: Option<&Peer>, place: &Path) -> Result<FirstValues> {
    let daemon = Daemon::changing(options, place).await?;
    let mut found = FirstValues::default();
    for round in 1..=options.changes {
        // Not in step with the interval.
        sleep(Duration::from_millis(17 * (round as u64 % 59))).await;
        found.enabled.push(enabled(&daemon).await?);
        sleep(Duration::from_millis(13 * (round as u64 % 61))).await;
        found.reconfigured.push(reconfigured(&daemon, round).await?);
    }
    daemon.stop().await?;
    if let Some(peer) = peer {
        found.restarted = restarted(peer).await?;
    }
    Ok(found)
}

async fn enabled(daemon: &Daemon) -> Result<f64> {
    daemon.client().disable_plugin(PLUGIN).await?;
    let asked = Instant::now();
    let fresh = |view: &ValueView, sent: Duration| view.age <= sent.as_secs_f64();
    let (change, shown) = tokio::join!(daemon.client().enable_plugin(PLUGIN), shown(daemon, asked, fresh));
    change?;
    shown
}

async fn reconfigured(daemon: &Daemon, round: usize) -> Result<f64> {
    let json = json!({ "stamp": round });
    let patch = PluginConfig(json.as_object().cloned().unwrap_or_default());
    let asked = Instant::now();
    let stamp = round as f64;
    let new = |view: &ValueView, _: Duration| view.rates.values().any(|rate| *rate == Some(stamp));
    let change = daemon.client().patch_plugin_config(PLUGIN, "*", &patch);
    let (change, shown) = tokio::join!(change, shown(daemon, asked, new));
    change?;
    shown
}

/// Milliseconds from `asked` on until the value is as it should; `is_new` also hears how long after `asked` it was
/// asked for.
async fn shown(
    daemon: &Daemon,
    asked: Instant,
    is_new: impl Fn(&ValueView, Duration) -> bool,
) -> Result<f64> {
    loop {
        let sent = asked.elapsed();
        let view = daemon.client().value(SERIES).await;
        if view.as_ref().is_ok_and(|view| is_new(view, sent)) {
            return Ok(asked.elapsed().as_secs_f64() * 1e3);
        }
        ensure!(sent < DEADLINE, "no new value of {SERIES} in {DEADLINE:?}; seen last: {view:?}");
        sleep(PAUSE).await;
    }
}

/// The peer takes a new configuration by a restart, and no other way.
async fn restarted(peer: &Peer) -> Result<Vec<f64>> {
    let mut took = Vec::new();
    let mut running = peer.idle(1)?;
    running.first_value(DEADLINE).await?;
    for round in 1..=RESTARTS {
        sleep(Duration::from_millis(1000 + 170 * round as u64)).await;
        let asked = Instant::now();
        running.end().await?;
        running = peer.idle(1)?;
        running.first_value(DEADLINE).await?;
        took.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    Ok(took)
}
