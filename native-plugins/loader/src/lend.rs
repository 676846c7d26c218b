//! Makes C structures of the daemon's types, lent to a plugin for one call.

use std::ptr;

use gatherd_abi::{
    Description, Identity, Meta, MetaKind, MetaNumber, RawValue, Source, SourceKind, Status, Text,
    WriteBatch, WriteSample,
};
use gatherd_model::{
    CdTime, DataSet, DataSource, DataSourceKind, Interval, MAX_SOURCES, MetaValue, Notification, Value,
};

use crate::IdentityRef;

/// One sample for a writer.
#[derive(Clone, Copy, Debug)]
pub struct WriteItem<'a> {
    /// Names the series as long as the daemon runs; [`Door::describe`](crate::Door::describe) is asked with it.
    pub series: u64,
    /// Raw values, one per data source.
    pub values: &'a [Value],
    /// Per second, parallel to `values`; NaN where none is known yet.
    pub rates: &'a [f64],
    /// When the values were read.
    pub time: CdTime,
    /// How long until the next value is due.
    pub interval: Interval,
}

/// Buffers of [`WriteItem`]s as C sees them; kept from call to call, so that the steady state allocates
/// nothing. The pointers inside are valid from `fill` until the next change.
#[derive(Default)]
pub(crate) struct Lent {
    samples: Vec<WriteSample>,
    values: Vec<RawValue>,
}

impl std::fmt::Debug for Lent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lent").field("samples", &self.samples.len()).finish_non_exhaustive()
    }
}

impl Lent {
    /// Fills the buffers; the answer points into them and into what the items borrow.
    pub(crate) fn fill<'a>(&mut self, items: impl IntoIterator<Item = WriteItem<'a>>) -> WriteBatch {
        self.clear();
        for item in items {
            let len = item.values.len().min(item.rates.len());
            self.values.extend(item.values[..len].iter().map(|value| RawValue { counter: value.to_bits() }));
            self.samples.push(WriteSample {
                series: item.series,
                values: ptr::null(),
                rates: item.rates.as_ptr(),
                values_len: len,
                time: item.time.0,
                interval: item.interval.units(),
            });
        }
        // Only now do the values stay where they are.
        let mut at = 0;
        for sample in &mut self.samples {
            sample.values = self.values[at..].as_ptr();
            at += sample.values_len;
        }
        WriteBatch {
            size: size_of::<WriteBatch>(),
            sample_size: size_of::<WriteSample>(),
            count: self.samples.len(),
            samples: self.samples.as_ptr(),
        }
    }

    /// Forgets what was lent.
    pub(crate) fn clear(&mut self) {
        self.samples.clear();
        self.values.clear();
    }
}

/// Lends a description to `show`; allocates nothing.
pub(crate) fn lend_description(
    identity: IdentityRef<'_>,
    set: &DataSet,
    show: impl FnOnce(*const Description),
) {
    let none = Source { name: Text::EMPTY, kind: SourceKind::GAUGE, min: f64::NAN, max: f64::NAN };
    let mut sources = [none; MAX_SOURCES];
    for (place, of) in sources.iter_mut().zip(&set.sources) {
        *place = source(of);
    }
    let IdentityRef { host, plugin, plugin_instance, type_name, type_instance } = identity;
    let raw = Description {
        size: size_of::<Description>(),
        identity: lend_identity([host, plugin, plugin_instance, type_name, type_instance]),
        sources: sources.as_ptr(),
        sources_len: set.sources.len().min(MAX_SOURCES),
    };
    show(&raw const raw);
}

fn source(source: &DataSource) -> Source {
    let kind = match source.kind {
        DataSourceKind::Gauge => SourceKind::GAUGE,
        DataSourceKind::Derive => SourceKind::DERIVE,
        DataSourceKind::Counter => SourceKind::COUNTER,
        DataSourceKind::Absolute => SourceKind::ABSOLUTE,
    };
    Source { name: Text::lend(&source.name), kind, min: source.min, max: source.max }
}

fn lend_identity(parts: [&str; 5]) -> Identity {
    let [host, plugin, plugin_instance, type_name, type_instance] = parts.map(Text::lend);
    Identity { host, plugin, plugin_instance, type_name, type_instance }
}

/// Lends a notification to `call`.
pub(crate) fn lend_notification(
    notification: &Notification,
    call: impl FnOnce(*const gatherd_abi::Notification) -> Status,
) -> Status {
    let n = notification;
    let meta: Vec<Meta> = n.meta.iter().map(|(name, value)| lend_meta(name, value)).collect();
    let raw = gatherd_abi::Notification {
        size: size_of::<gatherd_abi::Notification>(),
        severity: n.severity.number(),
        time: n.time.0,
        message: Text::lend(&n.message),
        identity: lend_identity([&n.host, &n.plugin, &n.plugin_instance, &n.type_name, &n.type_instance]),
        meta: if meta.is_empty() { ptr::null() } else { meta.as_ptr() },
        meta_len: meta.len(),
    };
    call(&raw const raw)
}

fn lend_meta(name: &str, value: &MetaValue) -> Meta {
    let none = MetaNumber { unsigned_integer: 0 };
    let (kind, text, number) = match value {
        MetaValue::String(text) => (MetaKind::STRING, Text::lend(text), none),
        MetaValue::Int(number) => (MetaKind::INT, Text::EMPTY, MetaNumber { signed_integer: *number }),
        MetaValue::UInt(number) => (MetaKind::UINT, Text::EMPTY, MetaNumber { unsigned_integer: *number }),
        MetaValue::Double(number) => (MetaKind::DOUBLE, Text::EMPTY, MetaNumber { floating: *number }),
        MetaValue::Bool(yes) => {
            (MetaKind::BOOL, Text::EMPTY, MetaNumber { unsigned_integer: u64::from(*yes) })
        }
    };
    Meta { name: Text::lend(name), kind, text, number }
}
