//! The daemon without any configuration: what everybody meets first.

use std::fs;
use std::process::Command;
use std::time::Duration;

use gatherd_e2e::{Daemon, Ran, Setup, Stage, is_root, skip, wait_until};
use serde_json::Value;

/// Who nobody is on Debian.
const NOBODY: u32 = 65_534;

/// The plugins that run by default and have values on this machine.
fn expected() -> Vec<&'static str> {
    let has_disks = fs::read_to_string("/proc/diskstats").is_ok_and(|text| !text.trim().is_empty());
    let all = ["cpu", "memory", "load", "df", "interface"];
    all.into_iter().chain(has_disks.then_some("disk")).collect()
}

/// Waits for values of all default plugins; none may need more than two intervals for its first.
async fn all_have_values(daemon: &Daemon) {
    let client = daemon.unix();
    wait_until("all six plugins have values", Duration::from_secs(10), async || {
        let values = client.all("/v1/values").await;
        let missing: Vec<&str> = expected()
            .into_iter()
            .filter(|name| !values.iter().any(|value| value["plugin"] == *name))
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("nothing of {missing:?}")) }
    })
    .await;
    for plugin in client.all("/v1/plugins").await {
        assert_eq!(
            (&plugin["state"], &plugin["enabled"]),
            (&Value::from("running"), &Value::from(true)),
            "{plugin}"
        );
        assert_eq!(plugin["last_error"], Value::Null, "{plugin}");
        assert!(plugin["reads"].as_u64() <= Some(3), "values came late: {plugin}");
    }
}

/// The command line shows the same.
fn shows_all(ran: &Ran) {
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{}", ran.out);
    for name in expected() {
        assert!(ran.out.contains(name), "no {name} in {}", ran.out);
    }
}

#[tokio::test]
async fn without_configuration_all_six_plugins_show_values_within_two_intervals() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    all_have_values(&daemon).await;
    let ids: Vec<String> = daemon
        .unix()
        .all("/v1/plugins")
        .await
        .iter()
        .map(|it| it["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids, ["cpu", "df", "disk", "interface", "load", "memory"]);
    shows_all(&daemon.ctl(["values"]).await);
    shows_all(&daemon.ctl(["plugins"]).await);
}

#[tokio::test]
async fn an_ordinary_user_needs_no_configuration_either() {
    let Some(stage) = Stage::find() else { return };
    if !is_root() {
        // The test above is this one then.
        return skip("only root can become another user");
    }
    if Command::new("setpriv").arg("--version").output().is_err() {
        return skip("there is no setpriv");
    }
    let copy = tempfile::tempdir().unwrap();
    make_readable(copy.path());
    let setup = Setup::new(&stage.copy(copy.path())).as_user(NOBODY);
    let daemon = Daemon::start(setup).await;
    all_have_values(&daemon).await;
    // The command line finds the socket of its own user, and needs no login there.
    shows_all(&daemon.bare_ctl(["values"]).await);
    let kept = daemon.place().home().join(".local/state/gatherd");
    assert_eq!(mode(&kept), 0o700);
    assert_eq!(mode(&kept.join("auth/admin.credential")), 0o600);
    assert_eq!(mode(&kept.join("desired.redb")), 0o600);
}

fn make_readable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).unwrap().mode() & 0o7777
}
