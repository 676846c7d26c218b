//! A notification as the daemon lends it, made into one that is owned.

use std::collections::BTreeMap;

use gatherd_abi::{Meta, MetaKind, Text};
use gatherd_model::{CdTime, MAX_META, MetaValue, Notification, Severity};

/// The notification behind the daemon's pointer; `None` where it does not keep the contract.
///
/// # Safety
///
/// `notification` is null or points to a notification as the contract promises it.
pub(crate) unsafe fn read_notification(
    notification: *const gatherd_abi::Notification,
) -> Option<Notification> {
    if notification.is_null() || !notification.is_aligned() {
        return None;
    }
    // SAFETY: not null, and every version begins with its size.
    let size = unsafe { (*notification).size };
    if size < size_of::<gatherd_abi::Notification>() {
        return None;
    }
    // SAFETY: it is at least as large as we know it.
    let raw = unsafe { &*notification };
    Some(Notification {
        severity: Severity::from_number(raw.severity).ok()?,
        time: CdTime(raw.time),
        message: owned(raw.message)?,
        host: owned(raw.identity.host)?,
        plugin: owned(raw.identity.plugin)?,
        plugin_instance: owned(raw.identity.plugin_instance)?,
        type_name: owned(raw.identity.type_name)?,
        type_instance: owned(raw.identity.type_instance)?,
        meta: read_meta(raw)?,
    })
}

fn read_meta(raw: &gatherd_abi::Notification) -> Option<BTreeMap<String, MetaValue>> {
    let len = raw.meta_len;
    if len == 0 {
        return Some(BTreeMap::new());
    }
    if raw.meta.is_null() || !raw.meta.is_aligned() || len > MAX_META {
        return None;
    }
    // SAFETY: the daemon lends `meta_len` values for the call.
    let meta = unsafe { std::slice::from_raw_parts(raw.meta, len) };
    meta.iter().map(|meta| Some((owned(meta.name)?, read_value(meta)?))).collect()
}

fn read_value(meta: &Meta) -> Option<MetaValue> {
    // SAFETY: all members are plain numbers of the same 64 bits.
    let bits = unsafe { meta.number.unsigned_integer };
    Some(match meta.kind {
        MetaKind::STRING => MetaValue::String(owned(meta.text)?),
        MetaKind::INT => MetaValue::Int(bits.cast_signed()),
        MetaKind::UINT => MetaValue::UInt(bits),
        MetaKind::DOUBLE => MetaValue::Double(f64::from_bits(bits)),
        MetaKind::BOOL => MetaValue::Bool(bits != 0),
        _ => return None,
    })
}

fn owned(text: Text) -> Option<String> {
    // SAFETY: the daemon lends its texts for the call, and this copies.
    let bytes = unsafe { text.bytes() };
    str::from_utf8(bytes).ok().map(str::to_owned)
}
