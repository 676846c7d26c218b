//! One value list on its way through chains, rule by rule: for series whose name depends on their values, and
//! for who wants to see what happens.

use std::sync::Arc;

use super::{Ended, Stage};
use crate::rules::chain::{Chain, Chains, Flow, MAX_DEPTH, MAX_STEPS, Tally, Target};

/// One rule that was tried.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trace {
    /// The chain.
    pub chain: Arc<str>,
    /// The rule; `None` for the targets at the end of the chain.
    pub rule: Option<Arc<str>>,
    /// Whether all its matches matched.
    pub matched: bool,
    /// Whether the way ended here.
    pub stopped: bool,
    /// The name behind it.
    pub name: String,
}

impl Stage<'_> {
    /// Passes a value list through a chain and those that it jumps to; `name` is what the series is called, and
    /// changes. With `traces` every rule that is tried is noted, and nothing is counted.
    pub fn walk(
        &mut self,
        chains: &Chains,
        chain: &Chain,
        name: &mut String,
        traces: Option<&mut Vec<Trace>>,
    ) -> Ended {
        Walk { chains, traces, left: MAX_STEPS + 1 }.chain(self, chain, name, 0).into()
    }

    fn other(&self, name: &str) -> Option<Arc<str>> {
        (name != self.own).then(|| name.into())
    }
}

struct Walk<'a> {
    chains: &'a Chains,
    traces: Option<&'a mut Vec<Trace>>,
    /// Steps that may still be taken; chains that are in effect need no more.
    left: u64,
}

impl Walk<'_> {
    fn chain(&mut self, stage: &mut Stage<'_>, chain: &Chain, name: &mut String, depth: usize) -> Flow {
        for rule in &chain.rules {
            self.left = self.left.saturating_sub(1 + rule.matches.len() as u64);
            if self.left == 0 {
                return Flow::Continue;
            }
            let own = (*name != stage.own).then_some(name.as_str());
            let matched = rule.chooses(name) && stage.holds(rule, own);
            let noted = self.note(chain, Some(&rule.id), matched, name);
            if !matched {
                continue;
            }
            if self.traces.is_none() {
                rule.tally.count_matched();
            }
            let flow = self.targets(stage, &rule.targets, &rule.tally, name, depth);
            self.settle(noted, flow, name);
            match flow {
                Flow::Continue => {}
                Flow::Return => return Flow::Continue,
                Flow::Stop => return Flow::Stop,
            }
        }
        let noted = (!chain.targets.is_empty()).then(|| self.note(chain, None, true, name)).flatten();
        let flow = self.targets(stage, &chain.targets, &chain.tally, name, depth);
        self.settle(noted, flow, name);
        if flow == Flow::Stop { flow } else { Flow::Continue }
    }

    /// Notes a rule that is tried; answers where.
    fn note(&mut self, chain: &Chain, rule: Option<&Arc<str>>, matched: bool, name: &str) -> Option<usize> {
        let traces = self.traces.as_mut()?;
        let (chain, rule, name) = (Arc::clone(&chain.id), rule.cloned(), name.to_owned());
        traces.push(Trace { chain, rule, matched, stopped: false, name });
        Some(traces.len() - 1)
    }

    fn settle(&mut self, noted: Option<usize>, flow: Flow, name: &str) {
        if let (Some(at), Some(traces)) = (noted, self.traces.as_mut()) {
            traces[at].stopped = flow == Flow::Stop;
            name.clone_into(&mut traces[at].name);
        }
    }

    fn targets(
        &mut self,
        stage: &mut Stage<'_>,
        targets: &[Target],
        tally: &Tally,
        name: &mut String,
        depth: usize,
    ) -> Flow {
        for target in targets {
            self.left = self.left.saturating_sub(1);
            if self.left == 0 {
                return Flow::Continue;
            }
            match target {
                Target::Stop => {
                    if self.traces.is_none() {
                        tally.count_stopped();
                    }
                    return Flow::Stop;
                }
                Target::Return => return Flow::Return,
                Target::Jump(to) => {
                    let chain = self.chains.all.get(to).filter(|_| depth < MAX_DEPTH).cloned();
                    if let Some(chain) = chain
                        && self.chain(stage, &chain, name, depth + 1) == Flow::Stop
                    {
                        return Flow::Stop;
                    }
                }
                Target::Set(set) => *name = set.apply(name).unwrap_or_else(|| name.clone()),
                Target::Replace(replace) => *name = replace.apply(name).unwrap_or_else(|| name.clone()),
                Target::Write(route) => stage.write(route, stage.other(name)),
                Target::Scale(scale) => stage.scale(scale),
                Target::Notify(notice) => {
                    let other = stage.other(name);
                    stage.say(notice, other.as_deref());
                }
            }
        }
        Flow::Continue
    }
}
