//! The daemon's own command line: `check`, `test`, mistakes.

use gatherd_e2e::{Place, Ran, Setup, Stage};

async fn ran(stage: &Stage, arguments: &[&str]) -> Ran {
    Setup::new(stage).run_daemon(&Place::new(None), arguments).await
}

#[tokio::test]
async fn check_says_what_would_run_and_leaves_no_trace() {
    let Some(stage) = Stage::find() else { return };
    let place = Place::new(None);
    let ran = Setup::new(&stage).run_daemon(&place, &["check"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{}", ran.out);
    assert!(ran.out.contains("host testhost\n"), "{}", ran.out);
    for name in ["cpu", "memory", "load", "df", "disk", "interface"] {
        assert!(
            ran.out.contains(&format!("plugin {name}: runs every 1 s (type {name}, native, version ")),
            "{}",
            ran.out
        );
    }
    assert!(!place.state().exists() && !place.run().exists(), "no directory was made");
}

#[tokio::test]
async fn check_fails_where_a_plugin_could_not_run() {
    let Some(stage) = Stage::find() else { return };
    let setup = Setup::new(&stage).config("[plugins.cpu]\n[plugins.none]\n");
    let ran = setup.run_daemon(&Place::new(None), &["check"]).await;
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("gatherd.toml:2: plugins.none: missing: "), "{}", ran.err);
    assert!(ran.out.contains("plugin cpu: runs every"), "{}", ran.out);
}

#[tokio::test]
async fn test_reads_one_plugin_twice_and_prints_names_values_and_rates() {
    let Some(stage) = Stage::find() else { return };
    let ran = ran(&stage, &["test", "memory", "--once", "--interval", "0.2"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let used: Vec<&str> =
        ran.out.lines().filter(|line| line.starts_with("testhost/memory/memory-used  value=")).collect();
    assert_eq!(used.len(), 2, "{}", ran.out);
    for line in used {
        let bytes: f64 = line.rsplit('=').next().unwrap().parse().unwrap();
        assert!(bytes > 1e6, "{line}");
    }
}

#[tokio::test]
async fn test_takes_options_of_the_plugin_and_shows_rates_of_what_counts() {
    let Some(stage) = Stage::find() else { return };
    let counted = ran(&stage, &["test", "cpu", "--once", "--interval", "0.2"]).await;
    assert_eq!(counted.code, Some(0), "{}", counted.err);
    let has_rate = |line: &str| line.starts_with("testhost/cpu-0/cpu-user  value=") && line.ends_with("/s)");
    assert!(counted.out.lines().any(has_rate), "{}", counted.out);
    let set = ["test", "cpu", "--once", "--interval", "0.2", "--set", "report_by_cpu=false"];
    let found = ran(&stage, &set).await;
    assert_eq!(found.code, Some(0), "{}", found.err);
    assert!(found.out.contains("testhost/cpu/percent-idle  value="), "{}", found.out);
    let wrong = ran(&stage, &["test", "cpu", "--once", "--set", "report_by_cup=false"]).await;
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.err.contains("report_by_cup"), "{}", wrong.err);
}

#[tokio::test]
async fn mistakes_on_the_command_line_are_told() {
    let Some(stage) = Stage::find() else { return };
    for (arguments, code, told) in [
        (&["--nonsense"][..], 2, "--nonsense"),
        (&["test"], 2, "PLUGIN"),
        (&["dance"], 2, "dance"),
        (&["test", "nobody", "--once"], 1, "missing"),
        (&["check", "--set", "interval"], 1, "interval"),
        (&["check", "--set", "interval=0"], 1, "command_line: interval: 0 is out of range"),
    ] {
        let found = ran(&stage, arguments).await;
        assert_eq!(found.code, Some(code), "{arguments:?}: {}", found.err);
        assert!(found.err.contains(told), "{arguments:?}: {}", found.err);
    }
    let version = ran(&stage, &["--version"]).await;
    assert_eq!((version.code, version.out), (Some(0), format!("gatherd {}\n", env!("CARGO_PKG_VERSION"))));
}
