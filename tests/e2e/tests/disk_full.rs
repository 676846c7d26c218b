//! A full disk: what cannot be stored is not acknowledged, and nothing changed.

use std::path::Path;

use gatherd_e2e::{Ask, Checked, Daemon, Place, Setup, SmallDisk, Stage, is_root, skip, within};
use serde_json::{Value, json};

use crate::scene::{instance, misbehaving, number_until, runs};

/// A change that grows with its number; the file need not exist.
fn change(number: usize) -> (Ask, Value) {
    let config = json!({"mode": "well", "file": format!("/{}{number}", "x".repeat(60_000))});
    (Ask::put("/v1/plugins/steady/config").if_match("*").json(&config), config)
}

/// Changes until one cannot be stored; answers what was acknowledged last.
async fn change_until_full(client: &Checked) -> Value {
    let mut last = client.plugin_config("steady").await.0;
    for number in 0..400 {
        let (ask, config) = change(number);
        let answer = client.send(ask).await;
        match answer.status {
            200 => last = config,
            507 => {
                assert_eq!(answer.refusal().1, "storage");
                return last;
            }
            other => panic!("{other}: {}", answer.text()),
        }
    }
    panic!("the disk never was full");
}

fn config(libraries: &Path, stage: &Stage) -> Setup {
    Setup::new(stage).config(instance("steady", "well", 0.2, "")).plugins_from(libraries)
}

#[tokio::test]
async fn on_a_full_disk_a_change_is_refused_and_undone_and_with_space_it_works_again() {
    let Some(stage) = Stage::find() else { return };
    if !is_root() {
        return skip("only root can mount a small disk");
    }
    let Some(disk) = SmallDisk::mount(12).await else { return skip("this system does not let us mount") };
    let libraries = misbehaving(&stage);
    let place = Place::new(None).with_state(disk.path().join("state"));
    let mut daemon = Daemon::start_in(place, config(libraries.path(), &stage)).await;
    let client = daemon.unix();
    runs(&client, "steady").await;
    disk.fill();
    let last = change_until_full(&client).await;
    assert_eq!(client.plugin_config("steady").await.0, last, "what was refused is not there");
    let number = number_until(&client, "testhost/misbehave/gauge-reads", |_| true).await;
    number_until(&client, "testhost/misbehave/gauge-reads", |later| later > number).await;
    let disabled = client.post("/v1/plugins/steady/disable").await;
    assert_eq!(disabled.refusal(), (507, "storage".to_owned()));
    assert_eq!(client.plugin("steady").await["state"], "running", "what was refused is undone");
    assert!(daemon.log().contains("a change was not stored"), "{}", daemon.log());

    disk.free();
    within("changes work again", async || {
        let answer = client.post("/v1/plugins/steady/disable").await;
        if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
    })
    .await;
    daemon.kill();
    daemon.start_again().await;
    let client = daemon.unix();
    assert_eq!(client.plugin("steady").await["enabled"], false);
    assert_eq!(client.plugin_config("steady").await.0, last);
}
