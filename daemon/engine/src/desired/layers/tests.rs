//! Files on disk, variables and options as they come in, and what is made of them.

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use proptest::prelude::*;

use super::*;

struct Place(tempfile::TempDir);

impl Place {
    fn with(files: &[(&str, &str)]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.path("conf.d")).unwrap();
        for (name, text) in files {
            fs::write(place.path(name), text).unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn inputs(&self) -> Inputs {
        Inputs {
            main: Some(self.path("gatherd.toml")),
            conf_d: Some(self.path("conf.d")),
            ..Inputs::default()
        }
    }

    /// The complaints, without the directory.
    fn complaints(&self) -> Vec<String> {
        complaints(&self.inputs(), self.0.path())
    }
}

fn complaints(inputs: &Inputs, directory: &Path) -> Vec<String> {
    let prefix = format!("{}/", directory.display());
    let found = Layers::read(inputs).unwrap_err().problems;
    found.iter().map(|problem| problem.to_string().replace(&prefix, "")).collect()
}

fn environment(variables: &[(&str, &str)]) -> Inputs {
    let environment = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
    Inputs { environment, ..Inputs::default() }
}

fn sets(sets: &[&str]) -> Inputs {
    Inputs { sets: sets.iter().map(|&set| set.to_owned()).collect(), ..Inputs::default() }
}

#[test]
fn without_any_configuration_the_usual_six_plugins_run() {
    let document = Layers::read(&Inputs::default()).unwrap().document();
    let ids: Vec<&str> = document.plugins.keys().map(String::as_str).collect();
    assert_eq!(ids, ["cpu", "df", "disk", "interface", "load", "memory"]);
    assert!(document.plugins.values().all(|plugin| plugin.enabled));
    assert_eq!(document.interval.to_bits(), 10.0_f64.to_bits());
}

#[test]
fn a_file_that_names_plugins_says_which_run() {
    let place = Place::with(&[("gatherd.toml", "[plugins.cpu]\n")]);
    let document = Layers::read(&place.inputs()).unwrap().document();
    assert_eq!(document.plugins.keys().collect::<Vec<_>>(), ["cpu"]);
}

#[test]
fn a_file_that_names_no_plugin_leaves_the_usual_ones() {
    let place = Place::with(&[("gatherd.toml", "interval = 1\n")]);
    assert_eq!(Layers::read(&place.inputs()).unwrap().document().plugins.len(), 6);
}

#[test]
fn each_layer_wins_over_those_below_and_is_named() {
    let place = Place::with(&[
        ("gatherd.toml", "interval = 1\ntimeout = 3\nmax_read_interval = 60\nhostname = \"a\"\n"),
        ("conf.d/20-b.toml", "timeout = 5\n"),
        ("conf.d/10-a.toml", "timeout = 4\nmax_read_interval = 70\n"),
        ("conf.d/ignored.conf", "timeout = 6\n"),
        ("conf.d/.hidden.toml", "timeout = 7\n"),
    ]);
    let mut inputs = place.inputs();
    inputs.environment =
        vec![("GATHERD_HOSTNAME".into(), "b".into()), ("GATHERD_FQDN_LOOKUP".into(), "false".into())];
    inputs.sets = vec!["hostname=c".to_owned()];
    let layers = Layers::read(&inputs).unwrap();
    let document = layers.document();
    assert_eq!(document.timeout, 5);
    assert_eq!(document.hostname.as_deref(), Some("c"));
    let source = |pointer: &str| layers.source_of(&json!({"max_read_interval": 80}), pointer).to_string();
    assert_eq!(source("/interval"), "file:gatherd.toml");
    assert_eq!(source("/timeout"), "file:conf.d/20-b.toml");
    assert_eq!(source("/max_read_interval"), "api");
    assert_eq!(source("/fqdn_lookup"), "environment");
    assert_eq!(source("/hostname"), "command_line");
    assert_eq!(source("/api/listen"), "default");
    assert_eq!(layers.pin_of("/hostname"), Some(Source::CommandLine));
    assert_eq!(layers.pin_of("/interval"), None);
}

#[test]
fn a_tombstone_of_the_overlay_takes_away_what_files_say() {
    let place = Place::with(&[("gatherd.toml", "[plugins.df.config]\na = 1\nb = 2\n")]);
    let layers = Layers::read(&place.inputs()).unwrap();
    let overlay = json!({"plugins": {"df": {"config": {"a": null}}}});
    assert_eq!(layers.effective(&overlay)["plugins"]["df"]["config"], json!({"b": 2}));
    assert_eq!(layers.source_of(&overlay, "/plugins/df/config/a"), Source::Api);
}

#[test]
fn each_complaint_names_file_line_and_key() {
    let place = Place::with(&[
        ("gatherd.toml", "interval = \"fast\"\n\n[plugins.cpu]\nenabeld = true\n"),
        ("conf.d/a.toml", "[api]\nworkers = 0\nlisten = \"here\"\n"),
    ]);
    assert_eq!(
        place.complaints(),
        [
            "gatherd.toml:1: interval: invalid type: string \"fast\", expected a number",
            "gatherd.toml:4: plugins.cpu.enabeld: unknown key `enabeld`: did you mean `enabled`? Allowed here are \
             `type`, `enabled`, `interval`, `trusted`, `isolation`, `limits`, `config`",
            "conf.d/a.toml:3: api.listen: \"here\" is no address and port: `127.0.0.1:8720`, `[::1]:8720` or \"\" for \
             none is wanted",
            "conf.d/a.toml:2: api.workers: 0 is out of range: 1 to 64 is allowed",
        ]
    );
}

#[test]
fn what_layers_say_only_together_is_told_where_it_was_said() {
    let place = Place::with(&[("gatherd.toml", "[api]\nlisten = \"0.0.0.0:8720\"\n")]);
    assert_eq!(
        place.complaints(),
        [
            "gatherd.toml:2: api.listen: 0.0.0.0:8720 can be reached by others and there is no TLS: take a loopback \
          address such as `127.0.0.1:8720`, give `tls.certificate` and `tls.key`, or say `insecure = true`"
        ]
    );
    let mut inputs = place.inputs();
    inputs.sets = vec!["api.insecure=true".to_owned()];
    assert!(Layers::read(&inputs).unwrap().document().api.insecure);
}

#[test]
fn a_syntax_error_and_a_duplicate_have_their_line() {
    let place =
        Place::with(&[("gatherd.toml", "interval = 1\ninterval = 2\n"), ("conf.d/a.toml", "\n\n[api\n")]);
    let complaints = place.complaints();
    assert_eq!(complaints.len(), 2, "{complaints:?}");
    assert_eq!(complaints[0], "gatherd.toml:2: duplicate key");
    assert!(complaints[1].starts_with("conf.d/a.toml:3: "), "{complaints:?}");
}

#[test]
fn a_file_that_can_not_be_read_is_named() {
    let place = Place::with(&[]);
    assert_eq!(
        place.complaints(),
        ["gatherd.toml: cannot read the file: No such file or directory (os error 2)"]
    );
    fs::create_dir(place.path("gatherd.toml")).unwrap();
    fs::write(place.path("conf.d/big.toml"), vec![b'#'; (1 << 20) + 1]).unwrap();
    fs::write(place.path("conf.d/latin.toml"), b"a = 1\nb = \"\xe4\"\n").unwrap();
    assert_eq!(
        place.complaints(),
        [
            "gatherd.toml: this is a directory, a file is wanted",
            "conf.d/big.toml: the file is larger than 1048576 bytes",
            "conf.d/latin.toml:2: this is not UTF-8",
        ]
    );
}

#[test]
fn a_pipe_in_place_of_a_file_is_not_waited_for() {
    let place = Place::with(&[]);
    rustix::fs::mkfifoat(rustix::fs::CWD, place.path("gatherd.toml"), rustix::fs::Mode::RUSR).unwrap();
    assert_eq!(place.complaints(), ["gatherd.toml: this is no regular file"]);
}

#[test]
fn too_many_files_are_refused() {
    let place = Place::with(&[("gatherd.toml", "")]);
    for number in 0..257 {
        fs::write(place.path(&format!("conf.d/{number}.toml")), "").unwrap();
    }
    assert_eq!(place.complaints(), ["conf.d: it holds 257 files, at most 256 are read"]);
}

#[test]
fn a_number_that_json_does_not_know_is_refused() {
    let place = Place::with(&[("gatherd.toml", "[plugins.cpu.config]\na = nan\nb = [1.0, inf]\n")]);
    let mut complaints = place.complaints();
    complaints.sort();
    assert_eq!(
        complaints,
        [
            "gatherd.toml:2: plugins.cpu.config.a: NaN is not allowed",
            "gatherd.toml:3: plugins.cpu.config.b.1: inf is not allowed",
        ]
    );
}

#[test]
fn environment_sets_nested_keys_with_their_type() {
    let document = Layers::read(&environment(&[
        ("GATHERD_INTERVAL", "1"),
        ("GATHERD_HOSTNAME", "7"),
        ("GATHERD_PLUGINS__CPU__ENABLED", "false"),
        ("GATHERD_PLUGINS__DF__CONFIG__MOUNT_POINT", "[\"/\", \"/home\"]"),
        ("GATHERD_PLUGINS__DF__CONFIG__NAME", "plain words"),
        ("PATH", "/bin"),
    ]));
    let document = document.unwrap().document();
    assert_eq!(document.interval.to_bits(), 1.0_f64.to_bits());
    assert_eq!(document.hostname.as_deref(), Some("7"));
    assert!(!document.plugins["cpu"].enabled);
    let config = Value::Object(document.plugins["df"].config.clone());
    assert_eq!(config, json!({"mount_point": ["/", "/home"], "name": "plain words"}));
}

#[test]
fn a_variable_of_others_is_ignored() {
    let inputs =
        environment(&[("GATHERD_STAGE", "x"), ("GATHERD_PORT", "tcp://1.2.3.4:5"), ("GATHERD_", "")]);
    assert_eq!(Layers::read(&inputs).unwrap(), Layers::read(&Inputs::default()).unwrap());
}

#[test]
fn wrong_variables_and_options_are_named() {
    assert_eq!(
        complaints(&environment(&[("GATHERD_TIMEOUT", "many"), ("GATHERD_API__LISTN", "x")]), Path::new("/")),
        [
            "environment: api.listn: unknown key `listn`: did you mean `listen`? Allowed here are `listen`, \
             `unix_socket`, `insecure`, `tls`, `local`, `metrics_open`, `workers`, `max_connections`, `header_timeout`, `body_timeout`, \
             `answer_timeout`",
            "environment: timeout: invalid type: string \"many\", expected a whole number from 0 to 4294967295",
        ]
    );
    assert_eq!(
        complaints(&sets(&["timeout", "timeout=0", "a b=1"]), Path::new("/")),
        [
            "command_line: timeout: `key.path=value` is wanted",
            "command_line: a b=1: the key is wanted as in TOML: parts joined by dots",
            "command_line: timeout: 0 is out of range: 1 to 1000 is allowed",
        ]
    );
    let bytes = std::ffi::OsString::from_vec(vec![0xff]);
    let inputs = Inputs { environment: vec![("GATHERD_HOSTNAME".into(), bytes)], ..Inputs::default() };
    assert_eq!(
        complaints(&inputs, Path::new("/")),
        ["environment: GATHERD_HOSTNAME: the value is not UTF-8"]
    );
}

#[test]
fn a_later_option_wins_and_keys_may_be_quoted() {
    let layers =
        Layers::read(&sets(&["timeout=3", "timeout=4", "plugins.cpu.config.\"a.b\"=\"x=y\""])).unwrap();
    assert_eq!(layers.document().timeout, 4);
    assert_eq!(Value::Object(layers.document().plugins["cpu"].config.clone()), json!({"a.b": "x=y"}));
}

#[test]
fn a_value_can_not_smuggle_in_other_keys() {
    let layers = Layers::read(&sets(&["log.filter=1\ntimeout = 9"]));
    let problems = layers.unwrap_err().problems;
    assert_eq!(problems[0].key, "log.filter");
}

#[test]
fn a_wrong_number_of_problems_is_said_in_the_message() {
    let error = Layers::read(&sets(&["timeout=0"])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the configuration is wrong in 1 place: command_line: timeout: 0 is out of range: 1 to 1000 is allowed"
    );
}

/// Small documents that meet in their keys.
fn parts() -> impl Strategy<Value = Value> {
    let config = prop::collection::btree_map(
        "[ab]",
        prop_oneof![Just(Value::Null), (0..3).prop_map(Value::from)],
        0..3,
    );
    let entry = (prop::option::of(any::<bool>()), config).prop_map(|(enabled, config)| {
        let mut entry = Map::new();
        entry.extend(enabled.map(|enabled| ("enabled".to_owned(), enabled.into())));
        entry.insert("config".to_owned(), config.into_iter().collect());
        Value::Object(entry)
    });
    prop::collection::btree_map("[xy]", entry, 0..3).prop_map(|plugins| json!({"plugins": plugins}))
}

fn stack(file: Value, environment: Value, command_line: Value) -> Layers {
    let layer = |source, value| Layer {
        source,
        path: None,
        value: merge(json!({}), &value),
        lines: Lines::default(),
    };
    let file = layer(Source::File("f".into()), file);
    Layers {
        below: vec![defaults(std::slice::from_ref(&file)), file],
        above: [layer(Source::Environment, environment), layer(Source::CommandLine, command_line)],
    }
}

proptest! {
    #[test]
    fn the_named_source_holds_the_effective_value(
        (file, overlay, environment, command_line) in (parts(), parts(), parts(), parts())
    ) {
        let layers = stack(file, environment, command_line);
        let effective = layers.effective(&overlay);
        for plugin in ["x", "y"] {
            for key in ["enabled", "config/a", "config/b"] {
                let pointer = format!("/plugins/{plugin}/{key}");
                let said = match layers.source_of(&overlay, &pointer) {
                    Source::Default => None,
                    Source::File(_) => layers.below[1].value.pointer(&pointer),
                    Source::Api => overlay.pointer(&pointer).filter(|value| !value.is_null()),
                    Source::Environment => layers.above[0].value.pointer(&pointer),
                    Source::CommandLine => layers.above[1].value.pointer(&pointer),
                };
                prop_assert_eq!(effective.pointer(&pointer), said, "{}", pointer);
            }
        }
    }

    #[test]
    fn no_file_panics_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let place = Place::with(&[]);
        fs::write(place.path("gatherd.toml"), bytes).unwrap();
        let _judged = Layers::read(&place.inputs());
    }
}

#[test]
fn keys_and_values_of_any_depth_are_a_complaint_not_a_crash() {
    for text in [
        format!("a{} = 1\n", ".a".repeat(400_000)),
        format!("a = {}", "[".repeat(900_000)),
        format!("[{}]", vec!["a"; 400_000].join(".")),
    ] {
        let place = Place::with(&[("gatherd.toml", &text)]);
        assert_eq!(place.complaints().len(), 1);
    }
    let set = format!("plugins.cpu.config{}=1", ".a".repeat(100_000));
    assert_eq!(complaints(&sets(&[&set]), Path::new("/")).len(), 1);
    let name = format!("GATHERD_PLUGINS__CPU__CONFIG{}", "__A".repeat(100_000));
    assert_eq!(complaints(&environment(&[(&name, "1")]), Path::new("/")).len(), 1);
}
