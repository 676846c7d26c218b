//! Control groups: each host has one of its own, which holds what it may use and by which it is killed with all that it
//! started.
//!
//! ```text
//!  own group of the daemon
//!   └─ gatherd-<process>-<its start>      one for each daemon, swept by the next where the daemon is gone
//!       ├─ daemon                         version 2 only: where the daemon goes, so that the others may have limits
//!       └─ <plugin>-<number>              one for each host
//! ```
//!
//! Of version 1 there is such a tree for each controller, of version 2 one. Where a group cannot be had the plugin runs
//! all the same: what is not held then is told.

mod found;

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use gatherd_wire::Limits;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

use self::found::{CONTROLLERS, Found};
use super::stat::field;

/// The group of version 2 that the daemon goes to.
const DAEMON: &str = "daemon";

/// Threads that a host may have beside the processes that its plugin may start: the controller counts both alike.
const THREADS: u64 = 64;

/// Memory of a group beyond that of the plugin: its host's own, and what both read of files. The limit of private memory
/// says no first, which a plugin can hear; this one kills.
const BESIDE: u64 = 64 << 20;

/// Microseconds of which a share of processor time is given.
const PERIOD: u64 = 100_000;

/// How often, and how long between, it is tried to take a group away whose processes are just ending.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(2);

/// What control groups hold here.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Holds {
    /// 1 or 2; 0 where there are none.
    pub(crate) version: u8,
    pub(crate) kill: bool,
    pub(crate) cpu: bool,
    pub(crate) memory: bool,
    pub(crate) processes: bool,
}

/// Where the groups of hosts are made.
#[derive(Debug)]
pub(super) struct Cages {
    trees: Vec<Tree>,
    made: AtomicU64,
}

/// One hierarchy.
#[derive(Clone, Debug)]
struct Tree {
    base: PathBuf,
    is_unified: bool,
    controllers: Vec<&'static str>,
}

impl Tree {
    fn has(&self, controller: &str) -> bool {
        self.controllers.contains(&controller)
    }
}

impl Cages {
    /// Finds out where groups may be made, and takes those away that a daemon left behind.
    pub(super) fn begin() -> Self {
        let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        let found = found::found(&read("mountinfo"), &read("cgroup"));
        let cages = Self::within(found, std::process::id());
        tracing::debug!(trees = ?cages.trees, "control groups for host processes");
        cages
    }

    fn within(found: Found, own: u32) -> Self {
        let name = format!("gatherd-{own}-{}", began(own).unwrap_or_default());
        let mut trees = Vec::new();
        for (controller, group) in found.single {
            sweep(&group);
            let base = group.join(&name);
            if fs::create_dir(&base).is_ok() {
                trees.push(Tree { base, is_unified: false, controllers: vec![controller] });
            }
        }
        if let Some(group) = found.unified {
            sweep(&group);
            let base = group.join(&name);
            if fs::create_dir(&base).is_ok() {
                let controllers = unified(&group, &base, own);
                trees.push(Tree { base, is_unified: true, controllers });
            }
        }
        Self { trees, made: AtomicU64::new(0) }
    }

    /// What can be held here.
    pub(super) fn holds(&self) -> Holds {
        let has = |controller| self.trees.iter().any(|tree| tree.has(controller));
        let is_single = self.trees.iter().any(|tree| !tree.is_unified);
        Holds {
            version: if self.trees.is_empty() { 0 } else { 2 - u8::from(is_single) },
            kill: !self.trees.is_empty(),
            cpu: has("cpu"),
            memory: has("memory"),
            processes: has("pids"),
        }
    }

    /// A group for a host, with limits, and sentences about what is not held.
    pub(super) fn cage(&self, plugin: &str, limits: &Limits, cpu: Option<f64>) -> (Cage, Vec<String>) {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let mut cage = Cage { groups: Vec::new() };
        let mut lacking = Vec::new();
        for tree in &self.trees {
            let dir = tree.base.join(format!("{plugin}-{number}"));
            if let Err(error) = fs::create_dir(&dir) {
                lacking.push(format!("a control group could not be made: {}: {error}", dir.display()));
                continue;
            }
            for (file, text) in settings(tree, limits, cpu) {
                if let Err(error) = fs::write(dir.join(file), &text) {
                    lacking.push(format!("the control group does not take {text} as {file}: {error}"));
                }
            }
            cage.groups.push(Group { dir, is_unified: tree.is_unified });
        }
        let holds = self.holds();
        let not_held = |limit: &str, controller: &str| {
            format!(
                "limits.{limit} is not held: this daemon may make no control group with the controller `{controller}`"
            )
        };
        if cpu.is_some() && !holds.cpu {
            lacking.push(not_held("cpu", "cpu"));
        }
        if limits.processes.is_some_and(|most| most > 0) && !holds.processes {
            lacking.push(not_held("processes", "pids"));
        }
        (cage, lacking)
    }
}

impl Drop for Cages {
    fn drop(&mut self) {
        for tree in &self.trees {
            // What is not empty is the next daemon's to sweep.
            let _busy = fs::remove_dir(&tree.base);
        }
    }
}

/// Gives the groups below `base` limits, where the kernel lets us: a group that has processes of its own gives its
/// children none, so a daemon that is alone in its group goes to one below. Answers which controllers there are.
fn unified(group: &Path, base: &Path, own: u32) -> Vec<&'static str> {
    let known = |dir: &Path, file: &str| {
        let text = fs::read_to_string(dir.join(file)).unwrap_or_default();
        CONTROLLERS
            .into_iter()
            .filter(|name| text.split_whitespace().any(|word| word == *name))
            .collect::<Vec<_>>()
    };
    let wanted = known(group, "cgroup.controllers");
    if wanted.is_empty() {
        return wanted;
    }
    let all: Vec<String> = wanted.iter().map(|name| format!("+{name}")).collect();
    let give = |dir: &Path| fs::write(dir.join("cgroup.subtree_control"), all.join(" "));
    if give(group).is_err() {
        let processes = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
        let is_alone = processes.split_whitespace().eq([own.to_string().as_str()]);
        let daemon = base.join(DAEMON);
        if is_alone && fs::create_dir(&daemon).is_ok() {
            let _refused = fs::write(daemon.join("cgroup.procs"), own.to_string());
            let _refused = give(group);
        }
    }
    let _refused = give(base);
    known(base, "cgroup.subtree_control")
}

/// What is written into the files of a new group.
fn settings(tree: &Tree, limits: &Limits, cpu: Option<f64>) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    if let Some(memory) = limits.memory.filter(|_| tree.has("memory")) {
        let most = memory.saturating_add(BESIDE).to_string();
        if tree.is_unified {
            all.extend([("memory.max", most), ("memory.oom.group", "1".into())]);
        } else {
            all.push(("memory.limit_in_bytes", most));
        }
    }
    if let Some(cpu) = cpu.filter(|_| tree.has("cpu")) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0.01 to 1024 processors"
        )]
        let quota = ((cpu * PERIOD as f64) as u64).max(1_000);
        if tree.is_unified {
            all.push(("cpu.max", format!("{quota} {PERIOD}")));
        } else {
            all.extend([("cpu.cfs_period_us", PERIOD.to_string()), ("cpu.cfs_quota_us", quota.to_string())]);
        }
    }
    if let Some(processes) = limits.processes.filter(|_| tree.has("pids")) {
        all.push(("pids.max", processes.saturating_add(THREADS).to_string()));
    }
    all
}

/// The groups of one host; they are taken away with it.
#[derive(Debug, Default)]
pub(super) struct Cage {
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    dir: PathBuf,
    is_unified: bool,
}

impl Cage {
    /// Puts a process in, before it runs anything of the plugin.
    pub(super) fn admit(&self, process: u32) -> io::Result<()> {
        for group in &self.groups {
            fs::write(group.dir.join("cgroup.procs"), process.to_string())?;
        }
        Ok(())
    }

    /// Kills all that is in it.
    pub(super) fn kill(&self) {
        for group in &self.groups {
            kill(group);
        }
    }

    /// Takes the groups away; waits a little for processes that are just ending.
    pub(super) fn remove(&self) {
        for group in &self.groups {
            remove(&group.dir);
        }
    }
}

fn kill(group: &Group) {
    if group.is_unified && order(&group.dir, "cgroup.kill", "1").is_ok() {
        return;
    }
    // Where it counts processes, none is started any more.
    let _no_such_file = order(&group.dir, "pids.max", "0");
    let processes = fs::read_to_string(group.dir.join("cgroup.procs")).unwrap_or_default();
    for process in processes.lines().filter_map(|line| line.parse().ok().and_then(Pid::from_raw)) {
        let _gone = kill_process(process, Signal::KILL);
    }
}

/// Writes into a file that is there.
fn order(dir: &Path, file: &str, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(dir.join(file))?.write_all(text.as_bytes())
}

fn remove(dir: &Path) {
    for _try in 0..TRIES {
        match fs::remove_dir(dir) {
            Err(error) if Errno::from_io_error(&error) == Some(Errno::BUSY) => thread::sleep(PAUSE),
            _ => return,
        }
    }
    tracing::debug!(group = %dir.display(), "a control group is still in use");
}

/// Takes away what daemons left in this group that are gone, with all that runs there.
fn sweep(group: &Path) {
    let Ok(entries) = fs::read_dir(group) else { return };
    for base in entries.flatten().filter(|entry| is_abandoned(&entry.file_name().to_string_lossy())) {
        let hosts = fs::read_dir(base.path()).into_iter().flatten().flatten().map(|entry| entry.path());
        for dir in hosts.filter(|path| path.is_dir()) {
            let is_unified = dir.join("cgroup.kill").exists();
            kill(&Group { dir: dir.clone(), is_unified });
            remove(&dir);
        }
        remove(&base.path());
    }
}

/// Whether the name is that of a daemon's base, living or not.
fn is_base(name: &str) -> bool {
    of_base(name).is_some()
}

fn of_base(name: &str) -> Option<(u32, u64)> {
    let (process, began) = name.strip_prefix("gatherd-")?.split_once('-')?;
    Some((process.parse().ok()?, began.parse().ok()?))
}

fn is_abandoned(name: &str) -> bool {
    of_base(name).is_some_and(|(process, start)| began(process) != Some(start))
}

/// When a process began, in ticks since the start of the machine (field 22); a number is given again, but not at the same
/// tick.
fn began(process: u32) -> Option<u64> {
    field(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?, 22)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { memory: Some(1 << 20), descriptors: None, processes: Some(4) };

    /// Directories that look like control groups of this kernel's files.
    fn place() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn hosts_get_groups_with_limits_in_each_hierarchy() {
        let place = place();
        let mut single = Vec::new();
        for controller in CONTROLLERS {
            fs::create_dir(place.path().join(controller)).unwrap();
            single.push((controller, place.path().join(controller)));
        }
        let cages = Cages::within(Found { unified: None, single }, std::process::id());
        let holds = Holds { version: 1, kill: true, cpu: true, memory: true, processes: true };
        assert_eq!(cages.holds(), holds);
        let (cage, lacking) = cages.cage("p", &LIMITS, Some(0.25));
        assert_eq!(lacking, Vec::<String>::new());
        let read = |controller: &str, file: &str| {
            let group = cage.groups.iter().find(|group| group.dir.starts_with(place.path().join(controller)));
            fs::read_to_string(group.unwrap().dir.join(file)).unwrap()
        };
        assert_eq!(read("cpu", "cpu.cfs_quota_us"), "25000");
        assert_eq!(read("memory", "memory.limit_in_bytes"), ((1 << 20) + BESIDE).to_string());
        assert_eq!(read("pids", "pids.max"), "68");
        cage.admit(7).unwrap();
        assert_eq!(read("cpu", "cgroup.procs"), "7");
    }

    #[test]
    fn version_2_has_the_controllers_that_its_group_gives() {
        let place = place();
        fs::write(place.path().join("cgroup.controllers"), "cpuset cpu io memory\n").unwrap();
        let found = Found { unified: Some(place.path().to_owned()), single: Vec::new() };
        let cages = Cages::within(found, std::process::id());
        let holds = Holds { version: 2, kill: true, cpu: false, memory: false, processes: false };
        // The text that was written is not what a kernel would answer, so nothing is believed of it.
        assert_eq!(cages.holds(), holds);
        let tree = Tree { base: PathBuf::new(), is_unified: true, controllers: vec!["cpu", "memory"] };
        let written = settings(&tree, &LIMITS, Some(0.25));
        assert_eq!(written[0].0, "memory.max");
        assert_eq!(written[2], ("cpu.max", "25000 100000".to_owned()));
    }

    #[test]
    fn what_is_not_held_is_told() {
        let cages = Cages::within(Found::default(), 1);
        assert_eq!(cages.holds(), Holds::default());
        let (cage, lacking) = cages.cage("p", &LIMITS, Some(0.25));
        assert_eq!(lacking.len(), 2, "{lacking:?}");
        assert!(lacking[0].contains("limits.cpu") && lacking[1].contains("limits.processes"));
        cage.admit(1).unwrap();
        cage.kill();
    }

    #[test]
    fn groups_of_daemons_that_are_gone_are_swept_and_others_stay() {
        let place = place();
        let own = std::process::id();
        let living = format!("gatherd-{own}-{}", began(own).unwrap());
        for name in [&living, "gatherd-4194301-5", &format!("gatherd-{own}-1"), "gatherd-other", "else"] {
            fs::create_dir_all(place.path().join(name).join("p-0")).unwrap();
        }
        sweep(place.path());
        let mut left: Vec<String> = fs::read_dir(place.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["else".to_owned(), living, "gatherd-other".to_owned()]);
    }
}
