//! What can be wrong with the files of TLS.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

/// Why a file of TLS cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the {what} in {}", path.display())]
pub struct TlsError {
    /// What the file should hold.
    pub what: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub fault: Fault,
}

/// What is wrong with a file; says nothing of where it is.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It cannot be read.
    #[error("it cannot be read: is it there, and may the daemon's user read it?")]
    Read(#[source] io::Error),
    /// It is something else than a file of a sensible size.
    #[error("it is not a plain file of at most 1 MiB")]
    Kind,
    /// Others may read it.
    #[error("its mode {0:03o} lets everybody read it; allow at most 640 (chmod 640)")]
    Readable(u32),
    /// Others may write it.
    #[error("its mode {0:03o} lets others write it; allow at most {1:03o} (chmod {1:03o})")]
    Writable(u32, u32),
    /// It is not PEM.
    #[error("it is damaged: what stands between its BEGIN and END lines is not PEM")]
    Pem,
    /// There is nothing of what is wanted in it.
    #[error("there is no {0} in it: a block that begins with {1} is wanted")]
    Nothing(&'static str, &'static str),
    /// There is more in it than anybody needs.
    #[error("there are more than {0} certificates or lists in it")]
    TooMany(usize),
    /// A certificate is not one.
    #[error("what it holds is not an X.509 certificate")]
    Certificate,
    /// The key cannot be used.
    #[error(
        "its key cannot be used: RSA of 2048 bits or more, ECDSA on P-256, P-384 or P-521, or Ed25519 is wanted"
    )]
    Key(#[source] rustls::Error),
    /// The key belongs to something else.
    #[error("its key does not belong to the certificate: give the key that the certificate was made for")]
    OtherKey,
    /// An authority cannot be used.
    #[error("one of its certificates is no authority that can be believed")]
    Authority(#[source] rustls::Error),
    /// A list of certificates that were taken back cannot be used.
    #[error("it is no list of revoked certificates that can be used")]
    List(#[source] rustls::server::VerifierBuilderError),
    /// The library refuses what is asked of it.
    #[error("TLS cannot be set up with it")]
    Setup(#[source] rustls::Error),
}

impl TlsError {
    pub(super) fn new(what: &'static str, path: &Path, fault: Fault) -> Self {
        Self { what, path: path.to_owned(), fault }
    }

    /// What is wrong, without saying where the file is.
    pub(super) fn told(&self) -> String {
        format!("the {}: {}", self.what, self.fault)
    }

    /// All of it with its causes, for a log.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let _infallible = write!(text, ": {error}");
            cause = error.source();
        }
        text
    }
}
