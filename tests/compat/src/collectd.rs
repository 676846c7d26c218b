//! The peer: Debian's collectd in a temporary directory, which writes raw values to csv files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use gatherd_model::{DataSourceKind, TypesDb};

use crate::child::{Running, guarded};
use crate::history::{History, Reading, Source};

/// Name of the host in both configurations.
pub(crate) const HOST: &str = "compat";

const PROGRAM: &str = "/usr/sbin/collectd";
const PLUGINS: &str = "/usr/lib/collectd";
const TYPES: &str = "/usr/share/collectd/types.db";

/// Letters of the date, with the `-` before it, at the end of every csv file's name: `-2026-01-31`.
const DATE: usize = 11;

/// Whether the peer is installed.
pub(crate) fn is_installed() -> bool {
    Path::new(PROGRAM).exists() && Path::new(TYPES).exists()
}

/// The plugins that the peer has.
///
/// # Errors
///
/// When their directory cannot be listed.
pub(crate) fn plugins() -> Result<BTreeSet<String>> {
    let names = names_in(Path::new(PLUGINS)).context("cannot list the plugins of collectd")?;
    Ok(names.iter().filter_map(|name| name.strip_suffix(".so")).map(str::to_owned).collect())
}

/// The version that it says of itself.
pub(crate) fn version() -> String {
    let output = Command::new(PROGRAM).arg("-h").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("collectd "));
    line.and_then(|line| line.split(',').next()).unwrap_or("collectd").to_owned()
}

/// Its data sets, by name.
///
/// # Errors
///
/// When the file cannot be read, or is not what it should be.
pub(crate) fn data_sets() -> Result<BTreeMap<String, Vec<Source>>> {
    let text = fs::read_to_string(TYPES).context("cannot read the data sets of collectd")?;
    let mut types = TypesDb::default();
    types.read(&text).context("cannot understand the data sets of collectd")?;
    let sources = |set: &gatherd_model::DataSet| set.sources.iter().map(source).collect();
    Ok(types.iter().map(|set| (set.name.to_string(), sources(set))).collect())
}

fn source(source: &gatherd_model::DataSource) -> Source {
    let kind = match source.kind {
        DataSourceKind::Gauge => "gauge",
        DataSourceKind::Derive => "derive",
        DataSourceKind::Counter => "counter",
        DataSourceKind::Absolute => "absolute",
    };
    let bound = |bound: f64| (!bound.is_nan()).then_some(bound);
    Source { name: source.name.to_string(), kind, min: bound(source.min), max: bound(source.max) }
}

/// A running collectd.
#[derive(Debug)]
pub(crate) struct Collectd {
    running: Running,
    values: PathBuf,
}

impl Collectd {
    /// Starts one below `place` with the part of its configuration that loads plugins.
    ///
    /// # Errors
    ///
    /// When it cannot be configured or started.
    pub(crate) fn start(place: &Path, plugins: &str) -> Result<Self> {
        let values = place.join("csv");
        fs::create_dir_all(&values).context("cannot make the directory of collectd")?;
        let (base, csv) = (place.display(), values.display());
        let text = format!(
            "Hostname \"{HOST}\"\nFQDNLookup false\nInterval 1\nBaseDir \"{base}\"\nPIDFile \"{base}/pid\"\n\
             PluginDir \"{PLUGINS}\"\nTypesDB \"{TYPES}\"\n\
             LoadPlugin csv\n<Plugin csv>\nDataDir \"{csv}\"\nStoreRates false\n</Plugin>\n{plugins}"
        );
        let file = place.join("collectd.conf");
        fs::write(&file, text).context("cannot write the configuration of collectd")?;
        let mut command = guarded(Path::new(PROGRAM));
        command.arg("-f").arg("-C").arg(&file).current_dir("/");
        let running = Running::start("collectd", command, &place.join("log"))?;
        Ok(Self { running, values })
    }

    /// Everything that it has told so far.
    ///
    /// # Errors
    ///
    /// When it ended, or its files cannot be read.
    pub(crate) fn history(&mut self) -> Result<History> {
        self.running.still_runs()?;
        read_values(&self.values.join(HOST)).context("cannot read the values of collectd")
    }

    /// The end of its log.
    pub(crate) fn said(&self) -> String {
        self.running.said()
    }
}

/// Reads `<plugin-instance>/<type-instance>-<date>` files; none yet is none.
fn read_values(host: &Path) -> Result<History> {
    let mut history = History::default();
    if !host.exists() {
        return Ok(history);
    }
    for plugin in names_in(host)? {
        for file in names_in(&host.join(&plugin))? {
            let Some(type_part) = file.len().checked_sub(DATE).and_then(|end| file.get(..end)) else {
                continue;
            };
            let text = fs::read_to_string(host.join(&plugin).join(&file))?;
            read_file(&mut history, &format!("{plugin}/{type_part}"), &text);
        }
    }
    Ok(history)
}

/// Reads the lines of one file: names first, then a time and a number for each. A line without its end is
/// being written.
fn read_file(history: &mut History, identifier: &str, text: &str) {
    let mut lines = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    let names: Vec<&str> = lines.next().unwrap_or_default().split(',').skip(1).collect();
    for line in lines {
        let mut numbers = line.split(',').map(str::parse::<f64>);
        let Some(Ok(time)) = numbers.next() else { continue };
        for (name, value) in names.iter().zip(numbers) {
            if let Ok(value) = value {
                history.add(identifier, name, Reading { time, value });
            }
        }
    }
}

/// Names of a directory's entries in order; those that are no text belong to nobody here.
pub(crate) fn names_in(directory: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        names.extend(entry?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_files_become_series() {
        let folder = tempfile::tempdir().unwrap();
        let plugin = folder.path().join("interface-lo");
        fs::create_dir(&plugin).unwrap();
        let text = "epoch,rx,tx\n10.250,7,8\n11.250,9,nan\n12.250,1";
        fs::write(plugin.join("if_octets-2026-01-31"), text).unwrap();
        fs::write(plugin.join("x"), text).unwrap();
        let history = read_values(folder.path()).unwrap();
        assert_eq!(history.identifiers("interface"), BTreeSet::from(["interface-lo/if_octets"]));
        let rx = [Reading { time: 10.25, value: 7.0 }, Reading { time: 11.25, value: 9.0 }];
        assert_eq!(history.readings("interface-lo/if_octets", "rx"), rx);
        let tx: Vec<bool> =
            history.readings("interface-lo/if_octets", "tx").iter().map(|tx| tx.value.is_nan()).collect();
        assert_eq!(tx, [false, true]);
    }

    #[test]
    fn before_the_first_value_there_is_no_directory() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_values(&folder.path().join("none")).unwrap().all_identifiers().next(), None);
    }
}
