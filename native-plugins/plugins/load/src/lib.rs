//! Plugin `load`: the load averages of the machine, as collectd's plugin of that name reports them.
//!
//! ```text
//!  /proc/loadavg ─────────────────────┬──► load/load
//!  /sys/devices/system/cpu/online ────┴──► load/load-relative
//! ```

#![deny(unsafe_code)]

mod loadavg;

use std::path::Path;

use gatherd_sdk::{Batch, Collector, Failure, Host, ProcFile, Series, Value};
use schemars::JsonSchema;
use serde::Deserialize;

/// What the plugin reports.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-gatherd-paths" = {"read": ["/proc"]}))]
pub struct Config {
    /// Report the load divided by the number of CPUs that are online, instead of the load itself.
    pub report_relative: bool,
}

/// The plugin.
#[derive(Debug)]
pub struct Load {
    averages: ProcFile,
    /// Where the CPUs are listed that the load is divided by.
    online: Option<ProcFile>,
    series: Series,
}

impl Collector for Load {
    const NAME: &'static str = "load";
    const DESCRIPTION: &'static str = "Load averages of the machine over 1, 5 and 15 minutes.";
    type Config = Config;

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(config, host, Path::new("/proc/loadavg"), Path::new("/sys/devices/system/cpu/online"))
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let Some(averages) = loadavg::parse(self.averages.read()?) else {
            return Err(nonsense(&self.averages, "does not begin with three load averages"));
        };
        let cpus = self.cpus()?;
        out.values(&self.series, &averages.map(|average| Value::Gauge(average / cpus)));
        Ok(())
    }
}

impl Load {
    /// As [`Collector::init`], from any files.
    fn open(config: Config, host: &Host, averages: &Path, online: &Path) -> Result<Self, Failure> {
        let type_instance = if config.report_relative { "relative" } else { "" };
        Ok(Self {
            averages: ProcFile::open(averages)?,
            online: if config.report_relative { Some(ProcFile::open(online)?) } else { None },
            series: host.series("load", "", "load", type_instance),
        })
    }

    /// What the averages are to be divided by.
    fn cpus(&mut self) -> Result<f64, Failure> {
        let Some(online) = &mut self.online else {
            return Ok(1.0);
        };
        match loadavg::count_cpus(online.read()?) {
            Some(count) => Ok(count as f64),
            None => Err(nonsense(online, "is no list of CPUs")),
        }
    }
}

fn nonsense(file: &ProcFile, what: &str) -> Failure {
    Failure::new(format!("{} {what}", file.path().display()))
}

gatherd_sdk::export_plugin!(Load);

#[cfg(test)]
mod tests;
