//! How one output's queue behaves: its bounds, its pace, and what happens when it is full.

use std::time::Duration;

use crate::way::BATCH;

/// Fewest value lists that a queue must have room for: one whole batch, so that every batch fits into an
/// empty queue.
pub const LEAST_VALUES: u64 = BATCH as u64;

/// Fewest bytes that a queue must have room for: one whole batch of the largest value lists.
pub const LEAST_BYTES: u64 = 64 * 1024;

/// Longest that a full queue may hold a batch up.
pub const LONGEST_BLOCK: Duration = Duration::from_secs(1);

/// What happens to a batch that finds the queue full.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WhenFull {
    /// What waits longest makes room.
    DropOldest,
    /// The batch goes nowhere.
    DropNewest,
    /// The batch waits this long for room, at most [`LONGEST_BLOCK`], and then goes nowhere.
    ///
    /// Only a plugin's own thread waits; where values come from a task of the daemon, it is as
    /// [`WhenFull::DropNewest`]. After a wait in vain nobody waits again until there was room.
    Block(Duration),
}

/// When a failed write is tried again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// Pause after the first failure in a row; doubles with each further.
    pub first: Duration,
    /// Longest pause.
    pub most: Duration,
    /// Which part of a pause is left to chance, 0 to 1, so that many daemons do not come back as one.
    pub jitter: f64,
}

/// How one output's queue behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BufferSettings {
    /// Most value lists in the queue, those that are being written included.
    pub max_values: u64,
    /// Most bytes of memory of these, what several outputs share counted for each.
    pub max_bytes: u64,
    /// After this long in the queue a value list is dropped; `None` for never.
    pub max_age: Option<Duration>,
    /// Most value lists that are handed to the output at once, rounded up to a batch.
    pub batch_values: u64,
    /// How long a value list may wait for others to fill a batch; zero hands on at once.
    pub flush_interval: Duration,
    /// When a failed write is tried again.
    pub retry: Retry,
    /// What happens to a batch that finds the queue full.
    pub when_full: WhenFull,
}

/// The one place of the defaults.
impl Default for BufferSettings {
    fn default() -> Self {
        Self {
            max_values: 131_072,
            max_bytes: 32 * 1024 * 1024,
            max_age: None,
            batch_values: 8192,
            flush_interval: Duration::ZERO,
            retry: Retry { first: Duration::from_millis(250), most: Duration::from_secs(30), jitter: 0.1 },
            when_full: WhenFull::DropOldest,
        }
    }
}

/// What is wanted of one output.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OutputSettings {
    /// How its queue behaves.
    pub buffer: BufferSettings,
    /// Whether it rests: its queue takes values, and nothing is written.
    pub paused: bool,
}

impl Retry {
    /// The pause after the `failures`-th failure in a row; `chance` is between 0 and 1.
    pub(crate) fn pause(&self, failures: u32, chance: f64) -> Duration {
        let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let whole = self.first.saturating_mul(doubled).min(self.most);
        whole.mul_f64(1.0 - (self.jitter * chance).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let retry = Retry { first: Duration::from_millis(250), most: Duration::from_secs(30), jitter: 0.0 };
        let pauses: Vec<u128> = [1, 2, 3, 7, 8, 9, 200].map(|n| retry.pause(n, 0.7).as_millis()).into();
        assert_eq!(pauses, [250, 500, 1000, 16_000, 30_000, 30_000, 30_000]);
    }

    #[test]
    fn chance_shortens_a_pause_by_no_more_than_the_jitter() {
        let retry = Retry { first: Duration::from_secs(10), most: Duration::from_secs(10), jitter: 0.5 };
        assert_eq!(retry.pause(1, 0.0), Duration::from_secs(10));
        assert_eq!(retry.pause(1, 1.0), Duration::from_secs(5));
    }

    #[test]
    fn the_largest_batch_fits_into_the_least_queue() {
        let sample = size_of::<crate::port::Sample>();
        let value = size_of::<gatherd_model::Value>() + size_of::<f64>();
        let largest = (sample + gatherd_model::MAX_SOURCES * value) * BATCH;
        assert!(largest as u64 + 1024 <= LEAST_BYTES, "{largest} bytes");
    }
}
