//! Measurements of our own over NTP (RFC 5905, as a simple client).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;
use gatherd_engine::port::{Exchange, Reading};
use rsntp::{AsyncSntpClient, Config, SynchronizationResult};
use tokio::net::lookup_host;
use tokio::time::timeout;

/// Exchanges with each server; the quickest is believed, because a packet that waited nowhere tells most.
const EXCHANGES: usize = 4;
/// The port of NTP.
const PORT: u16 = 123;
/// No measurement is better than this, in nanoseconds.
const RESOLUTION: i64 = 1000;

/// Asks each server, all at once.
pub(crate) async fn measure(servers: &[String], patience: Duration) -> Vec<Exchange> {
    join_all(servers.iter().map(async |server| {
        let outcome = ask(server, patience).await;
        Exchange { server: server.clone(), outcome }
    }))
    .await
}

async fn ask(server: &str, patience: Duration) -> Result<Reading, String> {
    let address = timeout(patience, find(server)).await.map_err(|_| "its name was not found in time")??;
    let local = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let config = Config::default().bind_address(SocketAddr::new(local, 0)).timeout(patience);
    let client = AsyncSntpClient::with_config(config);
    let mut best: Option<Reading> = None;
    for _ in 0..EXCHANGES {
        match client.synchronize(address).await {
            Ok(answer) => {
                let reading = reading(&answer)?;
                best = best.filter(|best| best.delay <= reading.delay).or(Some(reading));
            }
            // A server may limit how often it answers; one answer is enough.
            Err(error) => return best.ok_or_else(|| error.to_string()),
        }
    }
    best.ok_or_else(|| "it did not answer".to_owned())
}

async fn find(server: &str) -> Result<SocketAddr, String> {
    let found = match server.parse::<std::net::IpAddr>() {
        Ok(address) => return Ok(SocketAddr::new(address, PORT)),
        Err(_) if has_port(server) => lookup_host(server).await.map(|mut found| found.next()),
        Err(_) => lookup_host((server, PORT)).await.map(|mut found| found.next()),
    };
    found.map_err(|error| error.to_string())?.ok_or_else(|| "its name has no address".to_owned())
}

fn has_port(server: &str) -> bool {
    server.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

fn reading(answer: &SynchronizationResult) -> Result<Reading, String> {
    if !(1..16).contains(&answer.stratum()) {
        return Err("it is not synchronised itself".to_owned());
    }
    let delay = nanos(answer.round_trip_delay().as_secs_f64()).max(0);
    Ok(Reading {
        offset: nanos(answer.clock_offset().as_secs_f64()),
        error_bound: (delay / 2).max(RESOLUTION),
        delay,
        stratum: answer.stratum(),
    })
}

#[expect(clippy::cast_possible_truncation, reason = "NTP's offsets are less than 2³² s")]
fn nanos(seconds: f64) -> i64 {
    (seconds * 1e9).round() as i64
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use tokio::net::UdpSocket;

    use super::*;

    /// A server whose clock is this far ahead of ours, at this stratum and with this leap indicator.
    async fn server(ahead: Duration, stratum: u8, leap: u8) -> String {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let mut packet = [0; 48];
            while let Ok((48, asker)) = socket.recv_from(&mut packet).await {
                let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + ahead;
                let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
                let now = ((unix.as_secs() + 2_208_988_800) << 32 | fraction).to_be_bytes();
                let sent = packet[40..48].to_vec();
                packet = [0; 48];
                packet[0] = leap << 6 | 4 << 3 | 4;
                packet[1] = stratum;
                packet[12..16].copy_from_slice(&[127, 0, 0, 1]);
                packet[16..24].copy_from_slice(&now);
                packet[24..32].copy_from_slice(&sent);
                packet[32..40].copy_from_slice(&now);
                packet[40..48].copy_from_slice(&now);
                socket.send_to(&packet, asker).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn an_offset_is_measured_within_its_error_bound() {
        let servers = [server(Duration::from_millis(7250), 3, 0).await];
        let measured = measure(&servers, Duration::from_secs(5)).await;
        let reading = measured[0].outcome.clone().unwrap();
        assert_eq!((measured[0].server.as_str(), reading.stratum), (servers[0].as_str(), 3));
        let off = (reading.offset - 7_250_000_000).abs();
        assert!(off <= reading.error_bound + 1_000_000, "{reading:?}");
    }

    #[tokio::test]
    async fn a_server_without_the_time_is_not_believed_and_does_not_spoil_the_others() {
        let servers = [
            server(Duration::ZERO, 2, 3).await,
            server(Duration::ZERO, 1, 0).await,
            "127.0.0.1:1".to_owned(),
        ];
        let measured = measure(&servers, Duration::from_secs(5)).await;
        let refused = measured[0].outcome.clone().unwrap_err();
        assert!(refused.contains("not synchronized"), "{refused}");
        assert!(measured[1].outcome.is_ok());
        assert!(measured[2].outcome.is_err());
    }

    #[test]
    fn a_port_is_told_from_the_end_of_an_address() {
        assert!(has_port("ntp.example.org:123") && has_port("[::1]:5000"));
        assert!(!has_port("ntp.example.org") && !has_port("[::1]"));
    }
}
