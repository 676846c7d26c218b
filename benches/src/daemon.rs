//! The daemon under measurement: the real binary, its plugins, its management API.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use gatherd_client::Client;

use crate::idle::STANDARD_SET;
use crate::jitter::{Beside, INTERVAL, STEADY};
use crate::process::{Resident, resident};
use crate::report::Work;
use crate::{Options, access, compile};

/// Where the plugins of the benchmark count and write.
const FILES: &str = "files";
const COUNTER: &str = "files/counter";
const OUT: &str = "files/out.jsonl";

/// Where a plugin of the benchmark runs.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Home {
    /// In the daemon's process.
    Daemon,
    /// In a host process of its own.
    Host,
}

impl Home {
    pub(crate) const BOTH: [Self; 2] = [Self::Daemon, Self::Host];

    fn configuration(self) -> &'static str {
        match self {
            Self::Daemon => "trusted = true",
            Self::Host => "isolation = \"process\"",
        }
    }
}

/// A running daemon with the writer of the benchmark.
pub(crate) struct Daemon {
    child: Child,
    client: Client,
    place: PathBuf,
    socket: PathBuf,
}

impl Daemon {
    /// Starts it with the writer running and the dispatcher waiting to be enabled.
    pub(crate) async fn dispatching(options: &Options, place: &Path, work: Work) -> Result<Self> {
        Self::dispatching_from(options, place, work, Home::Daemon).await
    }

    /// The same with the dispatcher in one process or the other.
    pub(crate) async fn dispatching_from(
        options: &Options,
        place: &Path,
        work: Work,
        home: Home,
    ) -> Result<Self> {
        let place = place.join(format!("gatherd-{}", work.series));
        Self::start(options, &place, &dispatching(&place, work, home), &[]).await
    }

    /// The number of the process in which a plugin runs, and whether values of it were dropped.
    pub(crate) async fn isolated(&self, plugin: &str) -> Result<(u32, bool)> {
        let plugin = self.client.plugin(plugin).await?;
        let process = plugin.process.context("the plugin has no process of its own")?;
        Ok((process.pid, !plugin.drops.is_empty()))
    }

    /// Starts it with the standard set of plugins, read once a second, and the writer.
    pub(crate) async fn idle(options: &Options, place: &Path) -> Result<Self> {
        let place = place.join("gatherd-idle");
        let daemon = Self::start(options, &place, &idle(&place), &[options.stage.join("plugins")]).await?;
        daemon.runs(&STANDARD_SET).await?;
        Ok(daemon)
    }

    /// Starts it with the standard set of plugins, the writer, and a plugin to change.
    pub(crate) async fn changing(options: &Options, place: &Path) -> Result<Self> {
        let place = place.join("gatherd-changing");
        let more = "[plugins.benchsteady]\ntrusted = true\nconfig = { name = \"one\" }\n";
        let configuration = idle(&place) + more;
        let daemon = Self::start(options, &place, &configuration, &[options.stage.join("plugins")]).await?;
        daemon.runs(&STANDARD_SET).await?;
        daemon.runs(&["benchsteady"]).await?;
        Ok(daemon)
    }

    /// Starts it with the plugins that write down when they are read, and what happens beside them.
    pub(crate) async fn steady(options: &Options, place: &Path, beside: Beside) -> Result<Self> {
        let place = place.join(format!("gatherd-{}", beside.name()));
        let daemon = Self::start(options, &place, &steady(&place, beside), &[]).await?;
        daemon.runs(&STEADY.map(|(plugin, _)| plugin)).await?;
        Ok(daemon)
    }

    /// Starts it with a plugin whose values go up and down, and one to change; it may call `hook`.
    pub(crate) async fn faulty(options: &Options, place: &Path, hook: &str) -> Result<Self> {
        let place = place.join("gatherd-faulty");
        let daemon = Self::start(options, &place, &faulty(&place, hook), &[]).await?;
        daemon.runs(&["clock", "changed"]).await?;
        Ok(daemon)
    }

    /// Starts it where tokens of a Keystone on this port count.
    pub(crate) async fn guarded(options: &Options, place: &Path, port: u16) -> Result<Self> {
        let place = place.join("gatherd-guarded");
        let secret = place.with_extension("secret");
        std::fs::write(&secret, "secret")?;
        std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        let more = format!(
            "[keystone]\nauth_urls = [\"http://127.0.0.1:{port}\"]\nuser = \"bench\"\nproject = \"service\"\n\
             secret_file = {}\nprojects = [\"*\"]\ncache = 300\n",
            quoted(secret.parent().unwrap_or(Path::new("/")), "gatherd-guarded.secret")
        );
        Self::start(options, &place, &(bare(&place, 3600.0) + &more), &[]).await
    }

    /// The password of its first user.
    pub(crate) fn password(&self) -> Result<String> {
        access::password(&self.place.join("state/auth/admin.credential"))
    }

    /// Its unix socket.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Where a plugin of [`Daemon::steady`] writes down when it is read.
    pub(crate) fn stamps(&self, plugin: &str) -> PathBuf {
        self.place.join(FILES).join(plugin)
    }

    /// Its API.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    async fn runs(&self, plugins: &[&str]) -> Result<()> {
        for plugin in plugins {
            self.until("it runs", Duration::from_secs(20), plugin, "running").await?;
        }
        Ok(())
    }

    async fn start(
        options: &Options,
        place: &Path,
        configuration: &str,
        plugin_dirs: &[PathBuf],
    ) -> Result<Self> {
        let plugins = place.join("plugins");
        let _first_time = std::fs::remove_dir_all(place);
        std::fs::create_dir_all(&plugins)?;
        // What lies beside the daemon's own directories is closed to a plugin in a process of its own.
        std::fs::create_dir_all(place.join(FILES))?;
        let include = format!("-I{}", options.include.display());
        for name in ["dispatch", "down", "null", "steady"] {
            let source = options.sources.join(format!("plugins/{name}.c"));
            compile::library(&source, &plugins.join(format!("bench{name}.so")), &[&include])?;
        }
        set_modes(place, &plugins)?;
        std::fs::write(place.join("gatherd.toml"), configuration)?;
        let log = std::fs::File::create(place.join("log"))?;
        let mut command = Command::new(options.stage.join("bin/gatherd"));
        for directory in plugin_dirs {
            command.arg("--plugin-dir").arg(directory);
        }
        let child = command
            .args(["--config".as_ref(), place.join("gatherd.toml").as_os_str()])
            .args(["--plugin-dir".as_ref(), plugins.as_os_str()])
            .args(["--state-dir".as_ref(), place.join("state").as_os_str()])
            .args(["--runtime-dir".as_ref(), place.join("run").as_os_str()])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("start {}/bin/gatherd", options.stage.display()))?;
        let socket = place.join("run/gatherd.sock");
        let client = Client::unix(&socket)?;
        let daemon = Self { child, client, place: place.to_owned(), socket };
        daemon.until("the writer runs", Duration::from_secs(20), "benchnull", "running").await?;
        Ok(daemon)
    }

    /// Number of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// File in which the writer counts the value lists that it took.
    pub(crate) fn counter(&self) -> PathBuf {
        self.place.join(COUNTER)
    }

    async fn until(&self, what: &str, deadline: Duration, plugin: &str, state: &str) -> Result<()> {
        let began = Instant::now();
        loop {
            let seen = self.client.plugin(plugin).await;
            if seen.as_ref().is_ok_and(|plugin| plugin.state.as_str() == state) {
                return Ok(());
            }
            if began.elapsed() > deadline {
                let log = std::fs::read_to_string(self.place.join("log")).unwrap_or_default();
                bail!("waited {deadline:?} in vain until {what}; last seen: {seen:?}; log:\n{log}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Enables the dispatcher; answers the file with its figures, which grows by a line with each pass.
    pub(crate) async fn dispatch(&self) -> Result<PathBuf> {
        self.client.enable_plugin("benchdispatch").await?;
        Ok(self.place.join(OUT))
    }

    /// Sends a body, and answers status and body of the answer.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> Result<(u16, String)> {
        let asked = tokio::task::spawn_blocking({
            let mut command = Command::new("curl");
            command.args(["-s", "-X", method, "-H", "Content-Type: application/json", "-H", "If-Match: *"]);
            command.args(["-w", "\n%{http_code}", "--unix-socket"]).arg(&self.socket);
            if !body.is_empty() {
                command.args(["-d", body]);
            }
            command.arg(format!("http://localhost{path}"));
            move || command.output()
        });
        let output = asked.await?.context("run curl")?;
        let text = String::from_utf8(output.stdout).context("the answer is text")?;
        let (body, status) = text.rsplit_once('\n').context("curl tells the status")?;
        Ok((status.parse().context("the status is a number")?, body.to_owned()))
    }

    /// Enables the dispatcher and waits until it is done; answers the file with its figures.
    pub(crate) async fn dispatch_all(&self) -> Result<PathBuf> {
        self.client.enable_plugin("benchdispatch").await?;
        let out = self.place.join(OUT);
        let began = Instant::now();
        while !std::fs::read_to_string(&out).is_ok_and(|text| text.contains("\"done\"")) {
            ensure!(began.elapsed() < Duration::from_mins(5), "the dispatcher is not done after 5 minutes");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(out)
    }

    /// Resident memory of the process.
    pub(crate) fn resident(&self) -> Result<Resident> {
        resident(self.pid())
    }

    /// One whole scrape; answers its bytes.
    pub(crate) async fn scrape(&self) -> Result<usize> {
        self.fetch("/metrics", "text/plain").await
    }

    /// One whole list of the values; answers how many there were.
    pub(crate) async fn list(&self) -> Result<usize> {
        self.fetch("/v1/values", "application/x-ndjson").await?;
        let text = std::fs::read_to_string(self.place.join("fetched"))?;
        Ok(text.lines().count())
    }

    async fn fetch(&self, path: &str, accept: &str) -> Result<usize> {
        let fetched = self.place.join("fetched");
        let status = tokio::task::spawn_blocking({
            let mut command = Command::new("curl");
            command.args(["-sf", "-H", &format!("Accept: {accept}"), "--unix-socket"]).arg(&self.socket);
            command.arg("-o").arg(&fetched).arg(format!("http://localhost{path}"));
            move || command.status()
        });
        ensure!(status.await?.context("run curl")?.success(), "curl {path} failed");
        Ok(usize::try_from(std::fs::metadata(&fetched)?.len())?)
    }

    /// Asks it to stop and waits.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status()?;
        let began = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(began.elapsed() < Duration::from_secs(30), "the daemon does not stop");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Plugins load only from directories that nobody else may write to.
fn set_modes(place: &Path, plugins: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    for path in [place, plugins] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    }
    for entry in std::fs::read_dir(plugins)? {
        std::fs::set_permissions(entry?.path(), std::fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

/// A path below `place` in TOML.
fn quoted(place: &Path, name: &str) -> String {
    // A JSON string is a TOML string.
    serde_json::Value::from(place.join(name).to_string_lossy()).to_string()
}

fn dispatching(place: &Path, work: Work, home: Home) -> String {
    let Work { series, passes } = work;
    let isolated = usize::from(home == Home::Host);
    let home = home.configuration();
    let (counter, out) = (quoted(place, COUNTER), quoted(place, OUT));
    format!(
        r#"
hostname = "bench"
interval = 3600
log.filter = "warn"

[api]
listen = ""

[limits]
series_per_plugin = 2000000

[plugins.benchnull]
trusted = true
config = {{ counter = {counter} }}

[plugins.benchdispatch]
enabled = false
{home}
limits = {{ read_deadline = 300 }}
config = {{ series = {series}, passes = {passes}, counter = {counter}, out = {out}, isolated = {isolated} }}
"#
    )
}

/// As it runs by default, on a port that is free, with the writer.
fn idle(place: &Path) -> String {
    let counter = quoted(place, COUNTER);
    let mut text = format!(
        r#"
hostname = "bench"
interval = 1
api.listen = "127.0.0.1:0"

[plugins.benchnull]
trusted = true
config = {{ counter = {counter} }}
"#
    );
    for plugin in STANDARD_SET {
        let _infallible = writeln!(text, "[plugins.{plugin}]\nenabled = true");
    }
    text
}

/// A daemon with the benchmark's own plugins alone, read every `seconds`, with the writer.
fn bare(place: &Path, seconds: f64) -> String {
    let counter = quoted(place, COUNTER);
    format!(
        r#"
hostname = "bench"
interval = {seconds}
log.filter = "error"
api.listen = ""

[plugins.benchnull]
trusted = true
config = {{ counter = {counter} }}
"#
    )
}

/// An instance of the plugin that tells its configured number.
fn of_steady(id: &str, home: Home, config: &str) -> String {
    let (home, name) = (home.configuration(), format!("name = \"{id}\""));
    format!("[plugins.{id}]\ntype = \"benchsteady\"\n{home}\nconfig = {{ {name}{config} }}\n")
}

fn faulty(place: &Path, hook: &str) -> String {
    let policy = format!("[subscriptions_policy]\nallow = [\"{hook}\"]\n");
    bare(place, 0.05)
        + &policy
        + &of_steady("clock", Home::Daemon, ", clock = 1")
        + &of_steady("changed", Home::Daemon, "")
}

/// The plugins that write down when they are read, and what happens beside them.
fn steady(place: &Path, beside: Beside) -> String {
    let mut text = bare(place, INTERVAL.as_secs_f64());
    for (id, home) in STEADY {
        text += &of_steady(id, home, &format!(", out = {}", quoted(&place.join(FILES), id)));
    }
    match beside {
        Beside::Nothing => {}
        Beside::Changes(home) => text += &of_steady("changed", home, ""),
        Beside::Hangs(home) => text += &of_steady("hangs", home, ", hang = 1"),
        Beside::OutputDown => text += "[plugins.benchdown]\ntrusted = true\n",
    }
    text
}
