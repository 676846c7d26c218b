//! The first revision of a life: what an earlier one left, under the files of now.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::draft::Draft;
use super::edit::Author;
use super::effective::Effective;
use super::layers::Layers;
use super::problem::LayersError;
use super::store::{Fate, Left, Record, Store, StoreError};
use super::transaction::successor;

/// Why the state of before cannot be taken up.
#[derive(Debug)]
pub(super) enum Fault {
    Invalid(LayersError),
    Store(StoreError),
}

/// What is in effect first: the newest revision, or a new one where the configuration was changed meanwhile, a
/// revision was not confirmed, or there was none before.
pub(super) fn begin(store: &mut Store, left: Left, layers: Layers) -> Result<Effective, Fault> {
    let Left { newest, provisional } = left;
    let overlay = newest.as_ref().map_or_else(|| json!({}), |record| record.overlay.clone());
    let draft = match Draft::of(&layers, overlay.clone()) {
        Ok(draft) => draft,
        Err(found) => {
            let problems = found.into_iter().map(|problem| layers.locate(&overlay, problem)).collect();
            return Err(Fault::Invalid(LayersError { problems }));
        }
    };
    let layers = Arc::new(layers);
    match (newest, provisional) {
        (Some(record), None) if record.document == draft.value => {
            Ok(Effective::new(record.revision, layers, draft, record.resources))
        }
        (newest, provisional) => anew(store, newest.as_ref(), provisional, layers, draft),
    }
}

/// A new revision.
fn anew(
    store: &mut Store,
    newest: Option<&Record>,
    provisional: Option<Record>,
    layers: Arc<Layers>,
    draft: Draft,
) -> Result<Effective, Fault> {
    let reason = match (newest, &provisional) {
        (_, Some(tried)) => format!("revision {} was not confirmed before the daemon ended", tried.revision),
        (Some(_), None) => "the configuration was changed before this start".to_owned(),
        (None, None) => "first start".to_owned(),
    };
    let none = (0, &Value::Null, &BTreeMap::new());
    let from = provisional.as_ref().or(newest);
    let (revision, document, resources) =
        from.map_or(none, |record| (record.revision, &record.document, &record.resources));
    let (next, record) = successor(revision, document, resources, layers, draft, Author::daemon(&reason));
    let reverted = provisional.as_ref().map(|tried| Record { fate: Fate::Reverted, ..tried.clone() });
    let records: Vec<&Record> = reverted.iter().chain([&record]).collect();
    match store.commit(&records) {
        Ok(()) => {}
        Err(error) if newest.is_none() => return Err(Fault::Store(error)),
        Err(error) => {
            tracing::error!(error = %error, "the changed configuration is in effect, but could not be stored as a revision");
        }
    }
    if let Some(tried) = provisional {
        tracing::warn!(tried = tried.revision, revision = record.revision, "{reason}: it was taken back");
    }
    Ok(next)
}
