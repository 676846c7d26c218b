//! Answers that are remembered by key: one private file each, for a day, at most so many.
//!
//! A file is there before the request is handled, and gets the answer after it. A file without an answer that
//! nobody works on tells that the daemon ended in between: what came of the request is then not known.

use crate::auth::{FileError, prepare_directory, read_private, write_private};
use crate::random::hex;
use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How long an answer is remembered, in seconds.
pub(super) const REMEMBERED: u64 = 24 * 60 * 60;

/// Most answers that are remembered; the oldest make room.
const MOST: usize = 1_000;

/// Longest answer that is remembered, in bytes.
pub(super) const LONGEST: usize = 256 * 1024;

/// The answers of one daemon. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Answers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    directory: PathBuf,
    /// Names of the files of requests that are being handled.
    running: Mutex<BTreeSet<String>>,
}

/// One remembered answer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Name and value of the headers that belong to the answer.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

/// A file's content.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// SHA-256 of the request.
    request: String,
    /// When it came, in seconds since the Unix epoch.
    time: u64,
    /// `None` while it is being handled.
    answer: Option<Answer>,
}

/// Why a request with a key is not handled.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// Another request with this key is being handled.
    #[error("a request with this key is being handled")]
    Running,
    /// A request with this key was cut off.
    #[error("a request with this key was cut off")]
    CutOff,
    /// The key was used for another request.
    #[error("the key was used for another request")]
    Reused,
    /// It cannot be remembered.
    #[error("cannot remember the request")]
    Store(#[source] FileError),
}

/// A request with a key that may be handled, or the answer that it had before.
#[derive(Debug)]
pub(super) enum Begun {
    Fresh(Ticket),
    Known(Answer),
}

/// The right to handle one request with a key. Dropped without [`Ticket::end`], the request counts as cut off.
#[derive(Debug)]
pub(super) struct Ticket {
    answers: Answers,
    name: String,
    request: String,
    time: u64,
}

impl Answers {
    /// Answers in a directory, which is made where it is not there.
    ///
    /// # Errors
    ///
    /// When the directory cannot be used.
    pub(crate) fn open(directory: &Path) -> Result<Self, FileError> {
        prepare_directory(directory)?;
        let inner = Inner { directory: directory.to_owned(), running: Mutex::default() };
        Ok(Self(Arc::new(inner)))
    }

    /// Looks for the answer of a request, or begins to handle it. May block.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; the request must not be handled then.
    pub(super) fn begin(&self, user: &str, key: &str, request: &[u8], now: u64) -> Result<Begun, Refusal> {
        let name = named(user, key);
        let request = hex(digest(&SHA256, request).as_ref());
        // Held until the file is there, so that of two requests with one key one is handled.
        let mut running = self.0.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.contains(&name) {
            return Err(Refusal::Running);
        }
        let known = read_private(&self.0.file(&name)).map_err(Refusal::Store)?;
        if let Some(content) = known {
            // What cannot be read was cut off while it was written, or damaged since.
            let entry: Entry = serde_json::from_slice(&content).map_err(|_| Refusal::CutOff)?;
            match entry {
                Entry { time, .. } if now.saturating_sub(time) > REMEMBERED => {}
                Entry { request: known, .. } if known != request => return Err(Refusal::Reused),
                Entry { answer: Some(answer), .. } => return Ok(Begun::Known(answer)),
                Entry { answer: None, .. } => return Err(Refusal::CutOff),
            }
        }
        self.0.make_room(&running, now).map_err(Refusal::Store)?;
        let ticket = Ticket { answers: self.clone(), name: name.clone(), request, time: now };
        self.0.write(&ticket, None).map_err(Refusal::Store)?;
        running.insert(name);
        Ok(Begun::Fresh(ticket))
    }
}

impl Ticket {
    /// Remembers the answer, or forgets the request where it had no effect. May block.
    ///
    /// # Errors
    ///
    /// When it cannot be stored; the request then counts as cut off.
    pub(super) fn end(self, answer: Option<Answer>) -> Result<(), FileError> {
        let inner = &self.answers.0;
        match answer {
            Some(answer) => inner.write(&self, Some(answer)),
            None => remove(&inner.file(&self.name)),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.answers.0.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

impl Inner {
    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn write(&self, ticket: &Ticket, answer: Option<Answer>) -> Result<(), FileError> {
        let entry = Entry { request: ticket.request.clone(), time: ticket.time, answer };
        let content = serde_json::to_vec(&entry).expect("text and numbers are always JSON");
        write_private(&self.file(&ticket.name), &content)
    }

    /// Removes what is older than a day, and the oldest where there are too many.
    fn make_room(&self, running: &BTreeSet<String>, now: u64) -> Result<(), FileError> {
        let unread = |source| FileError::Read { path: self.directory.clone(), source };
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(unread)? {
            let entry = entry.map_err(unread)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let since = modified.ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
            if !running.contains(&name) {
                found.push((since.map_or(0, |since| since.as_secs()), entry.path()));
            }
        }
        found.sort();
        let too_many = (found.len() + 1).saturating_sub(MOST);
        for (index, (time, path)) in found.iter().enumerate() {
            if index < too_many || now.saturating_sub(*time) > REMEMBERED {
                remove(path)?;
            }
        }
        Ok(())
    }
}

/// The name of the file of a key, which nobody can lead elsewhere.
fn named(user: &str, key: &str) -> String {
    let text = format!("{user}\0{key}");
    format!("{}.json", hex(digest(&SHA256, text.as_bytes()).as_ref()))
}

fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(FileError::Write { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const NOW: u64 = 1_700_000_000;

    fn fresh(answers: &Answers, key: &str, request: &[u8], now: u64) -> Ticket {
        match answers.begin("admin", key, request, now) {
            Ok(Begun::Fresh(ticket)) => ticket,
            other => panic!("{other:?}"),
        }
    }

    fn answer() -> Answer {
        Answer { status: 201, headers: vec![("etag".into(), "\"2\"".into())], body: "{}".into() }
    }

    #[test]
    fn an_answer_is_remembered_for_its_request_its_user_and_a_day() {
        let place = TempDir::new().unwrap();
        let answers = Answers::open(place.path()).unwrap();
        fresh(&answers, "k", b"one", NOW).end(Some(answer())).unwrap();
        let again = Answers::open(place.path()).unwrap();
        assert!(
            matches!(again.begin("admin", "k", b"one", NOW + 60), Ok(Begun::Known(known)) if known == answer())
        );
        assert!(matches!(again.begin("admin", "k", b"two", NOW + 60), Err(Refusal::Reused)));
        assert!(matches!(again.begin("other", "k", b"two", NOW + 60), Ok(Begun::Fresh(_))));
        fresh(&again, "k", b"two", NOW + REMEMBERED + 1).end(None).unwrap();
    }

    #[test]
    fn what_had_no_effect_is_forgotten_and_what_was_cut_off_is_not() {
        let place = TempDir::new().unwrap();
        let answers = Answers::open(place.path()).unwrap();
        let ticket = fresh(&answers, "k", b"one", NOW);
        assert!(matches!(answers.begin("admin", "k", b"one", NOW), Err(Refusal::Running)));
        ticket.end(None).unwrap();
        drop(fresh(&answers, "k", b"two", NOW));
        assert!(matches!(answers.begin("admin", "k", b"two", NOW), Err(Refusal::CutOff)));
        std::fs::write(place.path().join(named("admin", "k")), b"{").unwrap();
        assert!(matches!(answers.begin("admin", "k", b"two", NOW), Err(Refusal::CutOff)));
    }

    #[test]
    fn the_oldest_make_room_for_the_thousand_and_first() {
        let place = TempDir::new().unwrap();
        let answers = Answers::open(place.path()).unwrap();
        for number in 0..MOST {
            std::fs::write(place.path().join(format!("{number}.json")), b"{}").unwrap();
        }
        let now = crate::clock::now();
        fresh(&answers, "k", b"one", now).end(Some(answer())).unwrap();
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), MOST);
        fresh(&answers, "l", b"one", now + REMEMBERED + 60).end(Some(answer())).unwrap();
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
    }
}
