//! The machine's clock.

use std::time::Duration;

use gatherd_api::types::{
    Chrony, ChronySource, ClockHelper, ClockStep, ClockStepCause, FieldError, KernelTime, Lateness,
    ProblemCode, PtpClock, ServerAnswer, SyncMethod, Time, TimeCorrection, TimeMeasurement, TimeSource,
    TimeSync, TimeSynced,
};
use gatherd_api::{Caller, ManagementError};
use gatherd_engine::clock::{
    Asked, Correction, Known, KnownBy, Measurement, Method, NoMeasurement, Refusal, Step, StepCause,
    SyncError, TimePicture,
};
use gatherd_engine::port::{
    AdjustFailure, Allowance, Discipline, DisciplineSource, Exchange, HardwareClock, KernelClock,
};
use gatherd_model::CdTime;

use crate::EngineManagement;
use crate::convert::{seconds, timestamp};

/// Farthest correction that may be asked for.
const FARTHEST: Duration = Duration::from_hours(365 * 24);

/// Longest name of a server, with its port.
const MAX_SERVER: usize = 259;

pub(crate) async fn show(this: &EngineManagement) -> Time {
    let picture = this.engine().timing().picture().await;
    let late = this.engine().observer().lateness();
    let late = |percent| late.percentile(percent).map(seconds);
    let lateness = Lateness { p50: late(50), p99: late(99), max: late(100) };
    view(picture, lateness)
}

pub(crate) async fn sync(
    this: &EngineManagement,
    caller: &Caller,
    sync: TimeSync,
) -> Result<TimeSynced, ManagementError> {
    let max_step = judged(&sync)?;
    let TimeSync { method, max_step: _, server, force } = sync;
    let asked = Asked { method: engine_method(method), max_step, server, force };
    let synced = this.engine().timing().sync(&asked).await.map_err(|error| refusal(&error))?;
    let moved = from_nanos(synced.moved);
    if method != SyncMethod::Measure {
        tracing::info!(user = caller.user, peer = caller.peer, ?method, moved, "the clock was corrected");
    }
    let measurement = synced.measurement.map(|it| measurement(it, CdTime::ZERO));
    Ok(TimeSynced { method, moved, measurement })
}

fn view(picture: TimePicture, lateness: Lateness) -> Time {
    let Known { by, offset, error_bound, stratum } = picture.known();
    let TimePicture {
        wall,
        system,
        monotonic,
        boot,
        kernel,
        hardware,
        discipline,
        measured,
        correction,
        step_count,
        steps,
        allowance,
    } = picture;
    Time {
        wall: timestamp(wall),
        system: timestamp(system),
        monotonic: seconds(monotonic),
        boot: seconds(boot),
        source: match by {
            KnownBy::Measurement => TimeSource::Measurement,
            KnownBy::Discipline => TimeSource::Chrony,
            KnownBy::Kernel => TimeSource::Kernel,
            KnownBy::Nobody => TimeSource::None,
        },
        offset: offset.map(from_nanos),
        error_bound: error_bound.map(from_nanos),
        stratum,
        kernel: kernel.map(kernel_view),
        chrony: discipline.map(chrony_view),
        measurement: measured.map(|(it, age)| measurement(it, age)),
        correction: correction.map(correction_view),
        ptp: hardware.into_iter().map(ptp_view).collect(),
        steps: step_count,
        recent_steps: steps.iter().map(step_view).collect(),
        lateness,
        helper: allowance.map(helper_view),
    }
}

fn kernel_view(kernel: KernelClock) -> KernelTime {
    let KernelClock { synchronised, offset, frequency, max_error, estimated_error, status, tai_offset } =
        kernel;
    let status = status.into_iter().map(str::to_owned).collect();
    KernelTime { synchronised, offset, frequency, max_error, estimated_error, status, tai_offset }
}

fn chrony_view(discipline: Discipline) -> Chrony {
    let Discipline { synchronised, reference, stratum, offset, error_bound, frequency, sources } = discipline;
    let source = |source: DisciplineSource| {
        let DisciplineSource { address, state, stratum, reach, offset, error_bound } = source;
        let (offset, error_bound) = (from_nanos(offset), from_nanos(error_bound));
        ChronySource { address, state: state.to_owned(), stratum, reach, offset, error_bound }
    };
    Chrony {
        synchronised,
        reference,
        stratum,
        offset: from_nanos(offset),
        error_bound: from_nanos(error_bound),
        frequency,
        sources: sources.into_iter().map(source).collect(),
    }
}

fn measurement(measurement: Measurement, age: CdTime) -> TimeMeasurement {
    let Measurement { server, reading, agreed, exchanges } = measurement;
    TimeMeasurement {
        server,
        offset: from_nanos(reading.offset),
        error_bound: from_nanos(reading.error_bound),
        delay: from_nanos(reading.delay),
        stratum: reading.stratum,
        agreed,
        age: seconds(age),
        servers: exchanges.into_iter().map(answer_view).collect(),
    }
}

fn answer_view(exchange: Exchange) -> ServerAnswer {
    let Exchange { server, outcome } = exchange;
    let (reading, problem) = match outcome {
        Ok(reading) => (Some(reading), None),
        Err(problem) => (None, Some(problem)),
    };
    ServerAnswer {
        server,
        offset: reading.map(|reading| from_nanos(reading.offset)),
        error_bound: reading.map(|reading| from_nanos(reading.error_bound)),
        stratum: reading.map(|reading| reading.stratum),
        problem,
    }
}

fn correction_view(correction: Correction) -> TimeCorrection {
    let Correction { offset, error_bound, server, since } = correction;
    let (offset, error_bound) = (from_nanos(offset), from_nanos(error_bound));
    TimeCorrection { offset, error_bound, server, since: timestamp(since) }
}

fn ptp_view(clock: HardwareClock) -> PtpClock {
    let HardwareClock { device, name, ahead } = clock;
    PtpClock { device, name, ahead }
}

fn step_view(step: &Step) -> ClockStep {
    let Step { time, by, cause } = *step;
    let cause = match cause {
        StepCause::System => ClockStepCause::System,
        StepCause::Absorbed => ClockStepCause::Absorbed,
        StepCause::Correction => ClockStepCause::Correction,
    };
    ClockStep { time: timestamp(time), by, cause }
}

fn helper_view(allowance: Allowance) -> ClockHelper {
    let Allowance { max_step, budget, window, used } = allowance;
    let (max_step, budget, used) = (from_nanos(max_step), from_nanos(budget), from_nanos(used));
    ClockHelper { max_step, budget, window: window.as_secs_f64(), used }
}

fn engine_method(method: SyncMethod) -> Method {
    match method {
        SyncMethod::Measure => Method::Measure,
        SyncMethod::Agent => Method::Agent,
        SyncMethod::Release => Method::Release,
        SyncMethod::Slew => Method::Slew,
        SyncMethod::Step => Method::Step,
    }
}

fn from_nanos(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

/// What is asked for is judged before it is known whether the method needs it.
fn judged(sync: &TimeSync) -> Result<Option<i64>, ManagementError> {
    if sync.server.as_ref().is_some_and(|server| server.len() > MAX_SERVER) {
        return Err(invalid("/server", &format!("at most {MAX_SERVER} bytes are allowed")));
    }
    sync.max_step.map(nanos).transpose()
}

fn nanos(seconds: f64) -> Result<i64, ManagementError> {
    let span = Duration::try_from_secs_f64(seconds).ok().filter(|span| *span <= FARTHEST);
    let span = span.and_then(|span| i64::try_from(span.as_nanos()).ok());
    span.ok_or_else(|| invalid("/max_step", &format!("seconds from 0 to {} are wanted", FARTHEST.as_secs())))
}

fn invalid(pointer: &str, detail: &str) -> ManagementError {
    let error = FieldError { pointer: pointer.to_owned(), detail: detail.to_owned() };
    ManagementError::Invalid { errors: vec![error] }
}

fn refusal(error: &SyncError) -> ManagementError {
    let detail = error.to_string();
    let code = match error {
        SyncError::UnknownServer => return invalid("/server", &detail),
        SyncError::Busy | SyncError::Stepped | SyncError::NoMeasurement(NoMeasurement::Silence(_)) => {
            return ManagementError::Unavailable { detail };
        }
        SyncError::Storage(_) => {
            tracing::error!("{detail}");
            let detail =
                "the correction cannot be stored: is the disk of the state directory full?".to_owned();
            return ManagementError::Storage { detail };
        }
        SyncError::NoMeasurement(NoMeasurement::Nobody) => ProblemCode::ClockUncertain,
        SyncError::Refused(refusal) => match refusal {
            Refusal::Disagree | Refusal::Uncertain { .. } => ProblemCode::ClockUncertain,
            Refusal::TooFar { .. } | Refusal::Helper(AdjustFailure::TooFar(_)) => ProblemCode::ClockTooFar,
            Refusal::Disciplined { .. } => ProblemCode::ClockKept,
            Refusal::Helper(AdjustFailure::Budget(_)) => ProblemCode::ClockBudget,
            Refusal::Helper(AdjustFailure::NoHelper(_) | AdjustFailure::NotPermitted(_)) => {
                ProblemCode::ClockNotPermitted
            }
            Refusal::Corrected { .. } | Refusal::Helper(AdjustFailure::Failed(_)) => ProblemCode::Conflict,
        },
    };
    ManagementError::Conflict { code, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_a_code_of_its_own() {
        let helper = |failure| SyncError::Refused(Refusal::Helper(failure));
        for (error, code) in [
            (SyncError::Refused(Refusal::Disagree), ProblemCode::ClockUncertain),
            (SyncError::Refused(Refusal::TooFar { offset: 2, most: 1 }), ProblemCode::ClockTooFar),
            (SyncError::Refused(Refusal::Disciplined { by: "chrony".into() }), ProblemCode::ClockKept),
            (helper(AdjustFailure::Budget("spent".into())), ProblemCode::ClockBudget),
            (helper(AdjustFailure::NoHelper("gone".into())), ProblemCode::ClockNotPermitted),
            (helper(AdjustFailure::Failed("why".into())), ProblemCode::Conflict),
        ] {
            let detail = error.to_string();
            assert_eq!(refusal(&error), ManagementError::Conflict { code, detail });
        }
        assert_eq!(
            refusal(&SyncError::UnknownServer),
            invalid("/server", "the server is none of time.servers")
        );
        assert!(matches!(refusal(&SyncError::Busy), ManagementError::Unavailable { .. }));
    }

    #[test]
    fn a_span_that_is_none_is_invalid() {
        for wrong in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert!(matches!(nanos(wrong), Err(ManagementError::Invalid { .. })), "{wrong}");
        }
        assert_eq!(nanos(0.5), Ok(500_000_000));
    }
}
