//! Plugin `contextswitch`: how often a CPU went from one task to another, as collectd's plugin of that name
//! reports it.
//!
//! ```text
//!  /proc/stat ──stat──► contextswitch/contextswitch (switches of all CPUs)
//! ```

#![deny(unsafe_code)]

mod stat;

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
pub struct ContextSwitch {
    file: ProcFile,
    series: Series,
}

impl Collector for ContextSwitch {
    const NAME: &'static str = "contextswitch";
    const DESCRIPTION: &'static str = "How often a CPU went from one task to another.";
    type Config = Config;

    fn init(_config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(host, Path::new("/proc/stat"))
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let Some(switches) = stat::parse(self.file.read()?) else {
            let path = self.file.path().display();
            return Err(Failure::new(format!("{path} has no readable line ctxt")));
        };
        out.derive(&self.series, switches.cast_signed());
        Ok(())
    }
}

impl ContextSwitch {
    /// As [`Collector::init`], from any file.
    fn open(host: &Host, path: &Path) -> Result<Self, Failure> {
        let series = host.series("contextswitch", "", "contextswitch", "");
        Ok(Self { file: ProcFile::open(path)?, series })
    }
}

gatherd_sdk::export_plugin!(ContextSwitch);

#[cfg(test)]
mod tests;
