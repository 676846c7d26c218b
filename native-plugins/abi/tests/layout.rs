//! The C header and the Rust file mean the same bytes: the C compiler is asked for every size and offset.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::mem::offset_of;
use std::path::Path;
use std::process::Command;

use gatherd_abi::{
    Batch, Capabilities, Description, Handle, HostTable, Identity, LogLevel, Meta, MetaKind, MetaNumber,
    Notification, PluginTable, RawValue, Registration, Source, SourceKind, Status, Text, ValueList,
    WriteBatch, WriteSample,
};

/// Sizes and offsets in bytes, by C expression.
type Layout = BTreeMap<String, usize>;

/// Adds a structure's size and the offset of each field. The closure names all fields of the structure: one
/// that is missing here does not compile.
macro_rules! structure {
    ($layout:ident, $name:ident { $($field:ident),* $(,)? }) => {
        let _all_fields = |$name { $($field: _),* }: $name| {};
        fields!($layout, $name { $($field),* });
    };
}

/// As `structure`, for unions, whose members no pattern can name together.
macro_rules! fields {
    ($layout:ident, $name:ident { $($field:ident),* $(,)? }) => {
        $layout.insert(format!("sizeof({})", c_name(stringify!($name))), size_of::<$name>());
        $(
            let offset = format!("offsetof({}, {})", c_name(stringify!($name)), c_field(stringify!($field)));
            $layout.insert(offset, offset_of!($name, $field));
        )*
    };
}

/// `HostTable` → `gatherd_host_table`.
fn c_name(rust: &str) -> String {
    let mut name = "gatherd".to_owned();
    for letter in rust.chars() {
        if letter.is_uppercase() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

/// The field's name in C, where one of them is a keyword.
fn c_field(rust: &str) -> &str {
    if rust == "register" { "register_" } else { rust }
}

fn rust_layout() -> Layout {
    let mut layout = Layout::new();
    structure! { layout, Text { data, len } }
    structure! { layout, Identity { host, plugin, plugin_instance, type_name, type_instance } }
    structure! { layout, Registration { identity, data_set, handle, status } }
    structure! { layout, Batch {
        size, time, interval, count, handles, offsets, values, times, intervals, results, meta,
    } }
    structure! { layout, ValueList { size, identity, time, interval, values, values_len, meta } }
    structure! { layout, Meta { name, kind, text, number } }
    structure! { layout, Notification { size, severity, time, message, identity, meta, meta_len } }
    structure! { layout, Source { name, kind, min, max } }
    structure! { layout, Description { size, identity, sources, sources_len } }
    structure! { layout, WriteSample {
        series, values, rates, values_len, time, interval,
    } }
    structure! { layout, WriteBatch { size, sample_size, count, samples } }
    structure! { layout, HostTable {
        abi_major, abi_minor, size, context, interval, log, complain, register, dispatch, dispatch_values,
        dispatch_notification, describe, register_many,
    } }
    structure! { layout, PluginTable {
        abi_major, abi_minor, size, name, version, description, config_schema, capabilities, configure, init,
        read, write, flush, notification, shutdown,
    } }
    fields! { layout, RawValue { counter, gauge, derive, absolute } }
    fields! { layout, MetaNumber { signed_integer, unsigned_integer, floating } }
    fields! { layout, Status {} }
    fields! { layout, LogLevel {} }
    fields! { layout, Capabilities {} }
    fields! { layout, Handle {} }
    fields! { layout, MetaKind {} }
    fields! { layout, SourceKind {} }
    layout
}

/// A C program that prints each expression and its value.
fn program(layout: &Layout) -> String {
    let mut program = "#include <gatherd_plugin.h>\n#include <stdio.h>\nint main(void) {\n".to_owned();
    for expression in layout.keys() {
        writeln!(program, "    printf(\"{expression}=%zu\\n\", {expression});").unwrap();
    }
    program + "    return 0;\n}\n"
}

/// What the C compiler says; `None` where there is none, which is noted as skipped.
fn c_layout(expressions: &Layout) -> Option<Layout> {
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    if Command::new(&compiler).arg("--version").output().is_err() {
        note_skipped("layout of the C header: there is no C compiler");
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("layout.c");
    let binary = directory.path().join("layout");
    fs::write(&source, program(expressions)).unwrap();
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    let built = Command::new(compiler)
        .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I"])
        .args([&include, Path::new("-o"), &binary, &source])
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let said = Command::new(binary).output().unwrap().stdout;
    let said = String::from_utf8(said).unwrap();
    let pair =
        |line: &str| line.split_once('=').map(|(left, right)| (left.to_owned(), right.parse().unwrap()));
    Some(said.lines().filter_map(pair).collect())
}

fn note_skipped(what: &str) {
    if let Some(log) = env::var_os("GATHERD_SKIP_LOG") {
        let mut log = OpenOptions::new().append(true).create(true).open(log).unwrap();
        writeln!(log, "SKIPPED: {what}").unwrap();
    }
}

#[test]
fn the_c_compiler_sees_the_same_sizes_and_offsets() {
    let rust = rust_layout();
    let Some(c) = c_layout(&rust) else { return };
    assert_eq!(c, rust);
}

#[test]
fn every_structure_of_the_contract_is_asked_for() {
    let source = include_str!("../src/lib.rs");
    let named = source.lines().filter_map(|line| {
        let rest = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub union "))?;
        rest.split(|c: char| !c.is_alphanumeric()).next()
    });
    let named: BTreeSet<String> = named.map(|name| format!("sizeof({})", c_name(name))).collect();
    let asked = rust_layout().into_keys().filter(|expression| expression.starts_with("sizeof"));
    assert_eq!(named, asked.collect());
}
