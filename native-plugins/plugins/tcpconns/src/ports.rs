//! Which ports are counted, how many connections each has, and their series.

use std::collections::BTreeMap;

use gatherd_sdk::{Batch, Host, Series};

use crate::table::{Connection, LISTEN, STATES};

/// Numbers of connections by state.
type Counts = [u32; STATES.len()];

/// The ports that are counted.
#[derive(Debug)]
pub(crate) struct Ports {
    host: Host,
    /// Ports on which something listens are counted, too.
    listening: bool,
    by_number: BTreeMap<u16, Port>,
    /// All connections together, where they are reported.
    all: Option<Side>,
}

/// One port.
#[derive(Debug, Default)]
struct Port {
    local_chosen: bool,
    /// Something listens on it, as far as this reading has come.
    listens: bool,
    local: Option<Side>,
    remote: Option<Side>,
}

/// Connections of which one end has a port.
#[derive(Debug)]
struct Side {
    counts: Counts,
    series: [Series; STATES.len()],
}

impl Side {
    fn new(host: &Host, instance: &str) -> Self {
        let series = STATES.map(|state| host.series("tcpconns", instance, "tcp_connections", state));
        Self { counts: Counts::default(), series }
    }

    fn count(&mut self, connection: Connection) {
        self.counts[connection.state] = self.counts[connection.state].saturating_add(1);
    }

    fn report(&mut self, out: &mut Batch) {
        for (series, count) in self.series.iter().zip(std::mem::take(&mut self.counts)) {
            out.gauge(series, f64::from(count));
        }
    }
}

impl Ports {
    /// Counts the chosen ports; where `listening`, also those that something listens on; where `all`, also all
    /// connections together.
    pub(crate) fn new(host: &Host, local: &[u16], remote: &[u16], listening: bool, all: bool) -> Self {
        let mut by_number: BTreeMap<u16, Port> = BTreeMap::new();
        for &number in local {
            let port = by_number.entry(number).or_default();
            port.local_chosen = true;
            port.local.get_or_insert_with(|| local_side(host, number));
        }
        for &number in remote {
            let port = by_number.entry(number).or_default();
            port.remote.get_or_insert_with(|| Side::new(host, &format!("{number}-remote")));
        }
        let all = all.then(|| Side::new(host, "all"));
        Self { host: host.clone(), listening, by_number, all }
    }

    /// Counts one connection.
    ///
    /// A port on which something listened at the reading before is counted from its first connection on; of a new
    /// one, connections that the kernel lists before the socket that listens are missed once.
    pub(crate) fn take(&mut self, connection: Connection) {
        if let Some(all) = &mut self.all {
            all.count(connection);
        }
        if self.listening && connection.state == LISTEN {
            let port = self.by_number.entry(connection.local_port).or_default();
            port.listens = true;
            port.local.get_or_insert_with(|| local_side(&self.host, connection.local_port));
        }
        if let Some(local) =
            self.by_number.get_mut(&connection.local_port).and_then(|port| port.local.as_mut())
        {
            local.count(connection);
        }
        if let Some(remote) =
            self.by_number.get_mut(&connection.remote_port).and_then(|port| port.remote.as_mut())
        {
            remote.count(connection);
        }
    }

    /// Ends a reading: reports what was counted, and forgets ports on which nothing listens any more.
    pub(crate) fn report(&mut self, out: &mut Batch) {
        if let Some(all) = &mut self.all {
            all.report(out);
        }
        self.by_number.retain(|_, port| {
            if !(port.local_chosen || port.listens) {
                port.local = None;
            }
            port.listens = false;
            for side in [&mut port.local, &mut port.remote].into_iter().flatten() {
                side.report(out);
            }
            port.local.is_some() || port.remote.is_some()
        });
    }

    /// Gives a reading up: what was counted so far does not count.
    pub(crate) fn forget_counts(&mut self) {
        let sides = self.by_number.values_mut().flat_map(|port| [&mut port.local, &mut port.remote]);
        for side in sides.flatten().chain(&mut self.all) {
            side.counts = Counts::default();
        }
    }
}

fn local_side(host: &Host, number: u16) -> Side {
    Side::new(host, &format!("{number}-local"))
}
