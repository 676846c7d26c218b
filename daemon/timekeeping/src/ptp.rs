//! PTP clocks of this machine. Source: `Documentation/driver-api/ptp.rst` of the kernel.

use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::path::Path;

use gatherd_engine::port::HardwareClock;
use rustix::time::{ClockId, DynamicClockId, Timespec, clock_gettime, clock_gettime_dynamic};

/// Most clocks that are told of.
const MOST: usize = 32;

/// All of them, by device.
pub(crate) fn clocks() -> Vec<HardwareClock> {
    clocks_of(Path::new("/sys/class/ptp"), Path::new("/dev"))
}

fn clocks_of(class: &Path, devices: &Path) -> Vec<HardwareClock> {
    let Ok(entries) = fs::read_dir(class) else { return Vec::new() };
    let mut clocks: Vec<HardwareClock> = entries
        .flatten()
        .filter_map(|entry| {
            let device = entry.file_name().into_string().ok()?;
            let name = fs::read_to_string(entry.path().join("clock_name")).unwrap_or_default();
            let ahead = ahead(&devices.join(&device));
            Some(HardwareClock { device, name: name.trim().to_owned(), ahead })
        })
        .collect();
    clocks.sort_by(|one, other| one.device.cmp(&other.device));
    clocks.truncate(MOST);
    clocks
}

/// How far the clock is ahead of the system's, in seconds; the system clock is read before and after it.
fn ahead(device: &Path) -> Option<f64> {
    let file = File::open(device).ok()?;
    let before = seconds(clock_gettime(ClockId::Realtime));
    let there = seconds(clock_gettime_dynamic(DynamicClockId::Dynamic(file.as_fd())).ok()?);
    let after = seconds(clock_gettime(ClockId::Realtime));
    Some(there.0 - before.0 + (there.1 - f64::midpoint(before.1, after.1 + after.0 - before.0)))
}

/// Whole seconds and their fraction apart, so that their differences are exact.
fn seconds(time: Timespec) -> (f64, f64) {
    (time.tv_sec as f64, time.tv_nsec as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_listed_by_device_and_one_that_may_not_be_read_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for (device, name) in [("ptp1", "second\n"), ("ptp0", "first\n")] {
            fs::create_dir_all(folder.path().join(device)).unwrap();
            fs::write(folder.path().join(device).join("clock_name"), name).unwrap();
        }
        let found = clocks_of(folder.path(), Path::new("/nonexistent"));
        let clock = |device: &str, name: &str| HardwareClock {
            device: device.into(),
            name: name.into(),
            ahead: None,
        };
        assert_eq!(found, [clock("ptp0", "first"), clock("ptp1", "second")]);
        assert_eq!(clocks_of(Path::new("/nonexistent"), Path::new("/dev")), []);
    }
}
