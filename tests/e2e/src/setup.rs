//! What a daemon is started with.

use std::fs::OpenOptions;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::{Place, Stage};

/// What a daemon is started with; each start of the same place uses it again.
#[derive(Clone, Debug)]
pub struct Setup {
    stage: Stage,
    config: Option<String>,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    user: Option<u32>,
    bare: bool,
    /// Listening sockets that the first start gets, as from a service manager; at most two.
    passed: Arc<Vec<OwnedFd>>,
}

/// Starts a program with two open descriptors as a service manager passes sockets. Source: `sd_listen_fds(3)`.
const PASS: &str = "exec 3<&0 4>&1 0</dev/null 1>&2; LISTEN_PID=$$ exec \"$@\"";

impl Setup {
    /// A daemon of `stage` with no configuration file: host `testhost`, a free TCP port, a unix socket, values
    /// every second.
    pub fn new(stage: &Stage) -> Self {
        let environment = vec![
            ("GATHERD_HOSTNAME".to_owned(), "testhost".to_owned()),
            ("GATHERD_INTERVAL".to_owned(), "1".to_owned()),
        ];
        let arguments = ["--listen", "127.0.0.1:0"].map(str::to_owned).to_vec();
        Self {
            stage: stage.clone(),
            config: None,
            environment,
            arguments,
            user: None,
            bare: false,
            passed: Arc::default(),
        }
    }

    /// With this text in the configuration file.
    #[must_use]
    pub fn config(mut self, text: impl Into<String>) -> Self {
        self.config = Some(text.into());
        self
    }

    /// With plugins from this directory in place of the shipped ones.
    #[must_use]
    pub fn plugins_from(self, directory: &Path) -> Self {
        let directory = directory.to_str().expect("temporary directories have plain names").to_owned();
        self.argument("--plugin-dir").argument(directory)
    }

    /// With one more argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Without the arguments so far.
    #[must_use]
    pub fn without_arguments(mut self) -> Self {
        self.arguments.clear();
        self
    }

    /// With one more variable of the environment, in place of one of that name.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without a variable that every setup has.
    #[must_use]
    pub fn without_variable(mut self, name: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self
    }

    /// As another user, with nothing named on the command line but the port: the home directory has to do.
    #[must_use]
    pub fn as_user(mut self, user: u32) -> Self {
        self.user = Some(user);
        self.bare = true;
        self
    }

    /// With listening sockets, as a service manager passes them; at most two.
    #[must_use]
    pub fn passing(mut self, sockets: Vec<OwnedFd>) -> Self {
        self.passed = Arc::new(sockets);
        self
    }

    /// The user it runs as, where that is another than ours.
    pub fn user(&self) -> Option<u32> {
        self.user
    }

    /// Where its programs are.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// The unix socket of its API.
    pub(crate) fn socket(&self, place: &Place) -> PathBuf {
        let runtime = if self.bare { place.home().join(".local/state/gatherd/run") } else { place.run() };
        runtime.join("gatherd.sock")
    }

    /// Writes the configuration file, where there is one.
    pub(crate) fn prepare(&self, place: &Place) {
        if let Some(text) = &self.config {
            place.write_config(text);
        }
    }

    /// A command in the environment of `place` and no other, its output going to the log of the place.
    pub(crate) fn daemon(&self, place: &Place, more: &[&str]) -> Command {
        let command = self.program(&self.stage.gatherd(), place);
        self.with_arguments(command, place, more)
    }

    /// The command that starts it first, its output going to the log of the place.
    pub(crate) fn first(&self, place: &Place) -> Command {
        let mut command = if self.passed.is_empty() {
            self.program(&self.stage.gatherd(), place)
        } else {
            let mut command = self.program(Path::new("/bin/sh"), place);
            command.args(["-c", PASS, "sh"]).arg(self.stage.gatherd());
            command.env("LISTEN_FDS", self.passed.len().to_string());
            command
        };
        command = self.with_arguments(command, place, &[]);
        Self::log(&mut command, place);
        let again = |index: usize| self.passed.get(index).map(OwnedFd::try_clone);
        if let Some(socket) = again(0) {
            command.stdin(socket.expect("a descriptor can be had twice"));
        }
        if let Some(socket) = again(1) {
            command.stdout(socket.expect("a descriptor can be had twice"));
        }
        command
    }

    fn with_arguments(&self, mut command: Command, place: &Place, more: &[&str]) -> Command {
        command.args(more).args(&self.arguments);
        if self.config.is_some() {
            command.arg("--config").arg(place.config());
        }
        if !self.bare {
            command.arg("--state-dir").arg(place.state()).arg("--runtime-dir").arg(place.run());
        }
        command
    }

    /// Any program in the environment of `place`.
    pub(crate) fn program(&self, program: &Path, place: &Place) -> Command {
        let mut command = match self.user {
            None => Command::new(program),
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.arg(format!("--reuid={user}")).arg(format!("--regid={user}"));
                command.arg("--clear-groups").arg(program);
                command
            }
        };
        command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env("HOME", place.home());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir("/").stdin(Stdio::null());
        command
    }

    /// Lets `command` write to the log of `place`.
    pub(crate) fn log(command: &mut Command, place: &Place) {
        let log = OpenOptions::new().append(true).create(true).open(place.log_file());
        let log = log.expect("our own directory takes a file");
        command.stdout(log.try_clone().expect("a descriptor can be had twice")).stderr(log);
    }
}
