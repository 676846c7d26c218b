//! A series as a plugin holds it: names, and the handle the daemon gave for them.
//!
//! ```text
//!  Series ──► Entry { names, handle } ◄── Register[index]
//!  Batch   remembers (handle, index); a handle that turned stale is made anew through the register,
//!          and the Series sees it because the Entry is shared.
//! ```

use std::fmt;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gatherd_abi::{Handle, LogLevel, Status};

use crate::host::{Host, Refused};

/// Longest part that is remembered, in bytes; far beyond what the daemon accepts.
const MAX_PART: usize = 1024;

/// A series that values are dispatched to; made by [`Host::series`].
///
/// Keep it as long as the thing it speaks of exists: dropping it forgets the names.
pub struct Series {
    entry: Arc<Entry>,
    host: Host,
}

impl Series {
    pub(crate) fn new(host: &Host, parts: [&str; 5]) -> Self {
        let entry = host.connection().register.add(parts);
        Self { entry, host: host.clone() }
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    pub(crate) fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }
}

impl Drop for Series {
    fn drop(&mut self) {
        self.host.connection().register.remove(&self.entry);
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&*self.entry, f)
    }
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Series({})", self.entry)
    }
}

/// Names and handle of one series.
#[derive(Debug)]
pub(crate) struct Entry {
    handle: AtomicU64,
    /// The last answer that was logged, so that each is logged once.
    told: AtomicI32,
    index: u32,
    /// Where the first four parts end in `text`.
    ends: [u16; 4],
    text: Box<str>,
}

impl Entry {
    fn new(index: u32, parts: [&str; 5]) -> Self {
        let mut text = String::new();
        let ends = parts.map(|part| {
            text.push_str(&part[..part.floor_char_boundary(MAX_PART)]);
            u16::try_from(text.len()).expect("five parts of at most MAX_PART bytes")
        });
        Self {
            handle: AtomicU64::new(Handle::NONE.0),
            told: AtomicI32::new(Status::OK.0),
            index,
            ends: [ends[0], ends[1], ends[2], ends[3]],
            text: text.into_boxed_str(),
        }
    }

    /// Place in the register.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// Host, plugin, plugin instance, type and type instance.
    pub(crate) fn parts(&self) -> [&str; 5] {
        let [host, plugin, plugin_instance, type_name] = self.ends.map(usize::from);
        [
            &self.text[..host],
            &self.text[host..plugin],
            &self.text[plugin..plugin_instance],
            &self.text[plugin_instance..type_name],
            &self.text[type_name..],
        ]
    }

    /// The newest handle, or [`Handle::NONE`].
    pub(crate) fn handle(&self) -> Handle {
        // Relaxed: the number itself is all that is handed over.
        Handle(self.handle.load(Ordering::Relaxed))
    }

    /// Remembers a fresh handle; what is told from now on is news again.
    pub(crate) fn settle(&self, handle: Handle) {
        self.handle.store(handle.0, Ordering::Relaxed);
        self.told.store(Status::OK.0, Ordering::Relaxed);
    }

    /// Forgets the handle, so that the next value registers the series again.
    pub(crate) fn unsettle(&self) {
        self.handle.store(Handle::NONE.0, Ordering::Relaxed);
    }

    /// Logs an answer of the daemon, once in a row.
    pub(crate) fn tell(&self, host: &Host, status: Status) {
        if self.told.swap(status.0, Ordering::Relaxed) == status.0 {
            return;
        }
        let level = match status {
            // The operator wanted it so, or the plugin is ending.
            Status::REFUSED | Status::CLOSED => LogLevel::DEBUG,
            _ => LogLevel::WARNING,
        };
        host.log(level, &format!("series {self}: {}", Refused(status)));
    }
}

impl fmt::Display for Entry {
    /// As an identifier; without the host where that is the daemon's own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [host, plugin, plugin_instance, type_name, type_instance] = self.parts();
        if !host.is_empty() {
            write!(f, "{host}/")?;
        }
        f.write_str(plugin)?;
        if !plugin_instance.is_empty() {
            write!(f, "-{plugin_instance}")?;
        }
        write!(f, "/{type_name}")?;
        if !type_instance.is_empty() {
            write!(f, "-{type_instance}")?;
        }
        Ok(())
    }
}

/// All living series of one plugin instance, by index.
#[derive(Debug, Default)]
pub(crate) struct Register(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    by_index: Vec<Option<Arc<Entry>>>,
    free: Vec<u32>,
}

impl Register {
    fn add(&self, parts: [&str; 5]) -> Arc<Entry> {
        let mut entries = self.lock();
        let index = entries.free.pop().unwrap_or_else(|| {
            entries.by_index.push(None);
            u32::try_from(entries.by_index.len() - 1).expect("memory ends before 2³² series")
        });
        let entry = Arc::new(Entry::new(index, parts));
        entries.by_index[index as usize] = Some(Arc::clone(&entry));
        entry
    }

    fn remove(&self, entry: &Entry) {
        let mut entries = self.lock();
        entries.by_index[entry.index as usize] = None;
        entries.free.push(entry.index);
    }

    /// The living series at `index` that was dispatched under `handle`.
    ///
    /// `None` where the series was dropped since; its place may belong to another by now.
    pub(crate) fn find(&self, index: u32, handle: Handle) -> Option<Arc<Entry>> {
        let entries = self.lock();
        let entry = entries.by_index.get(index as usize)?.as_ref()?;
        (entry.handle() == handle).then(|| Arc::clone(entry))
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // No line above can panic half way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_come_back_as_they_went_in() {
        let entry = Entry::new(0, ["h", "cpu", "0", "cpu", "user"]);
        assert_eq!(entry.parts(), ["h", "cpu", "0", "cpu", "user"]);
        assert_eq!(entry.to_string(), "h/cpu-0/cpu-user");
        assert_eq!(Entry::new(0, ["", "load", "", "load", ""]).to_string(), "load/load");
    }

    #[test]
    fn a_part_beyond_all_bounds_is_cut_at_a_character() {
        let entry = Entry::new(0, ["", "p", &"ä".repeat(600), "gauge", ""]);
        assert_eq!(entry.parts()[2].len(), 1024);
        let entry = Entry::new(0, ["", "p", &("x".to_owned() + &"ä".repeat(600)), "gauge", ""]);
        assert_eq!(entry.parts()[2].len(), 1023);
    }

    #[test]
    fn a_place_is_used_again_and_the_old_handle_does_not_find_it() {
        let register = Register::default();
        let first = register.add(["", "p", "", "gauge", "a"]);
        first.settle(Handle(7));
        assert!(register.find(0, Handle(7)).is_some());
        register.remove(&first);
        let second = register.add(["", "p", "", "gauge", "b"]);
        second.settle(Handle(8));
        assert_eq!(second.index(), 0);
        assert!(register.find(0, Handle(7)).is_none());
        assert!(register.find(0, Handle(8)).is_some());
    }
}
