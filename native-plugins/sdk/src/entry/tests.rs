//! The C functions with a daemon that does not keep the contract.

use std::ffi::c_void;
use std::ptr;

use gatherd_abi::{ABI_MAJOR, HostTable, PluginTable, Status, Text};

use super::{check_table, entry, linked};
use crate::{Batch, Collector, Failure, Host, deaf};

struct Quiet;

impl Collector for Quiet {
    const NAME: &'static str = "quiet";
    const DESCRIPTION: &'static str = "Reads nothing";
    type Config = ();

    fn init((): (), _host: &Host) -> Result<Self, Failure> {
        Ok(Self)
    }

    fn read(&mut self, _out: &mut Batch) -> Result<(), Failure> {
        Ok(())
    }
}

fn host(abi_major: u32, size: usize) -> &'static HostTable {
    Box::leak(Box::new(HostTable { abi_major, size, ..deaf::table() }))
}

fn table() -> &'static PluginTable {
    linked::<Quiet>("1").table()
}

fn configure(host: *const HostTable) -> Status {
    // SAFETY: the table's own function; `host` is null or a table that is never freed.
    unsafe { table().configure.unwrap()(host, Text::lend("null")) }
}

fn init(host: *const HostTable, instance: *mut *mut c_void) -> Status {
    // SAFETY: as in `configure`; `instance` is null or a place that outlives the call.
    unsafe { table().init.unwrap()(host, Text::lend("null"), instance) }
}

#[test]
fn the_entry_answers_its_own_major_version_only() {
    assert!(entry::<Quiet>(ABI_MAJOR + 1, "1").is_null());
    assert!(ptr::eq(entry::<Quiet>(ABI_MAJOR, "1"), table()));
}

#[test]
fn a_host_that_is_null_small_or_of_another_version_is_refused() {
    let whole = HostTable::FIRST_SIZE;
    let mut instance = ptr::null_mut();
    for bad in [ptr::null(), host(ABI_MAJOR, whole - 1), host(ABI_MAJOR + 1, whole)] {
        assert_eq!(configure(bad), Status::BAD_CALL);
        assert_eq!(init(bad, &raw mut instance), Status::BAD_CALL);
    }
    assert_eq!(configure(host(ABI_MAJOR, whole)), Status::OK);
}

#[test]
fn a_larger_host_of_a_newer_minor_version_is_welcome() {
    let grown = host(ABI_MAJOR, size_of::<HostTable>() + 64);
    let mut instance = ptr::null_mut();
    assert_eq!(init(grown, ptr::null_mut()), Status::BAD_CALL);
    assert_eq!(init(grown, &raw mut instance), Status::OK);
    // SAFETY: the instance was just made, and this is its last call but `shutdown`.
    assert_eq!(unsafe { table().read.unwrap()(instance) }, Status::OK);
    // SAFETY: its last call.
    unsafe { table().shutdown.unwrap()(instance) };
}

#[test]
fn nothing_beyond_the_size_of_an_older_host_is_read() {
    let first = HostTable { size: HostTable::FIRST_SIZE, ..deaf::table() };
    // What follows the table of a daemon of minor version 0 is no function.
    let mut memory = [u64::MAX; size_of::<HostTable>() / size_of::<u64>()];
    // SAFETY: both have at least so many bytes, which are not in one place.
    unsafe {
        ptr::copy_nonoverlapping(
            ptr::from_ref(&first).cast::<u8>(),
            memory.as_mut_ptr().cast::<u8>(),
            HostTable::FIRST_SIZE,
        );
    }
    // SAFETY: it is a table of its size, whose functions keep the contract.
    let seen = unsafe { check_table(memory.as_ptr().cast()) }.unwrap();
    assert!(seen.register_many.is_none());
    assert_eq!(seen.interval, 1 << 30);
}

#[test]
fn an_instance_that_is_null_is_refused() {
    // SAFETY: null is allowed.
    let answer = unsafe { table().read.unwrap()(ptr::null_mut()) };
    assert_eq!(answer, Status::BAD_CALL);
    // SAFETY: null is allowed.
    unsafe { table().shutdown.unwrap()(ptr::null_mut()) };
}

#[test]
fn callbacks_beyond_the_capabilities_are_absent() {
    let table = table();
    assert!(table.write.is_none() && table.flush.is_none() && table.notification.is_none());
}
