//! The temporary directory of one daemon: it outlives the process, as a disk does.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A directory with what one daemon keeps: `etc`, `state`, `run`, `home`, `log`.
#[derive(Debug)]
pub struct Place {
    dir: TempDir,
    state: PathBuf,
}

impl Place {
    /// A fresh one, which belongs to `user` where that is another.
    ///
    /// # Panics
    ///
    /// When the system refuses.
    pub fn new(user: Option<u32>) -> Self {
        let dir =
            tempfile::Builder::new().prefix("gd-").tempdir().expect("a temporary directory can be made");
        let place = Self { state: dir.path().join("state"), dir };
        for folder in ["etc/conf.d", "home"] {
            let path = place.path().join(folder);
            DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(&path)
                .expect("our own directory takes more");
        }
        // Those who are not root have to get through, whatever the umask.
        for folder in ["", "etc", "etc/conf.d", "home"] {
            let path = place.path().join(folder);
            fs::set_permissions(&path, Permissions::from_mode(0o755))
                .expect("our own directory's mode is ours");
            chown(&path, user, None).expect("only root asks for other users");
        }
        place
    }

    /// The same place with the state elsewhere, as on a disk of its own.
    #[must_use]
    pub fn with_state(mut self, state: PathBuf) -> Self {
        self.state = state;
        self
    }

    /// The whole of it.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The state directory.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The runtime directory.
    pub fn run(&self) -> PathBuf {
        self.path().join("run")
    }

    /// The home directory.
    pub fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    /// The main configuration file.
    pub fn config(&self) -> PathBuf {
        self.path().join("etc/gatherd.toml")
    }

    /// Writes the main configuration file.
    ///
    /// # Panics
    ///
    /// When the system refuses.
    pub fn write_config(&self, text: &str) {
        fs::write(self.config(), text).expect("our own directory takes a file");
    }

    /// Writes a file of `conf.d`.
    ///
    /// # Panics
    ///
    /// When the system refuses.
    pub fn write_part(&self, name: &str, text: &str) {
        fs::write(self.path().join("etc/conf.d").join(name), text).expect("our own directory takes a file");
    }

    /// The file that holds all that the daemon said.
    pub fn log_file(&self) -> PathBuf {
        self.path().join("log")
    }

    /// All that the daemon said.
    pub fn log(&self) -> String {
        fs::read(self.log_file())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }
}
