//! The one thread that starts host processes.
//!
//! A host asks the kernel to be killed at the end of the *thread* that started it, so that none outlives the daemon,
//! not even one that is killed. That thread must therefore live as long as the daemon.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::Builder;

use tokio::sync::oneshot;

/// Starts that wait at the most.
const WAITING: usize = 256;

struct Request {
    command: Command,
    reply: oneshot::Sender<io::Result<Child>>,
}

/// The way to the thread; it ends, and with it every process, when this is dropped.
pub(super) struct Spawner(SyncSender<Request>);

impl Spawner {
    /// Begins the thread.
    pub(super) fn begin() -> io::Result<Self> {
        let (requests, waiting) = sync_channel::<Request>(WAITING);
        Builder::new().name("gd-spawner".into()).spawn(move || {
            while let Ok(Request { mut command, reply }) = waiting.recv() {
                if let Err(Ok(mut child)) = reply.send(command.spawn()) {
                    // Nobody waits for it any more.
                    let _gone = child.kill();
                    let _reaped = child.wait();
                }
            }
        })?;
        Ok(Self(requests))
    }

    /// Starts a process.
    pub(super) async fn spawn(&self, command: Command) -> io::Result<Child> {
        let (reply, spawned) = oneshot::channel();
        let full = |_| io::Error::other("too many host processes are being started");
        self.0.try_send(Request { command, reply }).map_err(full)?;
        spawned
            .await
            .unwrap_or_else(|_| Err(io::Error::other("the thread that starts host processes has ended")))
    }
}
