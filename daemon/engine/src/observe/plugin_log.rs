//! What plugins say, and what the daemon says of them: the newest lines of each, in memory.
//!
//! Nothing is kept for a plugin of which nothing was said. Each plugin has a bound of its own; when all together
//! reach theirs, the one that holds most loses its oldest lines, so that a noisy plugin hides no quiet one.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gatherd_model::CdTime;
use tokio::sync::watch;

/// Most lines of one plugin.
const LINES: usize = 256;

/// Longest line, in bytes; what is longer is cut.
const LONGEST: usize = 1024;

/// Bytes of the lines of all plugins.
const BYTES: usize = 4 * 1024 * 1024;

/// Most plugins; of more, the one that was silent longest is forgotten.
const PLUGINS: usize = 1024;

/// What a line costs beside its text.
const OVERHEAD: usize = size_of::<PluginLine>();

/// How important a line is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum LineLevel {
    /// For who looks for a fault.
    Debug,
    /// All is well.
    Info,
    /// Somebody should look.
    Warn,
    /// Something does not work.
    Error,
}

/// One line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PluginLine {
    /// Its number among those of its plugin, from 1 on; later ones are greater.
    pub number: u64,
    /// When it was said.
    pub time: CdTime,
    /// How important it is.
    pub level: LineLevel,
    /// Whether these are the plugin's own words.
    pub own_words: bool,
    /// The words.
    pub text: Arc<str>,
}

#[derive(Default)]
struct Ring {
    lines: VecDeque<PluginLine>,
    last: u64,
    bytes: usize,
}

impl Ring {
    /// Gives the oldest line up; answers what it cost.
    fn give_up(&mut self) -> usize {
        let freed = self.lines.pop_front().map_or(0, |line| cost(&line));
        self.bytes -= freed;
        freed
    }
}

#[derive(Default)]
struct Rings {
    by_plugin: BTreeMap<Box<str>, Ring>,
    bytes: usize,
}

/// The newest lines of every plugin.
pub struct PluginLog {
    rings: Mutex<Rings>,
    /// Moves with every line.
    news: watch::Sender<u64>,
}

impl Default for PluginLog {
    fn default() -> Self {
        Self { rings: Mutex::default(), news: watch::Sender::new(0) }
    }
}

fn cost(line: &PluginLine) -> usize {
    OVERHEAD + line.text.len()
}

impl PluginLog {
    /// Keeps a line.
    pub fn keep(&self, plugin: &str, time: CdTime, level: LineLevel, own_words: bool, text: &str) {
        let text: Arc<str> = text[..text.floor_char_boundary(LONGEST)].into();
        let mut rings = self.rings();
        rings.make_room_for(plugin);
        let ring = rings.by_plugin.entry(plugin.into()).or_default();
        ring.last += 1;
        let line = PluginLine { number: ring.last, time, level, own_words, text };
        let mut freed = 0;
        while ring.lines.len() >= LINES {
            freed += ring.give_up();
        }
        let added = cost(&line);
        ring.bytes += added;
        ring.lines.push_back(line);
        rings.bytes = rings.bytes + added - freed;
        rings.keep_within_bounds();
        drop(rings);
        self.news.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Lines with numbers above `after` of one plugin that are `wanted`, oldest first, at most `limit`.
    pub fn recent(
        &self,
        plugin: &str,
        after: u64,
        limit: usize,
        wanted: impl Fn(&PluginLine) -> bool,
    ) -> Vec<PluginLine> {
        let rings = self.rings();
        let Some(ring) = rings.by_plugin.get(plugin) else { return Vec::new() };
        let behind = ring.lines.partition_point(|line| line.number <= after);
        ring.lines.range(behind..).filter(|line| wanted(line)).take(limit).cloned().collect()
    }

    /// Numbers of the oldest and the newest line that are kept; `None` without any.
    pub fn span(&self, plugin: &str) -> Option<(u64, u64)> {
        let rings = self.rings();
        let lines = &rings.by_plugin.get(plugin)?.lines;
        Some((lines.front()?.number, lines.back()?.number))
    }

    /// Tells that there are more lines, of whatever plugin.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    fn rings(&self) -> MutexGuard<'_, Rings> {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rings {
    fn make_room_for(&mut self, plugin: &str) {
        if self.by_plugin.len() < PLUGINS || self.by_plugin.contains_key(plugin) {
            return;
        }
        let last = |ring: &Ring| ring.lines.back().map_or(CdTime::ZERO, |line| line.time);
        let silent =
            self.by_plugin.iter().min_by_key(|(_, ring)| last(ring)).map(|(plugin, _)| plugin.clone());
        if let Some(ring) = silent.and_then(|plugin| self.by_plugin.remove(&plugin)) {
            self.bytes -= ring.bytes;
        }
    }

    fn keep_within_bounds(&mut self) {
        while self.bytes > BYTES {
            let Some(largest) = self.by_plugin.values_mut().max_by_key(|ring| ring.bytes) else { return };
            self.bytes -= largest.give_up();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(log: &PluginLog, plugin: &str, text: &str) {
        log.keep(plugin, CdTime::from_secs(1), LineLevel::Info, true, text);
    }

    fn texts(log: &PluginLog, plugin: &str, after: u64) -> Vec<String> {
        log.recent(plugin, after, usize::MAX, |_| true).iter().map(|line| line.text.to_string()).collect()
    }

    #[test]
    fn lines_are_numbered_by_plugin_and_found_behind_a_number() {
        let log = PluginLog::default();
        for (plugin, text) in [("a", "one"), ("b", "other"), ("a", "two"), ("a", "three")] {
            say(&log, plugin, text);
        }
        assert_eq!(texts(&log, "a", 0), ["one", "two", "three"]);
        assert_eq!(texts(&log, "a", 2), ["three"]);
        assert_eq!(texts(&log, "b", 0), ["other"]);
        assert_eq!(texts(&log, "c", 0), Vec::<String>::new());
        assert_eq!((log.span("a"), log.span("c")), (Some((1, 3)), None));
        assert_eq!(log.recent("a", 0, 1, |line| line.number > 1)[0].number, 2);
    }

    #[test]
    fn a_plugin_keeps_its_newest_lines_and_numbers_go_on() {
        let log = PluginLog::default();
        for number in 1..=300 {
            say(&log, "a", &number.to_string());
        }
        assert_eq!(log.span("a"), Some((45, 300)));
        assert_eq!(texts(&log, "a", 0).len(), LINES);
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let log = PluginLog::default();
        say(&log, "a", &"é".repeat(600));
        assert_eq!(texts(&log, "a", 0)[0], "é".repeat(512));
        say(&log, "a", &format!("x{}", "é".repeat(600)));
        assert_eq!(texts(&log, "a", 1)[0].len(), 1023);
    }

    #[test]
    fn all_together_are_bounded_and_the_noisy_give_way_to_the_quiet() {
        let log = PluginLog::default();
        say(&log, "quiet", "heard");
        for plugin in 0..40 {
            for _ in 0..LINES {
                say(&log, &format!("noisy{plugin}"), &"x".repeat(LONGEST));
            }
        }
        let rings = log.rings();
        assert!(rings.bytes <= BYTES, "{}", rings.bytes);
        assert_eq!(rings.bytes, rings.by_plugin.values().map(|ring| ring.bytes).sum::<usize>());
        drop(rings);
        assert_eq!(texts(&log, "quiet", 0), ["heard"]);
        assert!(!texts(&log, "noisy0", 0).is_empty());
    }

    #[test]
    fn of_too_many_plugins_the_one_that_was_silent_longest_is_forgotten() {
        let log = PluginLog::default();
        for number in 0..PLUGINS {
            let time = CdTime::from_secs(10 + u64::try_from(number).unwrap());
            log.keep(&number.to_string(), time, LineLevel::Info, false, "x");
        }
        log.keep("0", CdTime::from_secs(5_000), LineLevel::Info, false, "again");
        log.keep("more", CdTime::from_secs(5_001), LineLevel::Info, false, "x");
        assert_eq!(log.rings().by_plugin.len(), PLUGINS);
        assert_eq!((texts(&log, "1", 0).len(), texts(&log, "0", 0).len()), (0, 2));
    }

    #[test]
    fn who_waits_is_told_of_a_line() {
        let log = PluginLog::default();
        let news = log.news();
        assert!(!news.has_changed().unwrap());
        say(&log, "a", "one");
        assert!(news.has_changed().unwrap());
    }
}
