//! What the plugin reports, and of which processes.

use std::collections::BTreeMap;

use gatherd_sdk::{ConfigError, Failure};
use regex_lite::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::Deserialize;

/// The most groups of processes.
const MAX_GROUPS: usize = 256;

/// The most bytes that one compiled expression may take.
const MAX_COMPILED: usize = 256 << 10;

/// The most bytes of a program's name that the kernel keeps.
const MAX_NAME: usize = 15;

/// What the plugin reports.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own, as in collectd")]
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Report how often chosen processes gave a CPU up or lost it; an entry below may say otherwise for itself.
    pub collect_context_switch: bool,
    /// Report how long chosen processes waited for a CPU, for storage, and for memory; needs the right
    /// `CAP_NET_ADMIN`. An entry below may say otherwise for itself.
    pub collect_delay_accounting: bool,
    /// Report how many files chosen processes have open; an entry below may say otherwise for itself.
    pub collect_file_descriptor: bool,
    /// Report how many pieces of memory chosen processes have mapped; an entry below may say otherwise for itself.
    pub collect_memory_maps: bool,
    /// Processes that are chosen by the name of their program, at most 15 bytes; the key is that name.
    pub process: BTreeMap<String, Process>,
    /// Processes that are chosen by their command line; the key is the name under which they are reported.
    pub process_match: BTreeMap<String, ProcessMatch>,
}

/// What is reported of processes that are chosen by name.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Process {
    /// As the option of that name above, for these processes.
    pub collect_context_switch: Option<bool>,
    /// As the option of that name above, for these processes.
    pub collect_delay_accounting: Option<bool>,
    /// As the option of that name above, for these processes.
    pub collect_file_descriptor: Option<bool>,
    /// As the option of that name above, for these processes.
    pub collect_memory_maps: Option<bool>,
}

/// What is reported of processes that are chosen by their command line.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ProcessMatch {
    /// A regular expression that matches anywhere in the command line.
    pub regex: String,
    /// As the option of that name above, for these processes.
    #[serde(default)]
    pub collect_context_switch: Option<bool>,
    /// As the option of that name above, for these processes.
    #[serde(default)]
    pub collect_delay_accounting: Option<bool>,
    /// As the option of that name above, for these processes.
    #[serde(default)]
    pub collect_file_descriptor: Option<bool>,
    /// As the option of that name above, for these processes.
    #[serde(default)]
    pub collect_memory_maps: Option<bool>,
}

/// Which processes a group holds.
#[derive(Debug)]
pub(crate) enum Choice {
    /// Those whose program has this name.
    Name(Box<[u8]>),
    /// Those whose command line matches.
    Command(Regex),
}

/// What costs more than the rest and is read only where it is asked for.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) switches: bool,
    pub(crate) delays: bool,
    pub(crate) descriptors: bool,
    pub(crate) maps: bool,
}

impl Wanted {
    /// What either of the two asks for.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            switches: self.switches || other.switches,
            delays: self.delays || other.delays,
            descriptors: self.descriptors || other.descriptors,
            maps: self.maps || other.maps,
        }
    }
}

/// One group of processes that are reported together.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) name: String,
    pub(crate) choice: Choice,
    pub(crate) wanted: Wanted,
}

impl Config {
    /// The groups, those by name first; or all that is wrong.
    pub(crate) fn groups(&self) -> Result<Vec<Chosen>, Vec<ConfigError>> {
        let mut wrong = Vec::new();
        let count = self.process.len() + self.process_match.len();
        if count > MAX_GROUPS {
            let detail = format!("there are {count} groups of processes, at most {MAX_GROUPS} are allowed");
            return Err(vec![ConfigError::new("", detail)]);
        }
        let mut groups = Vec::new();
        for (name, options) in &self.process {
            let pointer = pointer("process", name);
            complain_of(name, false, &pointer, &mut wrong);
            if name.len() > MAX_NAME {
                let detail = format!(
                    "the kernel keeps {MAX_NAME} bytes of a program's name: shorten it to them, or use process_match"
                );
                wrong.push(ConfigError::new(&*pointer, detail));
            }
            let choice = Choice::Name(name.as_bytes().into());
            groups.push(Chosen { name: name.clone(), choice, wanted: self.wanted(options) });
        }
        for (name, options) in &self.process_match {
            let pointer = pointer("process_match", name);
            complain_of(name, true, &pointer, &mut wrong);
            if self.process.contains_key(name) {
                wrong.push(ConfigError::new(&*pointer, "there is an entry of `process` with the same name"));
            }
            match RegexBuilder::new(&options.regex).size_limit(MAX_COMPILED).build() {
                Ok(regex) => {
                    let wanted = self.wanted(&options.options());
                    groups.push(Chosen { name: name.clone(), choice: Choice::Command(regex), wanted });
                }
                Err(error) => wrong.push(ConfigError::new(format!("{pointer}/regex"), error.to_string())),
            }
        }
        if wrong.is_empty() { Ok(groups) } else { Err(wrong) }
    }

    /// As [`Config::groups`], for a configuration that was judged before.
    pub(crate) fn checked_groups(&self) -> Result<Vec<Chosen>, Failure> {
        self.groups().map_err(|wrong| {
            let wrong: Vec<String> =
                wrong.into_iter().map(|error| format!("{}: {}", error.pointer, error.detail)).collect();
            Failure::new(wrong.join("; "))
        })
    }

    fn wanted(&self, options: &Process) -> Wanted {
        Wanted {
            switches: options.collect_context_switch.unwrap_or(self.collect_context_switch),
            delays: options.collect_delay_accounting.unwrap_or(self.collect_delay_accounting),
            descriptors: options.collect_file_descriptor.unwrap_or(self.collect_file_descriptor),
            maps: options.collect_memory_maps.unwrap_or(self.collect_memory_maps),
        }
    }
}

impl ProcessMatch {
    fn options(&self) -> Process {
        Process {
            collect_context_switch: self.collect_context_switch,
            collect_delay_accounting: self.collect_delay_accounting,
            collect_file_descriptor: self.collect_file_descriptor,
            collect_memory_maps: self.collect_memory_maps,
        }
    }
}

/// JSON pointer to an entry.
fn pointer(field: &str, name: &str) -> String {
    format!("/{field}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Complains of a name that no group can have; `free` for one that is made up, not that of a program.
fn complain_of(name: &str, free: bool, pointer: &str, wrong: &mut Vec<ConfigError>) {
    if name.is_empty() || name.contains(char::is_control) || (free && name.contains('/')) {
        // The name of a program is what it is; a name that is made up has no slashes, as in collectd.
        let detail = "a group of processes has a name without control characters, and without slashes where it is made up";
        wrong.push(ConfigError::new(pointer, detail));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(config: &Config) -> Vec<String> {
        config.groups().unwrap_err().into_iter().map(|error| error.pointer).collect()
    }

    fn matching(regex: &str) -> ProcessMatch {
        ProcessMatch {
            regex: regex.to_owned(),
            collect_context_switch: None,
            collect_delay_accounting: None,
            collect_file_descriptor: Some(false),
            collect_memory_maps: None,
        }
    }

    #[test]
    fn an_entry_takes_what_it_does_not_say_from_above() {
        let own = Process { collect_memory_maps: Some(true), ..Process::default() };
        let config = Config {
            collect_file_descriptor: true,
            process: [("a".to_owned(), Process::default()), ("b".to_owned(), own)].into(),
            process_match: [("c".to_owned(), matching("x"))].into(),
            ..Config::default()
        };
        let wanted: Vec<Wanted> = config.groups().unwrap().iter().map(|group| group.wanted).collect();
        let descriptors = Wanted { descriptors: true, ..Wanted::default() };
        assert_eq!(wanted, [descriptors, Wanted { maps: true, ..descriptors }, Wanted::default()]);
    }

    #[test]
    fn each_fault_is_named_by_its_place() {
        let config = Config {
            process: [
                ("a".to_owned(), Process::default()),
                ("sixteen-letters-".to_owned(), Process::default()),
            ]
            .into(),
            process_match: [
                ("a".to_owned(), matching("x")),
                ("b/c".to_owned(), matching("x")),
                ("d".to_owned(), matching("(")),
            ]
            .into(),
            ..Config::default()
        };
        let expected = [
            "/process/sixteen-letters-",
            "/process_match/a",
            "/process_match/b~1c",
            "/process_match/d/regex",
        ];
        assert_eq!(pointers(&config), expected);
    }

    #[test]
    fn groups_and_expressions_have_bounds() {
        let many = (0..=MAX_GROUPS).map(|number| (number.to_string(), Process::default())).collect();
        assert_eq!(pointers(&Config { process: many, ..Config::default() }), [""]);
        let large = [("l".to_owned(), matching("(.{1000}){1000}"))].into();
        assert_eq!(
            pointers(&Config { process_match: large, ..Config::default() }),
            ["/process_match/l/regex"]
        );
    }
}
