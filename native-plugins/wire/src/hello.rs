//! Which versions of the protocol understand each other.

use serde::{Deserialize, Serialize};

/// The version that this code speaks. Minor version 1 added [`ToDaemon::RegisterMany`](crate::ToDaemon::RegisterMany).
pub const PROTOCOL: Protocol = Protocol { major: 1, minor: 1 };

/// A version. Sides of one major version understand each other: what a higher minor version adds, the other side
/// passes over.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Protocol {
    /// Another one is not understood.
    pub major: u32,
    /// Grows when a message or a field is added that the other side need not know.
    pub minor: u32,
}

impl Protocol {
    /// True where a side of this version knows [`ToDaemon::RegisterMany`](crate::ToDaemon::RegisterMany).
    pub fn registers_many(self) -> bool {
        self.minor >= 1
    }

    /// What both sides can use; `None` where they do not understand each other.
    pub fn common(self, other: Self) -> Option<Self> {
        let minor = self.minor.min(other.minor);
        (self.major == other.major).then_some(Self { minor, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_minor_version_counts_and_majors_must_be_the_same() {
        let version = |major, minor| Protocol { major, minor };
        assert_eq!(version(1, 4).common(version(1, 2)), Some(version(1, 2)));
        assert_eq!(version(1, 0).common(version(1, 7)), Some(version(1, 0)));
        assert_eq!(version(1, 0).common(version(2, 0)), None);
    }
}
