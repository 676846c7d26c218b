//! `cargo xtask abi`: the committed C header of the plugin contract is what the Rust file says.
//!
//! `cbindgen` translates; this file gives it C names for all public items, because it can put a prefix before a
//! Rust name but not make a C name of it, and turns the links in the comments into those names.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, anyhow};

use crate::generated::{self, Mode};
use crate::workspace::Workspace;

const SOURCE: &str = "native-plugins/abi/src/lib.rs";
const CONFIGURATION: &str = "native-plugins/abi/cbindgen.toml";
const HEADER: &str = "native-plugins/abi/include/gatherd_plugin.h";

/// C names of public Rust items, by their Rust names.
type Names = BTreeMap<String, String>;

/// Writes or compares the header.
///
/// # Errors
///
/// When the Rust file or the configuration cannot be read or translated, or the header is out of date.
pub(crate) fn settle(workspace: &Workspace, mode: Mode) -> anyhow::Result<()> {
    let path = workspace.root.join(SOURCE);
    let source = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let configuration = workspace.root.join(CONFIGURATION);
    let configuration = configuration.to_str().context("the repository's path is not UTF-8")?;
    let configuration = cbindgen::Config::from_file(configuration)
        .map_err(|reason| anyhow!("cannot use {CONFIGURATION}: {reason}"))?;
    let header = header(workspace, configuration, &source)?;
    generated::settle(&workspace.root.join(HEADER), &header, mode, "cargo xtask abi")
}

fn header(
    workspace: &Workspace,
    mut configuration: cbindgen::Config,
    source: &str,
) -> anyhow::Result<String> {
    let mut names = c_names(source);
    names.extend(configuration.export.rename.clone());
    configuration.export.include = names.keys().cloned().collect();
    configuration.export.rename = names.clone().into_iter().collect();
    let bindings = cbindgen::Builder::new()
        .with_config(configuration)
        .with_src(workspace.root.join(SOURCE))
        .generate()
        .with_context(|| format!("cannot translate {SOURCE} to C"))?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    let text = String::from_utf8(text).context("the header is not UTF-8")?;
    Ok(with_c_links(&text, &names))
}

/// C names for the public items at the left margin: `HostTable` → `gatherd_host_table`, `ABI_MAJOR` →
/// `GATHERD_ABI_MAJOR`.
fn c_names(source: &str) -> Names {
    let mut names = Names::new();
    for line in source.lines() {
        let mut words =
            line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
        if !line.starts_with("pub ") || words.next() != Some("pub") {
            continue;
        }
        match (words.next(), words.next()) {
            (Some("struct" | "union" | "enum" | "type"), Some(name)) => {
                names.insert(name.to_owned(), format!("gatherd_{}", snake(name)));
            }
            (Some("const"), Some(name)) if name != "fn" => {
                names.insert(name.to_owned(), format!("GATHERD_{name}"));
            }
            _ => {}
        }
    }
    names
}

/// `HostTable` → `host_table`.
fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for (at, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// Replaces links of the Rust docs by what they are called in C.
fn with_c_links(text: &str, names: &Names) -> String {
    let mut parts = text.split("[`");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        if let Some((link, rest)) = part.split_once("`]") {
            out.push_str(&c_link(link, names));
            out.push_str(rest);
        } else {
            out.push_str("[`");
            out.push_str(part);
        }
    }
    out
}

/// `Batch::time` → `gatherd_batch.time`, `Status::OK` → `GATHERD_STATUS_OK`; an unknown link stays as it is.
fn c_link(link: &str, names: &Names) -> String {
    let known = |name: &str| names.get(name).cloned().unwrap_or_else(|| name.to_owned());
    match link.split_once("::") {
        None => known(link),
        Some((owner, "register")) => format!("{}.register_", known(owner)), // A keyword of C.
        Some((owner, item)) if item.chars().any(char::is_lowercase) => format!("{}.{item}", known(owner)),
        Some((owner, item)) => format!("{}_{item}", known(owner).to_uppercase()),
    }
}
