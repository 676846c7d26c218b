//! Ranges of the section `plugins`.

use std::collections::BTreeMap;

use super::{Ranges, YEAR};
use crate::desired::document::PluginEntry;
use crate::desired::merge::escape;
use crate::port::{PluginId, PluginLimits};

/// How many plugins there may be.
const MOST: usize = 1024;

/// Bytes that a plugin's process may be given: what a process takes to run at all, to 1 TiB.
const MEMORY: (u64, u64) = (16 << 20, 1 << 40);

/// Descriptors that a plugin's process may be given: those of its host and some, to what kernels allow.
const DESCRIPTORS: (u64, u64) = (32, 1 << 20);

/// Processes that a plugin may be allowed to start.
const PROCESSES: (u64, u64) = (0, 65_536);

/// Shares of processor time: less would not let a process start in time, more processors there are not.
const CPU: (f64, f64) = (0.01, 1024.0);

/// Series of a plugin, and samples of it in a second.
const FLOW: u64 = 1_000_000_000;

impl Ranges<'_> {
    pub(super) fn plugins(&mut self, plugins: &BTreeMap<String, PluginEntry>) {
        self.say_if(plugins.len() > MOST, "/plugins", format_args!("at most {MOST} plugins are allowed"));
        for (id, entry) in plugins {
            self.plugin(id, entry);
        }
    }

    fn plugin(&mut self, id: &str, entry: &PluginEntry) {
        let pointer = format!("/plugins/{}", escape(id));
        match id.parse::<PluginId>() {
            Ok(id) => {
                let reserved = id.reserved();
                let detail = reserved.as_deref().unwrap_or_default();
                self.say_if(reserved.is_some(), &pointer, format_args!("{detail}"));
            }
            Err(error) => self.say_if(true, &pointer, format_args!("{error}")),
        }
        if let Some(interval) = entry.interval {
            self.seconds(&format!("{pointer}/interval"), interval, 0.001, YEAR);
        }
        self.plugin_limits(&pointer, &entry.limits);
        // A type's name obeys the same rule as an id, so that it can not leave the plugin directory.
        let name = entry.type_name.as_deref().unwrap_or("any");
        self.say_if(
            name.parse::<PluginId>().is_err(),
            &format!("{pointer}/type"),
            format_args!("{name:?} is no plugin type: the file name of a library without `.so` is wanted, of a-z, 0-9, _ and -"),
        );
    }

    fn plugin_limits(&mut self, plugin: &str, limits: &PluginLimits) {
        let PluginLimits { memory, descriptors, processes, cpu, read_deadline, series, values_per_second } =
            limits;
        for (key, number, (least, most)) in [
            ("memory", memory, MEMORY),
            ("descriptors", descriptors, DESCRIPTORS),
            ("processes", processes, PROCESSES),
            ("series", series, (1, FLOW)),
        ] {
            self.say_if(
                number.is_some_and(|number| !(least..=most).contains(&number)),
                &format!("{plugin}/limits/{key}"),
                format_args!("a whole number from {least} to {most} is wanted"),
            );
        }
        for (key, number, (least, most)) in
            [("cpu", cpu, CPU), ("values_per_second", values_per_second, (1.0, FLOW as f64))]
        {
            self.say_if(
                number.is_some_and(|number| !(least..=most).contains(&number)),
                &format!("{plugin}/limits/{key}"),
                format_args!("a number from {least} to {most} is wanted"),
            );
        }
        if let Some(seconds) = *read_deadline {
            self.seconds(&format!("{plugin}/limits/read_deadline"), seconds, 0.1, YEAR);
        }
    }
}
