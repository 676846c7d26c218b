//! What daemon and machine can do.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use gatherd_api::types::{
    ApiCapabilities, Capabilities, ClientCertificates, DaemonCapabilities, DaemonLimits,
    IsolationCapabilities, IsolationStrength, Machine, Role, Timestamp,
};
use gatherd_api::{Caller, MAX_BODY, MAX_LIMIT, ManagementError, microversion};
use gatherd_engine::desired::{ClientCertificatesWord, Document};
use gatherd_engine::port::Containment;
use tokio::task::spawn_blocking;

use crate::{EngineManagement, plugin_type};

/// What the daemon can do besides what the other members say; words that are once here stay.
const FEATURES: &[&str] = &[
    "audit",
    "blacklist",
    "chains",
    "changed_code",
    "confirmed_changes",
    "dry_run",
    "history",
    "idempotency_keys",
    "local_users",
    "notification_stream",
    "operations",
    "output_buffers",
    "plugin_log",
    "plugin_test",
    "prometheus_exposition",
    "put_notifications",
    "put_values",
    "revisions",
    "subscriptions",
    "take_over",
    "thresholds",
    "time_sync",
    "tls",
    "value_formats",
    "value_stream",
];

/// The version of Landlock from which on a process can be kept from signalling others.
const SIGNALS: u8 = 6;

/// Looks at the machine.
pub trait MachineView: Send + Sync + 'static {
    /// What this machine is, and when it was looked at. May block for a while.
    fn look(&self) -> (Arc<Machine>, SystemTime);
}

/// What does not change while the daemon runs.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The ways to run plugins.
    pub plugin_kinds: Vec<&'static str>,
    /// What holds those in processes of their own.
    pub containment: Containment,
    /// Version of the contract with plugins.
    pub abi: (u32, u32),
    /// The document that the daemon started with.
    pub document: Arc<Document>,
}

pub(crate) async fn show(this: &EngineManagement, caller: &Caller) -> Result<Capabilities, ManagementError> {
    // One look at a time; who waits for it takes no thread.
    let _turn = this.looking.lock().await;
    let (registry, view) = (Arc::clone(this.engine().registry()), Arc::clone(&this.parts.machine));
    let looked = spawn_blocking(move || (plugin_type::found(&registry), view.look())).await;
    let failed = |error| ManagementError::Internal { detail: format!("looking at the machine: {error}") };
    let (found, (machine, at)) = looked.map_err(failed)?;
    let machine = Machine::clone(&machine);
    let loadable = found.into_iter().filter(|found| found.manifest.is_ok());
    Ok(Capabilities {
        daemon: daemon(this, loadable.map(|found| found.type_name).collect()),
        machine: if caller.role.covers(Role::Admin) { machine } else { machine.without_identity() },
        looked_at: moment(at),
    })
}

fn daemon(this: &EngineManagement, plugin_types: Vec<String>) -> DaemonCapabilities {
    let Facts { plugin_kinds, containment, abi: (major, minor), document } = &this.parts.facts;
    let way = this.engine().way();
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let (api, limits) = (&document.api, &document.limits);
    let unix_socket = api.unix_socket.as_deref() != Some("");
    let has_tls = api.tls.is_on() && !api.listen.is_empty();
    let client_certificates = match api.tls.client_certificates {
        _ if !has_tls => ClientCertificates::None,
        ClientCertificatesWord::None => ClientCertificates::None,
        ClientCertificatesWord::Optional => ClientCertificates::Optional,
        ClientCertificatesWord::Required => ClientCertificates::Required,
    };
    let stands_for_somebody =
        client_certificates != ClientCertificates::None && !api.tls.client_roles.is_empty();
    let ways = [
        ("local", api.local),
        ("keystone", document.keystone.is_some()),
        ("unix_socket", unix_socket),
        ("client_certificate", stands_for_somebody),
    ];
    let authentication = ways.into_iter().filter(|(_, is_open)| *is_open).map(|(way, _)| way.to_owned());
    DaemonCapabilities {
        version: this.parts.version.to_owned(),
        hostname: way.hostname().to_owned(),
        min_microversion: microversion::MIN.to_owned(),
        max_microversion: microversion::MAX.to_owned(),
        plugin_kinds: words(plugin_kinds),
        isolation: isolation(*containment),
        plugin_types,
        abi: format!("{major}.{minor}"),
        data_sets: way.types().load().len() as u64,
        outputs: this.engine().observer().outputs().iter().map(|output| output.id.to_string()).collect(),
        authentication: authentication.collect(),
        api: ApiCapabilities {
            tcp: !api.listen.is_empty(),
            unix_socket,
            tls: has_tls,
            certificate: None, // The server knows.
            client_certificates,
            insecure: api.insecure,
            metrics_open: api.metrics_open,
        },
        limits: DaemonLimits {
            series: u64::from(limits.series),
            series_per_plugin: u64::from(limits.series_per_plugin),
            abandoned_threads: u64::from(limits.abandoned_threads),
            changed_code: u64::from(limits.changed_code),
            page: MAX_LIMIT as u64,
            body_bytes: MAX_BODY as u64,
        },
        features: words(FEATURES),
    }
}

fn isolation(containment: Containment) -> IsolationCapabilities {
    let Containment { landlock, control_groups, kill, cpu, memory, processes } = containment;
    let held = [("kill", kill), ("cpu", cpu), ("memory", memory), ("processes", processes)];
    let strength = match landlock {
        0 => IsolationStrength::Weak,
        SIGNALS.. if held.iter().all(|(_, is_held)| *is_held) => IsolationStrength::Full,
        _ => IsolationStrength::Partial,
    };
    let held = held.into_iter().filter(|(_, is_held)| *is_held).map(|(word, _)| word.to_owned()).collect();
    IsolationCapabilities { strength, landlock, control_groups, held }
}

fn moment(at: SystemTime) -> Timestamp {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use super::FEATURES;

    /// The page that explains each word.
    const PAGE: &str = include_str!("../../../docs/capabilities.md");

    #[test]
    fn every_feature_is_explained_and_they_stand_in_order() {
        let section = PAGE.split("## Features").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let explained: Vec<&str> = rows.map(|(word, _)| word).collect();
        assert_eq!(explained, FEATURES);
        assert!(FEATURES.is_sorted());
    }
}
