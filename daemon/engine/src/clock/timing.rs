//! Measuring the system clock and correcting it, one request at a time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use arc_swap::ArcSwap;
use gatherd_model::CdTime;
use tokio::sync::Notify;

use super::SystemClock;
use super::judge::{self, Bounds, Measurement, NoMeasurement, Refusal};
use super::kept::Kept;
use super::picture::TimePicture;
use super::watched::{Clocks, WatchedClock};
use crate::port::{AdjustFailure, Adjustment, Clock, Discipline, Timekeeper};

/// How the clock is measured and corrected, as the document has it.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeSettings {
    /// NTP servers, as `host` or `host:port`.
    pub servers: Vec<String>,
    /// Time between two measurements; `None` for those that are asked for only.
    pub interval: Option<Duration>,
    /// How long one server is waited for.
    pub timeout: Duration,
    /// What a correction must keep to.
    pub bounds: Bounds,
    /// chrony's command port; empty when it is not to be asked.
    pub chrony: String,
    /// The clock helper's unix socket.
    pub helper: PathBuf,
}

/// What is to be done with the clock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// It is measured, and nothing else.
    Measure,
    /// Values are stamped with the right time; the system clock is left alone.
    Agent,
    /// Values are stamped with the system clock again.
    Release,
    /// The system clock is slewed.
    Slew,
    /// The system clock is stepped.
    Step,
}

/// A request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    /// What is to be done.
    pub method: Method,
    /// Farthest correction, in nanoseconds, where it shall be less than the document's.
    pub max_step: Option<i64>,
    /// The one server to measure with; it is one of the document's.
    pub server: Option<String>,
    /// Whether another daemon that keeps the clock is no reason to refuse.
    pub force: bool,
}

/// What was done.
#[derive(Clone, Debug, PartialEq)]
pub struct Synced {
    /// What was measured; `None` after a release.
    pub measurement: Option<Measurement>,
    /// How far the clock is moved, in nanoseconds; 0 where it was right within the error bound or only measured.
    pub moved: i64,
}

/// Why it was not done.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SyncError {
    /// The server is none of the document's.
    #[error("the server is none of time.servers")]
    UnknownServer,
    /// Another request is under way.
    #[error("the clock is being measured or corrected already; try again")]
    Busy,
    /// The clock stepped while it was measured.
    #[error("the clock stepped while it was measured; try again")]
    Stepped,
    /// It could not be measured.
    #[error(transparent)]
    NoMeasurement(#[from] NoMeasurement),
    /// It is not corrected.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A correction could not be stored, so it is not in force.
    #[error("the correction cannot be stored: {0}")]
    Storage(String),
}

/// A correction that is in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Correction {
    /// What is added to the system clock, in nanoseconds.
    pub offset: i64,
    /// How far that may be wrong, in nanoseconds, as it was measured.
    pub error_bound: i64,
    /// Who measured it.
    pub server: String,
    /// Since when, right time.
    pub since: CdTime,
}

#[derive(Debug, Default)]
struct State {
    /// With the monotonic time of it.
    measured: Option<(Measurement, CdTime)>,
    /// Error bound, server and beginning of the correction in force.
    correction: Option<(i64, String, CdTime)>,
}

/// Measures the clock and corrects it.
pub struct Timing<C = SystemClock> {
    clock: Arc<WatchedClock<C>>,
    keeper: Arc<dyn Timekeeper>,
    settings: ArcSwap<TimeSettings>,
    configured: Notify,
    kept: Arc<Kept>,
    state: Mutex<State>,
    /// Held while something is measured or corrected.
    under_way: tokio::sync::Mutex<()>,
}

fn nanos(time: CdTime) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

impl<C: Clocks> Timing<C> {
    /// Corrects `clock`; what is kept of an earlier life in `state_dir` is in force at once.
    pub fn new(
        clock: Arc<WatchedClock<C>>,
        keeper: Arc<dyn Timekeeper>,
        settings: TimeSettings,
        state_dir: &Path,
    ) -> Self {
        let timing = Self {
            clock,
            keeper,
            settings: ArcSwap::from_pointee(settings),
            configured: Notify::new(),
            kept: Arc::new(Kept::new(state_dir)),
            state: Mutex::default(),
            under_way: tokio::sync::Mutex::new(()),
        };
        timing.take_up();
        timing
    }

    fn take_up(&self) {
        let Some(entry) = self.kept.read() else { return };
        let right = nanos(self.clock.boot()).saturating_add(entry.distance);
        let offset = right.saturating_sub(nanos(self.clock.system_wall()));
        self.clock.correct(Some(offset));
        let _before_the_first_value = self.clock.take_steps();
        let since = CdTime::from_duration(Duration::from_nanos(entry.since.unsigned_abs()));
        tracing::info!(
            server = entry.server,
            "values are stamped with a correction of {} s",
            offset as f64 / 1e9
        );
        self.state().correction = Some((entry.error_bound, entry.server, since));
    }

    /// Takes over other settings; what is in force stays so.
    pub fn configure(&self, settings: TimeSettings) {
        if **self.settings.load() != settings {
            self.settings.store(Arc::new(settings));
            self.configured.notify_one();
        }
    }

    /// The settings in effect.
    pub fn settings(&self) -> Arc<TimeSettings> {
        self.settings.load_full()
    }

    /// Carries out a request.
    ///
    /// # Errors
    ///
    /// [`SyncError`]; the clock is as it was.
    pub async fn sync(&self, asked: &Asked) -> Result<Synced, SyncError> {
        let _one_at_a_time = self.under_way.try_lock().map_err(|_| SyncError::Busy)?;
        if asked.method == Method::Release {
            self.on_disk(Kept::forget).await?;
            let was = self.clock.correction().unwrap_or(0);
            self.clock.correct(None);
            self.state().correction = None;
            return Ok(Synced { measurement: None, moved: was.saturating_neg() });
        }
        let settings = self.settings();
        let measurement = self.measure(&settings, asked.server.as_deref()).await?;
        let moved = match asked.method {
            Method::Measure | Method::Release => 0,
            Method::Agent => self.correct(&measurement, bounds(&settings, asked)).await?,
            Method::Slew => self.adjust(&settings, asked, Adjustment::Slew, &measurement).await?,
            Method::Step => self.adjust(&settings, asked, Adjustment::Step, &measurement).await?,
        };
        Ok(Synced { measurement: Some(measurement), moved })
    }

    /// Measures as often as the settings say, for ever; a correction in force is renewed.
    pub async fn keep_measuring(&self) {
        loop {
            let settings = self.settings();
            let wait = async {
                match settings.interval {
                    Some(interval) => tokio::time::sleep(interval).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.configured.notified() => continue,
                () = wait => {}
            }
            let method = if self.clock.correction().is_some() { Method::Agent } else { Method::Measure };
            if let Err(error) = self.sync(&Asked { method, max_step: None, server: None, force: false }).await
            {
                tracing::warn!("the clock was not measured: {error}");
            }
        }
    }

    /// The clocks now, and all that is known of them.
    pub async fn picture(&self) -> TimePicture {
        let settings = self.settings();
        let (discipline, allowance) =
            tokio::join!(self.discipline(&settings), self.keeper.allowance(&settings.helper));
        let (step_count, steps) = self.clock.steps();
        let moment = self.clock.moment();
        let (kernel, hardware) = (self.keeper.kernel(), self.keeper.hardware());
        let state = self.state();
        let measured = state.measured.as_ref();
        TimePicture {
            wall: moment.wall,
            system: self.clock.system_wall(),
            monotonic: moment.monotonic,
            boot: self.clock.boot(),
            kernel,
            hardware,
            discipline,
            measured: measured.map(|(it, at)| (it.clone(), moment.monotonic.since(*at))),
            correction: state.correction.clone().zip(self.clock.correction()).map(
                |((error_bound, server, since), offset)| Correction { offset, error_bound, server, since },
            ),
            step_count,
            steps,
            allowance: allowance.ok(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    /// Changes what is kept, where it may take its time.
    async fn on_disk(
        &self,
        change: impl FnOnce(&Kept) -> std::io::Result<()> + Send + 'static,
    ) -> Result<(), SyncError> {
        let kept = Arc::clone(&self.kept);
        let changed = tokio::task::spawn_blocking(move || change(&kept)).await;
        let changed = changed.map_err(|error| SyncError::Storage(error.to_string()))?;
        changed.map_err(|error| SyncError::Storage(error.to_string()))
    }

    async fn discipline(&self, settings: &TimeSettings) -> Option<Discipline> {
        if settings.chrony.is_empty() {
            return None;
        }
        self.keeper.discipline(&settings.chrony).await
    }

    async fn measure(&self, settings: &TimeSettings, server: Option<&str>) -> Result<Measurement, SyncError> {
        let one = server.map(|server| vec![server.to_owned()]);
        if let Some(one) = &one
            && !settings.servers.contains(&one[0])
        {
            return Err(SyncError::UnknownServer);
        }
        let servers = one.as_ref().unwrap_or(&settings.servers);
        self.clock.look(false);
        let (steps, _) = self.clock.steps();
        let measurement = if servers.is_empty() {
            let discipline = self.discipline(settings).await;
            discipline.as_ref().and_then(judge::by_discipline).ok_or(NoMeasurement::Nobody)?
        } else {
            judge::best_of(self.keeper.measure(servers, settings.timeout).await)?
        };
        self.clock.look(false);
        if self.clock.steps().0 != steps {
            return Err(SyncError::Stepped);
        }
        self.state().measured = Some((measurement.clone(), self.clock.monotonic()));
        Ok(measurement)
    }

    /// Stamps values with the right time from now on.
    async fn correct(&self, measurement: &Measurement, bounds: Bounds) -> Result<i64, SyncError> {
        judge::judge(measurement, bounds)?;
        let (offset, error_bound) = (measurement.reading.offset, measurement.reading.error_bound);
        let right = nanos(self.clock.system_wall()).saturating_add(offset);
        let distance = right.saturating_sub(nanos(self.clock.boot()));
        let server = measurement.server.clone();
        self.on_disk(move |kept| kept.write(distance, error_bound, &server, right)).await?;
        let was = self.clock.correction().unwrap_or(0);
        self.clock.correct(Some(offset));
        self.state().correction = Some((error_bound, measurement.server.clone(), self.clock.wall()));
        Ok(offset.saturating_sub(was))
    }

    /// Lets the helper move the system clock, unless it is right as far as one can tell.
    async fn adjust(
        &self,
        settings: &TimeSettings,
        asked: &Asked,
        how: Adjustment,
        measurement: &Measurement,
    ) -> Result<i64, SyncError> {
        judge::judge(measurement, bounds(settings, asked))?;
        if let (Adjustment::Slew, Some(offset)) = (how, self.clock.correction()) {
            return Err(Refusal::Corrected { offset }.into());
        }
        if let Some(by) = self.other_hand(settings, asked).await {
            return Err(Refusal::Disciplined { by }.into());
        }
        let offset = measurement.reading.offset;
        if offset.saturating_abs() <= measurement.reading.error_bound {
            return Ok(0);
        }
        self.keeper.adjust(&settings.helper, how, offset).await.map_err(Refusal::from)?;
        self.clock.look(true);
        Ok(offset)
    }

    /// Who keeps the clock already.
    async fn other_hand(&self, settings: &TimeSettings, asked: &Asked) -> Option<String> {
        if asked.force {
            return None;
        }
        if self.discipline(settings).await.is_some_and(|discipline| discipline.synchronised) {
            return Some("chrony".to_owned());
        }
        let kept = self.keeper.kernel().is_some_and(|kernel| kernel.synchronised);
        kept.then(|| "another daemon (the kernel says that its clock is synchronised)".to_owned())
    }
}

fn bounds(settings: &TimeSettings, asked: &Asked) -> Bounds {
    let max_step = asked.max_step.map_or(i64::MAX, i64::saturating_abs).min(settings.bounds.max_step);
    Bounds { max_step, ..settings.bounds }
}

impl From<AdjustFailure> for SyncError {
    fn from(failure: AdjustFailure) -> Self {
        Self::Refused(failure.into())
    }
}
