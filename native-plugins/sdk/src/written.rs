//! Values as a writer sees them: a safe view of what the daemon lends for one call.

use std::fmt;
use std::marker::PhantomData;
use std::slice;

use gatherd_abi::RawValue;
use gatherd_model::{CdTime, DataSource, Interval, Value};

use crate::described::{Description, Kept};

/// Samples as the daemon lends them for one call, in its own layout.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LentSamples<'a> {
    first: *const gatherd_abi::WriteSample,
    /// Bytes from one sample to the next.
    step: usize,
    count: usize,
    lent: PhantomData<&'a gatherd_abi::WriteSample>,
}

impl<'a> LentSamples<'a> {
    /// The samples behind the daemon's pointer; `None` where it does not keep the contract.
    ///
    /// # Safety
    ///
    /// `batch` is null or points to a batch as the contract promises it, which does not change during `'a`.
    pub(crate) unsafe fn from_raw(batch: *const gatherd_abi::WriteBatch) -> Option<Self> {
        if batch.is_null() || !batch.is_aligned() {
            return None;
        }
        // SAFETY: not null, and every version of the batch begins with its size.
        let size = unsafe { (*batch).size };
        if size < size_of::<gatherd_abi::WriteBatch>() {
            return None;
        }
        // SAFETY: it is at least as large as we know it.
        let batch = unsafe { &*batch };
        let step = batch.sample_size;
        let usable = step >= size_of::<gatherd_abi::WriteSample>()
            && step.is_multiple_of(align_of::<gatherd_abi::WriteSample>())
            && batch.samples.is_aligned()
            && (batch.count == 0 || !batch.samples.is_null());
        usable.then_some(Self { first: batch.samples, step, count: batch.count, lent: PhantomData })
    }

    /// Number of samples.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Sample number `at`, which must be less than [`LentSamples::len`].
    pub(crate) fn at(&self, at: usize) -> &'a gatherd_abi::WriteSample {
        assert!(at < self.count, "sample {at} of {}", self.count);
        // SAFETY: `at` is less than the count that the daemon vouches for.
        let sample = unsafe { self.first.byte_add(at * self.step) };
        // SAFETY: it is aligned, as `from_raw` has checked, and lent for `'a`.
        unsafe { &*sample }
    }
}

/// Samples that a writer carries away; lent for one call.
///
/// A sample whose series has expired before its name was ever asked for is left out.
#[derive(Debug)]
pub struct WriteBatch<'a> {
    samples: LentSamples<'a>,
    kept: &'a [Kept],
    descriptions: &'a [Description],
}

impl<'a> WriteBatch<'a> {
    /// Joins the samples that are kept with what they mean.
    pub(crate) fn new(samples: LentSamples<'a>, kept: &'a [Kept], descriptions: &'a [Description]) -> Self {
        Self { samples, kept, descriptions }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// True where there is no sample.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The samples, oldest first for each series.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = WriteSample<'a>> {
        let (samples, descriptions) = (self.samples, self.descriptions);
        self.kept.iter().map(move |kept| WriteSample {
            raw: samples.at(kept.sample),
            description: &descriptions[kept.description as usize],
        })
    }
}

/// One sample as a writer sees it.
#[derive(Clone, Copy)]
pub struct WriteSample<'a> {
    raw: &'a gatherd_abi::WriteSample,
    description: &'a Description,
}

/// One number of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WrittenValue<'a> {
    /// Name of the data source.
    pub source: &'a str,
    /// The value as it was read.
    pub value: Value,
    /// Per second; NaN where none is known yet.
    pub rate: f64,
    /// The smallest believed rate; NaN for none.
    pub min: f64,
    /// The largest believed rate; NaN for none.
    pub max: f64,
}

impl<'a> WriteSample<'a> {
    /// Names the series as long as the daemon runs; another series never gets the same number.
    pub fn series(&self) -> u64 {
        self.raw.series
    }

    /// The machine that the series speaks of.
    pub fn host(&self) -> &'a str {
        self.description.part(0)
    }

    /// The plugin's name.
    pub fn plugin(&self) -> &'a str {
        self.description.part(1)
    }

    /// Which of several things; may be empty.
    pub fn plugin_instance(&self) -> &'a str {
        self.description.part(2)
    }

    /// The name of the data set.
    pub fn type_name(&self) -> &'a str {
        self.description.part(3)
    }

    /// Which of several series of that type; may be empty.
    pub fn type_instance(&self) -> &'a str {
        self.description.part(4)
    }

    /// When the values were read.
    pub fn time(&self) -> CdTime {
        CdTime(self.raw.time)
    }

    /// How long until the next value is due.
    pub fn interval(&self) -> Interval {
        Interval::from_units(self.raw.interval).unwrap_or(Interval::DEFAULT)
    }

    /// The numbers in data-set order.
    pub fn values(&self) -> impl ExactSizeIterator<Item = WrittenValue<'a>> {
        let len = self.raw.values_len;
        // SAFETY: the daemon lends `values_len` values for `'a`.
        let values = unsafe { lent(self.raw.values, len) };
        // SAFETY: and as many rates.
        let rates = unsafe { lent(self.raw.rates, len) };
        let sources = self.description.sources();
        (0..sources.len().min(values.len()).min(rates.len()))
            .map(move |at| written(&sources[at], values[at], rates[at]))
    }
}

impl fmt::Display for WriteSample<'_> {
    /// The identifier: `host/plugin[-instance]/type[-instance]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description.text())
    }
}

impl fmt::Debug for WriteSample<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WriteSample({self})")
    }
}

fn written(source: &DataSource, value: RawValue, rate: f64) -> WrittenValue<'_> {
    // SAFETY: all members are plain numbers of the same 64 bits.
    let bits = unsafe { value.counter };
    WrittenValue {
        source: &source.name,
        value: Value::from_bits(source.kind, bits),
        rate,
        min: source.min,
        max: source.max,
    }
}

/// A lent array; empty where the pointer can not be one.
///
/// # Safety
///
/// `first` is null or points to `len` elements that do not change during `'a`.
unsafe fn lent<'a, T>(first: *const T, len: usize) -> &'a [T] {
    if first.is_null() || !first.is_aligned() {
        return &[];
    }
    // SAFETY: the caller's promise, handed on.
    unsafe { slice::from_raw_parts(first, len) }
}
