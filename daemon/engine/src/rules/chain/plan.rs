//! What the chains do with the value lists of one series, as far as its name decides it.
//!
//! Chains are unrolled: what the name decides is gone, jumps are laid out where they are made, and what is
//! left are steps that only lead forward. So a plan ends, and costs at most its length.

use std::sync::Arc;

use super::{Chain, ChainRule, Chains, MAX_DEPTH, MAX_STEPS, Notice, Route, Scale, Tally, Target};
use crate::rules::{Hide, Rules};
use crate::series::Parts;

/// What the chains do with the value lists of one series.
#[derive(Debug)]
pub enum Plan {
    /// Nothing at all.
    Plain,
    /// These steps.
    Decided(Box<Decided>),
    /// Its name depends on its values, so the chains are walked for each value list.
    Open,
}

/// Steps before and after the cache.
#[derive(Debug, Default)]
pub struct Decided {
    /// Before the cache.
    pub before: Box<[Step]>,
    /// Whether no value list ever comes to the end of these.
    pub ends: bool,
    /// The name that is cached; its own for `None`.
    pub name: Option<Arc<str>>,
    /// What hides that name from collecting.
    pub hidden: Option<Arc<Hide>>,
    /// Whether a threshold may judge that name.
    pub judged: bool,
    /// Whether its values go into the history.
    pub remembered: bool,
    /// After the cache.
    pub after: Box<[Step]>,
}

/// One step. A name is `None` where it is that of the series the steps are of.
#[derive(Debug)]
pub enum Step {
    /// Goes on at `otherwise` unless all matches match that ask for values.
    Unless {
        /// Whose matches.
        rule: Arc<ChainRule>,
        /// The name at this step.
        name: Option<Arc<str>>,
        /// Where to go on; always further down.
        otherwise: usize,
    },
    /// Goes on further down.
    Go(usize),
    /// A rule matched.
    Matched(Arc<Tally>),
    /// The way ends.
    Stop(Arc<Tally>),
    /// Values change.
    Scale(Arc<Scale>),
    /// It goes to outputs.
    Write(Arc<Route>, Option<Arc<str>>),
    /// Something is said of it.
    Notify(Arc<Notice>, Option<Arc<str>>),
}

/// How a chain, or the targets of a rule, were left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flow {
    /// At their end.
    Continue,
    /// By `return`.
    Return,
    /// By `stop`.
    Stop,
}

impl Rules {
    /// What the chains do with the series with this identifier's text.
    pub fn plan(&self, text: &str) -> Plan {
        let chains = &self.lists().chains;
        let mut before = Planner::new(chains, text);
        let mut name = text.to_owned();
        let mut ends = false;
        if let Some(chain) = &chains.before {
            ends = before.chain(chain, &mut name, 0) == Flow::Stop;
        }
        if before.is_open {
            return Plan::Open;
        }
        let before = before.steps.into_boxed_slice();
        if ends {
            return Plan::Decided(Box::new(Decided { before, ends, ..Decided::default() }));
        }
        let mut after = Planner::new(chains, &name);
        match &chains.after {
            Some(chain) => {
                let _end = after.chain(chain, &mut name.clone(), 0);
            }
            None => after.steps.push(Step::Write(Route::to_all(), None)),
        }
        if after.is_open {
            return Plan::Open;
        }
        let after = after.steps;
        let is_plain = matches!(after.as_slice(), [Step::Write(route, None)] if route.is_all());
        if before.is_empty() && is_plain && name == text {
            return Plan::Plain;
        }
        let (parts, lists) = (Parts::of(&name), self.lists());
        let hidden = lists.collect.matching(&parts).next().map(|(_, rule)| Arc::clone(rule));
        let judged = lists.thresholds.matching(&parts).next().is_some();
        let remembered = self.remembered(&parts) > 0;
        let name: Option<Arc<str>> = (name != text).then(|| Arc::from(name.as_str()));
        Plan::Decided(Box::new(Decided {
            before,
            ends,
            hidden,
            judged,
            remembered,
            name,
            after: after.into_boxed_slice(),
        }))
    }
}

impl Plan {
    /// Whether its value lists may stay in the cache under the series' own name.
    pub fn stays(&self) -> bool {
        match self {
            Self::Plain | Self::Open => true,
            Self::Decided(decided) => !decided.ends && decided.name.is_none(),
        }
    }
}

struct Planner<'a> {
    chains: &'a Chains,
    /// The name of the series that the steps are of.
    own: &'a str,
    steps: Vec<Step>,
    /// Whether a name depends on values, so that there is no plan.
    is_open: bool,
}

/// Where a chain is left while others go on, and the name there.
type WaysOut = Vec<(usize, String)>;

impl<'a> Planner<'a> {
    fn new(chains: &'a Chains, own: &'a str) -> Self {
        Self { chains, own, steps: Vec::new(), is_open: false }
    }

    fn chain(&mut self, chain: &Chain, name: &mut String, depth: usize) -> Flow {
        let mut ways_out = WaysOut::new();
        let mut flow = self.rules(chain, name, depth, &mut ways_out);
        let end = self.steps.len();
        for (at, _) in &ways_out {
            self.steps[*at] = Step::Go(end);
        }
        if flow == Flow::Stop
            && let Some((_, first)) = ways_out.first()
        {
            first.clone_into(name);
            flow = Flow::Continue;
        }
        self.is_open |= ways_out.iter().any(|(_, other)| other != name);
        flow
    }

    fn rules(&mut self, chain: &Chain, name: &mut String, depth: usize, ways_out: &mut WaysOut) -> Flow {
        for rule in &chain.rules {
            if self.is_open || self.steps.len() as u64 > 4 * MAX_STEPS {
                self.is_open = true;
                return Flow::Continue;
            }
            if !rule.chooses(name) {
                continue;
            }
            if rule.needs_values() {
                self.perhaps(rule, name, depth, ways_out);
                continue;
            }
            self.steps.push(Step::Matched(Arc::clone(&rule.tally)));
            match self.targets(&rule.targets, &rule.tally, name, depth) {
                Flow::Continue => {}
                Flow::Return => return Flow::Continue,
                Flow::Stop => return Flow::Stop,
            }
        }
        match self.targets(&chain.targets, &chain.tally, name, depth) {
            Flow::Stop => Flow::Stop,
            Flow::Continue | Flow::Return => Flow::Continue,
        }
    }

    /// Lays out the targets of a rule whose matches ask for values.
    fn perhaps(&mut self, rule: &Arc<ChainRule>, name: &str, depth: usize, ways_out: &mut WaysOut) {
        let test = self.steps.len();
        self.steps.push(Step::Go(0));
        self.steps.push(Step::Matched(Arc::clone(&rule.tally)));
        let mut branch = name.to_owned();
        match self.targets(&rule.targets, &rule.tally, &mut branch, depth) {
            Flow::Stop => {}
            Flow::Return => {
                ways_out.push((self.steps.len(), branch));
                self.steps.push(Step::Go(0));
            }
            Flow::Continue => self.is_open |= branch != name,
        }
        let (rule, name, otherwise) = (Arc::clone(rule), self.other(name), self.steps.len());
        self.steps[test] = Step::Unless { rule, name, otherwise };
    }

    fn targets(&mut self, targets: &[Target], tally: &Arc<Tally>, name: &mut String, depth: usize) -> Flow {
        for target in targets {
            match target {
                Target::Stop => {
                    self.steps.push(Step::Stop(Arc::clone(tally)));
                    return Flow::Stop;
                }
                Target::Return => return Flow::Return,
                Target::Jump(to) => {
                    // A document that is in effect has no other jumps.
                    let chain = self.chains.all.get(to).filter(|_| depth < MAX_DEPTH).cloned();
                    if let Some(chain) = chain
                        && self.chain(&chain, name, depth + 1) == Flow::Stop
                    {
                        return Flow::Stop;
                    }
                }
                Target::Set(set) => *name = set.apply(name).unwrap_or_else(|| name.clone()),
                Target::Replace(replace) => *name = replace.apply(name).unwrap_or_else(|| name.clone()),
                Target::Write(route) => {
                    let name = self.other(name);
                    self.steps.push(Step::Write(Arc::clone(route), name));
                }
                Target::Scale(scale) => self.steps.push(Step::Scale(Arc::clone(scale))),
                Target::Notify(notice) => {
                    let name = self.other(name);
                    self.steps.push(Step::Notify(Arc::clone(notice), name));
                }
            }
        }
        Flow::Continue
    }

    /// A name, where it is not that of the series.
    fn other(&self, name: &str) -> Option<Arc<str>> {
        (name != self.own).then(|| name.into())
    }
}
