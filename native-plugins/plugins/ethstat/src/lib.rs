//! Plugin `ethstat`: statistics of network cards as their drivers tell them, as collectd's plugin of that name reports
//! them.
//!
//! ```text
//!  ioctl SIOCETHTOOL ──driver──► names and numbers ──map──► ethstat-<interface>/<type>-<name>
//! ```

#![deny(unsafe_code)]

mod config;
mod driver;

use std::collections::HashSet;
use std::{fmt, io};

use gatherd_sdk::text::instance_name;
use gatherd_sdk::{Batch, Collector, ConfigError, Failure, Host, Series};

pub use crate::config::{Config, Mapping};

use crate::driver::Driver;

/// Puts names, each ended by a zero byte, and numbers of an interface's statistics into the two buffers.
type Source = Box<dyn FnMut(&[u8], &mut Vec<u8>, &mut Vec<u64>) -> io::Result<()> + Send>;

/// The plugin.
pub struct EthStat {
    host: Host,
    config: Config,
    source: Source,
    cards: Vec<Card>,
    names: Vec<u8>,
    numbers: Vec<u64>,
}

/// One interface.
#[derive(Debug, Default)]
struct Card {
    interface: String,
    /// Names of the statistics that the series were made for.
    names: Vec<u8>,
    /// Parallel to the statistics; `None` for those that are not reported.
    series: Vec<Option<Series>>,
    /// Its last reading failed, and that was logged.
    failing: bool,
}

impl Collector for EthStat {
    const NAME: &'static str = "ethstat";
    const DESCRIPTION: &'static str = "Statistics of network cards, as their drivers tell them.";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<ConfigError>> {
        let wrong = config.faults();
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        let mut driver = Driver::new().map_err(|error| Failure::io("open a socket", error))?;
        let mut ethstat = Self::open(
            config,
            host,
            Box::new(move |interface, names, numbers| driver.read(interface, names, numbers)),
        )?;
        ethstat.ask_any()?;
        Ok(ethstat)
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        for card in &mut self.cards {
            match (self.source)(card.interface.as_bytes(), &mut self.names, &mut self.numbers) {
                Ok(()) => {
                    card.failing = false;
                    if card.names != self.names {
                        card.meet(&self.names, &self.config, &self.host);
                    }
                    card.report(&self.numbers, out);
                }
                // A driver changes its statistics at this moment: the next reading sees them.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => card.complain(&error, &self.host),
            }
        }
        Ok(())
    }
}

impl EthStat {
    /// As [`Collector::init`], from any source.
    fn open(config: Config, host: &Host, source: Source) -> Result<Self, Failure> {
        if config.interface.is_empty() {
            return Err(Failure::new("no interface is chosen: name one at least in the option `interface`"));
        }
        let mut known = HashSet::new();
        let once = |interface: &&String| known.insert((*interface).clone());
        let card = |interface: &String| Card { interface: interface.clone(), ..Card::default() };
        let cards = config.interface.iter().filter(once).map(card).collect();
        Ok(Self { host: host.clone(), source, cards, config, names: Vec::new(), numbers: Vec::new() })
    }

    /// Asks one interface after the other, until one tells something.
    ///
    /// # Errors
    ///
    /// Why the first does not, where none does.
    fn ask_any(&mut self) -> Result<(), Failure> {
        let Self { source, cards, names, numbers, .. } = self;
        let mut reason = None;
        for card in cards {
            match source(card.interface.as_bytes(), names, numbers) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
                Err(error) => reason = reason.or_else(|| Some(card.reason(&error))),
            }
        }
        reason.map_or(Ok(()), |reason| Err(Failure::new(reason)))
    }
}

impl Card {
    /// Makes the series of statistics that were not seen before.
    fn meet(&mut self, names: &[u8], config: &Config, host: &Host) {
        let mut taken = HashSet::new();
        let instance = instance_name(self.interface.as_bytes());
        let each = names.split_inclusive(|&byte| byte == 0).map(|name| &name[..name.len() - 1]);
        self.series = each
            .map(|name| {
                let name = instance_name(name.trim_ascii_start());
                let (type_name, type_instance) = match config.map.get(&name) {
                    Some(mapping) => (&*mapping.type_name, &*mapping.type_instance),
                    None if config.mapped_only || name.is_empty() => return None,
                    None => ("derive", &*name),
                };
                // Drivers may use one name twice, and two names may be mapped to one: the first has it.
                taken
                    .insert((type_name.to_owned(), type_instance.to_owned()))
                    .then(|| host.series("ethstat", &instance, type_name, type_instance))
            })
            .collect();
        self.names.clear();
        self.names.extend_from_slice(names);
    }

    fn report(&self, numbers: &[u64], out: &mut Batch) {
        for (series, number) in self.series.iter().zip(numbers) {
            if let Some(series) = series {
                out.derive(series, number.cast_signed());
            }
        }
    }

    /// Logs once that the card cannot be read.
    fn complain(&mut self, error: &io::Error, host: &Host) {
        if !std::mem::replace(&mut self.failing, true) {
            host.error(&self.reason(error));
        }
    }

    /// Why the card cannot be read, in words for the operator.
    fn reason(&self, error: &io::Error) -> String {
        let interface = &self.interface;
        match error.kind() {
            io::ErrorKind::NotFound => format!("the driver of {interface} has no statistics"),
            io::ErrorKind::FileTooLarge => {
                format!("the driver of {interface} has more than {} statistics", driver::MAX_STATS)
            }
            _ => format!("cannot ask the driver of {interface} for statistics: {error}"),
        }
    }
}

impl fmt::Debug for EthStat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EthStat").field("cards", &self.cards).finish_non_exhaustive()
    }
}

gatherd_sdk::export_plugin!(EthStat);

#[cfg(test)]
mod tests;
