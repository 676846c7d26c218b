//! Opens a library's file so that nobody but its rightful owner decides what is in it.
//!
//! The directory is opened first and the file inside it by its last name, so what is judged is what is read.
//! A symbolic link in the last place is refused; links on the way to the directory are the operator's.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, openat};
use rustix::io::Errno;

use crate::{OpenError, Unsafe};

/// The largest accepted library in bytes. Our own have a few million.
pub(crate) const MAX_SIZE: u64 = 512 << 20;

/// Opens the library at `path` for reading.
///
/// # Errors
///
/// [`OpenError::Missing`], [`OpenError::Io`], [`OpenError::UnsafeDirectory`], [`OpenError::UnsafeFile`],
/// [`OpenError::TooLarge`].
pub(crate) fn open(path: &Path) -> Result<File, OpenError> {
    let (directory, name) = split(path)?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = openat(CWD, directory, flags, Mode::empty()).map_err(|errno| refuse(path, errno))?;
    let stat = fstat(&parent).map_err(|errno| io(path, "look at the directory of", errno))?;
    if let Some(why) = judge(&stat) {
        return Err(OpenError::UnsafeDirectory { path: directory.to_owned(), why });
    }
    // NONBLOCK: a named pipe in this place must not hold us up until it is judged.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = openat(&parent, name, flags, Mode::empty()).map_err(|errno| refuse(path, errno))?;
    let stat = fstat(&file).map_err(|errno| io(path, "look at", errno))?;
    check_file(path, &stat)?;
    Ok(File::from(file))
}

fn split(path: &Path) -> Result<(&Path, &OsStr), OpenError> {
    let name = path
        .file_name()
        .ok_or_else(|| OpenError::NotALibrary { path: path.into(), what: "it is a directory" })?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Ok((directory, name))
}

fn check_file(path: &Path, stat: &Stat) -> Result<(), OpenError> {
    let path = || PathBuf::from(path);
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(OpenError::UnsafeFile { path: path(), why: Unsafe::NotRegular });
    }
    if let Some(why) = judge(stat) {
        return Err(OpenError::UnsafeFile { path: path(), why });
    }
    let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
    if size > MAX_SIZE {
        return Err(OpenError::TooLarge { path: path(), size, limit: MAX_SIZE });
    }
    Ok(())
}

/// Who owns it, and who may write it.
fn judge(stat: &Stat) -> Option<Unsafe> {
    judge_as(rustix::process::geteuid().as_raw(), stat.st_uid, stat.st_mode & 0o7777)
}

/// As [`judge`], for the user `us`.
fn judge_as(us: u32, owner: u32, mode: u32) -> Option<Unsafe> {
    if owner != 0 && owner != us {
        return Some(Unsafe::Owner { uid: owner });
    }
    (mode & 0o022 != 0).then_some(Unsafe::Writable { mode })
}

fn refuse(path: &Path, errno: Errno) -> OpenError {
    match errno {
        Errno::NOENT | Errno::NOTDIR => OpenError::Missing { path: path.into() },
        Errno::LOOP => OpenError::UnsafeFile { path: path.into(), why: Unsafe::Link },
        errno => io(path, "open", errno),
    }
}

fn io(path: &Path, step: &'static str, errno: Errno) -> OpenError {
    OpenError::Io { path: path.into(), step, source: errno.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_our_own_user_may_own_a_library_and_nobody_else() {
        assert_eq!(judge_as(1000, 0, 0o755), None);
        assert_eq!(judge_as(1000, 1000, 0o700), None);
        assert_eq!(judge_as(1000, 1001, 0o755), Some(Unsafe::Owner { uid: 1001 }));
        assert_eq!(judge_as(0, 1000, 0o755), Some(Unsafe::Owner { uid: 1000 }));
    }

    #[test]
    fn neither_group_nor_others_may_write() {
        for mode in [0o775, 0o757, 0o1777, 0o020] {
            assert_eq!(judge_as(0, 0, mode), Some(Unsafe::Writable { mode }));
        }
        assert_eq!(judge_as(0, 0, 0o4755), None);
    }
}
