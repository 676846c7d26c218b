//! The rule of the floors on made-up graphs.

use super::rule::{Fault, Graph, Member, Need, faults};

/// Name, folder, and what is declared.
type Line<'a> = (&'a str, &'a str, &'a [(&'a str, Need)]);

/// A graph of members, each with its folder and what it declares; what is declared to build is also built with.
fn graph(members: &[Line<'_>]) -> Graph {
    let mut graph = Graph::default();
    for &(name, folder, declares) in members {
        let declares = declares.iter().map(|&(used, need)| (used.to_owned(), need)).collect();
        graph.members.insert(name.to_owned(), Member { folder: folder.to_owned(), declares });
    }
    for (name, member) in &graph.members {
        let built = member.declares.iter().filter(|(_used, need)| *need == Need::Build);
        graph.builds_with.insert(name.clone(), built.map(|(used, _need)| used.clone()).collect());
    }
    graph
}

const ABI: Line<'_> = ("gatherd-abi", "native-plugins/abi", &[]);
const SDK: Line<'_> =
    ("gatherd-sdk", "native-plugins/sdk", &[("gatherd-abi", Need::Build), ("gatherd-testkit", Need::Test)]);
const TESTKIT: Line<'_> = ("gatherd-testkit", "native-plugins/testkit", &[("gatherd-sdk", Need::Build)]);

#[test]
fn arrows_that_point_down_are_no_fault() {
    let plugin = (
        "gatherd-plugin-cpu",
        "native-plugins/plugins/cpu",
        &[("gatherd-sdk", Need::Build), ("gatherd-testkit", Need::Test), ("serde", Need::Build)][..],
    );
    assert_eq!(faults(&graph(&[ABI, SDK, TESTKIT, plugin])), []);
}

#[test]
fn a_crate_must_not_use_its_own_floor() {
    let loader = ("gatherd-loader", "native-plugins/loader", &[("gatherd-sdk", Need::Build)][..]);
    assert_eq!(
        faults(&graph(&[ABI, SDK, TESTKIT, loader])),
        [Fault::NotDownwards { user: "gatherd-loader".into(), from: 1, used: "gatherd-sdk".into(), to: 1 }]
    );
}

#[test]
fn a_dev_dependency_counts_like_any_other() {
    let model = ("gatherd-model", "native-plugins/model", &[("gatherd-sdk", Need::Test)][..]);
    assert_eq!(
        faults(&graph(&[ABI, SDK, TESTKIT, model])),
        [Fault::NotDownwards { user: "gatherd-model".into(), from: 0, used: "gatherd-sdk".into(), to: 1 }]
    );
}

#[test]
fn the_testkit_is_open_to_tests_only() {
    let loader = ("gatherd-loader", "native-plugins/loader", &[("gatherd-testkit", Need::Build)][..]);
    assert_eq!(
        faults(&graph(&[ABI, SDK, TESTKIT, loader])),
        [Fault::NotDownwards {
            user: "gatherd-loader".into(),
            from: 1,
            used: "gatherd-testkit".into(),
            to: 2
        }]
    );
}

#[test]
fn the_testkit_is_open_to_its_own_top_folder_only() {
    let kinds = ("gatherd-kinds", "daemon/kinds", &[("gatherd-testkit", Need::Test)][..]);
    assert_eq!(
        faults(&graph(&[ABI, SDK, TESTKIT, kinds])),
        [Fault::NotDownwards {
            user: "gatherd-kinds".into(),
            from: 2,
            used: "gatherd-testkit".into(),
            to: 2
        }]
    );
}

#[test]
fn the_api_uses_no_crate_of_the_daemon() {
    let engine = ("gatherd-engine", "daemon/engine", &[][..]);
    let api = ("gatherd-api", "api/server", &[("gatherd-engine", Need::Test)][..]);
    let not_downwards =
        Fault::NotDownwards { user: "gatherd-api".into(), from: 1, used: "gatherd-engine".into(), to: 1 };
    let no_bridge = Fault::NoBridge {
        user: "gatherd-api".into(),
        from: "api".into(),
        used: "gatherd-engine".into(),
        to: "daemon".into(),
    };
    assert_eq!(faults(&graph(&[engine, api])), [not_downwards, no_bridge]);
}

#[test]
fn the_tests_see_the_daemon_from_outside_only() {
    let engine = ("gatherd-engine", "daemon/engine", &[][..]);
    let client = ("gatherd-client", "api/client", &[][..]);
    let e2e =
        ("gatherd-e2e", "tests/e2e", &[("gatherd-client", Need::Build), ("gatherd-engine", Need::Build)][..]);
    assert_eq!(
        faults(&graph(&[engine, client, e2e])),
        [Fault::NoBridge {
            user: "gatherd-e2e".into(),
            from: "tests".into(),
            used: "gatherd-engine".into(),
            to: "daemon".into()
        }]
    );
}

#[test]
fn a_misbehaving_plugin_of_the_tests_is_built_with_the_sdk() {
    let panics = ("gatherd-test-panics", "tests/plugins/panics", &[("gatherd-sdk", Need::Build)][..]);
    assert_eq!(faults(&graph(&[ABI, SDK, TESTKIT, panics])), []);
}

#[test]
fn a_crate_without_a_line_in_the_table_is_named() {
    let stray = ("gatherd-stray", "daemon/stray", &[][..]);
    let nested = ("gatherd-nested", "native-plugins/plugins/cpu/nested", &[][..]);
    assert_eq!(
        faults(&graph(&[stray, nested])),
        [
            Fault::NoFloor {
                name: "gatherd-nested".into(),
                folder: "native-plugins/plugins/cpu/nested".into()
            },
            Fault::NoFloor { name: "gatherd-stray".into(), folder: "daemon/stray".into() },
        ]
    );
}

#[test]
fn a_crate_in_another_folder_than_the_table_says_is_named() {
    let moved = ("gatherd-abi", "daemon/abi", &[][..]);
    assert_eq!(
        faults(&graph(&[moved])),
        [Fault::WrongFolder {
            name: "gatherd-abi".into(),
            found: "daemon/abi".into(),
            place: "native-plugins/abi".into()
        }]
    );
}

#[test]
fn the_engine_does_not_reach_http_through_others() {
    let engine = ("gatherd-engine", "daemon/engine", &[("tiny", Need::Build)][..]);
    let mut graph = graph(&[engine]);
    graph.builds_with.insert("tiny".into(), ["web-kit".to_owned()].into());
    graph.builds_with.insert("web-kit".into(), ["actix-web".to_owned(), "tiny".to_owned()].into());
    assert_eq!(
        faults(&graph),
        [Fault::OutOfReach {
            user: "gatherd-engine".into(),
            used: "actix-web".into(),
            way: vec!["tiny".into(), "web-kit".into(), "actix-web".into()]
        }]
    );
}

#[test]
fn the_engine_may_test_with_what_it_is_not_built_with() {
    let engine = ("gatherd-engine", "daemon/engine", &[("libloading", Need::Test)][..]);
    assert_eq!(faults(&graph(&[engine])), []);
}

#[test]
fn the_command_line_uses_client_and_wire_types_only() {
    let types = ("gatherd-api-types", "api/types", &[][..]);
    let server = ("gatherd-api", "api/server", &[][..]);
    let gatherctl = (
        "gatherctl",
        "daemon/gatherctl",
        &[("gatherd-api", Need::Test), ("gatherd-api-types", Need::Build), ("clap", Need::Build)][..],
    );
    assert_eq!(
        faults(&graph(&[types, server, gatherctl])),
        [Fault::NotAmongItsFew {
            user: "gatherctl".into(),
            used: "gatherd-api".into(),
            allowed: vec!["gatherd-client".into(), "gatherd-api-types".into()]
        }]
    );
}

#[test]
fn a_fault_says_which_crate_and_what_is_allowed() {
    let fault = Fault::NotDownwards { user: "a".into(), from: 1, used: "b".into(), to: 2 };
    assert_eq!(fault.to_string(), "a (floor 1) uses b (floor 2): a crate uses only lower floors");
}
