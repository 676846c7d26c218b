//! Finds plugins that the build made beside the running test.

use std::env;
use std::path::PathBuf;

/// A plugin's library is not where the build puts it.
#[derive(Debug, thiserror::Error)]
#[error("there is no {library} beside this test; `cargo build --package {package}` makes it")]
pub struct NotBuilt {
    /// Name of the file.
    pub library: String,
    /// The package that makes it.
    pub package: String,
}

/// The library of `package`, beside the running test or one directory above.
///
/// # Errors
///
/// [`NotBuilt`] where it is in neither.
pub fn library_of(package: &str) -> Result<PathBuf, NotBuilt> {
    let library = format!("lib{}.so", package.replace('-', "_"));
    let test = env::current_exe().unwrap_or_default();
    test.ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join(&library))
        .find(|path| path.is_file())
        .ok_or_else(|| NotBuilt { library, package: package.to_owned() })
}
