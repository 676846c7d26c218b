//! The life of one plugin: a pure state machine, and the driver task that alone calls the plugin.
//!
//! ```text
//!  registry ──commands──► driver ──Event──► State::on ──Effect──► driver ──► dyn Plugin
//!           ◄──Vitals────   └ Schedule says when to read
//! ```
//!
//! Commands wait in a bounded queue, and each is answered on a channel of its own; a full queue answers
//! [`CommandFailure::Busy`]. No call into a plugin holds up a command: a read that does not come back can
//! still be stopped. What does not come back within its deadline is abandoned, counted, and bounded for the
//! whole daemon by [`Threads`]. A plugin that does not read is asked to all the same, every interval: that it
//! answers [`CallFailure::NotSupported`](crate::port::CallFailure) in time shows that it lives.

mod change;
mod command;
mod driver;
mod fault;
mod instance;
mod state;
mod threads;
mod vitals;

use std::sync::Arc;
use std::time::Duration;

use gatherd_model::CdTime;
use tokio::sync::mpsc;

pub use command::{CommandFailure, Life};
pub use fault::LastError;
pub(crate) use instance::{open as open_beside, read_beside};
pub use state::{Denied, Effect, Event, Failures, State};
pub use threads::Threads;
pub use vitals::{Recent, Vitals, VitalsReading};

use crate::output::NoRoom;
use crate::port::{BoxFuture, Clock, Output, PluginId, PluginKind};
use crate::way::{Counters, Way};

/// Commands that wait for one plugin at the most.
const COMMANDS: usize = 16;

/// Where the outputs of plugins go.
pub trait Outputs: Send + Sync + 'static {
    /// Feeds `output` from now on. Called within a tokio runtime; an id has one output at a time.
    ///
    /// # Errors
    ///
    /// [`NoRoom`] when there are as many outputs as there can be.
    fn attach(&self, id: &Arc<PluginId>, output: Box<dyn Output>) -> Result<(), NoRoom>;

    /// Feeds the output of `id` no more, from this call on; the future ends when what it was given is
    /// carried away or `deadline` has passed.
    fn detach(&self, id: &PluginId, deadline: Duration) -> BoxFuture<'static, ()>;

    /// Takes the output of `id` out of use, from this call on; what it was not given yet, and what comes, waits
    /// for the next that is attached. The future ends when its running write has, or `deadline` has passed.
    fn suspend(&self, id: &PluginId, deadline: Duration) -> BoxFuture<'static, ()>;
}

/// How long the plugins may take for what.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Longest time between two reads of a plugin whose reads fail.
    pub max_read_interval: CdTime,
    /// After this long a read or flush is stuck; `None` for the larger of two intervals and ten seconds.
    pub read_deadline: Option<Duration>,
    /// After this long an opening is given up. The kinds have deadlines of their own below it.
    pub open_deadline: Duration,
    /// After this long a plugin that was asked to stop is abandoned, its running call included.
    pub stop_deadline: Duration,
    /// Most calls that may be abandoned at a time, in the whole daemon.
    pub abandoned_threads: usize,
    /// After so many lost instances within `losses_within` a plugin is not opened again until somebody acts.
    pub losses: usize,
    /// See `losses`.
    pub losses_within: Duration,
    /// After this long a change that waits for an earlier one of the same plugin is refused.
    pub turn_deadline: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_read_interval: CdTime::from_secs(86_400),
            read_deadline: None,
            open_deadline: Duration::from_secs(30),
            stop_deadline: Duration::from_secs(5),
            abandoned_threads: 16,
            losses: 8,
            losses_within: Duration::from_mins(10),
            turn_deadline: Duration::from_mins(1),
        }
    }
}

/// What the life of a plugin needs around it.
#[derive(Clone)]
pub struct Surroundings {
    /// Opens instances.
    pub kind: Arc<dyn PluginKind>,
    /// Where their values go.
    pub way: Arc<Way>,
    /// Where their outputs go.
    pub outputs: Arc<dyn Outputs>,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// The calls of all plugins that never came back.
    pub threads: Arc<Threads>,
    /// How long what may take.
    pub settings: Settings,
}

/// Begins the life of a plugin that is stopped at first; must be called within a tokio runtime. It ends, the
/// instance stopped, when every [`Life`] of it is dropped.
pub fn begin(id: Arc<PluginId>, counters: Arc<Counters>, around: Surroundings) -> Life {
    let vitals = Arc::new(Vitals::new(around.clock.wall()));
    let (commands, inbox) = mpsc::channel(COMMANDS);
    let driver = driver::Driver::new(id, counters, around, Arc::clone(&vitals));
    tokio::spawn(driver.run(inbox));
    Life::new(commands, vitals)
}

#[cfg(test)]
pub(crate) mod fakes;
#[cfg(test)]
mod tests;
