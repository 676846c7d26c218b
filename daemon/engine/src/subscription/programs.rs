//! Which programs the daemon may be told to start, so that nobody who may only change subscriptions starts what he
//! likes: the files name directories, and without them there is none.
//!
//! Here the spelling is judged, when it is configured. What really lies there, and who may change it, is looked at each
//! time before it is started, by who starts it.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Longest path, in bytes. Source: `PATH_MAX` in limits.h, with the final NUL.
const LONGEST: usize = 4095;

/// The directories that the files name.
#[derive(Clone, Debug, PartialEq)]
pub struct ProgramPolicy(Arc<[PathBuf]>);

/// Why a program may not be started.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProgramRefused {
    /// It is no path to start from.
    #[error("an absolute path without `..`, of at most {LONGEST} bytes, is wanted")]
    NotOne,
    /// No file allows any.
    #[error(
        "no program may be started: subscriptions_policy.exec_dirs of the configuration files names no directory"
    )]
    NoneAllowed,
    /// It is not directly in a directory that is named.
    #[error("subscriptions_policy.exec_dirs of the configuration files does not name the directory {}", .0.display())]
    NotAllowed(PathBuf),
}

impl ProgramPolicy {
    /// Those directly in these directories.
    pub fn within(directories: &[PathBuf]) -> Self {
        Self(directories.into())
    }

    /// The directories.
    pub fn directories(&self) -> Arc<[PathBuf]> {
        Arc::clone(&self.0)
    }

    /// Judges the spelling of a program's path.
    ///
    /// # Errors
    ///
    /// [`ProgramRefused`].
    pub fn judge(&self, program: &str) -> Result<PathBuf, ProgramRefused> {
        if !is_plain(Path::new(program)) {
            return Err(ProgramRefused::NotOne);
        }
        if self.0.is_empty() {
            return Err(ProgramRefused::NoneAllowed);
        }
        let path = PathBuf::from(program);
        let (Some(directory), Some(_name)) = (path.parent(), path.file_name()) else {
            return Err(ProgramRefused::NotOne);
        };
        if self.0.iter().any(|named| named == directory) {
            return Ok(path);
        }
        Err(ProgramRefused::NotAllowed(directory.to_owned()))
    }
}

/// Whether a path is absolute, leads nowhere up, and can be one at all.
pub(crate) fn is_plain(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    path.is_absolute()
        && bytes.len() <= LONGEST
        && !bytes.contains(&0)
        && !path.components().any(|part| part == Component::ParentDir)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(directories: &[&str]) -> ProgramPolicy {
        ProgramPolicy::within(&directories.iter().map(PathBuf::from).collect::<Vec<_>>())
    }

    #[test]
    fn only_what_is_directly_in_a_named_directory_may_be_started() {
        let policy = policy(&["/etc/gatherd/exec", "/opt/ours/"]);
        for good in ["/etc/gatherd/exec/page", "/opt/ours/a b", "/opt//ours/./x"] {
            assert_eq!(policy.judge(good), Ok(good.into()), "{good}");
        }
        for (bad, directory) in [
            ("/bin/sh", "/bin"),
            ("/etc/gatherd/exec", "/etc/gatherd"),
            ("/etc/gatherd/exec/deeper/x", "/etc/gatherd/exec/deeper"),
            ("/etc/gatherd/execute/x", "/etc/gatherd/execute"),
            ("/page", "/"),
        ] {
            assert_eq!(policy.judge(bad), Err(ProgramRefused::NotAllowed(directory.into())), "{bad}");
        }
    }

    #[test]
    fn what_is_no_plain_path_may_not() {
        let policy = policy(&["/etc/gatherd/exec", "/"]);
        let long = format!("/{}", "x".repeat(4095));
        for bad in
            ["", "page", "./page", "/etc/gatherd/exec/../page", "/etc/gatherd/exec/..", "/a\0b", "/", &long]
        {
            assert_eq!(policy.judge(bad), Err(ProgramRefused::NotOne), "{bad:?}");
        }
    }

    #[test]
    fn without_a_directory_the_answer_says_which_key_names_one() {
        let refused = policy(&[]).judge("/bin/sh").unwrap_err();
        assert_eq!(refused, ProgramRefused::NoneAllowed);
        assert!(refused.to_string().contains("subscriptions_policy.exec_dirs"));
    }
}
