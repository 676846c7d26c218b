//! What waits for one output, within its bounds. Pure: time is an argument, nothing waits.
//!
//! ```text
//!  offer ──► waiting ──take──► in flight ──settle──► acknowledged, refused
//!    │          │  ▲               │
//!    └► full    │  └── not carried ┘
//!               └► full, lowered, aged, abandoned
//! ```
//!
//! Every value list that was ever offered is in exactly one place; [`Buffer::ledger`] tells how many are where.
//! What leaves is handed to the caller, who lets go of it when nobody waits for the lock.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::{BufferSettings, Ledger, Loss, WhenFull};
use crate::port::Delivery;

/// What has left the buffer; to be let go of outside of locks.
pub(super) type Gone = Vec<Waiting>;

/// One delivery that waits or is being written.
#[derive(Debug)]
pub(super) struct Waiting {
    delivery: Delivery,
    /// When it came.
    since: Instant,
    /// Numbers count up in the order in which deliveries came.
    pub(super) number: u64,
    /// It left without having been carried away, and no flush was told of it yet.
    pub(super) lost: bool,
}

impl Waiting {
    /// How many value lists it is.
    pub(super) fn values(&self) -> u64 {
        values_of(&self.delivery)
    }
}

/// What the output answered for what it was handed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Settled {
    /// Deliveries that were carried away.
    pub(super) carried: usize,
    /// Whether the one behind them can not be carried at all.
    pub(super) refused: bool,
}

/// How full a buffer is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Depth {
    /// Batches that wait or are being written.
    pub batches: u64,
    /// Bytes of memory of these.
    pub bytes: u64,
    /// How long the oldest of them is there; zero where there is none.
    pub oldest: Duration,
}

/// What waits for one output.
#[derive(Debug)]
pub(super) struct Buffer {
    settings: BufferSettings,
    waiting: VecDeque<Waiting>,
    in_flight: VecDeque<Waiting>,
    /// Of both.
    bytes: u64,
    next_number: u64,
    ledger: Ledger,
}

impl Buffer {
    pub(super) fn new(settings: BufferSettings) -> Self {
        Self {
            settings,
            waiting: VecDeque::new(),
            in_flight: VecDeque::new(),
            bytes: 0,
            next_number: 0,
            ledger: Ledger::default(),
        }
    }

    pub(super) fn settings(&self) -> &BufferSettings {
        &self.settings
    }

    pub(super) fn ledger(&self) -> Ledger {
        self.ledger
    }

    pub(super) fn depth(&self, now: Instant) -> Depth {
        let oldest = self.in_flight.front().or(self.waiting.front());
        Depth {
            batches: (self.in_flight.len() + self.waiting.len()) as u64,
            bytes: self.bytes,
            oldest: oldest.map_or(Duration::ZERO, |oldest| now.duration_since(oldest.since)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.in_flight.is_empty()
    }

    /// Whether one more of this size has room.
    pub(super) fn has_room(&self, delivery: &Delivery) -> bool {
        self.ledger.open() + values_of(delivery) <= self.settings.max_values
            && self.bytes + bytes_of(delivery) <= self.settings.max_bytes
    }

    /// Takes one more, and makes room for it where the policy says so.
    ///
    /// # Errors
    ///
    /// The delivery itself, uncounted, where the policy lets it wait for room.
    pub(super) fn offer(
        &mut self,
        delivery: Delivery,
        now: Instant,
        gone: &mut Gone,
    ) -> Result<(), Delivery> {
        if !self.has_room(&delivery) {
            self.age_out(now, gone);
        }
        if self.settings.when_full == WhenFull::DropOldest {
            while !self.has_room(&delivery)
                && let Some(oldest) = self.waiting.pop_front()
            {
                self.lose(oldest, Loss::QueueFull, gone);
            }
        }
        match self.settings.when_full {
            _ if self.has_room(&delivery) => self.enter(delivery, now),
            WhenFull::Block(_) => return Err(delivery),
            WhenFull::DropOldest | WhenFull::DropNewest => self.turn_away(&delivery, Loss::QueueFull),
        }
        Ok(())
    }

    fn enter(&mut self, delivery: Delivery, now: Instant) {
        let values = values_of(&delivery);
        self.ledger.accepted += values;
        self.ledger.queued += values;
        self.bytes += bytes_of(&delivery);
        self.waiting.push_back(Waiting { delivery, since: now, number: self.next_number, lost: false });
        self.next_number += 1;
    }

    /// Counts one that does not get in.
    pub(super) fn turn_away(&mut self, delivery: &Delivery, loss: Loss) {
        let values = values_of(delivery);
        self.ledger.accepted += values;
        self.ledger.lose(loss, values);
    }

    fn lose(&mut self, mut waiting: Waiting, loss: Loss, gone: &mut Gone) {
        waiting.lost = true;
        let values = waiting.values();
        self.ledger.queued -= values;
        self.ledger.lose(loss, values);
        self.bytes -= bytes_of(&waiting.delivery);
        gone.push(waiting);
    }

    /// Drops what has waited too long.
    pub(super) fn age_out(&mut self, now: Instant, gone: &mut Gone) {
        let Some(max_age) = self.settings.max_age else { return };
        while let Some(oldest) = self.waiting.pop_front_if(|oldest| now - oldest.since >= max_age) {
            self.lose(oldest, Loss::Aged, gone);
        }
    }

    /// Other bounds, a smaller queue losing by the policy what has no room any more. What is being written is
    /// let be until it is settled.
    pub(super) fn configure(&mut self, settings: BufferSettings, now: Instant, gone: &mut Gone) {
        self.settings = settings;
        self.age_out(now, gone);
        self.lower(gone);
    }

    fn lower(&mut self, gone: &mut Gone) {
        while self.ledger.open() > self.settings.max_values || self.bytes > self.settings.max_bytes {
            let leaves = match self.settings.when_full {
                WhenFull::DropOldest => self.waiting.pop_front(),
                WhenFull::DropNewest | WhenFull::Block(_) => self.waiting.pop_back(),
            };
            let Some(leaves) = leaves else { break };
            self.lose(leaves, Loss::Lowered, gone);
        }
    }

    /// Hands out what is written next, oldest first; it stays in flight until it is settled.
    pub(super) fn take(&mut self, deliveries: &mut Vec<Delivery>) {
        let mut values = 0;
        while values < self.settings.batch_values
            && let Some(oldest) = self.waiting.pop_front()
        {
            values += values_of(&oldest.delivery);
            deliveries.push(oldest.delivery.clone());
            self.in_flight.push_back(oldest);
        }
        self.ledger.queued -= values;
        self.ledger.in_flight += values;
    }

    /// What became of what is in flight; the rest of it waits again, in its old order.
    pub(super) fn settle(&mut self, settled: Settled, gone: &mut Gone) {
        let carried = settled.carried.min(self.in_flight.len());
        let refused = usize::from(settled.refused && carried < self.in_flight.len());
        for (at, mut done) in self.in_flight.drain(..carried + refused).enumerate() {
            let values = done.values();
            self.ledger.in_flight -= values;
            self.bytes -= bytes_of(&done.delivery);
            if at < carried {
                self.ledger.acknowledged += values;
            } else {
                self.ledger.lose(Loss::Refused, values);
                done.lost = true;
            }
            gone.push(done);
        }
        self.put_back(gone);
    }

    /// What was in flight and is not settled waits again.
    pub(super) fn put_back(&mut self, gone: &mut Gone) {
        self.take_back();
        // The bounds may have been lowered while it was away.
        self.lower(gone);
    }

    fn take_back(&mut self) {
        while let Some(last) = self.in_flight.pop_back() {
            self.waiting.push_front(last);
        }
        self.ledger.queued += std::mem::take(&mut self.ledger.in_flight);
    }

    /// Counts a write that is tried again.
    pub(super) fn retried(&mut self) {
        self.ledger.retries += 1;
    }

    /// Nothing of what is here will be carried away any more.
    pub(super) fn abandon(&mut self, gone: &mut Gone) {
        self.take_back();
        while let Some(oldest) = self.waiting.pop_front() {
            self.lose(oldest, Loss::Abandoned, gone);
        }
    }

    /// When there is enough to write: at once for a full batch, else when the oldest waited long enough;
    /// `None` where nothing waits.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let oldest = self.waiting.front()?;
        let enough = self.settings.batch_values.min(self.settings.max_values / 2);
        if self.ledger.queued >= enough || self.bytes >= self.settings.max_bytes / 2 {
            return Some(now);
        }
        Some(oldest.since + self.settings.flush_interval)
    }

    /// When the oldest has waited too long.
    pub(super) fn ages_at(&self) -> Option<Instant> {
        Some(self.waiting.front()?.since + self.settings.max_age?)
    }

    /// The number up to which all has left once everything is gone that now is here for at least `older_than`;
    /// see [`Buffer::has_left`].
    pub(super) fn mark(&self, older_than: Duration, now: Instant) -> u64 {
        let all = self.waiting.iter().rev().chain(self.in_flight.iter().rev());
        let mut old = all.skip_while(|waiting| now - waiting.since < older_than);
        old.next().map_or(0, |newest| newest.number + 1)
    }

    /// Whether everything numbered below `mark` has left.
    pub(super) fn has_left(&self, mark: u64) -> bool {
        let oldest = self.in_flight.front().or(self.waiting.front());
        oldest.is_none_or(|oldest| oldest.number >= mark)
    }
}

fn values_of(delivery: &Delivery) -> u64 {
    delivery.len() as u64
}

fn bytes_of(delivery: &Delivery) -> u64 {
    (delivery.bytes() + size_of::<Waiting>()) as u64
}
