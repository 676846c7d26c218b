//! A running instance of a plugin, and the calls to it.

use std::ffi::c_void;

use gatherd_abi::{Capabilities, Status, Text};
use gatherd_model::{CdTime, Notification};

use crate::context::Context;
use crate::lend::{Lent, WriteItem, lend_notification};
use crate::{CallError, Library, Manifest};

/// A running instance. One thread at a time may call it; it may move between threads.
#[derive(Debug)]
pub struct Instance {
    library: &'static Library,
    context: &'static Context,
    /// The plugin's own; may be null where it needs none.
    raw: *mut c_void,
    lent: Lent,
    broken: bool,
}

// SAFETY: the contract wants the calls of one instance to be serial and names no thread; `&mut self` keeps
// them serial. The pointers in `lent` are only valid, and only used, during a call.
unsafe impl Send for Instance {}

/// Closes an instance's door from outside, also while a call to the plugin hangs.
#[derive(Clone, Copy, Debug)]
pub struct Gate(&'static Context);

impl Gate {
    /// From now on the plugin's calls are answered with `CLOSED`, and the door is let go.
    pub fn close(&self) {
        self.0.close();
    }

    /// True until it is closed.
    pub fn is_open(&self) -> bool {
        self.0.door().is_some()
    }
}

impl Instance {
    pub(crate) fn new(library: &'static Library, context: &'static Context, raw: *mut c_void) -> Self {
        Self { library, context, raw, lent: Lent::default(), broken: false }
    }

    /// What the plugin says about itself.
    pub fn manifest(&self) -> &'static Manifest {
        self.library.manifest()
    }

    /// What closes its door from outside.
    pub fn gate(&self) -> Gate {
        Gate(self.context)
    }

    /// Reads once; the values go through the door.
    ///
    /// # Errors
    ///
    /// [`CallError`] with what the plugin said.
    pub fn read(&mut self) -> Result<(), CallError> {
        let read = self.offered(Capabilities::READ, self.library.table.read)?;
        self.call(|this| {
            // SAFETY: the plugin's own callback with its own instance, serial through `&mut self`.
            unsafe { read(this.raw) }
        })
    }

    /// Hands samples to a writer, which asks [`Door::describe`](crate::Door::describe) who their series are.
    /// Allocates nothing once as many samples were written before.
    ///
    /// # Errors
    ///
    /// [`CallError`] with what the plugin said.
    pub fn write<'a>(&mut self, items: impl IntoIterator<Item = WriteItem<'a>>) -> Result<(), CallError> {
        let write = self.offered(Capabilities::WRITE, self.library.table.write)?;
        self.call(|this| {
            let batch = this.lent.fill(items);
            // SAFETY: as in `read`; `batch` lends from `lent` and from what the items borrow for `'a`, which
            // both outlive the call.
            let status = unsafe { write(this.raw, &raw const batch) };
            this.lent.clear();
            status
        })
    }

    /// Empties a writer's buffers of what is older than `older_than` and belongs to `identifier`.
    ///
    /// # Errors
    ///
    /// [`CallError`] with what the plugin said.
    pub fn flush(&mut self, older_than: Option<CdTime>, identifier: Option<&str>) -> Result<(), CallError> {
        let flush = self.offered(Capabilities::FLUSH, self.library.table.flush)?;
        let older_than = older_than.map_or(0, |time| time.0);
        let identifier = Text::lend(identifier.unwrap_or_default());
        self.call(|this| {
            // SAFETY: as in `read`; the text is lent for the call.
            unsafe { flush(this.raw, older_than, identifier) }
        })
    }

    /// Tells of a notification.
    ///
    /// # Errors
    ///
    /// [`CallError`] with what the plugin said.
    pub fn notification(&mut self, notification: &Notification) -> Result<(), CallError> {
        let hear = self.offered(Capabilities::NOTIFICATION, self.library.table.notification)?;
        self.call(|this| {
            lend_notification(notification, |raw| {
                // SAFETY: as in `read`; `raw` lends from `notification`, which outlives the call.
                unsafe { hear(this.raw, raw) }
            })
        })
    }

    /// Ends the instance; its door closes when the plugin's `shutdown` has returned. Dropping does the same.
    pub fn shutdown(self) {
        drop(self);
    }

    /// The callback, where the plugin says that it has it.
    fn offered<T>(&self, capability: Capabilities, callback: Option<T>) -> Result<T, CallError> {
        callback
            .filter(|_| self.library.manifest().capabilities.contains(capability))
            .ok_or(CallError::NotSupported)
    }

    fn call(&mut self, call: impl FnOnce(&mut Self) -> Status) -> Result<(), CallError> {
        if self.broken {
            let reason = "the plugin panicked before; it has to be started again".to_owned();
            return Err(CallError::Panicked { reason });
        }
        self.context.forget_said();
        let status = call(self);
        let said = self.context.take_said();
        match status {
            Status::OK => Ok(()),
            Status::FAILED => Err(CallError::Failed { reason: said.reason("it does not say why") }),
            Status::PANICKED => {
                self.broken = true;
                Err(CallError::Panicked { reason: said.reason("it does not say why") })
            }
            status => Err(CallError::Other { status }),
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let shutdown = self.library.table.shutdown.expect("checked when the library was opened");
        // SAFETY: the plugin's own callback with its own instance, and this is its last call.
        unsafe { shutdown(self.raw) };
        self.context.close();
    }
}
