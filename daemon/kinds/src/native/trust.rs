//! Which libraries run in the daemon's process without being named by the operator: those whose digest was
//! listed when the package was built.

use std::collections::HashSet;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use gatherd_loader::Digest;

/// Name of the list in a plugin directory; the format is that of `sha256sum`.
pub(super) const LIST: &str = "MANIFEST.sha256";

/// Largest accepted list in bytes, some ten thousand plugins.
const MAX_LIST: u64 = 1 << 20;

/// The digests that are listed in `directory`. No list, or one that others may write, lists nothing.
pub(super) fn listed(directory: &Path) -> HashSet<Digest> {
    let path = directory.join(LIST);
    match read(&path) {
        Ok(text) => parse(&text),
        Err(Unread::Missing) => HashSet::new(),
        Err(Unread::Because(why)) => {
            tracing::warn!(path = %path.display(), "the list of trusted plugins is not used: {why}");
            HashSet::new()
        }
    }
}

enum Unread {
    Missing,
    Because(String),
}

impl From<std::io::Error> for Unread {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == ErrorKind::NotFound { Self::Missing } else { Self::Because(error.to_string()) }
    }
}

fn read(path: &Path) -> Result<String, Unread> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    let ours = about.uid() == 0 || about.uid() == rustix::process::geteuid().as_raw();
    if !about.is_file() || !ours || about.mode() & 0o022 != 0 {
        let why = "it has to be a file of root or the daemon's user that nobody else may write";
        return Err(Unread::Because(why.into()));
    }
    if about.len() > MAX_LIST {
        return Err(Unread::Because(format!("it has more than {MAX_LIST} bytes")));
    }
    let mut text = String::new();
    file.take(MAX_LIST).read_to_string(&mut text)?;
    Ok(text)
}

/// Lines that are none of `sha256sum`'s are passed over: they list nothing.
fn parse(text: &str) -> HashSet<Digest> {
    text.lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter_map(|word| word.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn hex(byte: u8) -> String {
        format!("{byte:02x}").repeat(32)
    }

    #[test]
    fn a_list_has_one_digest_per_line_before_the_name() {
        let text = format!("{}  cpu.so\n{} *load.so\n\n", hex(0x1f), hex(0xab).to_uppercase());
        assert_eq!(parse(&text), HashSet::from([Digest([0x1f; 32]), Digest([0xab; 32])]));
    }

    #[test]
    fn lines_that_are_no_digests_list_nothing() {
        let short = &hex(1)[1..];
        let text = format!("{short} a.so\n{}0 b.so\nxyz\n# {}\nö{}\n", hex(2), hex(3), &hex(4)[2..]);
        assert_eq!(parse(&text), HashSet::new());
    }

    #[test]
    fn a_list_that_others_may_write_lists_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(LIST);
        fs::write(&path, format!("{}  a.so\n", hex(7))).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(listed(directory.path()), HashSet::from([Digest([7; 32])]));
        for mode in [0o664, 0o646] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(listed(directory.path()), HashSet::new(), "mode {mode:o}");
        }
    }

    #[test]
    fn a_list_that_is_missing_huge_or_a_directory_lists_nothing() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(listed(directory.path()), HashSet::new());
        let path = directory.path().join(LIST);
        let line = format!("{}  a.so\n", hex(7));
        fs::write(&path, line.repeat(20_000)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(listed(directory.path()), HashSet::new());
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(listed(directory.path()), HashSet::new());
    }
}
