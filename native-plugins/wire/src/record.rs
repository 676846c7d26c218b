//! What a record of a ring holds: a batch of values by handle, or samples for a writer.
//!
//! ```text
//!  values   0  1 | flags << 32        1 offsets, 2 times, 4 intervals
//!           1  time                    2⁻³⁰ s, 0 for now
//!           2  interval                2⁻³⁰ s, 0 for the plugin's
//!           3  samples | values << 32
//!           4  handles · offsets, two in a word · values · times · intervals
//!
//!  writes   0  2
//!           1  samples | values << 32
//!           2  series · times · intervals · offsets, two in a word · values · rates
//! ```

/// Most samples of one record.
pub const MAX_SAMPLES: usize = 512;

/// Most values of one sample.
const MAX_VALUES: u32 = 16;

const VALUES: u64 = 1;
const WRITES: u64 = 2;
const OFFSETS: u64 = 1 << 32;
const TIMES: u64 = 2 << 32;
const INTERVALS: u64 = 4 << 32;
const HALF: u64 = (1 << 32) - 1;

/// A record that can not be.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RecordError {
    /// It is of no known kind.
    #[error("a record is of the unknown kind {0:#x}")]
    Kind(u64),
    /// It has too many samples, or none.
    #[error("a record has {0} samples, 1 to {MAX_SAMPLES} can be")]
    Samples(usize),
    /// Its length is not that of what it says it holds.
    #[error("a record has {found} words, {expected} are wanted")]
    Length {
        /// Words that it has.
        found: usize,
        /// Words that it needs.
        expected: usize,
    },
    /// A sample has no value, or too many.
    #[error("the offsets of sample {0} do not ascend by 1 to {MAX_VALUES} up to the number of values")]
    Offsets(usize),
}

/// One batch by handle.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Values<'a> {
    /// When they were read, in units of 2⁻³⁰ s; 0 for now.
    pub time: u64,
    /// Until the next read, in units of 2⁻³⁰ s; 0 for the plugin's interval.
    pub interval: u64,
    /// One handle per sample.
    pub handles: &'a [u64],
    /// Sample i owns `values[offsets[i]..offsets[i + 1]]`; `None` where each has one value.
    pub offsets: Option<&'a [u32]>,
    /// The bits of the values.
    pub values: &'a [u64],
    /// Times that stand for `time`, one per sample; 0 falls back to it.
    pub times: Option<&'a [u64]>,
    /// Intervals that stand for `interval`, one per sample; 0 falls back to it.
    pub intervals: Option<&'a [u64]>,
}

/// Makes a record of a batch of at most [`MAX_SAMPLES`] samples; offsets may begin anywhere.
pub fn put_values(record: &mut Vec<u64>, batch: &Values<'_>) {
    let Values { time, interval, handles, offsets, values, times, intervals } = *batch;
    let mut head = VALUES;
    for (flag, is_there) in
        [(OFFSETS, offsets.is_some()), (TIMES, times.is_some()), (INTERVALS, intervals.is_some())]
    {
        head |= if is_there { flag } else { 0 };
    }
    record.clear();
    record.extend([head, time, interval, halves(handles.len() as u64, values.len() as u64)]);
    record.extend_from_slice(handles);
    if let Some(offsets) = offsets {
        let first = offsets.first().copied().unwrap_or(0);
        put_offsets(record, offsets.iter().map(|offset| offset.wrapping_sub(first)));
    }
    record.extend_from_slice(values);
    record.extend_from_slice(times.unwrap_or_default());
    record.extend_from_slice(intervals.unwrap_or_default());
}

fn halves(low: u64, high: u64) -> u64 {
    low & HALF | high << 32
}

fn put_offsets(record: &mut Vec<u64>, mut offsets: impl Iterator<Item = u32>) {
    while let Some(low) = offsets.next() {
        record.push(halves(low.into(), offsets.next().unwrap_or(0).into()));
    }
}

impl<'a> Values<'a> {
    /// Reads a record; `offsets` is room that is used where the batch has some.
    ///
    /// # Errors
    ///
    /// [`RecordError`]; each of its kinds.
    pub fn read(record: &'a [u64], room: &'a mut Vec<u32>) -> Result<Self, RecordError> {
        let head = record.first().copied().unwrap_or(0);
        if head & HALF != VALUES || head & !(HALF | OFFSETS | TIMES | INTERVALS) != 0 {
            return Err(RecordError::Kind(head));
        }
        let mut rest = Rest { all: record, at: 1 };
        let (time, interval) = (rest.word()?, rest.word()?);
        let (samples, count) = rest.counts()?;
        let has = |flag| head & flag != 0;
        let handles = rest.take(samples)?;
        let packed = if has(OFFSETS) { Some(rest.take((samples + 1).div_ceil(2))?) } else { None };
        let values = rest.take(count)?;
        let times = if has(TIMES) { Some(rest.take(samples)?) } else { None };
        let intervals = if has(INTERVALS) { Some(rest.take(samples)?) } else { None };
        rest.end()?;
        let offsets = match packed {
            Some(packed) => Some(unpack(packed, samples, count, room)?),
            None if count == samples => None,
            None => return Err(RecordError::Offsets(0)),
        };
        Ok(Self { time, interval, handles, offsets, values, times, intervals })
    }
}

/// Reads and checks offsets.
fn unpack<'a>(
    packed: &[u64],
    samples: usize,
    values: usize,
    room: &'a mut Vec<u32>,
) -> Result<&'a [u32], RecordError> {
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of a word")]
    let both = packed.iter().flat_map(|word| [*word as u32, (*word >> 32) as u32]);
    room.clear();
    room.extend(both.take(samples + 1));
    let is_step = |ends: &[u32]| ends[1].checked_sub(ends[0]).is_some_and(|n| (1..=MAX_VALUES).contains(&n));
    if let Some(at) = room.windows(2).position(|ends| !is_step(ends)) {
        return Err(RecordError::Offsets(at));
    }
    if room.first() != Some(&0) || room.last().map(|end| *end as usize) != Some(values) {
        return Err(RecordError::Offsets(samples));
    }
    Ok(room)
}

/// What of a record was not read yet.
struct Rest<'a> {
    all: &'a [u64],
    at: usize,
}

impl<'a> Rest<'a> {
    fn take(&mut self, words: usize) -> Result<&'a [u64], RecordError> {
        let end = self.at + words;
        let taken = self.all.get(self.at..end);
        let taken = taken.ok_or(RecordError::Length { found: self.all.len(), expected: end })?;
        self.at = end;
        Ok(taken)
    }

    fn word(&mut self) -> Result<u64, RecordError> {
        self.take(1).map(|words| words[0])
    }

    /// Samples and values.
    fn counts(&mut self) -> Result<(usize, usize), RecordError> {
        let word = self.word()?;
        let (samples, values) = ((word & HALF) as usize, (word >> 32) as usize);
        if !(1..=MAX_SAMPLES).contains(&samples) {
            return Err(RecordError::Samples(samples));
        }
        Ok((samples, values))
    }

    fn end(&self) -> Result<(), RecordError> {
        let (found, expected) = (self.all.len(), self.at);
        if found == expected { Ok(()) } else { Err(RecordError::Length { found, expected }) }
    }
}

/// One sample for a writer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WrittenSample<'a> {
    /// Names the series.
    pub series: u64,
    /// When it was read, in units of 2⁻³⁰ s.
    pub time: u64,
    /// Until the next is due, in units of 2⁻³⁰ s.
    pub interval: u64,
    /// The bits of its values.
    pub values: &'a [u64],
    /// The bits of their rates, parallel to `values`.
    pub rates: &'a [u64],
}

/// Makes a record of at most [`MAX_SAMPLES`] samples; each is given as series, time, interval, and then the bits of
/// its values and rates, in equal number.
pub fn put_writes<V, R>(record: &mut Vec<u64>, samples: impl Iterator<Item = ([u64; 3], V, R)> + Clone)
where
    V: ExactSizeIterator<Item = u64>,
    R: ExactSizeIterator<Item = u64>,
{
    let mut ends = vec![0_u32];
    for (_, values, rates) in samples.clone() {
        let count = u32::try_from(values.len().min(rates.len())).unwrap_or(u32::MAX);
        ends.push(ends.last().copied().unwrap_or(0).saturating_add(count));
    }
    let total = ends.last().copied().unwrap_or(0);
    record.clear();
    record.extend([WRITES, halves(ends.len() as u64 - 1, total.into())]);
    for at in 0..3 {
        record.extend(samples.clone().map(|(numbers, _, _)| numbers[at]));
    }
    put_offsets(record, ends.into_iter());
    for (_, values, rates) in samples.clone() {
        let count = values.len().min(rates.len());
        record.extend(values.take(count));
    }
    for (_, values, rates) in samples {
        let count = values.len().min(rates.len());
        record.extend(rates.take(count));
    }
}

/// Samples for a writer.
#[derive(Clone, Copy, Debug)]
pub struct Writes<'a> {
    numbers: [&'a [u64]; 3],
    offsets: &'a [u32],
    values: &'a [u64],
    rates: &'a [u64],
}

impl<'a> Writes<'a> {
    /// Reads a record; `room` is used for its offsets.
    ///
    /// # Errors
    ///
    /// [`RecordError`]; each of its kinds.
    pub fn read(record: &'a [u64], room: &'a mut Vec<u32>) -> Result<Self, RecordError> {
        let mut rest = Rest { all: record, at: 1 };
        match record.first() {
            Some(&WRITES) => {}
            other => return Err(RecordError::Kind(other.copied().unwrap_or(0))),
        }
        let (samples, count) = rest.counts()?;
        let numbers = [rest.take(samples)?, rest.take(samples)?, rest.take(samples)?];
        let packed = rest.take((samples + 1).div_ceil(2))?;
        let (values, rates) = (rest.take(count)?, rest.take(count)?);
        rest.end()?;
        let offsets = unpack(packed, samples, count, room)?;
        Ok(Self { numbers, offsets, values, rates })
    }

    /// The samples in their order.
    pub fn samples(self) -> impl Iterator<Item = WrittenSample<'a>> {
        let Self { numbers: [series, times, intervals], offsets, values, rates } = self;
        (0..series.len()).map(move |at| {
            let range = offsets[at] as usize..offsets[at + 1] as usize;
            WrittenSample {
                series: series[at],
                time: times[at],
                interval: intervals[at],
                values: &values[range.clone()],
                rates: &rates[range],
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_batch_with_everything_comes_back() {
        let batch = Values {
            time: 1,
            interval: 2,
            handles: &[10, 11, 12],
            offsets: Some(&[5, 6, 8, 9]),
            values: &[100, 101, 102, 103],
            times: Some(&[0, 7, 0]),
            intervals: Some(&[3, 0, 0]),
        };
        let (mut record, mut room) = (Vec::new(), Vec::new());
        put_values(&mut record, &batch);
        assert_eq!(Values::read(&record, &mut room), Ok(Values { offsets: Some(&[0, 1, 3, 4]), ..batch }));
    }

    #[test]
    fn a_plain_batch_comes_back() {
        let batch = Values { time: 9, handles: &[1, 2], values: &[3, 4], ..Values::default() };
        let (mut record, mut room) = (Vec::new(), Vec::new());
        put_values(&mut record, &batch);
        assert_eq!((record.len(), Values::read(&record, &mut room)), (8, Ok(batch)));
    }

    #[test]
    fn samples_for_a_writer_come_back() {
        let given = [([1, 2, 3], vec![4_u64], vec![5_u64]), ([6, 7, 8], vec![9, 10], vec![11, 12])];
        let (mut record, mut room) = (Vec::new(), Vec::new());
        put_writes(&mut record, given.iter().map(|(n, v, r)| (*n, v.iter().copied(), r.iter().copied())));
        let read: Vec<_> = Writes::read(&record, &mut room).unwrap().samples().collect();
        let sample = |at: usize| {
            let ([series, time, interval], values, rates) = &given[at];
            WrittenSample { series: *series, time: *time, interval: *interval, values, rates }
        };
        assert_eq!(read, [sample(0), sample(1)]);
    }

    #[test]
    fn each_way_to_be_wrong_is_told() {
        let read = |record: &[u64]| Values::read(record, &mut Vec::new()).map(|_| ()).unwrap_err();
        assert_eq!(read(&[]), RecordError::Kind(0));
        assert_eq!(read(&[VALUES | 8 << 32, 0, 0, 1]), RecordError::Kind(VALUES | 8 << 32));
        assert_eq!(read(&[VALUES, 0, 0, 0]), RecordError::Samples(0));
        assert_eq!(read(&[VALUES, 0, 0, 513]), RecordError::Samples(513));
        assert_eq!(read(&[VALUES, 0]), RecordError::Length { found: 2, expected: 3 });
        assert_eq!(read(&[VALUES, 0, 0, halves(1, 1), 5]), RecordError::Length { found: 5, expected: 6 });
        assert_eq!(
            read(&[VALUES, 0, 0, halves(1, 1), 5, 6, 7]),
            RecordError::Length { found: 7, expected: 6 }
        );
        assert_eq!(read(&[VALUES, 0, 0, halves(1, 2), 5, 6, 7]), RecordError::Offsets(0));
        let wide = [VALUES | OFFSETS, 0, 0, halves(1, 2), 5, halves(1, 3), 6, 7];
        assert_eq!(read(&wide), RecordError::Offsets(1));
        let falling = [VALUES | OFFSETS, 0, 0, halves(1, 1), 5, halves(1, 0), 6];
        assert_eq!(read(&falling), RecordError::Offsets(0));
        let huge = [VALUES, 0, 0, halves(1, HALF), 5];
        assert!(matches!(read(&huge), RecordError::Length { found: 5, .. }));
        assert!(Writes::read(&[VALUES], &mut Vec::new()).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_records_never_panic(
            head in prop_oneof![Just(VALUES), Just(WRITES), Just(VALUES | OFFSETS), any::<u64>()],
            words in prop::collection::vec(prop_oneof![0..4_u64, any::<u64>(), (0..4_u64, 0..8_u64).prop_map(|(a, b)| halves(a, b))], 0..40),
        ) {
            let record: Vec<u64> = std::iter::once(head).chain(words).collect();
            let mut room = Vec::new();
            if let Ok(values) = Values::read(&record, &mut room) {
                prop_assert!(values.handles.len() <= MAX_SAMPLES && values.values.len() <= record.len());
            }
            if let Ok(writes) = Writes::read(&record, &mut room) {
                prop_assert!(writes.samples().all(|sample| sample.values.len() == sample.rates.len()));
            }
        }
    }
}
