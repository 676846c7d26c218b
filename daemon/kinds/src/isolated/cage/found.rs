//! Where this process may make control groups, from what the kernel says of mounts and of the groups of this process.
//!
//! Source: `cgroups(7)`, `proc_pid_mountinfo(5)`.

use std::path::{Path, PathBuf};

/// What groups of a host should hold, by the names of the controllers.
pub(super) const CONTROLLERS: [&str; 3] = ["cpu", "memory", "pids"];

/// The groups of this process.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Found {
    /// In the unified hierarchy, version 2.
    pub(super) unified: Option<PathBuf>,
    /// In hierarchies of version 1, by controller.
    pub(super) single: Vec<(&'static str, PathBuf)>,
}

/// Reads `/proc/self/mountinfo` and `/proc/self/cgroup`.
pub(super) fn found(mounts: &str, own: &str) -> Found {
    let mut found = Found::default();
    for mount in mounts.lines().filter_map(Mount::read) {
        match mount.kind {
            "cgroup2" if found.unified.is_none() => {
                found.unified = own_group(own, "", &mount).map(|group| outermost(&group));
            }
            "cgroup" => {
                for controller in CONTROLLERS {
                    let is_known = found.single.iter().any(|(known, _)| *known == controller);
                    let has_it = mount.options.split(',').any(|option| option == controller);
                    if let Some(group) = own_group(own, controller, &mount).filter(|_| has_it && !is_known) {
                        found.single.push((controller, group));
                    }
                }
            }
            _ => {}
        }
    }
    found
}

struct Mount<'a> {
    /// What of the hierarchy is mounted.
    root: &'a str,
    point: &'a str,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(3);
        let (root, point) = (left.next()?, left.next()?);
        let mut right = right.split(' ');
        let (kind, options) = (right.next()?, right.nth(1)?);
        Some(Self { root, point, kind, options })
    }
}

/// The directory of the own group in the hierarchy with this controller; none for the unified one.
fn own_group(own: &str, controller: &str, mount: &Mount<'_>) -> Option<PathBuf> {
    let path = own.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        controllers.split(',').any(|known| known == controller).then_some(path)
    })?;
    let below = Path::new(path).strip_prefix(mount.root).ok()?;
    Some(Path::new(mount.point).join(below))
}

/// Without the group that a daemon before this one moved itself to, which this one came from: see [`super::unified`].
fn outermost(group: &Path) -> PathBuf {
    let of_daemon = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name == Some(super::DAEMON)
            && path
                .parent()
                .and_then(Path::file_name)
                .is_some_and(|base| super::is_base(&base.to_string_lossy()))
    };
    let mut group = group;
    while of_daemon(group) {
        group = group.parent().and_then(Path::parent).unwrap_or(group);
    }
    group.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_2_is_one_group() {
        let mounts = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        let own = "0::/system.slice/gatherd.service\n";
        let expected =
            Found { unified: Some("/sys/fs/cgroup/system.slice/gatherd.service".into()), single: Vec::new() };
        assert_eq!(found(mounts, own), expected);
        let nested = "0::/system.slice/gatherd.service/gatherd-7-99/daemon\n";
        assert_eq!(found(mounts, nested), expected);
    }

    #[test]
    fn version_1_has_a_group_for_each_controller() {
        let mounts = "30 29 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
                      31 29 0:28 /jail /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      32 29 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
                      33 29 0:30 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer\n";
        let own = "4:memory:/jail/own\n3:cpu,cpuacct:/\n2:freezer:/\n0::/\n";
        let expected = Found {
            unified: Some("/sys/fs/cgroup/unified/".into()),
            single: vec![
                ("cpu", "/sys/fs/cgroup/cpu,cpuacct/".into()),
                ("memory", "/sys/fs/cgroup/memory/own".into()),
            ],
        };
        assert_eq!(found(mounts, own), expected);
    }

    #[test]
    fn without_groups_there_are_none_and_nonsense_is_passed_over() {
        assert_eq!(found("", ""), Found::default());
        assert_eq!(found("a b - cgroup\n1 2 3 - cgroup2 x\n", "0\n::\n"), Found::default());
    }
}
