//! Configuration: every kind of mistake is told with its file, line and key, and nothing starts.

use std::fs;

use gatherd_e2e::{Daemon, Place, Setup, Stage};
use serde_json::json;

/// A file, the line and key of what is wrong with it, and a word of the explanation.
const WRONG: [(&str, &str, &str); 19] = [
    ("interval = \"often\"", "1: interval", "a number"),
    ("\ninterval = 0", "2: interval", "out of range"),
    ("interval = -1.5", "1: interval", "out of range"),
    ("interval = nan", "1: interval", "NaN is not allowed"),
    ("timeout = 1.5", "1: timeout", "whole number"),
    ("intervall = 5", "1: intervall", "did you mean `interval`"),
    ("hostname = \"a/b\"", "1: hostname", "without slashes"),
    ("hostname = \"\"", "1: hostname", "1 to 127"),
    ("[plugins.cpu]\nenabled = \"yes\"", "2: plugins.cpu.enabled", "boolean"),
    ("[plugins.cpu]\ncolour = 1", "2: plugins.cpu.colour", "allowed here"),
    ("[plugins.\"Bad Id\"]", "1: plugins.Bad Id", "no plugin id"),
    ("[plugins.api]\ntype = \"cpu\"", "1: plugins.api", "choose another id"),
    ("log = []", "1: log", "expected a table"),
    ("[plugins.cpu]\ntype = \"../evil\"", "2: plugins.cpu.type", "no plugin type"),
    ("[api]\nlisten = \"nowhere\"", "2: api.listen", "address"),
    ("[api]\nlisten = \"0.0.0.0:80\"", "2: api.listen", "insecure"),
    ("[log]\nformat = \"xml\"", "2: log.format", "json"),
    ("[plugins.memory.config]\nvalues_absolut = true", "2: plugins.memory.config.values_absolut", "unknown"),
    ("types_db = [\"/nowhere/types.db\"]", "1: types_db", "/nowhere/types.db"),
];

#[tokio::test]
async fn every_mistake_is_told_with_file_line_key_and_what_is_allowed() {
    let Some(stage) = Stage::find() else { return };
    let place = Place::new(None);
    for (text, place_of_it, word) in WRONG {
        let ran = Setup::new(&stage).without_arguments().config(text).run_daemon(&place, &["check"]).await;
        assert_eq!(ran.code, Some(1), "{text}: {}{}", ran.out, ran.err);
        let expected = format!("gatherd.toml:{place_of_it}");
        let told = ran.err.lines().any(|line| line.contains(&expected) && line.contains(word));
        assert!(told, "{text}: {expected} … {word} is not in\n{}", ran.err);
    }
}

#[tokio::test]
async fn files_that_are_none_are_told() {
    let Some(stage) = Stage::find() else { return };
    let place = Place::new(None);
    let check = async |what: &str| {
        let ran = Setup::new(&stage).argument("--config").argument(place.config().to_str().unwrap());
        let ran = ran.run_daemon(&place, &["check"]).await;
        assert_eq!(ran.code, Some(1), "{what}: {}", ran.err);
        ran.err
    };
    assert!(check("absent").await.contains("gatherd.toml: cannot read the file"));
    place.write_config("a = [1\n");
    assert!(check("no TOML").await.contains("gatherd.toml:1:"));
    place.write_config("interval = 1\ninterval = 2\n");
    assert!(check("twice").await.contains("gatherd.toml:2:"));
    fs::write(place.config(), b"interval = 1\nhostname = \"\xff\"\n").unwrap();
    assert!(check("no UTF-8").await.contains("gatherd.toml:2: this is not UTF-8"));
    place.write_config(&"# long\n".repeat(200_000));
    assert!(check("large").await.contains("larger than 1048576 bytes"));
    fs::remove_file(place.config()).unwrap();
    fs::create_dir(place.config()).unwrap();
    assert!(check("a directory").await.contains("this is a directory"));
}

#[tokio::test]
async fn all_mistakes_of_all_files_are_told_at_once_and_the_daemon_does_not_start() {
    let Some(stage) = Stage::find() else { return };
    let place = Place::new(None);
    place.write_part("10-one.toml", "[plugins.cpu]\ninterval = 0\n");
    place.write_part("20-two.toml", "colour = 1\n");
    let setup = Setup::new(&stage).config("timeout = 0\n").variable("GATHERD_LIMITS__SERIES", "many");
    for command in ["check", "run"] {
        let ran = setup.run_daemon(&place, &[command]).await;
        assert_eq!(ran.code, Some(1), "{command}");
        for expected in [
            "gatherd.toml:1: timeout",
            "10-one.toml:2: plugins.cpu.interval",
            "20-two.toml:1: colour",
            "limits.series",
        ] {
            assert!(ran.err.contains(expected), "{command}: {expected} is not in\n{}", ran.err);
        }
    }
    assert!(!place.state().exists(), "nothing was made");
}

#[tokio::test]
async fn a_later_layer_wins_and_the_api_says_which() {
    let Some(stage) = Stage::find() else { return };
    let place = Place::new(None);
    place.write_part(
        "10-df.toml",
        "[plugins.df]\nenabled = false\n[plugins.memory.config]\nvalues_percentage = true\n",
    );
    let config =
        "[plugins.df]\n[plugins.cpu]\n[plugins.load]\n[plugins.memory.config]\nvalues_percentage = false\n";
    let setup = Setup::new(&stage)
        .config(config)
        .variable("GATHERD_PLUGINS__CPU__ENABLED", "false")
        .argument("--set")
        .argument("plugins.load.enabled=false");
    let daemon = Daemon::start_in(place, setup).await;
    let client = daemon.unix();
    for (id, enabled, source) in [
        ("df", false, "file"),
        ("cpu", false, "environment"),
        ("load", false, "command_line"),
        ("memory", true, "default"),
    ] {
        let plugin = client.plugin(id).await;
        assert_eq!(
            (&plugin["enabled"], &plugin["sources"]["enabled"]),
            (&json!(enabled), &json!(source)),
            "{plugin}"
        );
    }
    assert_eq!(client.plugin_config("memory").await.0, json!({"values_percentage": true}));
    let ids: Vec<_> = client.all("/v1/plugins").await.iter().map(|it| it["id"].clone()).collect();
    assert_eq!(ids, ["cpu", "df", "load", "memory"], "where a file names plugins, those and no others");
}
