//! The sockets that are passed.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;

use rustix::net::AddressFamily;
use rustix::net::sockopt::{socket_acceptconn, socket_domain};

use crate::words::Role;

/// Listening sockets; each of them may be missing.
#[derive(Debug, Default)]
pub struct Sockets {
    /// The API's TCP socket.
    pub tcp: Option<TcpListener>,
    /// The API's unix socket.
    pub unix: Option<UnixListener>,
    /// The private socket over which the next one asks.
    pub private: Option<UnixListener>,
}

impl Sockets {
    /// The same sockets once more.
    ///
    /// # Errors
    ///
    /// When the process has no more descriptors.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self {
            tcp: self.tcp.as_ref().map(TcpListener::try_clone).transpose()?,
            unix: self.unix.as_ref().map(UnixListener::try_clone).transpose()?,
            private: self.private.as_ref().map(UnixListener::try_clone).transpose()?,
        })
    }

    /// What is there, and as what.
    pub(crate) fn named(&self) -> (Vec<Role>, Vec<BorrowedFd<'_>>) {
        let all = [
            (Role::Tcp, self.tcp.as_ref().map(AsFd::as_fd)),
            (Role::Unix, self.unix.as_ref().map(AsFd::as_fd)),
            (Role::Private, self.private.as_ref().map(AsFd::as_fd)),
        ];
        all.into_iter().filter_map(|(role, socket)| Some((role, socket?))).unzip()
    }

    /// Sockets out of descriptors, each as what it was called.
    pub(crate) fn of(roles: &[Role], descriptors: Vec<OwnedFd>) -> io::Result<Self> {
        let broken = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        if roles.len() != descriptors.len() {
            return Err(broken("there are not as many sockets as there are names"));
        }
        let mut found = Self::default();
        for (role, descriptor) in roles.iter().zip(descriptors) {
            let domain = socket_domain(&descriptor)?;
            let fits = match role {
                Role::Tcp => domain == AddressFamily::INET || domain == AddressFamily::INET6,
                Role::Unix | Role::Private => domain == AddressFamily::UNIX,
            };
            if !fits || !socket_acceptconn(&descriptor)? {
                return Err(broken("a socket is not what it is called"));
            }
            match role {
                Role::Tcp => found.tcp = Some(descriptor.into()),
                Role::Unix => found.unix = Some(descriptor.into()),
                Role::Private => found.private = Some(descriptor.into()),
            }
        }
        Ok(found)
    }
}
