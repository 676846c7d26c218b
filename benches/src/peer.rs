//! The peer: stock collectd of the distribution, with a plugin that does the same work.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::idle::{STANDARD_SET, count};
use crate::report::Work;
use crate::run::{Steady, steady};
use crate::{Options, compile};

/// Where the distribution keeps its plugins.
const PLUGINS: &str = "/usr/lib/collectd";

/// collectd, ready to run.
pub(crate) struct Peer {
    place: PathBuf,
    version: String,
}

impl Peer {
    /// Compiles the plugin; needs the packages collectd-core and collectd-dev.
    pub(crate) fn prepare(options: &Options, place: &Path) -> Result<Self> {
        let help = Command::new("collectd").arg("-h").output().context(
            "run collectd: install the packages collectd-core and collectd-dev, or use --without-peer",
        )?;
        let text = String::from_utf8_lossy(&help.stdout).into_owned();
        let version = text.lines().find(|line| line.starts_with("collectd ")).unwrap_or("collectd");
        let version = version.split(',').next().unwrap_or_default().to_owned();
        let place = place.join("collectd");
        std::fs::create_dir_all(place.join("plugins"))?;
        let source = options.sources.join("peer/dispatch.c");
        let flags = ["-DHAVE_CONFIG_H=1", "-I/usr/include/collectd", "-I/usr/include/collectd/core"];
        compile::library(&source, &place.join("plugins/gatherd_bench.so"), &flags)?;
        Ok(Self { place, version })
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// One run with this many write threads.
    pub(crate) async fn run(&self, work: Work, threads: u32) -> Result<Steady> {
        let out = self.place.join("out.jsonl");
        let _first_time = std::fs::remove_file(&out);
        let mut command = self.command(&self.place, threads, "")?;
        command.env("GB_SERIES", work.series.to_string()).env("GB_PASSES", work.passes.to_string());
        let mut running = RunningPeer::start(command.env("GB_OUT", &out), self.place.join("counter"))?;
        let began = Instant::now();
        while !std::fs::read_to_string(&out).is_ok_and(|text| text.contains("\"done\"")) {
            ensure!(began.elapsed() < Duration::from_mins(5), "the peer is not done after 5 minutes");
            ensure!(running.child.try_wait()?.is_none(), "the peer ended before its work");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        drop(running);
        steady(&out)
    }

    /// Starts it with this many write threads, the standard set of plugins, read once a second, and the writer.
    pub(crate) fn idle(&self, threads: u32) -> Result<RunningPeer> {
        let place = self.place.join(format!("idle-{threads}"));
        let more = format!("Interval 1\nPluginDir \"{PLUGINS}\"\n");
        let more = STANDARD_SET.iter().fold(more, |text, plugin| text + "LoadPlugin " + plugin + "\n");
        let mut command = self.command(&place, threads, &more)?;
        let counter = place.join("counter");
        let _first_time = std::fs::remove_file(&counter);
        RunningPeer::start(command.env("GB_COUNTER", &counter), counter)
    }

    /// Starts it with this work, one write thread, and a unix socket that answers questions.
    pub(crate) async fn listing(&self, work: Work) -> Result<Listing> {
        let place = self.place.join("lists");
        let (out, socket) = (place.join("out.jsonl"), place.join("socket"));
        let _first_time = std::fs::remove_dir_all(&place);
        let more = format!(
            "Interval 3600\nPluginDir \"{PLUGINS}\"\nLoadPlugin unixsock\n<Plugin unixsock>\n\
             SocketFile \"{}\"\nDeleteSocket true\n</Plugin>\n",
            socket.display()
        );
        let mut command = self.command(&place, 1, &more)?;
        command.env("GB_SERIES", work.series.to_string()).env("GB_PASSES", work.passes.to_string());
        let running = RunningPeer::start(command.env("GB_OUT", &out), place.join("counter"))?;
        let listing = Listing { _running: running, out, socket };
        listing.until("its socket is there", || listing.socket.exists()).await?;
        Ok(listing)
    }

    /// A call of it below `place`, with its writer and what `more` configures.
    fn command(&self, place: &Path, threads: u32, more: &str) -> Result<Command> {
        std::fs::create_dir_all(place)?;
        let (below, plugins) = (place.display(), self.place.join("plugins"));
        let configuration = format!(
            "BaseDir \"{below}\"\nPIDFile \"{below}/pid\"\nPluginDir \"{}\"\nHostname \"bench\"\n\
             FQDNLookup false\nWriteThreads {threads}\nLoadPlugin gatherd_bench\n{more}",
            plugins.display()
        );
        std::fs::write(place.join("conf"), configuration)?;
        let mut command = Command::new("collectd");
        command.arg("-f").arg("-C").arg(place.join("conf"));
        Ok(command)
    }
}

/// A running collectd that can be asked for its values.
pub(crate) struct Listing {
    _running: RunningPeer,
    out: PathBuf,
    socket: PathBuf,
}

impl Listing {
    /// Its unix socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.socket.clone()
    }

    /// Waits until all passes are over.
    pub(crate) async fn done(&self) -> Result<()> {
        self.until("its work is done", || self.said("\"done\"") > 0).await
    }

    /// Waits until so many passes are over.
    pub(crate) async fn passed(&self, passes: usize) -> Result<()> {
        self.until("its first passes are over", || self.said("\"pass\"") >= passes).await
    }

    fn said(&self, word: &str) -> usize {
        std::fs::read_to_string(&self.out).map_or(0, |text| text.matches(word).count())
    }

    async fn until(&self, what: &str, holds: impl Fn() -> bool) -> Result<()> {
        let began = Instant::now();
        while !holds() {
            ensure!(began.elapsed() < Duration::from_mins(5), "waited 5 minutes in vain until {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

/// A running collectd; killed when dropped.
pub(crate) struct RunningPeer {
    child: Child,
    counter: PathBuf,
}

impl RunningPeer {
    fn start(command: &mut Command, counter: PathBuf) -> Result<Self> {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("start collectd")?;
        Ok(Self { child, counter })
    }

    /// Number of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// File in which the writer counts the value lists that it took.
    pub(crate) fn counter(&self) -> PathBuf {
        self.counter.clone()
    }

    /// Waits until the writer has taken a value list.
    pub(crate) async fn first_value(&mut self, deadline: Duration) -> Result<()> {
        let began = Instant::now();
        while !count(&self.counter).is_ok_and(|count| count > 0) {
            ensure!(began.elapsed() < deadline, "the peer told no value in {deadline:?}");
            ensure!(self.child.try_wait()?.is_none(), "the peer ended before its first value");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Asks it to end, and waits.
    pub(crate) async fn end(&mut self) -> Result<()> {
        Command::new("kill").args(["-TERM", &self.pid().to_string()]).status()?;
        let began = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(began.elapsed() < Duration::from_secs(30), "the peer does not end");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

impl Drop for RunningPeer {
    fn drop(&mut self) {
        // It has nothing to save: killed, because its orderly end walks a million series.
        let _gone_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}
