//! One read of a plugin that nobody else sees.

use gatherd_api::types::{PluginTest, PluginTestOutcome, PluginTestReport, ProblemCode};
use gatherd_api::{Caller, ManagementError};
use gatherd_engine::port::{CallFailure, OpenFailure};
use gatherd_engine::registry::{Trial, TrialError};

use crate::EngineManagement;
use crate::convert::{drops, no_plugin, plugin_id, seconds, without_directories};
use crate::errors::Errors;
use crate::value;

pub(crate) async fn run(
    this: &EngineManagement,
    caller: &Caller,
    id: &str,
    test: PluginTest,
) -> Result<PluginTestReport, ManagementError> {
    let known = plugin_id(id)?;
    tracing::info!(plugin = id, user = caller.user, peer = caller.peer, "test asked for");
    let config = test.config.map(|config| config.0.into());
    match this.engine().registry().try_out(&known, config).await {
        Ok(trial) => Ok(report(this, &trial)),
        Err(error) => Err(refused(this, id, error)),
    }
}

fn refused(this: &EngineManagement, id: &str, error: TrialError) -> ManagementError {
    let errors = Errors { private: &this.parts.private_directories };
    match error {
        TrialError::Open(OpenFailure::Config(mut problems)) => {
            for problem in &mut problems {
                problem.pointer.insert_str(0, "/config");
            }
            errors.open(&OpenFailure::Config(problems))
        }
        TrialError::Open(failure) => errors.open(&failure),
        TrialError::GathersNothing => {
            ManagementError::Conflict { code: ProblemCode::Conflict, detail: error.to_string() }
        }
        TrialError::Busy(_) => ManagementError::Unavailable { detail: error.to_string() },
        TrialError::Gone => no_plugin(id),
        TrialError::BrokeDown => ManagementError::Internal { detail: error.to_string() },
    }
}

fn report(this: &EngineManagement, trial: &Trial) -> PluginTestReport {
    let Trial { manifest, opened_in, read_in, outcome, values, series, drops: dropped, way } = trial;
    let (outcome, message) = match outcome {
        Ok(()) => (PluginTestOutcome::Good, None),
        Err(None) => (PluginTestOutcome::Stuck, None),
        Err(Some(failure @ CallFailure::Lost(_))) => (PluginTestOutcome::Lost, Some(failure.to_string())),
        Err(Some(failure)) => (PluginTestOutcome::ReadFailed, Some(failure.to_string())),
    };
    let now = way.clock().moment();
    PluginTestReport {
        outcome,
        message: message.map(|text| without_directories(&text, &this.parts.private_directories)),
        version: manifest.version.clone(),
        digest: manifest.digest.clone(),
        opened_in: seconds(*opened_in),
        read_in: seconds(*read_in),
        series: *series as u64,
        values: values.iter().map(|newest| value::view(newest, &now, way)).collect(),
        drops: drops(dropped.iter().copied()),
    }
}
