//! Makes safe types of what a plugin hands over, or says how it broke the contract.
//!
//! Null, alignment, size, count, bounds and UTF-8 are checked. That a pointer which passes leads to as many
//! bytes as the plugin says can be checked by nobody: it is the plugin's promise.

use std::collections::BTreeMap;
use std::slice;

use gatherd_abi::{Batch, Handle, Identity, Meta, MetaKind, RawValue, Registration, Status, Text, ValueList};
use gatherd_model::{
    CdTime, Interval, MAX_MESSAGE, MAX_META, MAX_NAME, MAX_SOURCES, MetaValue, Notification, Part, Severity,
};

use crate::{BatchRef, IdentityRef, Refusal, ValueListRef};

/// Most samples of one batch.
pub(crate) const MAX_SAMPLES: usize = 1_000_000;

/// Most series that are registered at once.
pub(crate) const MAX_REGISTRATIONS: usize = 4096;

/// Longest metadata, and longest text of a metadata value, in bytes.
const MAX_META_TEXT: usize = 1 << 16;

/// A structure that begins with its own size, as the other side knows it.
///
/// # Safety
///
/// `T` begins with a `usize` that holds its size.
pub(crate) unsafe trait Versioned {
    /// What it is called in a refusal.
    const WHAT: &'static str;
}

// SAFETY: the field `size` is its first.
unsafe impl Versioned for Batch {
    const WHAT: &'static str = "the batch";
}

// SAFETY: the field `size` is its first.
unsafe impl Versioned for ValueList {
    const WHAT: &'static str = "the value list";
}

// SAFETY: the field `size` is its first.
unsafe impl Versioned for gatherd_abi::Notification {
    const WHAT: &'static str = "the notification";
}

/// The structure behind a plugin's pointer.
///
/// # Safety
///
/// `from` is null or points to as many bytes as its `size` says, lent for `'a`.
pub(crate) unsafe fn structure<'a, T: Versioned>(from: *const T) -> Result<&'a T, Refusal> {
    // SAFETY: the caller's promise: the first field is there at least.
    let found = *unsafe { one(from.cast::<usize>(), T::WHAT) }?;
    if found < size_of::<T>() {
        return Err(Refusal::TooSmall { what: T::WHAT, found, least: size_of::<T>() });
    }
    // SAFETY: it is as large as we know it.
    unsafe { one(from, T::WHAT) }
}

/// One thing behind a pointer that must lead somewhere.
///
/// # Safety
///
/// `from` is null or points to a `T`, lent for `'a`.
pub(crate) unsafe fn one<'a, T>(from: *const T, what: &'static str) -> Result<&'a T, Refusal> {
    if from.is_null() {
        return Err(Refusal::Null(what));
    }
    if !from.is_aligned() {
        return Err(Refusal::Misaligned(what));
    }
    // SAFETY: not null, aligned, and the caller's promise for the rest.
    Ok(unsafe { &*from })
}

/// An array behind a pointer; null only where it is empty.
///
/// # Safety
///
/// `from` is null or points to `len` elements, lent for `'a`.
unsafe fn array<'a, T>(from: *const T, len: usize, what: &'static str) -> Result<&'a [T], Refusal> {
    if len == 0 {
        return Ok(&[]);
    }
    // SAFETY: the first of `len` elements.
    let first: *const T = unsafe { one(from, what) }?;
    debug_assert_eq!(first, from, "the same place");
    // SAFETY: not null, aligned, and the caller's promise for the length.
    Ok(unsafe { slice::from_raw_parts(from, len) })
}

/// As [`array()`], and null means that there is none.
///
/// # Safety
///
/// As for [`array()`].
unsafe fn optional<'a, T>(
    from: *const T,
    len: usize,
    what: &'static str,
) -> Result<Option<&'a [T]>, Refusal> {
    if from.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise, handed on.
    unsafe { array(from, len, what) }.map(Some)
}

/// One read.
///
/// # Safety
///
/// `batch` and all it points to are as the contract promises, lent for `'a`.
pub(crate) unsafe fn batch<'a>(batch: *const Batch) -> Result<BatchRef<'a>, Refusal> {
    // SAFETY: the caller's promise, handed on, here and below.
    let raw = unsafe { structure(batch) }?;
    let count = raw.count;
    at_most("the batch", count, MAX_SAMPLES)?;
    // SAFETY: as above.
    let handles: &[Handle] = unsafe { array(raw.handles, count, "handles") }?;
    // SAFETY: as above; where there are samples there is one offset more.
    let offsets = unsafe { optional(raw.offsets, count + 1, "offsets") }?;
    let values_len = offsets.map_or(Ok(count), check_offsets)?;
    // SAFETY: as above; the members of the union are plain numbers of the same 64 bits.
    let values = unsafe { array(raw.values.cast::<u64>(), values_len, "values") }?;
    // SAFETY: as above.
    let times = unsafe { optional(raw.times, count, "times") }?;
    // SAFETY: as above.
    let intervals = unsafe { optional(raw.intervals, count, "intervals") }?;
    // SAFETY: as above.
    let meta = unsafe { text(raw.meta, "the metadata", MAX_META_TEXT) }?;
    // SAFETY: as above.
    let results = unsafe { answers(raw.results, count) }?;
    let time = time(raw.time);
    Ok(BatchRef {
        time,
        interval: Interval::from_units(raw.interval),
        handles,
        offsets,
        values,
        times,
        intervals,
        results,
        meta,
    })
}

/// Checks that offsets ascend; answers the number of values.
fn check_offsets(offsets: &[u32]) -> Result<usize, Refusal> {
    let step = |ends: &[u32]| ends[1].checked_sub(ends[0]).is_some_and(|n| (1..=16).contains(&n));
    match offsets.windows(2).position(|ends| !step(ends)) {
        Some(at) => Err(Refusal::Offsets(at)),
        None => Ok(offsets.last().map_or(0, |end| *end as usize)),
    }
}

/// Room for answers; all are set to "it worked" first, since the plugin need not have written them.
///
/// # Safety
///
/// `from` is null or points to room for `count` answers that nobody else touches during `'a`.
unsafe fn answers<'a>(from: *mut Status, count: usize) -> Result<Option<&'a mut [Status]>, Refusal> {
    if from.is_null() || count == 0 {
        return Ok(None);
    }
    if !from.is_aligned() {
        return Err(Refusal::Misaligned("results"));
    }
    // SAFETY: the caller's promise: the room is there. `Status::OK` is all zeros.
    unsafe { from.write_bytes(0, count) };
    // SAFETY: as above, and written just now.
    Ok(Some(unsafe { slice::from_raw_parts_mut(from, count) }))
}

/// The places of series that are to be registered; what stands in each is not looked at.
///
/// # Safety
///
/// `items` is null or points to `count` registrations of `item_size` bytes each.
pub(crate) unsafe fn registrations(
    items: *mut Registration,
    item_size: usize,
    count: usize,
) -> Result<Vec<*mut Registration>, Refusal> {
    const WHAT: &str = "the registrations";
    at_most(WHAT, count, MAX_REGISTRATIONS)?;
    if count == 0 {
        return Ok(Vec::new());
    }
    let least = size_of::<Registration>();
    if item_size < least {
        return Err(Refusal::TooSmall { what: "a registration", found: item_size, least });
    }
    if items.is_null() {
        return Err(Refusal::Null(WHAT));
    }
    // What stands behind a larger item must begin at such a place too.
    if !items.is_aligned() || !item_size.is_multiple_of(align_of::<Registration>()) {
        return Err(Refusal::Misaligned(WHAT));
    }
    if item_size.checked_mul(count).is_none_or(|bytes| bytes > isize::MAX as usize) {
        return Err(Refusal::TooMany {
            what: "a registration",
            found: item_size,
            limit: isize::MAX as usize / count,
        });
    }
    // SAFETY: the caller's promise: all items lie in one piece of memory, whose size was checked just now.
    Ok((0..count).map(|at| unsafe { items.byte_add(at * item_size) }).collect())
}

/// Values of one series.
///
/// # Safety
///
/// As for [`batch`].
pub(crate) unsafe fn value_list<'a>(list: *const ValueList) -> Result<ValueListRef<'a>, Refusal> {
    // SAFETY: the caller's promise, handed on, here and below.
    let raw = unsafe { structure(list) }?;
    // SAFETY: as above.
    let identity = unsafe { identity(&raw.identity) }?;
    at_most("values", raw.values_len, MAX_SOURCES)?;
    // SAFETY: as above; the members of the union are plain numbers of the same 64 bits.
    let values = unsafe { array(raw.values.cast::<u64>(), raw.values_len, "values") }?;
    // SAFETY: as above.
    let meta = unsafe { text(raw.meta, "the metadata", MAX_META_TEXT) }?;
    let interval = Interval::from_units(raw.interval);
    Ok(ValueListRef { identity, time: time(raw.time), interval, values, meta })
}

/// The parts of an identifier.
///
/// # Safety
///
/// Each text points to as many bytes as it says, lent for `'a`.
pub(crate) unsafe fn identity<'a>(raw: &Identity) -> Result<IdentityRef<'a>, Refusal> {
    Ok(IdentityRef {
        // SAFETY: the caller's promise, handed on, here and below.
        host: unsafe { name(raw.host, Part::Host) }?,
        // SAFETY: as above.
        plugin: unsafe { name(raw.plugin, Part::Plugin) }?,
        // SAFETY: as above.
        plugin_instance: unsafe { name(raw.plugin_instance, Part::PluginInstance) }?,
        // SAFETY: as above.
        type_name: unsafe { name(raw.type_name, Part::Type) }?,
        // SAFETY: as above.
        type_instance: unsafe { name(raw.type_instance, Part::TypeInstance) }?,
    })
}

/// # Safety
///
/// `text` points to as many bytes as it says, lent for `'a`.
unsafe fn name<'a>(text: Text, part: Part) -> Result<&'a str, Refusal> {
    if text.len > MAX_NAME {
        return Err(Refusal::NameTooLong { part, length: text.len });
    }
    if text.len > 0 && text.data.is_null() {
        return Err(Refusal::Null("a part of an identifier"));
    }
    // SAFETY: the caller's promise, handed on.
    str::from_utf8(unsafe { text.bytes() }).map_err(|_| Refusal::NameNotUtf8(part))
}

/// A text of at most `limit` bytes.
///
/// # Safety
///
/// `text` points to as many bytes as it says, lent for `'a`.
pub(crate) unsafe fn text<'a>(text: Text, what: &'static str, limit: usize) -> Result<&'a str, Refusal> {
    at_most(what, text.len, limit)?;
    if text.len > 0 && text.data.is_null() {
        return Err(Refusal::Null(what));
    }
    // SAFETY: the caller's promise, handed on.
    str::from_utf8(unsafe { text.bytes() }).map_err(|_| Refusal::NotUtf8(what))
}

/// A text for people: what is not UTF-8 is replaced, and what is too long is cut.
///
/// # Safety
///
/// `text` points to as many bytes as it says.
pub(crate) unsafe fn words(text: Text) -> String {
    let text = Text { data: text.data, len: text.len.min(MAX_MESSAGE) };
    // SAFETY: the caller's promise, handed on; fewer bytes are there all the more.
    String::from_utf8_lossy(unsafe { text.bytes() }).into_owned()
}

/// A notification, copied.
///
/// # Safety
///
/// As for [`batch`].
pub(crate) unsafe fn notification(from: *const gatherd_abi::Notification) -> Result<Notification, Refusal> {
    // SAFETY: the caller's promise, handed on, here and below.
    let raw = unsafe { structure(from) }?;
    let severity = Severity::from_number(raw.severity)
        .map_err(|_| Refusal::Unknown { what: "the severity", found: raw.severity })?;
    // SAFETY: as above.
    let identity = unsafe { identity(&raw.identity) }?;
    // SAFETY: as above.
    let message = unsafe { text(raw.message, "the message", MAX_MESSAGE) }?;
    at_most("the metadata", raw.meta_len, MAX_META)?;
    // SAFETY: as above.
    let meta = unsafe { array(raw.meta, raw.meta_len, "the metadata") }?;
    let meta: BTreeMap<_, _> = meta
        .iter()
        // SAFETY: as above.
        .map(|meta| unsafe { meta_value(meta) })
        .collect::<Result<_, _>>()?;
    Ok(Notification {
        severity,
        time: CdTime(raw.time),
        message: message.to_owned(),
        host: identity.host.to_owned(),
        plugin: identity.plugin.to_owned(),
        plugin_instance: identity.plugin_instance.to_owned(),
        type_name: identity.type_name.to_owned(),
        type_instance: identity.type_instance.to_owned(),
        meta,
    })
}

/// # Safety
///
/// The texts of `meta` point to as many bytes as they say.
unsafe fn meta_value(meta: &Meta) -> Result<(String, MetaValue), Refusal> {
    // SAFETY: the caller's promise, handed on.
    let name = unsafe { text(meta.name, "the name of a metadata value", MAX_NAME) }?;
    // SAFETY: all members are plain numbers of the same 64 bits.
    let bits = unsafe { meta.number.unsigned_integer };
    let value = match meta.kind {
        MetaKind::STRING => {
            // SAFETY: the caller's promise, handed on.
            let text = unsafe { text(meta.text, "a metadata value", MAX_META_TEXT) }?;
            MetaValue::String(text.to_owned())
        }
        MetaKind::INT => MetaValue::Int(bits.cast_signed()),
        MetaKind::UINT => MetaValue::UInt(bits),
        MetaKind::DOUBLE => MetaValue::Double(f64::from_bits(bits)),
        MetaKind::BOOL => MetaValue::Bool(bits != 0),
        MetaKind(found) => {
            return Err(Refusal::Unknown { what: "the kind of a metadata value", found });
        }
    };
    Ok((name.to_owned(), value))
}

fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), Refusal> {
    if found > limit { Err(Refusal::TooMany { what, found, limit }) } else { Ok(()) }
}

fn time(raw: u64) -> Option<CdTime> {
    (raw != 0).then_some(CdTime(raw))
}

const _: () = assert!(size_of::<RawValue>() == size_of::<u64>());
