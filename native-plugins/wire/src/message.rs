//! The messages. Numbers of calls and questions are chosen by who asks, and come back with the answer.

use gatherd_model::{DataSet, DataSource, DataSourceKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Note, Protocol};

/// What the daemon tells a host. Calls are served one after the other, each answered with [`ToDaemon::Done`].
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToHost {
    /// The first message. With it come the descriptors of the library (where there is one), the values ring and its
    /// event, the writes ring and its event, in this order.
    Hello(Hello),
    /// Judge a configuration, without effect.
    Configure {
        /// Comes back.
        call: u64,
        /// The plugin's own configuration, an object.
        config: Value,
    },
    /// Bring an instance up.
    Init {
        /// Comes back.
        call: u64,
        /// Time between two reads, in units of 2⁻³⁰ s.
        interval: u64,
        /// As it was judged.
        config: Value,
    },
    /// Read once: all values are in the ring before the answer.
    Read {
        /// Comes back.
        call: u64,
    },
    /// Carry away what the next records of the writes ring hold.
    Write {
        /// Comes back.
        call: u64,
        /// How many records.
        records: u32,
    },
    /// Empty the plugin's buffers.
    Flush {
        /// Comes back.
        call: u64,
        /// Only of what is older, in units of 2⁻³⁰ s.
        older_than: Option<u64>,
        /// Only of this series.
        identifier: Option<String>,
    },
    /// Hear of a notification.
    Notification {
        /// Comes back.
        call: u64,
        /// The notification.
        notification: Note,
    },
    /// End the instance, answer, and end the process.
    Shutdown {
        /// Comes back.
        call: u64,
    },
    /// The answer to a question.
    Answer(Answer),
    /// What became of samples of the values ring that were not taken, by handle; the status is one of the contract.
    /// A handle that is stale (-3) is to be registered again.
    Settled {
        /// Handle and status.
        refused: Vec<(u64, i32)>,
    },
    /// A message of a newer daemon; passed over.
    #[serde(other)]
    Unknown,
}

/// How the daemon begins.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Hello {
    /// What the daemon speaks.
    pub protocol: Protocol,
    /// The instance's name in the daemon.
    pub plugin: String,
    /// The library's file name; empty where none comes along.
    #[serde(default)]
    pub library: String,
    /// SHA-256 of the library, in hexadecimal.
    #[serde(default)]
    pub digest: String,
    /// The daemon's process; a host whose parent is another one ends.
    pub daemon: u32,
    /// What the host shall not exceed, as far as it can see to it by itself.
    #[serde(default)]
    pub limits: Limits,
    /// Directories that are the daemon's alone.
    #[serde(default)]
    pub private: Vec<std::path::PathBuf>,
}

/// What a host process may use. What is not said is not limited.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Limits {
    /// Bytes of private memory.
    pub memory: Option<u64>,
    /// Open descriptors.
    pub descriptors: Option<u64>,
    /// Processes that it may have beside itself.
    pub processes: Option<u64>,
}

/// What a host tells the daemon.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToDaemon {
    /// The answer to the daemon's hello.
    Hello(Welcome),
    /// What the plugin says of itself, or why there is none. Follows the hello.
    Loaded(Loaded),
    /// A call is over.
    Done {
        /// Of which call.
        call: u64,
        /// What came of it.
        outcome: Outcome,
        /// Of a write: how many records were carried away.
        #[serde(default)]
        records: u32,
    },
    /// Make a series known; answered.
    Register {
        /// Comes back.
        question: u64,
        /// Who it is.
        identity: Identity,
        /// What its values mean; empty for the data set of its type.
        #[serde(default)]
        data_set: String,
    },
    /// Make many series known; answered with a handle or status for each. Since minor version 1.
    RegisterMany {
        /// Comes back.
        question: u64,
        /// At most [`MAX_REGISTRATIONS`].
        series: Vec<Registration>,
    },
    /// Publish a notification; answered.
    Notify {
        /// Comes back.
        question: u64,
        /// The notification; time 0 for now, host empty for the daemon's own.
        notification: Note,
    },
    /// Who is the series of a written sample? Answered.
    Describe {
        /// Comes back.
        question: u64,
        /// As it stands in the sample.
        series: u64,
    },
    /// A line for the daemon's log.
    Log {
        /// As syslog numbers them: 3 error to 7 debug.
        level: i32,
        /// The line.
        message: String,
    },
    /// The plugin broke the contract with its host.
    Breach {
        /// What it was answered.
        status: i32,
        /// How.
        what: String,
    },
    /// A message of a newer host; passed over.
    #[serde(other)]
    Unknown,
}

/// How a host begins.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Welcome {
    /// What the host speaks.
    pub protocol: Protocol,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What came of loading.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Loaded {
    /// The plugin speaks for itself.
    Ok {
        /// Name of its type.
        name: String,
        /// Its version.
        version: String,
        /// One sentence about it.
        description: String,
        /// JSON Schema of its configuration.
        config_schema: Value,
        /// `read`, `write`, `flush`, `notification`.
        capabilities: Vec<String>,
        /// Version of the contract that it was built against.
        abi: (u32, u32),
        /// What does not hold this process on this machine, in sentences.
        #[serde(default)]
        lacking: Vec<String>,
    },
    /// It can not be used.
    Failed {
        /// Short stable word.
        code: String,
        /// What, where, what to do.
        detail: String,
    },
}

/// What came of a call.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Outcome {
    /// It worked.
    Ok,
    /// The configuration is refused.
    Refused {
        /// All that is wrong.
        complaints: Vec<Complaint>,
    },
    /// It did not work; the instance is good all the same.
    Failed {
        /// What the plugin said.
        reason: String,
    },
    /// The plugin panicked; the instance is lost.
    Panicked {
        /// What the plugin said.
        reason: String,
    },
    /// The plugin can not do that.
    NotSupported,
    /// The plugin answered what the contract does not know.
    Other {
        /// What it answered.
        status: i32,
    },
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Complaint {
    /// JSON pointer; empty for the whole.
    pub pointer: String,
    /// One sentence.
    pub detail: String,
}

/// The parts of an identifier; empty ones may be left out.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(default)]
pub struct Identity {
    /// The machine; empty for the daemon's own name.
    pub host: String,
    /// The plugin's name.
    pub plugin: String,
    /// Which of several things.
    pub plugin_instance: String,
    /// The name of the data set.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Which of several series of that type.
    pub type_instance: String,
}

/// Most series of one [`ToDaemon::RegisterMany`]: with the longest names, and each byte escaped, they fit a frame.
pub const MAX_REGISTRATIONS: usize = 512;

/// A series that is to be made known.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Registration {
    /// Who it is.
    pub identity: Identity,
    /// What its values mean; empty for the data set of its type.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub data_set: String,
}

/// The daemon's answer to a question.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Answer {
    /// To which.
    pub question: u64,
    /// 0, or another status of the contract.
    pub status: i32,
    /// Of a registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<u64>,
    /// Of a registration of many, one for each; without a meaning where the status at its place is not 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handles: Vec<u64>,
    /// Of a registration of many, one for each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<i32>,
    /// Of a question who a series is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<Description>,
}

/// Who a series is, and what its values mean.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Description {
    /// Its parts.
    pub identity: Identity,
    /// Name of the data set.
    pub data_set: String,
    /// Its data sources, in order.
    pub sources: Vec<Source>,
}

/// One data source.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// `gauge`, `derive`, `counter`, `absolute`.
    pub kind: String,
    /// The smallest rate that is believed.
    pub min: Option<f64>,
    /// The largest rate that is believed.
    pub max: Option<f64>,
}

impl Description {
    /// Describes a series.
    pub fn new(identity: Identity, set: &DataSet) -> Self {
        let bound = |bound: f64| bound.is_finite().then_some(bound);
        let source = |source: &DataSource| Source {
            name: source.name.to_string(),
            kind: source.kind.to_string(),
            min: bound(source.min),
            max: bound(source.max),
        };
        Self { identity, data_set: set.name.to_string(), sources: set.sources.iter().map(source).collect() }
    }

    /// The data set; kinds that nobody knows are gauges.
    pub fn to_data_set(&self) -> DataSet {
        let kinds = [
            DataSourceKind::Derive,
            DataSourceKind::Counter,
            DataSourceKind::Absolute,
            DataSourceKind::Gauge,
        ];
        let kind = |word: &str| kinds.into_iter().find(|kind| kind.to_string() == word);
        let source = |source: &Source| DataSource {
            name: source.name.as_str().into(),
            kind: kind(&source.kind).unwrap_or(DataSourceKind::Gauge),
            min: source.min.unwrap_or(f64::NAN),
            max: source.max.unwrap_or(f64::NAN),
        };
        DataSet { name: self.data_set.as_str().into(), sources: self.sources.iter().map(source).collect() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_look_as_the_book_says() {
        let read = serde_json::to_value(ToHost::Read { call: 7 }).unwrap();
        assert_eq!(read, json!({"type": "read", "call": 7}));
        let done = json!({"type": "done", "call": 7, "outcome": {"result": "failed", "reason": "x"}});
        let outcome = Outcome::Failed { reason: "x".into() };
        assert_eq!(
            serde_json::from_value::<ToDaemon>(done).unwrap(),
            ToDaemon::Done { call: 7, outcome, records: 0 }
        );
        let register =
            json!({"type": "register", "question": 1, "identity": {"plugin": "a", "type": "gauge"}});
        let identity = Identity { plugin: "a".into(), type_name: "gauge".into(), ..Identity::default() };
        assert_eq!(
            serde_json::from_value::<ToDaemon>(register).unwrap(),
            ToDaemon::Register { question: 1, identity, data_set: String::new() }
        );
    }

    #[test]
    fn the_most_and_longest_registrations_fit_a_frame() {
        // Of all bytes that a name may have by its length, control characters take the most room.
        let longest = || "\u{1}".repeat(gatherd_model::MAX_NAME);
        let identity = || Identity {
            host: longest(),
            plugin: longest(),
            plugin_instance: longest(),
            type_name: longest(),
            type_instance: longest(),
        };
        let one = || Registration { identity: identity(), data_set: longest() };
        let series: Vec<Registration> = (0..MAX_REGISTRATIONS).map(|_| one()).collect();
        let bytes = crate::encode(&ToDaemon::RegisterMany { question: u64::MAX, series }).unwrap();
        assert!(bytes.len() < crate::MAX_FRAME, "{}", bytes.len());
    }

    #[test]
    fn many_registrations_look_as_the_book_says() {
        let message = json!({"type": "register_many", "question": 3, "series": [
            {"identity": {"plugin": "a", "type": "gauge"}}, {"identity": {}, "data_set": "load"}]});
        let identity = Identity { plugin: "a".into(), type_name: "gauge".into(), ..Identity::default() };
        let series = vec![
            Registration { identity, data_set: String::new() },
            Registration { identity: Identity::default(), data_set: "load".into() },
        ];
        assert_eq!(
            serde_json::from_value::<ToDaemon>(message).unwrap(),
            ToDaemon::RegisterMany { question: 3, series }
        );
        let answer = Answer { question: 3, handles: vec![7, 0], statuses: vec![0, -4], ..Answer::default() };
        let told = serde_json::to_value(ToHost::Answer(answer)).unwrap();
        let wanted =
            json!({"type": "answer", "question": 3, "status": 0, "handles": [7, 0], "statuses": [0, -4]});
        assert_eq!(told, wanted);
    }

    #[test]
    fn what_a_newer_side_says_is_passed_over() {
        let hello = json!({"type": "hello", "protocol": {"major": 1, "minor": 9, "patch": 3}, "plugin": "a",
            "daemon": 5, "colour": "red"});
        assert!(matches!(serde_json::from_value::<ToHost>(hello).unwrap(), ToHost::Hello(_)));
        let dance = json!({"type": "dance", "call": 1});
        assert_eq!(serde_json::from_value::<ToHost>(dance.clone()).unwrap(), ToHost::Unknown);
        assert_eq!(serde_json::from_value::<ToDaemon>(dance).unwrap(), ToDaemon::Unknown);
    }

    #[test]
    fn a_description_keeps_kinds_and_bounds() {
        let source = |name: &str, kind, min, max| DataSource { name: name.into(), kind, min, max };
        let set = DataSet {
            name: "if_octets".into(),
            sources: vec![
                source("rx", DataSourceKind::Derive, 0.0, f64::NAN),
                source("tx", DataSourceKind::Absolute, f64::NAN, 9.0),
            ],
        };
        let text = serde_json::to_string(&Description::new(Identity::default(), &set)).unwrap();
        let back = serde_json::from_str::<Description>(&text).unwrap().to_data_set();
        assert_eq!(
            (&back.name, back.sources[0].kind, back.sources[1].kind),
            (&set.name, set.sources[0].kind, set.sources[1].kind)
        );
        assert!(back.sources[0].min == 0.0 && back.sources[0].max.is_nan() && back.sources[1].max == 9.0);
    }
}
