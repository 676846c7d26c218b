//! Which plugins run with which options, in both languages.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// One plugin's options, the same in both configurations. `{place}` stands for the directory of the run, which is
/// in the command lines of both daemons, and `{self}` for the name of the program that runs all this.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// The plugin.
    pub(crate) plugin: &'static str,
    /// Inside of its block in collectd's configuration.
    pub(crate) theirs: &'static str,
    /// Its `config` in ours, as TOML.
    pub(crate) ours: &'static str,
}

/// One round: daemons that run for a while with these options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrangement {
    /// For people: what is different from the other rounds.
    pub(crate) name: &'static str,
    /// Options; a plugin that is not named here runs only in the round of the defaults.
    pub(crate) options: &'static [Options],
}

/// The plugins that are compared where both daemons have them: those that read this machine and need no server.
pub(crate) const READERS: &[&str] = &[
    "cgroups",
    "conntrack",
    "contextswitch",
    "cpu",
    "df",
    "disk",
    "entropy",
    "ethstat",
    "hugepages",
    "interface",
    "irq",
    "load",
    "md",
    "memory",
    "nfs",
    "numa",
    "processes",
    "protocols",
    "sensors",
    "swap",
    "tcpconns",
    "thermal",
    "uptime",
    "users",
    "vmem",
    "wireless",
];

const fn options(plugin: &'static str, theirs: &'static str, ours: &'static str) -> Options {
    Options { plugin, theirs, ours }
}

/// All rounds. In the first every plugin that both have runs without any option.
pub(crate) const ARRANGEMENTS: &[Arrangement] = &[
    Arrangement { name: "defaults", options: &[] },
    Arrangement {
        name: "percentages, and what is left out by default",
        options: &[
            options("cpu", "ValuesPercentage true", "values_percentage = true"),
            options(
                "memory",
                "ValuesAbsolute false\nValuesPercentage true",
                "values_absolute = false\nvalues_percentage = true",
            ),
            options(
                "df",
                "ValuesAbsolute false\nValuesPercentage true\nReportInodes true",
                "values_absolute = false\nvalues_percentage = true\nreport_inodes = true",
            ),
            options(
                "swap",
                "ValuesAbsolute false\nValuesPercentage true\nReportIO false",
                "values_absolute = false\nvalues_percentage = true\nreport_io = false",
            ),
            options(
                "hugepages",
                "ValuesPages false\nValuesBytes true\nValuesPercentage true",
                "values_pages = false\nvalues_bytes = true\nvalues_percentage = true",
            ),
            options(
                "irq",
                "Irq \"/^[0-9]+$/\"\nIgnoreSelected true",
                "irq = [\"/^[0-9]+$/\"]\nignore_selected = true",
            ),
            options("vmem", "Verbose true", "verbose = true"),
            options("tcpconns", "AllPortsSummary true", "all_ports_summary = true"),
            options(
                "protocols",
                "Value \"/^Tcp:/\"\nValue \"Udp:InDatagrams\"",
                "value = [\"/^Tcp:/\", \"Udp:InDatagrams\"]",
            ),
        ],
    },
    Arrangement {
        name: "absolute and relative, all together, all states",
        options: &[
            options(
                "cpu",
                "ReportByCpu false\nReportNumCpu true\nReportGuestState true",
                "report_by_cpu = false\nreport_num_cpu = true\nreport_guest_state = true",
            ),
            options(
                "memory",
                "ValuesAbsolute true\nValuesPercentage true",
                "values_absolute = true\nvalues_percentage = true",
            ),
            options(
                "df",
                "ValuesPercentage true\nReportInodes true\nFSType \"proc\"\nFSType \"/^tmp/\"\nIgnoreSelected true",
                "values_percentage = true\nreport_inodes = true\nfs_type = [\"proc\", \"/^tmp/\"]\nignore_selected = true",
            ),
            options(
                "swap",
                "ValuesPercentage true\nReportBytes true",
                "values_percentage = true\nreport_bytes = true",
            ),
            options("load", "ReportRelative true", "report_relative = true"),
            options(
                "interface",
                "Interface \"/^l/\"\nIgnoreSelected false\nReportInactive false",
                "interface = [\"/^l/\"]\nignore_selected = false\nreport_inactive = false",
            ),
            options(
                "disk",
                "Disk \"/^loop/\"\nIgnoreSelected true",
                "disk = [\"/^loop/\"]\nignore_selected = true",
            ),
            options(
                "processes",
                "CollectContextSwitch true\nCollectFileDescriptor true\nCollectMemoryMaps true\n\
                 Process \"{self}\"\nProcessMatch \"theirs\" \"{place}/collectd\"\n\
                 ProcessMatch \"ours\" \"{place}/gatherd\"",
                "collect_context_switch = true\ncollect_file_descriptor = true\ncollect_memory_maps = true\n\
                 process = { \"{self}\" = {} }\n\
                 process_match = { theirs = { regex = \"{place}/collectd\" }, ours = { regex = \"{place}/gatherd\" } }",
            ),
        ],
    },
    Arrangement {
        name: "active CPU time, file systems by device",
        options: &[
            options("cpu", "ReportByState false", "report_by_state = false"),
            options("df", "ReportByDevice true", "report_by_device = true"),
            options("swap", "ReportByDevice true", "report_by_device = true"),
            options(
                "interface",
                "Interface \"lo\"\nIgnoreSelected true",
                "interface = [\"lo\"]\nignore_selected = true",
            ),
        ],
    },
];

/// What options may speak of that is different in each run.
#[derive(Clone, Debug)]
pub(crate) struct Here {
    /// Directory of the run.
    pub(crate) place: String,
    /// Name of our own program, as the kernel has it.
    pub(crate) program: String,
}

impl Here {
    fn fill_in(&self, options: &str) -> String {
        options.replace("{place}", &self.place).replace("{self}", &self.program)
    }
}

impl Arrangement {
    /// The plugins of this round, of those that both daemons have.
    pub(crate) fn plugins(&self, both: &BTreeSet<String>) -> BTreeSet<String> {
        let named: BTreeSet<&str> = self.options.iter().map(|options| options.plugin).collect();
        both.iter().filter(|plugin| named.is_empty() || named.contains(plugin.as_str())).cloned().collect()
    }

    fn of(&self, plugin: &str) -> Option<&Options> {
        self.options.iter().find(|options| options.plugin == plugin)
    }

    /// The part of collectd's configuration that loads and configures these plugins.
    pub(crate) fn theirs(&self, plugins: &BTreeSet<String>, here: &Here) -> String {
        plugins.iter().fold(String::new(), |mut text, plugin| {
            let _infallible = writeln!(text, "LoadPlugin {plugin}");
            if let Some(options) = self.of(plugin) {
                let _infallible =
                    writeln!(text, "<Plugin {plugin}>\n{}\n</Plugin>", here.fill_in(options.theirs));
            }
            text
        })
    }

    /// The part of our configuration that does the same.
    pub(crate) fn ours(&self, plugins: &BTreeSet<String>, here: &Here) -> String {
        plugins.iter().fold(String::new(), |mut text, plugin| {
            let _infallible = writeln!(text, "[plugins.{plugin}.config]");
            if let Some(options) = self.of(plugin) {
                let _infallible = writeln!(text, "{}", here.fill_in(options.ours));
            }
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_options_every_plugin_runs_and_with_options_only_those_named() {
        let both = BTreeSet::from(["memory", "uptime"].map(str::to_owned));
        let [defaults, percentages, ..] = ARRANGEMENTS else { panic!("there are more than two rounds") };
        assert_eq!(defaults.plugins(&both), both);
        assert_eq!(percentages.plugins(&both), BTreeSet::from(["memory".to_owned()]));
    }

    fn here() -> Here {
        Here { place: "/place".to_owned(), program: "program".to_owned() }
    }

    #[test]
    fn what_is_different_in_each_run_is_filled_in() {
        assert_eq!(here().fill_in("Process \"{self}\" in {place}/x"), "Process \"program\" in /place/x");
    }

    #[test]
    fn both_languages_say_the_same() {
        let plugins = BTreeSet::from(["cpu", "uptime"].map(str::to_owned));
        let [_defaults, percentages, ..] = ARRANGEMENTS else { panic!("there are more than two rounds") };
        assert_eq!(
            percentages.theirs(&plugins, &here()),
            "LoadPlugin cpu\n<Plugin cpu>\nValuesPercentage true\n</Plugin>\nLoadPlugin uptime\n"
        );
        assert_eq!(
            percentages.ours(&plugins, &here()),
            "[plugins.cpu.config]\nvalues_percentage = true\n[plugins.uptime.config]\n"
        );
    }
}
