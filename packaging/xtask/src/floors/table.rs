//! The floor table of the architecture, as data. A new crate gets its line here first.

/// Where a crate stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    /// Name in its `Cargo.toml`.
    pub(crate) name: &'static str,
    /// Folder of its `Cargo.toml`, from the top of the repository.
    pub(crate) folder: &'static str,
    /// 0 (words) to 4 (checks).
    pub(crate) floor: u8,
}

const fn place(floor: u8, name: &'static str, folder: &'static str) -> Place {
    Place { name, folder, floor }
}

/// Every crate that has a place of its own, also those that are not built yet.
pub(crate) const PLACES: &[Place] = &[
    // Words.
    place(0, "gatherd-model", "native-plugins/model"),
    place(0, "gatherd-abi", "native-plugins/abi"),
    place(0, "gatherd-api-types", "api/types"),
    // Cores.
    place(1, "gatherd-engine", "daemon/engine"),
    place(1, "gatherd-clock", "daemon/clock"),
    place(1, "gatherd-handover", "daemon/handover"),
    place(1, "gatherd-api", "api/server"),
    place(1, "gatherd-client", "api/client"),
    place(1, "gatherd-sdk", "native-plugins/sdk"),
    place(1, "gatherd-loader", "native-plugins/loader"),
    place(1, "gatherd-wire", "native-plugins/wire"),
    // Adapters.
    place(2, "gatherd-keystone", "api/keystone"),
    place(2, "gatherd-management", "daemon/management"),
    place(2, "gatherd-timekeeping", "daemon/timekeeping"),
    place(2, "gatherd-machine", "daemon/machine"),
    place(2, "gatherd-kinds", "daemon/kinds"),
    place(2, "gatherd-outputs", "daemon/outputs"),
    place(2, "gatherd-cluster", "daemon/cluster"),
    place(2, "gatherd-testkit", "native-plugins/testkit"),
    // Binaries.
    place(3, "gatherd", "daemon/gatherd"),
    place(3, "gatherctl", "daemon/gatherctl"),
    place(3, "gatherd-host", "native-plugins/host"),
    place(3, "gatherd-collectd-host", "native-plugins/collectd-host"),
    // Checks.
    place(4, "gatherd-openapi", "openapi/check"),
    place(4, "gatherd-compat", "tests/compat"),
    place(4, "gatherd-e2e", "tests/e2e"),
    place(4, "xtask", "packaging/xtask"),
    place(4, "gatherd-benches", "benches"),
];

/// Folders whose sub-folders are one crate each, all on the floor beside them.
pub(crate) const FAMILIES: &[(&str, u8)] = &[("native-plugins/plugins/", 3), ("tests/plugins/", 4)];

/// Which top folder may use which other; inside one top folder only the floors count.
pub(crate) const BRIDGES: &[(&str, &str)] = &[
    ("daemon", "api"),
    ("daemon", "native-plugins"),
    ("openapi", "api"),
    ("tests", "api"),
    ("tests", "native-plugins"),
    ("benches", "api"),
    ("benches", "native-plugins"),
    ("fuzz", "native-plugins"),
    ("packaging", "native-plugins"),
];

/// Plays the daemon for a plugin under test. Crates of its own top folder may take it as a dev-dependency from
/// any floor: their tests, not they themselves, stand on it.
pub(crate) const TESTKIT: &str = "gatherd-testkit";

/// What a crate must not reach, also not through others; tests aside.
pub(crate) const OUT_OF_REACH: &[(&str, &[&str])] =
    &[("gatherd-engine", &["actix-web", "hyper", "libloading", "reqwest"])];

/// Crates that use only these of ours.
pub(crate) const ONLY_THESE: &[(&str, &[&str])] = &[("gatherctl", &["gatherd-client", "gatherd-api-types"])];
