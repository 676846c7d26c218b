//! What a plugin makes of files that are no good: each of its files, in every way that a file can be bad.
//!
//! ```text
//!  good files ──► what is told of them
//!      │  one of them missing, empty, a folder, forbidden, a pipe, no text …            ──► open, read
//!      │  one of them cut at each byte, with a number beyond 64 bits, with odd lines …  ──► read, while it runs
//!      ▼
//!  no panic, no waiting, no half number; a reason names what is wrong; the good files read as before
//! ```

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use gatherd_loader::{CallError, InitError};
use gatherd_sdk::{Collector, Failure, Host};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::{Files, Harness, HarnessError, told_sorted};

/// How long all of it may take; what waits for a bad file waits for ever.
const PATIENCE: Duration = Duration::from_mins(2);

/// How many places of one file are cut or changed at the most, spread over all of it.
const MAX_PLACES: usize = 300;

/// A file of the kernel that nobody may read, not even root. Reading it would do nothing.
const FORBIDDEN: &str = "/proc/sys/vm/drop_caches";

/// A number that 64 bits do not hold.
const BEYOND: &[u8] = b"99999999999999999999";

/// Lines that mean nothing, and those that nearly do.
const ODD_LINES: [&[u8]; 6] = [
    b"\n",
    b" \t \n",
    b"unknown 1 2 3\n",
    b"unknown: 1\n",
    b"\xff\xfe\x00: \x80 7\n",
    b"-1 -2 -3 -4 -5 -6\n",
];

/// How the values follow from the files.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Values {
    /// Each is in a file as it is told: of a file that was cut some are told less, and none otherwise.
    AsTheyStand,
    /// Some are sums, differences or counts of what stands in several places, so a line less may change them.
    Computed,
}

/// What stands in the place of a file.
#[derive(Clone, Copy, Debug)]
enum Bad {
    Missing,
    Empty,
    EmptyLine,
    /// Bytes of all kinds.
    NoText,
    /// More digits than any buffer expects.
    LongNumber,
    Folder,
    /// What may not be read.
    Forbidden,
    /// What would be waited for, because nobody writes into it.
    Pipe,
}

impl Bad {
    const ALL: [Self; 8] = [
        Self::Missing,
        Self::Empty,
        Self::EmptyLine,
        Self::NoText,
        Self::LongNumber,
        Self::Folder,
        Self::Forbidden,
        Self::Pipe,
    ];

    /// Makes it at `path`, where nothing is.
    fn put(self, path: &Path) -> io::Result<()> {
        match self {
            Self::Missing => Ok(()),
            Self::Empty => fs::write(path, ""),
            Self::EmptyLine => fs::write(path, "\n"),
            Self::NoText => fs::write(path, (0..=255).cycle().take(70_000).collect::<Vec<u8>>()),
            Self::LongNumber => fs::write(path, format!("{}\n", "7".repeat(300_000))),
            Self::Folder => fs::create_dir(path),
            Self::Forbidden => symlink(FORBIDDEN, path),
            Self::Pipe => Ok(mknodat(CWD, path, FileType::Fifo, Mode::RUSR, 0)?),
        }
    }
}

/// What came of a reading.
enum Outcome {
    /// The plugin does not start, or its reading fails, for this reason.
    Refused(String),
    /// It told this, in the order of the text.
    Told(Vec<String>),
}

/// Opens and reads a plugin with each of `files` being bad in every way: paths below a folder of their own, with what
/// they hold when they are good. `open` makes the plugin from that folder.
///
/// # Panics
///
/// Where the plugin panics or waits, tells a value of a bad file that is not in it, gives a reason that names no
/// file, or does not read the good files as before afterwards.
pub fn assert_bad_input_is_survived<C, O>(files: &[(&str, &[u8])], values: Values, open: O)
where
    C: Collector,
    O: Fn(&Host, &Path) -> Result<C, Failure> + Clone + Send + 'static,
{
    let files: Vec<(String, Vec<u8>)> =
        files.iter().map(|(name, text)| ((*name).to_owned(), text.to_vec())).collect();
    let (done, waiting) = channel();
    let worker = thread::spawn(move || {
        Trial { files, values, open }.all();
        let _nobody_waits = done.send(());
    });
    match waiting.recv_timeout(PATIENCE) {
        Err(RecvTimeoutError::Timeout) => panic!("a reading waits for a bad file"),
        Ok(()) | Err(RecvTimeoutError::Disconnected) => {
            if let Err(panic) = worker.join() {
                resume_unwind(panic);
            }
        }
    }
}

/// A plugin, its good files, and all that is done to them.
struct Trial<O> {
    files: Vec<(String, Vec<u8>)>,
    values: Values,
    open: O,
}

impl<O> Trial<O> {
    fn all<C>(&self)
    where
        C: Collector,
        O: Fn(&Host, &Path) -> Result<C, Failure> + Clone + 'static,
    {
        for (name, good) in &self.files {
            self.bad_from_the_start(name);
            self.bad_while_it_runs(name, good);
        }
    }

    /// Starts and reads the plugin with the file `name` being no file that can be read, or one without any sense.
    fn bad_from_the_start<C>(&self, name: &str)
    where
        C: Collector,
        O: Fn(&Host, &Path) -> Result<C, Failure> + Clone + 'static,
    {
        for bad in Bad::ALL {
            let files = self.good_files();
            files.remove(name);
            let what = format!("{name} is no good ({bad:?})");
            bad.put(&files.path(name)).unwrap_or_else(|error| panic!("{what}: cannot make it: {error}"));
            match self.start(&files) {
                Err(reason) => assert_named(&reason, &files, &what),
                Ok(mut harness) => judge(&read(&mut harness, &what), None, &files, &what),
            }
        }
    }

    /// Changes the file `name` between two readings of one instance, and back.
    fn bad_while_it_runs<C>(&self, name: &str, good: &[u8])
    where
        C: Collector,
        O: Fn(&Host, &Path) -> Result<C, Failure> + Clone + 'static,
    {
        let files = self.good_files();
        let mut harness = self.start(&files).unwrap_or_else(|reason| panic!("of good files: {reason}"));
        let Outcome::Told(first) = read(&mut harness, "all is good") else {
            panic!("nothing is told of good files");
        };
        assert!(!first.is_empty(), "nothing is told of good files");
        let known: HashSet<String> = first.iter().cloned().collect();
        let known = (self.values == Values::AsTheyStand).then_some(&known);
        let cuts = places(good.len()).map(|at| (good[..at].to_vec(), format!("{name} is cut at byte {at}")));
        let beyond = numbers(good)
            .map(|(from, to)| ([&good[..from], BEYOND, &good[to..]].concat(), from))
            .map(|(text, at)| (text, format!("the number at byte {at} of {name} is beyond 64 bits")));
        for (text, what) in cuts.chain(beyond) {
            files.write(name, text);
            judge(&read(&mut harness, &what), known, &files, &what);
        }
        for (text, what) in with_odd_lines(name, good) {
            files.write(name, text);
            judge(&read(&mut harness, &what), None, &files, &what);
        }
        files.write(name, good);
        match read(&mut harness, "all is good again") {
            Outcome::Told(last) if known.is_some() => assert_eq!(last, first, "{name} is good again"),
            Outcome::Told(last) => assert_eq!(last.len(), first.len(), "{name} is good again: {last:?}"),
            Outcome::Refused(reason) => panic!("{name} is good again, but: {reason}"),
        }
    }

    fn good_files(&self) -> Files {
        let files: Vec<(&str, &[u8])> =
            self.files.iter().map(|(name, text)| (name.as_str(), text.as_slice())).collect();
        Files::new(&files)
    }

    /// The plugin of these files, or why it does not start.
    fn start<C>(&self, files: &Files) -> Result<Harness<C>, String>
    where
        C: Collector,
        O: Fn(&Host, &Path) -> Result<C, Failure> + Clone + 'static,
    {
        let (open, root) = (self.open.clone(), files.root().to_owned());
        Harness::made(move |host| open(host, &root)).map_err(|error| match error {
            HarnessError::Init(InitError::Panicked { reason }) => panic!("the plugin panicked: {reason}"),
            error => error.to_string(),
        })
    }
}

/// Reads once; what was told before a failure is told.
fn read<C: Collector>(harness: &mut Harness<C>, what: &str) -> Outcome {
    match harness.try_read() {
        Ok(lists) => Outcome::Told(told_sorted(&lists)),
        Err(CallError::Failed { reason }) => {
            let lists = harness.bench().take_lists();
            if lists.is_empty() { Outcome::Refused(reason) } else { Outcome::Told(told_sorted(&lists)) }
        }
        Err(error) => panic!("{what}: {error}"),
    }
}

/// Panics where a reason names no file, or where something is told that is not in `known`.
fn judge(outcome: &Outcome, known: Option<&HashSet<String>>, files: &Files, what: &str) {
    match outcome {
        Outcome::Refused(reason) => assert_named(reason, files, what),
        Outcome::Told(lines) => {
            let Some(known) = known else { return };
            let news: Vec<_> = lines.iter().filter(|line| !known.contains(*line)).collect();
            assert!(news.is_empty(), "{what}, and this is told: {news:?}");
        }
    }
}

fn assert_named(reason: &str, files: &Files, what: &str) {
    let root = files.root().display().to_string();
    assert!(reason.contains(&root), "{what}, and the reason names no file below {root}: {reason}");
}

/// Places in a text of `length` bytes: all of them, or [`MAX_PLACES`] that lie evenly.
fn places(length: usize) -> impl Iterator<Item = usize> {
    (0..length).step_by(length.div_ceil(MAX_PLACES).max(1))
}

/// Where the numbers of `text` begin and end that stand by themselves.
fn numbers(text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let is_digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    let begins = move |at: usize| {
        is_digit(at) && (at == 0 || matches!(text[at - 1], b' ' | b'\t' | b'\n' | b':' | b'=' | b','))
    };
    let all: Vec<(usize, usize)> = (0..text.len())
        .filter(|at| begins(*at))
        .map(|from| (from, (from..text.len()).find(|at| !is_digit(*at)).unwrap_or(text.len())))
        .filter(|(_, end)| matches!(text.get(*end), None | Some(b' ' | b'\t' | b'\n' | b'.' | b',')))
        .collect();
    let step = all.len().div_ceil(MAX_PLACES).max(1);
    all.into_iter().step_by(step)
}

/// `good` with each odd line at the beginning of each of its lines, and what that is called.
fn with_odd_lines(name: &str, good: &[u8]) -> impl Iterator<Item = (Vec<u8>, String)> {
    let starts: Vec<usize> =
        (0..good.len()).filter(|at| *at == 0 || good[at - 1] == b'\n').chain([good.len()]).collect();
    let step = starts.len().div_ceil(MAX_PLACES / ODD_LINES.len()).max(1);
    starts.into_iter().step_by(step).flat_map(move |at| {
        ODD_LINES.into_iter().map(move |line| {
            let text = [&good[..at], line, &good[at..]].concat();
            (text, format!("{name} has the line {:?} at byte {at}", line.escape_ascii().to_string()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatherd_sdk::{Batch, ProcFile, Series};

    /// Tells the number that its file is, in the way of the test.
    struct Probe {
        file: ProcFile,
        series: Series,
        parse: fn(&[u8]) -> Result<f64, &'static str>,
    }

    impl Collector for Probe {
        const NAME: &'static str = "probe";
        const DESCRIPTION: &'static str = "Tells a number";
        type Config = serde_json::Value;

        fn init(_config: Self::Config, _host: &Host) -> Result<Self, Failure> {
            Err(Failure::new("made by the test only"))
        }

        fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
            let path = self.file.path().display().to_string();
            let number = (self.parse)(self.file.read()?);
            let number = number.map_err(|reason| Failure::new(format!("{path} {reason}")))?;
            out.gauge(&self.series, number);
            Ok(())
        }
    }

    fn probe(parse: fn(&[u8]) -> Result<f64, &'static str>) {
        assert_bad_input_is_survived(
            &[("number", b"  12 kB\n")],
            Values::AsTheyStand,
            move |host, folder| {
                let series = host.series("probe", "", "gauge", "");
                Ok(Probe { file: ProcFile::open(folder.join("number"))?, series, parse })
            },
        );
    }

    fn number(text: &[u8]) -> Result<f64, &'static str> {
        let line = gatherd_sdk::text::complete_lines(text).next().unwrap_or_default();
        let field = gatherd_sdk::text::fields(line).next().unwrap_or_default();
        gatherd_sdk::text::unsigned(field).map(|number| number as f64).ok_or("is no number")
    }

    #[test]
    fn a_careful_plugin_survives() {
        probe(number);
    }

    #[test]
    #[should_panic(expected = "number is cut at byte 3, and this is told: [\"probe/gauge [Gauge(1.0)]\"]")]
    fn half_a_number_is_found_out() {
        probe(|text| number(&[text, b"\n"].concat()));
    }

    #[test]
    #[should_panic(expected = "is beyond 64 bits, and this is told")]
    fn a_number_that_was_made_to_fit_is_found_out() {
        probe(|text| match number(text) {
            Err(_) if text.ends_with(b"9 kB\n") => Ok(9.0),
            other => other,
        });
    }

    #[test]
    #[should_panic(expected = "panicked")]
    fn a_panic_is_found_out() {
        probe(|text| Ok(number(text).expect("a number")));
    }
}
