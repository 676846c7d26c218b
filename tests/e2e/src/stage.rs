//! Where programs and plugins were staged, and what happens to tests where they were not.

use std::env;
use std::path::{Path, PathBuf};
use std::thread;

use gatherd_testkit::cc::note_skipped;

/// Names the staged directory; absolute.
const STAGE: &str = "GATHERD_STAGE";

/// The plugins that run where no file names any.
const DEFAULT_PLUGINS: [&str; 6] = ["cpu", "df", "disk", "interface", "load", "memory"];

/// A staged installation, with the plugins of the tests beside it.
#[derive(Clone, Debug)]
pub struct Stage {
    dir: PathBuf,
}

impl Stage {
    /// The staged installation; `None` where there is none, and then the running test is noted as skipped.
    ///
    /// # Panics
    ///
    /// When the directory that is named holds no daemon.
    pub fn find() -> Option<Self> {
        let Some(dir) = env::var_os(STAGE) else {
            skip("GATHERD_STAGE is not set: run `cargo xtask test`");
            return None;
        };
        let stage = Self { dir: dir.into() };
        assert!(stage.gatherd().is_file(), "{STAGE} holds no daemon: run `cargo xtask test`");
        Some(stage)
    }

    /// A copy of the programs and of the plugins that run by default, below `to`, which everybody may read.
    ///
    /// # Panics
    ///
    /// When the system refuses.
    #[must_use]
    pub fn copy(&self, to: &Path) -> Self {
        let programs = ["bin/gatherd", "bin/gatherctl", "bin/gatherd-host", "plugins/MANIFEST.sha256"]
            .map(str::to_owned);
        let plugins = DEFAULT_PLUGINS.iter().map(|name| format!("plugins/{name}.so"));
        for folder in ["bin", "plugins"] {
            make_open_directory(&to.join(folder));
        }
        for file in programs.into_iter().chain(plugins) {
            std::fs::copy(self.dir.join(&file), to.join(&file)).expect("the stage can be copied");
        }
        Self { dir: to.to_owned() }
    }

    /// A directory beside it, for what is made once for all tests.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.dir.with_file_name(name)
    }

    /// The daemon.
    pub fn gatherd(&self) -> PathBuf {
        self.dir.join("bin/gatherd")
    }

    /// The command line.
    pub fn gatherctl(&self) -> PathBuf {
        self.dir.join("bin/gatherctl")
    }

    /// The clock helper.
    pub fn clock(&self) -> PathBuf {
        self.dir.join("bin/gatherd-clock")
    }

    /// A library of the plugins that we ship, by type.
    pub fn plugin(&self, name: &str) -> PathBuf {
        self.dir.join("plugins").join(format!("{name}.so"))
    }

    /// A library of the plugins of the tests, by type.
    pub fn test_plugin(&self, name: &str) -> PathBuf {
        self.dir.join("test-plugins").join(format!("{name}.so"))
    }
}

/// Makes a directory that everybody may read.
fn make_open_directory(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(path).expect("a directory can be made in a temporary one");
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(path, open).expect("our own directory's mode can be set");
}

/// Notes the running test as skipped, and says why.
#[expect(clippy::print_stderr, reason = "whoever runs the tests shall see what did not run")]
pub fn skip(why: &str) {
    let thread = thread::current();
    let test = thread.name().unwrap_or("an end-to-end test");
    eprintln!("SKIPPED: {test}: {why}");
    note_skipped(test, why);
}

/// Whether the tests run as root, so that they may mount, change users and own what others may not touch.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
