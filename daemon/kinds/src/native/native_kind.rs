//! The way to run a plugin as a library in the daemon's process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread::Builder;
use std::time::Duration;

use gatherd_engine::port::{BoxFuture, Found, Manifest, OpenFailure, Plugin, PluginKind, Spec};
use gatherd_engine::way::Door;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::found::Finder;
use super::native_plugin::NativePlugin;
use super::shelf::{Shelf, manifest_of};
use super::thread::{self, Begun};
use super::{NativeSettings, failure};

/// How long after the last library was loaded everything has started that will.
const SETTLED_AFTER: Duration = Duration::from_secs(3);

/// The way to run a plugin as a library in the daemon's process.
pub struct NativeKind {
    libraries: Arc<Shelf>,
    finder: Finder,
    /// Judgements of configurations that did not come back yet.
    judging: Arc<AtomicUsize>,
}

impl NativeKind {
    /// Plugins from where `settings` say.
    pub fn new(settings: NativeSettings) -> Self {
        Self { libraries: Arc::new(Shelf::new(settings)), finder: Finder::default(), judging: Arc::default() }
    }

    /// Lets go of memory that only the start needed: a while after this was called first, and after libraries were
    /// loaded. Goes on for ever; must be awaited within a tokio runtime.
    pub fn keep_small(&self) -> impl Future<Output = ()> + Send + use<> {
        let libraries = Arc::clone(&self.libraries);
        async move {
            loop {
                while timeout(SETTLED_AFTER, libraries.has_grown()).await.is_ok() {}
                let settled = Arc::clone(&libraries);
                // It waits for a library that is being loaded.
                let _let_go = spawn_blocking(move || settled.let_go()).await;
                libraries.has_grown().await;
            }
        }
    }
}

impl PluginKind for NativeKind {
    fn name(&self) -> &'static str {
        "native"
    }

    /// Reads and hashes what changed in the directories since the last call; loads what is listed.
    fn found(&self) -> Vec<Found> {
        self.finder.found(&self.libraries)
    }

    /// Loads the library, where it was not, and asks it; on a thread that is left behind where it hangs.
    fn validate(&self, spec: &Spec) -> Result<Manifest, OpenFailure> {
        let settings = &self.libraries.settings;
        let judging = self.judging.fetch_add(1, Ordering::Relaxed);
        let ticket = Ticket(Arc::clone(&self.judging));
        if judging >= settings.max_hanging_judgements {
            let detail = format!("{judging} judgements of configurations hang; restart the daemon");
            return Err(OpenFailure::Library { code: "thread_limit", detail });
        }
        let (tell, judged) = sync_channel(1);
        let (libraries, asked) = (Arc::clone(&self.libraries), spec.clone());
        let spawned = Builder::new().name("gd-judge".into()).spawn(move || {
            let _asker_left = tell.send(judge(&libraries, &asked));
            drop(ticket);
        });
        if let Err(error) = spawned {
            let detail = format!("cannot begin a thread to judge the configuration: {error}");
            return Err(OpenFailure::Library { code: "thread_limit", detail });
        }
        judged.recv_timeout(settings.init_deadline).unwrap_or_else(|error| {
            Err(match error {
                RecvTimeoutError::Timeout => OpenFailure::Library {
                    code: "configure_timeout",
                    detail: format!(
                        "the plugin did not judge its configuration in {:?}",
                        settings.init_deadline
                    ),
                },
                RecvTimeoutError::Disconnected => OpenFailure::Library {
                    code: "load_failed",
                    detail: "the thread that judged the configuration broke down".into(),
                },
            })
        })
    }

    fn open(&self, spec: Spec, door: Arc<Door>) -> BoxFuture<'static, Result<Box<dyn Plugin>, OpenFailure>> {
        let libraries = Arc::clone(&self.libraries);
        Box::pin(async move {
            let deadline = libraries.settings.init_deadline;
            let Begun { orders, ready, end } = thread::begin(libraries, spec, door)?;
            match timeout(deadline, ready).await {
                Ok(Ok(Ok(manifest))) => {
                    Ok(Box::new(NativePlugin::new(manifest, orders, end)) as Box<dyn Plugin>)
                }
                Ok(Ok(Err(failure))) => Err(failure),
                Ok(Err(_gone)) => {
                    let detail = "the plugin's thread broke down while it started".into();
                    Err(OpenFailure::Init { code: "init_panicked", detail })
                }
                Err(_late) => {
                    let detail =
                        format!("the plugin did not start in {deadline:?}; its thread is left behind");
                    Err(OpenFailure::Init { code: "init_timeout", detail })
                }
            }
        })
    }
}

/// Counts a judgement until it is over.
struct Ticket(Arc<AtomicUsize>);

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn judge(libraries: &Shelf, spec: &Spec) -> Result<Manifest, OpenFailure> {
    let library = libraries.library(spec)?;
    library.configure(&spec.config.to_string()).map_err(failure::of_configuring)?;
    Ok(manifest_of(library))
}
