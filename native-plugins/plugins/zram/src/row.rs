//! The series of one device.

use gatherd_sdk::text::instance_name;
use gatherd_sdk::{Batch, Host, Series};

use crate::stat::Memory;

/// The series of one device.
#[derive(Debug)]
pub(crate) struct Row {
    /// Bytes: of the device, original, compressed, used, limit, most.
    bytes: [Series; 6],
    ratio: Series,
    same: Series,
    huge: Series,
    compacted: Series,
    /// Failed reads, failed writes, requests that did not fit, pages that were given up.
    troubles: [Series; 4],
}

impl Row {
    /// The series of the device `name`.
    pub(crate) fn new(host: &Host, name: &[u8]) -> Self {
        let instance = instance_name(name);
        let of = |type_name: &str, kind: &str| host.series("zram", &instance, type_name, kind);
        Self {
            bytes: ["disksize", "orig_data", "compr_data", "mem_used", "mem_limit", "mem_used_max"]
                .map(|kind| of("bytes", kind)),
            ratio: of("compression_ratio", ""),
            same: of("vmpage_number", "same"),
            huge: of("vmpage_number", "huge"),
            compacted: of("vmpage_action", "compacted"),
            troubles: ["failed_reads", "failed_writes", "invalid_io", "notify_free"]
                .map(|kind| of("total_operations", kind)),
        }
    }

    /// Reports a device of `size` bytes.
    pub(crate) fn report(&self, size: u64, memory: &Memory, out: &mut Batch) {
        let bytes = [size, memory.original, memory.compressed, memory.used, memory.limit, memory.most];
        for (series, bytes) in self.bytes.iter().zip(bytes) {
            out.gauge(series, bytes as f64);
        }
        if memory.original > 0 {
            out.gauge(&self.ratio, memory.compressed as f64 / memory.original as f64);
        }
        out.gauge(&self.same, memory.same as f64);
        if let Some(huge) = memory.huge {
            out.gauge(&self.huge, huge as f64);
        }
        out.derive(&self.compacted, memory.compacted.cast_signed());
    }

    /// Reports what went wrong, and pages that were given up.
    pub(crate) fn report_troubles(&self, troubles: [u64; 4], out: &mut Batch) {
        for (series, number) in self.troubles.iter().zip(troubles) {
            out.derive(series, number.cast_signed());
        }
    }
}
