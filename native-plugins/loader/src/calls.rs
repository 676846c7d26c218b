//! The functions of the host table: from C arguments to one call of the door.
//!
//! Each checks its arguments, asks whether the door is still open, and lets no panic of the door reach C.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use gatherd_abi::{
    Batch, Handle, Identity, LogLevel, Notification, Registration, ShowDescription, Status, Text, ValueList,
};

use crate::context::Context;
use crate::lend::lend_description;
use crate::{Call, Door, IdentityRef, Refusal, arguments};

/// Writes one line to the daemon's log.
///
/// # Safety
///
/// `context` comes from a host table; `message` points to as many bytes as it says.
pub(crate) unsafe extern "C" fn log(context: *mut c_void, level: LogLevel, message: Text) {
    // SAFETY: the caller's promise, handed on.
    let Some(context) = (unsafe { enter(context) }) else {
        return;
    };
    let Some(door) = context.door() else { return };
    // SAFETY: the caller's promise, handed on.
    let line = unsafe { arguments::words(message) };
    if level == LogLevel::ERROR {
        context.remember_error(&line);
    }
    let _lost = catch_unwind(AssertUnwindSafe(|| door.log(level, &line)));
}

/// Remembers what is wrong, for who made the running call.
///
/// # Safety
///
/// As for [`log`].
pub(crate) unsafe extern "C" fn complain(context: *mut c_void, pointer: Text, detail: Text) {
    // SAFETY: the caller's promise, handed on.
    let Some(context) = (unsafe { enter(context) }) else {
        return;
    };
    // SAFETY: the caller's promise, handed on.
    let pointer = unsafe { arguments::words(pointer) };
    // SAFETY: the caller's promise, handed on.
    let detail = unsafe { arguments::words(detail) };
    context.complain(pointer, detail);
}

/// Makes a series known.
///
/// # Safety
///
/// As for [`log`]; `identity` is null or an identity whose texts are lent, `handle` is null or room for one.
pub(crate) unsafe extern "C" fn register(
    context: *mut c_void,
    identity: *const Identity,
    data_set: Text,
    handle: *mut Handle,
) -> Status {
    let call = |door: &dyn Door| {
        if handle.is_null() || !handle.is_aligned() {
            return Err(Refusal::Null("the place for the handle"));
        }
        // SAFETY: the caller's promise, handed on, here and below.
        let identity = unsafe { arguments::one(identity, "the identity") }?;
        // SAFETY: as above.
        let identity = unsafe { arguments::identity(identity) }?;
        // SAFETY: as above.
        let data_set = unsafe { arguments::text(data_set, "the data set", gatherd_model::MAX_NAME) }?;
        Ok(match door.register(identity, data_set) {
            Ok(given) => {
                // SAFETY: not null, aligned, and room for a handle by the caller's promise.
                unsafe { handle.write(given) };
                Status::OK
            }
            Err(status) => status,
        })
    };
    // SAFETY: the caller's promise, handed on.
    unsafe { answer(context, Call::Register, call) }
}

/// Makes many series known. A registration that breaks the contract is refused by itself.
///
/// # Safety
///
/// As for [`log`]; `items` is null or points to `count` registrations of `item_size` bytes, whose texts are lent and
/// which nobody else touches meanwhile.
pub(crate) unsafe extern "C" fn register_many(
    context: *mut c_void,
    items: *mut Registration,
    item_size: usize,
    count: usize,
) -> Status {
    let call = |door: &dyn Door| {
        // SAFETY: the caller's promise, handed on, here and below.
        let places = unsafe { arguments::registrations(items, item_size, count) }?;
        let mut wanted = Vec::with_capacity(places.len());
        let mut series = Vec::with_capacity(places.len());
        let mut first = Status::OK;
        let mut tell = |place: *mut Registration, answer: Result<Handle, Status>| {
            let status = answer.err().unwrap_or(Status::OK);
            first = if first == Status::OK { status } else { first };
            if let Ok(handle) = answer {
                // SAFETY: not null, aligned, and a registration that is the plugin's own, by the caller's promise.
                unsafe { (*place).handle = handle };
            }
            // SAFETY: as above.
            unsafe { (*place).status = status };
        };
        for place in places {
            // SAFETY: as above.
            match unsafe { registration(place) } {
                Ok(one) => {
                    wanted.push(place);
                    series.push(one);
                }
                Err(refusal) => {
                    door.refused(Call::RegisterMany, &refusal);
                    tell(place, Err(refusal.status()));
                }
            }
        }
        let mut answers = door.register_many(&series).into_iter();
        for place in wanted {
            tell(place, answers.next().unwrap_or(Err(Status::FAILED)));
        }
        Ok(first)
    };
    // SAFETY: the caller's promise, handed on.
    unsafe { answer(context, Call::RegisterMany, call) }
}

/// Who is to be registered, and with which data set.
///
/// # Safety
///
/// `from` points to a registration whose texts are lent for `'a`.
unsafe fn registration<'a>(from: *const Registration) -> Result<(IdentityRef<'a>, &'a str), Refusal> {
    // SAFETY: the caller's promise, handed on, here and below. Copied, since the answers are written beside it.
    let identity = unsafe { (*from).identity };
    // SAFETY: as above.
    let data_set = unsafe { (*from).data_set };
    // SAFETY: as above.
    let identity = unsafe { arguments::identity(&identity) }?;
    // SAFETY: as above.
    let data_set = unsafe { arguments::text(data_set, "the data set", gatherd_model::MAX_NAME) }?;
    Ok((identity, data_set))
}

/// Takes one read.
///
/// # Safety
///
/// As for [`log`]; `batch` is null or a batch as the contract promises it.
pub(crate) unsafe extern "C" fn dispatch(context: *mut c_void, batch: *const Batch) -> Status {
    // SAFETY: the caller's promise, handed on.
    let call = |door: &dyn Door| Ok(door.dispatch(unsafe { arguments::batch(batch) }?));
    // SAFETY: the caller's promise, handed on.
    unsafe { answer(context, Call::Dispatch, call) }
}

/// Takes values of one series by its identifier.
///
/// # Safety
///
/// As for [`log`]; `list` is null or a value list as the contract promises it.
pub(crate) unsafe extern "C" fn dispatch_values(context: *mut c_void, list: *const ValueList) -> Status {
    // SAFETY: the caller's promise, handed on.
    let call = |door: &dyn Door| Ok(door.dispatch_values(unsafe { arguments::value_list(list) }?));
    // SAFETY: the caller's promise, handed on.
    unsafe { answer(context, Call::DispatchValues, call) }
}

/// Publishes a notification.
///
/// # Safety
///
/// As for [`log`]; `notification` is null or a notification as the contract promises it.
pub(crate) unsafe extern "C" fn dispatch_notification(
    context: *mut c_void,
    notification: *const Notification,
) -> Status {
    // SAFETY: the caller's promise, handed on.
    let call = |door: &dyn Door| Ok(door.notify(unsafe { arguments::notification(notification) }?));
    // SAFETY: the caller's promise, handed on.
    unsafe { answer(context, Call::Notify, call) }
}

/// Tells who the series of a sample is.
///
/// # Safety
///
/// As for [`log`]; `show` is null or may be called with `user` and a description for the duration of the call.
pub(crate) unsafe extern "C" fn describe(
    context: *mut c_void,
    series: u64,
    show: ShowDescription,
    user: *mut c_void,
) -> Status {
    let call = |door: &dyn Door| {
        let show = show.ok_or(Refusal::Null("the function that takes a description"))?;
        Ok(door.describe(series, &mut |identity, set| {
            lend_description(identity, set, |raw| {
                // SAFETY: the caller's promise, handed on; `raw` outlives the call.
                unsafe { show(user, raw) }
            });
        }))
    };
    // SAFETY: the caller's promise, handed on.
    unsafe { answer(context, Call::Describe, call) }
}

/// Asks the door, and tells it of a refusal.
///
/// # Safety
///
/// `context` comes from a host table, or is null.
unsafe fn answer(
    context: *mut c_void,
    call: Call,
    ask: impl FnOnce(&dyn Door) -> Result<Status, Refusal>,
) -> Status {
    // SAFETY: the caller's promise, handed on.
    let Some(context) = (unsafe { enter(context) }) else {
        return Status::BAD_CALL;
    };
    let Some(door) = context.door() else {
        return Status::CLOSED;
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        ask(&*door).unwrap_or_else(|refusal| {
            door.refused(call, &refusal);
            refusal.status()
        })
    }));
    outcome.unwrap_or(Status::FAILED)
}

/// The context behind a plugin's pointer.
///
/// # Safety
///
/// `context` is null, or comes from a host table: contexts are never freed.
unsafe fn enter(context: *mut c_void) -> Option<&'static Context> {
    // SAFETY: the caller's promise, handed on.
    unsafe { context.cast::<Context>().as_ref() }
}
