//! More connections than are served: those beyond wait, and operators are never kept out.

use std::time::Duration;

use gatherd_e2e::{Daemon, Setup, Stage};

use super::wire::Client;

/// Connections that this daemon serves at one time.
const SERVED: usize = 32;

/// Connections that are opened.
const OPENED: usize = 300;

/// Opens more connections than are served; the unix socket answers all the while, and who waits is answered when
/// others leave.
pub(crate) async fn beyond(stage: &Stage) {
    let config = format!("[api]\nmax_connections = {SERVED}\n");
    let daemon = Daemon::start(Setup::new(stage).config(config)).await;
    let address = daemon.address();
    let mut clients = Vec::new();
    for _ in 0..OPENED {
        let mut client = Client::connect(&address).await;
        client.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").await;
        clients.push(client);
    }
    for _ in 0..20 {
        let answer = tokio::time::timeout(Duration::from_secs(5), daemon.unix().get("/v1/heartbeat")).await;
        answer.expect("the unix socket is not held up").ok();
    }
    // Who was served leaves, and makes room for the next.
    for (number, client) in clients.iter_mut().enumerate() {
        let answer = client.answer().await;
        assert_eq!(answer.map(|answer| answer.status), Some(200), "connection {number}");
        client.leave().await;
    }
    println!(
        "{OPENED} connections where {SERVED} are served: all were answered, the unix socket at any time"
    );
}
