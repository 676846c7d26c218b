//! The compat run as a test; without collectd, or without a staged daemon, it is noted as skipped.

use std::env;
use std::path::PathBuf;

use gatherd_testkit::cc::note_skipped;

const NAME: &str = "compat_run";

#[tokio::test]
#[ignore = "compares two live daemons for minutes: `cargo xtask compat` does it"]
async fn stock_collectd_and_gatherd_tell_the_same() {
    let Some(stage) = env::var_os("GATHERD_STAGE").map(PathBuf::from) else {
        note_skipped(NAME, "GATHERD_STAGE is not set: run `cargo xtask test`");
        return;
    };
    if !gatherd_compat::peer_is_installed() {
        note_skipped(NAME, "collectd is not installed: `apt-get install collectd-core`");
        return;
    }
    let outcome = gatherd_compat::all(&stage).await.expect("both daemons run");
    let faults: Vec<String> =
        outcome.faults().iter().map(|(round, fault)| format!("{round}: {fault}")).collect();
    assert_eq!(faults, Vec::<String>::new());
    let defaults = &outcome.rounds[0].plugins;
    for plugin in ["cpu", "memory", "load", "df", "interface"] {
        let compared =
            defaults.iter().find(|(name, _)| name == plugin).map_or(0, |(_, found)| found.compared);
        assert!(compared > 0, "no reading of {plugin} was compared");
    }
}
