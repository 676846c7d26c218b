//! The section `api.tls`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::RoleWord;

/// How the API is encrypted on TCP, and whose certificates are believed; not at all without a certificate.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of the keys of TLS")]
pub struct TlsEntry {
    /// The daemon's certificate and those between it and a known authority, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// Its private key, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// The oldest version that is spoken.
    pub min_version: TlsVersionWord,
    /// Whether those who connect are asked for a certificate.
    pub client_certificates: ClientCertificatesWord,
    /// The authorities whose certificates are believed, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ca: Option<PathBuf>,
    /// Lists of certificates that were taken back, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_crl: Option<PathBuf>,
    /// What a certificate lets its holder do without a token, by a name in it such as `cn:collector`.
    pub client_roles: BTreeMap<String, RoleWord>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum TlsVersionWord {
    /// TLS 1.2.
    #[default]
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    V1_3,
}

/// Whether those who connect are asked for a certificate.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificatesWord {
    /// Nobody is asked.
    #[default]
    None,
    /// Who has none comes in without.
    Optional,
    /// Who has none stays outside.
    Required,
}

impl TlsEntry {
    /// Whether anything is encrypted.
    pub fn is_on(&self) -> bool {
        self.certificate.is_some()
    }
}
