//! Each reason not to open a library, by name.

use std::collections::HashSet;
use std::error::Error;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use crate::shop::{Shop, private_directory, set_mode};
use gatherd_loader::{Digest, Loader, OpenError, Trust, Unsafe};

fn refused(path: &Path) -> OpenError {
    match Loader::new().open(path, Trust::Operator) {
        Err(error) => error,
        Ok(library) => panic!("{} opens: {:?}", path.display(), library.manifest()),
    }
}

/// The error for `table.c` built with `arguments`, without the path.
fn bad_table(test: &str, arguments: &[&str]) -> Option<String> {
    let shop = Shop::open(test)?;
    let path = shop.build("t.so", "table.c", arguments);
    let error = refused(&path);
    assert!(matches!(error, OpenError::BadTable { .. }), "{error:?}");
    Some(error.to_string().replace(&*path.to_string_lossy(), "t.so"))
}

#[test]
fn a_good_library_tells_its_manifest() {
    let Some(shop) = Shop::open("a_good_library_tells_its_manifest") else {
        return;
    };
    let path = shop.build("good.so", "table.c", &[]);
    let library = Loader::new().open(&path, Trust::Operator).unwrap();
    let manifest = library.manifest();
    assert_eq!(manifest.name, "table");
    assert_eq!(manifest.version, "1");
    assert_eq!(manifest.description, "Nothing");
    assert_eq!(manifest.config_schema, serde_json::json!({ "type": "object" }));
    assert_eq!(manifest.abi, (1, 0));
    assert_eq!(manifest.file_name, "good.so");
    assert_eq!(manifest.digest.to_string().len(), 64);
    assert_eq!(library.configure("{}"), Ok(()));
}

#[test]
fn a_missing_file_is_named() {
    let directory = private_directory();
    let path = directory.path().join("nobody.so");
    let error = refused(&path);
    assert!(matches!(error, OpenError::Missing { .. }), "{error:?}");
    assert_eq!(error.to_string(), format!("there is no plugin library {}", path.display()));
    let error = refused(&directory.path().join("nowhere").join("nobody.so"));
    assert!(matches!(error, OpenError::Missing { .. }), "{error:?}");
}

#[test]
fn a_name_that_the_system_refuses_is_told_with_its_words() {
    let directory = private_directory();
    let error = refused(&directory.path().join("n".repeat(300)));
    let OpenError::Io { step, source, .. } = error else { panic!("{error:?}") };
    assert_eq!((step, source.raw_os_error()), ("open", Some(36)));
}

#[test]
fn text_is_no_library() {
    let directory = private_directory();
    let path = directory.path().join("text.so");
    fs::write(&path, "This is no library at all.\n").unwrap();
    set_mode(&path, 0o644);
    let error = refused(&path);
    let OpenError::NotALibrary { what, .. } = error else { panic!("{error:?}") };
    assert_eq!(what, "it does not begin with the ELF mark");
}

#[test]
fn an_empty_file_and_a_directory_are_no_libraries() {
    let directory = private_directory();
    let path = directory.path().join("empty.so");
    File::create(&path).unwrap();
    set_mode(&path, 0o644);
    let error = refused(&path);
    assert!(matches!(error, OpenError::NotALibrary { what: "it is too short", .. }), "{error:?}");
    let error = refused(Path::new("/"));
    assert!(matches!(error, OpenError::NotALibrary { what: "it is a directory", .. }), "{error:?}");
}

#[test]
fn a_library_for_another_machine_is_named() {
    let Some(shop) = Shop::open("a_library_for_another_machine_is_named") else {
        return;
    };
    let path = shop.build("other.so", "table.c", &[]);
    let mut bytes = fs::read(&path).unwrap();
    bytes[18] = 22; // s390x, in the order of bytes of this machine.
    bytes[19] = 0;
    fs::write(&path, bytes).unwrap();
    let error = refused(&path);
    let OpenError::OtherArchitecture { found, expected, .. } = error else { panic!("{error:?}") };
    assert_eq!((&*found, expected), ("s390x (64 bits, little endian)", std::env::consts::ARCH));
}

#[test]
fn a_directory_that_others_may_write_is_refused() {
    let Some(shop) = Shop::open("a_directory_that_others_may_write_is_refused") else {
        return;
    };
    let path = shop.build("t.so", "table.c", &[]);
    let directory = path.parent().unwrap();
    for mode in [0o770, 0o703, 0o1777] {
        set_mode(directory, mode);
        let error = refused(&path);
        let OpenError::UnsafeDirectory { path, why } = error else { panic!("{error:?}") };
        assert_eq!((&*path, why), (directory, Unsafe::Writable { mode }));
    }
    set_mode(directory, 0o755);
    assert!(Loader::new().open(&path, Trust::Operator).is_ok());
}

#[test]
fn a_file_that_others_may_write_is_refused() {
    let Some(shop) = Shop::open("a_file_that_others_may_write_is_refused") else {
        return;
    };
    let path = shop.build("t.so", "table.c", &[]);
    set_mode(&path, 0o666);
    let error = refused(&path);
    assert!(
        matches!(error, OpenError::UnsafeFile { why: Unsafe::Writable { mode: 0o666 }, .. }),
        "{error:?}"
    );
}

#[test]
fn a_symbolic_link_is_refused() {
    let Some(shop) = Shop::open("a_symbolic_link_is_refused") else {
        return;
    };
    let path = shop.build("t.so", "table.c", &[]);
    let link = shop.path("link.so");
    symlink(&path, &link).unwrap();
    let error = refused(&link);
    assert!(matches!(error, OpenError::UnsafeFile { why: Unsafe::Link, .. }), "{error:?}");
}

#[test]
fn directories_and_sockets_are_refused_without_waiting() {
    let directory = private_directory();
    let inner = directory.path().join("inner.so");
    fs::create_dir(&inner).unwrap();
    let error = refused(&inner);
    assert!(matches!(error, OpenError::UnsafeFile { why: Unsafe::NotRegular, .. }), "{error:?}");
    let socket = directory.path().join("socket.so");
    let _listener = UnixListener::bind(&socket).unwrap();
    let error = refused(&socket);
    assert!(matches!(error, OpenError::Io { step: "open", .. }), "{error:?}");
}

#[test]
fn a_file_beyond_all_bounds_is_not_read() {
    let directory = private_directory();
    let path = directory.path().join("huge.so");
    File::create(&path).unwrap().set_len((512 << 20) + 1).unwrap();
    set_mode(&path, 0o644);
    let error = refused(&path);
    assert!(matches!(error, OpenError::TooLarge { size: 536_870_913, limit: 536_870_912, .. }), "{error:?}");
}

#[test]
fn only_listed_digests_open_where_a_list_counts() {
    let Some(shop) = Shop::open("only_listed_digests_open_where_a_list_counts") else {
        return;
    };
    let path = shop.build("t.so", "table.c", &[]);
    let loader = Loader::new();
    let error = loader.open(&path, Trust::Listed(&HashSet::from([Digest([0; 32])]))).unwrap_err();
    let OpenError::NotListed { digest, .. } = error else { panic!("{error:?}") };
    assert_eq!(loader.loaded(), 0);
    let library = loader.open(&path, Trust::Listed(&HashSet::from([digest]))).unwrap();
    assert_eq!(library.manifest().digest, digest);
}

#[test]
fn an_unresolved_symbol_is_told_with_the_librarys_own_name() {
    let Some(shop) = Shop::open("an_unresolved_symbol_is_told_with_the_librarys_own_name") else {
        return;
    };
    let path = shop.build("t.so", "table.c", &["-DUNRESOLVED"]);
    let error = refused(&path);
    assert!(matches!(error, OpenError::Load { .. }), "{error:?}");
    let said = error.source().unwrap().to_string();
    let wanted = format!("{}: undefined symbol: gatherd_test_nobody_defines_this", path.display());
    assert_eq!(said, wanted);
}

#[test]
fn a_library_that_ends_early_does_not_load() {
    let Some(shop) = Shop::open("a_library_that_ends_early_does_not_load") else {
        return;
    };
    let path = shop.build("t.so", "table.c", &[]);
    let bytes = fs::read(&path).unwrap();
    for len in [20, 64, 200, 4096, bytes.len() * 3 / 4] {
        let cut = shop.path("cut.so");
        fs::write(&cut, &bytes[..len]).unwrap();
        set_mode(&cut, 0o755);
        let error = refused(&cut);
        assert!(matches!(error, OpenError::NotALibrary { what: "it is cut off", .. }), "{len}: {error:?}");
    }
}

#[test]
fn a_library_without_the_entry_symbol_is_no_plugin() {
    let Some(shop) = Shop::open("a_library_without_the_entry_symbol_is_no_plugin") else {
        return;
    };
    let error = refused(&shop.build("t.so", "table.c", &["-DNO_ENTRY"]));
    assert!(matches!(error, OpenError::NoEntry { symbol: "gatherd_plugin_entry", .. }), "{error:?}");
}

#[test]
fn another_abi_is_named_with_both_numbers() {
    let Some(shop) = Shop::open("another_abi_is_named_with_both_numbers") else {
        return;
    };
    let path = shop.build("t.so", "table.c", &["-DMAJOR=2"]);
    assert_eq!(
        refused(&path).to_string(),
        format!("{} speaks plugin ABI 2, this daemon speaks 1", path.display())
    );
    let error = refused(&shop.build("u.so", "table.c", &["-DUNWILLING"]));
    assert!(matches!(error, OpenError::Unwilling { expected: 1, .. }), "{error:?}");
}

#[test]
fn a_small_table_is_named_with_both_sizes() {
    let Some(said) = bad_table("a_small_table_is_named_with_both_sizes", &["-DSIZE=16"]) else {
        return;
    };
    assert_eq!(said, "the table of plugin t.so is wrong: it has 16 bytes, at least 144 are wanted");
}

#[test]
fn a_name_that_breaks_the_rule_is_named() {
    let test = "a_name_that_breaks_the_rule_is_named";
    for name in ["", "Table", "-t", "t t", "t/t", "t\\n"] {
        let Some(said) = bad_table(test, &[&format!("-DNAME=\"{name}\"")]) else {
            return;
        };
        let wanted = format!("its name `{name}` is not [a-z0-9][a-z0-9_-]{{0,62}}");
        assert_eq!(said, format!("the table of plugin t.so is wrong: {wanted}"));
    }
    let long = format!("-DNAME=\"{}\"", "n".repeat(64));
    let said = bad_table(test, &[&long]).unwrap();
    assert_eq!(said, "the table of plugin t.so is wrong: its name has 64 bytes, at most 63 are allowed");
    let said = bad_table(test, &["-DNAME=\"\\xff\""]).unwrap();
    assert_eq!(said, "the table of plugin t.so is wrong: its name is not UTF-8");
    let said = bad_table(test, &["-DNULL_NAME"]).unwrap();
    assert_eq!(said, "the table of plugin t.so is wrong: its name is a null pointer");
}

#[test]
fn a_schema_that_is_no_object_is_refused() {
    for schema in ["[]", "{", "7"] {
        let argument = format!("-DSCHEMA=\"{schema}\"");
        let Some(said) = bad_table("a_schema_that_is_no_object_is_refused", &[&argument]) else {
            return;
        };
        assert_eq!(said, "the table of plugin t.so is wrong: its config_schema is no JSON object");
    }
}

#[test]
fn missing_callbacks_are_named() {
    let cases = [("-DNO_INIT", "init"), ("-DCAPABILITIES=1", "read"), ("-DCAPABILITIES=2", "write")];
    let more = [("-DCAPABILITIES=4", "flush"), ("-DCAPABILITIES=8", "notification")];
    for (argument, callback) in cases.into_iter().chain(more) {
        let Some(said) = bad_table("missing_callbacks_are_named", &[argument]) else {
            return;
        };
        assert_eq!(said, format!("the table of plugin t.so is wrong: the callback {callback} is missing"));
    }
}
