//! The trail on disk: files of JSON lines, each line with the digest of the one before.
//!
//! ```text
//!  audit-00000000000000000001.jsonl   the oldest that is kept; named by its first record
//!  audit-00000000000000005120.jsonl   the newest, appended to
//! ```
//!
//! A file that is full is left as it is and another begun; beyond so many the oldest goes. What stands behind the
//! last end of a line was cut off while it was written, so nobody was answered: it is taken off. During a takeover
//! two daemons write here, so a lock is held for each line, and what the other wrote is read first.

use crate::auth::{FileError, prepare_directory};
use crate::random::hex;
use aws_lc_rs::digest::{SHA256, digest};
use gatherd_api_types::AuditRecord;
use rustix::fs::{FlockOperation, OFlags, flock};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// How large the trail may become.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Bytes of one file.
    pub(super) file: u64,
    /// Files.
    pub(super) files: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { file: 4 * 1024 * 1024, files: 16 }
    }
}

/// The trail of one daemon. Nothing is opened before the first record.
#[derive(Debug)]
pub(super) struct Trail {
    directory: PathBuf,
    bounds: Bounds,
    end: Mutex<Option<End>>,
}

/// The end of the trail, as far as this daemon knows.
#[derive(Debug)]
struct End {
    path: PathBuf,
    file: File,
    length: u64,
    /// Number of the next record.
    next: u64,
    /// Digest of the last line.
    last: String,
}

impl Trail {
    pub(super) fn new(directory: PathBuf, bounds: Bounds) -> Self {
        Self { directory, bounds, end: Mutex::default() }
    }

    /// Appends a record, which gets its number and the digest of the one before. May block.
    ///
    /// # Errors
    ///
    /// What the system says; the trail is then as it was.
    pub(super) fn append(&self, record: &mut AuditRecord, sync: bool) -> io::Result<()> {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        let _held = self.lock()?;
        let mut now = match end.take() {
            Some(known) if self.is_current(&known)? => known,
            _ => self.find_end()?,
        };
        (record.number, record.previous) = (now.next, now.last.clone());
        let line = line(record);
        if now.length > 0 && now.length + line.len() as u64 > self.bounds.file {
            now = self.begin(now.next, now.last)?;
        }
        if let Err(error) = write(&mut now, &line, sync) {
            // Half a line would be taken for one that was cut off by the end of the machine.
            let _kept_as_it_is = now.file.set_len(now.length);
            return Err(error);
        }
        now.length += line.len() as u64;
        now.next += 1;
        now.last = digest_of(line.trim_ascii_end());
        *end = Some(now);
        Ok(())
    }

    /// Records with numbers below `before` and above `since`, the newest first, as long as `wanted` says so, at most
    /// `limit`. May block. Lines that are none of ours are left out.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(super) fn newest(
        &self,
        before: u64,
        since: u64,
        limit: usize,
        wanted: &dyn Fn(&AuditRecord) -> bool,
    ) -> io::Result<Vec<AuditRecord>> {
        let mut found = Vec::new();
        for (first, path) in self.files()?.into_iter().rev() {
            if first >= before {
                continue;
            }
            let content = read_whole(&path)?;
            for line in content.rsplit(|byte| *byte == b'\n') {
                let Ok(record) = serde_json::from_slice::<AuditRecord>(line) else { continue };
                if record.number <= since {
                    return Ok(found);
                }
                if record.number < before && wanted(&record) {
                    found.push(record);
                    if found.len() == limit {
                        return Ok(found);
                    }
                }
            }
        }
        Ok(found)
    }

    /// Held until dropped, against another daemon with the same directory.
    fn lock(&self) -> io::Result<File> {
        prepare_directory(&self.directory).map_err(plain)?;
        let file = private().write(true).create(true).truncate(false).open(self.directory.join("lock"))?;
        flock(&file, FlockOperation::LockExclusive)?;
        Ok(file)
    }

    /// Whether nobody else wrote since.
    fn is_current(&self, known: &End) -> io::Result<bool> {
        let newest = self.files()?.pop();
        Ok(newest.is_some_and(|(_, path)| path == known.path) && known.file.metadata()?.len() == known.length)
    }

    /// Reads the end of the newest file, or begins the first.
    fn find_end(&self) -> io::Result<End> {
        let mut files = self.files()?;
        let Some((first, path)) = files.pop() else { return self.begin(1, String::new()) };
        let content = read_whole(&path)?;
        let whole = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let file = private().append(true).open(&path)?;
        file.set_len(whole as u64)?;
        let last = content[..whole].split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
        let (next, last) = match last {
            Some(line) => {
                let number =
                    serde_json::from_slice::<AuditRecord>(line).map_or(first, |record| record.number);
                (number + 1, digest_of(line))
            }
            // A file that was begun and never written to: what was before it tells the digest.
            None => (first, files.pop().map_or(Ok(String::new()), |(_, path)| last_digest(&path))?),
        };
        Ok(End { path, file, length: whole as u64, next, last })
    }

    /// Begins another file, and lets the oldest go.
    fn begin(&self, next: u64, last: String) -> io::Result<End> {
        let path = self.directory.join(format!("audit-{next:020}.jsonl"));
        let file = private().append(true).create_new(true).open(&path)?;
        File::open(&self.directory)?.sync_all()?;
        let files = self.files()?;
        let too_many = files.len().saturating_sub(self.bounds.files);
        for (_, path) in files.into_iter().take(too_many) {
            fs::remove_file(path)?;
        }
        Ok(End { path, file, length: 0, next, last })
    }

    /// The files by their first record, in order.
    fn files(&self) -> io::Result<Vec<(u64, PathBuf)>> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut files = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix("audit-")?.strip_suffix(".jsonl"));
            if let Some(number) = number.and_then(|digits| digits.parse().ok()) {
                files.push((number, self.directory.join(&name)));
            }
        }
        files.sort();
        Ok(files)
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    options
}

fn plain(error: FileError) -> io::Error {
    io::Error::other(error)
}

fn write(end: &mut End, line: &[u8], sync: bool) -> io::Result<()> {
    end.file.write_all(line)?;
    if sync { end.file.sync_data() } else { Ok(()) }
}

/// A whole file; longer ones than we write end in the middle of a line, which is then left out.
fn read_whole(path: &Path) -> io::Result<Vec<u8>> {
    const LONGEST: u64 = 64 * 1024 * 1024;
    let mut content = Vec::new();
    private().read(true).open(path)?.take(LONGEST).read_to_end(&mut content)?;
    Ok(content)
}

/// Digest of the last line of a file that is complete.
fn last_digest(path: &Path) -> io::Result<String> {
    let mut file = private().read(true).open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(64 * 1024)))?;
    let mut tail = Vec::new();
    file.take(64 * 1024).read_to_end(&mut tail)?;
    let last = tail.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
    Ok(last.map(digest_of).unwrap_or_default())
}

fn digest_of(line: &[u8]) -> String {
    hex(digest(&SHA256, line).as_ref())
}

/// The line of a record, its end included: all of it ASCII, so that nobody can forge a line or steer a terminal.
fn line(record: &AuditRecord) -> Vec<u8> {
    let text = serde_json::to_string(record).expect("text and numbers are always JSON");
    let mut line = Vec::with_capacity(text.len() + 1);
    let mut units = [0; 2];
    for character in text.chars() {
        match character {
            ' '..='~' => line.push(character as u8),
            other => {
                for unit in other.encode_utf16(&mut units) {
                    line.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                }
            }
        }
    }
    line.push(b'\n');
    line
}

#[cfg(test)]
pub(super) mod tests;
