//! Why there is no token of a cloud.

use std::io;
use std::path::PathBuf;

/// Why there is no token of a cloud.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CloudError {
    /// No file names clouds.
    #[error("there is no clouds.yaml to find the cloud {name} in; looked in {looked}")]
    NoFile {
        /// Which cloud.
        name: String,
        /// The folders.
        looked: String,
    },
    /// The file does not have this cloud.
    #[error("{} does not have the cloud {name}; it has {known}", path.display())]
    NoCloud {
        /// Which cloud.
        name: String,
        /// Which file.
        path: PathBuf,
        /// The clouds that it has.
        known: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{} is no file of clouds{}: `clouds:` with a table of settings for each is wanted", path.display(), at(*line))]
    NoClouds {
        /// Which.
        path: PathBuf,
        /// Where it goes wrong, from 1; what stands there may be secret.
        line: Option<u64>,
    },
    /// The certificate of Keystone is not to be looked at.
    #[error(
        "`verify: false` is not done here, because the password would go to anybody: name the file of the certificate authority with `cacert`"
    )]
    Unverified,
    /// Something is not said.
    #[error("{what} is not known: set {variable}, or {key} in clouds.yaml")]
    Missing {
        /// What.
        what: &'static str,
        /// The variable that says it.
        variable: &'static str,
        /// The key that says it.
        key: &'static str,
    },
    /// A way to log in that we do not know.
    #[error("cannot log in by {found}: password, token and v3applicationcredential are known")]
    AuthType {
        /// What was asked for.
        found: String,
    },
    /// The address of Keystone is none.
    #[error("{url} is no address of Keystone: http:// or https:// is wanted")]
    AuthUrl {
        /// What was given.
        url: String,
    },
    /// The certificates to believe are none.
    #[error("{} has no certificates in PEM form", path.display())]
    Certificates {
        /// Which file.
        path: PathBuf,
    },
    /// The HTTP client could not be set up.
    #[error("cannot set up a client for {url}")]
    Setup {
        /// Where it should connect to.
        url: String,
        /// What the HTTP client said.
        #[source]
        source: reqwest::Error,
    },
    /// Keystone was not reached, or the connection broke.
    #[error("no answer of Keystone at {url}")]
    Connection {
        /// Where we tried.
        url: String,
        /// What the HTTP client said.
        #[source]
        source: reqwest::Error,
    },
    /// Keystone said no.
    #[error("Keystone at {url} gives no token to {user}: {status} {message}")]
    Refused {
        /// Whom we asked.
        url: String,
        /// For whom.
        user: String,
        /// The HTTP status.
        status: u16,
        /// Its own words.
        message: String,
    },
    /// Somebody answered, but not as Keystone does.
    #[error(
        "{url} answered status {status}, which is no answer of Keystone v3 to a login; is the address right?"
    )]
    Foreign {
        /// Whom we asked.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// There is no such service in the catalogue.
    #[error(
        "the catalogue of {cloud} has no {interface} endpoint of a service telemetry-agent{region}: name the daemon with --url, or register it"
    )]
    NoService {
        /// Which cloud.
        cloud: String,
        /// Which interface was wanted.
        interface: String,
        /// Where, with a blank before it; empty for anywhere.
        region: String,
    },
    /// There are several.
    #[error(
        "the catalogue of {cloud} has a telemetry-agent in several regions: choose with OS_REGION_NAME among {regions}"
    )]
    Regions {
        /// Which cloud.
        cloud: String,
        /// Their names.
        regions: String,
    },
    /// A token that cannot be sent.
    #[error("the token for {url} has characters that cannot travel in a header")]
    NoToken {
        /// For whom.
        url: String,
    },
    /// There is no password, and nobody to ask.
    #[error("the login has no password that could be used without asking for it")]
    NoPassword,
}

impl CloudError {
    /// 1 somebody said no, 2 something is wrong here, 3 no connection.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Connection { .. } => 3,
            Self::Refused { .. } | Self::Foreign { .. } | Self::NoService { .. } | Self::Regions { .. } => 1,
            Self::NoFile { .. }
            | Self::NoCloud { .. }
            | Self::Read { .. }
            | Self::NoClouds { .. }
            | Self::Unverified
            | Self::Missing { .. }
            | Self::AuthType { .. }
            | Self::AuthUrl { .. }
            | Self::Certificates { .. }
            | Self::Setup { .. }
            | Self::NoToken { .. }
            | Self::NoPassword => 2,
        }
    }
}

fn at(line: Option<u64>) -> String {
    line.map_or_else(String::new, |line| format!(" (see line {line})"))
}
