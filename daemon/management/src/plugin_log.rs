//! What a plugin says, and what the daemon says of it.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::stream;
use gatherd_api::types::{PluginLogLevel, PluginLogLine, PluginLogSource};
use gatherd_api::{Event, Events, ListRequest, ManagementError, Part, PluginLogQuery};
use gatherd_engine::observe::{LineLevel, PluginLine, PluginLog};
use gatherd_engine::port::PluginId;
use tokio::sync::watch;

use crate::EngineManagement;
use crate::convert::{no_plugin, plugin_id, timestamp, without_directories};

/// Lines that somebody who follows fetches at once.
const FETCHED: usize = 64;

pub(crate) fn list(
    this: &EngineManagement,
    id: &str,
    query: &PluginLogQuery,
    list: &ListRequest,
) -> Result<Part<PluginLogLine>, ManagementError> {
    let known = there_is(this, id)?;
    let bad_key = |_| ManagementError::BadMarker;
    let after: u64 = list.after.as_ref().map_or(Ok(0), |after| after.parse()).map_err(bad_key)?;
    let after = after.max(query.since.unwrap_or(0));
    let wanted = |line: &PluginLine| is_wanted(query, line);
    let mut lines = this.parts.plugin_log.recent(known.as_str(), after, list.limit + 1, wanted);
    let more = lines.len() > list.limit;
    lines.truncate(list.limit);
    let next = lines.last().filter(|_| more).map(|last| last.number.to_string());
    Ok(Part { items: lines.iter().map(|line| view(line, &this.parts.private_directories)).collect(), next })
}

pub(crate) fn follow(
    this: &EngineManagement,
    id: &str,
    query: PluginLogQuery,
    after: Option<u64>,
) -> Result<Events<PluginLogLine>, ManagementError> {
    let plugin = there_is(this, id)?;
    let log = Arc::clone(&this.parts.plugin_log);
    let newest = log.span(plugin.as_str()).map_or(0, |(_, newest)| newest);
    let reader = Reader {
        news: log.news(),
        log,
        plugin,
        query,
        seen: after.map_or(newest, |after| after.min(newest)),
        is_first: true,
        waiting: VecDeque::new(),
        private: this.parts.private_directories.clone(),
    };
    Ok(Events::from_stream(stream::unfold(reader, |mut reader| async move {
        Some((reader.next().await?, reader))
    })))
}

fn there_is(this: &EngineManagement, id: &str) -> Result<PluginId, ManagementError> {
    let known = plugin_id(id)?;
    this.engine().registry().picture(&known).ok_or_else(|| no_plugin(id))?;
    Ok(known)
}

/// Somebody who follows the log of a plugin. It keeps no lines but a few; who is slow finds them gone, and is told.
struct Reader {
    log: Arc<PluginLog>,
    news: watch::Receiver<u64>,
    plugin: PluginId,
    query: PluginLogQuery,
    /// Number of the last line that was looked at.
    seen: u64,
    is_first: bool,
    waiting: VecDeque<Event<PluginLogLine>>,
    private: Vec<PathBuf>,
}

impl Reader {
    async fn next(&mut self) -> Option<Event<PluginLogLine>> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            // Before looking, so that what comes in between is not slept through.
            self.news.borrow_and_update();
            if !self.look() {
                self.news.changed().await.ok()?;
            }
        }
    }

    /// Fetches some lines; whether there were any.
    fn look(&mut self) -> bool {
        let lines = self.log.recent(self.plugin.as_str(), self.seen, FETCHED, |_| true);
        let Some(first) = lines.first() else {
            self.is_first = false;
            return false;
        };
        let missing = first.number - self.seen - 1;
        if missing > 0 {
            self.waiting.push_back(if self.is_first { Event::Gap(missing) } else { Event::Lost(missing) });
        }
        self.is_first = false;
        for line in &lines {
            self.seen = line.number;
            if is_wanted(&self.query, line) {
                self.waiting.push_back(Event::One { number: line.number, what: view(line, &self.private) });
            }
        }
        true
    }
}

fn is_wanted(query: &PluginLogQuery, line: &PluginLine) -> bool {
    query.level.is_none_or(|least| level(line.level) >= least)
}

fn view(line: &PluginLine, private: &[PathBuf]) -> PluginLogLine {
    let PluginLine { number, time, level: importance, own_words, text } = line;
    PluginLogLine {
        number: *number,
        time: timestamp(*time),
        level: level(*importance),
        source: if *own_words { PluginLogSource::Plugin } else { PluginLogSource::Daemon },
        text: without_directories(text, private),
    }
}

fn level(level: LineLevel) -> PluginLogLevel {
    match level {
        LineLevel::Debug => PluginLogLevel::Debug,
        LineLevel::Info => PluginLogLevel::Info,
        LineLevel::Warn => PluginLogLevel::Warn,
        LineLevel::Error => PluginLogLevel::Error,
    }
}
