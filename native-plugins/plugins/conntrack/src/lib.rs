//! Plugin `conntrack`: how many connections the firewall tracks, as collectd's plugin of that name reports it.
//!
//! ```text
//!  …/nf_conntrack_count ──┬──► conntrack/conntrack
//!                         ├──► conntrack/percent-used
//!  …/nf_conntrack_max ────┴──► conntrack/conntrack-max
//! ```

#![deny(unsafe_code)]

use std::path::Path;

use gatherd_sdk::text::lone_unsigned;
use gatherd_sdk::{Batch, Collector, Failure, Host, ProcFile, Series};
use schemars::JsonSchema;
use serde::Deserialize;

/// What the plugin reports.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Read where kernels before 2.6.20 have the numbers: below `/proc/sys/net/ipv4/netfilter`.
    pub old_files: bool,
}

/// The plugin.
#[derive(Debug)]
pub struct Conntrack {
    count: ProcFile,
    most: ProcFile,
    count_series: Series,
    most_series: Series,
    used: Series,
}

impl Collector for Conntrack {
    const NAME: &'static str = "conntrack";
    const DESCRIPTION: &'static str = "Connections that the firewall tracks.";
    type Config = Config;

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        let (count, most) = files(config);
        Self::open(host, Path::new(count), Path::new(most))
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let count = number(&mut self.count)?;
        let most = number(&mut self.most)?;
        out.gauge(&self.count_series, count);
        out.gauge(&self.most_series, most);
        // Without a limit there is no share of it.
        let used = if most > 0.0 { count / most * 100.0 } else { f64::NAN };
        out.gauge(&self.used, used);
        Ok(())
    }
}

impl Conntrack {
    /// As [`Collector::init`], from any files.
    fn open(host: &Host, count: &Path, most: &Path) -> Result<Self, Failure> {
        let series = |type_name, type_instance| host.series("conntrack", "", type_name, type_instance);
        Ok(Self {
            count: ProcFile::open(count)?,
            most: ProcFile::open(most)?,
            count_series: series("conntrack", ""),
            most_series: series("conntrack", "max"),
            used: series("percent", "used"),
        })
    }
}

/// Where the number of connections stands, and the most of them.
fn files(config: Config) -> (&'static str, &'static str) {
    if config.old_files {
        ("/proc/sys/net/ipv4/netfilter/ip_conntrack_count", "/proc/sys/net/ipv4/netfilter/ip_conntrack_max")
    } else {
        ("/proc/sys/net/netfilter/nf_conntrack_count", "/proc/sys/net/netfilter/nf_conntrack_max")
    }
}

fn number(file: &mut ProcFile) -> Result<f64, Failure> {
    match lone_unsigned(file.read()?) {
        Some(number) => Ok(number as f64),
        None => Err(Failure::new(format!("{} is no number", file.path().display()))),
    }
}

gatherd_sdk::export_plugin!(Conntrack);

#[cfg(test)]
mod tests;
