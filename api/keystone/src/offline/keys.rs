//! The public keys of Keystone: every `*.pem` of a directory, read again when something in it changed.

use super::jws::Signed;
use crate::config::Offline;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use gatherd_api::auth::TokenFacts;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use std::fmt;
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Most keys.
const MOST: usize = 64;

/// Longest file of a key, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Least time between two looks at the directory.
const LOOK: Duration = Duration::from_secs(1);

/// Why a directory of keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// It cannot be read.
    #[error("cannot read the key repository {}", path.display())]
    Read {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Others could put a key into it.
    #[error(
        "{} can be written by others than its owner (mode {mode:03o}): whoever writes there decides who comes in; \
         take that right away (chmod go-w)",
        path.display()
    )]
    Writable {
        /// The directory or file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Somebody else owns it.
    #[error("{} belongs to user {found}, not to root, this daemon's user or keystone", path.display())]
    Owner {
        /// The directory or file.
        path: PathBuf,
        /// Its owner.
        found: u32,
    },
    /// There are more than anybody needs.
    #[error("{} holds more than {MOST} keys; remove those that are not used any more", path.display())]
    Many {
        /// The directory.
        path: PathBuf,
    },
}

/// One file as it was looked at: name, inode, length, seconds and nanoseconds of its change.
type Stamp = (PathBuf, u64, u64, i64, i64);

type Keys = Arc<Vec<ParsedPublicKey>>;

/// A directory of public keys. Cheap to clone; clones are the same.
#[derive(Clone)]
pub(crate) struct KeyRepository(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    leeway: u64,
    seen: Mutex<Seen>,
}

struct Seen {
    keys: Keys,
    stamps: Vec<Stamp>,
    looked: Instant,
}

impl fmt::Debug for KeyRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRepository").field("directory", &self.0.directory).finish_non_exhaustive()
    }
}

impl KeyRepository {
    /// Reads the keys of a directory. One that holds none is no error: keys may come later.
    ///
    /// # Errors
    ///
    /// [`RepositoryError`].
    pub(crate) fn open(offline: &Offline) -> Result<Self, RepositoryError> {
        let directory = offline.repository.clone();
        let stamps = stamps(&directory)?;
        let keys = Arc::new(read_all(&stamps));
        if keys.is_empty() {
            tracing::warn!(directory = %directory.display(), "the key repository of Keystone holds no key yet");
        }
        let seen = Mutex::new(Seen { keys, stamps, looked: Instant::now() });
        Ok(Self(Arc::new(Inner { directory, leeway: offline.leeway, seen })))
    }

    /// How many keys there are.
    pub(crate) fn count(&self) -> usize {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner).keys.len()
    }

    /// What a token says, if one of the keys signed it and it is valid at `now`, in seconds since 1970.
    pub(crate) async fn verify(&self, token: &str, now: u64) -> Option<TokenFacts> {
        let (repository, token) = (self.clone(), token.to_owned());
        // Looking at a directory may block, and a signature takes a tenth of a millisecond per key.
        let verifying = tokio::task::spawn_blocking(move || repository.verify_now(&token, now));
        verifying.await.ok().flatten()
    }

    fn verify_now(&self, token: &str, now: u64) -> Option<TokenFacts> {
        let signed = Signed::read(token)?;
        let keys = self.keys();
        keys.iter().any(|key| key.verify_sig(signed.message, &signed.signature).is_ok()).then_some(())?;
        signed.facts(now, self.0.leeway)
    }

    /// The keys of now; looked for again when the last look is a second old.
    fn keys(&self) -> Keys {
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.looked.elapsed() < LOOK {
            return Arc::clone(&seen.keys);
        }
        seen.looked = Instant::now();
        match stamps(&self.0.directory) {
            Ok(found) if found != seen.stamps => {
                seen.keys = Arc::new(read_all(&found));
                seen.stamps = found;
                tracing::info!(keys = seen.keys.len(), "the keys of Keystone changed");
            }
            Ok(_same) => {}
            Err(error) => {
                // Who can take the directory away can also take the keys away; what others may write counts no more.
                if !seen.keys.is_empty() {
                    tracing::error!(error = %error, "the keys of Keystone cannot be used any more");
                }
                seen.keys = Arc::default();
                seen.stamps = Vec::new();
            }
        }
        Arc::clone(&seen.keys)
    }
}

/// The key files of a directory as they are now, by name.
fn stamps(directory: &Path) -> Result<Vec<Stamp>, RepositoryError> {
    let unread = |source| RepositoryError::Read { path: directory.to_owned(), source };
    check(directory, &directory.metadata().map_err(unread)?)?;
    let mut found = Vec::new();
    for entry in directory.read_dir().map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if is_hidden || path.extension().is_none_or(|extension| extension != "pem") {
            continue;
        }
        // One that is being replaced may be gone by now.
        let Ok(about) = path.metadata() else { continue };
        if about.is_file() {
            found.push((path, about.ino(), about.len(), about.ctime(), about.ctime_nsec()));
        }
        if found.len() > MOST {
            return Err(RepositoryError::Many { path: directory.to_owned() });
        }
    }
    found.sort();
    Ok(found)
}

fn read_all(stamps: &[Stamp]) -> Vec<ParsedPublicKey> {
    let read = |(path, ..): &Stamp| match read(path) {
        Ok(key) => Some(key),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "this key of Keystone is left out");
            None
        }
    };
    stamps.iter().filter_map(read).collect()
}

fn read(path: &Path) -> io::Result<ParsedPublicKey> {
    let file = fs::File::open(path)?;
    let about = file.metadata()?;
    check(path, &about).map_err(io::Error::other)?;
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text)?;
    let wrong = |what: &'static str| io::Error::new(io::ErrorKind::InvalidData, what);
    let key = SubjectPublicKeyInfoDer::from_pem_slice(&text)
        .map_err(|_| wrong("it is no public key in PEM form"))?;
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.as_ref())
        .map_err(|_| wrong("its key is not one of the curve P-256"))
}

/// Whether only root, we and Keystone's own user can have written it.
fn check(path: &Path, about: &Metadata) -> Result<(), RepositoryError> {
    let mode = about.mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(RepositoryError::Writable { path: path.to_owned(), mode });
    }
    let found = about.uid();
    let own = rustix::process::geteuid().as_raw();
    let is_keystone = || uzers::get_user_by_name("keystone").is_some_and(|user| user.uid() == found);
    if found != 0 && found != own && !is_keystone() {
        return Err(RepositoryError::Owner { path: path.to_owned(), found });
    }
    Ok(())
}
