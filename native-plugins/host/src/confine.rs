//! What this process gives up before it runs a line of the plugin.

mod calls;
mod declared;
mod paths;
mod rights;

use std::io;
use std::path::PathBuf;

use anyhow::{Context, bail};
use gatherd_wire::Limits;
use landlock::RulesetStatus;
use rustix::process::{Resource, Rlimit, Signal, getppid, set_parent_process_death_signal, setrlimit};
use rustix::thread::set_no_new_privs;

pub(crate) use declared::declared;

/// Ends with the thread of the daemon that started this process, and gains no rights any more.
pub(crate) fn die_with_parent() -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    set_no_new_privs(true)?;
    Ok(())
}

/// Whether the daemon is still there: it may have ended before its end was asked for.
pub(crate) fn check_parent(daemon: u32) -> anyhow::Result<()> {
    let parent = getppid().map_or(0, |parent| parent.as_raw_nonzero().get().cast_unsigned());
    if parent == daemon { Ok(()) } else { bail!("the daemon that started this host is gone") }
}

/// Takes limits upon itself. A limit that is lower already stays.
pub(crate) fn limit(limits: &Limits) -> anyhow::Result<()> {
    let Limits { memory, descriptors, processes: _ } = *limits;
    for (resource, most, what) in [
        (Resource::Data, memory, "memory"),
        (Resource::Nofile, descriptors, "descriptors"),
        (Resource::Core, Some(0), "core files"),
    ] {
        let Some(most) = most else { continue };
        let before = rustix::process::getrlimit(resource);
        let most = before.maximum.map_or(most, |maximum| maximum.min(most));
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, limit).with_context(|| format!("cannot limit {what} to {most}"))?;
    }
    Ok(())
}

/// Confines this thread, and all that it starts, to the paths that the plugin declares, as far as the kernel can.
pub(crate) fn narrow(declared: &declared::Declared) -> anyhow::Result<()> {
    paths::only(&declared.read, &declared.write).context("Landlock does not hold the plugin to its paths")?;
    Ok(())
}

/// Confines this thread, and all that it starts, as far as the kernel can. Answers what it can not.
///
/// # Errors
///
/// When calls cannot be refused: a plugin that may open the daemon's socket would be its administrator there.
pub(crate) fn confine(private: &[PathBuf], limits: &Limits) -> anyhow::Result<Vec<String>> {
    let mut lacking = Vec::new();
    match paths::keep_out_of(private) {
        Ok(RulesetStatus::FullyEnforced) => {}
        Ok(RulesetStatus::PartiallyEnforced) => {
            lacking.push("this kernel has an older Landlock: signals are not held".into());
        }
        Ok(RulesetStatus::NotEnforced) => {
            lacking
                .push("this kernel has no Landlock: the plugin can read what the daemon's user can".into());
        }
        Err(error) => lacking.push(format!("Landlock does not hold the plugin: {error}")),
    }
    if let Err(error) = rights::give_up() {
        lacking.push(format!("the rights of the daemon's user could not be given up: {error}"));
    }
    calls::refuse(limits.processes == Some(0))
        .context("seccomp cannot keep the plugin from the daemon's socket, so it does not run")?;
    Ok(lacking)
}
