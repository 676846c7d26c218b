//! Starts a host process and brings it to where its library is loaded.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;

use gatherd_engine::port::{Manifest, OpenFailure};
use gatherd_loader::{Door as _, LogLevel};
use gatherd_wire::{Consumer, Hello, Loaded, PROTOCOL, Producer, Ring, RingError, ToHost, encode, send};
use tokio::sync::{mpsc, oneshot};

use super::cage::Cages;
use super::conversation::Conversation;
use super::end::Cause;
use super::failure;
use super::images::Library;
use super::line::{Line, ORDERS, Signs};
use super::process::Process;
use super::spawner::Spawner;
use super::{HostUser, IsolatedSettings};
use crate::native::Threshold;

/// Variables of the daemon's environment that a plugin may see.
const ENVIRONMENT: [&str; 3] = ["LANG", "PATH", "TZ"];

/// A host process whose library is loaded.
pub(super) struct Host {
    pub(super) manifest: Manifest,
    pub(super) line: Line,
    /// The writing side of its writes ring.
    pub(super) writes: Producer,
}

/// Kills the process of a host that is not brought up.
struct Unborn(Option<Arc<Process>>);

impl Unborn {
    fn let_live(mut self) {
        self.0 = None;
    }
}

impl Drop for Unborn {
    fn drop(&mut self) {
        if let Some(process) = &self.0 {
            process.kill_for(Cause::Asked);
        }
    }
}

/// Starts a process for `library`. Dropping the future ends it.
pub(super) async fn launch(
    settings: &IsolatedSettings,
    (spawner, cages): (&Spawner, &Cages),
    name: &str,
    library: &Library,
    threshold: Option<Arc<Threshold>>,
) -> Result<Host, OpenFailure> {
    if let Some(Err(detail)) = &settings.user {
        return Err(OpenFailure::Library { code: "no_host", detail: detail.clone() });
    }
    let Prepared { command, ours, output, values, writes } =
        prepare(settings).map_err(|error| no_room(&error))?;
    let child = spawner.spawn(command).await.map_err(|error| no_program(settings, &error))?;
    let (cage, mut lacking) = cages.cage(name, &settings.limits, settings.cpu);
    if let Err(error) = cage.admit(child.id()) {
        lacking.push(format!("its control group does not take it: {error}"));
    }
    let process = Process::watch(child, output, cage, threshold.clone()).map_err(|error| no_room(&error))?;
    let unborn = Unborn(Some(Arc::clone(&process)));
    greet(settings, name, library, &ours, [&values, &writes]).map_err(|error| no_room(&error))?;
    let (tell, loaded) = oneshot::channel();
    let told = threshold.clone();
    let log = |sentence: &str| {
        if let Some(threshold) = &told {
            threshold.log(LogLevel::NOTICE, sentence);
        }
    };
    let conversation = converse(ours, values, threshold, tell).map_err(|error| no_room(&error))?;
    let writes = Producer::new(writes).map_err(|error| no_room(&io::Error::other(error)))?;
    let (orders, waiting) = mpsc::channel(ORDERS);
    let signs = Arc::new(Signs::default());
    let line = Line::new(orders, Arc::clone(&process), Arc::clone(&signs));
    tokio::spawn(async move {
        if let Err(error) = conversation.run(waiting, &signs).await {
            let _first = signs.broken.set(error.to_string());
            process.kill_for(Cause::Protocol(error.to_string()));
        }
    });
    let loaded = match loaded.await {
        Ok(loaded) => loaded,
        Err(_gone) => return Err(failure::of_losing(&line.ended().await)),
    };
    for sentence in &lacking {
        log(sentence);
    }
    if let Loaded::Ok { lacking: more, .. } = &loaded {
        lacking.extend_from_slice(more);
    }
    line.process().lacks(lacking);
    let manifest = failure::of_loading(loaded, library)?;
    unborn.let_live();
    Ok(Host { manifest, line, writes })
}

/// All that is made before there is a process.
struct Prepared {
    command: Command,
    ours: UnixStream,
    /// Where its standard output and error come out.
    output: OwnedFd,
    values: Ring,
    writes: Ring,
}

fn prepare(settings: &IsolatedSettings) -> io::Result<Prepared> {
    let ring = |name| Ring::create(name).map_err(ring_error);
    let (values, writes) = (ring("gatherd-values")?, ring("gatherd-writes")?);
    let (ours, theirs) = UnixStream::pair()?;
    let (output, said) = io::pipe()?;
    let mut command = Command::new(&settings.program);
    command.env_clear().current_dir("/").process_group(0);
    command.envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    if let Some(Ok(HostUser { user, group })) = settings.user {
        command.uid(user).gid(group);
    }
    command.stdin(Stdio::from(OwnedFd::from(theirs)));
    command.stdout(said.try_clone()?).stderr(said);
    Ok(Prepared { command, ours, output: output.into(), values, writes })
}

fn greet(
    settings: &IsolatedSettings,
    name: &str,
    library: &Library,
    socket: &UnixStream,
    [values, writes]: [&Ring; 2],
) -> io::Result<()> {
    let hello = ToHost::Hello(Hello {
        protocol: PROTOCOL,
        plugin: name.to_owned(),
        library: library.file_name.clone(),
        digest: library.digest.clone(),
        daemon: std::process::id(),
        limits: settings.limits,
        private: settings.private.clone(),
    });
    let bytes = encode(&hello).map_err(io::Error::other)?;
    let descriptors = [
        library.image.as_fd(),
        values.memory.as_fd(),
        values.event.as_fd(),
        writes.memory.as_fd(),
        writes.event.as_fd(),
    ];
    send(socket, &bytes, &descriptors)
}

fn converse(
    socket: UnixStream,
    values: Ring,
    threshold: Option<Arc<Threshold>>,
    loaded: oneshot::Sender<gatherd_wire::Loaded>,
) -> io::Result<Conversation> {
    let Ring { memory, event } = values;
    let values = Consumer::new(memory).map_err(ring_error)?;
    socket.set_nonblocking(true)?;
    let socket = tokio::net::UnixStream::from_std(socket)?;
    Conversation::new(socket, values, event, threshold, loaded)
}

fn ring_error(error: RingError) -> io::Error {
    match error {
        RingError::Memory { step, source } => {
            io::Error::new(source.kind(), format!("cannot {step} the shared memory of a ring: {source}"))
        }
        RingError::Header(corrupt) => io::Error::other(corrupt),
    }
}

fn no_room(error: &io::Error) -> OpenFailure {
    let detail = format!("cannot prepare a host process: {error}");
    OpenFailure::Init { code: "init_failed", detail }
}

fn no_program(settings: &IsolatedSettings, error: &io::Error) -> OpenFailure {
    let program = settings.program.display();
    let advice = match settings.user {
        Some(Ok(HostUser { user, .. })) => format!(
            "the daemon must be allowed to change to the user {user} (host_user), and that user must be able to reach and \
             run the program"
        ),
        _ => "it belongs beside the daemon, or set `trusted = true` for the plugin to run it in the daemon's process".into(),
    };
    let detail = format!("cannot start the host program {program}: {error}; {advice}");
    OpenFailure::Library { code: "no_host", detail }
}
