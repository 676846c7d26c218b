//! Plugin `numa`: where memory was found on machines with several memory nodes, as collectd's plugin of that name
//! reports it.
//!
//! ```text
//!  /sys/devices/system/node/node<n>/numastat ──numastat──► each counter ──► numa-node<n>/vmpage_action-<counter>
//! ```

#![deny(unsafe_code)]

mod numastat;

use std::path::Path;

use gatherd_sdk::text::{instance_name, join, unsigned};
use gatherd_sdk::{Batch, Collector, Failure, Folder, Host, Known, Names, Series};
use schemars::JsonSchema;
use serde::Deserialize;

/// The most counters of all nodes that are followed at once.
const MAX_COUNTERS: usize = 16_384;

/// The plugin has no options.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

/// The plugin.
#[derive(Debug)]
pub struct Numa {
    host: Host,
    folder: Folder,
    names: Names,
    path: Vec<u8>,
    text: Vec<u8>,
    /// By node and counter.
    known: Known<Series>,
}

impl Collector for Numa {
    const NAME: &'static str = "numa";
    const DESCRIPTION: &'static str = "Where memory was found on machines with several memory nodes.";
    type Config = Config;

    fn init(_config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(host, Path::new("/sys/devices/system/node"))
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        self.folder.names(&mut self.names)?;
        self.known.start();
        for node in self.names.iter().filter(|name| is_node(name)) {
            let path = join(&mut self.path, &[node, b"/numastat"]);
            // A node may be taken away at any moment.
            let Ok(text) = self.folder.read(path, &mut self.text) else { continue };
            for (counter, pages) in numastat::parse(text) {
                let place = join(&mut self.path, &[node, b"/", counter]);
                let make = || series(&self.host, node, counter);
                if let Some(series) = self.known.entry(place, make) {
                    out.derive(series, pages.cast_signed());
                }
            }
        }
        self.known.finish_or_warn(&self.host, "counters");
        Ok(())
    }
}

impl Numa {
    /// As [`Collector::init`], from any folder.
    fn open(host: &Host, path: &Path) -> Result<Self, Failure> {
        let folder = Folder::open(path)?;
        let mut names = Names::default();
        folder.names(&mut names)?;
        if !names.iter().any(is_node) {
            return Err(Failure::new(format!("{} lists no memory node", path.display())));
        }
        Ok(Self {
            host: host.clone(),
            folder,
            names,
            path: Vec::new(),
            text: Vec::new(),
            known: Known::new(MAX_COUNTERS),
        })
    }
}

/// True for the folder of a node, such as `node0`.
fn is_node(name: &[u8]) -> bool {
    name.strip_prefix(b"node").is_some_and(|number| unsigned(number).is_some())
}

fn series(host: &Host, node: &[u8], counter: &[u8]) -> Series {
    host.series("numa", &instance_name(node), "vmpage_action", &instance_name(counter))
}

gatherd_sdk::export_plugin!(Numa);

#[cfg(test)]
mod tests;
