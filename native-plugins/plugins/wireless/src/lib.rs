//! Plugin `wireless`: quality, power and noise of wireless links, as collectd's plugin of that name reports them.
//!
//! ```text
//!  /proc/net/wireless ──links──► each Link ──┬────────────► wireless-<name>/signal_{quality,power,noise}
//!                                            └──bitrate──► wireless-<name>/bitrate
//! ```

#![deny(unsafe_code)]

mod bitrate;
mod links;

use std::fmt;
use std::path::Path;

use gatherd_sdk::text::instance_name;
use gatherd_sdk::{Batch, Collector, Failure, Host, Known, ProcFile, Series};
use schemars::JsonSchema;
use serde::Deserialize;

/// The most links that are followed at once.
const MAX_LINKS: usize = 4096;

/// The plugin has no options.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

/// Answers the bit rate of an interface; `None` where its driver does not tell.
type RateSource = Box<dyn Fn(&[u8]) -> Option<f64> + Send>;

/// The plugin.
pub struct Wireless {
    host: Host,
    file: ProcFile,
    rate: RateSource,
    /// Series of each link by its name: quality, power, noise, bit rate.
    known: Known<[Series; 4]>,
}

impl Collector for Wireless {
    const NAME: &'static str = "wireless";
    const DESCRIPTION: &'static str = "Quality, power and noise of wireless links.";
    type Config = Config;

    fn init(_config: Config, host: &Host) -> Result<Self, Failure> {
        let asker = bitrate::Asker::new().map_err(|error| Failure::io("open a socket", error))?;
        Self::open(host, Path::new("/proc/net/wireless"), Box::new(move |name| asker.rate(name)))
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let text = self.file.read()?;
        self.known.start();
        for link in links::parse(text) {
            let make = || {
                let instance = instance_name(link.name);
                ["signal_quality", "signal_power", "signal_noise", "bitrate"]
                    .map(|type_name| self.host.series("wireless", &instance, type_name, ""))
            };
            let Some(row) = self.known.entry(link.name, make) else { continue };
            for (series, value) in
                row.iter().zip([link.quality, link.power, link.noise, (self.rate)(link.name)])
            {
                if let Some(value) = value {
                    out.gauge(series, value);
                }
            }
        }
        self.known.finish_or_warn(&self.host, "wireless links");
        Ok(())
    }
}

impl Wireless {
    /// As [`Collector::init`], from any file and any source of bit rates.
    fn open(host: &Host, path: &Path, rate: RateSource) -> Result<Self, Failure> {
        Ok(Self { host: host.clone(), file: ProcFile::open(path)?, rate, known: Known::new(MAX_LINKS) })
    }
}

impl fmt::Debug for Wireless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wireless").field("file", &self.file).finish_non_exhaustive()
    }
}

gatherd_sdk::export_plugin!(Wireless);

#[cfg(test)]
mod tests;
