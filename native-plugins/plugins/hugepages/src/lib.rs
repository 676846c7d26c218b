//! Plugin `hugepages`: how many huge pages are in use and free, as collectd's plugin of that name reports it.
//!
//! ```text
//!  /sys/kernel/mm/hugepages/hugepages-<size>kB ──────────────────────┬──pool──► Pages
//!  /sys/devices/system/node/node<n>/hugepages/hugepages-<size>kB ────┘            │
//!                                            ┌────────────────────────────────────┘
//!                                            ├──► hugepages-mm-<size>Kb/{vmpage_number,memory,percent}-{free,used}
//!                                            └──► hugepages-node<n>-<size>Kb/…
//! ```

#![deny(unsafe_code)]

mod pool;
mod row;
mod tree;

use std::path::Path;

use gatherd_sdk::{Batch, Collector, Failure, Folder, Host};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::tree::Tree;

/// What the plugin reports.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own, as in collectd")]
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Report the pages of each memory node.
    pub report_per_node_hp: bool,
    /// Report the pages of the whole machine.
    pub report_root_hp: bool,
    /// Report how many pages there are.
    pub values_pages: bool,
    /// Report how many bytes the pages have.
    pub values_bytes: bool,
    /// Report the pages in percent of all of their size.
    pub values_percentage: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            report_per_node_hp: true,
            report_root_hp: true,
            values_pages: true,
            values_bytes: false,
            values_percentage: false,
        }
    }
}

/// The plugin.
#[derive(Debug)]
pub struct Hugepages {
    trees: Vec<Tree>,
}

impl Collector for Hugepages {
    const NAME: &'static str = "hugepages";
    const DESCRIPTION: &'static str = "Huge pages in use and free.";
    type Config = Config;

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(config, host, Path::new("/sys/kernel/mm/hugepages"), Path::new("/sys/devices/system/node"))
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let mut answer = Ok(());
        for tree in &mut self.trees {
            // What is wrong with one tree keeps nothing of the other back.
            let read = tree.report(out);
            answer = answer.and(read);
        }
        answer
    }
}

impl Hugepages {
    /// As [`Collector::init`], from any folders. Without the folder of nodes the whole machine is enough.
    fn open(config: Config, host: &Host, root: &Path, nodes: &Path) -> Result<Self, Failure> {
        let mut trees = Vec::new();
        if config.report_root_hp {
            trees.push(Tree::of_machine(config, host, Folder::open(root)?));
        }
        if config.report_per_node_hp {
            match Folder::open(nodes) {
                Ok(folder) => trees.push(Tree::of_nodes(config, host, folder)),
                Err(error) if trees.is_empty() => return Err(error.into()),
                Err(error) => host.notice(&format!("{}; only the whole is reported", Failure::from(error))),
            }
        }
        Ok(Self { trees })
    }
}

gatherd_sdk::export_plugin!(Hugepages);

#[cfg(test)]
mod tests;
