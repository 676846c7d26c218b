//! The house style on made-up files.

use super::*;

fn too_long(file: &str, lines: usize) -> Vec<Fault> {
    vec![Fault::TooLong { file: file.into(), lines }]
}

#[test]
fn a_file_that_opens_with_code_is_named() {
    assert_eq!(file_faults("a.rs", "use std::fs;\n//! Late.\n"), [Fault::NoFileDocs { file: "a.rs".into() }]);
    assert_eq!(file_faults("a.rs", ""), [Fault::NoFileDocs { file: "a.rs".into() }]);
    assert_eq!(file_faults("a.rs", "//! Purpose.\n"), []);
}

#[test]
fn six_hundred_lines_are_allowed_and_one_more_is_not() {
    let text = |lines: usize| format!("//! Purpose.\n{}", "// Line.\n".repeat(lines - 1));
    assert_eq!(file_faults("a.rs", &text(600)), []);
    assert_eq!(file_faults("a.rs", &text(601)), too_long("a.rs", 601));
}

#[test]
fn files_of_tests_may_be_long() {
    let text = format!("//! Purpose.\n{}", "// Line.\n".repeat(900));
    assert_eq!(file_faults("daemon/engine/src/cache/tests.rs", &text), []);
    assert_eq!(file_faults("api/server/tests/auth.rs", &text), []);
    assert_eq!(file_faults("api/server/src/latests.rs", &text), too_long("api/server/src/latests.rs", 901));
}

#[test]
fn a_test_module_is_not_counted_wherever_it_stands() {
    let text = "//! Purpose.\n#[cfg(test)]\nmod tests {\n    fn one() {\n    }\n}\nfn two() {}\n";
    assert_eq!(lines_without_tests(text), 2);
}

#[test]
fn a_test_module_may_have_attributes_or_be_elsewhere() {
    let attributes = "//! Purpose.\n#[cfg(test)]\n#[expect(dead_code)]\nmod tests {\n}\n";
    assert_eq!(lines_without_tests(attributes), 1);
    assert_eq!(lines_without_tests("//! Purpose.\n#[cfg(test)]\nmod tests;\nfn one() {}\n"), 2);
    assert_eq!(lines_without_tests("//! Purpose.\n#[cfg(all(test, unix))]\nmod tests {}\nfn one() {}\n"), 2);
}

#[test]
fn what_is_no_module_counts_also_under_cfg_test() {
    let text = "//! Purpose.\n#[cfg(test)]\nfn only_for_tests() {\n}\n";
    assert_eq!(lines_without_tests(text), 4);
}

#[test]
fn a_test_module_that_never_ends_counts() {
    assert_eq!(lines_without_tests("//! Purpose.\n#[cfg(test)]\nmod tests {\n    fn one() {}\n"), 4);
}

#[test]
fn crate_roots_forbid_unsafe_code() {
    let fault = unsafe_fault("gatherd-engine", "daemon/engine/src/lib.rs", "//! Purpose.\n");
    let file = "daemon/engine/src/lib.rs".to_owned();
    assert_eq!(fault, Some(Fault::UnsafeAllowed { file, wanted: "#![forbid(unsafe_code)]" }));
    let text = "//! Purpose.\n#![forbid(unsafe_code)]\n";
    assert_eq!(unsafe_fault("gatherd-engine", "daemon/engine/src/lib.rs", text), None);
}

#[test]
fn denying_is_enough_for_plugins_only() {
    let text = "//! Purpose.\n#![deny(unsafe_code)]\n";
    assert_eq!(unsafe_fault("gatherd-plugin-df", "native-plugins/plugins/df/src/lib.rs", text), None);
    assert_eq!(unsafe_fault("gatherd-test-panics", "tests/plugins/panics/src/lib.rs", text), None);
    let file = "daemon/engine/src/lib.rs".to_owned();
    let fault = unsafe_fault("gatherd-engine", &file, text);
    assert_eq!(fault, Some(Fault::UnsafeAllowed { file, wanted: "#![forbid(unsafe_code)]" }));
}

#[test]
fn a_comment_about_the_attribute_is_not_the_attribute() {
    let file = "native-plugins/plugins/df/src/lib.rs".to_owned();
    let fault = unsafe_fault("gatherd-plugin-df", &file, "//! Purpose.\n// #![deny(unsafe_code)]\n");
    assert_eq!(fault, Some(Fault::UnsafeAllowed { file, wanted: "#![deny(unsafe_code)]" }));
}

#[test]
fn the_c_contract_may_be_unsafe() {
    assert_eq!(unsafe_fault("gatherd-abi", "native-plugins/abi/src/lib.rs", "//! Purpose.\n"), None);
}

#[test]
fn names_that_say_nothing_are_refused() {
    for name in ["gatherd-common", "gatherd-util", "core", "gatherd-core-types"] {
        assert_eq!(name_fault(name), Some(Fault::EmptyName { name: name.into() }));
    }
    assert_eq!(name_fault("gatherd-score"), None);
    assert_eq!(name_fault("gatherd-engine"), None);
}

#[test]
fn hidden_and_built_folders_are_not_looked_into() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["src/one.rs", "target/two.rs", ".git/three.rs", "src/four.txt"] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    assert_eq!(rust_files(folder.path()).unwrap(), [folder.path().join("src/one.rs")]);
}
