//! What is asked of TLS: files, and whom client certificates stand for.

use super::files::Stamp;
use gatherd_api_types::Role;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where the files of TLS are, and what is asked of those who connect.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsConfig {
    /// The certificate and those between it and a known authority, in PEM, its own first.
    pub certificate: PathBuf,
    /// The private key of the certificate, in PEM.
    pub key: PathBuf,
    /// The oldest version that is spoken.
    pub oldest: Oldest,
    /// Who may show a certificate; `None` asks nobody for one.
    pub clients: Option<Clients>,
}

/// Certificates of clients.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Clients {
    /// The authorities that are believed, in PEM.
    pub authorities: PathBuf,
    /// Lists of certificates that were taken back, in PEM.
    pub revoked: Option<PathBuf>,
    /// Whether nobody comes in without a certificate.
    pub required: bool,
    /// What a certificate lets its holder do without a token, by a name in it; nothing for other names.
    pub roles: BTreeMap<ClientName, Role>,
}

/// The oldest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Oldest {
    /// TLS 1.2 and 1.3.
    #[default]
    V1_2,
    /// TLS 1.3 alone.
    V1_3,
}

/// A name that a certificate carries, such as `cn:collector`, `dns:ops.example.org` or `uri:spiffe://site/ops`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ClientName(String);

/// A text that is no name of a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a name of a certificate begins with `cn:`, `dns:` or `uri:` and goes on with 1 to 255 printable characters"
)]
pub struct NoClientName;

impl ClientName {
    /// A common name of the subject.
    pub(super) fn common(name: &str) -> Option<Self> {
        format!("cn:{name}").parse().ok()
    }

    /// A DNS name among the alternative ones.
    pub(super) fn dns(name: &str) -> Option<Self> {
        format!("dns:{name}").parse().ok()
    }

    /// A URI among the alternative names.
    pub(super) fn uri(name: &str) -> Option<Self> {
        format!("uri:{name}").parse().ok()
    }
}

impl FromStr for ClientName {
    type Err = NoClientName;

    /// DNS names are told apart without regard to case, all others letter by letter.
    fn from_str(text: &str) -> Result<Self, NoClientName> {
        let (kind, name) = text.split_once(':').ok_or(NoClientName)?;
        let is_name = (1..=255).contains(&name.len()) && !name.contains(char::is_control);
        match kind {
            "cn" | "uri" if is_name => Ok(Self(text.to_owned())),
            "dns" if is_name => Ok(Self(text.to_ascii_lowercase())),
            _ => Err(NoClientName),
        }
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TlsConfig {
    /// What the files look like from outside, in a fixed order; `None` for one that is not there.
    pub(super) fn stamps(&self) -> Vec<Option<Stamp>> {
        let clients = self.clients.as_ref();
        let own = [Some(&self.certificate), Some(&self.key)];
        let theirs = [clients.map(|it| &it.authorities), clients.and_then(|it| it.revoked.as_ref())];
        own.into_iter().chain(theirs).flatten().map(|path| Stamp::of(path)).collect()
    }
}
