//! The private socket over which the next daemon asks.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use crate::give::Guest;

/// Why there is no private socket.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The system refuses it.
    #[error("cannot listen on {}", path.display())]
    Listen {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Somebody listens there.
    #[error("another process listens on {}", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
}

/// The private socket of a running daemon.
#[derive(Debug)]
pub struct Door {
    listener: tokio::net::UnixListener,
    /// The same, to be passed on.
    passed: UnixListener,
    path: PathBuf,
    /// Device and inode of the file.
    file: Option<(u64, u64)>,
}

impl Door {
    /// Makes the socket, for our own user alone, in the place of one on which nobody listens any more. Needs a tokio
    /// runtime.
    ///
    /// # Errors
    ///
    /// [`DoorError`].
    pub fn open(path: &Path) -> Result<Self, DoorError> {
        let failed = |source| DoorError::Listen { path: path.to_owned(), source };
        clear_stale(path)?;
        let listener = UnixListener::bind(path).map_err(failed)?;
        fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed)?;
        Self::over(listener, path)
    }

    /// Goes on with the socket that another daemon passed. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`DoorError::Listen`].
    pub fn over(listener: UnixListener, path: &Path) -> Result<Self, DoorError> {
        let failed = |source| DoorError::Listen { path: path.to_owned(), source };
        listener.set_nonblocking(true).map_err(failed)?;
        let passed = listener.try_clone().map_err(failed)?;
        let listener = tokio::net::UnixListener::from_std(listener).map_err(failed)?;
        Ok(Self { listener, passed, path: path.to_owned(), file: identity(path) })
    }

    /// The socket itself, to be passed on.
    ///
    /// # Errors
    ///
    /// When the process has no more descriptors.
    pub fn socket(&self) -> io::Result<UnixListener> {
        self.passed.try_clone()
    }

    /// Waits for who asks. May be dropped at any time.
    pub async fn guest(&self) -> Guest {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => return Guest::new(stream),
                Err(error) => {
                    tracing::warn!(%error, "cannot hear who would take over");
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
            }
        }
    }

    /// Removes the file, unless another one has taken its place.
    pub fn remove(self) {
        if self.file.is_some() && identity(&self.path) == self.file {
            let _gone_already = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = path.symlink_metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Removes a socket that nobody listens on.
fn clear_stale(path: &Path) -> Result<(), DoorError> {
    let failed = |source| DoorError::Listen { path: path.to_owned(), source };
    let metadata = match path.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if !metadata.file_type().is_socket() {
        return Err(failed(io::Error::new(io::ErrorKind::AlreadyExists, "this is no socket")));
    }
    match UnixStream::connect(path) {
        Ok(_somebody) => Err(DoorError::InUse { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}
