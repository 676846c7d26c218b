//! Plugin `tcpconns`: how many TCP connections are in each state, by port, as collectd's plugin of that name reports it.
//!
//! ```text
//!  /proc/net/tcp ───┬──table──► each Connection ──ports──► tcpconns-<port>-{local,remote}/tcp_connections-<state>
//!  /proc/net/tcp6 ──┘                                └───► tcpconns-all/tcp_connections-<state>
//! ```

#![deny(unsafe_code)]

mod ports;
mod table;

use std::num::NonZeroU16;
use std::path::Path;

use gatherd_sdk::{Batch, Collector, Failure, Host};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::ports::Ports;
use crate::table::Table;

/// What the plugin reports.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Report each port on which something listens. Without this option that is done where nothing else is
    /// asked for.
    pub listening_ports: Option<bool>,
    /// Ports of this machine whose connections are reported.
    pub local_port: Vec<NonZeroU16>,
    /// Ports of the other end whose connections are reported.
    pub remote_port: Vec<NonZeroU16>,
    /// Report all connections together.
    pub all_ports_summary: bool,
}

impl Config {
    /// True where ports are reported because something listens on them.
    fn listens(&self) -> bool {
        let nothing_else =
            self.local_port.is_empty() && self.remote_port.is_empty() && !self.all_ports_summary;
        self.listening_ports.unwrap_or(nothing_else)
    }
}

/// The plugin.
#[derive(Debug)]
pub struct TcpConns {
    tables: Vec<Table>,
    buffer: Vec<u8>,
    ports: Ports,
}

impl Collector for TcpConns {
    const NAME: &'static str = "tcpconns";
    const DESCRIPTION: &'static str = "Numbers of TCP connections by port and state.";
    type Config = Config;

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(&config, host, Path::new("/proc/net"))
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        for table in &self.tables {
            let read = table.read(&mut self.buffer, &mut |connection| self.ports.take(connection));
            if let Err(failure) = read {
                // Half of the connections would look like a fall.
                self.ports.forget_counts();
                return Err(failure);
            }
        }
        self.ports.report(out);
        Ok(())
    }
}

impl TcpConns {
    /// As [`Collector::init`], from any folder.
    fn open(config: &Config, host: &Host, folder: &Path) -> Result<Self, Failure> {
        let mut tables = Vec::new();
        for name in ["tcp", "tcp6"] {
            tables.extend(Table::open(&folder.join(name))?);
        }
        if tables.is_empty() {
            let folder = folder.display();
            return Err(Failure::new(format!(
                "there is neither {folder}/tcp nor {folder}/tcp6: the kernel has no TCP"
            )));
        }
        let [local, remote] = [&config.local_port, &config.remote_port]
            .map(|ports| ports.iter().map(|port| port.get()).collect::<Vec<u16>>());
        let ports = Ports::new(host, &local, &remote, config.listens(), config.all_ports_summary);
        Ok(Self { tables, buffer: Vec::new(), ports })
    }
}

gatherd_sdk::export_plugin!(TcpConns);

#[cfg(test)]
mod tests;
