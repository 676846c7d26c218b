//! A running daemon.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::{Ask, Authority, Checked, Identity, Place, Ran, Setup, run, wait_until};

/// How long a start may take before it counts as failed.
const START: Duration = Duration::from_secs(30);

/// How long draining may take, and a little more.
const STOP: Duration = Duration::from_secs(20);

/// What the daemon says when it listens on TCP.
const LISTENS: &str = "the API listens on http";

/// A running daemon; it is killed when this is dropped, and its log shown when a test failed.
#[derive(Debug)]
pub struct Daemon {
    setup: Setup,
    place: Place,
    child: Child,
    /// The process that took over from our child, where it is not our child.
    heir: Option<Pid>,
    /// Where in the log this life begins, in bytes.
    begun: usize,
    started_in: Duration,
}

impl Daemon {
    /// Starts one in a fresh place and waits until it serves.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub async fn start(setup: Setup) -> Self {
        let place = Place::new(setup.user());
        Self::start_in(place, setup).await
    }

    /// Starts one in a place and waits until it serves.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub async fn start_in(place: Place, setup: Setup) -> Self {
        setup.prepare(&place);
        let child = spawn(&setup, &place);
        let mut daemon = Self { setup, place, child, heir: None, begun: 0, started_in: Duration::ZERO };
        daemon.wait_ready().await;
        daemon
    }

    async fn wait_ready(&mut self) {
        let begun = Instant::now();
        let client = self.unix();
        wait_until("the daemon serves", START, async || {
            if let Some(status) = self.child.try_wait().expect("our own child can be asked")
                && self.heir.is_none()
            {
                panic!("the daemon ended: {status}");
            }
            match client.try_send(Ask::get("/readyz")).await {
                Ok(answer) if answer.status == 200 => Ok(()),
                Ok(answer) => Err(answer.text()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
        self.started_in = begun.elapsed();
    }

    /// How long the last start took until the daemon served.
    pub fn started_in(&self) -> Duration {
        self.started_in
    }

    /// Its temporary directory.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What it said in this life.
    pub fn log(&self) -> String {
        self.place.log().split_off(self.begun)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The unix socket of its API.
    pub fn socket(&self) -> PathBuf {
        self.setup.socket(&self.place)
    }

    /// A client behind the unix socket, where root and the daemon's own user need no token.
    pub fn unix(&self) -> Checked {
        Checked::unix(&self.socket())
    }

    /// The TCP address of its API, as `127.0.0.1:1234`.
    ///
    /// # Panics
    ///
    /// When it did not say one.
    pub fn address(&self) -> String {
        let log = self.log();
        let (_, rest) = log.rsplit_once(LISTENS).expect("the daemon says where it listens");
        let (_, rest) = rest.split_once("://").expect("an address follows");
        rest.split_whitespace().next().unwrap_or_default().to_owned()
    }

    /// A client behind TCP, without a token.
    pub fn tcp(&self) -> Checked {
        Checked::tcp(&self.address())
    }

    /// A client behind TLS, which believes `authority` alone and shows `identity`, without a token.
    pub fn tls(&self, authority: &Authority, identity: Option<&Identity>) -> Checked {
        Checked::tls(&self.address(), authority, identity)
    }

    /// Name and password of the first user, as the daemon left them.
    ///
    /// # Panics
    ///
    /// When it left none.
    pub fn credential(&self) -> (String, String) {
        let path = self.place.state().join("auth/admin.credential");
        let text = std::fs::read_to_string(&path).expect("the first start leaves a credential");
        let told: serde_json::Value = serde_json::from_str(&text).expect("the credential is JSON");
        let field = |name: &str| told[name].as_str().expect("the credential has both fields").to_owned();
        (field("user"), field("password"))
    }

    /// A token of the first user.
    ///
    /// # Panics
    ///
    /// When the daemon gives none.
    pub async fn token(&self) -> String {
        self.token_over(&self.tcp()).await
    }

    /// A token of the first user, over this client.
    ///
    /// # Panics
    ///
    /// When the daemon gives none.
    pub async fn token_over(&self, client: &Checked) -> String {
        let (user, password) = self.credential();
        let body = json!({"auth": {"identity": {"methods": ["password"],
            "password": {"user": {"name": user, "domain": {"id": "default"}, "password": password}}}}});
        let answer = client.send(Ask::post("/v1/auth/tokens").json(&body)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.header("x-subject-token").expect("a new token is in the header").to_owned()
    }

    /// Sends a signal.
    ///
    /// # Panics
    ///
    /// When the process is gone.
    pub fn signal(&self, signal: Signal) {
        let number = i32::try_from(self.child.id()).expect("process numbers are small");
        let pid = Pid::from_raw(number).expect("process numbers are not zero");
        kill_process(pid, signal).expect("our own child can be signalled");
    }

    /// Waits until it serves.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub async fn serves(&mut self) {
        self.wait_ready().await;
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub async fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        wait_until("the daemon ends", STOP, async || {
            child.try_wait().expect("our own child can be asked").ok_or("it still runs")
        })
        .await
    }

    /// Ends it as a power cut would.
    ///
    /// # Panics
    ///
    /// When the system refuses.
    pub fn kill(&mut self) {
        self.child.kill().expect("our own child can be killed");
        self.child.wait().expect("our own child can be waited for");
    }

    /// Starts it again in the same place, after it ended.
    ///
    /// # Panics
    ///
    /// When it does not serve.
    pub async fn start_again(&mut self) {
        self.begun = self.place.log().len();
        self.child = spawn(&self.setup, &self.place);
        self.wait_ready().await;
    }

    /// Starts another one in the same place that takes over; both are ours.
    pub fn begin_takeover(&mut self) -> Takeover {
        self.begun = self.place.log().len();
        let mut command = self.setup.daemon(&self.place, &["run", "--take-over"]);
        Setup::log(&mut command, &self.place);
        let next = command.spawn().expect("the staged daemon can be started");
        Takeover { before: std::mem::replace(&mut self.child, next) }
    }

    /// Lets another one take over, and waits until it serves and the one before has ended well.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub async fn take_over(&mut self) {
        let mut takeover = self.begin_takeover();
        let status = takeover.ended().await;
        assert!(status.success(), "the daemon of before ended with {status}");
        self.wait_ready().await;
    }

    /// Waits until our child has ended well and a process that it started serves in its place.
    ///
    /// # Panics
    ///
    /// When that does not happen.
    pub async fn inherited(&mut self) {
        let status = self.ended().await;
        assert!(status.success(), "the daemon of before ended with {status}");
        self.heir = self.started();
        assert!(self.heir.is_some(), "it says whom it starts");
        self.wait_ready().await;
    }

    /// The process that our child said it started in its place.
    fn started(&self) -> Option<Pid> {
        let log = self.place.log();
        let (_, rest) = log.rsplit_once("the next daemon is started")?;
        let (_, rest) = rest.split_once("pid=")?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok().and_then(Pid::from_raw)
    }

    /// Whether a process is a daemon of this place: numbers of processes are given again.
    fn is_of_this_place(&self, pid: Pid) -> bool {
        let command = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
        self.place.path().to_str().is_some_and(|path| String::from_utf8_lossy(&command).contains(path))
    }

    /// Stops it in good order and starts it again.
    ///
    /// # Panics
    ///
    /// When it does not stop well or not serve.
    pub async fn restart(&mut self) {
        self.signal(Signal::TERM);
        let status = self.ended().await;
        assert!(status.success(), "the daemon ended with {status}");
        self.start_again().await;
    }

    /// Runs the command line against the unix socket, in the daemon's own environment.
    pub async fn ctl<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Ran {
        let mut command = self.setup.program(&self.setup.stage().gatherctl(), &self.place);
        command.arg("--socket").arg(self.socket()).args(arguments);
        run(command).await
    }

    /// Runs the command line, which has to find the daemon by itself.
    pub async fn bare_ctl<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Ran {
        let mut command = self.setup.program(&self.setup.stage().gatherctl(), &self.place);
        command.args(arguments);
        run(command).await
    }
}

/// A daemon that is being taken over from; it is killed when this is dropped.
#[derive(Debug)]
pub struct Takeover {
    before: Child,
}

impl Takeover {
    /// Waits until the one of before has ended by itself.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub async fn ended(&mut self) -> ExitStatus {
        let before = &mut self.before;
        wait_until("the daemon of before ends", STOP, async || {
            before.try_wait().expect("our own child can be asked").ok_or("it still runs")
        })
        .await
    }

    /// Ends the one of before as a power cut would.
    ///
    /// # Panics
    ///
    /// When the system refuses.
    pub fn kill(&mut self) {
        self.before.kill().expect("our own child can be killed");
        self.before.wait().expect("our own child can be waited for");
    }
}

impl Drop for Takeover {
    fn drop(&mut self) {
        let _ended_already = self.before.kill();
        let _ended_already = self.before.wait();
    }
}

fn spawn(setup: &Setup, place: &Place) -> Child {
    let mut command = setup.first(place);
    command.spawn().expect("the staged daemon can be started")
}

impl Drop for Daemon {
    #[expect(clippy::print_stderr, reason = "whoever reads a failure needs what the daemon said")]
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _ended_already = self.child.wait();
        // A test that failed meanwhile may not have waited for it.
        let heir = self.heir.or_else(|| self.started()).filter(|heir| self.is_of_this_place(*heir));
        if let Some(heir) = heir {
            let _ended_already = kill_process(heir, Signal::KILL);
        }
        if std::thread::panicking() {
            eprintln!("---- what the daemon said\n{}----", self.place.log());
        }
    }
}
