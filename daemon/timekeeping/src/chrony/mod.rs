//! Asks chrony how it keeps the clock, through its command port.

mod packet;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use gatherd_engine::port::{Discipline, DisciplineSource};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use packet::{Fields, LENGTH, Question, reference};

/// How long one answer may take; chrony is on this machine or near it.
const PATIENCE: Duration = Duration::from_millis(300);
/// How long all answers may take.
const IN_ALL: Duration = Duration::from_secs(2);
/// How many sources are told of.
const MOST_SOURCES: u32 = 64;
/// What a source may be, by chrony's number.
const STATES: [&str; 6] = ["selected", "unselectable", "falseticker", "jittery", "unselected", "selectable"];
/// The mode of a source that is a reference clock.
const REFERENCE_CLOCK: u16 = 2;

/// Asks chrony behind `address`.
///
/// # Errors
///
/// Where it does not answer in time or not well.
pub(crate) async fn ask(address: &str) -> io::Result<Discipline> {
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    timeout(IN_ALL, ask_all(address)).await?
}

async fn ask_all(address: SocketAddr) -> io::Result<Discipline> {
    let local = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(local, 0)).await?;
    socket.connect(address).await?;
    let mut talk = Talk { socket, sequence: std::process::id() };
    let mut discipline = talk.ask(Question::Tracking, tracking).await?;
    let count = talk.ask(Question::SourceCount, |mut fields| fields.u32()).await?;
    for index in 0..count.min(MOST_SOURCES) {
        discipline.sources.push(talk.ask(Question::Source(index), source).await?);
    }
    Ok(discipline)
}

struct Talk {
    socket: UdpSocket,
    sequence: u32,
}

impl Talk {
    async fn ask<T>(&mut self, question: Question, read: fn(Fields<'_>) -> Option<T>) -> io::Result<T> {
        self.sequence = self.sequence.wrapping_add(1);
        self.socket.send(&question.request(self.sequence)).await?;
        let mut packet = [0; 4 * LENGTH];
        let received = timeout(PATIENCE, self.socket.recv(&mut packet)).await??;
        let answer = question.answer(&packet[..received], self.sequence);
        answer.and_then(read).ok_or_else(|| io::Error::other("an answer that is none"))
    }
}

fn tracking(mut fields: Fields<'_>) -> Option<Discipline> {
    let id = fields.u32()?;
    let (address, _) = fields.address()?;
    let (stratum, leap) = (fields.u16()?, fields.u16()?);
    fields.skip(12)?; // When the reference was heard last.
    let behind = fields.float()?;
    fields.skip(8)?; // The newest offset, and how offsets scatter.
    let frequency = fields.float()?;
    fields.skip(8)?; // How frequencies scatter.
    let (delay, dispersion) = (fields.float()?, fields.float()?);
    let reference = if address.is_empty() { reference(id) } else { address };
    Some(Discipline {
        synchronised: leap != 3 && id != 0,
        reference,
        stratum: u8::try_from(stratum).unwrap_or(u8::MAX),
        offset: nanos(behind),
        error_bound: nanos(delay / 2.0 + dispersion),
        frequency,
        sources: Vec::new(),
    })
}

fn source(mut fields: Fields<'_>) -> Option<DisciplineSource> {
    let (address, id) = fields.address()?;
    fields.skip(2)?; // How often it is asked.
    let (stratum, state, mode) = (fields.u16()?, fields.u16()?, fields.u16()?);
    let reach = fields.skip(2)?.u16()?;
    fields.skip(4)?; // How long ago it was heard.
    fields.skip(4)?; // The offset before the clock was corrected by it.
    let (ahead, error) = (fields.float()?, fields.float()?);
    Some(DisciplineSource {
        address: if mode == REFERENCE_CLOCK { reference(id) } else { address },
        state: STATES.get(usize::from(state)).copied().unwrap_or("unknown"),
        stratum: u8::try_from(stratum).unwrap_or(u8::MAX),
        reach: u8::try_from(reach & 0xff).unwrap_or_default(),
        offset: nanos(-ahead),
        error_bound: nanos(error),
    })
}

#[expect(clippy::cast_possible_truncation, reason = "a float that is too large becomes the largest number")]
fn nanos(seconds: f64) -> i64 {
    (seconds * 1e9).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of chrony 4.3 without the right to set the clock, which runs 3 s behind its server; recorded, all to
    /// sequence 7.
    const TRACKING: &str = "060200000021000500000000000000000000000700000000000000007f0000017f000001000000000000\
        0000000000000001000000060000000000006b0148192944960806c0002accb31eefdcb3d42df7522ab3ed473643feb3bf57e4ff\
        6cbbdc85c202028314c8";
    const COUNT: &str = "06020000000e0002000000000000000000000007000000000000000000000001";
    const SOURCE: &str = "06020000000f000300000000000000000000000700000000000000007f00000100000000000000000000000000\
        010000fffe000500000000000000ff00000000dd04e0eedd042dcee48fad45";

    fn bytes(hexadecimal: &str) -> Vec<u8> {
        let digits: Vec<u8> =
            hexadecimal.chars().map(|c| u8::try_from(c.to_digit(16).unwrap()).unwrap()).collect();
        digits.chunks(2).map(|pair| 16 * pair[0] + pair[1]).collect()
    }

    /// A chrony that answers each question with what was recorded, under the sequence that is asked for.
    async fn chrony(silent: bool) -> String {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let mut request = [0; LENGTH];
            while let Ok((_, asker)) = socket.recv_from(&mut request).await {
                let mut answer = bytes(match request[5] {
                    33 => TRACKING,
                    14 => COUNT,
                    _ => SOURCE,
                });
                answer[16..20].copy_from_slice(&request[8..12]);
                let length = if silent { 20 } else { answer.len() };
                socket.send_to(&answer[..length], asker).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn chrony_says_how_it_keeps_the_clock() {
        let said = ask(&chrony(false).await).await.unwrap();
        let source = DisciplineSource {
            address: "127.0.0.1".into(),
            state: "selected",
            stratum: 5,
            reach: 255,
            offset: 1876,
            error_bound: 17_128,
        };
        let expected = Discipline {
            synchronised: true,
            reference: "127.0.0.1".into(),
            stratum: 6,
            offset: 3_000_010_014,
            error_bound: 16_221,
            frequency: said.frequency,
            sources: vec![source],
        };
        assert!((-0.012..-0.010).contains(&said.frequency), "{}", said.frequency);
        assert_eq!(said, expected);
    }

    #[tokio::test]
    async fn one_that_says_less_than_an_answer_is_not_believed() {
        assert!(ask(&chrony(true).await).await.is_err());
        assert!(ask("127.0.0.1:1").await.is_err());
        assert!(ask("nonsense").await.is_err());
    }
}
