//! Where program and libraries lie in memory, and which of it can be let go.
//!
//! ```text
//!  start of the process ──► program, system's libraries ─┐
//!  each library loaded  ──► its own pieces ──────────────┴─► settled ──let_go──► untouched again
//! ```
//!
//! A piece of a file that is only read or run, and of which no page was ever written, is the same on disk: the kernel
//! may forget that it lies in memory, and brings it back when it is used. Most of it is code that only the start
//! needs. Pieces that are not known to be complete, such as those of a library that something else loads just now,
//! are left alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held while a library is loaded: until then its pieces are not complete.
static LOADING: Mutex<()> = Mutex::new(());

/// Waits until nothing is being loaded, and keeps it so.
pub(crate) fn loading() -> MutexGuard<'static, ()> {
    LOADING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the kernel lists the pieces of this process.
///
/// Source: `proc_pid_maps(5)`, `proc_pid_smaps(5)`.
const MAPS: &str = "/proc/self/maps";
const DETAILS: &str = "/proc/self/smaps";

/// Pieces of files in memory that are complete, by first and last address.
#[derive(Debug, Default)]
pub(crate) struct Settled(BTreeSet<Piece>);

/// From the first address to the one after the last.
type Piece = (usize, usize);

impl Settled {
    /// What lies in memory while nothing is being loaded. Where the kernel does not tell, nothing is known.
    pub(crate) fn at_start() -> Self {
        let _nothing_loads = loading();
        let maps = fs::read_to_string(MAPS).unwrap_or_default();
        Self(
            maps.lines()
                .filter_map(head)
                .filter(|head| head.path.starts_with('/'))
                .map(|head| head.piece)
                .collect(),
        )
    }

    /// Adds the library that was loaded under the name `loaded`.
    pub(crate) fn add(&mut self, loaded: &Path) {
        let (Ok(path), Ok(maps)) = (fs::read_link(loaded), fs::read_to_string(MAPS)) else { return };
        let path = path.to_string_lossy();
        self.0.extend(maps.lines().filter_map(head).filter(|head| head.path == path).map(|head| head.piece));
    }

    /// Lets go of what can come back.
    pub(crate) fn let_go(&self) {
        let _nothing_loads = loading();
        for piece in untouched(&fs::read_to_string(DETAILS).unwrap_or_default()) {
            if self.0.contains(&piece) {
                forget(piece);
            }
        }
        // SAFETY: it takes no pointer, and may be called at any time from any thread.
        let _gave_back = unsafe { libc::malloc_trim(0) };
    }
}

/// Tells the kernel to forget that a piece lies in memory.
fn forget((first, end): Piece) {
    let address = std::ptr::with_exposed_provenance_mut(first);
    // SAFETY: the piece belongs to a file that stays mapped for the life of the process, nobody can write to it, and
    // no page of it differs from the file: whoever looks at it next sees the same bytes.
    let _refused = unsafe { libc::madvise(address, end - first, libc::MADV_DONTNEED) };
}

/// What the first line of a piece says.
struct Head<'a> {
    piece: Piece,
    /// As `r-xp`.
    rights: &'a str,
    /// Of the file; empty where there is none.
    path: &'a str,
}

/// Reads `55d0c000-55d0e000 r-xp 00002000 fd:01 1835014   /usr/bin/x`; `None` for other lines.
fn head(line: &str) -> Option<Head<'_>> {
    let mut fields = line.splitn(6, ' ');
    let (first, end) = fields.next()?.split_once('-')?;
    let piece = (usize::from_str_radix(first, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
    let rights = fields.next()?;
    Some(Head { piece, rights, path: fields.nth(3).unwrap_or_default().trim_start() })
}

/// The pieces of files that are mapped for reading or running alone, and of which no page was written.
fn untouched(details: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut of_file = None;
    for line in details.lines() {
        if let Some(Head { piece, rights, path }) = head(line) {
            of_file = (matches!(rights, "r-xp" | "r--p") && path.starts_with('/')).then_some(piece);
        } else if is_written(line) {
            of_file = None;
        } else if line.starts_with("VmFlags:") {
            found.extend(of_file.take());
        }
    }
    found
}

/// True where a line counts pages that are the process's own, in memory or swapped out.
fn is_written(line: &str) -> bool {
    let own = ["Anonymous:", "Swap:"].iter().find_map(|key| line.strip_prefix(key));
    own.is_some_and(|count| count.trim() != "0 kB")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DETAILS: &str = "\
55d0c000-55d0e000 r--p 00000000 fd:01 1835014                            /usr/bin/x
Rss:                   8 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd mr mw me sd
55d0e000-55d10000 r-xp 00002000 fd:01 1835014                            /usr/bin/x (deleted)
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd ex mr mw me sd
55d10000-55d11000 r--p 00004000 fd:01 1835014                            /usr/bin/x
Anonymous:             4 kB
Swap:                  0 kB
VmFlags: rd mr mw me ac sd
55d11000-55d12000 r--p 00005000 fd:01 1835014                            /usr/bin/x
Anonymous:             0 kB
Swap:                  4 kB
VmFlags: rd mr mw me ac sd
55d12000-55d13000 rw-p 00006000 fd:01 1835014                            /usr/bin/x
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd wr mr mw me ac sd
7ffd1000-7ffd3000 r-xp 00000000 00:00 0                                  [vdso]
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd ex mr mw me de sd
7ffe0000-7ffe1000 r--p 00000000 00:00 0 
Anonymous:             0 kB
";

    #[test]
    fn only_what_nobody_wrote_to_can_be_let_go() {
        assert_eq!(untouched(DETAILS), [(0x55d0_c000, 0x55d0_e000), (0x55d0_e000, 0x55d1_0000)]);
    }

    #[test]
    fn lines_that_tell_of_no_piece_are_passed_over() {
        for line in ["", "Rss:  8 kB", "x-y r-xp 0 0 0 /x", "12-", "12 r-xp", "VmFlags: rd-ex"] {
            assert!(head(line).is_none(), "{line}");
        }
        let head = head("1-2 r--p 00000000 00:01 5 /memfd:gatherd:cpu (deleted)").unwrap();
        assert_eq!((head.piece, head.rights, head.path), ((1, 2), "r--p", "/memfd:gatherd:cpu (deleted)"));
    }

    #[test]
    fn pieces_of_this_program_are_let_go_and_come_back() {
        let settled = Settled::at_start();
        let resident = || {
            let status = fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("RssFile:")).unwrap();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
        };
        let before = resident();
        settled.let_go();
        let after = resident();
        assert!(after < before, "{before} kB, then {after} kB");
        assert!(head("1-2 r--p 00000000 00:01 5 /x").is_some(), "code runs that was let go");
    }
}
