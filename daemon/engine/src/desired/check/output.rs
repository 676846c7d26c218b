//! Ranges of the section `outputs`.

use std::collections::BTreeMap;

use super::{Ranges, YEAR};
use crate::desired::document::{Buffer, OutputEntry};
use crate::desired::merge::escape;
use crate::output::{LEAST_BYTES, LEAST_VALUES, LONGEST_BLOCK};
use crate::port::PluginId;

/// How many outputs there may be.
const MOST: usize = 1024;

impl Ranges<'_> {
    pub(super) fn outputs(&mut self, outputs: &BTreeMap<String, OutputEntry>) {
        self.say_if(outputs.len() > MOST, "/outputs", format_args!("at most {MOST} outputs are allowed"));
        for (id, entry) in outputs {
            let pointer = format!("/outputs/{}", escape(id));
            if let Err(error) = id.parse::<PluginId>() {
                self.say_if(true, &pointer, format_args!("{error}"));
            }
            self.buffer(&format!("{pointer}/buffer"), &entry.buffer);
        }
    }

    fn buffer(&mut self, pointer: &str, buffer: &Buffer) {
        let at = |key: &str| format!("{pointer}/{key}");
        self.amount(&at("max_values"), buffer.max_values, LEAST_VALUES, 1_000_000_000);
        self.amount(&at("max_bytes"), buffer.max_bytes, LEAST_BYTES, 1 << 40);
        self.amount(&at("batch_values"), buffer.batch_values, 1, 1_000_000);
        self.seconds(&at("max_age"), buffer.max_age, 0.0, YEAR);
        self.seconds(&at("flush_interval"), buffer.flush_interval, 0.0, 3600.0);
        self.seconds(&at("retry_first"), buffer.retry_first, 0.001, 3600.0);
        self.seconds(&at("retry_most"), buffer.retry_most, 0.001, 86_400.0);
        self.seconds(&at("block_for"), buffer.block_for, 0.001, LONGEST_BLOCK.as_secs_f64());
        let jitter = buffer.retry_jitter;
        self.say_if(
            !(0.0..=1.0).contains(&jitter),
            &at("retry_jitter"),
            format_args!("{jitter} is out of range: 0 to 1 is allowed"),
        );
    }

    fn amount(&mut self, pointer: &str, found: u64, least: u64, most: u64) {
        self.say_if(
            !(least..=most).contains(&found),
            pointer,
            format_args!("{found} is out of range: {least} to {most} is allowed"),
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::desired::check::check;

    #[test]
    fn each_range_of_a_buffer_has_its_complaint() {
        for (key, value) in [
            ("max_values", json!(127)),
            ("max_values", json!(1_000_000_001)),
            ("max_bytes", json!(65_535)),
            ("batch_values", json!(0)),
            ("max_age", json!(-1)),
            ("flush_interval", json!(3601)),
            ("retry_first", json!(0)),
            ("retry_most", json!(86_401)),
            ("retry_jitter", json!(1.5)),
            ("when_full", json!("panic")),
            ("block_for", json!(1.001)),
            ("max_value", json!(1)),
        ] {
            let (_, problems) = check(&json!({"outputs": {"o": {"buffer": {key: value}}}}));
            let pointers: Vec<&str> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
            assert_eq!(pointers, [format!("/outputs/o/buffer/{key}")], "{value}");
        }
        let (_, problems) = check(&json!({"outputs": {"O/": {}}}));
        assert_eq!(problems[0].pointer, "/outputs/O~1");
    }

    #[test]
    fn a_wrong_amount_is_said_in_words() {
        let (_, problems) = check(&json!({"outputs": {"o": {"buffer": {"max_values": "many"}}}}));
        assert_eq!(problems[0].detail, "invalid type: string \"many\", expected a whole number");
    }

    #[test]
    fn the_least_buffer_is_allowed() {
        let least = json!({"max_values": 128, "max_bytes": 65_536, "batch_values": 1, "block_for": 0.001});
        assert_eq!(check(&json!({"outputs": {"o": {"buffer": least}}})).1, []);
    }
}
