//! What flows: one read of one plugin, flat.

use std::sync::Arc;

use gatherd_model::{CdTime, Interval, Value};

use super::PluginId;

/// Names a series while it lives: a slot and the slot's generation. An expired series' number never returns.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SeriesId {
    /// Which slot of the slab.
    pub index: u32,
    /// How often the slot was given away before; 31 bits.
    pub generation: u32,
}

impl SeriesId {
    /// Both halves in one number, the generation above.
    pub fn number(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    /// The series whose halves are in `number`.
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of the number")]
    pub fn from_number(number: u64) -> Self {
        Self { index: number as u32, generation: (number >> 32) as u32 }
    }
}

/// One series' part of a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Whose values these are.
    pub series: SeriesId,
    /// When they were read.
    pub time: CdTime,
    /// How long until the next are due.
    pub interval: Interval,
    /// Where they start in [`Batch::values`] and [`Batch::rates`].
    pub first: u32,
    /// How many they are: 1 to 16.
    pub count: u16,
    /// Where they stand in what the plugin dispatched, so that answers find their way back.
    pub position: u16,
    /// Which outputs want them, one bit each.
    pub outputs: u32,
    /// Whether a threshold may judge them.
    pub judged: bool,
    /// Whether they go into the history.
    pub remembered: bool,
}

/// One read of one plugin, flat: no allocation per value, and no later stage asks the cache back.
#[derive(Debug)]
pub struct Batch {
    /// Who read it.
    pub plugin: Arc<PluginId>,
    /// Which series, and where its values start in `values` and `rates`; in the order of the read.
    pub samples: Vec<Sample>,
    /// Raw values, one per data source, in data-set order.
    pub values: Vec<Value>,
    /// Per second, parallel to `values`; NaN until two value lists of the series are known.
    pub rates: Vec<f64>,
}

/// What one output is given: the part of a batch that is meant for it.
#[derive(Clone, Debug)]
pub struct Delivery {
    batch: Arc<Batch>,
    /// The output's bit of [`Sample::outputs`].
    output: u32,
    count: usize,
    bytes: usize,
}

impl Delivery {
    /// The part of `batch` that is meant for the output with this bit.
    pub fn new(batch: Arc<Batch>, output: u32) -> Self {
        let count = batch.samples.iter().filter(|sample| sample.outputs & output != 0).count();
        let bytes = batch.bytes();
        Self { batch, output, count, bytes }
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Bytes of memory that it keeps from being freed; several outputs may share them.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// True where no sample is meant for the output.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The samples, in the order of the read, each with its raw values and its rates.
    pub fn samples(&self) -> impl Iterator<Item = (&Sample, &[Value], &[f64])> + Clone {
        let meant = self.batch.samples.iter().filter(|sample| sample.outputs & self.output != 0);
        meant.map(|sample| (sample, self.batch.values_of(sample), self.batch.rates_of(sample)))
    }
}

impl Batch {
    /// Bytes of memory that it takes, without the allocator's own.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.samples.capacity() * size_of::<Sample>()
            + self.values.capacity() * size_of::<Value>()
            + self.rates.capacity() * size_of::<f64>()
    }

    /// The raw values of one sample.
    pub fn values_of(&self, sample: &Sample) -> &[Value] {
        let first = sample.first as usize;
        &self.values[first..first + usize::from(sample.count)]
    }

    /// The rates of one sample.
    pub fn rates_of(&self, sample: &Sample) -> &[f64] {
        let first = sample.first as usize;
        &self.rates[first..first + usize::from(sample.count)]
    }
}
