//! Keeps the plugin out of directories that are the daemon's alone, by Landlock.
//!
//! Landlock knows only what is allowed, so everything is allowed but the ways to those directories:
//!
//! ```text
//!  private: /var/lib/gatherd       allowed: /bin /etc … (not /var), /var/cache … (not /var/lib), /var/lib/x … (not gatherd)
//! ```
//!
//! What somebody puts beside a private directory later is out of reach for a plugin that runs already.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
    path_beneath_rules,
};

/// The newest of Landlock that is used where the kernel has it.
const NEWEST: ABI = ABI::V6;

/// Keeps this thread, and all that it starts, out of `private`. Also keeps it from sending signals to, and from looking
/// into, processes outside. Answers how well the kernel can do that.
pub(super) fn keep_out_of(private: &[PathBuf]) -> Result<RulesetStatus, RulesetError> {
    let all = AccessFs::from_all(NEWEST);
    let rules = Ruleset::default().handle_access(all)?.scope(Scope::from_all(NEWEST))?.create()?;
    let rules = rules
        .add_rules(path_beneath_rules(["/"], AccessFs::ReadDir))?
        .add_rules(path_beneath_rules(beside(&real(private)), all))?;
    Ok(rules.restrict_self()?.ruleset)
}

/// What every process reads: the C library's own files, itself, and devices that hold nothing.
const EVERYBODY: [&str; 17] = [
    "/dev/null",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
    "/etc/group",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/resolv.conf",
    "/lib",
    "/lib64",
    "/proc/self",
    "/sys/devices/system/cpu",
    "/usr/lib",
    "/usr/share/zoneinfo",
];

/// Leaves this thread, and all that it starts, only those of the paths that were open to it so far; what is not there has
/// no need to be opened.
pub(super) fn only(read: &[PathBuf], write: &[PathBuf]) -> Result<RulesetStatus, RulesetError> {
    let (all, reading) = (AccessFs::from_all(NEWEST), AccessFs::from_read(NEWEST));
    let rules = Ruleset::default().handle_access(all)?.create()?;
    let rules = rules
        .add_rules(path_beneath_rules(EVERYBODY, reading))?
        .add_rules(path_beneath_rules(["/dev/null"], all))?
        .add_rules(path_beneath_rules(read, reading))?
        .add_rules(path_beneath_rules(write, all))?;
    Ok(rules.restrict_self()?.ruleset)
}

/// The directories as they are without links; one that is not there has nothing to hide.
fn real(private: &[PathBuf]) -> BTreeSet<PathBuf> {
    private
        .iter()
        .filter_map(|path| fs::canonicalize(path).ok())
        .filter(|path| path != Path::new("/"))
        .collect()
}

/// All that lies beside the directories and the ways to them.
fn beside(private: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let is_hidden = |path: &Path| private.iter().any(|hidden| path.starts_with(hidden));
    let ways: BTreeSet<&Path> = private.iter().flat_map(|path| path.ancestors().skip(1)).collect();
    let mut open = Vec::new();
    if ways.is_empty() {
        open.push(PathBuf::from("/"));
    }
    for way in ways.iter().filter(|way| !is_hidden(way)) {
        let Ok(entries) = fs::read_dir(way) else { continue };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        open.extend(paths.filter(|path| !ways.contains(path.as_path()) && !is_hidden(path)));
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_open_but_the_ways_to_what_is_private() {
        let place = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(place.path()).unwrap();
        for path in ["a/state/deep", "a/b", "c", "run"] {
            fs::create_dir_all(top.join(path)).unwrap();
        }
        let private = BTreeSet::from([top.join("a/state"), top.join("run")]);
        let open: BTreeSet<PathBuf> = beside(&private).into_iter().collect();
        let below: Vec<&Path> = open.iter().filter_map(|path| path.strip_prefix(&top).ok()).collect();
        assert_eq!(below, [Path::new("a/b"), Path::new("c")]);
        assert!(open.contains(Path::new("/proc")) && open.contains(Path::new("/usr")));
        assert!(!open.contains(Path::new("/")) && !open.contains(&top));
    }

    #[test]
    fn without_anything_private_all_is_open() {
        assert_eq!(beside(&real(&[PathBuf::from("/no/such/directory")])), [Path::new("/")]);
    }
}
