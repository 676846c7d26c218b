//! A full disk: what cannot be stored is not acknowledged, and nothing changed.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use gatherd_e2e::{Ask, Checked, Daemon, Place, Setup, Stage, is_root, run, skip, within};
use serde_json::{Value, json};

use crate::scene::{instance, misbehaving, number_until, runs};

/// A small file system in memory; it goes away when this is dropped.
struct SmallDisk {
    path: PathBuf,
    _parent: tempfile::TempDir,
}

impl SmallDisk {
    /// `None` where the system does not let us mount.
    async fn mount() -> Option<Self> {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("disk");
        fs::create_dir(&path).unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=12m,mode=0700", "tmpfs"]).arg(&path);
        (run(command).await.code == Some(0)).then_some(Self { path, _parent: parent })
    }

    /// Takes all the space that is left.
    fn fill(&self) {
        let mut file = OpenOptions::new().append(true).create(true).open(self.path.join("filler")).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    /// Gives it back.
    fn free(&self) {
        fs::remove_file(self.path.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _gone_already = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}

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
    let Some(disk) = SmallDisk::mount().await else { return skip("this system does not let us mount") };
    let libraries = misbehaving(&stage);
    let place = Place::new(None).with_state(disk.path.join("state"));
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
