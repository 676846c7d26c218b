//! The series of one disk, and when each of them is reported.

use gatherd_sdk::text::instance_name;
use gatherd_sdk::{Batch, Host, Series, Value};

use crate::diskstats::{Disk, Queue};
use crate::history::History;

/// The series of one disk; those with two data sources are `read` and `write`.
#[derive(Debug)]
pub(crate) struct Row {
    octets: Series,
    operations: Series,
    time: Series,
    merged: Series,
    pending: Series,
    /// Data sources `io_time` and `weighted_io_time`.
    io_time: Series,
}

impl Row {
    /// The series of the disk that is to be called `name`.
    pub(crate) fn new(host: &Host, name: &[u8]) -> Self {
        let instance = instance_name(name);
        let series = |type_name| host.series("disk", &instance, type_name, "");
        Self {
            octets: series("disk_octets"),
            operations: series("disk_ops"),
            time: series("disk_time"),
            merged: series("disk_merged"),
            pending: series("pending_operations"),
            io_time: series("disk_io_time"),
        }
    }

    /// Reports what the disk has: nothing while it was never used, and no number that was always 0.
    pub(crate) fn report(&self, disk: &Disk<'_>, history: &History, out: &mut Batch) {
        let (read, write) = (&disk.read, &disk.write);
        if read.operations == 0 && write.operations == 0 {
            return;
        }
        let mut pair = |series, first: u64, second: u64| {
            out.values(series, &[first, second].map(|number| Value::Derive(number.cast_signed())));
        };
        if history.read.octets != 0 || history.write.octets != 0 {
            pair(&self.octets, history.read.octets, history.write.octets);
        }
        pair(&self.operations, read.operations, write.operations);
        if history.read.average_millis != 0 || history.write.average_millis != 0 {
            pair(&self.time, history.read.average_millis, history.write.average_millis);
        }
        let Some(Queue { pending, busy_millis, weighted_millis }) = disk.queue else {
            return;
        };
        if history.merges {
            pair(&self.merged, read.merged, write.merged);
        }
        if history.times {
            pair(&self.io_time, busy_millis, weighted_millis);
        }
        if history.queues {
            out.gauge(&self.pending, pending as f64);
        }
    }
}
