//! What a queue is at a moment, and how it moves. Pure: time and chance are arguments, nothing waits.

use std::sync::Arc;
use std::time::Duration;

use gatherd_model::CdTime;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Edge, FLUSHES, FlushError, FlushOrder, Flushed, NEVER, Next, Wrote};
use crate::output::buffer::{Buffer, Gone, Settled};
use crate::output::{Attached, Failing, LastFailure, Loss, OutputSettings, Standing, WhenFull};
use crate::port::{Delivery, Flush, PluginId};

/// The others hear of one output's failures at most this often.
const TOLD_AGAIN: Duration = Duration::from_mins(1);

pub(super) struct State {
    pub(super) buffer: Buffer,
    pub(super) paused: bool,
    pub(super) closed: bool,
    /// The number of the worker that has the queue; none while it waits for the next instance of its plugin.
    owner: Option<u64>,
    /// How many workers had it so far.
    owners: u64,
    /// A sender waited for room in vain, and there was none since.
    pub(super) jammed: bool,
    /// Senders that wait for room now.
    pub(super) blocked: usize,
    /// Until when the worker sleeps, where it does.
    asleep: Option<Instant>,
    /// A failed write is not tried again before.
    retry_at: Option<Instant>,
    failing: Option<Failing>,
    last_failure: Option<LastFailure>,
    /// When the others last heard of a failure, and whether they still have to hear of its end.
    told: Option<(Instant, bool)>,
    flushes: Vec<FlushOrder>,
}

/// The moment at which a write ended.
pub(super) struct Moment {
    pub(super) now: Instant,
    pub(super) wall: CdTime,
    /// Between 0 and 1.
    pub(super) chance: f64,
}

impl State {
    pub(super) fn new(settings: &OutputSettings) -> Self {
        Self {
            buffer: Buffer::new(settings.buffer),
            paused: settings.paused,
            closed: false,
            owner: None,
            owners: 0,
            jammed: false,
            blocked: 0,
            asleep: None,
            retry_at: None,
            failing: None,
            last_failure: None,
            told: None,
            flushes: Vec::new(),
        }
    }

    pub(super) fn may_block(&self) -> bool {
        !self.closed && !self.jammed && matches!(self.buffer.settings().when_full, WhenFull::Block(_))
    }

    /// Takes a delivery, or drops by the policy; hands it back with the moment until which it may wait.
    pub(super) fn offer(
        &mut self,
        delivery: Delivery,
        now: Instant,
        gone: &mut Gone,
    ) -> Result<(), (Delivery, Instant)> {
        if self.closed {
            self.buffer.turn_away(&delivery, Loss::Abandoned);
            return Ok(());
        }
        let Err(delivery) = self.buffer.offer(delivery, now, gone) else { return Ok(()) };
        match self.buffer.settings().when_full {
            WhenFull::Block(longest) if !self.jammed && may_wait() => Err((delivery, now + longest)),
            _ => {
                self.buffer.turn_away(&delivery, Loss::QueueFull);
                Ok(())
            }
        }
    }

    /// As [`State::offer`] for one that will wait no more.
    pub(super) fn offer_at_last(&mut self, delivery: Delivery, now: Instant, gone: &mut Gone) {
        if let Err((delivery, _)) = self.offer(delivery, now, gone) {
            self.jammed = true;
            self.buffer.turn_away(&delivery, Loss::QueueFull);
        }
    }

    /// A worker has the queue from now on; answers the number that it names.
    pub(super) fn own(&mut self) -> u64 {
        self.owners += 1;
        self.owner = Some(self.owners);
        self.owners
    }

    /// No worker has the queue from now on; unless another than `owner` has it meanwhile.
    pub(super) fn disown(&mut self, owner: Option<u64>) {
        if owner.is_none() || owner == self.owner {
            self.owner = None;
        }
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
        self.retry_at = None;
    }

    /// The next write is tried without a pause.
    pub(super) fn hurry(&mut self) {
        self.retry_at = None;
    }

    pub(super) fn configure(
        &mut self,
        id: &PluginId,
        settings: &OutputSettings,
        now: Instant,
        gone: &mut Gone,
    ) {
        if *self.buffer.settings() != settings.buffer {
            self.buffer.configure(settings.buffer, now, gone);
            self.jammed = false;
            self.retry_at = None;
        }
        self.paused = settings.paused;
        if self.paused {
            for order in self.flushes.drain(..) {
                let _asker_left = order.reply.send(Err(FlushError::Paused(id.clone())));
            }
        }
    }

    pub(super) fn flush(
        &mut self,
        id: &PluginId,
        older_than: Duration,
        what: Vec<Flush>,
        now: Instant,
    ) -> Result<oneshot::Receiver<Result<Flushed, FlushError>>, FlushError> {
        // Whoever stopped waiting takes no place.
        self.flushes.retain(|order| !order.reply.is_closed());
        if self.closed {
            return Err(FlushError::Ended(id.clone()));
        }
        if self.paused {
            return Err(FlushError::Paused(id.clone()));
        }
        if self.flushes.len() >= FLUSHES {
            return Err(FlushError::Busy(id.clone()));
        }
        let (reply, answer) = oneshot::channel();
        let mark = self.buffer.mark(older_than, now);
        self.flushes.push(FlushOrder { mark, lost: 0, what, reply });
        self.retry_at = None;
        Ok(answer)
    }

    /// Tells the flushes, once, what left without having been carried away.
    pub(super) fn note_gone(&mut self, gone: &mut Gone) {
        for gone in gone.iter_mut().filter(|gone| gone.lost) {
            gone.lost = false;
            for order in self.flushes.iter_mut().filter(|order| gone.number < order.mark) {
                order.lost += gone.values();
            }
        }
    }

    pub(super) fn abandon(&mut self, gone: &mut Gone) {
        self.closed = true;
        self.buffer.abandon(gone);
        self.flushes.clear();
    }

    /// What the worker `owner` does next, or until when it may sleep.
    pub(super) fn next(
        &mut self,
        owner: u64,
        deliveries: &mut Vec<Delivery>,
        now: Instant,
        gone: &mut Gone,
    ) -> Result<Next, Instant> {
        self.asleep = None;
        if self.owner != Some(owner) {
            return Ok(Next::End);
        }
        self.buffer.age_out(now, gone);
        self.note_gone(gone);
        if let Some(at) = self.flushes.iter().position(|order| self.buffer.has_left(order.mark)) {
            return Ok(Next::Flush(self.flushes.remove(at)));
        }
        if self.closed && (self.buffer.is_empty() || self.paused) {
            return Ok(Next::End);
        }
        let due = self.due(now);
        if due.is_some_and(|due| due <= now) {
            self.buffer.take(deliveries);
            return Ok(Next::Write);
        }
        let until = [due, self.buffer.ages_at()].into_iter().flatten().min();
        let until = until.unwrap_or(now + NEVER);
        self.asleep = Some(until);
        Err(until)
    }

    /// When there is something to write; `None` where that depends on others.
    fn due(&self, now: Instant) -> Option<Instant> {
        if self.paused {
            return None;
        }
        let due = self.buffer.due(now)?;
        let due = if self.closed || !self.flushes.is_empty() { now } else { due };
        Some(self.retry_at.map_or(due, |retry_at| due.max(retry_at)))
    }

    /// Whether a sleeping worker has to look again, which it then does.
    pub(super) fn wakes(&mut self, now: Instant) -> bool {
        let Some(until) = self.asleep else { return false };
        let flushes = self.flushes.iter().any(|order| self.buffer.has_left(order.mark));
        let wakes = flushes || self.due(now).is_some_and(|due| due < until);
        if wakes {
            self.asleep = None;
        }
        wakes
    }

    /// What became of the `handed` deliveries that the worker wrote.
    pub(super) fn settle(&mut self, wrote: Wrote, handed: usize, moment: &Moment, gone: &mut Gone) -> Edge {
        let (carried, refused) = match &wrote {
            Wrote::All => (handed, false),
            Wrote::Refused { carried, .. } => (*carried, true),
            Wrote::Later { carried, .. } | Wrote::Lost { carried, .. } => (*carried, false),
        };
        self.buffer.settle(Settled { carried, refused }, gone);
        match wrote {
            Wrote::All => {
                self.retry_at = None;
                let failed = self.failing.take().is_some();
                let untold = self.told.as_mut().is_some_and(|(_, untold)| std::mem::take(untold));
                if failed && untold { Edge::Ended } else { Edge::None }
            }
            Wrote::Refused { reason, .. } => {
                self.note_failure(&reason, moment.wall);
                if self.tells(moment.now) { Edge::Refused(reason) } else { Edge::None }
            }
            Wrote::Later { reason, .. } | Wrote::Lost { reason, .. } => {
                self.fail(reason, carried > 0, moment)
            }
        }
    }

    fn fail(&mut self, reason: String, progress: bool, moment: &Moment) -> Edge {
        let failing = self.failing.get_or_insert(Failing { since: moment.wall, failures: 0 });
        // The pause begins anew where something was carried away.
        failing.failures = if progress { 1 } else { failing.failures.saturating_add(1) };
        let pause = self.buffer.settings().retry.pause(failing.failures, moment.chance);
        let first = failing.failures == 1;
        self.retry_at = Some(moment.now + pause);
        self.note_failure(&reason, moment.wall);
        self.buffer.retried();
        if !(first && self.tells(moment.now)) {
            return Edge::None;
        }
        self.told = Some((moment.now, true));
        Edge::Began(reason)
    }

    fn note_failure(&mut self, reason: &str, at: CdTime) {
        self.last_failure = Some(LastFailure { at, reason: reason.into() });
    }

    /// Whether it is time to tell the log again.
    fn tells(&mut self, now: Instant) -> bool {
        let tells = self.told.is_none_or(|(told, _)| now - told >= TOLD_AGAIN);
        if tells {
            let untold = self.told.is_some_and(|(_, untold)| untold);
            self.told = Some((now, untold));
        }
        tells
    }

    pub(super) fn look(&mut self, id: &Arc<PluginId>, now: Instant, gone: &mut Gone) -> Attached {
        self.buffer.age_out(now, gone);
        Attached {
            id: Arc::clone(id),
            standing: self.standing(),
            failing: self.failing.clone(),
            last_failure: self.last_failure.clone(),
            settings: OutputSettings { buffer: *self.buffer.settings(), paused: self.paused },
            ledger: self.buffer.ledger(),
            depth: self.buffer.depth(now),
        }
    }

    fn standing(&self) -> Standing {
        if self.paused {
            Standing::Paused
        } else if self.owner.is_none() {
            Standing::Away
        } else if self.failing.is_some() {
            Standing::Failing
        } else {
            Standing::Running
        }
    }
}

/// Whether this thread may wait: a task of the daemon may not.
fn may_wait() -> bool {
    tokio::runtime::Handle::try_current().is_err()
}
