//! A kind of plugin that does what a test says, and what a test needs around it. Time is tokio's, paused.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use gatherd_model::{CdTime, Interval, Notification, Severity, TypesDb};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::{Outputs, Settings, Surroundings, Threads};
use crate::bus::Bus;
use crate::cache::{Cache, CacheSettings};
use crate::output::{FanOut, NoRoom};
use crate::port::{
    BoxFuture, CallFailure, Capability, Clock, Code, Delivery, Flush, Found, Manifest, NotWritten,
    OpenFailure, Output, Plugin, PluginId, PluginKind, Series, SeriesId, Spec, WriteFailure,
};
use crate::rules::Rules;
use crate::series::SeriesTable;
use crate::way::{Door, Parts, Way, WayParts};

/// Both clocks follow tokio's; the wall clock can be set besides.
pub(crate) struct FakeClock {
    began: Instant,
    wall: Mutex<CdTime>,
}

impl FakeClock {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), wall: Mutex::new(CdTime::from_secs(1_000_000)) }
    }

    /// Sets what the wall clock showed when this clock began.
    pub(crate) fn step_to(&self, wall: u64) {
        *self.wall.lock().unwrap() = CdTime::from_secs(wall);
    }
}

impl Clock for FakeClock {
    fn wall(&self) -> CdTime {
        self.wall.lock().unwrap().plus(CdTime::from_duration(self.began.elapsed()))
    }

    fn monotonic(&self) -> CdTime {
        CdTime::from_secs(500).plus(CdTime::from_duration(self.began.elapsed()))
    }
}

/// What a fake does when it is opened.
#[derive(Clone)]
pub(crate) enum Opening {
    Fails(OpenFailure),
    Panics,
    /// Waits for a permit, then opens.
    Waits(Arc<Semaphore>),
}

/// What a fake does when it is called.
#[derive(Clone)]
pub(crate) enum Calling {
    Good,
    Takes(Duration),
    Fails(&'static str),
    Loses(&'static str),
    Panics,
    /// Waits for a permit, then is good.
    Waits(Arc<Semaphore>),
}

/// What the fakes are told to do, one entry per call, good when there is none left; and what they did.
pub(crate) struct Script {
    began: Instant,
    pub(crate) openings: Mutex<VecDeque<Opening>>,
    pub(crate) reads: Mutex<VecDeque<Calling>>,
    pub(crate) flushes: Mutex<VecDeque<Calling>>,
    pub(crate) stops: Mutex<VecDeque<Calling>>,
    pub(crate) capabilities: Mutex<Vec<Capability>>,
    /// The digest of what lies on disk.
    pub(crate) digest: Mutex<&'static str>,
    pub(crate) opened: Mutex<Vec<Spec>>,
    did: Mutex<Vec<(u128, String)>>,
    instances: AtomicUsize,
}

impl Script {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            openings: Mutex::default(),
            reads: Mutex::default(),
            flushes: Mutex::default(),
            stops: Mutex::default(),
            capabilities: Mutex::new(vec![Capability::Read, Capability::Flush]),
            digest: Mutex::new("d1"),
            opened: Mutex::default(),
            did: Mutex::default(),
            instances: AtomicUsize::new(0),
        })
    }

    pub(crate) fn note(&self, what: String) {
        self.did.lock().unwrap().push((self.began.elapsed().as_millis(), what));
    }

    /// What was done, in order.
    pub(crate) fn did(&self) -> Vec<String> {
        self.did.lock().unwrap().iter().map(|(_, what)| what.clone()).collect()
    }

    /// When `what` was done, in milliseconds since the script was made.
    pub(crate) fn times_of(&self, what: &str) -> Vec<u128> {
        self.did.lock().unwrap().iter().filter(|(_, did)| did == what).map(|(at, _)| *at).collect()
    }

    pub(crate) fn will_read(&self, calls: impl IntoIterator<Item = Calling>) {
        self.reads.lock().unwrap().extend(calls);
    }

    pub(crate) fn will_open(&self, openings: impl IntoIterator<Item = Opening>) {
        self.openings.lock().unwrap().extend(openings);
    }
}

async fn act(call: Option<Calling>) -> Result<(), CallFailure> {
    match call.unwrap_or(Calling::Good) {
        Calling::Good => {}
        Calling::Takes(span) => tokio::time::sleep(span).await,
        Calling::Fails(reason) => return Err(CallFailure::Failed(reason.into())),
        Calling::Loses(reason) => return Err(CallFailure::Lost(reason.into())),
        Calling::Panics => panic!("as the script says"),
        Calling::Waits(gate) => gate.acquire().await.unwrap().forget(),
    }
    Ok(())
}

/// Opens fakes that follow a script.
pub(crate) struct FakeKind {
    pub(crate) script: Arc<Script>,
    /// Which types it knows; all of them for `None`.
    pub(crate) knows: Option<&'static str>,
}

impl FakeKind {
    pub(crate) fn new(script: &Arc<Script>) -> Self {
        Self { script: Arc::clone(script), knows: None }
    }

    fn manifest(&self, spec: &Spec) -> Manifest {
        let newest = (*self.script.digest.lock().unwrap()).to_owned();
        Manifest {
            kind: "fake",
            type_name: spec.type_name.clone(),
            version: "1".into(),
            description: "Does as it is told.".into(),
            library: None,
            digest: Some(if let Code::Loaded(digest) = &spec.code { digest.clone() } else { newest }),
            abi: (1, 0),
            capabilities: self.script.capabilities.lock().unwrap().clone(),
            config_schema: json!({}),
        }
    }

    fn look_up(&self, spec: &Spec) -> Result<Manifest, OpenFailure> {
        match self.knows {
            Some(known) if known != spec.type_name => Err(missing()),
            _ => Ok(self.manifest(spec)),
        }
    }
}

pub(crate) fn missing() -> OpenFailure {
    OpenFailure::Library { code: "missing", detail: "there is no such fake".into() }
}

impl PluginKind for FakeKind {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn found(&self) -> Vec<Found> {
        let spec = spec("p");
        let manifest = self.look_up(&spec);
        vec![Found { type_name: spec.type_name, library: "fake".into(), trusted: true, manifest }]
    }

    fn validate(&self, spec: &Spec) -> Result<Manifest, OpenFailure> {
        self.look_up(spec)
    }

    fn open(&self, spec: Spec, door: Arc<Door>) -> BoxFuture<'static, Result<Box<dyn Plugin>, OpenFailure>> {
        let script = Arc::clone(&self.script);
        let manifest = self.look_up(&spec);
        Box::pin(async move {
            let manifest = manifest?;
            script.opened.lock().unwrap().push(spec);
            let told = script.openings.lock().unwrap().pop_front();
            match told {
                None => {}
                Some(Opening::Fails(failure)) => return Err(failure),
                Some(Opening::Panics) => panic!("as the script says"),
                Some(Opening::Waits(gate)) => gate.acquire().await.unwrap().forget(),
            }
            let number = script.instances.fetch_add(1, Ordering::Relaxed) + 1;
            script.note(format!("open {number}"));
            Ok(Box::new(Fake { script, manifest, door, number }) as Box<dyn Plugin>)
        })
    }
}

/// A plugin that follows a script; each read of it feeds `fake/gauge-x`.
struct Fake {
    script: Arc<Script>,
    manifest: Manifest,
    door: Arc<Door>,
    number: usize,
}

impl Plugin for Fake {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn read(&mut self) -> BoxFuture<'_, Result<(), CallFailure>> {
        Box::pin(async move {
            if !self.manifest.capabilities.contains(&Capability::Read) {
                let told = self.script.reads.lock().unwrap().pop_front();
                return act(told).await.and(Err(CallFailure::NotSupported));
            }
            self.script.note(format!("read {}", self.number));
            let told = self.script.reads.lock().unwrap().pop_front();
            act(told).await?;
            let parts = Parts {
                host: "",
                plugin: "fake",
                plugin_instance: "",
                type_name: "gauge",
                type_instance: "x",
            };
            let taken = self.door.dispatch_values(&parts, &[1.0_f64.to_bits()], CdTime::ZERO, None);
            if let Err(reason) = taken {
                self.script.note(format!("refused {}: {}", self.number, reason.as_str()));
            }
            Ok(())
        })
    }

    fn flush(&mut self, _what: Flush) -> BoxFuture<'_, Result<(), CallFailure>> {
        Box::pin(async move {
            self.script.note(format!("flush {}", self.number));
            let told = self.script.flushes.lock().unwrap().pop_front();
            act(told).await
        })
    }

    fn notification(&mut self, notification: Arc<Notification>) -> BoxFuture<'_, Result<(), CallFailure>> {
        Box::pin(async move {
            self.script.note(format!("hear {}: {}", self.number, notification.message));
            Ok(())
        })
    }

    fn take_output(&mut self) -> Option<Box<dyn Output>> {
        let writes = self.manifest.capabilities.contains(&Capability::Write);
        writes.then(|| Box::new(Nowhere) as Box<dyn Output>)
    }

    fn stop(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let told = self.script.stops.lock().unwrap().pop_front();
            let _as_told = act(told).await;
            self.script.note(format!("stop {}", self.number));
        })
    }
}

struct Nowhere;

impl Output for Nowhere {
    fn write<'a>(
        &'a mut self,
        _deliveries: &'a [Delivery],
        _named: &'a (dyn Fn(SeriesId) -> Option<Series> + Sync),
    ) -> BoxFuture<'a, Result<(), NotWritten>> {
        Box::pin(async { Ok(()) })
    }

    fn flush(&mut self, _what: Flush) -> BoxFuture<'_, Result<(), WriteFailure>> {
        Box::pin(async { Ok(()) })
    }
}

/// Notes who comes and goes in the script; takes so many more.
pub(crate) struct FakeOutputs {
    script: Arc<Script>,
    pub(crate) room: AtomicUsize,
    /// Whether what an output still has takes longer to carry away than there is time.
    pub(crate) lingers: AtomicBool,
}

impl Outputs for FakeOutputs {
    fn attach(&self, id: &Arc<PluginId>, _output: Box<dyn Output>) -> Result<(), NoRoom> {
        let room = self.room.load(Ordering::Relaxed).checked_sub(1).ok_or(NoRoom)?;
        self.room.store(room, Ordering::Relaxed);
        self.script.note(format!("attach {id}"));
        Ok(())
    }

    fn detach(&self, id: &PluginId, deadline: Duration) -> BoxFuture<'static, ()> {
        if self.script.capabilities.lock().unwrap().contains(&Capability::Write) {
            self.script.note(format!("detach {id}"));
        }
        let lingers = self.lingers.load(Ordering::Relaxed);
        Box::pin(async move {
            if lingers {
                tokio::time::sleep(deadline).await;
            }
        })
    }

    fn suspend(&self, id: &PluginId, _deadline: Duration) -> BoxFuture<'static, ()> {
        if self.script.capabilities.lock().unwrap().contains(&Capability::Write) {
            self.script.note(format!("suspend {id}"));
        }
        Box::pin(async {})
    }
}

/// All that lives around the plugins of a test.
pub(crate) struct House {
    pub(crate) script: Arc<Script>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) outputs: Arc<FakeOutputs>,
    pub(crate) way: Arc<Way>,
}

impl House {
    pub(crate) fn new() -> Self {
        let (script, clock) = (Script::new(), Arc::new(FakeClock::new()));
        let outputs = Arc::new(FakeOutputs {
            script: Arc::clone(&script),
            room: AtomicUsize::new(9),
            lingers: AtomicBool::new(false),
        });
        let way = Arc::new(way(Arc::clone(&clock) as Arc<dyn Clock>));
        Self { script, clock, outputs, way }
    }

    pub(crate) fn around(&self, settings: Settings) -> Surroundings {
        Surroundings {
            kind: Arc::new(FakeKind::new(&self.script)),
            way: Arc::clone(&self.way),
            outputs: Arc::clone(&self.outputs) as Arc<dyn Outputs>,
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            threads: Arc::new(Threads::new(settings.abandoned_threads)),
            settings,
        }
    }
}

fn way(clock: Arc<dyn Clock>) -> Way {
    let types = Arc::new(ArcSwap::from_pointee(TypesDb::builtin()));
    let settings = CacheSettings { future_tolerance: CdTime::from_secs(600), timeout: 2 };
    let cache = Cache::new(Arc::new(SeriesTable::new(100)), Arc::clone(&types), settings);
    let rules = Arc::new(ArcSwap::from_pointee(Rules::default()));
    Way::new(WayParts {
        cache: Arc::new(cache),
        types,
        outputs: Arc::new(FanOut::new(Arc::clone(&rules), Arc::clone(&clock))),
        rules,
        thresholds: Arc::default(),
        bus: Arc::new(Bus::new(100)),
        clock,
        hostname: "own".into(),
        series_per_plugin: 100,
    })
}

/// A plugin of ten seconds.
pub(crate) fn spec(id: &str) -> Spec {
    Spec {
        id: id.parse().unwrap(),
        type_name: id.into(),
        trusted: false,
        isolation: None,
        limits: crate::port::PluginLimits::default(),
        code: Code::Newest,
        interval: Interval::DEFAULT,
        config: json!({}),
    }
}

/// A notification that says `message`.
pub(crate) fn notification(message: &str) -> Notification {
    Notification {
        severity: Severity::Warning,
        time: CdTime::from_secs(1),
        message: message.into(),
        host: "own".into(),
        plugin: String::new(),
        plugin_instance: String::new(),
        type_name: String::new(),
        type_instance: String::new(),
        meta: std::collections::BTreeMap::new(),
    }
}

/// Lets virtual time pass; no real time does.
pub(crate) async fn pass(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

pub(crate) fn gate() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(0))
}
