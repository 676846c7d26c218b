//! Tests of the clock room: steps are found, taken out, and corrected by.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gatherd_model::CdTime;

use super::*;
use crate::port::{
    AdjustFailure, Adjustment, Allowance, BoxFuture, Discipline, Exchange, HardwareClock, KernelClock,
    Reading, Timekeeper,
};

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3600 * SECOND;

/// Clocks that a test moves by hand; all in units of 2⁻³⁰ s.
#[derive(Clone, Debug, Default)]
struct Hands(Arc<[AtomicU64; 3]>);

impl Hands {
    fn new() -> Self {
        let hands = Self::default();
        hands.turn(0, 1_700_000_000.0);
        hands
    }

    #[expect(clippy::cast_possible_truncation, reason = "tests turn by what fits")]
    fn turn(&self, which: usize, seconds: f64) {
        let units = (seconds * f64::from(1 << 30)) as i64;
        self.0[which].fetch_add(units.cast_unsigned(), Ordering::Relaxed);
    }

    fn pass(&self, seconds: f64) {
        (0..3).for_each(|which| self.turn(which, seconds));
    }

    fn step(&self, seconds: f64) {
        self.turn(0, seconds);
    }

    fn read(&self, which: usize) -> CdTime {
        CdTime(self.0[which].load(Ordering::Relaxed))
    }
}

impl Clock for Hands {
    fn wall(&self) -> CdTime {
        self.read(0)
    }

    fn monotonic(&self) -> CdTime {
        self.read(1)
    }
}

impl Clocks for Hands {
    fn boot(&self) -> CdTime {
        self.read(2)
    }
}

fn watched() -> (Hands, WatchedClock<Hands>) {
    let hands = Hands::new();
    (hands.clone(), WatchedClock::new(hands))
}

fn told(clock: &WatchedClock<Hands>) -> Vec<(f64, StepCause)> {
    clock.take_steps().iter().map(|step| (step.by, step.cause)).collect()
}

#[test]
fn a_step_is_noticed_by_who_asks_for_the_time_and_told_once() {
    let (hands, clock) = watched();
    hands.pass(10.0);
    assert_eq!(clock.moment().stepped, CdTime::ZERO);
    hands.pass(5.0);
    hands.step(-3600.0);
    let moment = clock.moment();
    assert_eq!(moment.stepped, CdTime::from_secs(15));
    assert_eq!(moment.back, CdTime::from_secs(3600));
    assert_eq!(moment.wall, CdTime::from_secs(1_700_000_000 - 3600 + 15));
    assert_eq!(told(&clock), [(-3600.0, StepCause::System)]);
    hands.pass(1.0);
    assert_eq!(clock.moment().stepped, CdTime::from_secs(15));
    hands.step(31_536_000.0);
    let moment = clock.moment();
    assert_eq!((moment.stepped, moment.back), (CdTime::from_secs(16), CdTime::ZERO));
    assert_eq!(told(&clock), [(31_536_000.0, StepCause::System)]);
    assert_eq!(clock.steps().0, 2);
}

#[test]
fn the_epoch_and_the_year_2038_are_times_like_others() {
    let (hands, clock) = watched();
    hands.pass(1.0);
    hands.step(-1_700_000_001.0);
    assert_eq!(clock.moment().wall, CdTime::ZERO);
    hands.step(2_147_483_648.0);
    assert_eq!(clock.moment().wall, CdTime::from_secs(2_147_483_648));
    assert_eq!(told(&clock), [(-1_700_000_001.0, StepCause::System), (2_147_483_648.0, StepCause::System)]);
}

#[test]
fn slewing_is_followed_and_sleep_is_no_step() {
    let (hands, clock) = watched();
    for _ in 0..100 {
        hands.pass(0.5);
        hands.step(0.05);
        clock.look(false);
    }
    hands.turn(0, 7200.0);
    hands.turn(2, 7200.0);
    assert_eq!(clock.moment().stepped, CdTime::ZERO);
    assert_eq!(told(&clock), []);
}

#[test]
fn a_small_step_counts_where_the_kernel_told_of_it() {
    let (hands, clock) = watched();
    hands.pass(1.0);
    hands.step(-0.0625);
    clock.look(true);
    assert_eq!(told(&clock), [(-0.0625, StepCause::System)]);
    assert_eq!(clock.moment().back, CdTime(1 << 26));
}

#[test]
fn many_small_steps_are_counted_and_the_newest_remembered() {
    let (hands, clock) = watched();
    for _ in 0..1000 {
        hands.pass(0.25);
        hands.step(-0.5);
        assert_eq!(clock.moment().back, CdTime(1 << 29));
    }
    let (count, newest) = clock.steps();
    assert_eq!((count, newest.len(), told(&clock).len()), (1000, 32, 32));
}

#[test]
fn under_a_correction_a_step_of_the_system_clock_is_taken_out() {
    let (hands, clock) = watched();
    clock.correct(Some(5 * SECOND));
    assert_eq!(told(&clock), [(5.0, StepCause::Correction)]);
    let before = clock.moment();
    hands.pass(10.0);
    hands.step(-100.0);
    let after = clock.moment();
    assert_eq!(after.wall.since(before.wall), CdTime::from_secs(10));
    assert_eq!(after.stepped, before.stepped);
    assert_eq!(told(&clock), [(-100.0, StepCause::Absorbed)]);
    assert_eq!(clock.correction(), Some(105 * SECOND));
    clock.correct(None);
    assert_eq!(told(&clock), [(-105.0, StepCause::Correction)]);
    assert_eq!((clock.correction(), clock.wall()), (None, hands.wall()));
}

/// Says what a test lets it say, and moves the hands when it is told to.
struct Fake {
    hands: Hands,
    readings: Mutex<Vec<Reading>>,
    kernel_synchronised: bool,
    chrony: Option<Discipline>,
    helper: Result<Allowance, AdjustFailure>,
    /// A step that happens while it measures, in seconds.
    meanwhile: f64,
}

const ALLOWANCE: Allowance =
    Allowance { max_step: HOUR, budget: HOUR, window: Duration::from_hours(24), used: 0 };

impl Timekeeper for Fake {
    fn kernel(&self) -> Option<KernelClock> {
        Some(KernelClock {
            synchronised: self.kernel_synchronised,
            offset: 0.0,
            frequency: 0.0,
            max_error: 16.0,
            estimated_error: 16.0,
            status: vec!["unsync"],
            tai_offset: 0,
        })
    }

    fn hardware(&self) -> Vec<HardwareClock> {
        Vec::new()
    }

    fn discipline<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Option<Discipline>> {
        Box::pin(async { self.chrony.clone() })
    }

    fn measure<'a>(&'a self, servers: &'a [String], _: Duration) -> BoxFuture<'a, Vec<Exchange>> {
        self.hands.step(self.meanwhile);
        let readings = self.readings.lock().unwrap().clone();
        let silent = || Err("timed out".to_owned());
        let outcome = |at: usize| readings.get(at).copied().map_or_else(silent, Ok);
        let said = servers.iter().enumerate();
        let said =
            said.map(|(at, server)| Exchange { server: server.clone(), outcome: outcome(at) }).collect();
        Box::pin(async { said })
    }

    fn allowance<'a>(&'a self, _: &'a Path) -> BoxFuture<'a, Result<Allowance, AdjustFailure>> {
        Box::pin(async { self.helper.clone() })
    }

    fn adjust<'a>(
        &'a self,
        _: &'a Path,
        how: Adjustment,
        offset: i64,
    ) -> BoxFuture<'a, Result<Allowance, AdjustFailure>> {
        if self.helper.is_ok() && how == Adjustment::Step {
            self.hands.step(offset as f64 / 1e9);
        }
        Box::pin(async { self.helper.clone() })
    }
}

struct Scene {
    hands: Hands,
    fake: Fake,
    state: tempfile::TempDir,
}

impl Scene {
    /// One server that answers `offset`, known to 10 ms.
    fn new(offset: i64) -> Self {
        let hands = Hands::new();
        hands.pass(100.0);
        let reading = Reading { offset, error_bound: SECOND / 100, delay: SECOND / 50, stratum: 2 };
        let fake = Fake {
            hands: hands.clone(),
            readings: Mutex::new(vec![reading]),
            kernel_synchronised: false,
            chrony: None,
            helper: Ok(ALLOWANCE),
            meanwhile: 0.0,
        };
        Self { hands, fake, state: tempfile::tempdir().unwrap() }
    }

    fn build(self) -> (Hands, Arc<WatchedClock<Hands>>, Timing<Hands>, tempfile::TempDir) {
        let clock = Arc::new(WatchedClock::new(self.hands.clone()));
        let timing = Timing::new(Arc::clone(&clock), Arc::new(self.fake), settings(), self.state.path());
        (self.hands, clock, timing, self.state)
    }
}

fn settings() -> TimeSettings {
    TimeSettings {
        servers: vec!["one".into()],
        interval: None,
        timeout: Duration::from_secs(1),
        bounds: Bounds { max_error: SECOND / 10, max_step: HOUR },
        chrony: "127.0.0.1:323".into(),
        helper: "/nowhere".into(),
    }
}

fn ask(method: Method) -> Asked {
    Asked { method, max_step: None, server: None, force: false }
}

#[tokio::test]
async fn measuring_moves_nothing_and_is_remembered() {
    let (hands, clock, timing, _state) = Scene::new(5 * SECOND).build();
    let synced = timing.sync(&ask(Method::Measure)).await.unwrap();
    assert_eq!((synced.moved, synced.measurement.as_ref().unwrap().reading.offset), (0, 5 * SECOND));
    hands.pass(3.0);
    let picture = timing.picture().await;
    assert_eq!(picture.measured, synced.measurement.map(|it| (it, CdTime::from_secs(3))));
    assert_eq!((picture.correction, clock.wall()), (None, hands.wall()));
}

#[tokio::test]
async fn the_agents_correction_outlives_the_daemon_and_a_step_meanwhile() {
    let (hands, clock, timing, state) = Scene::new(5 * SECOND).build();
    assert_eq!(timing.sync(&ask(Method::Agent)).await.unwrap().moved, 5 * SECOND);
    assert_eq!(clock.wall().since(hands.wall()), CdTime::from_secs(5));
    drop((timing, clock));
    hands.pass(60.0);
    hands.step(-100.0);
    let again = Scene { state, ..Scene::new(0) };
    let fake = Fake { hands: hands.clone(), ..again.fake };
    let (_, clock, timing, _state) = Scene { hands: hands.clone(), fake, state: again.state }.build();
    let correction = timing.picture().await.correction.unwrap();
    assert_eq!((correction.offset, correction.server.as_str()), (105 * SECOND, "one"));
    assert_eq!(timing.sync(&ask(Method::Release)).await.unwrap().moved, -105 * SECOND);
    assert_eq!((clock.wall(), timing.picture().await.correction), (hands.wall(), None));
}

#[tokio::test]
async fn a_step_of_the_system_clock_is_seen_as_one() {
    let (hands, clock, timing, _state) = Scene::new(-2 * SECOND).build();
    let wall = hands.wall();
    assert_eq!(timing.sync(&ask(Method::Step)).await.unwrap().moved, -2 * SECOND);
    assert_eq!(wall.since(hands.wall()), CdTime::from_secs(2));
    assert_eq!(told(&clock), [(-2.0, StepCause::System)]);
}

#[tokio::test]
async fn what_is_right_within_the_error_bound_is_left_alone() {
    let (hands, _clock, timing, _state) = Scene::new(SECOND / 200).build();
    let wall = hands.wall();
    assert_eq!(timing.sync(&ask(Method::Step)).await.unwrap().moved, 0);
    assert_eq!(hands.wall(), wall);
}

#[tokio::test]
async fn a_clock_that_somebody_keeps_is_left_to_them_unless_forced() {
    let mut scene = Scene::new(2 * SECOND);
    scene.fake.kernel_synchronised = true;
    let (_hands, _clock, timing, _state) = scene.build();
    let refused = timing.sync(&ask(Method::Slew)).await;
    assert!(matches!(refused, Err(SyncError::Refused(Refusal::Disciplined { .. }))), "{refused:?}");
    let forced = Asked { force: true, ..ask(Method::Slew) };
    assert_eq!(timing.sync(&forced).await.unwrap().moved, 2 * SECOND);
}

#[tokio::test]
async fn each_refusal_says_why_and_moves_nothing() {
    let (_hands, _clock, timing, _state) = Scene::new(2 * HOUR).build();
    let too_far = Refusal::TooFar { offset: 2 * HOUR, most: HOUR };
    assert_eq!(timing.sync(&ask(Method::Step)).await, Err(too_far.into()));
    let less = Asked { max_step: Some(SECOND), ..ask(Method::Agent) };
    let too_far = Refusal::TooFar { offset: 2 * HOUR, most: SECOND };
    assert_eq!(timing.sync(&less).await, Err(too_far.into()));
    let stranger = Asked { server: Some("two".into()), ..ask(Method::Measure) };
    assert_eq!(timing.sync(&stranger).await, Err(SyncError::UnknownServer));

    let mut scene = Scene::new(2 * SECOND);
    let spent = AdjustFailure::Budget("spent".into());
    scene.fake.helper = Err(spent.clone());
    let (hands, _clock, timing, _state) = scene.build();
    let wall = hands.wall();
    assert_eq!(timing.sync(&ask(Method::Step)).await, Err(Refusal::Helper(spent).into()));
    assert_eq!(hands.wall(), wall);
    timing.sync(&ask(Method::Agent)).await.unwrap();
    assert_eq!(timing.sync(&ask(Method::Slew)).await, Err(Refusal::Corrected { offset: 2 * SECOND }.into()));
}

#[tokio::test]
async fn a_step_during_a_measurement_spoils_it() {
    let mut scene = Scene::new(2 * SECOND);
    scene.fake.meanwhile = 50.0;
    let (_hands, _clock, timing, _state) = scene.build();
    assert_eq!(timing.sync(&ask(Method::Agent)).await, Err(SyncError::Stepped));
}

#[tokio::test]
async fn without_servers_chrony_is_believed_where_it_has_a_reference() {
    let mut scene = Scene::new(0);
    scene.fake.chrony = Some(Discipline {
        synchronised: true,
        reference: "192.0.2.1".into(),
        stratum: 3,
        offset: SECOND / 2,
        error_bound: SECOND / 1000,
        frequency: 1.0,
        sources: Vec::new(),
    });
    let (_hands, _clock, timing, _state) = scene.build();
    timing.configure(TimeSettings { servers: Vec::new(), ..settings() });
    let measurement = timing.sync(&ask(Method::Measure)).await.unwrap().measurement.unwrap();
    assert_eq!((measurement.server.as_str(), measurement.reading.offset), ("chrony", SECOND / 2));
    timing.configure(TimeSettings { servers: Vec::new(), chrony: String::new(), ..settings() });
    assert_eq!(timing.sync(&ask(Method::Measure)).await, Err(NoMeasurement::Nobody.into()));
}

#[tokio::test(start_paused = true)]
async fn where_an_interval_is_set_the_clock_is_measured_by_itself_and_the_correction_renewed() {
    let (_hands, clock, timing, _state) = Scene::new(3 * SECOND).build();
    clock.correct(Some(SECOND));
    timing.configure(TimeSettings { interval: Some(Duration::from_secs(64)), ..settings() });
    let measured = async {
        while timing.picture().await.measured.is_none() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = timing.keep_measuring() => {}
        () = measured => {}
    }
    tokio::task::yield_now().await;
    assert_eq!(timing.picture().await.measured.unwrap().0.reading.offset, 3 * SECOND);
}

#[test]
fn the_machines_clocks_are_later_than_this_code() {
    let clock = SystemClock::new();
    assert!(clock.wall() > CdTime::from_secs(1_700_000_000));
    assert!(clock.monotonic() < CdTime::from_secs(60));
    assert!(clock.boot() > CdTime::ZERO);
}
