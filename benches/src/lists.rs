//! P7: a list of all series, and one value asked for while lists run and while values flow.
//!
//! Both sides are asked over their unix sockets by the same reader, which looks at each line and keeps none.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::Options;
use crate::daemon::Daemon;
use crate::jitter::percentile;
use crate::peer::Peer;
use crate::report::Work;
use crate::rules::flow;

/// For how long one value is asked for again and again.
const ASKING: Duration = Duration::from_secs(5);
/// Pause between two of these.
const PAUSE: Duration = Duration::from_millis(1);
/// Most entries of a page.
const PAGE: usize = 10_000;
/// Passes for ever.
const ENDLESS: usize = 1_000_000;

/// One whole list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listed {
    pub(crate) series: usize,
    pub(crate) millis: f64,
    pub(crate) bytes: usize,
}

/// How long one value took, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) worst: f64,
}

/// What one side did in one round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Round {
    /// Lists, by form.
    pub(crate) lists: Vec<(&'static str, Listed)>,
    /// One value, by what went on meanwhile.
    pub(crate) asked: Vec<(&'static str, Asked)>,
    /// Dispatching call in nanoseconds a value, by what went on meanwhile.
    pub(crate) flow: Vec<(&'static str, f64)>,
}

/// How a side is asked.
#[derive(Clone)]
enum Side {
    /// gatherd, by HTTP.
    Own(PathBuf),
    /// collectd, by the lines of its plugin `unixsock`.
    Peer(PathBuf),
}

/// The name of a series, by its number.
fn name(number: usize) -> String {
    format!("host{:04}/benchdisp-{}/gauge-m{number}", number / 1000, number / 10 % 100)
}

/// One round of the daemon: its lists at rest, then one value under every load.
pub(crate) async fn own(options: &Options, place: &Path, series: usize) -> Result<Round> {
    let mut round = Round::default();
    let daemon = Daemon::dispatching(options, &place.join("rest"), Work { series, passes: 3 }).await?;
    daemon.dispatch_all().await?;
    let side = Side::Own(daemon.socket().to_path_buf());
    let whole = |accept: &'static str| side.list(accept);
    for (form, accept) in [("NDJSON", "application/x-ndjson"), ("CSV", "text/csv")] {
        round.lists.push((form, whole(accept)?));
    }
    round.lists.push(("JSON, in pages", side.pages()?));
    for (what, listed) in &round.lists {
        ensure!(listed.series >= series, "{what}: {} of {series} series", listed.series);
    }
    round.asked.push(("nothing", side.ask(series)?));
    round.asked.push(("lists", side.while_listing(|| side.ask(series))?));
    daemon.stop().await?;
    let daemon = Daemon::dispatching(options, &place.join("flow"), Work { series, passes: ENDLESS }).await?;
    let out = daemon.dispatch().await?;
    round.flow.push(("nothing", flow(&out).await?));
    let side = Side::Own(daemon.socket().to_path_buf());
    round.asked.push(("values", side.ask(series)?));
    round.asked.push(("values and lists", side.while_listing(|| side.ask(series))?));
    let lister = side.list_for_ever();
    round.flow.push(("lists", flow(&out).await?));
    lister.end()?;
    // A read that never ends does not let the daemon stop in good order; its end is no part of this.
    drop(daemon);
    Ok(round)
}

/// One round of the peer.
pub(crate) async fn peer(peer: &Peer, series: usize) -> Result<Round> {
    let mut round = Round::default();
    let running = peer.listing(Work { series, passes: 2 }).await?;
    running.done().await?;
    let side = Side::Peer(running.socket());
    round.lists.push(("LISTVAL", side.list("")?));
    round.asked.push(("nothing", side.ask(series)?));
    round.asked.push(("lists", side.while_listing(|| side.ask(series))?));
    drop(running);
    let running = peer.listing(Work { series, passes: ENDLESS }).await?;
    running.passed(1).await?;
    let side = Side::Peer(running.socket());
    round.asked.push(("values", side.ask(series)?));
    round.asked.push(("values and lists", side.while_listing(|| side.ask(series))?));
    Ok(round)
}

impl Side {
    fn connect(&self) -> Result<BufReader<UnixStream>> {
        let (Self::Own(socket) | Self::Peer(socket)) = self;
        let stream = UnixStream::connect(socket).with_context(|| format!("connect {}", socket.display()))?;
        stream.set_read_timeout(Some(Duration::from_mins(2)))?;
        Ok(BufReader::with_capacity(1 << 20, stream))
    }

    /// One whole list.
    fn list(&self, accept: &str) -> Result<Listed> {
        let mut connection = self.connect()?;
        let began = Instant::now();
        let (lines, bytes) = match self {
            Self::Own(_) => {
                let mut seen = Lines::default();
                get(&mut connection, "/v1/values", accept, &mut |piece| seen.take(piece))?;
                // CSV has a head.
                (seen.lines - usize::from(accept == "text/csv"), seen.bytes)
            }
            Self::Peer(_) => {
                connection.get_mut().write_all(b"LISTVAL\n")?;
                let count = status(&mut connection)?;
                let mut bytes = 0;
                for _ in 0..count {
                    bytes += skip_line(&mut connection)?;
                }
                (count, bytes)
            }
        };
        Ok(Listed { series: lines, millis: began.elapsed().as_secs_f64() * 1e3, bytes })
    }

    /// The same, page by page, each asked for behind the one before.
    fn pages(&self) -> Result<Listed> {
        let mut connection = self.connect()?;
        let (began, mut series, mut bytes) = (Instant::now(), 0, 0);
        let mut next = Some(format!("/v1/values?limit={PAGE}"));
        while let Some(path) = next {
            let mut page = Vec::new();
            get(&mut connection, &path, "application/json", &mut |piece| page.extend_from_slice(piece))?;
            bytes += page.len();
            // Not parsed: the peer's lines are not either.
            let end = &page[page.len().saturating_sub(400)..];
            let end = str::from_utf8(end).unwrap_or_default();
            let (_, link) = end.rsplit_once("\"next\":").context("a page names the next one")?;
            next = link.strip_prefix('"').map(|link| link.trim_end_matches(['}', '"']).to_owned());
            series += if next.is_some() { PAGE } else { count_of(&page, b"{\"identifier\":") };
        }
        Ok(Listed { series, millis: began.elapsed().as_secs_f64() * 1e3, bytes })
    }

    /// Asks for one value after the other, each another one.
    fn ask(&self, series: usize) -> Result<Asked> {
        let mut connection = self.connect()?;
        let (began, mut micros, mut number) = (Instant::now(), Vec::new(), 0);
        while began.elapsed() < ASKING {
            number = (number + 7_919_993) % series;
            let (name, asked) = (name(number), Instant::now());
            match self {
                Self::Own(_) => {
                    let mut bytes = 0;
                    let path = format!("/v1/values/{name}");
                    get(&mut connection, &path, "application/json", &mut |piece| bytes += piece.len())?;
                    ensure!(bytes > 100, "{name}: {bytes} bytes");
                }
                Self::Peer(_) => {
                    connection.get_mut().write_all(format!("GETVAL \"{name}\"\n").as_bytes())?;
                    for _ in 0..status(&mut connection)? {
                        skip_line(&mut connection)?;
                    }
                }
            }
            micros.push(asked.elapsed().as_secs_f64() * 1e6);
            thread::sleep(PAUSE);
        }
        micros.sort_by(f64::total_cmp);
        let at = |percent| percentile(&micros, percent);
        Ok(Asked { p50: at(50), p99: at(99), worst: at(100) })
    }

    fn while_listing(&self, ask: impl FnOnce() -> Result<Asked>) -> Result<Asked> {
        let lister = self.list_for_ever();
        let asked = ask();
        lister.end()?;
        asked
    }

    /// One list after the other, on a thread of its own.
    fn list_for_ever(&self) -> Lister {
        let (side, stop) = (self.clone(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                side.list("application/x-ndjson")?;
            }
            Ok(())
        });
        Lister { stop, thread }
    }
}

struct Lister {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<()>>,
}

impl Lister {
    fn end(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the thread that lists panicked"))?
    }
}

/// Counts lines.
#[derive(Default)]
struct Lines {
    lines: usize,
    bytes: usize,
}

impl Lines {
    fn take(&mut self, piece: &[u8]) {
        self.lines += piece.split(|byte| *byte == b'\n').count() - 1;
        self.bytes += piece.len();
    }
}

fn count_of(text: &[u8], what: &[u8]) -> usize {
    text.windows(what.len()).filter(|window| *window == what).count()
}

/// The number that the peer's first line begins with.
fn status(connection: &mut BufReader<UnixStream>) -> Result<usize> {
    let mut line = String::new();
    connection.read_line(&mut line)?;
    let number = line.split(' ').next().unwrap_or_default();
    number.parse().with_context(|| format!("the peer said {line:?}"))
}

/// Reads past the end of the line; answers its bytes.
fn skip_line(connection: &mut BufReader<UnixStream>) -> Result<usize> {
    let bytes = connection.skip_until(b'\n')?;
    ensure!(bytes > 0, "the connection broke off");
    Ok(bytes)
}

/// A GET on a connection that is kept; `piece` sees the body.
fn get(
    connection: &mut BufReader<UnixStream>,
    path: &str,
    accept: &str,
    piece: &mut dyn FnMut(&[u8]),
) -> Result<()> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n\r\n");
    connection.get_mut().write_all(request.as_bytes())?;
    let mut head = String::new();
    connection.read_line(&mut head)?;
    ensure!(head.starts_with("HTTP/1.1 200"), "GET {path}: {head}");
    let (mut length, mut chunked) = (0, false);
    loop {
        head.clear();
        connection.read_line(&mut head)?;
        let line = head.trim_end().to_ascii_lowercase();
        match line.split_once(':') {
            Some(("content-length", value)) => length = value.trim().parse()?,
            Some(("transfer-encoding", value)) => chunked = value.trim() == "chunked",
            Some(_) => {}
            None => break,
        }
    }
    if !chunked {
        return pass(connection, length, piece);
    }
    loop {
        head.clear();
        connection.read_line(&mut head)?;
        let length = usize::from_str_radix(head.trim_end(), 16).with_context(|| format!("chunk {head:?}"))?;
        pass(connection, length, piece)?;
        connection.read_exact(&mut [0; 2])?;
        if length == 0 {
            return Ok(());
        }
    }
}

fn pass(
    connection: &mut BufReader<UnixStream>,
    mut length: usize,
    piece: &mut dyn FnMut(&[u8]),
) -> Result<()> {
    while length > 0 {
        let there = connection.fill_buf()?;
        ensure!(!there.is_empty(), "the connection broke off");
        let part = there.len().min(length);
        piece(&there[..part]);
        connection.consume(part);
        length -= part;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_read_with_a_length_and_in_chunks_on_one_connection() {
        let (client, mut server) = UnixStream::pair().unwrap();
        let mut connection = BufReader::new(client);
        server
            .write_all(
                b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na\nb\nHTTP/1.1 200 OK\r\n\
                  Transfer-Encoding: chunked\r\n\r\n3\r\nx\ny\r\n2\r\n\nz\r\n0\r\n\r\nHTTP/1.1 404 Not Found\r\n",
            )
            .unwrap();
        let mut seen = Lines::default();
        for _ in 0..2 {
            get(&mut connection, "/", "*/*", &mut |piece| seen.take(piece)).unwrap();
        }
        assert_eq!((seen.lines, seen.bytes), (4, 9));
        assert!(get(&mut connection, "/", "*/*", &mut |_| ()).is_err());
    }

    #[test]
    fn the_peers_lines_are_counted() {
        let (client, mut server) = UnixStream::pair().unwrap();
        let mut connection = BufReader::new(client);
        server.write_all(b"2 Values found\n1.000 h/p/t\n2.000 h/p/u\n-1 No such value\n").unwrap();
        assert_eq!(status(&mut connection).unwrap(), 2);
        assert_eq!(skip_line(&mut connection).unwrap() + skip_line(&mut connection).unwrap(), 24);
        assert!(status(&mut connection).is_err());
    }

    #[test]
    fn a_series_has_the_name_that_the_dispatcher_gives_it() {
        assert_eq!(name(123_456), "host0123/benchdisp-45/gauge-m123456");
        assert_eq!(count_of(b"{\"identifier\":1},{\"identifier\":2}", b"{\"identifier\":"), 2);
    }
}
