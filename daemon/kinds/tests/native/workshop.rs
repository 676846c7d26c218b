//! Builds the guest, and what its values go through.

use std::env;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use gatherd_engine::bus::Bus;
use gatherd_engine::cache::{Cache, CacheSettings};
use gatherd_engine::output::FanOut;
use gatherd_engine::port::{Clock, Code, OpenFailure, Plugin, PluginKind, PluginLimits, Spec};
use gatherd_engine::rules::Rules;
use gatherd_engine::series::SeriesTable;
use gatherd_engine::way::{Counters, Door, Way, WayParts};
use gatherd_kinds::native::{NativeKind, NativeSettings};
use gatherd_model::{CdTime, Interval, TypesDb};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Builds a guest that writes and flushes, and does not read.
pub(crate) const WRITER: &str = "-DCAPABILITIES=(GATHERD_CAPABILITIES_WRITE|GATHERD_CAPABILITIES_FLUSH)";

const LIST: &str = "MANIFEST.sha256";

/// Real time; besides, the wall clock is a second later with each look, so that no value is too old.
pub(crate) struct Ticking {
    began: Instant,
    looks: AtomicU64,
}

impl Ticking {
    fn elapsed(&self) -> CdTime {
        CdTime::from_duration(self.began.elapsed())
    }
}

impl Clock for Ticking {
    fn wall(&self) -> CdTime {
        CdTime::from_secs(1000 + self.looks.fetch_add(1, Ordering::Relaxed)).plus(self.elapsed())
    }

    fn monotonic(&self) -> CdTime {
        self.elapsed()
    }
}

/// A plugin directory and a way for values.
pub(crate) struct Workshop {
    pub(crate) directory: TempDir,
    pub(crate) way: Arc<Way>,
    pub(crate) clock: Arc<Ticking>,
    listed: Mutex<Vec<String>>,
}

impl Workshop {
    /// `None` where there is no C compiler; the test then counts as skipped.
    pub(crate) fn new() -> Option<Self> {
        if Command::new(compiler()).arg("--version").output().is_err() {
            note_skipped();
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(Ticking { began: Instant::now(), looks: AtomicU64::new(0) });
        let way = Arc::new(way(Arc::clone(&clock) as Arc<dyn Clock>));
        Some(Self { directory, way, clock, listed: Mutex::default() })
    }

    /// Builds the guest as `<name>.so` and lists it.
    pub(crate) fn build(&self, name: &str, arguments: &[&str]) {
        self.build_unlisted(name, arguments);
        self.listed.lock().unwrap().push(format!("{}  {name}.so", self.digest(name)));
        self.list();
    }

    /// Builds the guest as `<name>.so`, in a new file that takes the place of an older one.
    pub(crate) fn build_unlisted(&self, name: &str, arguments: &[&str]) {
        let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let fresh = self.directory.path().join("fresh");
        let include = here.join("../../native-plugins/abi/include");
        let output = Command::new(compiler())
            .args(["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-I"])
            .arg(include)
            .args(arguments)
            .arg("-o")
            .args([&fresh, &here.join("tests/guests/guest.c")])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::set_permissions(&fresh, Permissions::from_mode(0o755)).unwrap();
        fs::rename(&fresh, self.directory.path().join(format!("{name}.so"))).unwrap();
    }

    /// Writes a file of the directory, and lists it.
    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.directory.path().join(name), content).unwrap();
        self.set_mode(name, 0o644);
        self.listed.lock().unwrap().push(format!("{}  {name}", hex(content)));
    }

    /// Writes the list of what was built or written.
    pub(crate) fn list(&self) {
        let lines = self.listed.lock().unwrap().join("\n");
        fs::write(self.directory.path().join(LIST), lines + "\n").unwrap();
        self.set_mode(LIST, 0o644);
    }

    pub(crate) fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.directory.path().join(name), Permissions::from_mode(mode)).unwrap();
    }

    /// A file that is there, for a guest to wait for its end.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, "").unwrap();
        path
    }

    pub(crate) fn digest(&self, name: &str) -> String {
        hex(&fs::read(self.directory.path().join(format!("{name}.so"))).unwrap())
    }

    pub(crate) fn kind(&self) -> NativeKind {
        self.kind_with(|_| {})
    }

    pub(crate) fn kind_with(&self, change: impl FnOnce(&mut NativeSettings)) -> NativeKind {
        let mut settings = NativeSettings::new(vec![self.directory.path().into()]);
        change(&mut settings);
        NativeKind::new(settings)
    }

    /// Opens a plugin with a door of its own.
    pub(crate) async fn open(
        &self,
        kind: &NativeKind,
        spec: Spec,
    ) -> Result<(Box<dyn Plugin>, Arc<Door>, Arc<Counters>), OpenFailure> {
        let counters = Arc::new(Counters::default());
        let door = self.way.open_door(Arc::new(spec.id.clone()), spec.interval, Arc::clone(&counters));
        let plugin = kind.open(spec, Arc::clone(&door)).await?;
        Ok((plugin, door, counters))
    }

    /// The newest rate of a series.
    pub(crate) fn newest(&self, identifier: &str) -> Option<f64> {
        self.way.cache().get(identifier).and_then(|newest| newest.rates.first().copied())
    }
}

fn way(clock: Arc<dyn Clock>) -> Way {
    let types = Arc::new(ArcSwap::from_pointee(TypesDb::builtin()));
    let settings = CacheSettings { future_tolerance: CdTime::from_secs(600), timeout: 2 };
    let cache = Cache::new(Arc::new(SeriesTable::new(1000)), Arc::clone(&types), settings);
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
        series_per_plugin: 1000,
    })
}

/// A plugin of ten seconds with this configuration.
pub(crate) fn spec(id: &str, config: &str) -> Spec {
    Spec {
        id: id.parse().unwrap(),
        type_name: id.into(),
        trusted: false,
        isolation: None,
        limits: PluginLimits::default(),
        code: Code::Newest,
        interval: Interval::DEFAULT,
        config: serde_json::from_str(config).unwrap(),
    }
}

/// Waits at most ten seconds.
pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(10), "waited in vain until {what}");
        std::thread::yield_now();
    }
}

fn hex(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn compiler() -> std::ffi::OsString {
    env::var_os("CC").unwrap_or_else(|| "cc".into())
}

fn note_skipped() {
    if let Some(log) = env::var_os("GATHERD_SKIP_LOG") {
        let mut log = OpenOptions::new().append(true).create(true).open(log).unwrap();
        writeln!(log, "SKIPPED: tests of the native kind: there is no C compiler").unwrap();
    }
}
