//! Who asks the daemon: for pictures again and again, and to do what was wished.

use super::keys::Verb;
use crate::commands::gather;
use crate::failure::Failure;
use gatherd_client::types::{Heartbeat, Metric, Plugin, ValueView};
use gatherd_client::{Client, PluginFilter, ValueFilter};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Most plugins that are shown.
const MOST_PLUGINS: usize = 10_000;

/// Most series of one plugin that are shown.
const MOST_SERIES: usize = 2_000;

/// Most series of all plugins that are asked whose they are.
const MOST_OWNED: usize = 50_000;

/// How long it is believed whose series are; new ones show up no later.
const OWNERS_LAST: Duration = Duration::from_secs(30);

/// How long the daemon may take for one picture.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest filter that is sent, in bytes; the daemon takes 1024.
const LONGEST_FILTER: usize = 1_000;

/// What is told to the view.
#[derive(Debug)]
pub(super) enum Report {
    /// What the daemon said, or why it said nothing.
    Picture(Result<Box<Picture>, String>),
    /// What became of an errand.
    Done(Outcome),
}

/// What the daemon said at one time.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    /// How it fares.
    pub(super) heartbeat: Heartbeat,
    /// All plugins, by id.
    pub(super) plugins: Vec<Plugin>,
    /// The series that were asked for.
    pub(super) listing: Option<Listing>,
}

/// The series of one plugin.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    /// Id of the plugin.
    pub(super) id: String,
    /// Its series with their values, by identifier.
    pub(super) views: Vec<ValueView>,
    /// Whether there are more.
    pub(super) is_cut: bool,
}

/// The plugin whose series are asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Subject {
    /// Its id.
    pub(super) id: String,
    /// What is loaded; most series are named by it.
    pub(super) type_name: String,
}

/// What is asked for. A new one is asked at once.
#[derive(Clone, Debug, Default)]
pub(super) struct Question {
    /// Whose series.
    pub(super) subject: Option<Subject>,
    /// Grows to have the same asked once more.
    pub(super) turn: u64,
}

/// Something to be done with a plugin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Errand {
    /// What.
    pub(super) verb: Verb,
    /// With which plugin.
    pub(super) id: String,
}

/// What became of an errand.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// Which one.
    pub(super) errand: Errand,
    /// The plugin afterwards, or why it was not done.
    pub(super) plugin: Result<Box<Plugin>, String>,
}

impl Errand {
    /// Asks the daemon to do it, and waits until it is done.
    pub(super) async fn run(self, client: &Client) -> Outcome {
        let id = &self.id;
        let plugin = match self.verb {
            Verb::Enable => client.enable_plugin(id).await,
            Verb::Disable => client.disable_plugin(id).await,
            Verb::Restart => client.restart_plugin(id).await,
        };
        let plugin = plugin.map(Box::new).map_err(|error| Failure::from(error).brief());
        Outcome { errand: self, plugin }
    }
}

/// Asks for pictures.
pub(super) struct Feed {
    client: Client,
    every: Duration,
    owners: Option<(Instant, Owners)>,
}

impl Feed {
    /// Asks `client` every `every`.
    pub(super) fn new(client: Client, every: Duration) -> Self {
        Self { client, every, owners: None }
    }

    /// Reports pictures until nobody looks any more.
    pub(super) async fn run(mut self, mut questions: watch::Receiver<Question>, to: mpsc::Sender<Report>) {
        loop {
            let question = questions.borrow_and_update().clone();
            let picture = match tokio::time::timeout(PATIENCE, self.picture(&question)).await {
                Ok(Ok(picture)) => Ok(Box::new(picture)),
                Ok(Err(failure)) => Err(failure.brief()),
                Err(_) => Err(format!("nothing within {} s", PATIENCE.as_secs())),
            };
            if to.send(Report::Picture(picture)).await.is_err() {
                return;
            }
            let pause = tokio::time::timeout(self.every, questions.changed()).await;
            if matches!(pause, Ok(Err(_))) {
                return;
            }
        }
    }

    /// What the daemon says now.
    ///
    /// # Errors
    ///
    /// [`Failure`] when it does not answer, or refuses.
    pub(super) async fn picture(&mut self, question: &Question) -> Result<Picture, Failure> {
        let heartbeat = self.client.heartbeat().await?;
        let first = self.client.plugins(&PluginFilter::default()).await?;
        let (plugins, _) = gather(&self.client, first, MOST_PLUGINS).await?;
        let listing = match &question.subject {
            Some(subject) => Some(self.listing(subject).await?),
            None => None,
        };
        Ok(Picture { heartbeat, plugins, listing })
    }

    /// The series of one plugin.
    async fn listing(&mut self, subject: &Subject) -> Result<Listing, Failure> {
        if self.owners.as_ref().is_none_or(|(since, _)| since.elapsed() > OWNERS_LAST) {
            let first = self.client.metrics(&ValueFilter::default()).await?;
            let (metrics, _) = gather(&self.client, first, MOST_OWNED).await?;
            self.owners = Some((Instant::now(), Owners::new(metrics)));
        }
        let none = Owners::default();
        let owners = self.owners.as_ref().map_or(&none, |(_, owners)| owners);
        let plugin = Some(owners.filter(subject));
        let first = self.client.values(&ValueFilter { plugin, ..ValueFilter::default() }).await?;
        let (mut views, is_cut) = gather(&self.client, first, MOST_SERIES).await?;
        views.retain(|view| owners.may_be_of(&view.identifier, &subject.id));
        Ok(Listing { id: subject.id.clone(), views, is_cut })
    }
}

/// Which plugin feeds which series: its names alone do not tell.
#[derive(Debug, Default)]
struct Owners {
    /// Id of the plugin by identifier.
    ids: HashMap<String, String>,
    /// Plugin parts of the identifiers by id.
    parts: BTreeMap<String, BTreeSet<String>>,
}

impl Owners {
    fn new(metrics: Vec<Metric>) -> Self {
        let mut owners = Self::default();
        for metric in metrics {
            let Some(id) = metric.plugin else { continue };
            let middle = metric.identifier.split('/').nth(1).unwrap_or_default();
            let part = middle.split('-').next().unwrap_or_default().to_owned();
            owners.parts.entry(id.clone()).or_default().insert(part);
            owners.ids.insert(metric.identifier, id);
        }
        owners
    }

    /// Whether a series is of the plugin `id`, or it is not known whose.
    fn may_be_of(&self, identifier: &str, id: &str) -> bool {
        self.ids.get(identifier).is_none_or(|owner| owner == id)
    }

    /// The filter of plugin parts that finds the series of a plugin, with some of others. Without any known
    /// one it is the name of the type.
    fn filter(&self, subject: &Subject) -> String {
        match self.parts.get(&subject.id) {
            Some(parts) => pattern(parts.iter().map(String::as_str)),
            None => pattern(std::iter::once(subject.type_name.as_str())),
        }
    }
}

/// Whether the API takes a text as it stands.
fn is_exact(text: &str) -> bool {
    !text.contains(['*', '?']) && !text.starts_with("re:")
}

/// The filter that finds each of these texts, as many as fit; one text as it stands where that is possible.
fn pattern<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut alternatives = String::new();
    let mut all = 0;
    let mut last = "";
    for text in texts {
        let escaped = escaped(text);
        if alternatives.len() + escaped.len() >= LONGEST_FILTER {
            break;
        }
        if all > 0 {
            alternatives.push('|');
        }
        alternatives.push_str(&escaped);
        (all, last) = (all + 1, text);
    }
    if all == 1 && is_exact(last) { last.to_owned() } else { format!(r"re:\A(?:{alternatives})\z") }
}

/// The expression that finds just this text.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, char| {
        if char.is_ascii_punctuation() && char != '_' {
            out.push('\\');
        }
        out.push(char);
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(identifier: &str, plugin: Option<&str>) -> Metric {
        Metric {
            identifier: identifier.to_owned(),
            type_name: "t".to_owned(),
            data_sources: vec![],
            plugin: plugin.map(str::to_owned),
            unit: None,
            interval: 10.0,
            age: 1.0,
        }
    }

    fn subject(id: &str, type_name: &str) -> Subject {
        Subject { id: id.to_owned(), type_name: type_name.to_owned() }
    }

    #[test]
    fn series_are_found_by_who_feeds_them() {
        let owners = Owners::new(vec![
            metric("h/cpu-0/t", Some("cpu")),
            metric("h/cpu-1/t", Some("cpu")),
            metric("h/df-root/t", Some("df-2")),
            metric("h/my.x/t", Some("exec")),
            metric("h/my_y-a/t", Some("exec")),
            metric("h/old/t", None),
        ]);
        assert_eq!(owners.filter(&subject("cpu", "cpu")), "cpu");
        assert_eq!(owners.filter(&subject("df-2", "df")), "df");
        assert_eq!(owners.filter(&subject("exec", "exec")), r"re:\A(?:my\.x|my_y)\z");
        assert_eq!(owners.filter(&subject("new", "memory")), "memory");
        assert!(owners.may_be_of("h/cpu-0/t", "cpu"));
        assert!(!owners.may_be_of("h/df-root/t", "df"));
        assert!(owners.may_be_of("h/old/t", "df"), "nobody knows better");
    }

    #[test]
    fn a_filter_never_grows_beyond_what_the_daemon_takes() {
        let many: Vec<String> = (0..1_000).map(|number| format!("part{number}")).collect();
        let filter = pattern(many.iter().map(String::as_str));
        assert!(filter.len() <= 1_024, "{}", filter.len());
        assert!(filter.starts_with(r"re:\A(?:part0|part1|"), "{filter}");
    }

    #[test]
    fn a_name_that_is_a_pattern_is_meant_as_it_stands() {
        assert_eq!(pattern(["a*"].into_iter()), r"re:\A(?:a\*)\z");
        assert_eq!(pattern(["re:x"].into_iter()), r"re:\A(?:re\:x)\z");
    }
}
