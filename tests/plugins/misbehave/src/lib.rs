//! A plugin that misbehaves on request, or does just what it is told: its configuration names how.
//!
//! What needs raw pointers to go wrong is in C, in `tests/plugins/c-variants`.

#![deny(unsafe_code)]

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use gatherd_sdk::{Batch, CdTime, Collector, Failure, Host, Series, Value, export_plugin};
use rustix::process::{Signal, getpid, kill_process};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

/// How the plugin misbehaves.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Not at all: each read dispatches the number of reads.
    #[default]
    Well,
    /// `init` answers a failure.
    InitFails,
    /// `init` panics.
    InitPanics,
    /// `init` ends the process, as `kill -9` would.
    InitKills,
    /// As `init_kills`, if `file` exists; otherwise as `well`.
    InitKillsIf,
    /// Reading the configuration ends the process, as `kill -9` would.
    ConfigKills,
    /// Each read answers a failure.
    ReadFails,
    /// Each read panics.
    ReadPanics,
    /// A read does not return as long as `file` exists; without `file` it never returns.
    ReadBlocks,
    /// A read ends the process as a wild pointer would; with `file`, as long as it exists.
    Segfaults,
    /// A read aborts the process; with `file`, as long as it exists.
    Aborts,
    /// A read ends the process with status 3, as if all were well; with `file`, as long as it exists.
    Exits,
    /// A read counts for ever; with `file`, as long as it exists.
    Spins,
    /// A read takes memory until it gets none; with `file`, as long as it exists.
    Leaks,
    /// A read starts `series` processes that do not end.
    Forks,
    /// A read tells with 1 that it can read `file`, and with 0 that it can not.
    Peeks,
    /// A read tells with 1 that it can connect to the unix socket `file`, and with 0 that it can not.
    Connects,
    /// One value for a type of two.
    WrongCount,
    /// A type that nobody knows.
    UnknownType,
    /// A value for now, then one of the same series for 1970.
    Past,
    /// A value for the year 2100.
    Future,
    /// A plugin instance of 127 bytes, which is the longest that is allowed.
    #[serde(rename = "name_127")]
    Name127,
    /// A plugin instance of 128 bytes.
    #[serde(rename = "name_128")]
    Name128,
    /// A plugin instance with an embedded zero.
    NameNul,
    /// A plugin instance with slashes.
    NameSlash,
    /// `series` series at each read.
    Burst,
    /// One value at each of the first `times` reads, and then no more.
    Expire,
    /// `series` lines for the log at each read, each of which would be two if nobody took care.
    Talks,
    /// The number that stands in `file`, and no value while none does.
    File,
}

/// Configuration of the plugin.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How it misbehaves.
    #[serde(deserialize_with = "mode")]
    pub mode: Mode,
    /// Number of series of a burst.
    pub series: u32,
    /// Number of reads with a value, where the series expires.
    pub times: u64,
    /// The file whose end ends a read that blocks, or that holds the number to tell.
    pub file: Option<PathBuf>,
    /// Something that nobody is shown.
    #[schemars(extend("writeOnly" = true))]
    pub password: Option<String>,
}

/// Reads a mode; one of them is not survived.
fn mode<'de, D: Deserializer<'de>>(from: D) -> Result<Mode, D::Error> {
    let mode = Mode::deserialize(from)?;
    if mode == Mode::ConfigKills {
        kill();
    }
    Ok(mode)
}

/// Ends the process of the daemon without a word.
fn kill() -> ! {
    end_by(Signal::KILL)
}

fn end_by(signal: Signal) -> ! {
    // A handler may take the first, and another thread may be the one that does.
    loop {
        let _until_it_ends = kill_process(getpid(), signal);
        thread::sleep(Duration::from_millis(10));
    }
}

/// Takes memory and writes to it, until there is none.
fn leak() -> ! {
    loop {
        std::mem::forget(std::hint::black_box(vec![1_u8; 16 << 20]));
    }
}

/// An instance.
#[derive(Debug)]
pub struct Misbehave {
    config: Config,
    reads: u64,
    series: Vec<Series>,
    host: Host,
}

impl Collector for Misbehave {
    const NAME: &'static str = "misbehave";
    const DESCRIPTION: &'static str = "Misbehaves on request";
    type Config = Config;

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        match config.mode {
            Mode::InitFails => return Err(Failure::new("init fails, as it was asked to")),
            Mode::InitPanics => panic!("init panics, as it was asked to"),
            Mode::InitKills => kill(),
            Mode::InitKillsIf if config.file.as_ref().is_some_and(|file| file.exists()) => kill(),
            _ => {}
        }
        let series = make_series(&config, host);
        Ok(Self { config, reads: 0, series, host: host.clone() })
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        self.reads += 1;
        let reads = self.reads as f64;
        match self.config.mode {
            Mode::ReadFails => return Err(Failure::new("read fails, as it was asked to")),
            Mode::ReadPanics => panic!("read panics, as it was asked to"),
            Mode::ReadBlocks => self.block(),
            Mode::Segfaults if self.is_time() => end_by(Signal::SEGV),
            Mode::Aborts if self.is_time() => std::process::abort(),
            Mode::Exits if self.is_time() => std::process::exit(3),
            Mode::Spins if self.is_time() => loop {
                std::hint::black_box(());
            },
            Mode::Leaks if self.is_time() => leak(),
            Mode::Forks => {
                for _ in 0..self.config.series {
                    let started = Command::new("/bin/sleep").arg("100000").spawn();
                    started.map_err(|error| Failure::new(format!("cannot start a process: {error}")))?;
                }
                out.gauge(&self.series[0], reads);
            }
            Mode::Peeks => {
                out.gauge(&self.series[0], f64::from(u8::from(self.can(|file| std::fs::read(file).is_ok()))));
            }
            Mode::Connects => {
                out.gauge(
                    &self.series[0],
                    f64::from(u8::from(self.can(|file| UnixStream::connect(file).is_ok()))),
                );
            }
            Mode::WrongCount => out.values(&self.series[0], &[Value::Derive(1)]),
            Mode::Past => {
                out.gauge(&self.series[0], reads);
                out.set_time(CdTime::from_secs(1));
                out.gauge(&self.series[0], -reads);
            }
            Mode::Future => {
                out.set_time(CdTime::from_secs(4_102_444_800));
                out.gauge(&self.series[0], reads);
            }
            Mode::Talks => {
                for line in 0..self.config.series {
                    self.host.info(&format!("line {line} of read {}\nforged", self.reads));
                }
            }
            Mode::Expire if self.reads > self.config.times => {}
            Mode::File => {
                if let Some(number) = self.number() {
                    out.gauge(&self.series[0], number);
                }
            }
            _ => self.series.iter().for_each(|series| out.gauge(series, reads)),
        }
        Ok(())
    }
}

impl Misbehave {
    /// The number in the file, where there is one.
    fn number(&self) -> Option<f64> {
        let text = std::fs::read_to_string(self.config.file.as_ref()?).ok()?;
        text.trim().parse().ok()
    }

    /// Whether it is time to misbehave: always, or as long as the file exists.
    fn is_time(&self) -> bool {
        self.config.file.as_ref().is_none_or(|file| file.exists())
    }

    fn can(&self, what: impl FnOnce(&Path) -> bool) -> bool {
        self.config.file.as_deref().is_some_and(what)
    }

    /// Returns when the file is gone.
    fn block(&self) {
        while self.config.file.as_ref().is_none_or(|file| file.exists()) {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

fn make_series(config: &Config, host: &Host) -> Vec<Series> {
    let named = |instance: &str| vec![host.series("misbehave", instance, "gauge", "reads")];
    match config.mode {
        Mode::WrongCount => vec![host.series("misbehave", "", "if_octets", "")],
        Mode::UnknownType => vec![host.series("misbehave", "", "nobody_knows_this_type", "")],
        Mode::Name127 => named(&"n".repeat(127)),
        Mode::Name128 => named(&"n".repeat(128)),
        Mode::NameNul => named("a\0b"),
        Mode::NameSlash => named("/a/b"),
        Mode::Segfaults | Mode::Aborts | Mode::Exits | Mode::Spins | Mode::Leaks | Mode::Forks => {
            named("bad")
        }
        Mode::Peeks => named("peeks"),
        Mode::Connects => named("connects"),
        Mode::Burst => {
            (0..config.series).map(|at| host.series("misbehave", "burst", "gauge", &at.to_string())).collect()
        }
        _ => named(""),
    }
}

export_plugin!(Misbehave);
