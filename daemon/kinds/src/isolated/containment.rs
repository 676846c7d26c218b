//! What can hold a host process on this machine.

use gatherd_engine::port::Containment;
use landlock::{ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, Scope};

use super::cage::Holds;

/// Versions of Landlock, the newest first, with their numbers.
const VERSIONS: [(ABI, u8); 6] =
    [(ABI::V6, 6), (ABI::V5, 5), (ABI::V4, 4), (ABI::V3, 3), (ABI::V2, 2), (ABI::V1, 1)];

/// All that is known.
pub(super) fn containment(holds: Holds) -> Containment {
    let Holds { version, kill, cpu, memory, processes } = holds;
    Containment { landlock: landlock(), control_groups: version, kill, cpu, memory, processes }
}

/// The newest version of Landlock that this kernel has; 0 for none.
fn landlock() -> u8 {
    VERSIONS.into_iter().find(|(version, _)| has(*version)).map_or(0, |(_, number)| number)
}

/// Whether the kernel takes all that came with a version; nothing is restricted by asking.
fn has(version: ABI) -> bool {
    let asked = || {
        let rules = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        let mut rules = rules.handle_access(AccessFs::from_all(version))?;
        if version >= ABI::V4 {
            rules = rules.handle_access(AccessNet::from_all(version))?;
        }
        if version >= ABI::V6 {
            rules = rules.scope(Scope::from_all(version))?;
        }
        rules.create()
    };
    asked().is_ok()
}
