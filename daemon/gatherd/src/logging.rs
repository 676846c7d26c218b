//! The daemon's own log: to standard error, its filter changeable while it runs.
//!
//! A line is a line: control characters that a plugin or a client brought in are written as `\u{1b}`, so
//! that nobody can forge a line or steer a terminal.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use gatherd_engine::Configured;
use gatherd_engine::desired::document::{Log, LogFormat};
use gatherd_engine::desired::{ApplyFailure, Document};
use gatherd_engine::observe::PluginLog;
use gatherd_engine::port::{ConfigProblem, OpenFailure};
use gatherd_management::{BadFilter, LogControl};
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::overheard::{self, Overheard};

/// Longest filter, in bytes.
const LONGEST_FILTER: usize = 1024;

/// A text that is no filter.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilterError {
    /// It is too long.
    #[error("a filter has at most {LONGEST_FILTER} bytes")]
    TooLong,
    /// It is none.
    #[error(
        "this is no filter: a level (error, warn, info, debug, trace, off), or levels by module such as `info,gatherd_engine=debug`, is wanted"
    )]
    Parse(#[source] ParseError),
    /// The log is gone, at the end of the process.
    #[error("the log has ended")]
    Ended(#[source] reload::Error),
}

/// Looks at the filter of the running log, and changes it. Clones are the same log.
#[derive(Clone)]
pub(crate) struct LogHandle {
    text: Arc<RwLock<String>>,
    /// What the configuration said last; the filter in force may be another, set over the API.
    configured: Arc<Mutex<String>>,
    reload: reload::Handle<EnvFilter, Registry>,
    plugins: Arc<PluginLog>,
}

impl LogHandle {
    /// What was said by and of plugins.
    pub(crate) fn of_plugins(&self) -> Arc<PluginLog> {
        Arc::clone(&self.plugins)
    }

    /// Puts another filter in force, until the daemon ends.
    ///
    /// # Errors
    ///
    /// [`FilterError`]; the filter in force stays then.
    pub(crate) fn change(&self, text: &str) -> Result<(), FilterError> {
        let filter = parse(text)?;
        let mut kept = self.text.write().unwrap_or_else(PoisonError::into_inner);
        self.reload.reload(filter).map_err(FilterError::Ended)?;
        text.clone_into(&mut kept);
        Ok(())
    }
}

impl Configured for LogHandle {
    fn configure(&self, document: &Document) -> Result<(), ApplyFailure> {
        let mut configured = self.configured.lock().unwrap_or_else(PoisonError::into_inner);
        if *configured != document.log.filter {
            self.change(&document.log.filter).map_err(|error| {
                let problem = ConfigProblem { pointer: "/log/filter".to_owned(), detail: error.to_string() };
                ApplyFailure::Open(OpenFailure::Config(vec![problem]))
            })?;
            configured.clone_from(&document.log.filter);
        }
        Ok(())
    }
}

impl LogControl for LogHandle {
    fn filter(&self) -> String {
        self.text.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_filter(&self, filter: &str) -> Result<(), BadFilter> {
        self.change(filter).map_err(|error| BadFilter(error.to_string()))
    }
}

/// Judges a filter without putting it in force.
///
/// # Errors
///
/// [`FilterError::TooLong`] or [`FilterError::Parse`].
pub(crate) fn parse(text: &str) -> Result<EnvFilter, FilterError> {
    if text.len() > LONGEST_FILTER {
        return Err(FilterError::TooLong);
    }
    EnvFilter::builder().with_regex(false).parse(text).map_err(FilterError::Parse)
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoggingError {
    /// `log.filter` is none.
    #[error("cannot use `log.filter`")]
    Filter(#[source] FilterError),
    /// The process has a log already.
    #[error("cannot begin the log")]
    Begin(#[source] TryInitError),
}

/// Begins the log of this process; once.
///
/// # Errors
///
/// [`LoggingError`] when the filter is none or there is a log already.
pub(crate) fn begin(log: &Log) -> Result<LogHandle, LoggingError> {
    let (subscriber, handle) = build(log, Lines(io::stderr)).map_err(LoggingError::Filter)?;
    subscriber.try_init().map_err(LoggingError::Begin)?;
    Ok(handle)
}

/// Runs `work` with a log of warnings for people, before the configured one can be known.
pub(crate) fn before<T>(work: impl FnOnce() -> T) -> T {
    let log = Log { filter: "warn".to_owned(), format: LogFormat::Text };
    match build(&log, Lines(io::stderr)) {
        Ok((subscriber, _handle)) => tracing::subscriber::with_default(subscriber, work),
        Err(_) => work(),
    }
}

fn build<W>(
    log: &Log,
    writer: W,
) -> Result<(impl tracing::Subscriber + Send + Sync + use<W>, LogHandle), FilterError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter, reload) = reload::Layer::new(parse(&log.filter)?);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines: Box<dyn Layer<_> + Send + Sync> = match log.format {
        LogFormat::Text => lines.with_ansi(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let plugins = Arc::new(PluginLog::default());
    let overheard = Overheard(Arc::clone(&plugins)).with_filter(overheard::of_plugins());
    // Each with a filter of its own: what plugins say is kept whatever the log leaves out.
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter)).with(overheard);
    let text = Arc::new(RwLock::new(log.filter.clone()));
    let configured = Arc::new(Mutex::new(log.filter.clone()));
    Ok((subscriber, LogHandle { text, configured, reload, plugins }))
}

/// Makes writers that keep each event on one line.
struct Lines<M>(M);

impl<'w, W: Write, M: MakeWriter<'w, Writer = W>> MakeWriter<'w> for Lines<M> {
    type Writer = OneLine<W>;

    fn make_writer(&'w self) -> Self::Writer {
        OneLine(self.0.make_writer())
    }
}

/// Writes one event: what it is given at once is one line with its end.
struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let (line, end) = text.strip_suffix('\n').map_or((&*text, ""), |line| (line, "\n"));
        if line.contains(is_unsafe) {
            self.0.write_all((escaped(line) + end).as_bytes())?;
        } else {
            self.0.write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Characters that end a line or steer a terminal, and those that turn the direction of the text after them.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text without them.
pub(crate) fn escaped(line: &str) -> String {
    let mut safe = String::with_capacity(line.len() + 16);
    for character in line.chars() {
        if is_unsafe(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was written, and a writer to it.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, work: impl FnOnce(&LogHandle)) -> String {
        let written = Written::default();
        let target = written.clone();
        let log = Log { filter: "info".to_owned(), format };
        let (subscriber, handle) = build(&log, Lines(move || target.clone())).unwrap();
        tracing::subscriber::with_default(subscriber, || work(&handle));
        written.text()
    }

    #[test]
    fn nobody_forges_a_line_or_steers_the_terminal() {
        let text = logged(LogFormat::Text, |_| {
            let name = "a\nFAKE line\u{1b}[31m\u{202e}";
            tracing::info!(name, "from {name}");
        });
        assert_eq!(text.lines().count(), 1, "{text:?}");
        assert!(text.ends_with('\n'));
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");
    }

    #[test]
    fn json_lines_are_json() {
        let text = logged(LogFormat::Json, |_| tracing::info!(plugin = "a\nb", "said"));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((value["plugin"].as_str(), value["message"].as_str()), (Some("a\nb"), Some("said")));
    }

    #[test]
    fn a_filter_set_over_the_api_stays_until_the_configuration_says_another() {
        logged(LogFormat::Text, |handle| {
            let says = |filter: &str| Document {
                log: Log { filter: filter.to_owned(), format: LogFormat::Text },
                ..Document::default()
            };
            handle.change("debug").unwrap();
            handle.configure(&says("info")).unwrap();
            assert_eq!(handle.filter(), "debug");
            handle.configure(&says("warn")).unwrap();
            assert_eq!(handle.filter(), "warn");
            let error = handle.configure(&says("gatherd=loud")).unwrap_err();
            assert!(matches!(error, ApplyFailure::Open(OpenFailure::Config(_))), "{error:?}");
            assert_eq!(handle.filter(), "warn");
        });
    }

    #[test]
    fn the_filter_changes_while_it_runs_and_a_wrong_one_changes_nothing() {
        let text = logged(LogFormat::Text, |handle| {
            tracing::debug!("one");
            handle.change("debug").unwrap();
            tracing::debug!("two");
            let error = handle.change("gatherd=loud").unwrap_err();
            assert!(matches!(error, FilterError::Parse(_)), "{error:?}");
            assert!(matches!(handle.change(&"x".repeat(1025)), Err(FilterError::TooLong)));
            assert_eq!(handle.filter(), "debug");
            tracing::debug!("three");
        });
        let said: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().last()).collect();
        assert_eq!(said, ["two", "three"]);
    }
}
