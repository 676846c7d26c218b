//! The ways to run plugins that this daemon has.

use std::sync::Arc;

use gatherd_engine::desired::Document;
use gatherd_engine::port::PluginKind;
use gatherd_kinds::Choice;
use gatherd_kinds::isolated::{IsolatedKind, IsolatedSettings};
use gatherd_kinds::native::{NativeKind, NativeSettings};

use crate::paths::Paths;

/// Every way to run plugins, as the configuration wants it; the first that knows a type has it.
pub(crate) fn of(document: &Document, paths: &Paths) -> Vec<Arc<dyn PluginKind>> {
    let native = Arc::new(NativeKind::new(native(document, paths)));
    vec![Arc::new(Choice::new(native, isolated(paths)))]
}

/// As [`of`], for a daemon that stays; must be called within a tokio runtime.
pub(crate) fn to_stay(document: &Document, paths: &Paths) -> Vec<Arc<dyn PluginKind>> {
    let copies = Some(paths.state.clone());
    let native = Arc::new(NativeKind::new(NativeSettings { copies, ..native(document, paths) }));
    tokio::spawn(native.keep_small());
    vec![Arc::new(Choice::new(native, isolated(paths)))]
}

fn native(document: &Document, paths: &Paths) -> NativeSettings {
    NativeSettings {
        max_changed_digests: document.limits.changed_code as usize,
        ..NativeSettings::new(paths.plugins.clone())
    }
}

fn isolated(paths: &Paths) -> IsolatedKind {
    let private = vec![paths.state.clone(), paths.runtime.clone()];
    IsolatedKind::new(IsolatedSettings {
        private,
        ..IsolatedSettings::new(paths.host_program.clone(), paths.plugins.clone())
    })
}

#[cfg(test)]
pub(crate) mod fake;
