//! Clients that take their time, each in another way; the daemon ends every one of them.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::wire::Client;
use super::{PATIENCE, patience};

/// Slow clients of one kind at one time.
const AT_ONCE: usize = 100;

/// Slow readers at one time; each makes the daemon render all series.
const READERS: usize = 20;

/// Time between two bytes.
const DRIP: Duration = Duration::from_millis(250);

/// Lets many clients of one kind run, and says how long the slowest was kept.
async fn crowd<F: Future<Output = ()> + Send + 'static>(count: usize, name: &str, one: impl Fn() -> F) {
    let mut crowd = JoinSet::new();
    for _ in 0..count {
        let client = one();
        crowd.spawn(async move {
            let begun = Instant::now();
            client.await;
            begun.elapsed()
        });
    }
    let kept = crowd.join_all().await.into_iter().max().unwrap_or_default();
    println!("{count} {name}: all ended by the daemon, the last after {:.1} s", kept.as_secs_f64());
    assert!(kept < patience(), "{name}: {kept:?}");
}

/// Sends bytes one by one until the other side closes.
async fn drip(client: &mut Client, bytes: &[u8]) {
    let begun = Instant::now();
    while begun.elapsed() < patience() {
        for byte in bytes {
            if !client.send(&[*byte]).await || begun.elapsed() >= Duration::from_secs_f64(PATIENCE * 1.5) {
                return;
            }
            tokio::time::sleep(DRIP).await;
        }
    }
}

/// The first head of a connection never ends: 408.
pub(crate) async fn heads(address: &str) {
    let address = address.to_owned();
    crowd(AT_ONCE, "slow heads", || {
        let address = address.clone();
        async move {
            let mut client = Client::connect(&address).await;
            client.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n").await;
            drip(&mut client, b"X-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaa").await;
            let answer = client.answer().await;
            assert!(answer.as_ref().is_none_or(|answer| answer.status == 408), "{answer:?}");
            client.closed().await;
        }
    })
    .await;
}

/// The head of a later request never ends.
pub(crate) async fn later_heads(address: &str) {
    let address = address.to_owned();
    crowd(AT_ONCE, "slow later heads", || {
        let address = address.clone();
        async move {
            let mut client = Client::connect(&address).await;
            client.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").await;
            assert_eq!(client.answer().await.map(|answer| answer.status), Some(200));
            client.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n").await;
            drip(&mut client, b"X-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaa").await;
            client.closed().await;
        }
    })
    .await;
}

/// A body that is wanted never ends: 408.
pub(crate) async fn bodies(address: &str) {
    let address = address.to_owned();
    crowd(AT_ONCE, "slow bodies", || {
        let address = address.clone();
        async move {
            let mut client = Client::connect(&address).await;
            client
                .send(b"POST /v1/auth/tokens HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{")
                .await;
            drip(&mut client, b"          ").await;
            assert_eq!(client.answer().await.map(|answer| answer.status), Some(408));
            client.closed().await;
        }
    })
    .await;
}

/// A body that nobody reads never ends.
pub(crate) async fn unread_bodies(address: &str) {
    let address = address.to_owned();
    crowd(AT_ONCE, "slow bodies that nobody reads", || {
        let address = address.clone();
        async move {
            let mut client = Client::connect(&address).await;
            client.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            assert_eq!(client.answer().await.map(|answer| answer.status), Some(200));
            drip(&mut client, b"1\r\na\r\n1\r\na\r\n").await;
            client.closed().await;
        }
    })
    .await;
}

/// Large answers are taken byte by byte.
pub(crate) async fn readers(address: &str) {
    let address = address.to_owned();
    crowd(READERS, "slow readers", || {
        let address = address.clone();
        async move {
            let mut client = Client::narrow(&address).await;
            client.send(b"GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs_f64(PATIENCE * 3.0) {
                client.sip(1).await;
                tokio::time::sleep(DRIP).await;
            }
            // What the system holds for the client can be read after the end, and is not all of the answer.
            assert!(!client.ends_with(b"0\r\n\r\n").await, "the answer was held until it was whole");
        }
    })
    .await;
}

/// Many requests at once are answered one after the other.
pub(crate) async fn pipeline(address: &str) {
    const REQUESTS: usize = 200;
    let mut client = Client::connect(address).await;
    let all = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n".repeat(REQUESTS);
    assert!(client.send(&all).await);
    for number in 0..REQUESTS {
        assert_eq!(client.answer().await.map(|answer| answer.status), Some(200), "request {number}");
    }
    println!("{REQUESTS} requests in one go: all answered in order");
}
