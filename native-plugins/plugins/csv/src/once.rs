//! Says once for each series that its values are left out, and counts them.

use std::collections::HashSet;

use gatherd_sdk::{Host, WriteSample};

use crate::files::WriteError;

/// Series that are named at the most; the others are only counted.
const MOST_NAMED: usize = 1000;

/// Which series were named, and how many values were left out since they were summed up last.
#[derive(Debug, Default)]
pub(crate) struct Once {
    named: HashSet<u64>,
    count: u64,
}

impl Once {
    /// Counts a value list that was left out, and logs the first one of its series.
    pub(crate) fn tell(&mut self, host: &Host, sample: &WriteSample<'_>, reason: &WriteError) {
        self.count += 1;
        if self.named.len() >= MOST_NAMED || !self.named.insert(sample.series()) {
            return;
        }
        host.warning(&format!("the values of {sample} are left out: {reason}"));
        if self.named.len() == MOST_NAMED {
            host.warning("further series that are left out are counted and not named");
        }
    }

    /// Logs how many were left out, where any were.
    pub(crate) fn sum_up(&mut self, host: &Host) {
        let count = std::mem::take(&mut self.count);
        if count > 0 {
            host.notice(&format!("{count} value lists were left out"));
        }
    }
}
