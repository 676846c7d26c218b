//! Both sides in one process.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::*;

struct Place {
    directory: TempDir,
    state: StateId,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let state = StateId::of(directory.path()).unwrap();
        Self { directory, state }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("handover.sock")
    }
}

fn offer() -> Offer {
    Offer { version: "1".to_owned(), revision: 7, changes: json!({"a": 1}), owns_unix_socket: true }
}

#[tokio::test]
async fn the_sockets_of_one_are_the_sockets_of_the_other() {
    let place = Place::new();
    let door = Door::open(&place.path()).unwrap();
    assert_eq!(place.path().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    let api = place.directory.path().join("api.sock");
    let unix = UnixListener::bind(&api).unwrap();
    let sockets = Sockets { tcp: Some(tcp), unix: Some(unix), private: Some(door.socket().unwrap()) };

    let giving = async {
        let mut guest = door.guest().await;
        assert_eq!(guest.pid(), Some(std::process::id()));
        assert_eq!(guest.hello(place.state).await.unwrap(), "2");
        guest.offer(offer(), &sockets).await.unwrap();
        drop(sockets);
        guest.yours().await.unwrap();
        guest.serving().await.unwrap();
    };
    let taking = async {
        let mut host = Host::ask(&place.path(), "2", place.state).await.unwrap().unwrap();
        let (offer, sockets) = host.offer().await.unwrap();
        assert_eq!((offer.revision, offer.changes), (7, json!({"a": 1})));
        host.give().await.unwrap();
        host.serving().await;
        sockets
    };
    let ((), sockets) = tokio::join!(giving, taking);
    drop(door);

    // Nobody else holds them any more, and the same address and paths are served.
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"x").unwrap();
    let mut byte = [0];
    sockets.tcp.unwrap().accept().unwrap().0.read_exact(&mut byte).unwrap();
    assert_eq!(&byte, b"x");
    std::os::unix::net::UnixStream::connect(&api).unwrap();
    let next = Door::over(sockets.private.unwrap(), &place.path()).unwrap();
    let path = place.path();
    let asking = Host::ask(&path, "3", place.state);
    let (asked, _guest) = tokio::join!(asking, next.guest());
    assert!(asked.unwrap().is_some());
    next.remove();
    assert!(!place.path().exists());
}

#[tokio::test]
async fn nobody_there_is_no_error() {
    let place = Place::new();
    assert!(Host::ask(&place.path(), "1", place.state).await.unwrap().is_none());
    drop(UnixListener::bind(place.path()).unwrap());
    assert!(Host::ask(&place.path(), "1", place.state).await.unwrap().is_none(), "a stale one");
    drop(Door::open(&place.path()).unwrap());
}

#[tokio::test]
async fn another_state_and_another_version_are_refused_in_words() {
    let place = Place::new();
    let door = Door::open(&place.path()).unwrap();
    let elsewhere = StateId::of(std::path::Path::new("/")).unwrap();
    let giving = async { door.guest().await.hello(place.state).await };
    let taking = async { Host::ask(&place.path(), "1", elsewhere).await.unwrap().unwrap().offer().await };
    let (gave, took) = tokio::join!(giving, taking);
    assert!(matches!(gave, Err(GuestError::OtherState)), "{gave:?}");
    assert!(matches!(took, Err(TakeError::Refused(reason)) if reason == "it is for another state directory"));

    let giving = async { door.guest().await.hello(place.state).await };
    let taking = async {
        let mut stream = UnixStream::connect(place.path()).await.unwrap();
        let state = serde_json::to_value(place.state).unwrap();
        let hello =
            json!({"word": "hello", "protocol": 9, "version": "9", "state": state, "more": 1}).to_string();
        stream.write_u32_le(u32::try_from(hello.len()).unwrap()).await.unwrap();
        stream.write_all(hello.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let (gave, answer) = tokio::join!(giving, taking);
    assert!(matches!(gave, Err(GuestError::Protocol { found: 9 })), "{gave:?}");
    assert!(
        answer.contains("it speaks version 9 of the conversation, and this daemon version 1"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_refusal_before_anything_was_said_is_heard() {
    let place = Place::new();
    let door = Door::open(&place.path()).unwrap();
    let giving = async { door.guest().await.refuse("not now").await };
    let taking = async {
        let mut host = Host::ask(&place.path(), "1", place.state).await?.unwrap();
        host.offer().await
    };
    let ((), took) = tokio::join!(giving, taking);
    assert!(matches!(&took, Err(TakeError::Refused(reason)) if reason == "not now"), "{took:?}");

    // Closed before the hello: what was said comes all the same.
    let giving = async {
        let mut guest = door.guest().await;
        guest.refuse("not now").await;
    };
    let path = place.path();
    let asking = std::os::unix::net::UnixStream::connect(&path).unwrap();
    giving.await;
    asking.set_nonblocking(true).unwrap();
    let mut late = take::Host::over(UnixStream::from_std(asking).unwrap());
    let told = late.hello("1", place.state).await;
    assert!(matches!(&told, Err(TakeError::Refused(reason)) if reason == "not now"), "{told:?}");
}

#[tokio::test]
async fn what_makes_no_sense_and_who_goes_away_are_told_apart_from_words() {
    let place = Place::new();
    let door = Door::open(&place.path()).unwrap();
    let huge = u32::MAX.to_le_bytes().to_vec();
    let nonsense = [&3_u32.to_le_bytes()[..], b"{]}"].concat();
    for bytes in [Vec::new(), vec![1], huge, nonsense] {
        let giving = async { door.guest().await.hello(place.state).await };
        let taking = async {
            let mut stream = UnixStream::connect(place.path()).await.unwrap();
            stream.write_all(&bytes).await.unwrap();
        };
        let (gave, ()) = tokio::join!(giving, taking);
        assert!(matches!(gave, Err(GuestError::Lost(_))), "{bytes:?}: {gave:?}");
    }
    let giving = async { door.guest().await.hello(place.state).await };
    let taking = async {
        let mut stream = UnixStream::connect(place.path()).await.unwrap();
        wire::send(&mut stream, &words::Word::Ready, &[]).await.unwrap();
    };
    let (gave, ()) = tokio::join!(giving, taking);
    assert!(matches!(gave, Err(GuestError::Unexpected { expected: "hello", found: "ready" })), "{gave:?}");
}

#[tokio::test]
async fn a_socket_that_is_not_what_it_is_called_is_none() {
    let place = Place::new();
    let unix = UnixListener::bind(place.path()).unwrap();
    let roles = [words::Role::Tcp];
    assert!(sockets::Sockets::of(&roles, vec![unix.into()]).is_err());
    let connected = std::os::unix::net::UnixStream::pair().unwrap().0;
    assert!(sockets::Sockets::of(&[words::Role::Unix], vec![connected.into()]).is_err());
    assert!(sockets::Sockets::of(&roles, Vec::new()).is_err());
}

#[tokio::test]
async fn a_private_socket_that_is_in_use_or_is_no_socket_is_left_alone() {
    let place = Place::new();
    let _door = Door::open(&place.path()).unwrap();
    assert!(matches!(Door::open(&place.path()), Err(DoorError::InUse { .. })));
    let file = place.directory.path().join("file");
    std::fs::write(&file, "precious").unwrap();
    assert!(matches!(Door::open(&file), Err(DoorError::Listen { .. })));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
}
