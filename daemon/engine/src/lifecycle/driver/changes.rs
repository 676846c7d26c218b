//! Changes of what runs: open, replace, stop, give up.

use std::sync::Arc;
use std::time::Duration;

use gatherd_model::CdTime;

use super::Driver;
use crate::lifecycle::change::{Change, Handover, How, Opening};
use crate::lifecycle::command::{Command, CommandFailure, Reply, answer};
use crate::lifecycle::fault::Fault;
use crate::lifecycle::instance::{self, After, Instance};
use crate::lifecycle::{COMMANDS, Event, State};
use crate::port::{OpenFailure, Plugin, Spec};
use crate::schedule::{Pace, Schedule};

impl Driver {
    pub(super) fn open(&mut self, spec: Spec, how: How, reply: Option<Reply>) {
        if how == (How::Start { insist: true }) {
            self.vitals.wanted(&Arc::new(spec.clone()));
        }
        if self.around.threads.is_full() && self.vitals.has_abandoned() {
            let failure = self.too_many_threads();
            return self.open_failed(how, reply, failure);
        }
        let (id, counters) = (Arc::clone(&self.id), Arc::clone(&self.counters));
        let door = self.around.way.open_limited_door(id, spec.interval, counters, &spec.limits);
        let opening = instance::open(Arc::clone(&self.around.kind), spec.clone(), Arc::clone(&door));
        let deadline = self.now().plus(CdTime::from_duration(self.around.settings.open_deadline));
        let opening = Opening { future: Box::pin(opening), deadline, spec, door, how, reply };
        self.change = Some(Change::Opening(Box::new(opening)));
    }

    pub(super) fn opened(&mut self, opened: Result<Box<dyn Plugin>, OpenFailure>) {
        let Some(Change::Opening(opening)) = self.change.take() else { return };
        let Opening { spec, door, how, reply, .. } = *opening;
        match opened {
            Ok(plugin) => {
                let instance = Instance::new(plugin, spec, door, self.around.way.bus());
                match self.instance.take() {
                    Some(old) => self.hand_over(old, Some((Box::new(instance), reply))),
                    None => self.install(instance, how, reply),
                }
            }
            Err(failure) => {
                door.close();
                if failure.code() == "init_timeout" {
                    self.vitals.abandoned();
                    self.around.threads.lose();
                }
                self.open_failed(how, reply, failure);
            }
        }
    }

    /// The kind did not keep its own deadline.
    pub(super) fn opening_is_stuck(&mut self) {
        let Some(Change::Opening(opening)) = self.change.take() else { return };
        let limit = self.around.settings.open_deadline;
        let detail = format!("the plugin was not open after {limit:?}");
        let failure = OpenFailure::Init { code: "init_timeout", detail };
        let how = opening.how;
        self.vitals.abandoned();
        self.around.threads.abandon(opening.cancel(failure.clone().into()));
        self.open_failed(how, None, failure);
    }

    fn open_failed(&mut self, how: How, reply: Option<Reply>, failure: OpenFailure) {
        let fault = Fault::of_opening(&failure);
        match how {
            How::Start { insist: true } => self.fell(fault),
            How::Start { insist: false } => {
                self.note(fault);
                self.must(Event::Refused);
            }
            How::Beside if self.instance.is_some() => {
                tracing::warn!(plugin = %self.id, "the plugin was not replaced and runs on: {failure}");
            }
            How::Beside => self.note(fault),
        }
        if let Some(reply) = reply {
            answer(reply, Err(failure.into()));
        }
    }

    /// Ends `old`; then comes `next`, or nothing.
    fn hand_over(&mut self, old: Instance, next: Option<(Box<Instance>, Option<Reply>)>) {
        let after = if next.is_some() { After::Another } else { After::Nothing };
        let future = Box::pin(old.retire(self.ending(after)));
        self.change = Some(Change::Handover(Handover { future, next, stops: Vec::new() }));
    }

    pub(super) fn retired(&mut self) {
        let Some(Change::Handover(handover)) = self.change.take() else { return };
        let Handover { next, stops, .. } = handover;
        match next {
            Some((instance, reply)) => self.install(*instance, How::Beside, reply),
            None => self.must(Event::Exited),
        }
        for reply in stops {
            answer(reply, Ok(()));
        }
    }

    /// No instance comes any more: what waits for one in the output's queue is given up.
    pub(super) fn leave_nothing(&self) {
        if self.vitals.writes() {
            tokio::spawn(self.around.outputs.detach(&self.id, Duration::ZERO));
        }
    }

    /// Lets an opened instance run.
    fn install(&mut self, mut instance: Instance, how: How, reply: Option<Reply>) {
        let output = instance.output.take();
        if output.is_none() {
            self.leave_nothing();
        }
        if let Some(output) = output
            && let Err(full) = self.around.outputs.attach(&self.id, output)
        {
            tokio::spawn(instance.retire(self.ending(After::Nothing)));
            let failure = OpenFailure::Init { code: "outputs_full", detail: full.to_string() };
            if let (How::Beside, State::Running(_)) = (how, self.state) {
                // What it should replace has ended for it.
                self.must(Event::Failed);
            }
            return self.open_failed(how, reply, failure);
        }
        let now = self.now();
        let reads = instance.reads();
        self.vitals.opened(&instance.spec, instance.manifest.clone(), reads, self.around.clock.wall());
        self.vitals.runs_in(instance.process.clone());
        self.spec = Some(Arc::clone(&instance.spec));
        self.arm(&instance, now);
        self.settles = self.settling_from(now);
        self.instance = Some(instance);
        self.must(if how == How::Beside { Event::Replaced } else { Event::Started });
        if let Some(reply) = reply {
            answer(reply, Ok(()));
        }
    }

    fn arm(&mut self, instance: &Instance, now: CdTime) {
        let longest = self.around.settings.max_read_interval;
        let pace = Pace::new(self.id.as_str(), instance.spec.interval, longest);
        self.schedule = match self.schedule.take() {
            None => Some(Schedule::new(pace, now)),
            Some(mut schedule) => {
                schedule.rearm(pace, now);
                Some(schedule)
            }
        };
    }

    pub(super) fn stop(&mut self, reply: Reply) {
        if let Some(Command::Start { reply, .. } | Command::Replace { reply, .. }) = self.waiting.take() {
            answer(reply, Err(CommandFailure::Superseded));
        }
        self.must(Event::Stop);
        let running = self.instance.take();
        match (self.change.take(), running) {
            (Some(Change::Handover(handover)), _) => self.stop_after(handover, reply),
            (opening, Some(instance)) => {
                self.cancel(opening);
                self.hand_over(instance, None);
                self.answer_when_ended(reply);
            }
            (opening, None) => {
                self.cancel(opening);
                self.leave_nothing();
                if self.state == State::Stopping {
                    self.must(Event::Exited);
                }
                answer(reply, Ok(()));
            }
        }
    }

    fn cancel(&mut self, change: Option<Change>) {
        if let Some(Change::Opening(opening)) = change {
            self.around.threads.abandon(opening.cancel(CommandFailure::Superseded));
        }
    }

    /// An ending goes on already: what should have come next ends too.
    fn stop_after(&mut self, mut handover: Handover, reply: Reply) {
        if let Some((instance, waiting)) = handover.next.take() {
            if let Some(waiting) = waiting {
                answer(waiting, Err(CommandFailure::Superseded));
            }
            let (before, after) = (handover.future, instance.retire(self.ending(After::Nothing)));
            handover.future = Box::pin(async move {
                before.await;
                after.await;
            });
        }
        self.change = Some(Change::Handover(handover));
        self.answer_when_ended(reply);
    }

    fn answer_when_ended(&mut self, reply: Reply) {
        match &mut self.change {
            Some(Change::Handover(handover)) if handover.stops.len() < COMMANDS => handover.stops.push(reply),
            _ => answer(reply, Err(CommandFailure::Busy)),
        }
    }

    /// The last steps: nothing is left running behind.
    pub(super) async fn end(mut self) {
        let ending = self.ending(After::Nothing);
        if let Some(change) = self.change.take() {
            match change {
                Change::Opening(opening) => self.cancel(Some(Change::Opening(opening))),
                Change::Handover(handover) => {
                    handover.future.await;
                    if let Some((next, _)) = handover.next {
                        next.retire(self.ending(After::Nothing)).await;
                    }
                }
            }
        }
        if let Some(instance) = self.instance.take() {
            instance.retire(ending).await;
        } else {
            self.leave_nothing();
        }
    }
}
