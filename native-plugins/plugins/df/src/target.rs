//! One mount that is asked in each reading, with its series.

use std::ffi::{CStr, CString};

use gatherd_sdk::text::instance_name;
use gatherd_sdk::{Batch, Host, Series};

use crate::Config;
use crate::mounts::Mount;
use crate::space::{Parts, Space};

/// One mount that is asked in each reading.
#[derive(Debug)]
pub(crate) struct Target {
    mount_point: CString,
    instance: String,
    /// The last reading failed.
    pub(crate) failing: bool,
    bytes: Option<Row>,
    bytes_percent: Option<Row>,
    inodes: Option<Row>,
    inodes_percent: Option<Row>,
}

/// Series of the three parts of one amount.
#[derive(Debug)]
struct Row([Series; 3]);

impl Target {
    /// A target for `mount`; `None` where it has no name, or a path that no call can take.
    pub(crate) fn new(host: &Host, config: &Config, mount: &Mount) -> Option<Self> {
        let instance = instance_name(&mount.instance(config.report_by_device)?);
        let row = |wanted: bool, type_name| wanted.then(|| Row::new(host, &instance, type_name));
        Some(Self {
            mount_point: CString::new(mount.point.as_slice()).ok()?,
            failing: false,
            bytes: row(config.values_absolute, "df_complex"),
            bytes_percent: row(config.values_percentage, "percent_bytes"),
            inodes: row(config.report_inodes && config.values_absolute, "df_inodes"),
            inodes_percent: row(config.report_inodes && config.values_percentage, "percent_inodes"),
            instance,
        })
    }

    /// Where it is mounted.
    pub(crate) fn mount_point(&self) -> &CStr {
        &self.mount_point
    }

    /// True where `other` has the same mount point and the same series.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.mount_point == other.mount_point && self.instance == other.instance
    }

    /// Reports what the file system said. One without blocks, such as `/proc`, is not reported at all, and one
    /// without inodes has none.
    pub(crate) fn report(&self, space: &Space, out: &mut Batch) {
        if space.blocks.total == 0 {
            return;
        }
        let blocks = space.blocks.parts();
        report(self.bytes.as_ref(), Some(blocks.times(space.block)), out);
        report(self.bytes_percent.as_ref(), blocks.percent(), out);
        let inodes = (space.inodes.total != 0).then(|| space.inodes.parts());
        report(self.inodes.as_ref(), inodes.map(|parts| parts.times(1)), out);
        report(self.inodes_percent.as_ref(), inodes.and_then(Parts::percent), out);
    }
}

impl Row {
    fn new(host: &Host, instance: &str, type_name: &str) -> Self {
        Self(["free", "reserved", "used"].map(|part| host.series("df", instance, type_name, part)))
    }
}

fn report(row: Option<&Row>, values: Option<[f64; 3]>, out: &mut Batch) {
    if let (Some(row), Some(values)) = (row, values) {
        for (series, value) in row.0.iter().zip(values) {
            out.gauge(series, value);
        }
    }
}
