//! The daemon's side of the control socket and of the values ring; one task per host process.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use gatherd_loader::{BatchRef, Door, Handle, IdentityRef, LogLevel, Status};
use gatherd_model::{CdTime, Interval, MAX_NAME, Notification};
use gatherd_wire::{
    Answer, Consumer, Corrupt, Description, FrameError, Frames, Identity, Loaded, MAX_REGISTRATIONS, Note,
    PROTOCOL, RING_BYTES, RecordError, Registration, ToDaemon, ToHost, Values, Welcome, encode,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::{mpsc, oneshot};

use super::bounds::bounded;
use super::line::{Done, Order, Signs};
use crate::native::Threshold;

/// Bytes that are read at once.
const STEP: usize = 16 << 10;

/// Answers about samples that are told at once; of more, the host learns at the next dispatch.
const SETTLED: usize = 4096;

/// How a host broke the protocol.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Ring(#[from] Corrupt),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("it answered a call that nobody made")]
    NoSuchCall,
    #[error("it speaks protocol {found}, this daemon speaks {}", PROTOCOL.major)]
    Version { found: u32 },
    #[error("the control socket failed")]
    Socket(#[from] io::Error),
}

/// One host process as the daemon talks to it.
pub(super) struct Conversation {
    socket: UnixStream,
    frames: Frames,
    values: Consumer,
    /// An event descriptor, which is read as a pipe is.
    event: Receiver,
    /// `None` for a host that only judges.
    threshold: Option<Arc<Threshold>>,
    loaded: Option<oneshot::Sender<Loaded>>,
    calls: HashMap<u64, oneshot::Sender<Done>>,
    next: u64,
    room: Room,
}

/// Buffers that are kept, so that the steady state allocates nothing.
#[derive(Default)]
struct Room {
    record: Vec<u64>,
    offsets: Vec<u32>,
    handles: Vec<Handle>,
    results: Vec<Status>,
    refused: Vec<(u64, i32)>,
}

impl Conversation {
    pub(super) fn new(
        socket: UnixStream,
        values: Consumer,
        event: OwnedFd,
        threshold: Option<Arc<Threshold>>,
        loaded: oneshot::Sender<Loaded>,
    ) -> io::Result<Self> {
        Ok(Self {
            socket,
            frames: Frames::default(),
            values,
            event: Receiver::from_owned_fd_unchecked(event)?,
            threshold,
            loaded: Some(loaded),
            calls: HashMap::new(),
            next: 1,
            room: Room::default(),
        })
    }

    /// Talks until the host has gone or nobody asks it anything any more.
    pub(super) async fn run(
        mut self,
        mut orders: mpsc::Receiver<Order>,
        signs: &Signs,
    ) -> Result<(), Broken> {
        let (mut buffer, mut count) = (vec![0; STEP], [0; 8]);
        loop {
            self.drain().await?;
            if !self.values.sleep() {
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => self.order(order).await?,
                    None => return Ok(()),
                },
                count = self.socket.read(&mut buffer) => {
                    // A peer that was killed may reset the socket: that is its end, and no news.
                    let count = count.unwrap_or(0);
                    if count == 0 {
                        // What it had put into the ring before counts.
                        self.drain().await?;
                        return Ok(());
                    }
                    self.frames.add(&buffer[..count]);
                }
                woken = self.event.read(&mut count) => drop(woken?),
            }
            self.values.awake();
            while let Some(message) = self.frames.take()? {
                signs.named.fetch_add(named_by(&message), Ordering::Relaxed);
                self.heard(bounded(message)).await?;
            }
        }
    }

    async fn order(&mut self, order: Order) -> Result<(), Broken> {
        let Order { message, reply } = order;
        let call = self.next;
        self.next += 1;
        // Who gave up needs no place; the host answers all the same.
        self.calls.retain(|_, reply| !reply.is_closed());
        self.calls.insert(call, reply);
        self.tell(&message(call)).await
    }

    async fn tell(&mut self, message: &ToHost) -> Result<(), Broken> {
        let bytes = encode(message)?;
        // One that reads no more has gone, which the next read tells.
        let _gone = self.socket.write_all(&bytes).await;
        Ok(())
    }

    async fn heard(&mut self, message: ToDaemon) -> Result<(), Broken> {
        match message {
            ToDaemon::Hello(Welcome { protocol, name, version }) => {
                if PROTOCOL.common(protocol).is_none() {
                    return Err(Broken::Version { found: protocol.major });
                }
                tracing::debug!("a host process began: {name:?} {version:?}");
            }
            ToDaemon::Loaded(loaded) => {
                if let Some(tell) = self.loaded.take() {
                    let _gave_up = tell.send(loaded);
                }
            }
            ToDaemon::Done { call, outcome, records } => {
                // Its values enter before it answers.
                self.drain().await?;
                if call == 0 || call >= self.next {
                    return Err(Broken::NoSuchCall);
                }
                if let Some(reply) = self.calls.remove(&call) {
                    let _gave_up = reply.send(Done { outcome, records });
                }
            }
            ToDaemon::Register { question, identity, data_set } => {
                let answer = self.register(&identity, &data_set);
                self.answer(Answer { question, ..answer }).await?;
            }
            ToDaemon::RegisterMany { question, series } => {
                let answer = self.register_many(&series);
                self.answer(Answer { question, ..answer }).await?;
            }
            ToDaemon::Notify { question, notification } => {
                let status = self.notify(notification).0;
                self.answer(Answer { question, status, ..Answer::default() }).await?;
            }
            ToDaemon::Describe { question, series } => {
                let answer = self.describe(series);
                self.answer(Answer { question, ..answer }).await?;
            }
            ToDaemon::Log { level, message } => {
                if let Some(threshold) = &self.threshold {
                    threshold.log(LogLevel(level), &message);
                }
            }
            ToDaemon::Breach { status, what } => {
                if let Some(threshold) = &self.threshold {
                    threshold.breach(Status(status), &what);
                }
            }
            ToDaemon::Unknown => {}
        }
        Ok(())
    }

    async fn answer(&mut self, answer: Answer) -> Result<(), Broken> {
        self.tell(&ToHost::Answer(answer)).await
    }

    fn register(&self, identity: &Identity, data_set: &str) -> Answer {
        match self.name(identity, data_set) {
            Ok(Handle(handle)) => Answer { handle: Some(handle), ..Answer::default() },
            Err(Status(status)) => Answer { status, ..Answer::default() },
        }
    }

    fn register_many(&self, series: &[Registration]) -> Answer {
        if series.len() > MAX_REGISTRATIONS {
            if let Some(threshold) = &self.threshold {
                threshold.breach(Status::BAD_CALL, "too many series are registered at once");
            }
            return Answer { status: Status::BAD_CALL.0, ..Answer::default() };
        }
        let mut answer = Answer::default();
        for Registration { identity, data_set } in series {
            let named = self.name(identity, data_set);
            answer.handles.push(named.map_or(0, |Handle(handle)| handle));
            answer.statuses.push(named.err().unwrap_or(Status::OK).0);
        }
        answer
    }

    fn name(&self, identity: &Identity, data_set: &str) -> Result<Handle, Status> {
        let threshold = self.threshold.as_ref().ok_or(Status::CLOSED)?;
        let Some(parts) = parts(identity) else {
            threshold.breach(Status::BAD_NAME, "a part of an identifier is too long");
            return Err(Status::BAD_NAME);
        };
        threshold.register(parts, data_set)
    }

    fn notify(&self, note: Note) -> Status {
        let Some(threshold) = &self.threshold else { return Status::CLOSED };
        match Notification::try_from(note) {
            Ok(notification) => threshold.notify(notification),
            Err(error) => {
                threshold.breach(Status::BAD_CALL, &error.to_string());
                Status::BAD_CALL
            }
        }
    }

    fn describe(&self, series: u64) -> Answer {
        let Some(threshold) = &self.threshold else {
            return Answer { status: Status::CLOSED.0, ..Answer::default() };
        };
        let mut found = None;
        let status = threshold.describe(series, &mut |identity, set| {
            found = Some(Description::new(owned(&identity), set));
        });
        Answer { status: status.0, series: found, ..Answer::default() }
    }

    /// Lets in what lies in the ring, at most one ring full, and tells what was not taken.
    async fn drain(&mut self) -> Result<(), Broken> {
        let mut words = 0;
        while words < RING_BYTES / size_of::<u64>() && self.values.pop(&mut self.room.record)? {
            words += self.room.record.len() + 1;
            self.room.pass(self.threshold.as_deref())?;
        }
        let dropped = self.values.take_dropped();
        if let Some(threshold) = self.threshold.as_ref().filter(|_| dropped > 0) {
            threshold.dropped(dropped);
        }
        if self.room.refused.is_empty() {
            return Ok(());
        }
        let refused = std::mem::take(&mut self.room.refused);
        self.tell(&ToHost::Settled { refused }).await
    }
}

impl Room {
    /// Lets one record in.
    fn pass(&mut self, threshold: Option<&Threshold>) -> Result<(), Broken> {
        let Self { record, offsets, handles, results, refused } = self;
        let batch = Values::read(record, offsets)?;
        let Some(threshold) = threshold else { return Ok(()) };
        handles.clear();
        handles.extend(batch.handles.iter().map(|handle| Handle(*handle)));
        results.clear();
        results.resize(handles.len(), Status::OK);
        let first = threshold.dispatch(BatchRef {
            time: (batch.time != 0).then_some(CdTime(batch.time)),
            interval: Interval::from_units(batch.interval),
            handles,
            offsets: batch.offsets,
            values: batch.values,
            times: batch.times,
            intervals: batch.intervals,
            results: Some(results),
            meta: "",
        });
        if first != Status::OK {
            let room = SETTLED.saturating_sub(refused.len());
            let told = handles.iter().zip(results).filter(|(_, status)| **status != Status::OK);
            refused.extend(told.map(|(handle, status)| (handle.0, status.0)).take(room));
        }
        Ok(())
    }
}

/// How many series a message makes known.
fn named_by(message: &ToDaemon) -> u64 {
    match message {
        ToDaemon::Register { .. } => 1,
        ToDaemon::RegisterMany { series, .. } => series.len() as u64,
        _ => 0,
    }
}

/// The parts of an identifier; `None` where one is longer than any may be.
fn parts(identity: &Identity) -> Option<IdentityRef<'_>> {
    let Identity { host, plugin, plugin_instance, type_name, type_instance } = identity;
    let fit =
        [host, plugin, plugin_instance, type_name, type_instance].iter().all(|part| part.len() <= MAX_NAME);
    fit.then_some(IdentityRef { host, plugin, plugin_instance, type_name, type_instance })
}

fn owned(identity: &IdentityRef<'_>) -> Identity {
    let IdentityRef { host, plugin, plugin_instance, type_name, type_instance } = *identity;
    Identity {
        host: host.into(),
        plugin: plugin.into(),
        plugin_instance: plugin_instance.into(),
        type_name: type_name.into(),
        type_instance: type_instance.into(),
    }
}
