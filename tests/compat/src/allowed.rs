//! The written list of identifiers that only one side may have.

use std::path::Path;

use crate::history::{plugin_of, type_of};

/// Which daemon tells an identifier that the other does not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    /// Only collectd.
    Theirs,
    /// Only ours.
    Ours,
}

/// A difference that is no fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Allowed {
    /// Plugin part.
    pub(crate) plugin: &'static str,
    /// Type part.
    pub(crate) type_name: &'static str,
    /// The sides that may be alone with it.
    pub(crate) sides: &'static [Side],
    /// Allowed only while this file is missing.
    pub(crate) without: Option<&'static str>,
    /// Why.
    pub(crate) reason: &'static str,
}

/// All that is allowed.
pub(crate) const ALLOWED: &[Allowed] = &[
    Allowed {
        plugin: "disk",
        type_name: "pending_operations",
        sides: &[Side::Theirs, Side::Ours],
        without: None,
        reason: "told from the first reading on that finds an operation in flight; each side reads at its own moment",
    },
    Allowed {
        plugin: "disk",
        type_name: "disk_time",
        sides: &[Side::Theirs, Side::Ours],
        without: None,
        reason: "told while a sum of averages, each over a side's own interval, is not 0",
    },
    Allowed {
        plugin: "users",
        type_name: "users",
        sides: &[Side::Theirs],
        without: Some("/var/run/utmp"),
        reason: "where the system keeps no table of users collectd tells 0; ours tells the reason instead of a number",
    },
];

/// Plugins that tell of things which others make and remove at any time: ports, mounts, interfaces. What either
/// side told only for a part of the time is not compared: it may have gone and come back as another.
pub(crate) const COME_AND_GO: &[&str] = &["df", "interface", "tcpconns"];

/// The entry that allows one side to be alone with an identifier.
pub(crate) fn allowed(identifier: &str, side: Side) -> Option<&'static Allowed> {
    ALLOWED.iter().find(|allowed| {
        allowed.plugin == plugin_of(identifier)
            && allowed.type_name == type_of(identifier)
            && allowed.sides.contains(&side)
            && allowed.without.is_none_or(|file| !Path::new(file).exists())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_allows_its_plugin_type_and_side_and_no_other() {
        let found = allowed("disk-vda/disk_time", Side::Theirs);
        assert_eq!(found.map(|found| found.type_name), Some("disk_time"));
        assert_eq!(allowed("users/users", Side::Ours), None);
        assert_eq!(allowed("disk-vda/disk_octets", Side::Ours), None);
        assert_eq!(allowed("md-vda/disk_time", Side::Ours), None);
    }

    #[test]
    fn what_is_allowed_without_a_file_is_not_allowed_with_it() {
        let is_missing = !Path::new("/var/run/utmp").exists();
        assert_eq!(allowed("users/users", Side::Theirs).is_some(), is_missing);
    }
}
