//! The C side of a [`Collector`]: its table, and one function for each callback.
//!
//! Every function catches panics, turns lent pointers into safe types, and turns results into a status.

use std::any::TypeId;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::c_void;
use std::mem;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use gatherd_abi::{ABI_MAJOR, ABI_MINOR, Capabilities, HostTable, Linked, PluginTable, Status, Text};
use gatherd_model::CdTime;

use crate::described::Descriptions;
use crate::guard::guarded;
use crate::host::{check_table, complain};
use crate::notified::read_notification;
use crate::written::LentSamples;
use crate::{Batch, Collector, ConfigError, Failure, Host, config};

/// Tables that were made, by the collector's type; each is made once and stays.
static TABLES: Mutex<Option<HashMap<TypeId, &'static PluginTable>>> = Mutex::new(None);

/// The body of a plugin's entry symbol: its table, or null for a daemon of another ABI.
pub fn entry<C: Collector>(host_abi_major: u32, version: &'static str) -> *const PluginTable {
    if host_abi_major != ABI_MAJOR {
        return ptr::null();
    }
    guarded(|| ptr::from_ref(table::<C>(version))).unwrap_or(ptr::null())
}

/// The plugin as a part of this very program, for tests without a library.
pub fn linked<C: Collector>(version: &'static str) -> Linked {
    // SAFETY: `table` points to text that is never freed and to the functions of this file.
    unsafe { Linked::new(table::<C>(version)) }
}

fn table<C: Collector>(version: &'static str) -> &'static PluginTable {
    let mut tables = TABLES.lock().unwrap_or_else(PoisonError::into_inner);
    match tables.get_or_insert_default().entry(TypeId::of::<C>()) {
        Entry::Occupied(known) => known.get(),
        Entry::Vacant(place) => place.insert(Box::leak(Box::new(make_table::<C>(version)))),
    }
}

fn make_table<C: Collector>(version: &'static str) -> PluginTable {
    // Leaked once per process: the table promises its text for as long.
    let schema: &'static str = config::schema::<C>().leak();
    let has = |what| C::CAPABILITIES.contains(what);
    PluginTable {
        abi_major: ABI_MAJOR,
        abi_minor: ABI_MINOR,
        size: size_of::<PluginTable>(),
        name: Text::lend(C::NAME),
        version: Text::lend(version),
        description: Text::lend(C::DESCRIPTION),
        config_schema: Text::lend(schema),
        capabilities: C::CAPABILITIES,
        configure: Some(configure::<C>),
        init: Some(init::<C>),
        read: has(Capabilities::READ).then_some(read::<C>),
        write: has(Capabilities::WRITE).then_some(write::<C>),
        flush: has(Capabilities::FLUSH).then_some(flush::<C>),
        notification: has(Capabilities::NOTIFICATION).then_some(notification::<C>),
        shutdown: Some(shutdown::<C>),
    }
}

/// An instance: what the daemon holds a pointer to.
struct Shell<C> {
    collector: C,
    host: Host,
    batch: Batch,
    /// Of the series that it was given to write.
    descriptions: Descriptions,
    /// It has panicked; nothing but `shutdown` reaches the collector any more.
    broken: bool,
}

impl<C: Collector> Shell<C> {
    fn write(&mut self, samples: LentSamples<'_>) -> Status {
        // Taken out, since the call has the rest of the shell; it comes back whatever happens.
        let mut descriptions = mem::take(&mut self.descriptions);
        let host = self.host.clone();
        let status = self.call(|collector, _out| {
            let values = descriptions.resolve(&host, samples)?;
            // Nothing is left of a batch whose series have all expired.
            if values.is_empty() && samples.len() > 0 { Ok(()) } else { collector.write(&values) }
        });
        self.descriptions = descriptions;
        status
    }

    /// Runs one callback; failures and panics become a status and a reason.
    fn call(&mut self, call: impl FnOnce(&mut C, &mut Batch) -> Result<(), Failure>) -> Status {
        if self.broken {
            self.host.complain("", "the plugin panicked before; it has to be started again");
            return Status::PANICKED;
        }
        let Self { collector, batch, host, .. } = self;
        let outcome = guarded(|| {
            batch.begin();
            let outcome = call(collector, batch);
            batch.dispatch();
            outcome
        });
        match outcome {
            Ok(Ok(())) => Status::OK,
            Ok(Err(failure)) => {
                host.complain("", &failure.to_string());
                Status::FAILED
            }
            Err(panic) => {
                host.error(&panic);
                host.complain("", &panic);
                self.broken = true;
                Status::PANICKED
            }
        }
    }
}

/// C entry of [`Collector::check`].
///
/// # Safety
///
/// `host` and `config` are as the contract promises them for the duration of the call.
unsafe extern "C" fn configure<C: Collector>(host: *const HostTable, config: Text) -> Status {
    // SAFETY: the caller's promise, handed on.
    let Some(table) = (unsafe { check_table(host) }) else {
        return Status::BAD_CALL;
    };
    // SAFETY: the text is lent for the call.
    let text = unsafe { config.bytes() };
    match guarded(|| read_config::<C>(text)) {
        Ok(Ok(_config)) => Status::OK,
        Ok(Err(errors)) => refuse(&table, &errors),
        Err(panic) => {
            complain(&table, "", &panic);
            Status::PANICKED
        }
    }
}

/// C entry of [`Collector::init`].
///
/// # Safety
///
/// As for [`configure`]; `host` stays valid for the life of the process, and `instance` is null or room for a
/// pointer.
unsafe extern "C" fn init<C: Collector>(
    host: *const HostTable,
    config: Text,
    instance: *mut *mut c_void,
) -> Status {
    // SAFETY: the caller's promise, handed on.
    let Some(host) = (unsafe { Host::from_table(host) }) else {
        return Status::BAD_CALL;
    };
    if instance.is_null() || !instance.is_aligned() {
        return Status::BAD_CALL;
    }
    // SAFETY: the text is lent for the call.
    let text = unsafe { config.bytes() };
    match guarded(|| make_shell::<C>(text, &host)) {
        Ok(Ok(shell)) => {
            // SAFETY: `instance` is room for a pointer, by the caller's promise.
            unsafe { instance.write(Box::into_raw(shell).cast()) };
            Status::OK
        }
        Ok(Err(status)) => status,
        Err(panic) => {
            host.error(&panic);
            host.complain("", &panic);
            Status::PANICKED
        }
    }
}

fn make_shell<C: Collector>(config: &[u8], host: &Host) -> Result<Box<Shell<C>>, Status> {
    let config = read_config::<C>(config).map_err(|errors| {
        for ConfigError { pointer, detail } in &errors {
            host.complain(pointer, detail);
        }
        Status::FAILED
    })?;
    let collector = C::init(config, host).map_err(|failure| {
        host.complain("", &failure.to_string());
        Status::FAILED
    })?;
    let batch = Batch::new(host.clone());
    let descriptions = Descriptions::default();
    Ok(Box::new(Shell { collector, host: host.clone(), batch, descriptions, broken: false }))
}

fn read_config<C: Collector>(text: &[u8]) -> Result<C::Config, Vec<ConfigError>> {
    let text = str::from_utf8(text)
        .map_err(|error| vec![ConfigError::new("", format!("the configuration is not UTF-8: {error}"))])?;
    config::read::<C>(text)
}

fn refuse(table: &HostTable, errors: &[ConfigError]) -> Status {
    for ConfigError { pointer, detail } in errors {
        complain(table, pointer, detail);
    }
    Status::FAILED
}

/// C entry of [`Collector::read`].
///
/// # Safety
///
/// `instance` comes from [`init`] of the same collector, was not passed to [`shutdown`], and no other call
/// uses it now.
unsafe extern "C" fn read<C: Collector>(instance: *mut c_void) -> Status {
    // SAFETY: the caller's promise, handed on.
    let Some(shell) = (unsafe { shell::<C>(instance) }) else {
        return Status::BAD_CALL;
    };
    shell.call(C::read)
}

/// C entry of [`Collector::write`].
///
/// # Safety
///
/// As for [`read`]; `batch` is as the contract promises it for the duration of the call.
unsafe extern "C" fn write<C: Collector>(
    instance: *mut c_void,
    batch: *const gatherd_abi::WriteBatch,
) -> Status {
    // SAFETY: the caller's promise, handed on.
    let Some(shell) = (unsafe { shell::<C>(instance) }) else {
        return Status::BAD_CALL;
    };
    // SAFETY: the caller's promise, handed on; the view does not outlive this function.
    let Some(samples) = (unsafe { LentSamples::from_raw(batch) }) else {
        return Status::BAD_CALL;
    };
    shell.write(samples)
}

/// C entry of [`Collector::flush`].
///
/// # Safety
///
/// As for [`read`]; `identifier` is lent for the duration of the call.
unsafe extern "C" fn flush<C: Collector>(instance: *mut c_void, older_than: u64, identifier: Text) -> Status {
    // SAFETY: the caller's promise, handed on.
    let Some(shell) = (unsafe { shell::<C>(instance) }) else {
        return Status::BAD_CALL;
    };
    // SAFETY: the text is lent for the call.
    let Ok(identifier) = str::from_utf8(unsafe { identifier.bytes() }) else {
        return Status::BAD_CALL;
    };
    let older_than = (older_than != 0).then_some(CdTime(older_than));
    let identifier = (!identifier.is_empty()).then_some(identifier);
    shell.call(|collector, _out| collector.flush(older_than, identifier))
}

/// C entry of [`Collector::notification`].
///
/// # Safety
///
/// As for [`read`]; `notification` is as the contract promises it for the duration of the call.
unsafe extern "C" fn notification<C: Collector>(
    instance: *mut c_void,
    notification: *const gatherd_abi::Notification,
) -> Status {
    // SAFETY: the caller's promise, handed on.
    let Some(shell) = (unsafe { shell::<C>(instance) }) else {
        return Status::BAD_CALL;
    };
    // SAFETY: the caller's promise, handed on; what is read is owned.
    let Some(heard) = (unsafe { read_notification(notification) }) else {
        return Status::BAD_CALL;
    };
    shell.call(|collector, _out| collector.notification(&heard))
}

/// C entry of [`Collector::shutdown`]; frees the instance.
///
/// # Safety
///
/// As for [`read`]; no call uses the instance afterwards.
unsafe extern "C" fn shutdown<C: Collector>(instance: *mut c_void) {
    if instance.is_null() {
        return;
    }
    // SAFETY: by the contract it is ours, and this call is its last.
    let mut shell = unsafe { Box::from_raw(instance.cast::<Shell<C>>()) };
    let host = shell.host.clone();
    if shell.descriptions.left_out() > 0 {
        let count = shell.descriptions.left_out();
        host.debug(&format!("samples left out of writes, because their series had expired: {count}"));
    }
    if let Err(panic) = guarded(|| shell.collector.shutdown()) {
        host.error(&panic);
    }
    if let Err(panic) = guarded(move || drop(shell)) {
        host.error(&panic);
    }
}

/// The instance behind the daemon's pointer.
///
/// # Safety
///
/// As for [`read`].
unsafe fn shell<'a, C: Collector>(instance: *mut c_void) -> Option<&'a mut Shell<C>> {
    // SAFETY: by the contract it is null or a live instance that only this call touches.
    unsafe { instance.cast::<Shell<C>>().as_mut() }
}

#[cfg(test)]
mod tests;
