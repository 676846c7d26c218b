//! A threshold: which series, and what is too much of them. Data only; judging is the room `threshold`.

use std::sync::Arc;

use gatherd_model::{CdTime, DataSet};

use super::{Hide, Matcher, Rule, Template};

/// What still is no fault: from `min` to `max`, both included. `None` is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    /// Less than this is a fault.
    pub min: Option<f64>,
    /// More than this is a fault.
    pub max: Option<f64>,
}

impl Bounds {
    /// True where neither bound is set.
    pub fn is_empty(self) -> bool {
        self.min.is_none() && self.max.is_none()
    }

    /// Whether `value` is beyond a bound; with `invert`, whether it is within all that are set. Never where
    /// none is set, nor for a value that is not known.
    pub fn is_fault(self, value: f64, invert: bool) -> bool {
        let beyond = self.min.is_some_and(|min| value < min) || self.max.is_some_and(|max| value > max);
        !self.is_empty() && !value.is_nan() && beyond != invert
    }

    /// Bounds that are harder to come back within by `distance`.
    #[must_use]
    pub fn narrowed(self, distance: f64, invert: bool) -> Self {
        let distance = if invert { -distance } else { distance };
        Self { min: self.min.map(|min| min + distance), max: self.max.map(|max| max - distance) }
    }
}

/// What is made of the values of the last while before they are compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Function {
    /// Their mean.
    Mean,
    /// The least of them.
    Min,
    /// The greatest of them.
    Max,
    /// How they changed, per second: from the oldest to the newest.
    Rate,
}

impl Function {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
            Self::Rate => "rate",
        }
    }
}

/// The last while, and what is made of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Window {
    /// How long; a span.
    pub span: CdTime,
    /// What is made of it.
    pub function: Function,
}

/// A threshold, compiled. collectd's options keep their meaning; see collectd-threshold(5).
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "collectd's switches, each by its own name")]
pub struct Threshold {
    /// Its name.
    pub id: Arc<str>,
    /// Which series it judges.
    pub matcher: Matcher,
    /// The only data source that it judges; all for `None`.
    pub data_source: Option<Box<str>>,
    /// Beyond these it is a warning.
    pub warning: Bounds,
    /// Beyond these it is a failure.
    pub failure: Bounds,
    /// A warning ends within these; at least as narrow as `warning`.
    pub clear_warning: Bounds,
    /// A failure ends within these; at least as narrow as `failure`.
    pub clear_failure: Bounds,
    /// Whether what lies between the bounds is the fault.
    pub invert: bool,
    /// Whether values are compared as percentages of the sum of all data sources.
    pub percentage: bool,
    /// Whether each value that is a fault is said, not only the first.
    pub persist: bool,
    /// Whether each value that is none is said, not only the first after a fault.
    pub persist_ok: bool,
    /// Whether it is a failure when a series falls silent.
    pub interesting: bool,
    /// How many values are passed over before a change is said, as collectd counts: the one after those
    /// that exceed this number. 0 for none.
    pub hits: u32,
    /// What is made of several values; each by itself for `None`.
    pub window: Option<Window>,
    /// How long it must be worse before that is said; a span.
    pub delay_up: CdTime,
    /// How long it must be better before that is said; a span.
    pub delay_down: CdTime,
    /// What is said of a fault; collectd's words for `None`.
    pub message: Option<Template>,
    /// What is said when it is over; collectd's words for `None`.
    pub message_okay: Option<Template>,
}

impl Threshold {
    /// A threshold without a name that judges every series and finds no fault; to be filled in.
    pub fn of_nothing() -> Self {
        let (warning, failure) = (Bounds::default(), Bounds::default());
        Self {
            id: "".into(),
            matcher: Matcher::default(),
            data_source: None,
            warning,
            failure,
            clear_warning: warning,
            clear_failure: failure,
            invert: false,
            percentage: false,
            persist: false,
            persist_ok: false,
            interesting: true,
            hits: 0,
            window: None,
            delay_up: CdTime::ZERO,
            delay_down: CdTime::ZERO,
            message: None,
            message_okay: None,
        }
    }
}

impl Rule for Threshold {
    fn id(&self) -> &str {
        &self.id
    }

    fn matcher(&self) -> &Matcher {
        &self.matcher
    }
}

/// What the rules say of judging one series.
#[derive(Clone, Debug, Default)]
pub struct Assignment {
    /// What judges each data source, in data-set order.
    pub sources: Box<[Option<Arc<Threshold>>]>,
    /// The rule that keeps it from being judged, where there is one.
    pub exempt: Option<Arc<Hide>>,
    /// The rule that keeps it from being said, where there is one.
    pub silent: Option<Arc<Hide>>,
}

impl Assignment {
    /// Of `matching`, the most specific first, those that are as specific as the first judge; a data source
    /// is judged by one of them: rather by one that names it, else by the first by id.
    pub(super) fn choose<'a>(matching: impl Iterator<Item = &'a Arc<Threshold>>, set: &DataSet) -> Self {
        let mut sources: Box<[Option<Arc<Threshold>>]> = vec![None; set.sources.len()].into();
        let mut of = None;
        for rule in matching {
            let specificity = rule.matcher.specificity();
            if *of.get_or_insert(specificity) != specificity {
                break;
            }
            for (chosen, source) in sources.iter_mut().zip(&set.sources) {
                let better = match (&rule.data_source, &*chosen) {
                    (Some(name), Some(before)) => **name == *source.name && before.data_source.is_none(),
                    (Some(name), None) => **name == *source.name,
                    (None, chosen) => chosen.is_none(),
                };
                if better {
                    *chosen = Some(Arc::clone(rule));
                }
            }
        }
        Self { sources, exempt: None, silent: None }
    }

    /// The first rule that judges a data source.
    pub fn first(&self) -> Option<&Arc<Threshold>> {
        self.sources.iter().flatten().next()
    }

    /// True where some data source is judged.
    pub fn judges(&self) -> bool {
        self.exempt.is_none() && self.first().is_some()
    }

    /// True where the same rules judge.
    pub fn is_same(&self, other: &Self) -> bool {
        let same = |one: &Option<Arc<Threshold>>, other: &Option<Arc<Threshold>>| match (one, other) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        self.exempt.is_some() == other.exempt.is_some()
            && self.sources.len() == other.sources.len()
            && self.sources.iter().zip(&other.sources).all(|(one, other)| same(one, other))
    }
}
