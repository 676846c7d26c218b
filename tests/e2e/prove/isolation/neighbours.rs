//! Plugins that must not feel anything: they write down when they are read.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use gatherd_e2e::{Checked, within};
use tempfile::TempDir;

/// Half of them run in the daemon's process, the others in their own.
const NEIGHBOURS: [(&str, &str); 8] = [
    ("t0", "trusted = true"),
    ("t1", "trusted = true"),
    ("t2", "trusted = true"),
    ("t3", "trusted = true"),
    ("h0", "isolation = \"process\""),
    ("h1", "isolation = \"process\""),
    ("h2", "isolation = \"process\""),
    ("h3", "isolation = \"process\""),
];

/// Those that have a host.
pub(super) const HOSTS: usize = 4;

/// Time between two reads.
const INTERVAL: Duration = Duration::from_secs(1);

/// How much later than undisturbed reads may be at the 99th percentile, in milliseconds. Source: promise G3.
const LATE: f64 = 20.0;

/// The same where the machine does other things beside.
const LATE_ON_A_BUSY_MACHINE: f64 = 200.0;

/// Where they write.
pub(super) struct Neighbours(TempDir);

impl Neighbours {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, side: &str, id: &str) -> PathBuf {
        self.0.path().join(format!("{side}-{id}"))
    }

    /// Of the daemon of this name.
    pub(super) fn configuration(&self, side: &str) -> String {
        NEIGHBOURS.iter().fold(String::new(), |mut text, (id, home)| {
            let file = self.file(side, id);
            let _infallible = writeln!(
                text,
                "[plugins.{id}]\ntype = \"fiend\"\n{home}\ninterval = {}\nconfig = {{ mode = \"stamps\", name = \"{id}\", file = \"{}\" }}",
                INTERVAL.as_secs_f64(),
                file.display()
            );
            text
        })
    }

    /// Waits until all were read.
    pub(super) async fn run(&self, client: &Checked, side: &str) {
        for (id, _) in NEIGHBOURS {
            within(&format!("{id} was read"), async || {
                if self.file(side, id).exists() { Ok(()) } else { Err(client.plugin(id).await) }
            })
            .await;
        }
    }

    /// Holds how late those of the disturbed daemon were against the others, and that none missed a read.
    pub(super) fn compare(&self, is_long: bool) {
        let of = |side| self.lateness(side);
        let (disturbed, control) = (of("disturbed"), of("control"));
        let more = disturbed.p99 - control.p99;
        println!(
            "{} neighbours each second, late by p99 {:.1} ms ({} reads), undisturbed {:.1} ms ({} reads): {more:+.1} ms",
            NEIGHBOURS.len(),
            disturbed.p99,
            disturbed.reads,
            control.p99,
            control.reads
        );
        let bar = if is_long { LATE } else { LATE_ON_A_BUSY_MACHINE };
        assert!(
            more <= bar,
            "neighbours are {more:.1} ms later than undisturbed ones, at most {bar} ms are allowed"
        );
        self.missed_nothing("disturbed");
        self.missed_nothing("control");
    }

    /// Every point of the beat has its read.
    pub(super) fn missed_nothing(&self, side: &str) {
        let mut reads = 0;
        for (id, _) in NEIGHBOURS {
            let stamps = self.stamps(side, id);
            let (first, last) = (stamps.first().unwrap(), stamps.last().unwrap());
            let points = ((last - first) / INTERVAL.as_secs_f64()).round() + 1.0;
            assert!(
                stamps.len() as f64 >= points,
                "{side} {id} was read {} times in {points} s",
                stamps.len()
            );
            reads += stamps.len();
        }
        println!("{side}: 0 of {reads} reads were missed");
    }

    fn lateness(&self, side: &str) -> Lateness {
        let mut shifts: Vec<f64> =
            NEIGHBOURS.iter().flat_map(|(id, _)| late(&self.stamps(side, id))).collect();
        shifts.sort_by(f64::total_cmp);
        let at = (shifts.len() * 99).div_ceil(100).max(1) - 1;
        Lateness { reads: shifts.len(), p99: shifts[at] }
    }

    /// When it was read, in seconds; the first read is at no point of the beat.
    fn stamps(&self, side: &str, id: &str) -> Vec<f64> {
        let bytes = fs::read(self.file(side, id)).unwrap();
        let (numbers, _half) = bytes.as_chunks();
        let stamps = numbers.iter().map(|number| u64::from_ne_bytes(*number) as f64 / 1e9);
        stamps.skip(1).collect()
    }
}

struct Lateness {
    reads: usize,
    /// In milliseconds.
    p99: f64,
}

/// How far reads lie from the beat that most of them keep, in milliseconds.
fn late(stamps: &[f64]) -> Vec<f64> {
    let interval = INTERVAL.as_secs_f64();
    let first = stamps.first().copied().unwrap_or_default();
    let off: Vec<f64> =
        stamps.iter().map(|stamp| stamp - first - ((stamp - first) / interval).round() * interval).collect();
    let mut sorted = off.clone();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    off.iter().map(|off| (off - middle).abs() * 1e3).collect()
}
