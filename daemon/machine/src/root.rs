//! Reads small files of the system: bounded, and with the reason when it cannot.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Longest file that is read, in bytes: `/proc/cpuinfo` has some kilobytes for each of up to thousands of processors.
const LONGEST: u64 = 16 * 1024 * 1024;

/// Longest text that is taken from one file of `/sys`, in bytes.
const LONGEST_LINE: u64 = 4096;

/// What is known of a section, and why the rest is not.
#[derive(Debug)]
pub(crate) struct Told<T> {
    pub(crate) known: Option<T>,
    pub(crate) why: Option<String>,
}

impl<T> Told<T> {
    /// All of it.
    pub(crate) fn all(known: T) -> Self {
        Self { known: Some(known), why: None }
    }

    /// Nothing of it.
    pub(crate) fn nothing(why: String) -> Self {
        Self { known: None, why: Some(why) }
    }
}

/// The folder that everything lies under.
#[derive(Debug)]
pub(crate) struct Root(PathBuf);

impl Root {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self(root)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// The bytes of a file; its name and the system's words when there are none.
    pub(crate) fn bytes(&self, path: &str) -> Result<Vec<u8>, String> {
        read(&self.at(path), LONGEST).map_err(|error| reason(path, &error))
    }

    /// The text of a file; bytes that are no text are replaced.
    pub(crate) fn text(&self, path: &str) -> Result<String, String> {
        self.bytes(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The one line of a file, without what surrounds it; `None` for nothing, or where it cannot be read.
    pub(crate) fn line(&self, path: &str) -> Option<String> {
        let bytes = read(&self.at(path), LONGEST_LINE).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let line = text.trim_matches(|it: char| it.is_whitespace() || it == '\0');
        let plain: String = line.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
        (!plain.is_empty()).then_some(plain)
    }

    /// The number in a file.
    pub(crate) fn number(&self, path: &str) -> Option<u64> {
        self.line(path)?.parse().ok()
    }

    /// Whether there is something.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.at(path).exists()
    }

    /// The last part of where a link leads.
    pub(crate) fn link(&self, path: &str) -> Option<String> {
        let target = fs::read_link(self.at(path)).ok()?;
        Some(target.file_name()?.to_string_lossy().into_owned())
    }

    /// The names in a folder in their order, and whether there were more than `most`.
    pub(crate) fn names(&self, path: &str, most: usize) -> Result<(Vec<String>, bool), String> {
        let entries = fs::read_dir(self.at(path)).map_err(|error| reason(path, &error))?;
        let mut names: Vec<String> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .take(most + 1)
            .collect();
        let more = names.len() > most;
        names.truncate(most);
        names.sort();
        Ok((names, more))
    }
}

fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// In the kernel's words, without the number that the standard library adds.
fn reason(path: &str, error: &io::Error) -> String {
    let words = match error.kind() {
        io::ErrorKind::NotFound => "it is not there".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    };
    format!("/{path}: {words}")
}
