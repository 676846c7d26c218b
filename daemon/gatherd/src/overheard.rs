//! Keeps what is said by and of plugins: every event of the log that names a plugin, whatever the log's filter is.

use std::fmt::{self, Debug, Write as _};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use gatherd_engine::observe::{LineLevel, PluginLog};
use gatherd_model::CdTime;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::layer::Context;

use crate::logging::escaped;

/// Name of the field that names the plugin.
const PLUGIN: &str = "plugin";

/// Target of events whose words are a plugin's own.
const SPEAKS: &str = "plugin";

/// Hands events on to the log of plugins.
pub(crate) struct Overheard(pub(crate) Arc<PluginLog>);

/// Lets pass what names a plugin and is at least information; other events cost nothing.
pub(crate) fn of_plugins() -> FilterFn<fn(&Metadata<'_>) -> bool> {
    let names_one: fn(&Metadata<'_>) -> bool =
        |about| about.is_event() && *about.level() <= Level::INFO && about.fields().field(PLUGIN).is_some();
    FilterFn::new(names_one).with_max_level_hint(LevelFilter::INFO)
}

impl<S: Subscriber> Layer<S> for Overheard {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut words = Words::default();
        event.record(&mut words);
        let Words { plugin, message, rest } = words;
        if plugin.is_empty() {
            return;
        }
        let about = event.metadata();
        let level = match *about.level() {
            Level::ERROR => LineLevel::Error,
            Level::WARN => LineLevel::Warn,
            Level::INFO => LineLevel::Info,
            Level::DEBUG | Level::TRACE => LineLevel::Debug,
        };
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let text = escaped(&(message + &rest));
        self.0.keep(&plugin, CdTime::from_duration(since), level, about.target() == SPEAKS, &text);
    }
}

/// The parts of an event.
#[derive(Default)]
struct Words {
    plugin: String,
    message: String,
    /// Other fields, as the log writes them.
    rest: String,
}

impl Words {
    fn take(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let _infallible = match field.name() {
            PLUGIN => self.plugin.write_fmt(value),
            "message" => self.message.write_fmt(value),
            name => write!(self.rest, " {name}={value}"),
        };
    }
}

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.take(field, format_args!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    fn overheard(work: impl FnOnce()) -> Vec<(LineLevel, bool, String)> {
        let log = Arc::new(PluginLog::default());
        let subscriber =
            tracing_subscriber::registry().with(Overheard(Arc::clone(&log)).with_filter(of_plugins()));
        tracing::subscriber::with_default(subscriber, work);
        let lines = log.recent("cpu", 0, usize::MAX, |_| true);
        lines.into_iter().map(|line| (line.level, line.own_words, line.text.to_string())).collect()
    }

    #[test]
    fn what_names_a_plugin_is_kept_with_who_says_it() {
        let id = "cpu";
        let lines = overheard(|| {
            tracing::info!(target: "plugin", plugin = %id, "I read {}", 7);
            tracing::warn!(plugin = id, lost = 3, "it was too slow");
            tracing::error!("of nobody");
            tracing::info!(plugin = "df", "of another");
        });
        let said = |level, own, text: &str| (level, own, text.to_owned());
        assert_eq!(
            lines,
            [said(LineLevel::Info, true, "I read 7"), said(LineLevel::Warn, false, "it was too slow lost=3")]
        );
    }

    #[test]
    fn details_for_who_looks_for_a_fault_are_not_kept() {
        assert_eq!(overheard(|| tracing::debug!(plugin = "cpu", "a detail")), []);
    }

    #[test]
    fn nobody_forges_a_line() {
        let lines = overheard(|| tracing::info!(target: "plugin", plugin = "cpu", "a\nb\u{1b}[31m\u{202e}"));
        assert_eq!(lines[0].2, "a\\nb\\u{1b}[31m\\u{202e}");
    }
}
