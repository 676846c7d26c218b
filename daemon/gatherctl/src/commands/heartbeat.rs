//! How the daemon fares.

use super::Desk;
use crate::failure::Failure;
use crate::figures;
use crate::output::Human;
use gatherd_client::Client;
use gatherd_client::types::{DaemonState, Heartbeat, IdentityHealth, IdentityState, PluginCounts};

impl Desk<'_> {
    pub(super) async fn status(&mut self, client: &Client) -> Result<(), Failure> {
        let heartbeat = client.heartbeat().await?;
        Ok(self.output.one(&heartbeat, |it| Human::Sheet(sheet(it, client.place())))?)
    }
}

fn sheet(heartbeat: &Heartbeat, place: &str) -> Vec<(&'static str, String)> {
    let Heartbeat {
        time,
        uptime,
        boot_uptime,
        version,
        revision,
        hostname,
        state,
        plugins,
        series,
        audit_lost,
        values_total,
        streams,
        keystone,
    } = heartbeat;
    let mut rows = vec![
        ("daemon", format!("gatherd {version} on {hostname}")),
        ("at", place.to_owned()),
        ("state", word(*state).to_owned()),
        ("time", figures::time(time)),
        ("uptime", figures::seconds(*uptime)),
        ("machine up", figures::known(*boot_uptime, figures::seconds)),
        ("revision", revision.to_string()),
        ("plugins", counts(*plugins)),
        ("series", series.to_string()),
        ("values", values_total.to_string()),
        ("streams", format!("{} of at most {}", streams.open, streams.limit)),
    ];
    if *audit_lost > 0 {
        rows.push(("audit", format!("{audit_lost} records are lost")));
    }
    if let Some(health) = keystone {
        rows.push(("keystone", identity(health)));
    }
    rows
}

fn identity(health: &IdentityHealth) -> String {
    let word = match health.state {
        IdentityState::Idle => "not asked yet",
        IdentityState::Reachable => "answers",
        IdentityState::Unreachable => "cannot be reached",
        IdentityState::Denied => "does not let this daemon ask",
        IdentityState::Offline => "not asked: signatures alone are checked",
    };
    let reason = health.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{word} since {}{reason}", figures::time(&health.since))
}

fn word(state: DaemonState) -> &'static str {
    match state {
        DaemonState::Starting => "starting",
        DaemonState::Running => "running",
        DaemonState::Degraded => {
            "degraded: see `gatherctl plugins`, and whether the audit trail can be written and Keystone be asked"
        }
        DaemonState::Stopping => "stopping",
    }
}

/// `8 (6 running, 2 stopped)`; states that no plugin is in are left out.
fn counts(counts: PluginCounts) -> String {
    let PluginCounts { total, stopped, starting, running, backoff, stopping, failed, unavailable } = counts;
    let states = [
        (running, "running"),
        (starting, "starting"),
        (backoff, "backoff"),
        (failed, "failed"),
        (unavailable, "unavailable"),
        (stopping, "stopping"),
        (stopped, "stopped"),
    ];
    let present = states.iter().filter(|(count, _)| *count > 0);
    let texts: Vec<String> = present.map(|(count, state)| format!("{count} {state}")).collect();
    if texts.is_empty() { total.to_string() } else { format!("{total} ({})", texts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;
    use crate::table;
    use gatherd_client::types::{StreamCounts, Timestamp};

    #[test]
    fn a_status_is_a_sheet() {
        let heartbeat = Heartbeat {
            time: Timestamp::from_unix(0, 500_000_000),
            uptime: 90_061.0,
            boot_uptime: None,
            version: "0.1.0".to_owned(),
            revision: 7,
            hostname: "web1".to_owned(),
            state: DaemonState::Running,
            plugins: PluginCounts { total: 8, running: 6, stopped: 2, ..PluginCounts::default() },
            series: 123,
            audit_lost: 0,
            values_total: 456_789,
            streams: StreamCounts { open: 2, limit: 256, ..StreamCounts::default() },
            keystone: None,
        };
        let expected = "\
daemon      gatherd 0.1.0 on web1
at          http://h
state       running
time        1970-01-01T00:00:00.500Z
uptime      1d 1h
machine up  -
revision    7
plugins     8 (6 running, 2 stopped)
series      123
values      456789
streams     2 of at most 256
";
        assert_eq!(table::sheet(&sheet(&heartbeat, "http://h"), Paper::PLAIN), expected);
    }

    #[test]
    fn no_plugins_have_no_states() {
        assert_eq!(counts(PluginCounts::default()), "0");
    }
}
