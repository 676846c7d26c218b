//! How much of what a host says is kept: what fits into one message of the protocol may still be far too much for a log
//! line, an error, or a manifest that is remembered.

use gatherd_model::{MAX_MESSAGE, MAX_NAME};
use gatherd_wire::{Complaint, Loaded, Outcome, ToDaemon};

/// Complaints about one configuration. Source: what the loader takes of a library.
const COMPLAINTS: usize = 64;

/// Bytes of a schema, as JSON.
const SCHEMA: usize = 256 << 10;

/// Words of capabilities; four are known.
const CAPABILITIES: usize = 64;

/// Sentences about what does not hold a host.
const SENTENCES: usize = 16;

/// The message with its texts cut to what is kept. Names of series and notifications are judged elsewhere, and refused
/// rather than cut.
pub(super) fn bounded(mut message: ToDaemon) -> ToDaemon {
    match &mut message {
        ToDaemon::Hello(welcome) => {
            cut(&mut welcome.name, MAX_NAME);
            cut(&mut welcome.version, MAX_NAME);
        }
        ToDaemon::Loaded(loaded) => bound_manifest(loaded),
        ToDaemon::Done { outcome, .. } => bound_outcome(outcome),
        ToDaemon::Log { message, .. } => cut(message, MAX_MESSAGE),
        ToDaemon::Breach { what, .. } => cut(what, MAX_MESSAGE),
        ToDaemon::Register { .. }
        | ToDaemon::RegisterMany { .. }
        | ToDaemon::Notify { .. }
        | ToDaemon::Describe { .. }
        | ToDaemon::Unknown => {}
    }
    message
}

fn bound_manifest(loaded: &mut Loaded) {
    match loaded {
        Loaded::Failed { code, detail } => {
            cut(code, MAX_NAME);
            cut(detail, MAX_MESSAGE);
        }
        Loaded::Ok { name, version, description, config_schema, capabilities, abi: _, lacking } => {
            cut(name, MAX_NAME);
            cut(version, MAX_NAME);
            cut(description, MAX_MESSAGE);
            capabilities.truncate(CAPABILITIES);
            lacking.truncate(SENTENCES);
            for sentence in lacking.iter_mut() {
                cut(sentence, MAX_MESSAGE);
            }
            let size = config_schema.to_string().len();
            if size > SCHEMA {
                let detail = format!(
                    "the JSON Schema of its configuration has {size} bytes, at most {SCHEMA} are taken"
                );
                *loaded = Loaded::Failed { code: "load_failed".into(), detail };
            }
        }
    }
}

fn bound_outcome(outcome: &mut Outcome) {
    match outcome {
        Outcome::Failed { reason } | Outcome::Panicked { reason } => cut(reason, MAX_MESSAGE),
        Outcome::Refused { complaints } => {
            complaints.truncate(COMPLAINTS);
            for Complaint { pointer, detail } in complaints {
                cut(pointer, MAX_MESSAGE);
                cut(detail, MAX_MESSAGE);
            }
        }
        Outcome::Ok | Outcome::NotSupported | Outcome::Other { .. } => {}
    }
}

/// Gives the rest back, so that a short text does not hold the memory of a long one.
fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "ä".repeat(MAX_MESSAGE);
        let done = bounded(ToDaemon::Done {
            call: 1,
            outcome: Outcome::Panicked { reason: long.clone() },
            records: 0,
        });
        let ToDaemon::Done { outcome: Outcome::Panicked { reason }, .. } = done else { panic!("{done:?}") };
        assert_eq!(reason, "ä".repeat(MAX_MESSAGE / 2));
        let complaint = Complaint { pointer: long.clone(), detail: long };
        let mut refused = Outcome::Refused { complaints: vec![complaint; COMPLAINTS + 1] };
        bound_outcome(&mut refused);
        let Outcome::Refused { complaints } = refused else { panic!() };
        assert_eq!(complaints.len(), COMPLAINTS);
        assert!(
            complaints.iter().all(|it| it.pointer.len() == MAX_MESSAGE && it.detail.len() == MAX_MESSAGE)
        );
    }

    #[test]
    fn a_manifest_is_kept_small() {
        let said = |config_schema| {
            let text = "x".repeat(1 << 20);
            let mut loaded = Loaded::Ok {
                name: text.clone(),
                version: text.clone(),
                description: text,
                config_schema,
                capabilities: vec!["read".into(); 1000],
                abi: (1, 0),
                lacking: vec!["x".repeat(1 << 20); 100],
            };
            bound_manifest(&mut loaded);
            loaded
        };
        let Loaded::Ok { name, version, description, capabilities, lacking, .. } = said(json!({})) else {
            panic!()
        };
        let sizes = [
            name.len(),
            version.len(),
            description.len(),
            capabilities.len(),
            lacking.len(),
            lacking[0].len(),
        ];
        assert_eq!(sizes, [MAX_NAME, MAX_NAME, MAX_MESSAGE, CAPABILITIES, SENTENCES, MAX_MESSAGE]);
        let Loaded::Failed { code, detail } = said(json!("x".repeat(SCHEMA))) else { panic!() };
        assert_eq!((code.as_str(), detail.len() < 200), ("load_failed", true), "{detail}");
    }
}
