//! What stands behind a plugin's host pointer. Lives as long as the process, because threads that a plugin
//! left behind may still call; an empty one has about 200 bytes.

use std::ffi::c_void;
use std::fmt;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use gatherd_abi::{ABI_MAJOR, ABI_MINOR, HostTable};
use gatherd_model::Interval;

use crate::error::Complaint;
use crate::{Door, calls};

/// Most complaints of one call; further ones are dropped.
const MAX_COMPLAINTS: usize = 64;

/// One instance's connection to the daemon.
pub(crate) struct Context {
    table: HostTable,
    door: RwLock<Option<Arc<dyn Door>>>,
    said: Mutex<Said>,
}

/// What the plugin said during a call.
#[derive(Debug, Default)]
pub(crate) struct Said {
    complaints: Vec<Complaint>,
    /// The newest line that was logged as an error.
    error: Option<String>,
}

impl Said {
    /// True where a complaint names a place in the configuration.
    pub(crate) fn names_places(&self) -> bool {
        self.complaints.iter().any(|complaint| !complaint.pointer.is_empty())
    }

    /// All complaints; at least one.
    pub(crate) fn complaints(self, otherwise: &str) -> Vec<Complaint> {
        if !self.complaints.is_empty() {
            return self.complaints;
        }
        vec![Complaint { pointer: String::new(), detail: self.reason(otherwise) }]
    }

    /// All complaints in one line, or the newest error that was logged.
    pub(crate) fn reason(self, otherwise: &str) -> String {
        if self.complaints.is_empty() {
            return self.error.unwrap_or_else(|| otherwise.to_owned());
        }
        self.complaints.iter().map(Complaint::to_string).collect::<Vec<_>>().join("; ")
    }
}

impl Context {
    /// Makes a context that is never freed.
    pub(crate) fn leak(door: Option<Arc<dyn Door>>, interval: Interval) -> &'static Self {
        let table = HostTable {
            abi_major: ABI_MAJOR,
            abi_minor: ABI_MINOR,
            size: size_of::<HostTable>(),
            context: ptr::null_mut(),
            interval: interval.units(),
            log: calls::log,
            complain: calls::complain,
            register: calls::register,
            dispatch: calls::dispatch,
            dispatch_values: calls::dispatch_values,
            dispatch_notification: calls::dispatch_notification,
            describe: calls::describe,
            register_many: Some(calls::register_many),
        };
        let address =
            Box::into_raw(Box::new(Self { table, door: RwLock::new(door), said: Mutex::default() }));
        // SAFETY: nobody else has the address yet.
        unsafe { (*address).table.context = address.cast::<c_void>() };
        // SAFETY: it is never freed, and from here on only read.
        unsafe { &*address }
    }

    /// The table that the plugin gets.
    pub(crate) fn table(&self) -> &HostTable {
        &self.table
    }

    /// The door, until it is closed. Cloned out, so that a call that hangs keeps nobody from closing.
    pub(crate) fn door(&self) -> Option<Arc<dyn Door>> {
        self.door.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on every call is answered with `CLOSED`.
    pub(crate) fn close(&self) {
        let door = self.door.write().unwrap_or_else(PoisonError::into_inner).take();
        // Outside the lock: the door may be the last owner of much.
        drop(door);
        self.forget_said();
    }

    pub(crate) fn complain(&self, pointer: String, detail: String) {
        let mut said = self.said();
        if said.complaints.len() < MAX_COMPLAINTS {
            said.complaints.push(Complaint { pointer, detail });
        }
    }

    pub(crate) fn remember_error(&self, line: &str) {
        self.said().error = Some(line.to_owned());
    }

    /// What was said since the last call.
    pub(crate) fn take_said(&self) -> Said {
        std::mem::take(&mut self.said())
    }

    /// Forgets what was said, and keeps nothing of it.
    pub(crate) fn forget_said(&self) {
        drop(self.take_said());
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("open", &self.door().is_some()).finish_non_exhaustive()
    }
}
