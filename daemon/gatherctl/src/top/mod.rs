//! The live view: `gatherctl top`.
//!
//! ```text
//!  keyboard (a thread of its own) ──► keys ──► state ──► draw ──► terminal
//!                                               ▲ │
//!                        pictures, outcomes ────┘ └──► feed, errands (tasks that ask the daemon)
//! ```
//!
//! `keys` and `state` are pure, and `draw` writes into a buffer: they know no terminal, no clock and no
//! daemon. Whoever waits for the daemon is a task of its own, so keys are obeyed while it does not answer.

mod draw;
mod feed;
mod filter;
mod history;
mod keys;
mod pace;
mod palette;
mod plugins;
mod series;
mod state;

use crate::failure::Failure;
use draw::draw;
use feed::{Errand, Feed, Question, Report};
use gatherd_client::Client;
use palette::Palette;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use state::{Effect, Top};
use std::io;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

/// Most reports and most keys that wait to be looked at.
const MOST_WAITING: usize = 64;

/// Longest time between two pictures on the terminal; ages go on while the daemon is silent.
const REDRAW: Duration = Duration::from_secs(1);

/// Why the live view does not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TopError {
    /// There is nothing to draw upon, or no keyboard.
    #[error("top needs a terminal for input and output: use `gatherctl plugins` or `gatherctl values -w`")]
    NoTerminal,
    /// The terminal does not do what it is told.
    #[error("the terminal failed")]
    Terminal(#[source] io::Error),
    /// The keyboard ended.
    #[error("the terminal gives no more keys")]
    NoKeys,
    /// What asks the daemon ended.
    #[error("what asks the daemon ended unexpectedly: start `gatherctl top` again")]
    NoReports,
}

/// Shows plugins and their values, looked at every `every`, and obeys keys until somebody has seen enough.
///
/// # Errors
///
/// [`Failure`] when the daemon does not answer the first time, [`TopError`] when the terminal fails.
pub(crate) async fn watch(client: &Client, every: Duration, colours: bool) -> Result<(), Failure> {
    let mut feed = Feed::new(client.clone(), every);
    // Before anything is drawn, so that a daemon that is not there is told as every command tells it.
    let first = feed.picture(&Question::default()).await?;
    let mut top = Top::new(every);
    top.report(Report::Picture(Ok(Box::new(first))), Duration::ZERO);
    let mut desk = Desk::new(client, feed).map_err(TopError::Terminal)?;
    let mut terminal = ratatui::try_init().map_err(TopError::Terminal)?;
    let ended = desk.show(&mut terminal, &mut top, Palette::new(colours)).await;
    let restored = ratatui::try_restore().map_err(TopError::Terminal);
    Ok(ended.and(restored)?)
}

/// All that can happen while the view is shown, and where wishes go.
struct Desk {
    client: Client,
    begun: Instant,
    keys: mpsc::Receiver<io::Result<Event>>,
    reports: mpsc::Receiver<Report>,
    /// For errands to report with.
    outcomes: mpsc::Sender<Report>,
    question: watch::Sender<Question>,
    stop: [Signal; 3],
}

impl Desk {
    fn new(client: &Client, feed: Feed) -> io::Result<Self> {
        let (outcomes, reports) = mpsc::channel(MOST_WAITING);
        let (question, questions) = watch::channel(Question::default());
        tokio::spawn(feed.run(questions, outcomes.clone()));
        let stop = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
        let [terminate, interrupt, hangup] = stop;
        let stop = [terminate?, interrupt?, hangup?];
        let keys = keyboard();
        Ok(Self { client: client.clone(), begun: Instant::now(), keys, reports, outcomes, question, stop })
    }

    /// Draws, waits for something to happen, and again.
    async fn show(
        &mut self,
        terminal: &mut DefaultTerminal,
        top: &mut Top,
        palette: Palette,
    ) -> Result<(), TopError> {
        let mut beats = tokio::time::interval(REDRAW);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let now = self.begun.elapsed();
            terminal.draw(|frame| draw(frame, top, now, palette)).map_err(TopError::Terminal)?;
            let [terminate, interrupt, hangup] = &mut self.stop;
            let effect = tokio::select! {
                key = self.keys.recv() => pressed(top, key)?,
                report = self.reports.recv() => {
                    let now = self.begun.elapsed();
                    top.report(report.ok_or(TopError::NoReports)?, now)
                }
                _ = beats.tick() => Effect::None,
                _ = terminate.recv() => Effect::Quit,
                _ = interrupt.recv() => Effect::Quit,
                _ = hangup.recv() => Effect::Quit,
            };
            match effect {
                Effect::None => {}
                Effect::Look => self.question.send_modify(|question| question.turn += 1),
                Effect::Do(errand) => self.send(errand),
                Effect::Quit => return Ok(()),
            }
            self.ask(top.subject());
        }
    }

    /// Asks for the series of another plugin, if it is another.
    fn ask(&self, subject: Option<feed::Subject>) {
        self.question.send_if_modified(|question| {
            let is_new = question.subject != subject;
            question.subject = subject;
            is_new
        });
    }

    /// Lets a task do what was wished.
    fn send(&self, errand: Errand) {
        let (client, outcomes) = (self.client.clone(), self.outcomes.clone());
        tokio::spawn(async move {
            let outcome = errand.run(&client).await;
            let _view_ended = outcomes.send(Report::Done(outcome)).await;
        });
    }
}

/// What a key brings about; a terminal that changed its size is just drawn again.
fn pressed(top: &mut Top, key: Option<io::Result<Event>>) -> Result<Effect, TopError> {
    match key.ok_or(TopError::NoKeys)?.map_err(TopError::Terminal)? {
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            Ok(keys::action(top.mode(), key).map_or(Effect::None, |action| top.act(action)))
        }
        _ => Ok(Effect::None),
    }
}

/// Reads keys on a thread of its own, which ends with the process.
fn keyboard() -> mpsc::Receiver<io::Result<Event>> {
    let (sender, keys) = mpsc::channel(MOST_WAITING);
    std::thread::spawn(move || {
        loop {
            let key = event::read();
            let is_last = key.is_err();
            if sender.blocking_send(key).is_err() || is_last {
                return;
            }
        }
    });
    keys
}

#[cfg(test)]
mod tests;
