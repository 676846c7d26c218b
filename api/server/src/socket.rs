//! The listening sockets, and who may reach them.

use crate::auth::FileError;
use crate::server::ServerConfig;
use crate::tls::{Tls, TlsError};
use std::fs::Permissions;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Neither TCP nor a unix socket is configured.
    #[error("the API has neither a TCP address nor a unix socket; configure one of them")]
    Nowhere,
    /// The answers that are remembered cannot be used.
    #[error("cannot use the answers that are remembered by their key")]
    Answers {
        /// Why.
        #[source]
        source: FileError,
    },
    /// The address can be reached from elsewhere, and nothing is encrypted.
    #[error(
        "{address} can be reached from other machines, and the API is not encrypted; \
         give it a certificate (api.tls), use a loopback address, or set insecure = true"
    )]
    Insecure {
        /// The address.
        address: SocketAddr,
    },
    /// A file of TLS cannot be used.
    #[error("cannot encrypt the API")]
    Tls {
        /// Which file, and what is wrong with it.
        #[source]
        source: TlsError,
    },
    /// The system refuses the address.
    #[error("cannot listen on {address}")]
    Tcp {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The system refuses the unix socket.
    #[error("cannot listen on unix socket {}", path.display())]
    Unix {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Somebody listens there.
    #[error("another process listens on unix socket {}; is the daemon running already?", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// There is something that is no socket.
    #[error("{} exists and is not a socket; remove it, or configure another path", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// The HTTP library refuses an open socket.
    #[error("cannot serve on an open socket")]
    Listen {
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Connections that may wait to be accepted, as far as the system allows: while another daemon takes over, all wait.
const BACKLOG: i32 = 4096;

/// Listening sockets that somebody else opened: a service manager, or the daemon of before.
#[derive(Debug, Default)]
pub struct Given {
    /// For TCP.
    pub tcp: Option<TcpListener>,
    /// For the unix socket.
    pub unix: Option<UnixListener>,
    /// Whether the file of the unix socket goes when the server stops; not where a service manager made it.
    pub owns_unix_socket: bool,
}

/// The open sockets of a server; connections wait.
#[derive(Debug)]
pub struct Listening {
    pub(crate) tcp: Option<TcpListener>,
    pub(crate) unix: Option<UnixListener>,
    /// The file of the unix socket, where it is ours.
    pub(crate) file: Option<SocketFile>,
    /// What TCP is encrypted with.
    pub(crate) tls: Option<Tls>,
}

impl Listening {
    /// Opens the sockets; one that was given is used where it is the one that is wanted.
    ///
    /// # Errors
    ///
    /// [`BindError`] when there is none to open, a file of TLS cannot be used, an address is not loopback and nothing
    /// is encrypted, or the system refuses.
    pub fn open(config: &ServerConfig, given: Given) -> Result<Self, BindError> {
        let Given { tcp, unix, owns_unix_socket } = given;
        let tls = match (&config.tls, config.tcp) {
            (Some(tls), Some(_)) => Some(Tls::open(tls).map_err(|source| BindError::Tls { source })?),
            _ => None,
        };
        let open_to_others = config.insecure || tls.is_some();
        let tcp = match config.tcp {
            Some(address) => Some(match tcp.filter(|given| config.wants_tcp(given)) {
                Some(given) => checked(given, open_to_others)?,
                None => self::tcp(address, open_to_others)?,
            }),
            None => None,
        };
        let (unix, file) = match config.unix.as_deref() {
            Some(path) => match unix.filter(|given| config.wants_unix(given)) {
                Some(given) => (Some(given), SocketFile::of(path).filter(|_| owns_unix_socket)),
                None => (Some(self::unix(path, &config.admin_group)?), SocketFile::of(path)),
            },
            None => (None, None),
        };
        if tcp.is_none() && unix.is_none() {
            return Err(BindError::Nowhere);
        }
        let sockets = [tcp.as_ref().map(AsFd::as_fd), unix.as_ref().map(AsFd::as_fd)];
        for socket in sockets.into_iter().flatten() {
            rustix::net::listen(socket, BACKLOG)
                .map_err(|errno| BindError::Listen { source: errno.into() })?;
        }
        Ok(Self { tcp, unix, file, tls })
    }

    /// The same sockets once more, to be given to the next daemon.
    ///
    /// # Errors
    ///
    /// When the process has no more descriptors.
    pub fn again(&self) -> io::Result<Given> {
        Ok(Given {
            tcp: self.tcp.as_ref().map(TcpListener::try_clone).transpose()?,
            unix: self.unix.as_ref().map(UnixListener::try_clone).transpose()?,
            owns_unix_socket: self.file.is_some(),
        })
    }
}

/// Whether this is the socket of an address; port 0 is any port.
pub(crate) fn is_wanted(given: &TcpListener, wanted: SocketAddr) -> bool {
    given
        .local_addr()
        .is_ok_and(|found| found.ip() == wanted.ip() && (wanted.port() == 0 || found.port() == wanted.port()))
}

fn checked(given: TcpListener, open_to_others: bool) -> Result<TcpListener, BindError> {
    match given.local_addr() {
        Ok(address) if !address.ip().is_loopback() && !open_to_others => Err(BindError::Insecure { address }),
        _ => Ok(given),
    }
}

/// Whether this is the socket that lies at a path: who connects there reaches it.
pub(crate) fn is_at(given: &UnixListener, path: &Path) -> bool {
    let bound = given.local_addr().ok();
    let is_bound = bound.as_ref().and_then(|address| address.as_pathname()) == Some(path);
    is_bound && path.symlink_metadata().is_ok_and(|metadata| metadata.file_type().is_socket())
}

/// Listens on TCP; beyond loopback only when others may connect.
pub(crate) fn tcp(address: SocketAddr, open_to_others: bool) -> Result<TcpListener, BindError> {
    if !address.ip().is_loopback() && !open_to_others {
        return Err(BindError::Insecure { address });
    }
    TcpListener::bind(address).map_err(|source| BindError::Tcp { address, source })
}

/// Listens on a unix socket of mode 0660, which belongs to `group` where we may give it away.
///
/// A socket on which nobody listens any more is replaced.
pub(crate) fn unix(path: &Path, group: &str) -> Result<UnixListener, BindError> {
    let failed = |source| BindError::Unix { path: path.to_owned(), source };
    clear_stale(path)?;
    let listener = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o660)).map_err(failed)?;
    if let Some(group) = uzers::get_group_by_name(group) {
        // Only root and members may; without it members of the group cannot connect, but nobody else can.
        let given = std::os::unix::fs::chown(path, None, Some(group.gid()));
        if let Err(error) = given {
            tracing::warn!(%error, "the unix socket does not belong to the admin group");
        }
    }
    Ok(listener)
}

/// The file of a unix socket that we made.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    /// Remembers which file it is; `None` when it is gone already.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        identity(path).map(|identity| Self { path: path.to_owned(), identity })
    }

    /// Removes the file, unless another one has taken its place.
    pub(crate) fn remove(self) {
        if identity(&self.path) == Some(self.identity)
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(%error, "the unix socket of the stopped server stays behind");
        }
    }
}

/// Device and inode.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = path.symlink_metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Removes a socket that nobody listens on.
fn clear_stale(path: &Path) -> Result<(), BindError> {
    let failed = |source| BindError::Unix { path: path.to_owned(), source };
    let metadata = match path.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if !metadata.file_type().is_socket() {
        return Err(BindError::NotASocket { path: path.to_owned() });
    }
    match UnixStream::connect(path) {
        Ok(_somebody) => Err(BindError::InUse { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}
