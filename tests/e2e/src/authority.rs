//! Somebody who makes certificates, and the files of them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tempfile::TempDir;
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

/// Somebody who makes certificates, with a directory for them; it goes away when this is dropped.
#[derive(Debug)]
pub struct Authority {
    directory: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// The files of a certificate and of its key.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate, in PEM.
    pub certificate: PathBuf,
    /// The key, in PEM.
    pub key: PathBuf,
}

impl Authority {
    /// A new one.
    ///
    /// # Panics
    ///
    /// When the system refuses.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key can be made");
        let own = params.self_signed(&key).expect("an authority can sign itself");
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        // Those who are not root have to get through.
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("our own mode is ours");
        let authority = Self { issuer: Issuer::new(params, key), directory };
        authority.write("authority.pem", &own.pem(), 0o644);
        authority
    }

    /// The file with its own certificate.
    pub fn file(&self) -> PathBuf {
        self.path("authority.pem")
    }

    /// A certificate for a server at `localhost` and 127.0.0.1, in files that begin with `file`; others of that name
    /// are replaced.
    pub fn server(&self, file: &str, name: &str) -> Identity {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        self.make(file, name, names, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A certificate for a client.
    pub fn client(&self, name: &str) -> Identity {
        self.make(name, name, Vec::new(), ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// A server within the test that shows a certificate for `host`.
    ///
    /// # Panics
    ///
    /// When none can be made.
    pub fn acceptor(&self, host: &str, validity: Validity) -> TlsAcceptor {
        let mut params = CertificateParams::new([host.to_owned()]).expect("a host name is no wrong name");
        let (from, until) = match validity {
            Validity::Now => (date_time_ymd(2020, 1, 1), date_time_ymd(2096, 1, 1)),
            Validity::Past => (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1)),
        };
        (params.not_before, params.not_after) = (from, until);
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.issuer).expect("an authority can sign");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("it is PKCS #8");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("key and certificate go together");
        TlsAcceptor::from(Arc::new(config))
    }

    fn make(&self, file: &str, name: &str, names: Vec<String>, usage: ExtendedKeyUsagePurpose) -> Identity {
        let mut params = CertificateParams::new(names).expect("tests give names that can be");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.issuer).expect("an authority can sign");
        Identity {
            certificate: self.write(&format!("{file}.pem"), &certificate.pem(), 0o644),
            key: self.write(&format!("{file}.key"), &key.serialize_pem(), 0o600),
        }
    }

    /// Writes a file as those do who renew certificates: beside, then renamed.
    ///
    /// # Panics
    ///
    /// When the system refuses.
    pub fn write(&self, file: &str, text: &str, mode: u32) -> PathBuf {
        let (new, path) = (self.path("new"), self.path(file));
        fs::write(&new, text).expect("our own directory takes a file");
        fs::set_permissions(&new, Permissions::from_mode(mode)).expect("our own file's mode is ours");
        fs::rename(new, &path).expect("our own directory takes a name");
        path
    }

    fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }
}

impl Identity {
    /// The section `api.tls` with this certificate.
    pub fn section(&self) -> String {
        let quoted = |path: &Path| format!("'{}'", path.display());
        format!("[api.tls]\ncertificate = {}\nkey = {}\n", quoted(&self.certificate), quoted(&self.key))
    }

    /// Certificate and key, one behind the other.
    ///
    /// # Panics
    ///
    /// When they cannot be read.
    pub fn pem(&self) -> Vec<u8> {
        let read = |path: &Path| fs::read(path).expect("our own files can be read");
        [read(&self.certificate), read(&self.key)].concat()
    }
}
