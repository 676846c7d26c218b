//! Proves that a bad plugin in a process of its own hurts only itself, and that new code of it leaves nothing behind.
//!
//! ```text
//!  daemon ──────── neighbours, read each second ─┐
//!    │  beside them, one after the other:        ├─► how late are the reads of one beyond those of the other?
//!    │  plugins that do harm                     │
//!  daemon of its own, left in peace ─ the same ──┘
//!    │
//!    ├─ reloads of changed code in a host, restarts and changed code in process: nothing stale, nothing left
//!    └─ races for the library's path: what was listed runs in the daemon's process, or nothing does
//! ```

mod code;
mod death;
mod footprint;
mod forged;
mod harm;
mod neighbours;
mod races;

use std::time::Instant;

use gatherd_e2e::{Daemon, Libraries, Setup, Stage, within};

use self::footprint::{hosts_of, is_there, offspring_of};
use self::neighbours::Neighbours;

/// So many reloads make a long run, in which the bars of lateness hold; a short one runs on a machine that does other
/// things beside it.
const LONG: u64 = 1_000;

/// Every kind of harm, then so many reloads, restarts and races.
pub(crate) async fn prove(stage: &Stage, runs: u64) {
    let is_long = runs >= LONG;
    let libraries = libraries();
    let begun = Instant::now();
    let neighbours = Neighbours::new();
    let setup =
        |side| Setup::new(stage).config(neighbours.configuration(side)).plugins_from(libraries.path());
    let mut daemon = Daemon::start(setup("disturbed")).await;
    let control = Daemon::start(setup("control")).await;
    let (client, pid) = (daemon.unix(), daemon.pid());
    neighbours.run(&client, "disturbed").await;
    neighbours.run(&control.unix(), "control").await;

    let mut worst = harm::Worst::new(is_long);
    for _round in 0..if is_long { 3 } else { 1 } {
        harm::all(&daemon, &mut worst).await;
    }
    println!("{worst}");
    neighbours.compare(is_long);
    drop(control);

    code::isolated(&client, &libraries, pid, runs).await;
    code::in_process(&client, &libraries, pid, runs).await;
    neighbours.missed_nothing("disturbed");

    harm::leaves_children(&client).await;
    let left = offspring_of(pid);
    assert!(left.len() > hosts_of(pid).len(), "a plugin's children run");
    daemon.kill();
    within("no process outlives the daemon", async || {
        let alive: Vec<u32> = left.iter().copied().filter(|pid| is_there(*pid)).collect();
        if alive.is_empty() { Ok(()) } else { Err(format!("{alive:?}")) }
    })
    .await;
    println!("kill -9 of the daemon: 0 of {} processes are left", left.len());

    forged::prove(stage).await;
    races::prove(stage, runs).await;
    println!("isolation: {:.0} s", begun.elapsed().as_secs_f64());
}

/// The plugin that does harm, and under the same roof is a good neighbour.
fn libraries() -> Libraries {
    let libraries = Libraries::new();
    libraries.compile("fiend", "fiend", &["-pthread"]);
    libraries
}
