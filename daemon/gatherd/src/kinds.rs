//! The ways to run plugins that this daemon has.

use std::sync::Arc;

use gatherd_engine::desired::Document;
use gatherd_engine::port::PluginKind;
use gatherd_kinds::Choice;
use gatherd_kinds::isolated::{HostUser, IsolatedKind, IsolatedSettings};
use gatherd_kinds::native::{NativeKind, NativeSettings};

use crate::paths::Paths;

/// Every way to run plugins, as the configuration wants it; the first that knows a type has it.
pub(crate) fn of(document: &Document, paths: &Paths) -> Vec<Arc<dyn PluginKind>> {
    let native = Arc::new(NativeKind::new(native(document, paths)));
    vec![Arc::new(Choice::new(native, isolated(document, paths)))]
}

/// As [`of`], for a daemon that stays; must be called within a tokio runtime.
pub(crate) fn to_stay(document: &Document, paths: &Paths) -> Vec<Arc<dyn PluginKind>> {
    let copies = Some(paths.state.clone());
    let native = Arc::new(NativeKind::new(NativeSettings { copies, ..native(document, paths) }));
    tokio::spawn(native.keep_small());
    vec![Arc::new(Choice::new(native, isolated(document, paths)))]
}

fn native(document: &Document, paths: &Paths) -> NativeSettings {
    NativeSettings {
        max_changed_digests: document.limits.changed_code as usize,
        ..NativeSettings::new(paths.plugins.clone())
    }
}

fn isolated(document: &Document, paths: &Paths) -> IsolatedKind {
    let private = vec![paths.state.clone(), paths.runtime.clone()];
    IsolatedKind::new(IsolatedSettings {
        private,
        user: document.host_user.as_deref().map(host_user),
        ..IsolatedSettings::new(paths.host_program.clone(), paths.plugins.clone())
    })
}

/// The numbers of a user that is named, or numbered itself.
fn host_user(name: &str) -> Result<HostUser, String> {
    let known = match name.parse() {
        Ok(number) => uzers::get_user_by_uid(number),
        Err(_a_name) => uzers::get_user_by_name(name),
    };
    let known = known
        .ok_or_else(|| format!("host_user: this machine has no user {name:?}; make it, or name another"))?;
    Ok(HostUser { user: known.uid(), group: known.primary_group_id() })
}

#[cfg(test)]
pub(crate) mod fake;
