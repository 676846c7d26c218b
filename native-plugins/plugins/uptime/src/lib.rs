//! Plugin `uptime`: how long the machine has been up, as collectd's plugin of that name reports it.
//!
//! ```text
//!  /proc/uptime ──uptime──► uptime/uptime (seconds)
//! ```

#![deny(unsafe_code)]

mod uptime;

use std::path::Path;

use gatherd_sdk::{Batch, Collector, Failure, Host, ProcFile, Series};
use schemars::JsonSchema;
use serde::Deserialize;

/// The plugin has no options.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-gatherd-paths" = {"read": ["/proc"]}))]
pub struct Config {}

/// The plugin.
#[derive(Debug)]
pub struct Uptime {
    file: ProcFile,
    series: Series,
}

impl Collector for Uptime {
    const NAME: &'static str = "uptime";
    const DESCRIPTION: &'static str = "How long the machine has been up.";
    type Config = Config;

    fn init(_config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(host, Path::new("/proc/uptime"))
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let Some(seconds) = uptime::parse(self.file.read()?) else {
            let path = self.file.path().display();
            return Err(Failure::new(format!("{path} does not begin with a number of seconds")));
        };
        out.gauge(&self.series, seconds as f64);
        Ok(())
    }
}

impl Uptime {
    /// As [`Collector::init`], from any file.
    fn open(host: &Host, path: &Path) -> Result<Self, Failure> {
        Ok(Self { file: ProcFile::open(path)?, series: host.series("uptime", "", "uptime", "") })
    }
}

gatherd_sdk::export_plugin!(Uptime);

#[cfg(test)]
mod tests;
