//! Plugin `nfs`: how often each procedure of the network file system was called, as collectd's plugin of that name
//! reports it.
//!
//! ```text
//!  /proc/net/rpc/nfs ───┬──rpc──► Calls of a version ──procedures──► nfs-v<n>{client,server}/nfs_procedure-<name>
//!  /proc/net/rpc/nfsd ──┘
//! ```

#![deny(unsafe_code)]

mod procedures;
mod rpc;

use std::path::Path;

use gatherd_sdk::{Batch, Collector, Failure, Folder, Host, Series};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rpc::{Calls, Side, Version};

/// Who counts, and in which file.
const SIDES: [(Side, &[u8]); 2] = [(Side::Client, b"nfs"), (Side::Server, b"nfsd")];

/// What the plugin reports.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Report version 2 of the protocol.
    pub report_v2: bool,
    /// Report version 3 of the protocol.
    pub report_v3: bool,
    /// Report version 4 of the protocol, with its minor versions.
    pub report_v4: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { report_v2: true, report_v3: true, report_v4: true }
    }
}

impl Config {
    fn reports(self, version: Version) -> bool {
        match version {
            Version::V2 => self.report_v2,
            Version::V3 => self.report_v3,
            Version::V4 => self.report_v4,
        }
    }
}

/// The plugin.
#[derive(Debug)]
pub struct Nfs {
    config: Config,
    host: Host,
    folder: Folder,
    text: Vec<u8>,
    /// By side and version.
    rows: [[Row; 3]; 2],
}

/// Series of one side and version.
#[derive(Debug, Default)]
struct Row {
    /// How many procedures the kernel counted when the series were made.
    count: usize,
    series: Vec<Series>,
}

impl Collector for Nfs {
    const NAME: &'static str = "nfs";
    const DESCRIPTION: &'static str = "Calls of the network file system, by version and procedure.";
    type Config = Config;

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(config, host, Path::new("/proc/net/rpc"))
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        for ((side, file), rows) in SIDES.into_iter().zip(&mut self.rows) {
            // A machine may become client or server later, or cease to be.
            let Ok(text) = self.folder.read(file, &mut self.text) else { continue };
            for calls in rpc::parse(text, side) {
                if self.config.reports(calls.version) {
                    rows[calls.version as usize].report(&self.host, side, &calls, out);
                }
            }
        }
        Ok(())
    }
}

impl Nfs {
    /// As [`Collector::init`], from any folder.
    fn open(config: Config, host: &Host, path: &Path) -> Result<Self, Failure> {
        let mut text = Vec::new();
        let folder = Folder::open(path)
            .ok()
            .filter(|folder| SIDES.iter().any(|(_, file)| folder.read(file, &mut text).is_ok()));
        let Some(folder) = folder else {
            let path = path.display();
            let reason = format!(
                "there is neither {path}/nfs nor {path}/nfsd: the kernel is no client and no server of NFS"
            );
            return Err(Failure::new(reason));
        };
        Ok(Self { config, host: host.clone(), folder, text, rows: Default::default() })
    }
}

impl Row {
    fn report(&mut self, host: &Host, side: Side, calls: &Calls, out: &mut Batch) {
        let numbers = calls.numbers();
        if self.count != numbers.len() {
            *self = Self::new(host, side, calls.version, numbers.len());
        }
        for (series, number) in self.series.iter().zip(numbers) {
            out.derive(series, number.cast_signed());
        }
    }

    /// The series for a kernel that counts `count` procedures; none where that is no number of procedures.
    fn new(host: &Host, side: Side, version: Version, count: usize) -> Self {
        let instance = match (version, side) {
            (Version::V2, Side::Client) => "v2client",
            (Version::V2, Side::Server) => "v2server",
            (Version::V3, Side::Client) => "v3client",
            (Version::V3, Side::Server) => "v3server",
            (Version::V4, Side::Client) => "v4client",
            (Version::V4, Side::Server) => "v4server",
        };
        let series = |name: &'static str| host.series("nfs", instance, "nfs_procedure", name);
        let whole = |names: &[&'static str]| -> Vec<Series> {
            if names.len() == count { names.iter().copied().map(series).collect() } else { Vec::new() }
        };
        let series = match (version, side) {
            (Version::V2, _) => whole(&procedures::V2),
            (Version::V3, _) => whole(&procedures::V3),
            (Version::V4, Side::Client) => procedures::v4_client(count).map(series).collect(),
            (Version::V4, Side::Server) => procedures::v4_server(count).map(series).collect(),
        };
        Self { count, series }
    }
}

gatherd_sdk::export_plugin!(Nfs);

#[cfg(test)]
mod tests;
