//! The way to run a plugin in a host process.

use std::collections::HashMap;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use gatherd_engine::port::{
    BoxFuture, Code, Containment, Found, Manifest, OpenFailure, Plugin, PluginId, PluginKind, PluginLimits,
    Spec,
};
use gatherd_engine::way::Door;
use gatherd_wire::ToHost;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::cage::Cages;
use super::containment::containment;
use super::end::Cause;
use super::host::{Host, launch};
use super::images::{Images, Library};
use super::isolated_plugin::{IsolatedPlugin, read_deadline};
use super::spawner::Spawner;
use super::{IsolatedSettings, failure};
use crate::native::Threshold;

/// Libraries of which it is remembered what they said of themselves.
const LOOKED_AT: usize = 1024;

/// The way to run a plugin in a host process.
pub struct IsolatedKind(Arc<Workshop>);

/// What it needs to start one.
struct Workshop {
    settings: IsolatedSettings,
    images: Images,
    spawner: std::io::Result<Spawner>,
    /// Begun with the first host, or when somebody asks what they hold: who only looks at files makes none.
    cages: OnceLock<Cages>,
    /// By digest.
    looked_at: Mutex<HashMap<String, Result<Manifest, OpenFailure>>>,
}

impl IsolatedKind {
    /// Host processes as `settings` say. They end when this is dropped.
    pub fn new(settings: IsolatedSettings) -> Self {
        let images = Images::new(settings.directories.clone());
        let spawner = Spawner::begin();
        let (cages, looked_at) = (OnceLock::new(), Mutex::default());
        Self(Arc::new(Workshop { settings, images, spawner, cages, looked_at }))
    }

    /// True where this plugin ran code of this digest last, in a host process.
    pub(crate) fn has_run(&self, id: &PluginId, digest: &str) -> bool {
        self.0.images.has_run(id, digest)
    }

    /// Forgets what a plugin ran, because it runs another way from now on.
    pub(crate) fn forget(&self, id: &PluginId) {
        self.0.images.forget(id);
    }

    /// What the library of a type says of itself; in a host process, once for each digest. May take a while.
    pub(crate) fn look(&self, type_name: &str) -> Result<Manifest, OpenFailure> {
        let library = self.0.images.library(&spec_of(type_name)?)?;
        let looked_at = || self.0.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = looked_at().get(&library.digest) {
            return seen.clone();
        }
        let (digest, name) = (library.digest.clone(), type_name.to_owned());
        let seen = self.beside(move |workshop| {
            Box::pin(async move {
                Ok(workshop.launch(&name, &library, &PluginLimits::default(), None).await?.manifest.clone())
            })
        });
        let mut all = looked_at();
        if all.len() >= LOOKED_AT {
            all.clear();
        }
        all.insert(digest, seen.clone());
        seen
    }

    /// Does something on a thread with a runtime of its own, within the deadline of a start.
    fn beside<T: Send + 'static>(
        &self,
        what: impl FnOnce(Arc<Workshop>) -> BoxFuture<'static, Result<T, OpenFailure>> + Send + 'static,
    ) -> Result<T, OpenFailure> {
        let (tell, done) = sync_channel(1);
        let workshop = Arc::clone(&self.0);
        let broke_down = |detail: String| OpenFailure::Init { code: "init_failed", detail };
        let spawned = Builder::new().name("gd-judge".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let outcome = match runtime {
                Ok(runtime) => runtime.block_on(workshop.in_time(what(Arc::clone(&workshop)))),
                Err(error) => Err(broke_down(format!("cannot make a runtime: {error}"))),
            };
            let _asker_left = tell.send(outcome);
        });
        spawned.map_err(|error| broke_down(format!("cannot begin a thread: {error}")))?;
        done.recv().unwrap_or_else(|_| Err(broke_down("the thread that judged the plugin broke down".into())))
    }
}

/// Of a plugin that nobody configured.
fn spec_of(type_name: &str) -> Result<Spec, OpenFailure> {
    crate::native::check_name(type_name)?;
    let id = type_name
        .parse()
        .map_err(|error| OpenFailure::Library { code: "missing", detail: format!("{error}") })?;
    Ok(Spec {
        id,
        type_name: type_name.to_owned(),
        trusted: false,
        isolation: None,
        limits: PluginLimits::default(),
        code: Code::Newest,
        interval: gatherd_model::Interval::DEFAULT,
        config: serde_json::Value::Object(serde_json::Map::new()),
    })
}

impl Workshop {
    fn cages(&self) -> &Cages {
        self.cages.get_or_init(Cages::begin)
    }

    async fn launch(
        &self,
        name: &str,
        library: &Library,
        limits: &PluginLimits,
        threshold: Option<Arc<Threshold>>,
    ) -> Result<Started, OpenFailure> {
        let spawner = self.spawner.as_ref().map_err(|error| OpenFailure::Init {
            code: "init_failed",
            detail: format!("cannot begin the thread that starts host processes: {error}"),
        })?;
        launch(&self.settings.limited(limits), (spawner, self.cages()), name, library, threshold)
            .await
            .map(|host| Started(Some(host)))
    }

    async fn in_time<T>(&self, what: BoxFuture<'static, Result<T, OpenFailure>>) -> Result<T, OpenFailure> {
        let deadline = self.settings.init_deadline;
        timeout(deadline, what).await.unwrap_or_else(|_late| {
            let detail = format!("the plugin did not start in {deadline:?}; its process was killed");
            Err(OpenFailure::Init { code: "init_timeout", detail })
        })
    }

    /// As long as a start may take at all, so that the whole ends it and not this part.
    fn patience(&self) -> Duration {
        self.settings.init_deadline * 2
    }

    async fn configured(
        &self,
        spec: &Spec,
        library: &Library,
        threshold: Option<Arc<Threshold>>,
    ) -> Result<Started, OpenFailure> {
        let started = self.launch(spec.id.as_str(), library, &spec.limits, threshold).await?;
        let config = spec.config.clone();
        let done = started.line.ask(self.patience(), |call| ToHost::Configure { call, config }).await;
        failure::of_configuring(done.map_err(|lost| failure::of_losing(&lost))?.outcome)?;
        Ok(started)
    }

    async fn open(self: Arc<Self>, spec: Spec, door: Arc<Door>) -> Result<Box<dyn Plugin>, OpenFailure> {
        let library = self.library_of(&spec).await?;
        let threshold = Arc::new(Threshold::new(door));
        let started = self.configured(&spec, &library, Some(threshold)).await?;
        let (interval, config) = (spec.interval.units(), spec.config.clone());
        let init = move |call| ToHost::Init { call, interval, config };
        let done = started.line.ask(self.patience(), init).await;
        failure::of_init(done.map_err(|lost| failure::of_losing(&lost))?.outcome)?;
        self.images.keep(&spec.id, &library);
        Ok(Box::new(IsolatedPlugin::new(started.into_host()?, read_deadline(&spec))))
    }

    async fn library_of(self: &Arc<Self>, spec: &Spec) -> Result<Arc<Library>, OpenFailure> {
        let (workshop, spec) = (Arc::clone(self), spec.clone());
        let library = spawn_blocking(move || workshop.images.library(&spec)).await;
        library.unwrap_or_else(|_| {
            Err(OpenFailure::Library { code: "unreadable", detail: "reading the library broke down".into() })
        })
    }
}

/// A host that is killed where it does not become a plugin.
struct Started(Option<Host>);

impl Started {
    fn into_host(mut self) -> Result<Host, OpenFailure> {
        self.0
            .take()
            .ok_or_else(|| OpenFailure::Init { code: "init_failed", detail: "the host is gone".into() })
    }
}

impl std::ops::Deref for Started {
    type Target = Host;

    fn deref(&self) -> &Host {
        self.0.as_ref().expect("taken only by `into_host`, which consumes it")
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(host) = &self.0 {
            host.line.process().kill_for(Cause::Asked);
        }
    }
}

impl PluginKind for IsolatedKind {
    fn name(&self) -> &'static str {
        "isolated"
    }

    fn containment(&self) -> Option<Containment> {
        Some(containment(self.0.cages().holds()))
    }

    /// Nothing: who chooses between the kinds asks for what lies in the directories.
    fn found(&self) -> Vec<Found> {
        Vec::new()
    }

    /// Starts a host process that loads the library and judges the configuration, and ends it.
    fn validate(&self, spec: &Spec) -> Result<Manifest, OpenFailure> {
        let spec = spec.clone();
        self.beside(move |workshop| {
            Box::pin(async move {
                let library = workshop.library_of(&spec).await?;
                Ok(workshop.configured(&spec, &library, None).await?.manifest.clone())
            })
        })
    }

    fn open(&self, spec: Spec, door: Arc<Door>) -> BoxFuture<'static, Result<Box<dyn Plugin>, OpenFailure>> {
        let workshop = Arc::clone(&self.0);
        Box::pin(async move {
            let opening = Box::pin(Arc::clone(&workshop).open(spec, door));
            workshop.in_time(opening).await
        })
    }
}
