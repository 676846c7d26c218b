//! The SDK of this very repository, laid out in temporary directories.

use std::collections::BTreeSet;
use std::env;
use std::os::unix::fs::MetadataExt;

use super::*;

/// This repository, with a target directory that nothing is written to.
fn repository() -> Workspace {
    let root = fs::canonicalize(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap();
    Workspace { root, target: PathBuf::from("/nonexistent") }
}

/// All files below `folder`, by path below it, with their inodes.
fn files(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let inode = fs::metadata(&path).unwrap().ino();
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), inode);
            }
        }
    }
    found
}

/// Name and version of each package in a lock file.
fn locked(path: &Path) -> BTreeSet<(String, String)> {
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let value = |line: &str| line.split('"').nth(1).unwrap_or_default().to_owned();
    let packages = lines.windows(2).filter(|pair| pair[0].starts_with("name = "));
    packages.map(|pair| (value(pair[0]), value(pair[1]))).collect()
}

#[test]
fn it_holds_what_an_author_needs_and_no_tests() {
    let tree = tree(&repository().root).unwrap();
    let folders: BTreeSet<&str> = tree
        .keys()
        .filter_map(|path| path.strip_prefix(RUST).ok()?.parent()?.to_str())
        .filter(|folder| !folder.is_empty() && !folder.contains('/'))
        .collect();
    assert_eq!(folders, BTreeSet::from(["abi", "loader", "model", "sdk", "testkit"]));
    for path in [
        "new-plugin",
        "include/gatherd_plugin.h",
        "rust/abi/include/gatherd_plugin.h",
        "templates/c/plugin.c",
    ] {
        assert!(tree.contains_key(Path::new(path)), "{path}");
    }
    assert!(!tree.keys().any(|path| path.starts_with("rust/sdk/tests")));
    assert_eq!(tree[Path::new("new-plugin")].mode, 0o755);
    assert_eq!(tree[Path::new("rust/sdk/src/lib.rs")].mode, 0o644);
}

#[test]
fn its_workspace_resolves_by_itself_to_the_versions_of_ours() {
    let workspace = repository();
    let folder = tempfile::tempdir().unwrap();
    lay_out(&workspace, folder.path()).unwrap();
    let rust = folder.path().join("rust");
    let mut cargo = workspace.cargo(["tree", "--offline", "--locked", "--workspace", "--prefix", "none"]);
    let output = cargo.current_dir(&rust).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let real = fs::canonicalize(&rust).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let ours = text.lines().filter(|line| line.contains("(/"));
    assert!(ours.clone().count() >= 5, "{text}");
    for line in ours {
        assert!(line.contains(&*real.to_string_lossy()) || line.contains("(proc-macro"), "{line}");
    }
    let (theirs, all) = (locked(&rust.join("Cargo.lock")), locked(&workspace.root.join("Cargo.lock")));
    let strange: Vec<_> = theirs.difference(&all).collect();
    assert_eq!(strange, Vec::<&(String, String)>::new());
    assert!(theirs.len() < all.len() / 2, "{} of {}", theirs.len(), all.len());
}

#[test]
fn the_manifest_of_a_skeleton_stands_alone() {
    let tree = tree(&repository().root).unwrap();
    let text = String::from_utf8(tree[Path::new("templates/rust/Cargo.toml")].content.clone()).unwrap();
    let manifest: toml_edit::DocumentMut = text.parse().unwrap();
    assert!(!text.contains("workspace = true"), "{text}");
    assert!(manifest["workspace"].is_table());
    assert_eq!(manifest["dependencies"]["gatherd-sdk"]["path"].as_str(), Some("@SDK@/rust/sdk"));
    assert_eq!(manifest["dev-dependencies"]["gatherd-testkit"]["path"].as_str(), Some("@SDK@/rust/testkit"));
    assert_eq!(manifest["lints"]["clippy"]["unwrap_used"].as_str(), Some("deny"));
    assert_eq!(manifest["package"]["edition"].as_str(), Some("2024"));
    assert!(manifest["package"].get("license").is_none());
}

#[test]
fn laying_it_out_again_touches_no_file_but_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let tree = tree(&repository().root).unwrap();
    settle(folder.path(), &tree).unwrap();
    let before = files(folder.path());
    settle(folder.path(), &tree).unwrap();
    assert_eq!(files(folder.path()), before);
    assert_eq!(before.len(), tree.len());
}

#[test]
fn what_is_no_more_goes_and_what_others_made_stays() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("sdk");
    let file = |text: &str| File::text(text.to_owned());
    let old = Tree::from([("a/old.rs".into(), file("1")), (LIST.into(), file("a/old.rs\n"))]);
    settle(&dir, &old).unwrap();
    fs::write(dir.join("a/notes.txt"), "mine").unwrap();
    let new = Tree::from([("a/new.rs".into(), file("2")), (LIST.into(), file("a/new.rs\n"))]);
    settle(&dir, &new).unwrap();
    let found: Vec<PathBuf> = files(&dir).into_keys().collect();
    assert_eq!(found, ["FILES", "a/new.rs", "a/notes.txt"].map(PathBuf::from));
}

#[test]
fn a_list_that_names_what_lies_elsewhere_removes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, other) = (folder.path().join("sdk"), folder.path().join("other"));
    fs::create_dir(&dir).unwrap();
    fs::write(&other, "mine").unwrap();
    fs::write(dir.join(LIST), format!("../other\n{}\n", other.display())).unwrap();
    settle(&dir, &Tree::new()).unwrap();
    assert_eq!(fs::read_to_string(&other).unwrap(), "mine");
}

#[test]
fn modes_and_content_are_mended() {
    let folder = tempfile::tempdir().unwrap();
    let tree = Tree::from([("a/b".into(), File::text("right".to_owned()))]);
    settle(folder.path(), &tree).unwrap();
    let [a, b] = ["a", "a/b"].map(|path| folder.path().join(path));
    fs::write(&b, "wrong").unwrap();
    fs::set_permissions(&b, fs::Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(&a, fs::Permissions::from_mode(0o777)).unwrap();
    settle(folder.path(), &tree).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&a), mode(&b)), (0o755, 0o644));
    assert_eq!(fs::read_to_string(&b).unwrap(), "right");
}
