//! The section `keystone`: whose tokens count beside the daemon's own. The engine only keeps it; the daemon's start
//! uses it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How tokens of `OpenStack` Keystone are judged, and what they are worth here.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of Keystone's keys")]
pub struct Keystone {
    /// Where Keystone is, the preferred place first; none where it is never asked.
    pub auth_urls: Vec<String>,
    /// Where clients are told to get a token; the first of `auth_urls` for `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// Name of the user as whom Keystone is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Name of the domain of `user`.
    pub user_domain: String,
    /// Name of the project whose roles let `user` ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Name of the domain of `project`.
    pub project_domain: String,
    /// Id of the application credential with which Keystone is asked, in place of a user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_credential: Option<String>,
    /// Private file with the password of `user`, or the secret of `application_credential`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// Variable of the daemon's environment with the same, in place of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_variable: Option<String>,
    /// The only certificates that are trusted, in PEM form; the system's for `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Whether Keystone may be asked without TLS on another machine.
    pub insecure: bool,
    /// Interface of the catalogue's endpoint that is asked about tokens; `auth_urls` are asked for `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<Interface>,
    /// Region of that endpoint; any for `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// How long one request may take, in seconds.
    pub timeout: f64,
    /// How long a token counts without being asked about again, in seconds.
    pub cache: f64,
    /// How long a refused token is not asked about again, in seconds.
    pub refused_cache: f64,
    /// How long a token counts for reads beyond `cache` while Keystone cannot be asked, in seconds.
    pub grace: f64,
    /// Most valid tokens that are remembered, and most refused ones.
    pub remembered: u32,
    /// Our role by Keystone's name of a role.
    pub roles: BTreeMap<String, RoleWord>,
    /// Projects whose tokens count: ids, `domain:name`, or `*` for all.
    pub projects: Vec<String>,
    /// Domains whose tokens count, by id or name, or `*` for all.
    pub domains: Vec<String>,
    /// Whether tokens for the whole cloud count.
    pub system: bool,
    /// Whether signed tokens are checked here where Keystone cannot be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline: Option<OfflineEntry>,
}

/// How signed tokens are checked without Keystone.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of the keys of `keystone.offline`")]
pub struct OfflineEntry {
    /// Directory with the public keys, one `*.pem` each.
    pub repository: PathBuf,
    /// By how much the clocks may differ, in seconds.
    pub leeway: u32,
    /// Whether such a token may change something.
    pub changes: bool,
    /// Role by the id of a user.
    pub users: BTreeMap<String, RoleWord>,
    /// Role by the id of a project.
    pub projects: BTreeMap<String, RoleWord>,
    /// Role of all others.
    pub default: RoleWord,
}

/// What somebody may do, as files write it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RoleWord {
    /// Look.
    Reader,
    /// Operate.
    Member,
    /// Change configuration, load code.
    Admin,
}

/// Who an endpoint of the catalogue is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Interface {
    /// Everybody.
    Public,
    /// Services.
    Internal,
    /// Administrators.
    Admin,
}

impl Default for Keystone {
    fn default() -> Self {
        Self {
            auth_urls: Vec::new(),
            public_url: None,
            user: None,
            user_domain: "Default".to_owned(),
            project: None,
            project_domain: "Default".to_owned(),
            application_credential: None,
            secret_file: None,
            secret_variable: None,
            ca_file: None,
            insecure: false,
            interface: None,
            region: None,
            timeout: 5.0,
            cache: 30.0,
            refused_cache: 10.0,
            grace: 0.0,
            remembered: 10_000,
            roles: [RoleWord::Reader, RoleWord::Member, RoleWord::Admin]
                .map(|role| (role.as_str().to_owned(), role))
                .into(),
            projects: Vec::new(),
            domains: Vec::new(),
            system: false,
            offline: None,
        }
    }
}

impl Default for OfflineEntry {
    fn default() -> Self {
        Self {
            repository: PathBuf::new(),
            leeway: 0,
            changes: false,
            users: BTreeMap::new(),
            projects: BTreeMap::new(),
            default: RoleWord::Reader,
        }
    }
}

impl RoleWord {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }
}

impl Interface {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}
