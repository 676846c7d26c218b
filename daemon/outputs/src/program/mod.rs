//! Hands notifications to programs of this machine: each is started anew, reads one notification, and ends.
//!
//! ```text
//!  message ─► text ─► a place is free ─► file and directories judged ─► descriptors closed ─► started in a group of its own
//!                                                                                               │ stdin: the text
//!             status, end of stderr ◄─ reaped ◄─ what is left of the group killed ◄─ it ends ◄──┤
//!                                                                 time is over: SIGTERM, SIGKILL ┘
//! ```
//!
//! There is no shell, and nothing of the daemon's environment. Whatever happens to who waits for it, a program that was
//! started is ended and reaped: [`child::Child`] does both when it is dropped.

mod child;
mod form;
mod tail;
#[cfg(test)]
mod tests;
mod trust;

use std::convert::Infallible;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gatherd_engine::port::{Attempt, BoxFuture, Message, NotDelivered, Program, ProgramFormat, Run, Target};
use tokio::sync::Semaphore;

use child::{Child, Start, StartError};
use tail::Tail;

/// How many programs run at one time, of all subscriptions; more wait.
const MOST: usize = 8;

/// How long a program whose time is over has between SIGTERM and SIGKILL, and then until it is given up.
const GRACE: Duration = if cfg!(test) { Duration::from_millis(300) } else { Duration::from_secs(5) };

/// How long the end of what it wrote is waited for after its end; somebody else may hold the other side.
const REST: Duration = Duration::from_millis(100);

/// Where programs may run, so many at one time.
#[derive(Clone, Debug)]
pub(crate) struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }
}

/// A way to one program.
#[derive(Debug)]
pub(crate) struct Runner {
    program: Program,
    places: Places,
}

impl Runner {
    pub(crate) fn new(program: Program, places: Places) -> Self {
        Self { program, places }
    }

    async fn run(&self, message: &Message) -> Attempt {
        let Ok(_place) = self.places.0.acquire().await else {
            return Err(NotDelivered::Never("no program is started any more".to_owned())).into();
        };
        let input = match self.program.format {
            ProgramFormat::Collectd => form::collectd(&message.notification),
            ProgramFormat::Json => format!("{}\n", crate::message::json(message)),
        };
        let began = Instant::now();
        let start = Start::new(&self.program, message);
        let child = match tokio::task::spawn_blocking(move || start.start()).await {
            Ok(Ok(child)) => child,
            Ok(Err(error)) => return self.failed(chain(&error)).into(),
            Err(_) => return self.failed("starting the program was broken off".to_owned()).into(),
        };
        match attend(child, input.as_bytes(), self.program.timeout).await {
            Ok(Ended { status, timed_out, stderr }) => {
                let outcome = match judged(status, timed_out) {
                    Ok(()) => Ok(()),
                    Err(reason) => self.failed(reason),
                };
                let run = Run {
                    took: began.elapsed(),
                    exit_status: status.code(),
                    signal: status.signal(),
                    timed_out,
                    stderr,
                };
                Attempt { outcome, run: Some(run) }
            }
            Err(error) => self.failed(format!("the program cannot be attended: {error}")).into(),
        }
    }

    /// A failure, which is for good unless the operator wants another try.
    fn failed(&self, reason: String) -> Result<(), NotDelivered> {
        Err(if self.program.retry { NotDelivered::Later(reason) } else { NotDelivered::Never(reason) })
    }
}

impl Target for Runner {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Attempt> {
        Box::pin(self.run(message))
    }
}

/// How a program ended.
struct Ended {
    status: ExitStatus,
    timed_out: bool,
    stderr: String,
}

/// Gives a program its input, keeps the end of what it says, and waits for its end, at most for `limit`.
async fn attend(mut child: Child, input: &[u8], limit: Duration) -> io::Result<Ended> {
    let (stdin, mut stderr) = child.pipes()?;
    let mut tail = Tail::default();
    let beside = async {
        tokio::join!(child::feed(stdin, input), tail.follow(&mut stderr));
        std::future::pending::<Infallible>().await
    };
    let timed_out = tokio::select! {
        timed_out = over(&child, limit) => timed_out?,
        never = beside => match never {},
    };
    let status = child.reap(GRACE).await?;
    let _somebody_holds_it = tokio::time::timeout(REST, tail.follow(&mut stderr)).await;
    Ok(Ended { status, timed_out, stderr: tail.into_text() })
}

/// Waits for the end of a program, and brings it about when its time is over; answers whether it was.
async fn over(child: &Child, limit: Duration) -> io::Result<bool> {
    if let Ok(ended) = tokio::time::timeout(limit, child.ended()).await {
        return ended.map(|()| false);
    }
    child.terminate();
    match tokio::time::timeout(GRACE, child.ended()).await {
        Ok(ended) => ended.map(|()| true),
        Err(_goes_on) => Ok(true),
    }
}

/// What an end means.
fn judged(status: ExitStatus, timed_out: bool) -> Result<(), String> {
    if timed_out {
        return Err("the program did not end in time and was ended".to_owned());
    }
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => Err(format!("the program ended with status {code}")),
        (None, Some(signal)) => Err(format!("the program was ended by signal {signal}")),
        (None, None) => Err(format!("the program ended: {status}")),
    }
}

/// An error with its cause.
fn chain(error: &StartError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
