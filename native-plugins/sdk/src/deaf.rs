//! A daemon that takes nothing and says nothing, for tests; they put in what they need of it.

use std::ffi::c_void;
use std::ptr;

use gatherd_abi::{
    ABI_MAJOR, ABI_MINOR, Batch, Handle, HostTable, Identity, LogLevel, Notification, ShowDescription,
    Status, Text, ValueList,
};

unsafe extern "C" fn log(_: *mut c_void, _: LogLevel, _: Text) {}
unsafe extern "C" fn complain(_: *mut c_void, _: Text, _: Text) {}
unsafe extern "C" fn register(_: *mut c_void, _: *const Identity, _: Text, _: *mut Handle) -> Status {
    Status::CLOSED
}
unsafe extern "C" fn dispatch(_: *mut c_void, _: *const Batch) -> Status {
    Status::CLOSED
}
unsafe extern "C" fn dispatch_values(_: *mut c_void, _: *const ValueList) -> Status {
    Status::CLOSED
}
unsafe extern "C" fn notify(_: *mut c_void, _: *const Notification) -> Status {
    Status::CLOSED
}
unsafe extern "C" fn describe(_: *mut c_void, _: u64, _: ShowDescription, _: *mut c_void) -> Status {
    Status::CLOSED
}

/// Its table, with an interval of one second.
pub(crate) fn table() -> HostTable {
    HostTable {
        abi_major: ABI_MAJOR,
        abi_minor: ABI_MINOR,
        size: size_of::<HostTable>(),
        context: ptr::null_mut(),
        interval: 1 << 30,
        log,
        complain,
        register,
        dispatch,
        dispatch_values,
        dispatch_notification: notify,
        describe,
        register_many: None,
    }
}
