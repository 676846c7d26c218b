//! Naming for C, and one header from a small contract.

use std::path::PathBuf;

use super::*;

fn names() -> Names {
    c_names("pub struct HostTable {\npub struct Status(pub i32);\npub const ABI_MAJOR: u32 = 1;\n")
}

#[test]
fn types_get_snake_case_and_constants_keep_their_case() {
    let expected = [
        ("ABI_MAJOR", "GATHERD_ABI_MAJOR"),
        ("HostTable", "gatherd_host_table"),
        ("Status", "gatherd_status"),
    ];
    assert_eq!(names(), expected.map(|(rust, c)| (rust.to_owned(), c.to_owned())).into());
}

#[test]
fn functions_and_what_is_not_public_get_no_name() {
    let source =
        "struct Own;\npub const fn one() {}\npub fn two() {}\n    pub const OK: Self = 1;\npub mod x;\n";
    assert_eq!(c_names(source), Names::new());
}

#[test]
fn links_become_what_c_calls_them() {
    let text = "/* See [`Status::OK`], [`HostTable::log`], [`HostTable`] and [`ABI_MAJOR`]. */";
    assert_eq!(
        with_c_links(text, &names()),
        "/* See GATHERD_STATUS_OK, gatherd_host_table.log, gatherd_host_table and GATHERD_ABI_MAJOR. */"
    );
}

#[test]
fn an_unknown_or_open_link_loses_nothing_but_its_marks() {
    assert_eq!(with_c_links("See [`Vec`].", &names()), "See Vec.");
    assert_eq!(with_c_links("A [`half", &names()), "A [`half");
}

#[test]
fn the_header_of_the_contract_has_c_names_only() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let configuration = cbindgen::Config::from_file(root.join(CONFIGURATION)).unwrap();
    let workspace = Workspace { target: root.join("target"), root };
    let source = fs::read_to_string(workspace.root.join(SOURCE)).unwrap();
    let header = header(&workspace, configuration, &source).unwrap();
    for expected in [
        "#ifndef GATHERD_PLUGIN_H",
        "#define GATHERD_ABI_MAJOR 1",
        "#define GATHERD_STATUS_OK 0",
        "typedef struct gatherd_host_table {",
        "const gatherd_plugin_table *gatherd_plugin_entry(uint32_t host_abi_major);",
    ] {
        assert!(header.contains(expected), "{expected:?} is not in\n{header}");
    }
    assert_eq!(header.matches("[`").count(), 0);
}
