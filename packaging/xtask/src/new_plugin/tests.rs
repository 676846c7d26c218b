//! Skeletons in temporary directories. That they build, pass their tests and show values is tested end to end.

use std::process::Output;

use super::*;

/// The longest name that a plugin may have.
const LONGEST: &str = "a23456789_123456789-123456789_123456789_123456789_123456789_123";

fn repository() -> PathBuf {
    fs::canonicalize(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap()
}

/// The maker of the repository, called as the command does.
fn made(arguments: &[&str], dir: &Path) -> Output {
    Command::new(repository().join(MAKER)).args(arguments).arg("--dir").arg(dir).output().unwrap()
}

/// All files below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn assert_formatted(sources: &[&PathBuf]) {
    let mut formatter = Command::new("rustfmt");
    formatter.args(["--check", "--edition", "2024", "--config-path"]).arg(repository()).args(sources);
    assert!(formatter.status().unwrap().success(), "{sources:?}");
}

#[test]
fn no_name_of_the_template_is_left_over_and_the_formatter_likes_every_length() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "0-ab", LONGEST] {
        for (language, count) in [(None, 7), (Some("--c"), 7)] {
            let place = folder.path().join(language.unwrap_or("rust"));
            let arguments: Vec<&str> = [name].into_iter().chain(language).collect();
            let output = made(&arguments, &place);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let files = files(&place.join(name));
            assert_eq!(files.len(), count, "{files:?}");
            for file in &files {
                let text = fs::read_to_string(file).unwrap();
                assert!(!text.contains("skeleton") && !file.ends_with("skeleton.toml"), "{}", file.display());
            }
            let sources: Vec<_> =
                files.iter().filter(|file| file.extension().is_some_and(|it| it == "rs")).collect();
            assert_eq!(sources.len(), if language.is_none() { 3 } else { 0 });
            if !sources.is_empty() {
                assert_formatted(&sources);
            }
        }
    }
}

#[test]
fn a_dash_stays_in_the_name_and_not_in_the_identifier() {
    let folder = tempfile::tempdir().unwrap();
    assert!(made(&["my-disk"], folder.path()).status.success());
    let text = fs::read_to_string(folder.path().join("my-disk/src/lib.rs")).unwrap();
    assert!(text.contains("const NAME: &'static str = \"my-disk\";"), "{text}");
    assert!(text.contains("const PLUGIN: &str = \"my_disk\";"), "{text}");
}

#[test]
fn what_is_no_name_of_a_plugin_is_refused_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let longer = format!("{LONGEST}4");
    for name in ["", "Disk", "_a", "../a", "a/b", "a b", "a\nb", "ä", longer.as_str()] {
        let output = made(&[name], folder.path());
        assert_eq!(output.status.code(), Some(1), "{name}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("is no name for a plugin"), "{said}");
    }
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
}

#[test]
fn what_is_there_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("disk")).unwrap();
    fs::write(folder.path().join("disk/mine"), "mine").unwrap();
    fs::write(folder.path().join("file"), "mine").unwrap();
    for name in ["disk", "file"] {
        let output = made(&[name], folder.path());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(&format!("/{name}: it is there already")), "{said}");
    }
    let left = files(folder.path());
    assert_eq!(left, ["disk/mine", "file"].map(|name| folder.path().join(name)));
}

#[test]
fn one_of_ours_inherits_all_from_the_workspace_as_its_neighbours_do() {
    let folder = tempfile::tempdir().unwrap();
    assert!(made(&["disk"], folder.path()).status.success());
    let read = |path: &Path| -> toml_edit::DocumentMut { fs::read_to_string(path).unwrap().parse().unwrap() };
    let skeleton = read(&folder.path().join("disk/Cargo.toml"));
    let neighbour = read(&repository().join(PLUGINS).join("uptime/Cargo.toml"));
    for table in ["lib", "dependencies", "lints"] {
        assert_eq!(skeleton[table].to_string(), neighbour[table].to_string(), "{table}");
    }
    for (key, item) in skeleton["package"].as_table().unwrap() {
        let own = ["name", "description"].contains(&key);
        assert!(own || item.to_string() == neighbour["package"][key].to_string(), "{key}");
    }
    assert!(!folder.path().join("disk/Cargo.lock").exists());
}

#[test]
fn a_plugin_in_c_among_ours_is_refused() {
    let workspace = Workspace { root: repository(), target: PathBuf::from("/nonexistent") };
    let error = make(&workspace, "disk_c", true, None).unwrap_err().to_string();
    assert_eq!(
        error,
        "the plugins in native-plugins/plugins are crates: name another folder with --dir for one in C"
    );
}

#[test]
fn a_plugin_elsewhere_stands_on_the_sdk_and_takes_its_lock_file() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target");
    let workspace = Workspace { root: repository(), target: target.clone() };
    make(&workspace, "disk", false, Some(&folder.path().join("mine"))).unwrap();
    let place = folder.path().join("mine/disk");
    let manifest = fs::read_to_string(place.join("Cargo.toml")).unwrap();
    let sdk = fs::canonicalize(target.join("gatherd/sdk")).unwrap();
    assert!(manifest.contains(&format!("path = \"{}/rust/sdk\"", sdk.display())), "{manifest}");
    assert!(!manifest.contains("@SDK@"), "{manifest}");
    let [lock, theirs] =
        [place.join("Cargo.lock"), sdk.join("rust/Cargo.lock")].map(|path| fs::read(path).unwrap());
    assert!(lock == theirs);
}
