//! A host program that speaks the protocol until its first read, and then breaks it as the plugin's configuration says:
//! `{"behaviour": "runs_back"}`. `docs/host-protocol.md` tells what would be right.

#![forbid(unsafe_code)]

mod ring;

use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use gatherd_wire::{
    Frames, Identity, Loaded, MAX_PASSED, Outcome, PROTOCOL, ToDaemon, ToHost, Welcome, encode, receive,
    send, take_control_socket,
};
use serde_json::json;

use crate::ring::RawRing;

/// Bytes of a name that is too long, and of all frames of a flood.
const LONG: usize = 1_000_000;
const FLOOD: usize = 100_000_000;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_daemon_hung_up) => ExitCode::FAILURE,
    }
}

fn run() -> io::Result<()> {
    let mut host = Host::begin()?;
    let mut behaviour = String::new();
    while let Some(message) = host.next()? {
        match message {
            ToHost::Hello(_) => host.introduce()?,
            ToHost::Configure { call, config } | ToHost::Init { call, config, .. } => {
                config["behaviour"].as_str().unwrap_or_default().clone_into(&mut behaviour);
                host.done(call)?;
            }
            ToHost::Read { call } => host.misbehave(&behaviour, call)?,
            ToHost::Shutdown { call } => return host.done(call),
            ToHost::Flush { call, .. } | ToHost::Notification { call, .. } | ToHost::Write { call, .. } => {
                host.done(call)?;
            }
            ToHost::Answer(_) | ToHost::Settled { .. } | ToHost::Unknown => {}
        }
    }
    Ok(())
}

struct Host {
    socket: UnixStream,
    frames: Frames,
    passed: Vec<OwnedFd>,
}

impl Host {
    fn begin() -> io::Result<Self> {
        Ok(Self { socket: take_control_socket()?, frames: Frames::default(), passed: Vec::new() })
    }

    fn next(&mut self) -> io::Result<Option<ToHost>> {
        let mut buffer = [0; 4096];
        loop {
            if let Some(message) = self.frames.take().map_err(io::Error::other)? {
                return Ok(Some(message));
            }
            match receive(&self.socket, &mut buffer, &mut self.passed)? {
                0 => return Ok(None),
                count => self.frames.add(&buffer[..count]),
            }
        }
    }

    fn tell(&self, message: &ToDaemon) -> io::Result<()> {
        send(&self.socket, &encode(message).map_err(io::Error::other)?, &[])
    }

    fn done(&self, call: u64) -> io::Result<()> {
        self.tell(&ToDaemon::Done { call, outcome: Outcome::Ok, records: 0 })
    }

    fn introduce(&self) -> io::Result<()> {
        let (name, version) = ("bad-host".to_owned(), "1".to_owned());
        self.tell(&ToDaemon::Hello(Welcome { protocol: PROTOCOL, name, version }))?;
        self.tell(&ToDaemon::Loaded(Loaded::Ok {
            name: "misbehave".into(),
            version: "1".into(),
            description: "Breaks the protocol".into(),
            config_schema: json!({"type": "object"}),
            capabilities: vec!["read".into()],
            abi: (1, 0),
            lacking: Vec::new(),
        }))
    }

    /// Makes a series known, and waits for its handle.
    fn register(&mut self, question: u64, instance: &str) -> io::Result<u64> {
        let identity = Identity {
            plugin: "bad".into(),
            plugin_instance: instance.into(),
            type_name: "gauge".into(),
            ..Identity::default()
        };
        self.tell(&ToDaemon::Register { question, identity, data_set: String::new() })?;
        loop {
            match self.next()? {
                Some(ToHost::Answer(answer)) if answer.question == question => {
                    return Ok(answer.handle.unwrap_or_default());
                }
                Some(_) => {}
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }

    fn misbehave(&mut self, behaviour: &str, call: u64) -> io::Result<()> {
        match behaviour {
            "head_ahead" | "head_back" | "tail_ahead" | "endless_record" | "endless_gap" | "nonsense"
            | "falling_offsets" | "wide_offsets" | "too_many_samples" | "empty_record" => {
                let handle = self.register(1, "forged")?;
                self.ring()?.forge(behaviour, handle)?;
            }
            "forged_handles" => {
                let ring = self.ring()?;
                for handle in [0, 1, 77, u64::MAX, 1 << 32, 1 << 63] {
                    ring.append(&RawRing::one_value(handle))?;
                }
            }
            "long_names" => {
                for question in 1..=100 {
                    self.register(question, &"x".repeat(LONG))?;
                }
            }
            "answers_nobody" => {
                self.tell(&ToDaemon::Done { call: u64::MAX, outcome: Outcome::Ok, records: 0 })?;
            }
            "done_twice" => self.done(call)?,
            "done_before" => self.done(1)?,
            "endless_frame" => self.socket.write_all(&u32::MAX.to_le_bytes())?,
            "no_json" => self.socket.write_all(b"\x04\0\0\0\xff\xfe{{")?,
            "deep_json" => self.raw(&[b"[".repeat(LONG), b"]".repeat(LONG)].concat())?,
            "flood_of_frames" => self.flood()?,
            "descriptors" => self.send_descriptors()?,
            "never_reads" => self.never_reads()?,
            "nonsense_numbers" => self.raw(
                br#"{"type":"done","call":-1,"outcome":{"result":"ok"},"records":99999999999999999999}"#,
            )?,
            "hangs_up" => self.socket.shutdown(std::net::Shutdown::Both)?,
            "stays_silent" => thread::sleep(Duration::from_secs(100_000)),
            _ => {}
        }
        self.done(call)
    }

    fn ring(&self) -> io::Result<RawRing> {
        // After the library: memory and event of the values ring.
        let [_, memory, event, ..] = &self.passed[..] else { return Err(io::ErrorKind::NotFound.into()) };
        Ok(RawRing::new(memory.try_clone()?, event.try_clone()?))
    }

    /// Sends these bytes as a message, whatever they are.
    fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.socket.write_all(&size.to_le_bytes())?;
        self.socket.write_all(bytes)
    }

    /// As large as messages may be, of a kind that nobody knows.
    fn flood(&mut self) -> io::Result<()> {
        let text = json!({"type": "dance", "steps": "x".repeat(4_000_000)}).to_string();
        for _ in 0..FLOOD / text.len() {
            self.raw(text.as_bytes())?;
        }
        Ok(())
    }

    /// Hands its own descriptors to the daemon, as many as go with a message, again and again.
    fn send_descriptors(&self) -> io::Result<()> {
        let log = ToDaemon::Log { level: 7, message: "take these".into() };
        let bytes = encode(&log).map_err(io::Error::other)?;
        let socket = self.socket.as_fd();
        for _ in 0..100 {
            send(&self.socket, &bytes, &[socket; MAX_PASSED])?;
        }
        Ok(())
    }

    /// Asks on and on, and takes no answer.
    fn never_reads(&self) -> io::Result<()> {
        for question in 1.. {
            self.tell(&ToDaemon::Describe { question, series: question })?;
        }
        Ok(())
    }
}
