//! All that a connection begins with, made of the files at one moment.

use super::certificate::CertificateFacts;
use super::fault::{Fault, TlsError};
use super::files::{read_private, read_public};
use super::settings::{ClientName, Clients, Oldest, TlsConfig};
use super::{DAY, SOON};
use crate::clock::now;
use gatherd_api_types::{Role, Timestamp};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{Error, InconsistentKeys, RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Most certificates or lists of one file.
const MOST: usize = 1_024;

/// What errors call the files.
const CERTIFICATE: &str = "certificate";
const KEY: &str = "key";
const AUTHORITIES: &str = "authorities of clients";
const REVOKED: &str = "list of revoked certificates";

/// All that a connection begins with.
pub(crate) struct Material {
    /// What the library is told.
    pub(crate) server: Arc<ServerConfig>,
    /// What our certificate says.
    pub(crate) facts: CertificateFacts,
    /// Whose certificates are believed; `None` asks nobody for one.
    pub(crate) clients: Option<Believed>,
    /// One more with each time that files were taken over.
    pub(crate) generation: u64,
    /// When the files were read, in seconds since 1970.
    pub(crate) loaded: u64,
}

/// Whose certificates are believed, and for what.
pub(crate) struct Believed {
    pub(crate) judge: Arc<dyn ClientCertVerifier>,
    pub(crate) roles: BTreeMap<ClientName, Role>,
}

impl Material {
    /// Reads all files.
    ///
    /// # Errors
    ///
    /// [`TlsError`] names the first that cannot be used.
    pub(super) fn load(config: &TlsConfig, generation: u64) -> Result<Self, TlsError> {
        let loaded = now();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let (certified, facts) = own(config, &provider)?;
        let clients = config.clients.as_ref().map(|clients| believed(clients, &provider)).transpose()?;
        let versions: &[&SupportedProtocolVersion] = match config.oldest {
            Oldest::V1_2 => &[&TLS13, &TLS12],
            Oldest::V1_3 => &[&TLS13],
        };
        let refused = |error| TlsError::new(CERTIFICATE, &config.certificate, Fault::Setup(error));
        let builder = ServerConfig::builder_with_provider(provider);
        let builder = builder.with_protocol_versions(versions).map_err(refused)?;
        let builder = match &clients {
            Some(believed) => builder.with_client_cert_verifier(Arc::clone(&believed.judge)),
            None => builder.with_no_client_auth(),
        };
        let mut server = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { server: Arc::new(server), facts, clients, generation, loaded })
    }

    /// Says what is served from now on.
    pub(super) fn tell(&self, now: u64) {
        let CertificateFacts { subject, fingerprint, not_after, .. } = &self.facts;
        let ends_at = Timestamp::from_unix(*not_after, 0);
        tracing::info!(subject, fingerprint, %ends_at, "the certificate of the API is read");
        self.warn(now);
    }

    /// Warns of a certificate that does not count at `now` (seconds since 1970), or not much longer.
    pub(super) fn warn(&self, now: u64) {
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let left = self.facts.not_after.saturating_sub(now);
        if left < 0 {
            tracing::warn!("the time of the certificate of the API is over: clients refuse it; renew it");
        } else if now < self.facts.not_before {
            tracing::warn!("the time of the certificate of the API has not begun: is the clock right?");
        } else if left < SOON {
            tracing::warn!(days = left / DAY, "the certificate of the API ends soon; renew it");
        }
    }
}

/// Our certificate with its key.
fn own(config: &TlsConfig, provider: &CryptoProvider) -> Result<(CertifiedKey, CertificateFacts), TlsError> {
    let at_certificate = |fault| TlsError::new(CERTIFICATE, &config.certificate, fault);
    let at_key = |fault| TlsError::new(KEY, &config.key, fault);
    let chain = certificates(&config.certificate).map_err(at_certificate)?;
    let first = chain.first().ok_or(Fault::Nothing("certificate", "-----BEGIN CERTIFICATE-----"));
    let facts = first.and_then(CertificateFacts::read).map_err(at_certificate)?;
    let content = read_private(&config.key).map_err(at_key)?;
    let key = PrivateKeyDer::from_pem_slice(&content).map_err(|error| at_key(no_key(&error)))?;
    let certified = CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => at_key(Fault::OtherKey),
        Error::InvalidCertificate(_) => at_certificate(Fault::Certificate),
        error => at_key(Fault::Key(error)),
    })?;
    Ok((certified, facts))
}

fn no_key(error: &PemError) -> Fault {
    match error {
        PemError::NoItemsFound => Fault::Nothing(
            "key without a password",
            "-----BEGIN PRIVATE KEY----- (or EC or RSA before PRIVATE)",
        ),
        _ => Fault::Pem,
    }
}

/// Whose certificates are believed.
fn believed(clients: &Clients, provider: &Arc<CryptoProvider>) -> Result<Believed, TlsError> {
    let at_authorities = |fault| TlsError::new(AUTHORITIES, &clients.authorities, fault);
    let mut roots = RootCertStore::empty();
    for authority in certificates(&clients.authorities).map_err(at_authorities)? {
        roots.add(authority).map_err(|error| at_authorities(Fault::Authority(error)))?;
    }
    if roots.is_empty() {
        return Err(at_authorities(Fault::Nothing("certificate", "-----BEGIN CERTIFICATE-----")));
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    if let Some(path) = &clients.revoked {
        let lists = lists(path).map_err(|fault| TlsError::new(REVOKED, path, fault))?;
        builder = builder.with_crls(lists).only_check_end_entity_revocation();
    }
    if !clients.required {
        builder = builder.allow_unauthenticated();
    }
    let path = clients.revoked.as_ref().unwrap_or(&clients.authorities);
    let judge = builder.build().map_err(|error| TlsError::new(REVOKED, path, Fault::List(error)))?;
    Ok(Believed { judge, roles: clients.roles.clone() })
}

/// All certificates of a file, in its order.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    bounded(CertificateDer::pem_slice_iter(&read_public(path)?))
}

/// All lists of revoked certificates of a file.
fn lists(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, Fault> {
    let lists = bounded(CertificateRevocationListDer::pem_slice_iter(&read_public(path)?))?;
    if lists.is_empty() {
        return Err(Fault::Nothing("list of revoked certificates", "-----BEGIN X509 CRL-----"));
    }
    Ok(lists)
}

fn bounded<T>(found: impl Iterator<Item = Result<T, PemError>>) -> Result<Vec<T>, Fault> {
    let all = found.take(MOST + 1).collect::<Result<Vec<T>, PemError>>().map_err(|_| Fault::Pem)?;
    if all.len() > MOST { Err(Fault::TooMany(MOST)) } else { Ok(all) }
}
