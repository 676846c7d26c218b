//! The clock: it jumps, it is measured, and it is corrected. No test moves the clock of the machine: the daemon is
//! given a false one, and the helper only rehearses.

use std::fs;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use gatherd_e2e::{Ask, Checked, Daemon, Place, Setup, Stage, skip, within};
use serde_json::{Value, json};

/// One plugin with one value, read twice a second.
const LOAD: &str = "[plugins.load]\ninterval = 0.5\n";
const HOUR: f64 = 3600.0;
const YEAR: f64 = 31_536_000.0;

/// A clock that a program is given in place of the machine's: that and an offset, which a test may change.
struct FalseClock {
    library: PathBuf,
    file: PathBuf,
}

impl FalseClock {
    /// A right one, below `folder`; `None` without libfaketime, and the running test is then noted as skipped.
    fn find(folder: &Path) -> Option<Self> {
        let machine = std::env::consts::ARCH;
        let library = format!("/usr/lib/{machine}-linux-gnu/faketime/libfaketime.so.1");
        if !Path::new(&library).exists() {
            skip("there is no libfaketime");
            return None;
        }
        let clock = Self { library: library.into(), file: folder.join("false-clock") };
        clock.set(0.0);
        Some(clock)
    }

    /// Sets it `offset` seconds beside the machine's.
    fn set(&self, offset: f64) {
        let beside = self.file.with_extension("new");
        fs::write(&beside, format!("{offset:+.9}\n")).unwrap();
        fs::rename(beside, &self.file).unwrap();
    }

    /// The environment of a program that is given it.
    fn environment(&self) -> [(&'static str, &str); 4] {
        [
            ("LD_PRELOAD", self.library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]
    }

    fn given_to(&self, setup: Setup) -> Setup {
        self.environment().iter().fold(setup, |setup, (name, value)| setup.variable(name, value))
    }
}

/// A chronyd that never touches the clock, with the configuration of a test; killed when dropped.
struct Chronyd {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Chronyd {
    fn start(lines: &str, clock: Option<&FalseClock>) -> Option<Self> {
        let program = ["/usr/sbin", "/usr/bin"].map(|folder| Path::new(folder).join("chronyd"));
        let named = std::env::var_os("GATHERD_CHRONYD").map(PathBuf::from);
        let Some(program) = named.into_iter().chain(program).find(|path| path.exists()) else {
            skip("there is no chronyd");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().display();
        let config = folder.path().join("chrony.conf");
        let common = format!("pidfile {here}/pid\ndriftfile {here}/drift\nbindcmdaddress 127.0.0.1\n");
        fs::write(&config, common + lines).unwrap();
        let mut command = Command::new(program);
        command
            .args(["-x", "-d", "-u", "root", "-f"])
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.envs(clock.into_iter().flat_map(FalseClock::environment));
        Some(Self { child: command.spawn().unwrap(), _folder: folder })
    }

    /// One that serves the machine's time, or that of `clock`, on a port.
    fn serving(port: u16, clock: Option<&FalseClock>) -> Option<Self> {
        let lines =
            format!("port {port}\ncmdport 0\nbindaddress 127.0.0.1\nlocal stratum 5\nallow 127.0.0.1\n");
        Self::start(&lines, clock)
    }
}

impl Drop for Chronyd {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _ended_already = self.child.wait();
    }
}

/// A port that nobody has now.
fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts the clock helper for each connection, as the service manager would; it rehearses on `clock`.
fn activate_helper(stage: &Stage, folder: &Path, clock: &FalseClock) -> PathBuf {
    let socket = folder.join("clock.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let (program, ledger, file) = (stage.clock(), folder.join("clock-ledger"), clock.file.clone());
    fs::create_dir(&ledger).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = OwnedFd::from(stream.unwrap());
            let mut command = Command::new(&program);
            command.arg("--state").arg(&ledger).arg("--rehearse").arg(&file).args(["--max-step", "20"]);
            command.args(["--budget", "15"]).stdin(stream.try_clone().unwrap()).stdout(stream);
            let _ended = command.spawn().unwrap().wait();
        }
    });
    socket
}

async fn time(client: &Checked) -> Value {
    client.get("/v1/time").await.ok()
}

async fn sync(client: &Checked, body: Value) -> gatherd_e2e::Answer {
    client.send(Ask::post("/v1/time/sync").json(&body)).await
}

fn seconds(time: &Value) -> f64 {
    time.as_f64().unwrap_or(f64::NAN)
}

/// Waits until the plugin was read this many times more; answers it.
async fn read_more(client: &Checked, more: u64) -> Value {
    let before = client.plugin("load").await["reads"].as_u64().unwrap();
    within("the plugin is read on", async || {
        let plugin = client.plugin("load").await;
        if plugin["reads"].as_u64() >= Some(before + more) { Ok(plugin) } else { Err(plugin) }
    })
    .await
}

/// All reads came in time, and each value is in the cache once.
fn undisturbed(plugin: &Value) {
    assert_eq!((&plugin["overruns"], &plugin["failures"]), (&json!(0), &json!(0)), "{plugin}");
    assert_eq!(plugin["drops"], json!({}), "{plugin}");
    let (reads, values) = (plugin["reads"].as_u64().unwrap(), plugin["values"].as_u64().unwrap());
    assert!(values.abs_diff(reads) <= 1, "{plugin}");
}

#[tokio::test]
async fn jumps_of_the_clock_cost_no_read_and_no_value() {
    let Some(stage) = Stage::find() else { return };
    let place = Place::new(None);
    let Some(clock) = FalseClock::find(place.path()) else { return };
    let daemon = Daemon::start_in(place, clock.given_to(Setup::new(&stage).config(LOAD))).await;
    let client = daemon.unix();
    read_more(&client, 2).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let (day_one, y2038) = (86_400.0 - now, 2_147_483_648.0 - now);
    let mut before = 0.0;
    let jumps = [HOUR, 0.0, -HOUR, 0.0, YEAR, 0.0, -YEAR, 0.0, day_one, 0.0, y2038, day_one, y2038, 0.0];
    for (number, offset) in (1_u64..).zip(jumps) {
        clock.set(offset);
        let marked = within("the value is marked", async || {
            let value = client.get("/v1/values/testhost/load/load").await.ok();
            if value["clock_stepped"] == true { Ok(value) } else { Err(value) }
        })
        .await;
        assert!(marked["age"].as_f64() < Some(60.0), "{marked}");
        undisturbed(&read_more(&client, 2).await);
        let value = client.get("/v1/values/testhost/load/load").await.ok();
        assert!(value["age"].as_f64() < Some(60.0), "the values after the jump are there: {value}");
        let told = time(&client).await;
        assert_eq!(told["steps"], number, "{told}");
        let by = seconds(&told["recent_steps"].as_array().unwrap().last().unwrap()["by"]);
        assert!((by - (offset - before)).abs() < 0.5, "{by} is not {}", offset - before);
        before = offset;
    }
    let late = seconds(&time(&client).await["lateness"]["max"]);
    assert!(late <= 0.5, "a read was {late} s late");
    let rebased = client.get("/v1/cache").await.ok()["rebased"].as_u64();
    assert!(rebased >= Some(6), "{rebased:?}");
    let told = client.all("/v1/notifications?severity=warning").await;
    let told = told.iter().filter(|it| it["meta"]["state"] == "clock_stepped").count();
    assert_eq!(told, jumps.len());
}

#[tokio::test]
async fn many_small_steps_back_cost_no_value() {
    let Some(stage) = Stage::find() else { return };
    let place = Place::new(None);
    let Some(clock) = FalseClock::find(place.path()) else { return };
    let setup = clock.given_to(Setup::new(&stage).config("[plugins.load]\ninterval = 0.1\n"));
    let daemon = Daemon::start_in(place, setup).await;
    let client = daemon.unix();
    read_more(&client, 2).await;
    for number in 1..=25_u32 {
        clock.set(-0.3 * f64::from(number));
        within("the step is noticed", async || {
            let told = time(&client).await;
            if told["steps"] == number { Ok(()) } else { Err(told["steps"].to_string()) }
        })
        .await;
    }
    let plugin = read_more(&client, 2).await;
    assert_eq!(plugin["drops"], json!({}), "{plugin}");
}

#[tokio::test]
async fn without_anybody_to_ask_the_clock_is_shown_and_not_corrected() {
    let Some(stage) = Stage::find() else { return };
    let daemon =
        Daemon::start(Setup::new(&stage).config("[time]\nchrony = \"\"\nhelper = \"/nonexistent\"\n")).await;
    let client = daemon.unix();
    let shown = time(&client).await;
    assert_eq!(
        (&shown["chrony"], &shown["measurement"], &shown["helper"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert!(seconds(&shown["boot"]) > seconds(&shown["monotonic"]), "{shown}");
    assert!(shown["kernel"]["status"].is_array(), "{shown}");
    for method in ["measure", "agent", "slew", "step"] {
        assert_eq!(sync(&client, json!({"method": method})).await.refusal(), (409, "clock_uncertain".into()));
    }
    let stranger = sync(&client, json!({"method": "measure", "server": "192.0.2.1"})).await;
    assert_eq!(stranger.errors()[0].0, "/server");
    for body in [
        json!({"method": "measure", "max_step": -1}),
        json!({"method": "jump"}),
        json!({}),
        json!([]),
        json!({"method": "step", "budget": 9}),
    ] {
        assert_eq!(sync(&client, body).await.refusal(), (422, "invalid".into()));
    }
}

#[tokio::test]
async fn the_clocks_bounds_are_a_resource_of_the_document() {
    let Some(stage) = Stage::find() else { return };
    let mut daemon = Daemon::start(Setup::new(&stage)).await;
    let client = daemon.unix();
    let first = client.get("/v1/time/config").await;
    assert_eq!(first.ok()["max_step"], 10.0);
    let tag = first.header("etag").unwrap().to_owned();
    let put = |tag: &str, body: &Value| Ask::put("/v1/time/config").if_match(tag).json(body);
    let changed = client.send(put(&tag, &json!({"servers": ["127.0.0.1:1"], "timeout": 0.5}))).await;
    assert_eq!(changed.ok()["servers"], json!(["127.0.0.1:1"]));
    assert_eq!(sync(&client, json!({"method": "measure"})).await.refusal(), (503, "unavailable".into()));
    assert_eq!(client.send(put(&tag, &json!({}))).await.refusal(), (412, "precondition_failed".into()));
    let wrong = Ask::patch("/v1/time/config", &json!({"interval": 1, "servers": ["a b"]})).if_match("*");
    let pointers: Vec<String> = client.send(wrong).await.errors().into_iter().map(|error| error.0).collect();
    assert_eq!(pointers, ["/servers/0", "/interval"]);
    let dry =
        client.send(Ask::patch("/v1/time/config?dry_run=true", &json!({"max_step": 1})).if_match("*")).await;
    assert_eq!(dry.status, 200, "{}", dry.text());
    daemon.restart().await;
    let kept = daemon.unix().get("/v1/time/config").await.ok();
    assert_eq!((&kept["servers"], &kept["max_step"]), (&json!(["127.0.0.1:1"]), &json!(10.0)));
}

#[tokio::test]
async fn a_real_chrony_is_heard_and_its_server_measured() {
    let Some(stage) = Stage::find() else { return };
    let place = Place::new(None);
    let Some(clock) = FalseClock::find(place.path()) else { return };
    clock.set(3.0);
    let (server, command) = (free_port(), free_port());
    let Some(_ahead) = Chronyd::serving(server, Some(&clock)) else { return };
    let follows =
        format!("server 127.0.0.1 port {server} iburst minpoll -2 maxpoll 0\nport 0\ncmdport {command}\n");
    let Some(_follower) = Chronyd::start(&follows, None) else { return };
    let config =
        format!("{LOAD}[time]\nchrony = \"127.0.0.1:{command}\"\nservers = [\"127.0.0.1:{server}\"]\n");
    let mut daemon = Daemon::start_in(place, Setup::new(&stage).config(config)).await;
    let client = daemon.unix();
    let kept = within("chrony has a reference", async || {
        let shown = time(&client).await;
        if shown["chrony"]["synchronised"] == true { Ok(shown) } else { Err(shown) }
    })
    .await;
    assert_eq!((&kept["source"], &kept["stratum"]), (&json!("chrony"), &json!(6)), "{kept}");
    assert!((seconds(&kept["offset"]) - 3.0).abs() < 0.1, "{kept}");
    assert_eq!(kept["chrony"]["sources"][0]["state"], "selected");

    let measured = sync(&client, json!({"method": "measure"})).await.ok();
    assert!((seconds(&measured["measurement"]["offset"]) - 3.0).abs() < 0.1, "{measured}");
    assert_eq!((&measured["moved"], &measured["measurement"]["stratum"]), (&json!(0.0), &json!(5)));
    let step = sync(&client, json!({"method": "step"})).await;
    assert_eq!(step.refusal(), (409, "clock_kept".into()));

    let agent = sync(&client, json!({"method": "agent"})).await.ok();
    assert!((seconds(&agent["moved"]) - 3.0).abs() < 0.1, "{agent}");
    undisturbed(&read_more(&client, 2).await);
    daemon.restart().await;
    let client = daemon.unix();
    let correction = time(&client).await["correction"].clone();
    assert!((seconds(&correction["offset"]) - 3.0).abs() < 0.1, "{correction}");
    let slew = sync(&client, json!({"method": "slew", "force": true})).await;
    assert_eq!(slew.refusal(), (409, "conflict".into()), "a correction is in force");
    sync(&client, json!({"method": "release"})).await.ok();
    assert_eq!(time(&client).await["correction"], Value::Null);
}

#[tokio::test]
async fn the_helper_steps_within_its_budget_also_after_a_restart() {
    let Some(stage) = Stage::find() else { return };
    let place = Place::new(None);
    let Some(clock) = FalseClock::find(place.path()) else { return };
    let server = free_port();
    let Some(_right) = Chronyd::serving(server, None) else { return };
    let socket = activate_helper(&stage, place.path(), &clock);
    let config = format!(
        "{LOAD}[time]\nchrony = \"\"\nservers = [\"127.0.0.1:{server}\"]\nhelper = {:?}\n",
        socket.to_str().unwrap()
    );
    clock.set(-8.0);
    let mut daemon = Daemon::start_in(place, clock.given_to(Setup::new(&stage).config(config))).await;
    let client = daemon.unix();
    let force = |method: &str| json!({"method": method, "force": true});
    within("the server answers", async || {
        let answer = sync(&client, json!({"method": "measure"})).await;
        if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
    })
    .await;
    let less = sync(&client, json!({"method": "step", "force": true, "max_step": 5})).await;
    assert_eq!(less.refusal(), (409, "clock_too_far".into()));
    let stepped = sync(&client, force("step")).await.ok();
    assert!((seconds(&stepped["moved"]) - 8.0).abs() < 0.1, "{stepped}");
    let shown = time(&client).await;
    assert!((seconds(&shown["recent_steps"][0]["by"]) - 8.0).abs() < 0.1, "{shown}");
    assert!((seconds(&shown["helper"]["used"]) - 8.0).abs() < 0.1, "{shown}");
    assert_eq!(sync(&client, force("step")).await.ok()["measurement"]["agreed"], true);
    undisturbed(&read_more(&client, 2).await);

    clock.set(8.0);
    assert_eq!(sync(&client, force("slew")).await.refusal(), (409, "clock_budget".into()));
    daemon.restart().await;
    let client = daemon.unix();
    assert_eq!(sync(&client, force("step")).await.refusal(), (409, "clock_budget".into()));
    clock.set(15.0);
    assert_eq!(sync(&client, force("step")).await.refusal(), (409, "clock_too_far".into()));
    clock.set(5.0);
    let back = sync(&client, force("step")).await.ok();
    assert!((seconds(&back["moved"]) + 5.0).abs() < 0.1, "{back}");
}
