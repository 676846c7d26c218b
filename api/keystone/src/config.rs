//! What must be known to ask Keystone, or to do without it.

use crate::Secret;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use url::{Host, Url};

/// How Keystone is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    /// Where Keystone is, the preferred place first; `/v3` is added where it is missing. None: it is never asked.
    pub endpoints: Vec<Url>,
    /// As whom it is asked; needed where there are endpoints.
    pub credential: Option<Credential>,
    /// Whether tokens are validated where the service catalogue says, the endpoints above being asked for it.
    pub catalogue: Option<Catalogue>,
    /// PEM file with the only certificates that are trusted; the system's where there is none.
    pub ca_file: Option<PathBuf>,
    /// Whether Keystone may be asked without TLS on another machine.
    pub insecure: bool,
    /// How long one request may take.
    pub timeout: Duration,
    /// How long answers count.
    pub times: Times,
    /// Most valid tokens that are remembered, and most refused ones.
    pub remembered: usize,
    /// Whether signed tokens are checked here where Keystone cannot be asked.
    pub offline: Option<Offline>,
}

/// How long an answer counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Times {
    /// A token that Keystone called valid, but never past its end.
    pub valid: Duration,
    /// A token that Keystone refused.
    pub refused: Duration,
    /// A valid one for reads, beyond `valid`, while Keystone cannot be asked.
    pub grace: Duration,
}

/// As whom Keystone is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Credential {
    /// A user of Keystone with a password.
    Password {
        /// Who.
        user: Account,
        /// The password.
        password: Secret<String>,
        /// The project whose roles let the user ask.
        project: ProjectOf,
    },
    /// An application credential.
    Application {
        /// Its id.
        id: String,
        /// Its secret.
        secret: Secret<String>,
    },
}

/// A user, by name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// The name of its domain.
    pub domain: String,
}

/// A project, by name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProjectOf {
    /// Its name.
    pub name: String,
    /// The name of its domain.
    pub domain: String,
}

/// Which endpoint of the catalogue is taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Catalogue {
    /// `public`, `internal` or `admin`.
    pub interface: String,
    /// The region; any for `None`.
    pub region: Option<String>,
}

/// How signed tokens are checked without Keystone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Offline {
    /// Directory with a `*.pem` file for each public key.
    pub repository: PathBuf,
    /// By how much the clocks may differ, in seconds; at most 5.
    pub leeway: u64,
    /// Whether such a token is as good as one that Keystone vouched for while Keystone cannot be asked.
    pub changes: bool,
}

impl Config {
    /// The endpoints with the version that we speak.
    pub(crate) fn places(&self) -> Vec<Url> {
        self.endpoints.iter().map(versioned).collect()
    }
}

/// The address of version 3 below that of Keystone.
pub(crate) fn versioned(place: &Url) -> Url {
    let mut place = place.clone();
    let path = place.path().trim_end_matches('/').to_owned();
    let path = if path.ends_with("/v3") { path } else { format!("{path}/v3") };
    place.set_path(&path);
    place
}

/// Whether passwords and tokens may travel to a place: it is encrypted, or does not leave the machine.
pub fn is_safe_url(place: &Url) -> bool {
    match (place.scheme(), place.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Ipv4(address))) => IpAddr::V4(address).is_loopback(),
        ("http", Some(Host::Ipv6(address))) => IpAddr::V6(address).is_loopback(),
        ("http", Some(Host::Domain(name))) => name == "localhost",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn version_3_is_added_once() {
        for (given, expected) in [
            ("https://h:5000", "https://h:5000/v3"),
            ("https://h:5000/", "https://h:5000/v3"),
            ("https://h/identity", "https://h/identity/v3"),
            ("https://h/identity/v3/", "https://h/identity/v3"),
            ("https://h/v3", "https://h/v3"),
        ] {
            assert_eq!(versioned(&url(given)).as_str(), expected);
        }
    }

    #[test]
    fn without_encryption_only_this_machine_is_safe() {
        for safe in
            ["https://keystone.example.org/v3", "http://127.0.0.1:5000", "http://[::1]/", "http://localhost"]
        {
            assert!(is_safe_url(&url(safe)), "{safe}");
        }
        for unsafe_one in ["http://keystone/v3", "http://10.0.0.1", "ftp://localhost", "unix:/run/x"] {
            assert!(!is_safe_url(&url(unsafe_one)), "{unsafe_one}");
        }
    }
}
