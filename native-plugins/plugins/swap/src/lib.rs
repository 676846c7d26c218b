//! Plugin `swap`: how full the swap space is and what moves in and out, as collectd's plugin of that name
//! reports it.
//!
//! ```text
//!  /proc/meminfo ──meminfo──┬──► swap/swap-{used,free,cached}      (bytes)
//!                           └──► swap/percent-{used,free,cached}
//!  /proc/swaps ────swaps────┬──► swap-<device>/swap-{used,free}    (instead, with report_by_device)
//!                           └──► swap-<device>/percent-{used,free}
//!  /proc/vmstat ───vmstat──────► swap/swap_io-{in,out}             (pages or bytes)
//! ```

#![deny(unsafe_code)]

mod meminfo;
mod row;
mod swaps;
mod vmstat;

use std::path::Path;

use gatherd_sdk::{Batch, Collector, Failure, Host, Known, ProcFile, Series};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::row::Rows;

/// The most swap devices that are followed at once.
///
/// Source: Linux takes at most 32, `MAX_SWAPFILES` of its `swap.h`.
const MAX_DEVICES: usize = 64;

/// What the plugin reports.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own, as in collectd")]
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-gatherd-paths" = {"read": ["/proc"]}))]
pub struct Config {
    /// Report each swap device by itself instead of all together.
    pub report_by_device: bool,
    /// Report what moves in and out in bytes instead of pages.
    pub report_bytes: bool,
    /// Report the space in bytes.
    pub values_absolute: bool,
    /// Report the space in percent of all swap space, or of the device's.
    pub values_percentage: bool,
    /// Report what moves in and out.
    pub report_io: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            report_by_device: false,
            report_bytes: false,
            values_absolute: true,
            values_percentage: false,
            report_io: true,
        }
    }
}

/// The files that the plugin reads.
#[derive(Clone, Copy, Debug)]
struct Sources<'a> {
    meminfo: &'a Path,
    swaps: &'a Path,
    vmstat: &'a Path,
}

/// The plugin.
#[derive(Debug)]
pub struct Swap {
    space: Space,
    io: Option<Io>,
}

/// How the space is reported.
#[derive(Debug)]
enum Space {
    /// All devices together.
    Together { meminfo: ProcFile, rows: Rows },
    /// Each device by itself.
    ByDevice(Devices),
}

/// The devices, each with its series.
#[derive(Debug)]
struct Devices {
    config: Config,
    host: Host,
    swaps: ProcFile,
    known: Known<Rows>,
}

/// What moves in and out.
#[derive(Debug)]
struct Io {
    vmstat: ProcFile,
    /// What one page counts: 1, or its bytes.
    factor: u64,
    inward: Series,
    outward: Series,
}

impl Collector for Swap {
    const NAME: &'static str = "swap";
    const DESCRIPTION: &'static str = "Swap space and what moves in and out of it.";
    type Config = Config;

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        let sources = Sources {
            meminfo: Path::new("/proc/meminfo"),
            swaps: Path::new("/proc/swaps"),
            vmstat: Path::new("/proc/vmstat"),
        };
        Self::open(config, host, sources, rustix::param::page_size() as u64)
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let space = match &mut self.space {
            Space::Together { meminfo, rows } => report_together(meminfo, rows, out),
            Space::ByDevice(devices) => devices.report(out),
        };
        // What cannot be read of the one keeps nothing of the other back.
        let io = self.io.as_mut().map_or(Ok(()), |io| io.report(out));
        space.and(io)
    }
}

impl Swap {
    /// As [`Collector::init`], from any files; `page` is the size of a page in bytes.
    fn open(config: Config, host: &Host, sources: Sources<'_>, page: u64) -> Result<Self, Failure> {
        let space = if config.report_by_device {
            Space::ByDevice(Devices {
                config,
                host: host.clone(),
                swaps: ProcFile::open(sources.swaps)?,
                known: Known::new(MAX_DEVICES),
            })
        } else {
            Space::Together { meminfo: ProcFile::open(sources.meminfo)?, rows: Rows::new(config, host, "") }
        };
        let io = if config.report_io {
            Some(Io {
                vmstat: ProcFile::open(sources.vmstat)?,
                factor: if config.report_bytes { page } else { 1 },
                inward: host.series("swap", "", "swap_io", "in"),
                outward: host.series("swap", "", "swap_io", "out"),
            })
        } else {
            None
        };
        Ok(Self { space, io })
    }
}

fn report_together(meminfo: &mut ProcFile, rows: &Rows, out: &mut Batch) -> Result<(), Failure> {
    match meminfo::parse(meminfo.read()?).parts() {
        Ok(parts) => {
            rows.report(&parts, out);
            Ok(())
        }
        Err(reason) => Err(Failure::new(format!("{} {reason}", meminfo.path().display()))),
    }
}

impl Devices {
    fn report(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let text = self.swaps.read()?;
        self.known.start();
        for device in swaps::parse(text) {
            let make = || Rows::new(self.config, &self.host, &swaps::instance(device.path));
            if let Some(rows) = self.known.entry(device.path, make) {
                rows.report(&device.parts(), out);
            }
        }
        let refused = self.known.finish();
        if refused > 0 {
            return Err(Failure::new(format!(
                "{} lists {refused} swap devices more than the {MAX_DEVICES} that are reported",
                self.swaps.path().display()
            )));
        }
        Ok(())
    }
}

impl Io {
    fn report(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let Some(moved) = vmstat::parse(self.vmstat.read()?) else {
            return Err(Failure::new(format!(
                "{} has no readable pswpin and pswpout",
                self.vmstat.path().display()
            )));
        };
        // A sum beyond 64 bits wraps, as the kernel's own do.
        let count = |pages: u64| pages.wrapping_mul(self.factor).cast_signed();
        out.derive(&self.inward, count(moved.inward));
        out.derive(&self.outward, count(moved.outward));
        Ok(())
    }
}

gatherd_sdk::export_plugin!(Swap);

#[cfg(test)]
mod tests;
