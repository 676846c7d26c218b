//! Requests that two programs might frame differently: each is refused, or read in the one way that is safe.
//!
//! Behind most of them stands a second request, for a path that nothing else asks for. If its path comes back, the
//! daemon has taken for a request what a proxy in front of it would have passed on as a body.

use std::time::Duration;

use super::patience;
use super::wire::Client;

/// The path of the request that must never be seen.
const HIDDEN: &str = "/smuggled";

/// What must come back.
#[derive(Clone, Copy, Debug)]
enum Expected {
    /// One answer of this status, then the end of the connection.
    Refused(u16),
    /// These answers, in this order.
    Served(&'static [u16]),
    /// At most one answer, none of the hidden request.
    NothingHidden,
}

use Expected::{NothingHidden, Refused, Served};

/// A POST with these header lines, and what follows them.
fn post(headers: &str, rest: &str) -> Vec<u8> {
    format!("POST /v1/auth/tokens HTTP/1.1\r\nHost: h\r\n{headers}\r\n{rest}").into_bytes()
}

/// A GET with these header lines, and the hidden request behind it.
fn get(headers: &str) -> Vec<u8> {
    format!("GET /healthz HTTP/1.1\r\nHost: h\r\n{headers}\r\n{}", hidden()).into_bytes()
}

fn hidden() -> String {
    format!("GET {HIDDEN} HTTP/1.1\r\nHost: h\r\n\r\n")
}

fn plain(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

/// Lengths that contradict themselves or are none.
fn lengths() -> Vec<(&'static str, Vec<u8>, Expected)> {
    let hidden = hidden();
    let long = hidden.len();
    let with = |line: &str| post(line, &hidden);
    vec![
        ("two lengths", with(&format!("Content-Length: 0\r\nContent-Length: {long}\r\n")), Refused(400)),
        (
            "the same length twice",
            with(&format!("Content-Length: {long}\r\nContent-Length: {long}\r\n")),
            Refused(400),
        ),
        ("a list of lengths", with("Content-Length: 0, 0\r\n"), Refused(400)),
        ("a length with a sign", with("Content-Length: +0\r\n"), Refused(400)),
        ("a negative length", with("Content-Length: -1\r\n"), Refused(400)),
        ("a hexadecimal length", with("Content-Length: 0x0\r\n"), Refused(400)),
        ("a length with a gap", with("Content-Length: 0 0\r\n"), Refused(400)),
        ("a length without a number", with("Content-Length: \r\n"), Refused(400)),
        ("a length beyond numbers", with("Content-Length: 99999999999999999999999\r\n"), Refused(400)),
        ("a fraction of a length", with("Content-Length: 0.0\r\n"), Refused(400)),
        ("a length under a name with a gap", with("Content-Length : 0\r\n"), Refused(400)),
    ]
}

/// Codings that contradict a length, each other or the version.
fn codings() -> Vec<(&'static str, Vec<u8>, Expected)> {
    let chunks = format!("0\r\n\r\n{}", hidden());
    let with = |lines: &str| post(lines, &chunks);
    let old = format!("POST /healthz HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
    vec![
        ("length, then chunks", with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), Refused(400)),
        ("chunks, then length", with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), Refused(400)),
        ("chunks twice", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), Refused(400)),
        ("chunks and identity", with("Transfer-Encoding: chunked, identity\r\n"), Refused(400)),
        ("identity and chunks", with("Transfer-Encoding: identity, chunked\r\n"), Refused(400)),
        ("identity alone", with("Transfer-Encoding: identity\r\n"), Refused(400)),
        ("an unknown coding", with("Transfer-Encoding: xchunked\r\n"), Refused(400)),
        ("a coding in quotes", with("Transfer-Encoding: \"chunked\"\r\n"), Refused(400)),
        ("a coding with a vertical tab", with("Transfer-Encoding: \u{b}chunked\r\n"), Refused(400)),
        ("a folded coding", with("Transfer-Encoding:\r\n chunked\r\n"), Refused(400)),
        ("a coding under a name with a gap", with("Transfer-Encoding : chunked\r\n"), Refused(400)),
        ("a coding under a name with a tab", with("Transfer-Encoding\t: chunked\r\n"), Refused(400)),
        (
            "a coding behind a line that begins with a gap",
            with(" X: y\r\nTransfer-Encoding: chunked\r\n"),
            Refused(400),
        ),
        ("chunks in HTTP/1.0", plain(&old), Refused(400)),
        (
            "no length in HTTP/1.0",
            plain(&format!("POST /healthz HTTP/1.0\r\n\r\n{}", hidden())),
            Refused(400),
        ),
    ]
}

/// Chunks that are none.
fn chunks() -> Vec<(&'static str, Vec<u8>, Expected)> {
    let hidden = hidden();
    let json = "Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n";
    let with = |chunks: &str| post(json, &format!("{chunks}{hidden}"));
    vec![
        ("a size with a prefix", with("0x2\r\n{}\r\n0\r\n\r\n"), Refused(400)),
        ("a negative size", with("-2\r\n{}\r\n0\r\n\r\n"), Refused(400)),
        ("a size beyond numbers", with("fffffffffffffffff2\r\n{}\r\n0\r\n\r\n"), Refused(400)),
        ("no size", with("\r\n{}\r\n0\r\n\r\n"), Refused(400)),
        ("a line that ends early", with("2\n{}\r\n0\r\n\r\n"), Refused(400)),
        ("an extension that ends early", with("2;a\n{}\r\n0\r\n\r\n"), Refused(400)),
        ("a chunk without its end", with("2\r\n{}0\r\n\r\n"), Refused(400)),
        ("a chunk that is longer than its size", with("1\r\n{}\r\n0\r\n\r\n"), Refused(400)),
    ]
}

/// Heads that are none, or have another form.
fn heads() -> Vec<(&'static str, Vec<u8>, Expected)> {
    let many = "X: y\r\n".repeat(200);
    let huge = format!("X: {}\r\n", "y".repeat(200_000));
    vec![
        ("a zero in a value", get("X: a\0b\r\n"), Refused(400)),
        ("a zero in the path", plain("GET /heal\0thz HTTP/1.1\r\nHost: h\r\n\r\n"), Refused(400)),
        ("a carriage return in a value", get("X: a\rb\r\n"), Refused(400)),
        ("a name with a gap", get("X Y: a\r\n"), Refused(400)),
        ("a name that is none", get(": a\r\n"), Refused(400)),
        ("a line without a colon", get("X\r\n"), Refused(400)),
        ("no host", plain(&format!("GET /healthz HTTP/1.1\r\n\r\n{}", hidden())), Refused(400)),
        ("two hosts", get("Host: i\r\n"), Refused(400)),
        ("two hundred headers", get(&many), Refused(431)),
        ("a huge header", get(&huge), Refused(431)),
        ("a version that is none", plain("GET /healthz HTTP/9.9\r\nHost: h\r\n\r\n"), Refused(400)),
        ("the preface of HTTP/2", plain("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Refused(400)),
        ("no version", plain("GET /healthz\r\nHost: h\r\n\r\n"), Refused(400)),
        ("a method that is none", plain("G{T /healthz HTTP/1.1\r\nHost: h\r\n\r\n"), Refused(400)),
        ("a tab for a space", plain("GET\t/healthz\tHTTP/1.1\r\nHost: h\r\n\r\n"), Refused(400)),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(4), Refused(400)),
        ("a whole address", plain("GET http://other/healthz HTTP/1.1\r\nHost: h\r\n\r\n"), Served(&[200])),
        ("an empty line before", plain("\r\nGET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"), Served(&[200])),
        ("lines that end with a line feed", plain("GET /healthz HTTP/1.1\nHost: h\n\n"), Served(&[200])),
        ("a tunnel", plain(&format!("CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n{}", hidden())), NothingHidden),
        ("another protocol", get("Connection: upgrade\r\nUpgrade: websocket\r\n"), NothingHidden),
        (
            "HTTP/2 in clear",
            get(
                "Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 57\r\n",
            ),
            NothingHidden,
        ),
        ("a body of a GET", get(&format!("Content-Length: {}\r\n", hidden().len())), NothingHidden),
        (
            "chunks of a GET",
            plain(
                "GET /healthz HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            ),
            Served(&[200]),
        ),
        (
            "extensions of a chunk",
            post("Transfer-Encoding: chunked\r\n", "2;a=b\r\n{}\r\n0\r\n\r\n"),
            Served(&[415]),
        ),
        (
            "a promise to wait",
            post("Expect: 100-continue\r\nContent-Length: 2\r\n", "{}"),
            Served(&[100, 415]),
        ),
    ]
}

/// Sends each, and looks at what comes back.
pub(crate) async fn run(address: &str) {
    let all: Vec<_> = [lengths(), codings(), chunks(), heads()].concat();
    for (name, bytes, expected) in &all {
        let mut client = Client::connect(address).await;
        client.send(bytes).await;
        let quiet = if matches!(expected, Refused(_)) { patience() } else { Duration::from_secs(1) };
        let (answers, is_closed) = client.rest(quiet).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert!(statuses.iter().all(|status| *status < 500), "{name}: {answers:?}");
        let shown = answers.iter().any(|answer| answer.text.contains(HIDDEN));
        assert!(!shown, "{name}: the hidden request was answered: {answers:?}");
        match expected {
            Refused(status) => {
                assert_eq!((&statuses[..], is_closed), (&[*status][..], true), "{name}: {answers:?}");
            }
            Served(wanted) => assert_eq!(&statuses[..], *wanted, "{name}: {answers:?}"),
            NothingHidden => assert!(statuses.len() <= 1, "{name}: {answers:?}"),
        }
    }
    println!("{} requests that are framed to be misunderstood: each refused, or read in one way", all.len());
}
