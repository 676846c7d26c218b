//! A certificate authority of a test, and what it issues.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// When a certificate counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Validity {
    /// Today.
    Now,
    /// Years ago.
    Past,
}

/// A certificate authority that nobody knows.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    /// One of this name.
    ///
    /// # Panics
    ///
    /// When no certificate can be made.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no name is wrong");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key can be made");
        let pem = params.self_signed(&key).expect("a certificate can be made").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Its own certificate, in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A server that shows a certificate for `host`.
    ///
    /// # Panics
    ///
    /// When none can be made.
    pub fn server(&self, host: &str, validity: Validity) -> TlsAcceptor {
        let mut params = CertificateParams::new([host.to_owned()]).expect("a host name is no wrong name");
        let (from, until) = match validity {
            Validity::Now => (date_time_ymd(2020, 1, 1), date_time_ymd(2096, 1, 1)),
            Validity::Past => (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1)),
        };
        (params.not_before, params.not_after) = (from, until);
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate can be made");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("it is PKCS #8");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("key and certificate go together");
        TlsAcceptor::from(Arc::new(config))
    }
}
