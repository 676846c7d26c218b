//! Listening sockets that a service manager opened before it started us.
//!
//! Source: `sd_listen_fds(3)`, `systemd.socket(5)`. A socket is used where its address or path is the one that the
//! configuration names; its name does not count.

use gatherd_api::{Given, ServerConfig};
use listenfd::ListenFd;

/// The sockets that were passed to this process and that the configuration wants; the others are named in the log.
pub(crate) fn given(config: &ServerConfig) -> Given {
    let mut passed = ListenFd::from_env();
    let mut given = Given::default();
    for index in 0..passed.len() {
        let what = if let Ok(Some(socket)) = passed.take_tcp_listener(index) {
            let found = socket.local_addr().map_or_else(|error| error.to_string(), |found| found.to_string());
            if config.wants_tcp(&socket) {
                given.tcp = Some(socket);
                continue;
            }
            found
        } else if let Ok(Some(socket)) = passed.take_unix_listener(index) {
            if config.wants_unix(&socket) {
                given.unix = Some(socket);
                continue;
            }
            socket.local_addr().map_or_else(|error| error.to_string(), |found| format!("{found:?}"))
        } else {
            format!("number {index}, which is no listening socket of a known kind")
        };
        tracing::warn!("the service manager passed a socket that the configuration does not name: {what}");
    }
    given
}
