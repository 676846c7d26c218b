//! What a running process costs, as the kernel counts it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::compile::program;

/// Resident memory of a process, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Resident {
    /// All of it.
    pub(crate) all: usize,
    /// Of it what belongs to no file: heap, stacks, written data.
    pub(crate) anonymous: usize,
    /// Of it pages of files: programs and libraries, shared with whoever maps the same file.
    pub(crate) files: usize,
    /// Of it pages of files in memory, as which plugins are loaded.
    pub(crate) memory_files: usize,
}

/// Reads the resident memory of a process.
pub(crate) fn resident(pid: u32) -> Result<Resident> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("the process {pid} is gone"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
        kib.map(|kib| kib * 1024).with_context(|| format!("no {name} of the process {pid}"))
    };
    Ok(Resident {
        all: field("VmRSS")?,
        anonymous: field("RssAnon")?,
        files: field("RssFile")?,
        memory_files: field("RssShmem")?,
    })
}

/// Reads the CPU clocks of other processes.
pub(crate) struct CpuClock(PathBuf);

impl CpuClock {
    /// Compiles the program that reads them.
    pub(crate) fn prepare(sources: &Path, place: &Path) -> Result<Self> {
        let clock = place.join("clock");
        program(&sources.join("peer/clock.c"), &clock)?;
        Ok(Self(clock))
    }

    /// CPU time of each process until now, in nanoseconds.
    pub(crate) fn read(&self, pids: &[u32]) -> Result<Vec<f64>> {
        let output = Command::new(&self.0).args(pids.iter().map(u32::to_string)).output()?;
        ensure!(output.status.success(), "one of the processes {pids:?} is gone");
        let text = String::from_utf8(output.stdout)?;
        let times: Vec<f64> = text.lines().map(str::parse).collect::<Result<_, _>>()?;
        ensure!(times.len() == pids.len(), "asked for {} clocks, read {}", pids.len(), times.len());
        Ok(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_our_own_memory_make_up_all_of_it() {
        let Resident { all, anonymous, files, memory_files } = resident(std::process::id()).unwrap();
        assert_eq!(all, anonymous + files + memory_files);
    }

    #[test]
    fn a_process_that_is_gone_is_named() {
        assert_eq!(resident(0).unwrap_err().to_string(), "the process 0 is gone");
    }

    #[test]
    fn the_clock_of_a_process_goes_on_while_it_works() {
        let folder = tempfile::tempdir().unwrap();
        let clock = CpuClock::prepare(Path::new(env!("CARGO_MANIFEST_DIR")), folder.path()).unwrap();
        let own = [std::process::id()];
        let before = clock.read(&own).unwrap();
        let after = clock.read(&own).unwrap();
        assert!(before[0] > 0.0 && after[0] > before[0], "{before:?} {after:?}");
        // Above every number that the kernel gives to a process.
        assert_eq!(
            clock.read(&[4_194_305]).unwrap_err().to_string(),
            "one of the processes [4194305] is gone"
        );
    }
}
