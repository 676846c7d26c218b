//! `gatherd check`: judges configuration and plugins without any effect.
//!
//! Files, environment and command line are judged as at a start. Changes made over the API are left out:
//! they lie in the state directory, which may belong to a running daemon.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use gatherd_api::tls::Tls;
use gatherd_engine::desired::{Document, Layers, LayersError, Wanted};
use gatherd_engine::port::{ConfigProblem, OpenFailure, PluginKind};
use gatherd_engine::registry::Kinds;
use gatherd_model::TypesDb;

use crate::cli::Options;
use crate::logging::{self, escaped};
use crate::paths::Paths;
use crate::{hostname, keystone, kinds, policy, tls};

/// Judges, prints what would run to standard output and all that is wrong to standard error; failure when
/// anything is wrong.
///
/// # Errors
///
/// When the configuration cannot be read, so that nothing else can be judged.
pub(crate) fn command(options: &Options, sets: &[String]) -> anyhow::Result<ExitCode> {
    let layers = logging::before(|| options.inputs(sets).map(|inputs| Layers::read(&inputs)))??;
    let document = layers.document();
    let paths = Paths::of(&document)?;
    let kinds = Kinds::new(kinds::of(&document, &paths));
    let found = judge(&layers, &document, &kinds);
    let mut out = io::stdout().lock();
    let hostname = hostname::find(document.hostname.as_deref(), document.fqdn_lookup);
    surroundings(&document, &paths, &hostname, &mut out)?;
    for line in &found.runs {
        writeln!(out, "{}", escaped(line))?;
    }
    let unusable = unusable(&document)?;
    let mut err = io::stderr().lock();
    for line in found.wrong.iter().chain(&unusable) {
        writeln!(err, "error: {}", escaped(line))?;
    }
    let is_well = found.wrong.is_empty() && unusable.is_none();
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What keeps the API from being encrypted, although it is asked for.
fn unusable(document: &Document) -> anyhow::Result<Option<String>> {
    let config = tls::config(&document.api.tls)?;
    let opened = config.map(|config| Tls::open(&config)).transpose();
    Ok(opened.err().map(|error| format!("{:#}", anyhow::Error::new(error))))
}

/// What was found.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Judgement {
    /// What would run, one line per plugin, by id.
    runs: Vec<String>,
    /// All that is wrong, one line each.
    pub(crate) wrong: Vec<String>,
}

fn surroundings(document: &Document, paths: &Paths, hostname: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "host {}", escaped(hostname))?;
    let api = [
        document.api.listen.clone(),
        paths.socket.as_ref().map_or_else(String::new, |path| path.display().to_string()),
    ];
    let places: Vec<&str> = api.iter().map(String::as_str).filter(|place| !place.is_empty()).collect();
    writeln!(out, "API on {}", if places.is_empty() { "nothing".to_owned() } else { places.join(" and ") })?;
    writeln!(out, "state in {}, runtime files in {}", paths.state.display(), paths.runtime.display())?;
    let directories: Vec<String> = paths.plugins.iter().map(|path| path.display().to_string()).collect();
    writeln!(out, "plugins from {}", directories.join(", "))
}

/// Judges a document that stands on `layers`, without any effect.
pub(crate) fn judge(layers: &Layers, document: &Document, kind: &dyn PluginKind) -> Judgement {
    let mut found = Judgement::default();
    let mut wrong = |pointer: &str, detail: String| {
        let problem = layers.place(ConfigProblem { pointer: pointer.to_owned(), detail });
        found.wrong.push(problem.to_string());
    };
    if let Err(error) = logging::parse(&document.log.filter) {
        wrong("/log/filter", error.to_string());
    }
    if document.api.listen.is_empty() && document.api.unix_socket.as_deref() == Some("") {
        wrong("/api", "there is neither an address nor a unix socket: nobody could reach the API".to_owned());
    }
    if let Some(keystone) = &document.keystone
        && let Err(error) = keystone::config(keystone)
    {
        wrong(error.pointer(), format!("{:#}", anyhow::Error::new(error)));
    }
    let mut types = TypesDb::builtin();
    for path in &document.types_db {
        if let Err(detail) = read_types(&mut types, path) {
            wrong("/types_db", format!("{}: {detail}", path.display()));
        }
    }
    if let Err(LayersError { problems }) = policy::read(layers) {
        found.wrong.extend(problems.iter().map(ToString::to_string));
    }
    for wanted in document.to_specs().into_values() {
        judge_plugin(&wanted, kind, layers, &mut found);
    }
    found
}

fn read_types(types: &mut TypesDb, path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    types.read(&text).map_err(|error| error.to_string())
}

fn judge_plugin(wanted: &Wanted, kind: &dyn PluginKind, layers: &Layers, found: &mut Judgement) {
    let Wanted { spec, enabled } = wanted;
    let id = &spec.id;
    if !enabled {
        found.runs.push(format!("plugin {id}: disabled (type {})", spec.type_name));
        return;
    }
    let mut wrong = |pointer: String, detail: String| {
        found.wrong.push(layers.place(ConfigProblem { pointer, detail }).to_string());
    };
    match kind.validate(spec) {
        Ok(manifest) => found.runs.push(format!(
            "plugin {id}: runs every {} s (type {}, {}, version {})",
            spec.interval.as_secs_f64(),
            spec.type_name,
            manifest.kind,
            manifest.version
        )),
        Err(OpenFailure::Config(problems)) => {
            for ConfigProblem { pointer, detail } in problems {
                wrong(format!("/plugins/{id}/config{pointer}"), detail);
            }
        }
        Err(failure) => wrong(format!("/plugins/{id}"), format!("{}: {failure}", failure.code())),
    }
}

#[cfg(test)]
mod tests {
    use gatherd_engine::desired::Inputs;

    use super::*;
    use crate::kinds::fake::Fake;

    fn judged(text: &str) -> Judgement {
        let place = tempfile::tempdir().unwrap();
        let main = place.path().join("gatherd.toml");
        std::fs::write(&main, text).unwrap();
        let inputs = Inputs { main: Some(main), ..Inputs::default() };
        let layers = Layers::read(&inputs).unwrap();
        let mut found = judge(&layers, &layers.document(), &Fake);
        let prefix = format!("{}/", place.path().display());
        for line in &mut found.wrong {
            *line = line.replace(&prefix, "");
        }
        found
    }

    #[test]
    fn says_what_would_run() {
        let found = judged(
            "interval = 5\n[plugins.fake]\n[plugins.two]\ntype = \"fake\"\ninterval = 1\n[plugins.off]\nenabled = false\n",
        );
        let expected = [
            "plugin fake: runs every 5 s (type fake, fake, version 1.0)",
            "plugin off: disabled (type off)",
            "plugin two: runs every 1 s (type fake, fake, version 1.0)",
        ];
        assert_eq!((found.runs, found.wrong), (expected.map(str::to_owned).to_vec(), vec![]));
    }

    #[test]
    fn names_file_line_and_key_of_all_that_is_wrong() {
        let found = judged(
            "[log]\nfilter = \"gatherd=loud\"\n[plugins.fake.config]\nok = 1\nbad = 2\n[plugins.none]\n\
             [api]\nlisten = \"\"\nunix_socket = \"\"\n",
        );
        assert_eq!(
            found.wrong,
            [
                "gatherd.toml:2: log.filter: this is no filter: a level (error, warn, info, debug, trace, off), or levels \
                 by module such as `info,gatherd_engine=debug`, is wanted",
                "gatherd.toml:7: api: there is neither an address nor a unix socket: nobody could reach the API",
                "gatherd.toml:5: plugins.fake.config.bad: this key is bad",
                "gatherd.toml:6: plugins.none: missing: there is no none",
            ]
        );
        assert_eq!(found.runs, Vec::<String>::new());
    }

    #[test]
    fn data_sets_that_can_not_be_read_are_named() {
        let found = judged("types_db = [\"/nowhere/types.db\"]\nplugins = {}\n");
        assert_eq!(
            found.wrong,
            ["gatherd.toml:1: types_db: /nowhere/types.db: No such file or directory (os error 2)"]
        );
    }
}
