//! Several ways to run plugins as one: the first that knows a type has it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::port::{BoxFuture, Found, Manifest, OpenFailure, Plugin, PluginKind, Spec};
use crate::way::Door;

/// Several ways to run plugins as one.
///
/// A kind does not know a type when it answers [`OpenFailure::Library`] with the code `missing`; any other
/// answer is the answer.
pub struct Kinds(Vec<Arc<dyn PluginKind>>);

impl Kinds {
    /// Asks these kinds, in this order.
    pub fn new(kinds: Vec<Arc<dyn PluginKind>>) -> Self {
        Self(kinds)
    }
}

fn is_missing(failure: &OpenFailure) -> bool {
    matches!(failure, OpenFailure::Library { code: "missing", .. })
}

/// What is said where nobody was asked.
fn nobody_knows(spec: &Spec) -> OpenFailure {
    let detail = format!("no kind of plugin knows the type {:?}", spec.type_name);
    OpenFailure::Library { code: "missing", detail }
}

impl PluginKind for Kinds {
    fn name(&self) -> &'static str {
        "any"
    }

    /// A type that two kinds know is shown once, as of the first.
    fn found(&self) -> Vec<Found> {
        let mut known = BTreeSet::new();
        let all = self.0.iter().flat_map(|kind| kind.found());
        all.filter(|found| known.insert(found.type_name.clone())).collect()
    }

    fn validate(&self, spec: &Spec) -> Result<Manifest, OpenFailure> {
        let mut missing = nobody_knows(spec);
        for kind in &self.0 {
            match kind.validate(spec) {
                Err(failure) if is_missing(&failure) => missing = failure,
                outcome => return outcome,
            }
        }
        Err(missing)
    }

    fn open(&self, spec: Spec, door: Arc<Door>) -> BoxFuture<'static, Result<Box<dyn Plugin>, OpenFailure>> {
        let kinds = self.0.clone();
        Box::pin(async move {
            let mut missing = nobody_knows(&spec);
            for kind in kinds {
                match kind.open(spec.clone(), Arc::clone(&door)).await {
                    Err(failure) if is_missing(&failure) => missing = failure,
                    outcome => return outcome,
                }
            }
            Err(missing)
        })
    }
}
