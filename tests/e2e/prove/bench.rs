//! One daemon, and one change after the other.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use gatherd_e2e::{Ask, Checked, Daemon, Dice, Libraries, Place, Setup, SmallDisk, Stage, within};
use serde_json::{Value, json};

use crate::fault::{Fault, Outcome};

/// The plugins that every change touches, in the order of the steps.
const IDS: [&str; 3] = ["one", "three", "two"];

/// How long a start may take. Source: promise G1 of the design.
const START: Duration = Duration::from_secs(5);

/// One daemon, and what it must hold.
pub(crate) struct Bench {
    _libraries: Libraries,
    /// Where it can be full; `None` where the system does not let us mount.
    disk: Option<SmallDisk>,
    daemon: Daemon,
    client: Checked,
    /// While this file is there, a plugin of the document of before kills the daemon as it comes up.
    trap: PathBuf,
    /// The number that all parts of the document have.
    number: u64,
    /// The newest revision that was told.
    revision: u64,
    /// How long a change takes that is not hit.
    usual: Duration,
    started_in: Option<Duration>,
}

impl Bench {
    pub(crate) async fn start(stage: &Stage) -> Self {
        let libraries = Libraries::new().with("misbehave", &stage.test_plugin("misbehave"));
        let disk = SmallDisk::mount(64).await;
        let place = Place::new(None);
        let trap = place.path().join("trap");
        let place = match &disk {
            Some(disk) => place.with_state(disk.path().join("state")),
            None => place,
        };
        let plugin = |id: &&str| {
            format!(
                "[plugins.{id}]\ntype = \"misbehave\"\ntrusted = true\ninterval = 10.0\nconfig = {}\n",
                format_args!("{{ mode = \"init_kills_if\", file = \"{}\", times = 1 }}", trap.display())
            )
        };
        let config = IDS.iter().map(plugin).collect::<String>();
        let config = format!("max_read_interval = 100001.0\n{config}");
        let setup = Setup::new(stage).config(config).plugins_from(libraries.path());
        let daemon = Daemon::start_in(place, setup).await;
        let client = daemon.unix();
        let (number, revision, usual, started_in) = (1, 1, Duration::from_millis(20), None);
        Self { _libraries: libraries, disk, daemon, client, trap, number, revision, usual, started_in }
    }

    /// How long the start after the last run took, where it was one with a kill.
    pub(crate) fn last_start(&self) -> Option<Duration> {
        self.started_in
    }

    /// One change, hit by `fault`; `None` where this machine does not allow it.
    pub(crate) async fn run(&mut self, fault: Fault, dice: &mut Dice) -> Option<Outcome> {
        if fault == Fault::DiskFull && self.disk.is_none() {
            return None;
        }
        self.started_in = None;
        let acknowledged = self.hit(fault, dice).await;
        let found = self.found(fault).await;
        let outcome = match found {
            found if found == self.number => Outcome::Old,
            found if found == self.number + 1 => Outcome::New,
            other => panic!("{fault:?}: the number is {other}, not {} or the next", self.number),
        };
        if let Some(expected) = fault.expected() {
            assert_eq!(outcome, expected, "{fault:?}");
        }
        assert!(!acknowledged || outcome == Outcome::New, "{fault:?}: an acknowledged change is lost");
        self.number = found;
        Some(outcome)
    }

    /// Makes the change and hits it; answers whether it was acknowledged for good.
    async fn hit(&mut self, fault: Fault, dice: &mut Dice) -> bool {
        let ask = self.ask(fault);
        match fault {
            Fault::KillAnywhere | Fault::KillProvisional => {
                let moment = self.moment(dice);
                let status = self.killed_at(ask, moment).await;
                fault == Fault::KillAnywhere && status == Some(200)
            }
            Fault::KillInValidate | Fault::KillInApply(_) => self.dies(ask).await,
            Fault::KillInUndo => {
                fs::write(&self.trap, "").unwrap();
                let acknowledged = self.dies(ask).await;
                fs::remove_file(&self.trap).unwrap();
                self.start_again().await;
                return acknowledged;
            }
            Fault::DiskFull => {
                let disk = self.disk.as_ref().unwrap();
                disk.fill();
                let status = self.client.send(ask).await.status;
                disk.free();
                assert!([200, 507].contains(&status), "{fault:?}: {status}");
                return status == 200;
            }
            Fault::ApplyFails(_) | Fault::ValidateFails => {
                let answer = self.client.send(ask).await;
                let expected = if fault == Fault::ValidateFails { 422 } else { 409 };
                assert_eq!(answer.status, expected, "{fault:?}: {}", answer.text());
                return false;
            }
            Fault::None | Fault::KillAfterAnswer => {
                let begun = Instant::now();
                let answer = self.client.send(ask).await;
                assert_eq!(answer.status, 200, "{fault:?}: {}", answer.text());
                if fault == Fault::None {
                    self.usual = begun.elapsed();
                    return true;
                }
                self.daemon.kill();
                true
            }
            Fault::KillUnconfirmed | Fault::NotConfirmed | Fault::KillInConfirm | Fault::KillAfterConfirm => {
                let answer = self.client.send(ask).await;
                assert_eq!(answer.status, 202, "{fault:?}: {}", answer.text());
                let tried = answer.json()["revision"].as_u64().unwrap();
                return self.confirmed(fault, tried, dice).await;
            }
        };
        let acknowledged = matches!(fault, Fault::KillAfterAnswer);
        self.start_again().await;
        acknowledged
    }

    /// What comes after the answer to a change that has to be confirmed.
    async fn confirmed(&mut self, fault: Fault, tried: u64, dice: &mut Dice) -> bool {
        let confirm = Ask::post(format!("/v1/revisions/{tried}/confirm"));
        let acknowledged = match fault {
            Fault::NotConfirmed => {
                let client = self.client.clone();
                within("the change goes back", async || {
                    let now = client.get("/v1/heartbeat").await.ok()["revision"].as_u64();
                    if now > Some(tried) { Ok(()) } else { Err(format!("{now:?}")) }
                })
                .await;
                return false;
            }
            Fault::KillInConfirm => {
                let moment = self.moment(dice) / 8;
                self.killed_at(confirm, moment).await == Some(200)
            }
            Fault::KillAfterConfirm => {
                self.client.send(confirm).await.ok();
                self.daemon.kill();
                true
            }
            _ => {
                self.daemon.kill();
                false
            }
        };
        self.start_again().await;
        acknowledged
    }

    /// The change: five parts of the document get the next number.
    fn ask(&self, fault: Fault) -> Ask {
        let next = self.number + 1;
        let plugin = |id: &str| {
            let mut config = json!({"mode": "init_kills_if", "file": self.trap, "times": next});
            match fault {
                Fault::KillInApply(at) if at == id => config["mode"] = json!("init_kills"),
                Fault::ApplyFails(at) if at == id => config["mode"] = json!("init_fails"),
                // The first comes up in a way that leaves the trap alone; going back springs it.
                Fault::KillInUndo if id == "one" => config["mode"] = json!("well"),
                Fault::KillInUndo => config["mode"] = json!("init_fails"),
                // Large, because the database may have room in itself.
                Fault::DiskFull if id == "two" => config["password"] = json!("x".repeat(200_000)),
                Fault::KillInValidate if id == "two" => config["mode"] = json!("config_kills"),
                Fault::ValidateFails if id == "two" => config["mode"] = json!("nonsense"),
                _ => {}
            }
            (id.to_owned(), json!({ "config": config }))
        };
        let plugins: serde_json::Map<String, Value> = IDS.iter().map(|id| plugin(id)).collect();
        let document = json!({"max_read_interval": 100_000 + next, "plugins": plugins});
        let query =
            fault.confirm_within().map_or_else(String::new, |within| format!("?confirm_within={within}"));
        Ask::patch(format!("/v1/config{query}"), &document).if_match("*")
    }

    /// A moment of a change, or a little after it.
    fn moment(&self, dice: &mut Dice) -> Duration {
        self.usual.mul_f64(dice.roll(1_300) as f64 / 1_000.0)
    }

    /// Sends, and kills the daemon after `moment`; answers the status, where there was one.
    async fn killed_at(&mut self, ask: Ask, moment: Duration) -> Option<u16> {
        let client = self.client.clone();
        let answer = tokio::spawn(async move { client.try_send(ask).await.map(|answer| answer.status) });
        tokio::time::sleep(moment).await;
        self.daemon.kill();
        answer.await.unwrap().ok()
    }

    /// Sends a change that kills the daemon; it is not acknowledged.
    async fn dies(&mut self, ask: Ask) -> bool {
        let status = self.client.try_send(ask).await.map(|answer| (answer.status, answer.text()));
        assert!(status.is_err(), "the daemon did not die: {status:?}");
        self.daemon.ended().await;
        false
    }

    async fn start_again(&mut self) {
        self.daemon.start_again().await;
        self.client = self.daemon.unix();
        let took = self.daemon.started_in();
        assert!(took < START, "a start took {took:?}");
        self.started_in = Some(took);
    }

    /// The number that the document has; all parts must have the same, and what it says must run.
    async fn found(&mut self, fault: Fault) -> u64 {
        let answer = self.client.get("/v1/config").await;
        let tag = answer.header("etag").unwrap_or_default().trim_matches('"').parse::<u64>().unwrap();
        let config = answer.ok();
        let number = config["plugins"]["one"]["config"]["times"].as_u64().unwrap();
        let interval = config["max_read_interval"].as_f64();
        assert_eq!(interval, Some(100_000.0 + number as f64), "{fault:?}: a mix: {config}");
        for id in IDS {
            let of_plugin = config["plugins"][id]["config"]["times"].as_u64();
            assert_eq!(of_plugin, Some(number), "{fault:?}: a mix: {config}");
            let client = self.client.clone();
            within(&format!("{fault:?}: {id} runs"), async || {
                let plugin = client.plugin(id).await;
                if plugin["state"] == "running" { Ok(()) } else { Err(plugin) }
            })
            .await;
        }
        assert!(tag >= self.revision, "{fault:?}: revision {tag} after {}", self.revision);
        self.revision = tag;
        number
    }
}
