//! What a host says, in the words of the engine.

use gatherd_engine::port::{CallFailure, Capability, ConfigProblem, Manifest, OpenFailure};
use gatherd_loader::OpenError;
use gatherd_wire::{Complaint, Loaded, Outcome};

use super::images::Library;

/// The manifest that a host tells, or why there is none.
pub(super) fn of_loading(loaded: Loaded, library: &Library) -> Result<Manifest, OpenFailure> {
    match loaded {
        Loaded::Failed { code, detail } => {
            // The words of the loader, for what else a host may say another.
            let code = OpenError::CODES.into_iter().find(|known| **known == code).unwrap_or("load_failed");
            Err(OpenFailure::Library { code, detail })
        }
        Loaded::Ok { name, version, description, config_schema, capabilities, abi, lacking: _ } => {
            Ok(Manifest {
                kind: "isolated",
                type_name: name,
                version,
                description,
                library: Some(library.file_name.clone()),
                digest: Some(library.digest.clone()),
                abi,
                capabilities: capabilities.iter().filter_map(|word| capability(word)).collect(),
                config_schema,
            })
        }
    }
}

fn capability(word: &str) -> Option<Capability> {
    Some(match word {
        "read" => Capability::Read,
        "write" => Capability::Write,
        "flush" => Capability::Flush,
        "notification" => Capability::Notification,
        _ => return None,
    })
}

fn refused(complaints: Vec<Complaint>) -> OpenFailure {
    let problem = |Complaint { pointer, detail }| ConfigProblem { pointer, detail };
    OpenFailure::Config(complaints.into_iter().map(problem).collect())
}

/// What came of judging a configuration.
pub(super) fn of_configuring(outcome: Outcome) -> Result<(), OpenFailure> {
    let whole = |detail| Err(OpenFailure::Config(vec![ConfigProblem { pointer: String::new(), detail }]));
    match outcome {
        Outcome::Ok | Outcome::NotSupported => Ok(()),
        Outcome::Refused { complaints } => Err(refused(complaints)),
        Outcome::Panicked { reason } => {
            whole(format!("the plugin panicked over its configuration: {reason}"))
        }
        Outcome::Failed { reason } => whole(format!("the plugin refuses its configuration: {reason}")),
        Outcome::Other { status } => whole(format!("the plugin answered {status} to its configuration")),
    }
}

/// What came of a start.
pub(super) fn of_init(outcome: Outcome) -> Result<(), OpenFailure> {
    let (code, detail) = match outcome {
        Outcome::Ok => return Ok(()),
        Outcome::Refused { complaints } => return Err(refused(complaints)),
        Outcome::Panicked { reason } => {
            ("init_panicked", format!("the plugin panicked while it started: {reason}"))
        }
        Outcome::Failed { reason } => ("init_failed", format!("the plugin does not start: {reason}")),
        Outcome::NotSupported => ("init_failed", "the plugin can not be started".to_owned()),
        Outcome::Other { status } => ("init_failed", format!("the plugin answered {status} to its start")),
    };
    Err(OpenFailure::Init { code, detail })
}

/// What came of a call.
pub(super) fn of_call(outcome: Outcome) -> Result<(), CallFailure> {
    Err(match outcome {
        Outcome::Ok => return Ok(()),
        Outcome::NotSupported => CallFailure::NotSupported,
        Outcome::Failed { reason } => CallFailure::Failed(reason),
        Outcome::Panicked { reason } => CallFailure::Lost(reason),
        Outcome::Refused { complaints } => CallFailure::Failed(refused(complaints).to_string()),
        Outcome::Other { status } => CallFailure::Failed(format!("the plugin answered {status}")),
    })
}

/// A process that was lost while it started.
pub(super) fn of_losing(failure: &CallFailure) -> OpenFailure {
    OpenFailure::Init { code: "init_failed", detail: failure.to_string() }
}
