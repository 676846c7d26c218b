//! Ends what a plugin started once its host has ended, also where the daemon is not there any more to do so.
//!
//! ```text
//!  daemon ──death signal──► host ─┬─ children of the plugin: they cannot leave the host's process group
//!                             ▲   └─ keeper, in a group of its own: waits for the host's end, then kills that group
//!                             └──────── pidfd
//! ```

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use anyhow::Context;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, getpid, getppid, kill_process_group, pidfd_open};

/// The argument that makes this program a keeper; the number of the host follows.
const WORD: &str = "keeper";

/// Starts a keeper for this process.
pub(crate) fn begin() -> anyhow::Result<()> {
    let mut command = Command::new("/proc/self/exe");
    command.args([WORD, &getpid().to_string()]).env_clear().process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // It ends after this process, so nobody waits for it here.
    drop(command.spawn().context("cannot start the process that ends what the plugin starts")?);
    Ok(())
}

/// Whose keeper this process is to be.
pub(crate) fn asked() -> Option<Pid> {
    let mut arguments = std::env::args().skip(1);
    let number = arguments.next().filter(|word| word == WORD).and(arguments.next())?;
    number.parse().ok().and_then(Pid::from_raw)
}

/// Waits for the end of the host, and kills what it leaves behind.
pub(crate) fn keep(host: Pid) -> anyhow::Result<()> {
    let _name_of_the_program = rustix::thread::set_name(c"gatherd-keeper");
    let descriptor = pidfd_open(host, PidfdFlags::empty());
    // Only a host that is still our parent has this number for certain.
    if let Ok(descriptor) = descriptor
        && getppid() == Some(host)
    {
        wait(&descriptor)?;
    }
    match kill_process_group(host, Signal::KILL) {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(error) => Err(error).context("cannot kill what the plugin left behind"),
    }
}

fn wait(host: &impl std::os::fd::AsFd) -> anyhow::Result<()> {
    loop {
        match poll(&mut [PollFd::new(host, PollFlags::IN)], None) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("cannot wait for the host"),
        }
    }
}
