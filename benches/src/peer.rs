//! The peer: stock collectd of the distribution, with a plugin that does the same work.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::Options;
use crate::report::Work;
use crate::run::{Steady, compile, steady};

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
        let flags = ["-DHAVE_CONFIG_H=1", "-I/usr/include/collectd", "-I/usr/include/collectd/core"];
        compile(
            &options.sources.join("peer/dispatch.c"),
            &place.join("plugins/gatherd_bench.so"),
            &flags.map(String::from),
        )?;
        Ok(Self { place, version })
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// One run with this many write threads.
    pub(crate) async fn run(&self, work: Work, threads: u32) -> Result<Steady> {
        let place = self.place.display();
        let configuration = format!(
            "BaseDir \"{place}\"\nPIDFile \"{place}/pid\"\nPluginDir \"{place}/plugins\"\nHostname \"bench\"\n\
             FQDNLookup false\nWriteThreads {threads}\nLoadPlugin gatherd_bench\n"
        );
        std::fs::write(self.place.join("conf"), configuration)?;
        let out = self.place.join("out.jsonl");
        let _first_time = std::fs::remove_file(&out);
        let mut child = Command::new("collectd")
            .arg("-f")
            .arg("-C")
            .arg(self.place.join("conf"))
            .env("GB_SERIES", work.series.to_string())
            .env("GB_PASSES", work.passes.to_string())
            .env("GB_OUT", &out)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let began = Instant::now();
        while !std::fs::read_to_string(&out).is_ok_and(|text| text.contains("\"done\"")) {
            ensure!(began.elapsed() < Duration::from_mins(5), "the peer is not done after 5 minutes");
            ensure!(child.try_wait()?.is_none(), "the peer ended before its work");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // It has nothing to save: killed, because its orderly end walks a million series.
        let _gone_already = child.kill();
        child.wait()?;
        steady(&out)
    }
}
