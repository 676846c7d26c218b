//! Where the daemon is.
//!
//! What the command line names wins over `GATHERCTL_SOCKET` and `GATHERCTL_URL`. Without either it is the
//! first that this user may write to of the sockets below, else the address that the daemon has by default.
//!
//! | | root | others |
//! |---|---|---|
//! | first | `/run/gatherd/gatherd.sock` | `gatherd.sock` in `$XDG_RUNTIME_DIR/gatherd`, else in `run` of the state directory |
//! | then | – | `/run/gatherd/gatherd.sock` |

use gatherd_client::{Client, ClientError, Trust};
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// The socket of a daemon that runs for the system.
const SYSTEM_SOCKET: &str = "/run/gatherd/gatherd.sock";

/// The address that the daemon has by default.
const DEFAULT_URL: &str = "http://127.0.0.1:8720";

/// What this process sees of the system; a fake in tests.
pub(crate) struct Surroundings<'a> {
    /// The value of an environment variable.
    pub(crate) variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// Whether this is root.
    pub(crate) is_root: bool,
    /// Whether this user may write to a file.
    pub(crate) is_writable: &'a dyn Fn(&Path) -> bool,
}

impl Surroundings<'_> {
    /// A variable that is set to something.
    pub(crate) fn set(&self, name: &str) -> Option<OsString> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    /// A variable that is set to an absolute path; others are ignored, as the XDG Base Directory
    /// Specification 0.8 says.
    pub(crate) fn absolute(&self, name: &str) -> Option<PathBuf> {
        self.set(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// Where this user keeps state: `$XDG_STATE_HOME/gatherd`, else `~/.local/state/gatherd`; `None`
    /// without a home.
    pub(crate) fn state(&self) -> Option<PathBuf> {
        let home = || Some(self.absolute("HOME")?.join(".local/state"));
        Some(self.absolute("XDG_STATE_HOME").or_else(home)?.join("gatherd"))
    }

    /// The sockets that a daemon of this user or of the system may have, the likelier first.
    fn sockets(&self) -> Vec<PathBuf> {
        let system = PathBuf::from(SYSTEM_SOCKET);
        if self.is_root {
            return vec![system];
        }
        let session = self.absolute("XDG_RUNTIME_DIR").map(|folder| folder.join("gatherd"));
        let own = session.or_else(|| Some(self.state()?.join("run")));
        own.map(|folder| folder.join("gatherd.sock")).into_iter().chain([system]).collect()
    }
}

/// Where to connect to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// A unix socket.
    Socket(PathBuf),
    /// An `http://` or `https://` address.
    Url(String),
}

/// Where to connect to, and whether anybody named it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    /// The way there.
    pub(crate) way: Way,
    /// The sockets that were looked for first and not usable; empty when the place was named.
    pub(crate) missed: Vec<PathBuf>,
}

/// Why it is not clear where to connect to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    /// Two places.
    #[error("{first} and {second} name two places: give only one")]
    Two {
        /// One that names a place.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// An address that is no text.
    #[error("GATHERCTL_URL is not UTF-8: give an address such as {DEFAULT_URL}")]
    NotText,
}

impl Place {
    /// The place that the options, the environment, or nobody names.
    ///
    /// # Errors
    ///
    /// [`PlaceError::Two`] when two are named at once, [`PlaceError::NotText`] for an address in the
    /// environment that is not UTF-8.
    pub(crate) fn find(
        url: Option<&str>,
        socket: Option<&Path>,
        surroundings: &Surroundings<'_>,
    ) -> Result<Self, PlaceError> {
        if let Some(way) = named(url, socket, ("--url", "--socket"))? {
            return Ok(Self { way, missed: Vec::new() });
        }
        let url = surroundings.set("GATHERCTL_URL").map(OsString::into_string).transpose();
        let url = url.map_err(|_| PlaceError::NotText)?;
        let socket = surroundings.set("GATHERCTL_SOCKET").map(PathBuf::from);
        if let Some(way) = named(url.as_deref(), socket.as_deref(), ("GATHERCTL_URL", "GATHERCTL_SOCKET"))? {
            return Ok(Self { way, missed: Vec::new() });
        }
        let sockets = surroundings.sockets();
        Ok(match sockets.iter().find(|socket| (surroundings.is_writable)(socket)) {
            Some(socket) => Self { way: Way::Socket(socket.clone()), missed: Vec::new() },
            None => Self { way: Way::Url(DEFAULT_URL.to_owned()), missed: sockets },
        })
    }

    /// Whether options or the environment name a place.
    pub(crate) fn is_named(
        url: Option<&str>,
        socket: Option<&Path>,
        surroundings: &Surroundings<'_>,
    ) -> bool {
        let by_variable =
            || ["GATHERCTL_URL", "GATHERCTL_SOCKET"].into_iter().any(|it| surroundings.set(it).is_some());
        url.is_some() || socket.is_some() || by_variable()
    }

    /// The place at an address.
    pub(crate) fn at(address: String) -> Self {
        Self { way: Way::Url(address), missed: Vec::new() }
    }

    /// A client of the daemon there; `trust` matters where the way is encrypted.
    ///
    /// # Errors
    ///
    /// [`ClientError`] when the address cannot be used.
    pub(crate) fn client(&self, trust: &Trust) -> Result<Client, ClientError> {
        match &self.way {
            Way::Socket(path) => Client::unix(path),
            Way::Url(url) => Client::trusting(url, trust),
        }
    }

    /// Whether nobody can read along what is sent there: it stays on this machine, or is encrypted.
    pub(crate) fn is_private(&self) -> bool {
        match &self.way {
            Way::Socket(_) => true,
            Way::Url(url) => is_encrypted(url) || is_loopback(host(url)),
        }
    }
}

/// The one of two that is given; a socket's path becomes absolute, so that it names the same everywhere.
fn named(
    url: Option<&str>,
    socket: Option<&Path>,
    (first, second): (&'static str, &'static str),
) -> Result<Option<Way>, PlaceError> {
    Ok(match (url, socket) {
        (Some(_), Some(_)) => return Err(PlaceError::Two { first, second }),
        (Some(url), None) => Some(Way::Url(url.to_owned())),
        (None, Some(path)) => {
            Some(Way::Socket(std::path::absolute(path).unwrap_or_else(|_| path.to_owned())))
        }
        (None, None) => None,
    })
}

fn is_encrypted(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("https"))
}

/// The host of an address, without brackets.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
