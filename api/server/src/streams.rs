//! The streams of events that are open: how many there may be, and when one has to end.
//!
//! ```text
//! request ─► seat (bounded) ─► polled again and again ─► given back when the stream is dropped
//!                                │
//!                                └─ the server stops, or others wait and nobody reads here: it ends
//! ```
//!
//! Who reads nothing is not polled by the server any more, so a stream cannot end itself then; that is why its seat
//! can be given away.

use crate::random::random;
use gatherd_api_types::StreamCounts;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a stream may go without being polled while others wait for a seat.
const STALLED: Duration = Duration::from_secs(30);

/// Why a stream ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Ending {
    /// The server stops.
    Stopping = 1,
    /// Nobody read it, and others wait.
    Stalled = 2,
}

/// All open streams of one server.
#[derive(Debug)]
pub(crate) struct Streams {
    life: u64,
    limit: usize,
    began: Instant,
    lost: AtomicU64,
    hall: Mutex<Hall>,
}

#[derive(Debug, Default)]
struct Hall {
    seats: Vec<Arc<Seat>>,
    refused: u64,
    is_stopping: bool,
}

#[derive(Debug)]
struct Seat {
    /// When it was polled last, in milliseconds since the server began.
    polled: AtomicU64,
    /// An [`Ending`], zero while there is none.
    ending: AtomicU8,
}

/// The right to have a stream open; dropped, it is free for another.
#[derive(Debug)]
pub(crate) struct Place {
    streams: Arc<Streams>,
    seat: Arc<Seat>,
}

impl Streams {
    /// Room for `limit` streams.
    pub(crate) fn new(limit: usize) -> Self {
        let (life, began) = (u64::from_ne_bytes(random()), Instant::now());
        Self { life, limit, began, lost: AtomicU64::new(0), hall: Mutex::default() }
    }

    /// A place for one more stream; `None` when all are taken, or the server stops.
    pub(crate) fn admit(self: &Arc<Self>) -> Option<Place> {
        self.admit_at(self.began.elapsed())
    }

    fn admit_at(self: &Arc<Self>, now: Duration) -> Option<Place> {
        let mut hall = self.hall();
        if hall.seats.len() >= self.limit {
            let stalled = hall.seats.iter().position(|seat| seat.is_stalled(now));
            if let Some(stalled) = stalled {
                hall.seats.swap_remove(stalled).end(Ending::Stalled);
            }
        }
        if hall.is_stopping || hall.seats.len() >= self.limit {
            hall.refused += 1;
            return None;
        }
        let seat = Arc::new(Seat { polled: AtomicU64::new(millis(now)), ending: AtomicU8::new(0) });
        hall.seats.push(Arc::clone(&seat));
        Some(Place { streams: Arc::clone(self), seat })
    }

    /// Ends all streams; none begins any more.
    pub(crate) fn stop(&self) {
        let mut hall = self.hall();
        hall.is_stopping = true;
        hall.seats.iter().for_each(|seat| seat.end(Ending::Stopping));
    }

    /// How many there are.
    pub(crate) fn counts(&self) -> StreamCounts {
        let hall = self.hall();
        let (open, limit) = (hall.seats.len() as u64, self.limit as u64);
        StreamCounts { open, limit, refused: hall.refused, lost: self.lost.load(Ordering::Relaxed) }
    }

    fn hall(&self) -> MutexGuard<'_, Hall> {
        self.hall.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    fn end(&self, why: Ending) {
        self.ending.store(why as u8, Ordering::Release);
    }

    fn is_stalled(&self, now: Duration) -> bool {
        millis(now).saturating_sub(self.polled.load(Ordering::Relaxed)) >= millis(STALLED)
    }
}

impl Place {
    /// Notes that the stream is read; answers whether and why it has to end.
    pub(crate) fn poll(&self) -> Option<Ending> {
        self.poll_at(self.streams.began.elapsed())
    }

    fn poll_at(&self, now: Duration) -> Option<Ending> {
        self.seat.polled.store(millis(now), Ordering::Relaxed);
        match self.seat.ending.load(Ordering::Acquire) {
            0 => None,
            1 => Some(Ending::Stopping),
            _ => Some(Ending::Stalled),
        }
    }

    /// Counts events that were lost on the way to the reader.
    pub(crate) fn count_lost(&self, lost: u64) {
        self.streams.lost.fetch_add(lost, Ordering::Relaxed);
    }

    /// Tells the numbers of this life of the daemon from those of others.
    pub(crate) fn life(&self) -> u64 {
        self.streams.life
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.streams.hall().seats.retain(|seat| !Arc::ptr_eq(seat, &self.seat));
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn more_streams_than_there_may_be_are_refused_until_one_ends() {
        let streams = Arc::new(Streams::new(2));
        let one = streams.admit_at(at(0)).unwrap();
        let _other = streams.admit_at(at(0)).unwrap();
        assert!(streams.admit_at(at(1)).is_none());
        assert_eq!(streams.counts(), StreamCounts { open: 2, limit: 2, refused: 1, lost: 0 });
        drop(one);
        assert!(streams.admit_at(at(1)).is_some());
    }

    #[test]
    fn the_place_of_a_stream_that_nobody_reads_goes_to_who_waits() {
        let streams = Arc::new(Streams::new(2));
        let (stalled, read) = (streams.admit_at(at(0)).unwrap(), streams.admit_at(at(0)).unwrap());
        assert_eq!(read.poll_at(at(29)), None);
        assert!(streams.admit_at(at(29)).is_none(), "half a minute is not over");
        let next = streams.admit_at(at(30)).unwrap();
        assert_eq!(stalled.poll_at(at(31)), Some(Ending::Stalled));
        assert_eq!((read.poll_at(at(31)), next.poll_at(at(31))), (None, None));
        drop(stalled);
        assert_eq!(streams.counts().open, 2, "what was given away is not given back");
    }

    #[test]
    fn a_stop_ends_all_streams_and_none_begins() {
        let streams = Arc::new(Streams::new(2));
        let place = streams.admit().unwrap();
        streams.stop();
        assert_eq!(place.poll(), Some(Ending::Stopping));
        assert!(streams.admit().is_none());
        place.count_lost(7);
        drop(place);
        assert_eq!(streams.counts(), StreamCounts { open: 0, limit: 2, refused: 1, lost: 7 });
    }
}
