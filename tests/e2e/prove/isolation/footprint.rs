//! What a process holds, and which processes came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use gatherd_e2e::within;

/// What a process holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Footprint {
    /// Those that are no sockets.
    pub(super) descriptors: usize,
    /// Hosts have one each, and so has who asks the API.
    pub(super) sockets: usize,
    pub(super) threads: usize,
    /// Pieces of memory.
    pub(super) maps: usize,
    /// Resident memory in KiB.
    pub(super) resident: u64,
}

impl Footprint {
    /// Nothing is left of what was here for a time: sockets but for those of who asks.
    pub(super) fn nothing_more_than(&self, before: &Self) {
        let is_more = self.descriptors > before.descriptors
            || self.threads > before.threads
            || self.sockets > before.sockets + 2;
        assert!(!is_more, "something is left: {before:?}, then {self:?}");
    }

    /// Once it has `hosts` hosts, and a little time for what it does afterwards: the least of several looks, because who
    /// asks the API is in the figures too.
    pub(super) async fn settled(pid: u32, hosts: usize) -> Self {
        within(&format!("{hosts} hosts are left"), async || match hosts_of(pid).len() {
            count if count == hosts => Ok(()),
            other => Err(other),
        })
        .await;
        let mut least: Option<Self> = None;
        for _look in 0..5 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let now = Self::of(pid);
            least = Some(least.map_or(now, |least| least.and(now)));
        }
        least.unwrap()
    }

    fn and(self, other: Self) -> Self {
        Self {
            descriptors: self.descriptors.min(other.descriptors),
            sockets: self.sockets.min(other.sockets),
            threads: self.threads.min(other.threads),
            maps: self.maps.min(other.maps),
            resident: self.resident.min(other.resident),
        }
    }

    fn of(pid: u32) -> Self {
        let links = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        let links = links.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        let (sockets, descriptors): (Vec<_>, Vec<_>) =
            links.partition(|link| link.to_string_lossy().starts_with("socket:"));
        let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().count();
        let resident = kib_of(pid, "VmRSS:");
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap().lines().count();
        Self { descriptors: descriptors.len(), sockets: sockets.len(), threads, maps, resident }
    }
}

/// A line of the process' status, in KiB. Source: `proc_pid_status(5)`.
pub(super) fn kib_of(pid: u32, line: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let found = status.lines().find_map(|text| text.strip_prefix(line)).unwrap();
    found.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Host processes that this daemon started.
pub(super) fn hosts_of(daemon: u32) -> Vec<u32> {
    parents().into_iter().filter(|(_, parent)| *parent == daemon).map(|(pid, _)| pid).collect()
}

/// All processes that came of it, children of children too.
pub(super) fn offspring_of(daemon: u32) -> BTreeSet<u32> {
    let parents = parents();
    let mut found = BTreeSet::from([daemon]);
    loop {
        let more: Vec<u32> = parents
            .iter()
            .filter(|(pid, parent)| found.contains(parent) && !found.contains(pid))
            .map(|(pid, _)| *pid)
            .collect();
        if more.is_empty() {
            break;
        }
        found.extend(more);
    }
    found.remove(&daemon);
    found
}

/// True while it runs; one that nobody has reaped does not.
pub(super) fn is_there(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// The parent of every process.
fn parents() -> BTreeMap<u32, u32> {
    let all =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    all.filter_map(|pid| Some((pid, parent_of(pid)?))).collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}
