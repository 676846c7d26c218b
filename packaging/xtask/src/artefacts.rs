//! What a build made, as cargo itself tells it: no file name is guessed.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use anyhow::{Context, bail};
use cargo_metadata::{Artifact, CrateType, Message};
use clap::ValueEnum;

use crate::workspace::{Workspace, spelled};

/// How to build.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Profile {
    /// Quick to build
    Dev,
    /// Optimised
    Release,
    /// What packages ship and benchmarks measure
    Dist,
}

impl Profile {
    /// Cargo's word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
            Self::Dist => "dist",
        }
    }
}

/// What to build.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Selection {
    /// All targets of all crates, exactly as the tests build them, so that the tests find all of it built.
    Everything,
    /// What the end-to-end tests start, and those tests.
    EndToEnd,
    /// The programs and plugins.
    Product,
    /// The program that prints the `OpenAPI` document.
    Document,
}

/// Crate of the program that prints the `OpenAPI` document; also the program's name.
pub(crate) const DOCUMENT: &str = "gatherd-openapi";

/// The programs of the product, each the only one of a crate of its name.
pub(crate) const PROGRAMS: [&str; 4] = ["gatherd", "gatherctl", "gatherd-clock", "gatherd-host"];

const PLUGINS: &str = "native-plugins/plugins";
const TEST_PLUGINS: &str = "tests/plugins";

/// Built files by short name: `gatherd`, `cpu`.
#[derive(Debug, Default)]
pub(crate) struct Artefacts {
    /// Programs.
    pub(crate) programs: BTreeMap<String, PathBuf>,
    /// Libraries of the plugins that we ship.
    pub(crate) plugins: BTreeMap<String, PathBuf>,
    /// Libraries of the plugins that misbehave for the tests.
    pub(crate) test_plugins: BTreeMap<String, PathBuf>,
}

impl Artefacts {
    /// Builds, and says what was made; the compiler's messages go to the terminal.
    ///
    /// # Errors
    ///
    /// When cargo cannot be started or the build fails.
    pub(crate) fn build(
        workspace: &Workspace,
        profile: Profile,
        selection: Selection,
    ) -> anyhow::Result<Self> {
        let mut command = workspace.cargo(["build", "--message-format=json-render-diagnostics"]);
        command.args(["--profile", profile.name()]).args(selection.arguments(workspace)?);
        command.stdout(Stdio::piped());
        let call = spelled(&command);
        let mut cargo = command.spawn().with_context(|| format!("cannot start {call}"))?;
        let artefacts = Self::listen(&mut cargo, &workspace.root);
        let status = cargo.wait().with_context(|| format!("lost {call}"))?;
        if !status.success() {
            bail!("{call} failed: {status}");
        }
        artefacts
    }

    /// Path of a program.
    ///
    /// # Errors
    ///
    /// When the build made no program of this name.
    pub(crate) fn program(&self, name: &str) -> anyhow::Result<&Path> {
        let path = self.programs.get(name).with_context(|| format!("the build made no program {name}"))?;
        Ok(path)
    }

    fn listen(cargo: &mut Child, root: &Path) -> anyhow::Result<Self> {
        let mut artefacts = Self::default();
        let output = cargo.stdout.take().context("cargo was started without its output")?;
        for message in Message::parse_stream(BufReader::new(output)) {
            if let Message::CompilerArtifact(artifact) = message.context("cannot read what cargo built")? {
                artefacts.take(&artifact, root);
            }
        }
        Ok(artefacts)
    }

    fn take(&mut self, artifact: &Artifact, root: &Path) {
        if artifact.profile.test {
            return; // A test harness has the same target name.
        }
        let target = &artifact.target;
        if let (true, Some(program)) = (target.is_bin(), &artifact.executable) {
            self.programs.insert(target.name.clone(), program.clone().into_std_path_buf());
        }
        if !target.crate_types.contains(&CrateType::CDyLib) {
            return;
        }
        let Some(library) = artifact.filenames.iter().find(|file| file.extension() == Some("so")) else {
            return;
        };
        let Some(folder) = artifact.manifest_path.parent() else {
            return;
        };
        let of_crate = folder.file_name().unwrap_or(&target.name);
        let name = if target.is_example() { &target.name } else { of_crate };
        let library = library.clone().into_std_path_buf();
        if folder.starts_with(root.join(PLUGINS)) {
            self.plugins.insert(name.to_owned(), library);
        } else if folder.starts_with(root.join(TEST_PLUGINS)) {
            self.test_plugins.insert(name.to_owned(), library);
        }
    }
}

impl Selection {
    /// Cargo's arguments for it.
    fn arguments(self, workspace: &Workspace) -> anyhow::Result<Vec<String>> {
        let packages = match self {
            Self::Everything => return Ok(["--workspace", "--all-targets"].map(str::to_owned).to_vec()),
            // Of the whole workspace all the same, so that crates keep the features that they have in it.
            Self::EndToEnd => {
                return Ok(["--workspace", "--lib", "--bins", "--examples", "--test", "e2e"]
                    .map(str::to_owned)
                    .to_vec());
            }
            Self::Product => product(workspace)?,
            Self::Document => vec![DOCUMENT.to_owned()],
        };
        Ok(packages.into_iter().flat_map(|package| ["--package".to_owned(), package]).collect())
    }
}

/// Crates of the programs and plugins.
fn product(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let plugins = workspace.root.join(PLUGINS);
    let members = workspace.members()?;
    let packages = members.workspace_packages();
    let plugins = packages.iter().filter(|package| package.manifest_path.starts_with(&plugins));
    let mut names: Vec<String> = PROGRAMS.map(str::to_owned).to_vec();
    names.extend(plugins.map(|package| package.name.to_string()));
    Ok(names)
}
