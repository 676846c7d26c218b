//! The task that alone calls one plugin. It executes what the state machine decides and never waits for a
//! plugin without listening to commands.

mod calls;
mod changes;

use std::collections::VecDeque;
use std::sync::Arc;

use gatherd_model::CdTime;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::change::{Change, How, Turned};
use super::command::{Command, CommandFailure, Reply, answer};
use super::instance::{After, Ending, Instance, Next, Request};
use super::{Denied, Effect, Event, Failures, State, Surroundings, Vitals};
use crate::port::{Flush, PluginId, Spec};
use crate::schedule::Schedule;
use crate::way::Counters;

/// Good intervals after which failures are forgiven.
const SETTLED_AFTER: u64 = 10;

/// The task of one plugin.
pub(super) struct Driver {
    id: Arc<PluginId>,
    counters: Arc<Counters>,
    around: Surroundings,
    vitals: Arc<Vitals>,
    state: State,
    /// What is opened again after a failure.
    spec: Option<Arc<Spec>>,
    instance: Option<Instance>,
    /// Survives instances, so that it can be armed again; `None` before the first.
    schedule: Option<Schedule>,
    /// Monotonic: when the failures are forgiven, unless another comes before.
    settles: CdTime,
    change: Option<Change>,
    /// A change that waits for the one that goes on.
    waiting: Option<Command>,
    /// Monotonic: when instances were lost, the newest last; as far back as it counts.
    losses: VecDeque<CdTime>,
    /// A flush that waits for the running call.
    flush: Option<(Flush, Reply)>,
}

/// What ends a wait.
enum Happened {
    Asked(Command),
    NobodyAsks,
    Within(Next),
    Turned(Turned),
    Time,
}

impl Driver {
    pub(super) fn new(
        id: Arc<PluginId>,
        counters: Arc<Counters>,
        around: Surroundings,
        vitals: Arc<Vitals>,
    ) -> Self {
        Self {
            id,
            counters,
            around,
            vitals,
            state: State::Stopped,
            spec: None,
            instance: None,
            schedule: None,
            settles: CdTime::MAX,
            change: None,
            waiting: None,
            losses: VecDeque::new(),
            flush: None,
        }
    }

    /// Lives until nobody can ask anything any more.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            match self.wait(&mut commands).await {
                Happened::Asked(command) => self.asked(command),
                Happened::Within(Next::Returned(returned)) => self.returned(returned),
                Happened::Within(Next::Heard(heard)) => self.heard(heard),
                Happened::Turned(Turned::Opened(opened)) => self.opened(opened),
                Happened::Turned(Turned::Retired) => self.retired(),
                Happened::Time => self.time_passed(),
                Happened::NobodyAsks => break,
            }
            self.go_on();
        }
        self.end().await;
    }

    async fn wait(&mut self, commands: &mut mpsc::Receiver<Command>) -> Happened {
        let wake = self.wakes_at().map(|at| at.since(self.now()).as_duration());
        let within = async {
            match &mut self.instance {
                Some(instance) => instance.next().await,
                None => std::future::pending().await,
            }
        };
        let turned = async {
            match &mut self.change {
                Some(change) => change.turned().await,
                None => std::future::pending().await,
            }
        };
        let time = async {
            match wake {
                Some(wait) => sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            command = commands.recv() => command.map_or(Happened::NobodyAsks, Happened::Asked),
            next = within => Happened::Within(next),
            turned = turned => Happened::Turned(turned),
            () = time => Happened::Time,
        }
    }

    fn now(&self) -> CdTime {
        self.around.clock.monotonic()
    }

    /// The next moment at which something is to be done; monotonic.
    fn wakes_at(&self) -> Option<CdTime> {
        let call = self.instance.as_ref().map(|instance| match instance.call() {
            Some(call) => call.deadline,
            None => self.schedule.as_ref().map_or(CdTime::MAX, Schedule::due),
        });
        let state = match self.state {
            State::Running(failures) if failures != Failures(0) => Some(self.settles),
            State::Backoff(_, until) if self.change.is_none() => Some(until),
            _ => None,
        };
        let change = self.change.as_ref().and_then(Change::deadline);
        [call, state, change].into_iter().flatten().min().filter(|at| *at != CdTime::MAX)
    }

    /// Moves the state machine; tells who looks.
    fn turn(&mut self, event: Event) -> Result<Effect, Denied> {
        let (next, effect) = self.state.on(event, self.now())?;
        let (from, to) = (self.state.as_str(), next.as_str());
        self.state = next;
        self.vitals.moved(next, self.around.clock.wall());
        if from != to {
            tracing::info!(plugin = %self.id, from, "the plugin is {to}");
        }
        Ok(effect)
    }

    /// Moves on what the driver itself has brought about.
    fn must(&mut self, event: Event) {
        if let Err(denied) = self.turn(event) {
            tracing::error!(plugin = %self.id, "the driver is out of step: {denied}");
        }
    }

    fn ending(&self, after: After) -> Ending {
        Ending {
            after,
            outputs: Arc::clone(&self.around.outputs),
            threads: Arc::clone(&self.around.threads),
            vitals: Arc::clone(&self.vitals),
            deadline: self.around.settings.stop_deadline,
        }
    }

    fn asked(&mut self, command: Command) {
        if matches!(command, Command::Start { .. } | Command::Replace { .. }) {
            self.losses.clear(); // Somebody acts.
        }
        match command {
            Command::Stop { reply } => self.stop(reply),
            Command::Flush { what, reply } => self.ask_flush(what, reply),
            change if self.change.is_some() => self.let_wait(change),
            Command::Start { spec, insist, reply } => match self.turn(Event::Start) {
                Ok(_open) => {
                    self.spec = Some(Arc::new((*spec).clone()));
                    self.open(*spec, How::Start { insist }, Some(reply));
                }
                Err(denied) => answer(reply, Err(denied.into())),
            },
            Command::Replace { spec, reply } => match self.turn(Event::Replace) {
                Ok(_open_beside) => self.open(*spec, How::Beside, Some(reply)),
                Err(denied) => answer(reply, Err(denied.into())),
            },
        }
    }

    /// One change may wait for another; a second is refused.
    fn let_wait(&mut self, change: Command) {
        if self.waiting.is_none() && self.state != State::Stopping {
            self.waiting = Some(change);
            return;
        }
        if let Command::Start { reply, .. } | Command::Replace { reply, .. } = change {
            let failure = match self.state {
                State::Stopping => Denied::Stopping.into(),
                _ => CommandFailure::Busy,
            };
            answer(reply, Err(failure));
        }
    }

    /// What became possible by what happened.
    fn go_on(&mut self) {
        if self.change.is_none()
            && let Some(command) = self.waiting.take()
        {
            self.asked(command);
        }
        if let Some(instance) = self.instance.as_ref().filter(|instance| instance.is_free()) {
            let interval = instance.spec.interval;
            if let Some((what, reply)) = self.flush.take() {
                self.call(Request::Flush(what), Some(reply), interval);
            }
        } else if self.instance.is_none()
            && let Some((_, reply)) = self.flush.take()
        {
            answer(reply, Err(Denied::NotUp.into()));
        }
        let reads = self.instance.as_ref().filter(|instance| instance.reads());
        self.vitals.next_read(reads.and(self.schedule.as_ref()).map(Schedule::due));
    }
}
