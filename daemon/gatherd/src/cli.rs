//! The command line.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use gatherd_engine::desired::Inputs;

/// Where the configuration is looked for when none is named.
const DEFAULT_CONFIG: &str = "/etc/gatherd/gatherd.toml";

/// Gathers values from plugins and keeps the newest of each, steerable while it runs.
#[derive(Debug, Parser)]
#[command(name = "gatherd", version, args_conflicts_with_subcommands = false)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(flatten)]
    pub(crate) sets: Sets,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run in the foreground until told to stop (the default).
    Run(Run),
    /// Judge configuration and plugins without any effect, and print what would run.
    Check(Sets),
    /// Run one plugin and print its values.
    Test(Test),
    /// Give the user `admin` a new password while no daemon runs, and print which file tells it.
    RecoverAdmin(Sets),
}

/// Options of every command.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Options {
    /// Configuration file; `conf.d/*.toml` beside it are read as well.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Directory that plugins are loaded from; may be given several times.
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) plugin_dir: Vec<PathBuf>,
    /// Directory for what must survive a restart.
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) state_dir: Option<PathBuf>,
    /// Directory for sockets.
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) runtime_dir: Option<PathBuf>,
    /// Address and port of the API; empty for none.
    #[arg(long, value_name = "ADDRESS", global = true)]
    pub(crate) listen: Option<String>,
}

/// Keys of the configuration, set one by one.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Sets {
    /// A key of the configuration, such as `plugins.cpu.interval=1`; wins over files and the API.
    #[arg(long, value_name = "KEY.PATH=VALUE")]
    pub(crate) set: Vec<String>,
}

/// Options of `gatherd run`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) sets: Sets,
    /// Take sockets and state from the daemon that runs on them, without a refused connection; start as usual where
    /// none runs.
    #[arg(long)]
    pub(crate) take_over: bool,
}

/// Options of `gatherd test`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Test {
    /// Id of a plugin in the configuration, or a plugin type.
    pub(crate) plugin: String,
    /// A key of the plugin's own configuration, such as `report_by_cpu=false`.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Seconds between two reads.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) interval: Option<f64>,
    /// Read twice (rates need two reads), then end; otherwise go on until Ctrl-C.
    #[arg(long)]
    pub(crate) once: bool,
}

impl Options {
    /// Where the layers of the configuration come from; `more` are `--set` options.
    ///
    /// # Errors
    ///
    /// When a path is not UTF-8.
    pub(crate) fn inputs(&self, more: &[String]) -> anyhow::Result<Inputs> {
        let main = self.config.clone().or_else(|| {
            let default = PathBuf::from(DEFAULT_CONFIG);
            default.exists().then_some(default)
        });
        let beside = main.as_deref().unwrap_or(Path::new(DEFAULT_CONFIG));
        let conf_d = Some(beside.with_file_name("conf.d"));
        let mut sets = more.to_vec();
        for (key, path) in [("state_dir", &self.state_dir), ("runtime_dir", &self.runtime_dir)] {
            if let Some(path) = path {
                sets.push(format!("{key}={}", quoted(text(path)?)));
            }
        }
        if !self.plugin_dir.is_empty() {
            let each = self.plugin_dir.iter().map(|path| Ok(quoted(text(path)?)));
            sets.push(format!("plugin_dirs=[{}]", each.collect::<anyhow::Result<Vec<_>>>()?.join(", ")));
        }
        if let Some(listen) = &self.listen {
            sets.push(format!("api.listen={}", quoted(listen)));
        }
        Ok(Inputs { main, conf_d, environment: std::env::vars_os().collect(), sets })
    }
}

/// The absolute path of a directory as text; the daemon may change its own directory.
fn text(path: &Path) -> anyhow::Result<String> {
    let absolute = std::path::absolute(path).with_context(|| format!("what is {}?", path.display()))?;
    let text = absolute.to_str().with_context(|| format!("the path {} is not UTF-8", path.display()))?;
    Ok(text.to_owned())
}

/// A text as a TOML string: what JSON escapes, TOML understands.
fn quoted(text: impl AsRef<str>) -> String {
    serde_json::Value::from(text.as_ref()).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use gatherd_engine::desired::Layers;

    use super::*;

    fn parse(arguments: &[&str]) -> Cli {
        Cli::try_parse_from([&["gatherd"], arguments].concat()).unwrap()
    }

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn options_may_stand_before_and_after_the_command() {
        for arguments in
            [&["--config", "/x", "check", "--set", "a=1"], &["check", "--set", "a=1", "--config", "/x"]]
        {
            let cli = parse(arguments);
            assert_eq!(cli.options.config.as_deref(), Some(Path::new("/x")));
            let Some(Command::Check(sets)) = cli.command else { panic!("no check") };
            assert_eq!(sets.set, ["a=1"]);
        }
        assert!(parse(&["--set", "timeout=3"]).command.is_none());
    }

    #[test]
    fn options_become_keys_of_the_document() {
        let cli =
            parse(&["--plugin-dir", "/a b", "--plugin-dir", "/\"c\"", "--state-dir", "/7", "--listen", ""]);
        let mut inputs = cli.options.inputs(&["timeout=3".to_owned()]).unwrap();
        (inputs.main, inputs.conf_d, inputs.environment) = (None, None, Vec::new());
        let document = Layers::read(&inputs).unwrap().document();
        assert_eq!(document.plugin_dirs, [Path::new("/a b"), Path::new("/\"c\"")]);
        assert_eq!(document.state_dir.as_deref(), Some(Path::new("/7")));
        assert_eq!((document.api.listen.as_str(), document.timeout), ("", 3));
    }

    #[test]
    fn files_beside_the_named_one_are_read_too() {
        let inputs = parse(&["--config", "/x/my.toml"]).options.inputs(&[]).unwrap();
        assert_eq!(inputs.main.as_deref(), Some(Path::new("/x/my.toml")));
        assert_eq!(inputs.conf_d.as_deref(), Some(Path::new("/x/conf.d")));
    }
}
