//! The section `outputs`: how what waits for an output is buffered.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Document;
use crate::output::{BufferSettings, OutputSettings, Retry, WhenFull};
use crate::port::PluginId;

/// What is wanted of one output, by the id of the plugin that writes. An output without an entry has all the
/// defaults; an entry without an output waits for one.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of one output's keys")]
pub struct OutputEntry {
    /// Whether it rests: its queue takes values, and nothing is written.
    pub paused: bool,
    /// Its queue.
    pub buffer: Buffer,
}

/// How one output's queue behaves.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of the queue's keys")]
pub struct Buffer {
    /// Most value lists in the queue, those that are being written included.
    pub max_values: u64,
    /// Most bytes of memory of these.
    pub max_bytes: u64,
    /// After this long in the queue a value list is dropped, in seconds; 0 for never.
    pub max_age: f64,
    /// Most value lists that are handed to the output at once, rounded up to a batch of a plugin.
    pub batch_values: u64,
    /// How long a value list may wait for others to fill a batch, in seconds; 0 for not at all.
    pub flush_interval: f64,
    /// Pause after the first failure in a row, in seconds; doubles with each further.
    pub retry_first: f64,
    /// Longest such pause, in seconds.
    pub retry_most: f64,
    /// Which part of a pause is left to chance, 0 to 1.
    pub retry_jitter: f64,
    /// What happens to a batch that finds the queue full.
    pub when_full: WhenFullWord,
    /// How long such a batch waits for room at most, in seconds; for `block` only.
    pub block_for: f64,
}

/// What happens to a batch that finds the queue full.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFullWord {
    /// What waits longest makes room.
    DropOldest,
    /// The batch goes nowhere.
    DropNewest,
    /// The batch waits for room, and its plugin with it, and then goes nowhere.
    Block,
}

impl Default for Buffer {
    fn default() -> Self {
        let BufferSettings {
            max_values,
            max_bytes,
            max_age,
            batch_values,
            flush_interval,
            retry: Retry { first, most, jitter },
            when_full,
        } = BufferSettings::default();
        let (when_full, block_for) = match when_full {
            WhenFull::DropOldest => (WhenFullWord::DropOldest, Duration::from_millis(100)),
            WhenFull::DropNewest => (WhenFullWord::DropNewest, Duration::from_millis(100)),
            WhenFull::Block(longest) => (WhenFullWord::Block, longest),
        };
        Self {
            max_values,
            max_bytes,
            max_age: max_age.unwrap_or_default().as_secs_f64(),
            batch_values,
            flush_interval: flush_interval.as_secs_f64(),
            retry_first: first.as_secs_f64(),
            retry_most: most.as_secs_f64(),
            retry_jitter: jitter,
            when_full,
            block_for: block_for.as_secs_f64(),
        }
    }
}

impl OutputEntry {
    fn settings(&self) -> OutputSettings {
        let Self { paused, buffer } = self;
        let span = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let retry = Retry {
            first: span(buffer.retry_first),
            most: span(buffer.retry_most),
            jitter: buffer.retry_jitter,
        };
        let buffer = BufferSettings {
            max_values: buffer.max_values,
            max_bytes: buffer.max_bytes,
            max_age: Some(span(buffer.max_age)).filter(|age| !age.is_zero()),
            batch_values: buffer.batch_values,
            flush_interval: span(buffer.flush_interval),
            retry,
            when_full: match buffer.when_full {
                WhenFullWord::DropOldest => WhenFull::DropOldest,
                WhenFullWord::DropNewest => WhenFull::DropNewest,
                WhenFullWord::Block => WhenFull::Block(span(buffer.block_for)),
            },
        };
        OutputSettings { buffer, paused: *paused }
    }
}

impl Document {
    /// What is wanted of outputs, by id; what is not named has the defaults.
    ///
    /// An entry that `check` would refuse is left out; a document that is in effect has none.
    pub fn to_outputs(&self) -> BTreeMap<PluginId, OutputSettings> {
        let wanted = |(id, entry): (&String, &OutputEntry)| Some((id.parse().ok()?, entry.settings()));
        self.outputs.iter().filter_map(wanted).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_without_keys_is_what_an_output_without_an_entry_has() {
        let document: Document = serde_json::from_value(json!({"outputs": {"o": {}}})).unwrap();
        assert_eq!(document.to_outputs()[&"o".parse().unwrap()], OutputSettings::default());
    }

    #[test]
    fn every_key_reaches_the_queue() {
        let entry = json!({"paused": true, "buffer": {"max_values": 500, "max_bytes": 70_000, "max_age": 60,
            "batch_values": 10, "flush_interval": 2.5, "retry_first": 1, "retry_most": 8, "retry_jitter": 0.5,
            "when_full": "block", "block_for": 0.25}});
        let document: Document = serde_json::from_value(json!({"outputs": {"o": entry}})).unwrap();
        let expected = OutputSettings {
            buffer: BufferSettings {
                max_values: 500,
                max_bytes: 70_000,
                max_age: Some(Duration::from_mins(1)),
                batch_values: 10,
                flush_interval: Duration::from_millis(2500),
                retry: Retry { first: Duration::from_secs(1), most: Duration::from_secs(8), jitter: 0.5 },
                when_full: WhenFull::Block(Duration::from_millis(250)),
            },
            paused: true,
        };
        assert_eq!(document.to_outputs(), BTreeMap::from([("o".parse().unwrap(), expected)]));
    }
}
