//! Manifests that need no repository: ours, with what they inherit filled in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

use super::text_of;

/// Stands in the template for the place of the SDK.
const PLACE: &str = "@SDK@";

/// What heads the workspace of the SDK.
const HEAD: &str = "# The crates that an author of plugins needs, with the versions that the daemon was built with.\n\
                    # Made from the daemon's own workspace: nothing here is to be edited.\n";

/// Tables of dependencies that a build uses.
const NEEDS: [&str; 2] = ["dependencies", "build-dependencies"];

/// The workspace's manifest, and those of the crates that the SDK holds.
#[derive(Debug)]
pub(super) struct Manifests {
    workspace: DocumentMut,
    /// By folder in the SDK.
    crates: BTreeMap<String, Crate>,
}

/// One crate that the SDK holds.
#[derive(Debug)]
struct Crate {
    name: String,
    /// Folder in the repository, from its top.
    source: PathBuf,
    manifest: DocumentMut,
}

impl Manifests {
    /// Reads the manifest of the workspace at `root`, and those of the crates `roots` and all of ours below them.
    pub(super) fn read(root: &Path, roots: &[&str]) -> anyhow::Result<Self> {
        let workspace = parse(&root.join("Cargo.toml"))?;
        let mut manifests = Self { workspace, crates: BTreeMap::new() };
        let mut wanted: Vec<String> = roots.iter().map(|&name| name.to_owned()).collect();
        while let Some(name) = wanted.pop() {
            let source = manifests.our_folder(&name).with_context(|| format!("there is no crate {name}"))?;
            let folder =
                source.file_name().and_then(|name| name.to_str()).context("a crate lies in no folder")?;
            let folder = folder.to_owned();
            match manifests.crates.get(&folder) {
                Some(known) if known.name == name => continue,
                Some(known) => bail!("{} and {name} both lie in a folder {folder}", known.name),
                None => {}
            }
            let manifest = parse(&root.join(&source).join("Cargo.toml"))?;
            wanted.extend(needs(&manifest).into_iter().filter(|need| manifests.our_folder(need).is_some()));
            manifests.crates.insert(folder, Crate { name, source, manifest });
        }
        Ok(manifests)
    }

    /// Folders in the SDK, and in the repository, of all crates.
    pub(super) fn folders(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.crates.iter().map(|(folder, one)| (folder.as_str(), one.source.as_path()))
    }

    /// Manifest of a crate of the SDK: ours without what its tests need.
    pub(super) fn of_crate(&self, folder: &str) -> anyhow::Result<String> {
        let mut manifest =
            self.crates.get(folder).with_context(|| format!("no crate in {folder}"))?.manifest.clone();
        manifest.remove("dev-dependencies");
        Ok(manifest.to_string())
    }

    /// Manifest of the SDK's workspace: ours with its crates alone, and with the dependencies that they or the
    /// plugin `template` name.
    pub(super) fn of_workspace(&self, template: &str) -> anyhow::Result<String> {
        let mut used: BTreeSet<String> = self.crates.values().flat_map(|one| needs(&one.manifest)).collect();
        used.extend(self.crates.values().map(|one| one.name.clone()));
        let template: DocumentMut = template.parse().context("the template's manifest is no TOML")?;
        used.extend(needs(&template));
        let mut manifest = self.workspace.clone();
        manifest.as_table_mut().retain(|key, _| key == "workspace");
        let workspace =
            manifest["workspace"].as_table_mut().context("the top Cargo.toml has no [workspace]")?;
        workspace.decor_mut().set_prefix(HEAD);
        workspace.insert("members", Item::Value(self.crates.keys().collect::<Array>().into()));
        let dependencies = workspace
            .get_mut("dependencies")
            .and_then(Item::as_table_mut)
            .context("there are no dependencies")?;
        dependencies.retain(|name, _| used.contains(name));
        for (folder, one) in &self.crates {
            dependencies.insert(&one.name, path(folder));
        }
        Ok(manifest.to_string())
    }

    /// Manifest of a plugin that lies anywhere: the plugin `template` with what it inherits filled in.
    pub(super) fn of_plugin(&self, template: &str) -> anyhow::Result<String> {
        let mut manifest: DocumentMut = template.parse().context("the template's manifest is no TOML")?;
        let package = manifest["package"].as_table_mut().context("the template is no package")?;
        for key in ["license", "repository"] {
            package.remove(key); // The author's own affair.
        }
        self.fill(package, "package")?;
        for table in ["dependencies", "dev-dependencies"] {
            if let Some(table) = manifest.get_mut(table).and_then(Item::as_table_mut) {
                self.fill(table, "dependencies")?;
            }
        }
        manifest.insert("lints", self.inherited("lints")?.clone());
        manifest.insert("workspace", Item::Table(Table::new()));
        Ok(manifest.to_string())
    }

    /// Replaces each `key.workspace = true` of `table` by what the workspace's table `from` says.
    fn fill(&self, table: &mut Table, from: &str) -> anyhow::Result<()> {
        let values = self.inherited(from)?;
        for (key, item) in table.iter_mut() {
            let inherits = item.get("workspace").and_then(Item::as_bool) == Some(true);
            if !inherits {
                continue;
            }
            *item = match self.crates.iter().find(|(_, one)| one.name == key.get()) {
                Some((folder, _)) => path(&format!("{PLACE}/rust/{folder}")),
                None => values
                    .get(key.get())
                    .with_context(|| format!("the workspace has no {from} {key}"))?
                    .clone(),
            };
        }
        Ok(())
    }

    fn inherited(&self, table: &str) -> anyhow::Result<&Item> {
        let found = self.workspace.get("workspace").and_then(|workspace| workspace.get(table));
        found.with_context(|| format!("the top Cargo.toml has no [workspace.{table}]"))
    }

    /// Folder of one of our own crates; `None` for those of others.
    fn our_folder(&self, name: &str) -> Option<PathBuf> {
        let dependency = self.inherited("dependencies").ok()?.get(name)?;
        Some(PathBuf::from(dependency.get("path")?.as_str()?))
    }
}

/// Names in the tables of dependencies that a build uses.
fn needs(manifest: &DocumentMut) -> BTreeSet<String> {
    let tables = NEEDS.iter().filter_map(|name| manifest.get(name)?.as_table_like());
    tables.flat_map(|table| table.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>()).collect()
}

fn path(path: &str) -> Item {
    Item::Value(Value::InlineTable(InlineTable::from_iter([("path", path)])))
}

fn parse(path: &Path) -> anyhow::Result<DocumentMut> {
    text_of(path)?.parse().with_context(|| format!("{} is no TOML", path.display()))
}
