//! Whose fault an error of the operating system is: one file's own, or everybody's.
//!
//! What is wrong with one file alone costs its own values, or one file would hold up all others. What may be wrong
//! with the disk, the directory or the process fails the batch, which the daemon tries again.

use std::fmt;

use rustix::io::Errno;

/// Why something that is no file is left alone.
pub(crate) const NOT_REGULAR: &str = "it is not a regular file";
const A_LINK: &str = "it, or a directory before it, is a symbolic link or no directory";
const NO_NAME: &str = "the file system takes no such name";
const NO_RIGHT: &str = "it may not be written";
const NO_ROOM: &str = "it is as large as a file may be";
const DAMAGED: &str = "the disk cannot read or write it";

/// What was tried with the file of a series.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// To find or make the directories that it is in.
    Directories,
    /// To open it, or make it.
    Open,
    /// To see how it ends.
    LookAt,
    /// To write a line.
    Append,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Directories => "make the directories of",
            Self::Open => "open",
            Self::LookAt => "look at",
            Self::Append => "append to",
        })
    }
}

impl Step {
    /// What is wrong with the one file; `None` where the error may be everybody's.
    ///
    /// A right that lacks in a directory is everybody's: all files of the machine are below it.
    pub(crate) fn own_fault(self, errno: Errno) -> Option<&'static str> {
        match (self, errno) {
            (_, Errno::LOOP | Errno::NOTDIR) => Some(A_LINK),
            (_, Errno::ISDIR | Errno::NXIO) => Some(NOT_REGULAR),
            (_, Errno::NAMETOOLONG | Errno::ILSEQ | Errno::INVAL) => Some(NO_NAME),
            (Self::Directories, _) => None,
            (_, Errno::ACCESS | Errno::PERM) => Some(NO_RIGHT),
            (_, Errno::FBIG) => Some(NO_ROOM),
            (_, Errno::IO) => Some(DAMAGED),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [Step; 4] = [Step::Directories, Step::Open, Step::LookAt, Step::Append];

    #[test]
    fn what_is_wrong_with_one_file_is_its_own_fault() {
        for step in [Step::Open, Step::LookAt, Step::Append] {
            assert_eq!(step.own_fault(Errno::ACCESS), Some("it may not be written"));
            assert_eq!(step.own_fault(Errno::PERM), Some("it may not be written"));
            assert_eq!(step.own_fault(Errno::FBIG), Some("it is as large as a file may be"));
            assert_eq!(step.own_fault(Errno::IO), Some("the disk cannot read or write it"));
        }
        for step in STEPS {
            assert_eq!(step.own_fault(Errno::LOOP), Some(A_LINK));
            assert_eq!(step.own_fault(Errno::ISDIR), Some(NOT_REGULAR));
            assert_eq!(step.own_fault(Errno::NAMETOOLONG), Some(NO_NAME));
        }
    }

    #[test]
    fn what_all_files_suffer_from_is_tried_again() {
        let everybodys =
            [Errno::NOSPC, Errno::DQUOT, Errno::ROFS, Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOENT];
        for step in STEPS {
            for errno in everybodys {
                assert_eq!(step.own_fault(errno), None, "{step} a file: {errno}");
            }
        }
        for errno in [Errno::ACCESS, Errno::PERM, Errno::IO] {
            assert_eq!(Step::Directories.own_fault(errno), None, "{errno}");
        }
    }
}
