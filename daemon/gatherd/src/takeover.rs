//! `gatherd run --take-over`: what comes before the start, where a daemon runs already.
//!
//! All that can be wrong is found out before the running daemon gives anything up: the configuration together with
//! the changes that were made over the API, every plugin that is enabled, and the sockets.

use std::os::unix::net::UnixListener;
use std::sync::Arc;

use anyhow::{Context, bail};
use gatherd_api::{Given, Listening};
use gatherd_engine::desired::{Document, Layers, together};
use gatherd_engine::port::PluginKind;
use gatherd_engine::registry::Kinds;
use gatherd_handover::{Host, Sockets, StateId, TakeError};

use crate::paths::Paths;
use crate::run::server_config;
use crate::{activation, check, hostname, kinds};

/// What a daemon starts with, taken from the one of before or made anew.
pub(crate) struct Taken {
    /// The one of before, which waits until we serve.
    pub(crate) host: Option<Host>,
    /// The sockets of the API.
    pub(crate) listening: Listening,
    /// The private socket.
    pub(crate) private: Option<UnixListener>,
    /// The ways to run plugins, with what was loaded to judge them.
    pub(crate) kinds: Vec<Arc<dyn PluginKind>>,
    /// The host of values that name none; to find it may take a while.
    pub(crate) hostname: String,
}

impl Taken {
    /// What a daemon starts with where none was before, or none gives its place.
    ///
    /// # Errors
    ///
    /// When the API can not listen.
    pub(crate) fn nothing(document: &Document, paths: &Paths) -> anyhow::Result<Self> {
        let config = server_config(document, paths)?;
        Ok(Self {
            host: None,
            listening: Listening::open(&config, activation::given(&config))?,
            private: None,
            kinds: kinds::to_stay(document, paths),
            hostname: hostname::find(document.hostname.as_deref(), document.fqdn_lookup),
        })
    }
}

/// Takes over; `None` where no daemon runs.
///
/// # Errors
///
/// When the running daemon says no or something would not work; it runs on.
pub(crate) async fn take(layers: &Layers, paths: &Paths) -> anyhow::Result<Option<Taken>> {
    let state = StateId::of(&paths.state).context("cannot look at the state directory")?;
    let asked = Host::ask(&paths.handover, env!("CARGO_PKG_VERSION"), state);
    let Some(mut host) = asked.await.context("nothing is taken over")? else {
        tracing::info!("no daemon runs here: this is a start as usual");
        return Ok(None);
    };
    let (offer, sockets) = host.offer().await.context("nothing is taken over")?;
    tracing::info!(version = offer.version, revision = offer.revision, "the running daemon offers its place");
    let Sockets { tcp, unix, private } = sockets;
    let given = Given { tcp, unix, owns_unix_socket: offer.owns_unix_socket };
    let document = together(layers, &offer.changes)?;
    let paths = Paths::of(&document)?;
    paths.prepare()?;
    // On this thread: nothing else runs yet, and what is loaded here is used.
    let kinds = kinds::to_stay(&document, &paths);
    let wrong = check::judge(layers, &document, &Kinds::new(kinds.clone())).wrong;
    if !wrong.is_empty() {
        bail!("nothing is taken over, and the running daemon goes on: {}", wrong.join("; "));
    }
    let listening = Listening::open(&server_config(&document, &paths)?, given);
    let listening = listening.context("nothing is taken over, and the running daemon goes on")?;
    let hostname = hostname::find(document.hostname.as_deref(), document.fqdn_lookup);
    match host.give().await {
        Ok(()) => {}
        // It was killed: the sockets are ours alone, and the state is as after any crash.
        Err(TakeError::Lost(error)) => {
            tracing::warn!(%error, "the daemon of before is gone before it gave all; this one starts as after a crash");
        }
        Err(error) => return Err(error).context("nothing is taken over"),
    }
    Ok(Some(Taken { host: Some(host), listening, private, kinds, hostname }))
}
