//! One read: values of many series, by handle.
//!
//! Values are handed to the daemon in chunks of [`CHUNK`] samples, the rest when `read` returns. All buffers
//! are kept from read to read. Series without a handle are registered together, before their chunk is handed over. A
//! series that the daemon let expire is registered again and its values are dispatched once more; other answers are
//! logged, once in a row for each series.

use std::ptr;
use std::sync::Arc;

use gatherd_abi::{Handle, RawValue, Status, Text};
use gatherd_model::{CdTime, MAX_SOURCES, Value};

use crate::host::raw;
use crate::unnamed::Unnamed;
use crate::{Host, Refused, Series};

/// Most samples that are handed over at once.
pub(crate) const CHUNK: usize = 128;

/// Takes the values of one read. The kind of a value must be that of its data source in the data set.
#[derive(Debug)]
pub struct Batch {
    host: Host,
    time: CdTime,
    samples: Samples,
    /// Which of `samples` wait for a handle.
    unnamed: Unnamed,
    /// Samples that are dispatched for the second time; empty between dispatches.
    again: Samples,
}

impl Batch {
    pub(crate) fn new(host: Host) -> Self {
        Self {
            host,
            time: CdTime::ZERO,
            samples: Samples::default(),
            unnamed: Unnamed::default(),
            again: Samples::default(),
        }
    }

    /// One reading as it is; NaN means unknown.
    pub fn gauge(&mut self, series: &Series, value: f64) {
        self.push(series, &[RawValue { gauge: value }]);
    }

    /// A running sum that may fall.
    pub fn derive(&mut self, series: &Series, value: i64) {
        self.push(series, &[RawValue { derive: value }]);
    }

    /// A running sum that wraps.
    pub fn counter(&mut self, series: &Series, value: u64) {
        self.push(series, &[RawValue { counter: value }]);
    }

    /// A sum since the last reading.
    pub fn absolute(&mut self, series: &Series, value: u64) {
        self.push(series, &[RawValue { absolute: value }]);
    }

    /// Values of a data set with several data sources, in its order; at most [`MAX_SOURCES`].
    pub fn values(&mut self, series: &Series, values: &[Value]) {
        let mut row = [RawValue { counter: 0 }; MAX_SOURCES];
        if values.is_empty() || values.len() > MAX_SOURCES {
            return series.entry().tell(&self.host, Status::WRONG_COUNT);
        }
        for (place, value) in row.iter_mut().zip(values) {
            *place = raw(*value);
        }
        self.push(series, &row[..values.len()]);
    }

    /// When the values that follow were read; without it the daemon's time counts.
    pub fn set_time(&mut self, time: CdTime) {
        if time != self.time {
            self.dispatch();
            self.time = time;
        }
    }

    fn push(&mut self, series: &Series, values: &[RawValue]) {
        if !self.host.owns(series) {
            // Its handle means nothing, or another series, to this instance.
            return series.entry().tell(&self.host, Status::BAD_HANDLE);
        }
        if self.samples.handles.len() == CHUNK {
            self.dispatch();
        }
        let entry = series.entry();
        let handle = entry.handle();
        if handle == Handle::NONE {
            self.unnamed.add(self.samples.handles.len(), Arc::clone(entry));
        }
        self.samples.push(handle, entry.index(), values);
    }

    /// Begins a read: what an earlier one left behind is dropped.
    pub(crate) fn begin(&mut self) {
        self.samples.clear();
        self.unnamed.clear();
        self.again.clear();
        self.time = CdTime::ZERO;
    }

    /// Hands over what is there.
    pub(crate) fn dispatch(&mut self) {
        self.name();
        match self.samples.dispatch(&self.host, self.time) {
            // After the end nobody wants to hear of it.
            Status::OK | Status::CLOSED => {}
            status if self.samples.results.iter().all(|result| *result == Status::OK) => {
                self.host.error(&format!("a batch was not taken: {}", Refused(status)));
            }
            _ => self.settle(),
        }
        self.samples.clear();
    }

    /// Gives a handle to each sample that waits for one; those of refused series are left out.
    fn name(&mut self) {
        if self.unnamed.is_empty() {
            return;
        }
        self.unnamed.register(&self.host);
        for (at, entry) in self.unnamed.samples() {
            self.samples.handles[at] = entry.handle();
        }
        self.unnamed.clear();
        if self.samples.handles.contains(&Handle::NONE) {
            self.samples.keep_named(&mut self.again);
        }
    }

    /// Looks at the answers of a batch that was not taken whole.
    fn settle(&mut self) {
        for at in 0..self.samples.handles.len() {
            let status = self.samples.results[at];
            if status == Status::OK {
                continue;
            }
            let (handle, index) = (self.samples.handles[at], self.samples.indices[at]);
            let Some(entry) = self.host.connection().register.find(index, handle) else {
                continue;
            };
            if status != Status::STALE && status != Status::BAD_HANDLE {
                entry.tell(&self.host, status);
                continue;
            }
            self.unnamed.add(at, entry);
        }
        if self.unnamed.is_empty() {
            return;
        }
        self.unnamed.register(&self.host);
        for (at, entry) in self.unnamed.samples().filter(|(_, entry)| entry.handle() != Handle::NONE) {
            self.again.push(entry.handle(), entry.index(), self.samples.values_of(at));
        }
        self.unnamed.clear();
        self.retry();
    }

    fn retry(&mut self) {
        if self.again.dispatch(&self.host, self.time) != Status::OK {
            for at in 0..self.again.handles.len() {
                let (handle, index, status) =
                    (self.again.handles[at], self.again.indices[at], self.again.results[at]);
                if status != Status::OK
                    && let Some(entry) = self.host.connection().register.find(index, handle)
                {
                    entry.tell(&self.host, status);
                }
            }
        }
        self.again.clear();
    }
}

/// Up to [`CHUNK`] samples as the daemon takes them.
#[derive(Default)]
struct Samples {
    handles: Vec<Handle>,
    /// Place of each series in the register, parallel to `handles`.
    indices: Vec<u32>,
    /// One more than `handles`, once there is any; begins with 0.
    offsets: Vec<u32>,
    values: Vec<RawValue>,
    /// The daemon's answers, parallel to `handles`.
    results: Vec<Status>,
}

impl std::fmt::Debug for Samples {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Samples").field("handles", &self.handles).finish_non_exhaustive()
    }
}

impl Samples {
    fn push(&mut self, handle: Handle, index: u32, values: &[RawValue]) {
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        self.handles.push(handle);
        self.indices.push(index);
        self.values.extend_from_slice(values);
        let end = u32::try_from(self.values.len()).expect("CHUNK samples of MAX_SOURCES values");
        self.offsets.push(end);
        self.results.push(Status::OK);
    }

    /// Leaves out the samples without a handle, by way of `room`, which is empty before and afterwards.
    fn keep_named(&mut self, room: &mut Self) {
        for at in 0..self.handles.len() {
            if self.handles[at] != Handle::NONE {
                room.push(self.handles[at], self.indices[at], self.values_of(at));
            }
        }
        std::mem::swap(self, room);
        room.clear();
    }

    fn values_of(&self, at: usize) -> &[RawValue] {
        &self.values[self.offsets[at] as usize..self.offsets[at + 1] as usize]
    }

    fn clear(&mut self) {
        self.handles.clear();
        self.indices.clear();
        self.offsets.clear();
        self.values.clear();
        self.results.clear();
    }

    /// Hands the samples over; the answers are then in `results`.
    fn dispatch(&mut self, host: &Host, time: CdTime) -> Status {
        let count = self.handles.len();
        if count == 0 {
            return Status::OK;
        }
        // No sample is without a value, so equal numbers mean one each.
        let single = self.values.len() == count;
        let batch = gatherd_abi::Batch {
            size: size_of::<gatherd_abi::Batch>(),
            time: time.0,
            interval: 0,
            count,
            handles: self.handles.as_ptr(),
            offsets: if single { ptr::null() } else { self.offsets.as_ptr() },
            values: self.values.as_ptr(),
            times: ptr::null(),
            intervals: ptr::null(),
            results: self.results.as_mut_ptr(),
            meta: Text::EMPTY,
        };
        // SAFETY: `push` keeps all vectors as long as the fields say, and none changes during the call.
        unsafe { host.dispatch(&batch) }
    }
}
