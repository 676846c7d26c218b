//! Plugin `entropy`: how much entropy the kernel has at hand, as collectd's plugin of that name reports it.
//!
//! ```text
//!  /proc/sys/kernel/random/entropy_avail ──► entropy/entropy (bits)
//! ```

#![deny(unsafe_code)]

use std::path::Path;

use gatherd_sdk::text::lone_unsigned;
use gatherd_sdk::{Batch, Collector, Failure, Host, ProcFile, Series};
use schemars::JsonSchema;
use serde::Deserialize;

/// The plugin has no options.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

/// The plugin.
#[derive(Debug)]
pub struct Entropy {
    file: ProcFile,
    series: Series,
}

impl Collector for Entropy {
    const NAME: &'static str = "entropy";
    const DESCRIPTION: &'static str = "Entropy that the kernel has at hand.";
    type Config = Config;

    fn init(_config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(host, Path::new("/proc/sys/kernel/random/entropy_avail"))
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let Some(bits) = lone_unsigned(self.file.read()?) else {
            return Err(Failure::new(format!("{} is no number", self.file.path().display())));
        };
        out.gauge(&self.series, bits as f64);
        Ok(())
    }
}

impl Entropy {
    /// As [`Collector::init`], from any file.
    fn open(host: &Host, path: &Path) -> Result<Self, Failure> {
        Ok(Self { file: ProcFile::open(path)?, series: host.series("entropy", "", "entropy", "") })
    }
}

gatherd_sdk::export_plugin!(Entropy);

#[cfg(test)]
mod tests;
