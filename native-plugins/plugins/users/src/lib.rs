//! Plugin `users`: how many users are logged in, as collectd's plugin of that name reports it.
//!
//! ```text
//!  /var/run/utmp ──utmp──► users/users (logins)
//! ```

#![deny(unsafe_code)]

mod utmp;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use gatherd_sdk::{Batch, Collector, Failure, Host, ProcFile, Series};
use schemars::JsonSchema;
use serde::Deserialize;

/// The plugin has no options.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

/// The plugin.
#[derive(Debug)]
pub struct Users {
    file: ProcFile,
    /// Device and inode of the file, which tell when another one took its place.
    inode: (u64, u64),
    series: Series,
}

impl Collector for Users {
    const NAME: &'static str = "users";
    const DESCRIPTION: &'static str = "Users that are logged in.";
    type Config = Config;

    fn init(_config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(host, Path::new("/var/run/utmp"))
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let inode = inode(self.file.path())?;
        if inode != self.inode {
            self.file = ProcFile::open(self.file.path())?;
            self.inode = inode;
        }
        let logins = utmp::count(self.file.read()?);
        out.gauge(&self.series, logins as f64);
        Ok(())
    }
}

impl Users {
    /// As [`Collector::init`], from any file.
    fn open(host: &Host, path: &Path) -> Result<Self, Failure> {
        Ok(Self {
            inode: inode(path)?,
            file: ProcFile::open(path)?,
            series: host.series("users", "", "users", ""),
        })
    }
}

/// Device and inode of the file at `path`.
fn inode(path: &Path) -> Result<(u64, u64), Failure> {
    match fs::metadata(path) {
        Ok(file) => Ok((file.dev(), file.ino())),
        Err(cause) => Err(Failure::io(format!("find the table of logins {}", path.display()), cause)),
    }
}

gatherd_sdk::export_plugin!(Users);

#[cfg(test)]
mod tests;
