//! The folders of all sizes, of the whole machine or of each memory node.

use std::io;

use gatherd_sdk::{Batch, Failure, Folder, Host, Known, Names};

use crate::Config;
use crate::pool::{self, Unreadable};
use crate::row::Rows;

/// The most sizes, on all nodes together, that are followed at once; a machine has a few for each node, and at
/// most 1024 nodes.
const MAX_POOLS: usize = 8192;

/// A folder that has, or whose folders have, one folder for each size of pages.
#[derive(Debug)]
pub(crate) struct Tree {
    folder: Folder,
    by_node: bool,
    nodes: Names,
    sizes: Names,
    pools: Pools,
}

/// The sizes that were found, with their series.
#[derive(Debug)]
struct Pools {
    config: Config,
    host: Host,
    /// By the path of their folders.
    known: Known<Rows>,
    /// Room for a path, and for a file.
    path: Vec<u8>,
    text: Vec<u8>,
}

impl Tree {
    /// Pages of the whole machine.
    pub(crate) fn of_machine(config: Config, host: &Host, folder: Folder) -> Self {
        Self::new(config, host, folder, false)
    }

    /// Pages of each node.
    pub(crate) fn of_nodes(config: Config, host: &Host, folder: Folder) -> Self {
        Self::new(config, host, folder, true)
    }

    fn new(config: Config, host: &Host, folder: Folder, by_node: bool) -> Self {
        Self {
            folder,
            by_node,
            nodes: Names::default(),
            sizes: Names::default(),
            pools: Pools {
                config,
                host: host.clone(),
                known: Known::new(MAX_POOLS),
                path: Vec::new(),
                text: Vec::new(),
            },
        }
    }

    /// Reports the pages of each size.
    ///
    /// # Errors
    ///
    /// The first thing that cannot be read; the rest is reported all the same.
    pub(crate) fn report(&mut self, out: &mut Batch) -> Result<(), Failure> {
        self.pools.known.start();
        let read = if self.by_node { self.report_nodes(out) } else { self.report_machine(out) };
        let refused = self.pools.known.finish();
        if refused > 0 {
            let path = self.folder.path().display();
            let reason =
                format!("{path} has {refused} sizes of pages beyond the {MAX_POOLS} that are reported");
            return read.and(Err(Failure::new(reason)));
        }
        read
    }

    fn report_machine(&mut self, out: &mut Batch) -> Result<(), Failure> {
        self.folder.names(&mut self.sizes)?;
        self.pools.path.clear();
        self.pools.report_all(&self.folder, &self.sizes, "mm", out)
    }

    fn report_nodes(&mut self, out: &mut Batch) -> Result<(), Failure> {
        self.folder.names(&mut self.nodes)?;
        let mut answer = Ok(());
        for node in self.nodes.iter().filter_map(node) {
            let path = &mut self.pools.path;
            path.clear();
            path.extend_from_slice(node.as_bytes());
            path.extend_from_slice(b"/hugepages/");
            let read = match self.folder.names_of(path, &mut self.sizes) {
                Ok(()) => self.pools.report_all(&self.folder, &self.sizes, node, out),
                // The node went away, or has no huge pages.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                Err(error) => {
                    let path = self.folder.path().join(node).join("hugepages");
                    Err(Failure::io(format!("read {}", path.display()), error))
                }
            };
            answer = answer.and(read);
        }
        answer
    }
}

/// The node that the folder `name` is for, by its name.
fn node(name: &[u8]) -> Option<&str> {
    pool::node(name)?;
    str::from_utf8(name).ok()
}

impl Pools {
    /// Reports the pages of each of `sizes`, whose folders are at `self.path` below `folder`.
    fn report_all(
        &mut self,
        folder: &Folder,
        sizes: &Names,
        place: &str,
        out: &mut Batch,
    ) -> Result<(), Failure> {
        let mut answer = Ok(());
        let length = self.path.len();
        for name in sizes.iter() {
            let Some(size) = pool::size(name) else { continue };
            self.path.extend_from_slice(name);
            self.path.push(b'/');
            let read = self.report(folder, place, size, out);
            self.path.truncate(length);
            answer = answer.and(read);
        }
        answer
    }

    /// Reports the pages of `size` KiB, whose folder is at `self.path`.
    fn report(&mut self, folder: &Folder, place: &str, size: u64, out: &mut Batch) -> Result<(), Failure> {
        match pool::pages(folder, &mut self.path, &mut self.text) {
            Ok(pages) => {
                let make = || Rows::new(self.config, &self.host, place, size);
                if let (Some(rows), Some(pages)) = (self.known.entry(&self.path, make), pages) {
                    rows.report(pages, out);
                }
                Ok(())
            }
            Err(error) => Err(self.failure(folder, error)),
        }
    }

    /// What could not be read, by its whole path.
    fn failure(&self, folder: &Folder, error: Unreadable) -> Failure {
        let path = format!("{}/{}", folder.path().display(), String::from_utf8_lossy(&self.path));
        match error {
            Unreadable::Read { file, source } => Failure::io(format!("read {path}{file}"), source),
            Unreadable::NoNumber { file } => Failure::new(format!("{path}{file} is no number")),
        }
    }
}
