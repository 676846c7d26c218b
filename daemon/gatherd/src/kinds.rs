//! The ways to run plugins that this daemon has.

use std::sync::Arc;

use gatherd_engine::desired::Document;
use gatherd_engine::port::PluginKind;
use gatherd_kinds::native::{NativeKind, NativeSettings};

use crate::paths::Paths;

/// Every way to run plugins, as the configuration wants it; the first that knows a type has it.
pub(crate) fn of(document: &Document, paths: &Paths) -> Vec<Arc<dyn PluginKind>> {
    let settings = NativeSettings {
        max_changed_digests: document.limits.changed_code as usize,
        ..NativeSettings::new(paths.plugins.clone())
    };
    vec![Arc::new(NativeKind::new(settings))]
}

#[cfg(test)]
pub(crate) mod fake;
