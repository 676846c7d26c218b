//! Whom an encrypted connection trusts, and what it shows of itself.

use reqwest::{Certificate, ClientBuilder, Identity};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Longest file that is read, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// Whom an encrypted connection trusts, and what it shows of itself. By default the authorities that the system knows,
/// and nothing.
#[derive(Clone, Default)]
pub struct Trust {
    /// The only authorities that are believed; those of the system for `None`.
    authorities: Option<Vec<Certificate>>,
    identity: Option<Identity>,
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { authorities, identity } = self;
        let authorities = authorities.as_ref().map(Vec::len);
        f.debug_struct("Trust")
            .field("authorities", &authorities)
            .field("identity", &identity.is_some())
            .finish()
    }
}

/// Why files for encrypted connections cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file holds no authorities.
    #[error("{} holds no certificate: a PEM file with BEGIN CERTIFICATE is wanted", path.display())]
    NoAuthority {
        /// Which.
        path: PathBuf,
    },
    /// Certificate and key do not make an identity.
    #[error(
        "{} and its key are no client certificate: PEM with BEGIN CERTIFICATE and a key without a password are wanted",
        path.display()
    )]
    NoIdentity {
        /// The file of the certificate.
        path: PathBuf,
    },
}

impl Trust {
    /// Believes only the authorities in this file, in PEM.
    ///
    /// # Errors
    ///
    /// [`TrustError::Read`], [`TrustError::NoAuthority`].
    pub fn only(mut self, authorities: &Path) -> Result<Self, TrustError> {
        let found = Certificate::from_pem_bundle(&contents(authorities)?).unwrap_or_default();
        if found.is_empty() {
            return Err(TrustError::NoAuthority { path: authorities.to_owned() });
        }
        self.authorities = Some(found);
        Ok(self)
    }

    /// Shows the certificate in a file; its key is in another, or in the same. Both in PEM.
    ///
    /// # Errors
    ///
    /// [`TrustError::Read`], [`TrustError::NoIdentity`].
    pub fn shows(mut self, certificate: &Path, key: Option<&Path>) -> Result<Self, TrustError> {
        let mut both = contents(certificate)?;
        if let Some(key) = key {
            both.push(b'\n');
            both.extend(contents(key)?);
        }
        let identity = Identity::from_pem(&both);
        let identity = identity.map_err(|_| TrustError::NoIdentity { path: certificate.to_owned() })?;
        self.identity = Some(identity);
        Ok(self)
    }

    pub(crate) fn apply(&self, builder: ClientBuilder) -> ClientBuilder {
        let builder = match &self.authorities {
            Some(only) => builder.tls_certs_only(only.iter().cloned()),
            None => builder,
        };
        match &self.identity {
            Some(identity) => builder.identity(identity.clone()),
            None => builder,
        }
    }
}

fn contents(path: &Path) -> Result<Vec<u8>, TrustError> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut text));
    read.map_err(|source| TrustError::Read { path: path.to_owned(), source })?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_do_not_fit_are_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "horse").unwrap();
        let path = file.path();
        let error = Trust::default().only(path).unwrap_err();
        assert!(matches!(&error, TrustError::NoAuthority { path: it } if it == path), "{error}");
        let error = Trust::default().shows(path, Some(path)).unwrap_err();
        assert!(matches!(&error, TrustError::NoIdentity { path: it } if it == path), "{error}");
        let error = Trust::default().only(Path::new("/nonexistent")).unwrap_err();
        assert_eq!(error.to_string(), "cannot read /nonexistent");
    }
}
