//! Files that a program writes and that are committed all the same, because people read and link them.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

/// What to do with a generated file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    /// Make the file what the program says.
    Write,
    /// Say whether it is.
    Check,
}

impl Mode {
    /// The mode that a `--check` switch means.
    pub(crate) fn from_check(check: bool) -> Self {
        if check { Self::Check } else { Self::Write }
    }
}

/// Compares `path` with `wanted`, or makes it so; an equal file is never touched. `command` writes it.
///
/// # Errors
///
/// When the file cannot be read or written, or, checking, is missing or differs; the first line that differs is
/// named then.
pub(crate) fn settle(path: &Path, wanted: &str, mode: Mode, command: &str) -> anyhow::Result<()> {
    let name = path.display();
    let found = if path.exists() {
        Some(fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?)
    } else {
        None
    };
    match (found, mode) {
        (Some(found), _) if found == wanted => Ok(()),
        (Some(found), Mode::Check) => {
            bail!("{name} is out of date from line {} on: run `{command}`", first_difference(&found, wanted))
        }
        (None, Mode::Check) => bail!("{name} is missing: run `{command}`"),
        (_, Mode::Write) => write(path, wanted),
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let name = path.display();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder of {name}"))?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {name}"))?;
    println!("wrote {name}");
    Ok(())
}

/// Number, from 1, of the first line in which two texts differ; one past the shorter if it begins the longer.
fn first_difference(one: &str, other: &str) -> usize {
    let same = one.split('\n').zip(other.split('\n')).take_while(|(one, other)| one == other).count();
    same + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checking_names_the_first_line_that_differs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made.txt");
        fs::write(&path, "one\ntwo\nthree\n").unwrap();
        let error = settle(&path, "one\n2\nthree\n", Mode::Check, "make it").unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{} is out of date from line 2 on: run `make it`", path.display())
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\nthree\n");
    }

    #[test]
    fn a_missing_last_newline_is_a_difference() {
        assert_eq!(first_difference("one\n", "one"), 2);
        assert_eq!(first_difference("one", "one\n"), 2);
    }

    #[test]
    fn checking_a_missing_file_says_how_to_make_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made.txt");
        let error = settle(&path, "one\n", Mode::Check, "make it").unwrap_err();
        assert_eq!(error.to_string(), format!("{} is missing: run `make it`", path.display()));
        assert!(!path.exists());
    }

    #[test]
    fn writing_makes_folder_and_file_and_then_the_check_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/made.txt");
        settle(&path, "one\n", Mode::Write, "make it").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");
        settle(&path, "one\n", Mode::Check, "make it").unwrap();
    }
}
