//! Signals of the system: `SIGTERM` and `SIGINT` stop, `SIGHUP` reads the configuration again, `SIGUSR2` starts the
//! program that lies on disk now, and lets it take over.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asked {
    /// Drain and stop; a second time: end at once.
    Stop,
    /// Read the configuration again.
    Reread,
    /// Start the program of now, and let it take over.
    Replace,
}

/// The signals that this process hears.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    replace: Signal,
}

impl Signals {
    /// Hears them from now on, in place of the system's own answer to them.
    ///
    /// # Errors
    ///
    /// What the system says when a signal cannot be heard.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            replace: signal(SignalKind::user_defined2())?,
        })
    }

    /// Waits for the next.
    pub(crate) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hangup.recv() => Asked::Reread,
            _ = self.replace.recv() => Asked::Replace,
        }
    }

    /// Waits until it is asked to stop, and hears nothing else meanwhile.
    pub(crate) async fn stop(&mut self) {
        while self.next().await != Asked::Stop {}
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal as Number, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn each_signal_asks_for_its_own() {
        let mut signals = Signals::listen().unwrap();
        for (number, asked) in [
            (Number::HUP, Asked::Reread),
            (Number::TERM, Asked::Stop),
            (Number::INT, Asked::Stop),
            (Number::USR2, Asked::Replace),
        ] {
            kill_process(getpid(), number).unwrap();
            assert_eq!(signals.next().await, asked);
        }
        kill_process(getpid(), Number::HUP).unwrap();
        kill_process(getpid(), Number::TERM).unwrap();
        signals.stop().await;
    }
}
