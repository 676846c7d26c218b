//! Where the daemon keeps things.
//!
//! | | root | others |
//! |---|---|---|
//! | state | `/var/lib/gatherd` | `$XDG_STATE_HOME/gatherd`, else `~/.local/state/gatherd` |
//! | runtime | `/run/gatherd` | `$XDG_RUNTIME_DIR/gatherd`, else `run` in the state directory |
//!
//! Source of the variables and their fallbacks: XDG Base Directory Specification 0.8.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use gatherd_engine::desired::Document;

/// Where a package puts the plugins.
const PACKAGED_PLUGINS: &str = "/usr/lib/gatherd/plugins";

/// Where this daemon keeps things.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Paths {
    /// What must survive a restart.
    pub(crate) state: PathBuf,
    /// Sockets.
    pub(crate) runtime: PathBuf,
    /// Directories of plugins, in the order they are searched.
    pub(crate) plugins: Vec<PathBuf>,
    /// The program that runs a plugin in a process of its own.
    pub(crate) host_program: PathBuf,
    /// The unix socket of the API; `None` for none.
    pub(crate) socket: Option<PathBuf>,
    /// The private socket over which the next daemon asks.
    pub(crate) handover: PathBuf,
}

/// Why there is no place.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PathsError {
    /// Neither the configuration nor the environment names one.
    #[error("no place for the state: set HOME or XDG_STATE_HOME to an absolute path, or give `--state-dir`")]
    Nowhere,
    /// It cannot be made.
    #[error("cannot make the directory {}", path.display())]
    Make {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Paths {
    /// The places for `document`, for the user and the environment of this process.
    ///
    /// # Errors
    ///
    /// [`PathsError::Nowhere`] when nothing names a place for the state.
    pub(crate) fn of(document: &Document) -> Result<Self, PathsError> {
        let beside = std::env::current_exe().ok().and_then(|program| beside(&program));
        Self::find(document, rustix::process::geteuid().is_root(), &|name| std::env::var_os(name), beside)
    }

    fn find(
        document: &Document,
        is_root: bool,
        variable: &dyn Fn(&str) -> Option<OsString>,
        beside: Option<PathBuf>,
    ) -> Result<Self, PathsError> {
        let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
        let own_state = || {
            let system = is_root.then(|| PathBuf::from("/var/lib/gatherd"));
            system.or_else(|| home().map(|home| home.join("gatherd")))
        };
        let state = document.state_dir.clone().or_else(own_state).ok_or(PathsError::Nowhere)?;
        let own_runtime = || {
            let system = is_root.then(|| PathBuf::from("/run/gatherd"));
            let session = || absolute("XDG_RUNTIME_DIR").map(|folder| folder.join("gatherd"));
            system.or_else(session).unwrap_or_else(|| state.join("run"))
        };
        let runtime = document.runtime_dir.clone().unwrap_or_else(own_runtime);
        let socket = match document.api.unix_socket.as_deref() {
            None => Some(runtime.join("gatherd.sock")),
            Some("") => None,
            Some(path) => Some(runtime.join(path)),
        };
        let mut plugins = document.plugin_dirs.clone();
        if plugins.is_empty() {
            plugins.push(beside.unwrap_or_else(|| PathBuf::from(PACKAGED_PLUGINS)));
        }
        let handover = runtime.join("handover.sock");
        let host_program = document.host_program.clone().unwrap_or_else(host_program);
        Ok(Self { state, runtime, plugins, host_program, socket, handover })
    }

    /// Makes the directories that are not there: the state for us alone, the runtime directory open to
    /// those who may use the socket in it.
    ///
    /// # Errors
    ///
    /// [`PathsError::Make`] names the directory.
    pub(crate) fn prepare(&self) -> Result<(), PathsError> {
        for (path, mode) in [(&self.state, 0o700), (&self.runtime, 0o755)] {
            make(path, mode).map_err(|source| PathsError::Make { path: path.clone(), source })?;
        }
        Ok(())
    }
}

/// Makes a directory and those around it; one that is there stays as it is.
fn make(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(mode).create(path)?;
    // Whatever the umask.
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// The program of host processes, beside our own wherever that lies.
fn host_program() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/usr/bin/gatherd"));
    own.with_file_name("gatherd-host")
}

/// The plugins of a program that is not installed, but lies as an installation would: `../plugins`.
fn beside(program: &Path) -> Option<PathBuf> {
    let plugins = program.parent()?.parent()?.join("plugins");
    plugins.is_dir().then_some(plugins)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(document: &Document, is_root: bool, variables: &[(&str, &str)]) -> Result<Paths, PathsError> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Paths::find(document, is_root, &variable, None)
    }

    #[test]
    fn root_has_the_places_of_the_system() {
        let paths =
            find(&Document::default(), true, &[("HOME", "/root"), ("XDG_RUNTIME_DIR", "/x")]).unwrap();
        let expected = Paths {
            state: "/var/lib/gatherd".into(),
            runtime: "/run/gatherd".into(),
            plugins: vec![PACKAGED_PLUGINS.into()],
            host_program: std::env::current_exe().unwrap().with_file_name("gatherd-host"),
            socket: Some("/run/gatherd/gatherd.sock".into()),
            handover: "/run/gatherd/handover.sock".into(),
        };
        assert_eq!(paths, expected);
    }

    #[test]
    fn others_have_the_places_of_their_session() {
        let variables = [("HOME", "/h"), ("XDG_STATE_HOME", "/s"), ("XDG_RUNTIME_DIR", "/r")];
        let paths = find(&Document::default(), false, &variables).unwrap();
        assert_eq!((paths.state, paths.runtime), ("/s/gatherd".into(), "/r/gatherd".into()));
    }

    #[test]
    fn without_a_session_the_home_directory_serves() {
        // Paths that are not absolute are ignored, as the specification says.
        let paths = find(&Document::default(), false, &[("HOME", "/h"), ("XDG_STATE_HOME", "s")]).unwrap();
        assert_eq!(paths.state, Path::new("/h/.local/state/gatherd"));
        assert_eq!(paths.runtime, Path::new("/h/.local/state/gatherd/run"));
        assert_eq!(paths.socket.as_deref(), Some(Path::new("/h/.local/state/gatherd/run/gatherd.sock")));
    }

    #[test]
    fn without_any_home_the_complaint_says_what_to_do() {
        let error = find(&Document::default(), false, &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no place for the state: set HOME or XDG_STATE_HOME to an absolute path, or give `--state-dir`"
        );
    }

    #[test]
    fn the_document_wins() {
        let mut document = Document { state_dir: Some("/a".into()), ..Document::default() };
        document.runtime_dir = Some("/b".into());
        document.plugin_dirs = vec!["/c".into()];
        document.host_program = Some("/e/host".into());
        document.api.unix_socket = Some("/d/sock".to_owned());
        let paths = find(&document, false, &[]).unwrap();
        let expected = Paths {
            state: "/a".into(),
            runtime: "/b".into(),
            plugins: vec!["/c".into()],
            host_program: "/e/host".into(),
            socket: Some("/d/sock".into()),
            handover: "/b/handover.sock".into(),
        };
        assert_eq!(paths, expected);
        document.api.unix_socket = Some(String::new());
        assert_eq!(find(&document, false, &[]).unwrap().socket, None);
    }

    #[test]
    fn directories_are_made_with_their_modes_and_left_alone_afterwards() {
        let place = tempfile::tempdir().unwrap();
        let document = Document {
            state_dir: Some(place.path().join("state")),
            runtime_dir: Some(place.path().join("run/deep")),
            ..Document::default()
        };
        let paths = find(&document, false, &[]).unwrap();
        paths.prepare().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&paths.state), mode(&paths.runtime)), (0o700, 0o755));
        fs::set_permissions(&paths.state, Permissions::from_mode(0o750)).unwrap();
        paths.prepare().unwrap();
        assert_eq!(mode(&paths.state), 0o750);
    }

    #[test]
    fn a_directory_that_can_not_be_made_is_named() {
        let document = Document { state_dir: Some("/dev/null/x".into()), ..Document::default() };
        let paths = find(&document, true, &[]).unwrap();
        assert_eq!(paths.prepare().unwrap_err().to_string(), "cannot make the directory /dev/null/x");
    }

    #[test]
    fn plugins_beside_the_program_are_found() {
        let place = tempfile::tempdir().unwrap();
        let program = place.path().join("bin/gatherd");
        assert_eq!(beside(&program), None);
        fs::create_dir(place.path().join("plugins")).unwrap();
        assert_eq!(beside(&program), Some(place.path().join("plugins")));
    }
}
