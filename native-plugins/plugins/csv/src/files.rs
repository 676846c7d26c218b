//! The files that lines are appended to; the ones used last stay open.
//!
//! ```text
//!  DataDir ──► <host> ──► <plugin> ──► <type>-YYYY-MM-DD
//!    any link      no links below: each step is opened by its own name in the directory before
//! ```
//!
//! So no name and no link that somebody put there leads out of the directory.

use std::collections::HashMap;
use std::fs::DirBuilder;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use gatherd_sdk::WriteSample;
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::calendar::Date;
use crate::fault::{NOT_REGULAR, Step};
use crate::place::{Place, Unfit};

/// For directories that are made; the umask may take from it.
const DIRECTORY_MODE: u32 = 0o755;
/// For files that are made; the umask may take from it.
const FILE_MODE: u32 = 0o644;

/// Writes bytes at the end of an open file, and answers how many; the system's own but in tests.
pub(crate) type WriteCall = fn(BorrowedFd<'_>, &[u8]) -> Result<usize, Errno>;

/// Why a line was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// The series can have no file.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// It is this one file's own fault: something else stands in its place, or it may not be written.
    #[error("{}: {}", path.display(), what)]
    Blocked {
        /// Where.
        path: PathBuf,
        /// What is wrong there.
        what: &'static str,
    },
    /// The operating system did not do it; it may later.
    #[error("cannot {step} {}", path.display())]
    Io {
        /// What was tried.
        step: String,
        /// With what.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

/// The directory of all files, and the files that are open.
#[derive(Debug)]
pub(crate) struct Files {
    path: PathBuf,
    /// The directory; `None` until it is looked for by its path again.
    root: Option<OwnedFd>,
    open: Vec<Open>,
    /// Place in `open` by series.
    by_series: HashMap<u64, usize>,
    most: usize,
    /// Counts uses.
    clock: u64,
    /// Where the file is that is being opened; its buffers are used again.
    place: Place,
    /// What is being written; used again.
    text: Vec<u8>,
    write: WriteCall,
}

/// One open file.
#[derive(Debug)]
struct Open {
    series: u64,
    date: Date,
    file: OwnedFd,
    /// The count when it was used last.
    used: u64,
    /// The last line has no end.
    torn: bool,
}

/// What a file is to be given before its next line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Head {
    /// Nothing: whole lines are in it.
    Nothing,
    /// The first line: the file is empty.
    Header,
    /// The end of a line that was cut off.
    LineEnd,
}

impl Files {
    /// The files below `path`, which is made where it is missing; at most `most` are open at once.
    ///
    /// # Errors
    ///
    /// [`WriteError::Io`] where there is no such directory and none can be made.
    pub(crate) fn new(path: PathBuf, most: usize, write: WriteCall) -> Result<Self, WriteError> {
        let root = Some(open_root(&path)?);
        Ok(Self {
            path,
            root,
            open: Vec::with_capacity(most),
            by_series: HashMap::with_capacity(most),
            most,
            clock: 0,
            place: Place::default(),
            text: Vec::new(),
            write,
        })
    }

    /// Appends what `write` makes to the file of a series and a day, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`WriteError::Unfit`] and [`WriteError::Blocked`] where it will not work later either,
    /// [`WriteError::Io`] where it may.
    pub(crate) fn append(
        &mut self,
        sample: &WriteSample<'_>,
        date: Date,
        write: impl FnOnce(Head, &mut Vec<u8>),
    ) -> Result<(), WriteError> {
        let (at, head) = self.find(sample, date)?;
        self.text.clear();
        write(head, &mut self.text);
        self.clock += 1;
        let open = &mut self.open[at];
        open.used = self.clock;
        match append(&open.file, &self.text, self.write) {
            Ok(()) => {
                open.torn = false;
                Ok(())
            }
            Err(source) => {
                self.close(sample.series());
                self.place.set(sample, date)?;
                Err(self.error(Step::Append, source))
            }
        }
    }

    /// The file of a series and a day, and what it lacks; opened where it is not open.
    fn find(&mut self, sample: &WriteSample<'_>, date: Date) -> Result<(usize, Head), WriteError> {
        let series = sample.series();
        if let Some(&at) = self.by_series.get(&series) {
            let open = &self.open[at];
            if open.date == date
                && let Some(head) = open.head()
            {
                return Ok((at, head));
            }
            self.close(series);
        }
        self.place.set(sample, date)?;
        self.open(series, date)
    }

    /// Closes all files and the directory; they are opened by their names when they are used next.
    pub(crate) fn close_all(&mut self) {
        self.root = None;
        self.open.clear();
        self.by_series.clear();
    }

    fn close(&mut self, series: u64) {
        let Some(at) = self.by_series.remove(&series) else {
            return;
        };
        self.open.swap_remove(at);
        if let Some(moved) = self.open.get(at) {
            self.by_series.insert(moved.series, at);
        }
    }

    /// Opens the file at `self.place`, and closes the one that was not used for longest where there is no room.
    fn open(&mut self, series: u64, date: Date) -> Result<(usize, Head), WriteError> {
        if self.open.len() >= self.most
            && let Some(oldest) = self.open.iter().min_by_key(|open| open.used).map(|open| open.series)
        {
            self.close(oldest);
        }
        let file = self.open_file()?;
        let Some(head) = head_of(&file).map_err(|source| self.error(Step::LookAt, source))? else {
            return Err(self.blocked(NOT_REGULAR));
        };
        let at = self.open.len();
        self.open.push(Open { series, date, file, used: self.clock, torn: head == Head::LineEnd });
        self.by_series.insert(series, at);
        Ok((at, head))
    }

    fn open_file(&mut self) -> Result<OwnedFd, WriteError> {
        let root = match self.root.take() {
            Some(root) => root,
            None => open_root(&self.path)?,
        };
        let outcome = walk(root.as_fd(), &self.place);
        // A directory that was removed takes no new names: the next try looks for it by its path.
        let is_gone = matches!(outcome, Err((_, Errno::NOENT)));
        self.root = (!is_gone).then_some(root);
        outcome.map_err(|(step, errno)| self.error(step, errno.into()))
    }

    /// What the operating system said about `self.place`.
    fn error(&self, step: Step, source: io::Error) -> WriteError {
        let errno = source.raw_os_error().map(Errno::from_raw_os_error);
        match errno.and_then(|errno| step.own_fault(errno)) {
            Some(what) => self.blocked(what),
            None => WriteError::Io { step: step.to_string(), path: self.path_of_place(), source },
        }
    }

    fn blocked(&self, what: &'static str) -> WriteError {
        WriteError::Blocked { path: self.path_of_place(), what }
    }

    fn path_of_place(&self) -> PathBuf {
        let Place { host, plugin, file } = &self.place;
        [self.path.as_path(), host.as_ref(), plugin.as_ref(), file.as_ref()].iter().collect()
    }
}

impl Open {
    /// What the file lacks now; `None` where it was removed.
    fn head(&self) -> Option<Head> {
        let stat = rustix::fs::fstat(&self.file).ok().filter(|stat| stat.st_nlink > 0)?;
        Some(match (stat.st_size, self.torn) {
            (0, _) => Head::Header,
            (_, true) => Head::LineEnd,
            (_, false) => Head::Nothing,
        })
    }
}

fn open_root(path: &Path) -> Result<OwnedFd, WriteError> {
    let failed = |step: &'static str| {
        move |source| WriteError::Io { step: step.to_owned(), path: path.to_owned(), source }
    };
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path).map_err(failed("make directory"))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, path, flags, Mode::empty())
        .map_err(|errno| failed("open directory")(errno.into()))
}

/// Goes from directory to directory and opens the file; makes what is missing.
fn walk(root: BorrowedFd<'_>, place: &Place) -> Result<OwnedFd, (Step, Errno)> {
    let host = directory(root, &place.host).map_err(|errno| (Step::Directories, errno))?;
    let plugin = directory(host.as_fd(), &place.plugin).map_err(|errno| (Step::Directories, errno))?;
    // It is read too, to see whether its end was cut off. A pipe in its place must not make us wait.
    let flags = OFlags::RDWR
        | OFlags::APPEND
        | OFlags::CREATE
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::NOCTTY
        | OFlags::CLOEXEC;
    rustix::fs::openat(&plugin, &place.file, flags, Mode::from_raw_mode(FILE_MODE))
        .map_err(|errno| (Step::Open, errno))
}

/// One directory in another, made where it is missing; never through a link.
fn directory(parent: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || rustix::fs::openat(parent, name, flags, Mode::empty());
    match open() {
        Err(Errno::NOENT) => match rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(DIRECTORY_MODE)) {
            Ok(()) | Err(Errno::EXIST) => open(),
            Err(errno) => Err(errno),
        },
        other => other,
    }
}

/// What a file lacks that was just opened; `None` where it is no regular file.
fn head_of(file: &OwnedFd) -> io::Result<Option<Head>> {
    let stat = rustix::fs::fstat(file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(None);
    }
    let Some(last) = u64::try_from(stat.st_size).ok().and_then(|size| size.checked_sub(1)) else {
        return Ok(Some(Head::Header));
    };
    let mut byte = [0];
    let read = rustix::io::pread(file, &mut byte, last)?;
    Ok(Some(if read == 1 && byte == *b"\n" { Head::Nothing } else { Head::LineEnd }))
}

/// Appends all of `text`, or takes back what was written of it.
fn append(file: &OwnedFd, text: &[u8], write: WriteCall) -> io::Result<()> {
    let mut rest = text;
    while !rest.is_empty() {
        match write(file.as_fd(), rest) {
            Ok(0) => return take_back(file, text.len() - rest.len(), io::ErrorKind::WriteZero.into()),
            Ok(count) => rest = &rest[count..],
            Err(Errno::INTR) => {}
            Err(errno) => return take_back(file, text.len() - rest.len(), errno.into()),
        }
    }
    Ok(())
}

/// Cuts the last `count` bytes off. Where that fails too, the cut line is seen when the file is opened again.
fn take_back(file: &OwnedFd, count: usize, reason: io::Error) -> io::Result<()> {
    if count > 0 {
        let size = u64::try_from(rustix::fs::fstat(file)?.st_size).unwrap_or_default();
        rustix::fs::ftruncate(file, size.saturating_sub(count as u64))?;
    }
    Err(reason)
}
