//! Reads what is known of one process below `/proc`, as far as its groups want it.

use std::fmt;
use std::io::{self, Read};

use gatherd_sdk::text::join;
use gatherd_sdk::{Folder, Host, Names};

use crate::config::Wanted;
use crate::details::{self, MAX_COMMAND};
use crate::stat::Stat;
use crate::usage::{CALLS, CPU, DISK, FAULTS, Level, OCTETS, SWITCHES, Sums, Usage};

/// Bytes of a table of mapped memory that are read at once.
const CHUNK: usize = 16 << 10;

/// More bytes than a text of `stat` has: 52 numbers and a name.
const MAX_STAT: usize = 2048;

/// Answers how many nanoseconds a process has waited, by process id; `None` where there is no such process.
pub(crate) type DelaySource = Box<dyn FnMut(u32) -> io::Result<Option<[u64; 4]>> + Send>;

/// Reads processes, one after the other, into buffers that are kept.
pub(crate) struct Reader {
    host: Host,
    proc: Folder,
    page_bytes: u64,
    ticks_per_second: u64,
    /// `None` where nobody wants delays, or they cannot be had.
    pub(crate) delays: Option<DelaySource>,
    path: Vec<u8>,
    text: Vec<u8>,
    command: Vec<u8>,
    names: Names,
}

impl Reader {
    /// A reader of the processes in the folder `proc`.
    pub(crate) fn new(host: &Host, proc: Folder, delays: Option<DelaySource>) -> Self {
        Self {
            host: host.clone(),
            proc,
            page_bytes: rustix::param::page_size() as u64,
            ticks_per_second: rustix::param::clock_ticks_per_second().max(1),
            delays,
            path: Vec::new(),
            text: Vec::new(),
            command: Vec::new(),
            names: Names::default(),
        }
    }

    /// The folder of all processes.
    pub(crate) fn folder(&self) -> &Folder {
        &self.proc
    }

    /// The text of `stat` of the process `pid`. The kernel writes it in one piece, so it is asked only once.
    pub(crate) fn stat<'b>(&mut self, pid: &[u8], buffer: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
        let mut file = self.proc.file(join(&mut self.path, &[pid, b"/stat"]))?;
        buffer.resize(MAX_STAT, 0);
        let length = file.read(buffer)?;
        Ok(&buffer[..length])
    }

    /// The command line of the process `pid`, or its `name` where it has none.
    pub(crate) fn command(&mut self, pid: &[u8], name: &[u8]) -> io::Result<&[u8]> {
        let file = self.proc.file(join(&mut self.path, &[pid, b"/cmdline"]))?;
        self.command.clear();
        self.command.reserve(MAX_COMMAND + 1);
        file.take(MAX_COMMAND as u64).read_to_end(&mut self.command)?;
        Ok(details::command(&mut self.command, name))
    }

    /// What the process `pid` uses. What cannot be read, for want of a right or because the process has just
    /// ended, is left out.
    pub(crate) fn usage(&mut self, pid: &[u8], stat: &Stat<'_>, wanted: Wanted) -> Usage {
        let memory = self.file(pid, b"/status").map(details::memory).unwrap_or_default();
        let io = self.file(pid, b"/io").map(details::io).unwrap_or_default();
        let mut sums = Sums::default();
        sums.pairs[CPU] = Some([stat.user_ticks, stat.system_ticks].map(|ticks| self.micros(ticks)));
        sums.pairs[FAULTS] = Some([stat.minor_faults, stat.major_faults]);
        sums.pairs[OCTETS] = io.octets;
        sums.pairs[CALLS] = io.calls;
        sums.pairs[DISK] = io.disk;
        if wanted.switches {
            sums.pairs[SWITCHES] = self.switches(pid);
        }
        if wanted.delays {
            sums.delays = self.delays_of(pid);
        }
        let level = Level {
            processes: 1,
            threads: stat.threads.max(1),
            vm: stat.vm_bytes,
            rss: stat.rss_pages.saturating_mul(self.page_bytes),
            data: memory.data,
            code: memory.code,
            stack: stat.stack_bytes,
            descriptors: if wanted.descriptors { self.descriptors(pid).unwrap_or(0) } else { 0 },
            maps: if wanted.maps { self.maps(pid).unwrap_or(0) } else { 0 },
        };
        Usage { level, sums }
    }

    fn file(&mut self, pid: &[u8], name: &[u8]) -> Option<&[u8]> {
        self.proc.read(join(&mut self.path, &[pid, name]), &mut self.text).ok()
    }

    fn micros(&self, ticks: u64) -> u64 {
        let micros = u128::from(ticks) * 1_000_000 / u128::from(self.ticks_per_second);
        u64::try_from(micros).unwrap_or(u64::MAX)
    }

    /// The switches of all threads of a process.
    fn switches(&mut self, pid: &[u8]) -> Option<[u64; 2]> {
        self.proc.names_of(join(&mut self.path, &[pid, b"/task"]), &mut self.names).ok()?;
        let mut sum = [0_u64; 2];
        for thread in self.names.iter() {
            let path = join(&mut self.path, &[pid, b"/task/", thread, b"/status"]);
            if let Ok(text) = self.proc.read(path, &mut self.text) {
                let more = details::switches(text);
                sum = [sum[0].saturating_add(more[0]), sum[1].saturating_add(more[1])];
            }
        }
        Some(sum)
    }

    /// How many files a process has open. A process that can be asked counts as one at least, as in collectd.
    fn descriptors(&mut self, pid: &[u8]) -> Option<u64> {
        self.proc.names_of(join(&mut self.path, &[pid, b"/fd"]), &mut self.names).ok()?;
        Some((self.names.iter().count() as u64).max(1))
    }

    /// How many pieces of memory a process has mapped: the lines of its table.
    fn maps(&mut self, pid: &[u8]) -> io::Result<u64> {
        let mut file = self.proc.file(join(&mut self.path, &[pid, b"/maps"]))?;
        self.text.resize(CHUNK, 0);
        let mut lines = 0;
        loop {
            match file.read(&mut self.text)? {
                0 => return Ok(lines),
                count => lines += line_ends(&self.text[..count]),
            }
        }
    }

    /// The delays of a process. Where they cannot be had at all, that is said once and never asked again.
    fn delays_of(&mut self, pid: &[u8]) -> Option<[u64; 4]> {
        let number = str::from_utf8(pid).ok()?.parse().ok()?;
        match self.delays.as_mut()?(number) {
            Ok(delays) => delays,
            Err(error) => {
                self.host.error(&format!(
                    "delay accounting is left out: cannot ask the kernel's task statistics: {error}"
                ));
                self.delays = None;
                None
            }
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("proc", &self.proc).finish_non_exhaustive()
    }
}

/// How many lines end in `bytes`.
fn line_ends(bytes: &[u8]) -> u64 {
    let ends = bytes.split(|&byte| byte == b'\n').count() - 1;
    ends as u64
}
