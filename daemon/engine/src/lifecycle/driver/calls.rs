//! Calls into what runs: when they begin, what came of them, and those that do not come back.

use std::sync::Arc;

use gatherd_model::{CdTime, Interval};

use super::{Driver, SETTLED_AFTER};
use crate::bus::Heard;
use crate::lifecycle::change::{Change, How};
use crate::lifecycle::command::{CommandFailure, Reply, answer};
use crate::lifecycle::fault::Fault;
use crate::lifecycle::instance::{After, Call, Request, Returned};
use crate::lifecycle::{Denied, Event, Failures, State};
use crate::port::{CallFailure, Flush, OpenFailure};
use crate::schedule::{Outcome, read_deadline};

impl Driver {
    pub(super) fn ask_flush(&mut self, what: Flush, reply: Reply) {
        if self.instance.is_none() {
            answer(reply, Err(Denied::NotUp.into()));
        } else if self.flush.is_some() {
            answer(reply, Err(CommandFailure::Busy));
        } else {
            self.flush = Some((what, reply));
        }
    }

    pub(super) fn call(&mut self, request: Request, reply: Option<Reply>, interval: Interval) {
        let now = self.now();
        let limit = self.around.settings.read_deadline.map(CdTime::from_duration);
        let deadline = now.plus(limit.unwrap_or_else(|| read_deadline(interval)));
        if let Some(instance) = &mut self.instance {
            instance.begin(request, reply, now, deadline);
        }
    }

    pub(super) fn time_passed(&mut self) {
        let now = self.now();
        if let Some(Change::Opening(_)) =
            self.change.as_ref().filter(|c| c.deadline().is_some_and(|d| now >= d))
        {
            self.opening_is_stuck();
        }
        if matches!(self.state, State::Running(failures) if failures != Failures(0)) && now >= self.settles {
            self.must(Event::Settled);
        }
        if self.change.is_none()
            && matches!(self.state, State::Backoff(_, until) if now >= until)
            && let Some(spec) = self.spec.clone()
        {
            self.must(Event::Start);
            self.open((*spec).clone(), How::Start { insist: true }, None);
        }
        let Some(instance) = &self.instance else { return };
        match (instance.call(), &self.schedule) {
            (Some(call), _) if now >= call.deadline => self.call_is_stuck(),
            (None, Some(schedule)) if schedule.is_due(now) => {
                if instance.reads() {
                    self.vitals.read_began(now.since(schedule.due()));
                }
                let interval = instance.spec.interval;
                self.call(Request::Read, None, interval);
            }
            _ => {}
        }
    }

    pub(super) fn returned(&mut self, returned: Returned) {
        let Some(instance) = &mut self.instance else { return };
        let Some((call, mut outcome)) = instance.take_back(returned) else { return };
        let reads = instance.reads();
        if !reads && call.request == Request::Read && outcome == Err(CallFailure::NotSupported) {
            outcome = Ok(()); // It only had to show that it is there.
        }
        let lost = matches!(&outcome, Err(CallFailure::Lost(_)));
        match call.request {
            Request::Read => self.read_ended(&call, &outcome, reads),
            Request::Flush(_) | Request::Notify(_) if lost => {}
            Request::Flush(_) => self.could_not("flush", &outcome),
            Request::Notify(_) => self.could_not("take a notification", &outcome),
        }
        let fault = outcome.as_ref().err().filter(|_| lost).map(Fault::of_read);
        if let Some(reply) = call.reply {
            answer(reply, outcome.map_err(Into::into));
        }
        if let Some(fault) = fault
            && let Some(instance) = self.instance.take()
        {
            // Its thread may take a while to end; the back-off goes on meanwhile.
            tokio::spawn(instance.retire(self.ending(After::Another)));
            self.fell(fault);
        }
    }

    fn read_ended(&mut self, call: &Call, outcome: &Result<(), CallFailure>, reads: bool) {
        let now = self.now();
        let kind = if outcome.is_ok() { Outcome::Good } else { Outcome::Bad };
        let overruns = self.schedule.as_mut().map_or(0, |schedule| schedule.finished(kind, now));
        if reads {
            let ended = self.vitals.read_ended(now.since(call.began), overruns, outcome.is_ok());
            if ended > 0 {
                tracing::info!(plugin = %self.id, failures = ended, "the plugin reads again");
            }
        }
        match outcome {
            Ok(()) | Err(CallFailure::Lost(_)) => {}
            Err(failure) => {
                self.settles = self.settling_from(now);
                self.note(Fault::of_read(failure));
            }
        }
    }

    /// Tells a plugin that wants them of a notification, or says that it was too slow for some.
    pub(super) fn heard(&mut self, heard: Heard) {
        let Some(interval) = self.instance.as_ref().map(|instance| instance.spec.interval) else { return };
        match heard {
            Heard::One(published) => {
                self.call(Request::Notify(Arc::clone(&published.notification)), None, interval);
            }
            Heard::Lost(lost) => {
                tracing::warn!(plugin = %self.id, lost, "the plugin was too slow for notifications");
            }
        }
    }

    fn could_not(&self, what: &str, outcome: &Result<(), CallFailure>) {
        if let Err(failure) = outcome {
            tracing::warn!(plugin = %self.id, "the plugin could not {what}: {failure}");
        }
    }

    /// Ten intervals of what runs from `now` on.
    pub(super) fn settling_from(&self, now: CdTime) -> CdTime {
        let interval = self.spec.as_ref().map_or(0, |spec| spec.interval.units());
        now.plus(CdTime(interval.saturating_mul(SETTLED_AFTER)))
    }

    pub(super) fn note(&self, fault: Fault) {
        let (code, message) = (fault.code, fault.message.clone());
        if self.vitals.failed(fault, self.around.clock.wall()) {
            tracing::warn!(plugin = %self.id, code, "the plugin failed: {message}");
        }
    }

    /// Nothing runs any more: try again later, or give up.
    pub(super) fn fell(&mut self, fault: Fault) {
        if fault.is_loss() && self.is_lost_again() {
            let limit = self.around.settings.losses;
            let within = self.around.settings.losses_within;
            let message = format!(
                "the plugin was lost {limit} times in {within:?} and stays off until somebody restarts it; the last: {}",
                fault.message
            );
            self.note(fault);
            return self.fell(Fault { code: "crash_loop", message });
        }
        let event = if fault.is_final() { Event::GaveUp } else { Event::Failed };
        self.note(fault);
        self.must(event);
        if event == Event::GaveUp {
            self.leave_nothing();
        }
    }

    /// Counts a loss; answers whether there were too many of them.
    fn is_lost_again(&mut self) -> bool {
        let now = self.now();
        let within = CdTime::from_duration(self.around.settings.losses_within);
        self.losses.push_back(now);
        self.losses.retain(|at| now.since(*at) < within);
        self.losses.len() >= self.around.settings.losses
    }

    fn call_is_stuck(&mut self) {
        let Some(instance) = self.instance.take() else { return };
        let after = instance.call().map_or(CdTime::ZERO, |call| self.now().since(call.began));
        let message = format!("a call of the plugin did not come back in {after} s");
        if let Some(reply) = instance.abandon(self.ending(After::Another)) {
            answer(reply, Err(CallFailure::Lost(message.clone()).into()));
        }
        let fault = Fault { code: "stuck", message };
        if self.around.threads.is_full() {
            self.note(fault);
            self.fell(self.thread_limit());
        } else {
            self.fell(fault);
        }
    }

    fn thread_limit(&self) -> Fault {
        Fault::of_opening(&self.too_many_threads())
    }

    pub(super) fn too_many_threads(&self) -> OpenFailure {
        let (abandoned, limit) = (self.around.threads.abandoned(), self.around.threads.limit());
        let detail = format!(
            "{abandoned} calls of plugins never came back and at most {limit} are borne: \
             run the plugin isolated, or restart the daemon"
        );
        OpenFailure::Init { code: "thread_limit", detail }
    }
}
