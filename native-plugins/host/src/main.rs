//! Runs one native plugin in a process of its own, as the daemon tells it. `docs/host-protocol.md` says how.
//!
//! ```text
//!  control socket ──► main thread ──orders──► plugin's thread ──► loader ──► library
//!        ▲  ▲             └─answers─► whoever asks                  │
//!        │  └──────── questions, log, outcomes ◄────────────────── door
//!        └─ hello brings the library and the rings                  └──► values ring
//! ```
//!
//! It is started by the daemon and of no use to anybody else: standard input is the control socket.

#![forbid(unsafe_code)]

mod confine;
mod control;
mod door;
mod keeper;
mod names;
mod orders;
mod plugin;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::Builder;

use anyhow::{Context, bail};
use gatherd_wire::{
    Consumer, Hello, PROTOCOL, Producer, Protocol, Ring, ToDaemon, ToHost, Welcome, take_control_socket,
};

use control::{Control, Inbox};
use door::HostDoor;

/// Level of a line about something rare.
const NOTICE: i32 = 5;

/// Orders that wait at the most; the daemon has a few calls under way.
const ORDERS: usize = 64;

fn main() -> ExitCode {
    match keeper::asked().map_or_else(run, keeper::keep) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// The daemon reads it, and shows it as the last words of this process.
#[expect(clippy::print_stderr, reason = "there is no other way to say it")]
fn complain(error: &anyhow::Error) {
    eprintln!("gatherd-host: {error:#}");
}

fn run() -> anyhow::Result<()> {
    confine::die_with_parent().context("cannot ask for the end of the daemon")?;
    let socket =
        take_control_socket().context("standard input is no socket: only gatherd starts this program")?;
    let mut inbox = Inbox::new(socket.try_clone().context("cannot share the control socket")?);
    let control = Arc::new(Control::new(socket));
    let Some(ToHost::Hello(hello)) = inbox.next()? else { bail!("the daemon did not begin with a hello") };
    confine::check_parent(hello.daemon)?;
    let welcome = Welcome {
        protocol: PROTOCOL,
        name: env!("CARGO_PKG_NAME").into(),
        version: env!("CARGO_PKG_VERSION").into(),
    };
    control.tell(&ToDaemon::Hello(welcome))?;
    let Some(common) = PROTOCOL.common(hello.protocol) else {
        bail!("the daemon speaks protocol {}, this host {}", hello.protocol.major, PROTOCOL.major);
    };
    serve(inbox, &control, &hello, common)
}

/// Loads the library and serves until the daemon has had enough.
fn serve(mut inbox: Inbox, control: &Arc<Control>, hello: &Hello, common: Protocol) -> anyhow::Result<()> {
    let mut passed = inbox.take_descriptors().into_iter();
    let mut next = |what| passed.next().with_context(|| format!("the daemon passed no {what}"));
    let library = next("library")?;
    let values = Ring { memory: next("values ring")?, event: next("event of the values ring")? };
    let producer = Producer::new(values).context("cannot use the values ring")?;
    let writes = Consumer::new(next("writes ring")?).context("cannot use the writes ring")?;
    if hello.limits.processes != Some(0) {
        keeper::begin()?;
    }
    confine::limit(&hello.limits)?;
    let lacking = confine::confine(&hello.private, &hello.limits)?;
    for sentence in &lacking {
        control.tell(&ToDaemon::Log { level: NOTICE, message: sentence.clone() })?;
    }
    let door = Arc::new(HostDoor::new(Arc::clone(control), common, producer));
    let (orders, waiting) = sync_channel(ORDERS);
    let plugin = plugin::Plugin::new(Arc::clone(control), Arc::clone(&door), writes);
    let (name, digest) = (hello.library.clone(), hello.digest.clone());
    let thread = Builder::new()
        .name("plugin".into())
        .spawn(move || plugin.live(library, &name, &digest, lacking, &waiting));
    drop(thread.context("cannot begin the plugin's thread")?);
    while let Some(message) = inbox.next()? {
        match message {
            ToHost::Answer(answer) => control.answered(answer),
            ToHost::Settled { refused } => door.settle(&refused),
            message => {
                if let Some(order) = orders::Order::of(message)
                    && orders.send(order).is_err()
                {
                    break; // The plugin's thread has ended, as it was told to.
                }
            }
        }
    }
    Ok(())
}
