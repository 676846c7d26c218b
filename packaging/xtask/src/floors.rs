//! `cargo xtask floors`: crates use only lower floors.
//!
//! This file asks cargo for the graph; `table` holds the floors, `rule` judges.

mod rule;
mod table;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, bail};
use cargo_metadata::{DependencyKind, Metadata, NodeDep, Package, PackageId};

use crate::floors::rule::{Graph, Member, Need};
use crate::workspace::Workspace;

/// Judges the whole workspace.
///
/// # Errors
///
/// When cargo cannot say who uses whom, or the rule is broken; every breach is named.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let graph = graph(&workspace.resolved()?, &workspace.root)?;
    let faults = rule::faults(&graph);
    if faults.is_empty() {
        println!("floors: {} crates, every arrow points down", graph.members.len());
        return Ok(());
    }
    let lines: Vec<String> = faults.iter().map(|fault| format!("  {fault}")).collect();
    bail!("the floors are broken:\n{}", lines.join("\n"));
}

fn graph(metadata: &Metadata, root: &Path) -> anyhow::Result<Graph> {
    let names: BTreeMap<&PackageId, &str> =
        metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
    let mut graph = Graph::default();
    for package in metadata.workspace_packages() {
        graph.members.insert(package.name.to_string(), member(package, root)?);
    }
    let resolve = metadata.resolve.as_ref().context("cargo did not resolve the dependencies")?;
    for node in &resolve.nodes {
        let built = node.deps.iter().filter(|used| is_built_with(used));
        let built = built.filter_map(|used| names.get(&used.pkg)).map(|&name| name.to_owned());
        let name = names.get(&node.id).context("cargo resolved a crate that it does not describe")?;
        graph.builds_with.entry((*name).to_owned()).or_default().extend(built);
    }
    Ok(graph)
}

fn member(package: &Package, root: &Path) -> anyhow::Result<Member> {
    let folder = package.manifest_path.parent().context("a Cargo.toml lies in no folder")?;
    let folder = folder.strip_prefix(root).with_context(|| format!("{folder} is outside the repository"))?;
    let declares: BTreeSet<(String, Need)> = package
        .dependencies
        .iter()
        .map(|used| match used.kind {
            DependencyKind::Development => (used.name.clone(), Need::Test),
            _ => (used.name.clone(), Need::Build),
        })
        .collect();
    Ok(Member { folder: folder.to_string(), declares })
}

fn is_built_with(used: &NodeDep) -> bool {
    used.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development)
}
