//! A host program that breaks the protocol, in every way at once, each in a plugin of its own.

use std::env;
use std::time::Instant;

use gatherd_e2e::{Daemon, Libraries, Setup, Stage, within};

use super::footprint::{kib_of, offspring_of};

/// How a host is bad, and what is told of it; nothing where it is borne.
const FORGED: &[(&str, &str)] = &[
    ("head_ahead", "the writer's index is 1000000000"),
    ("head_back", "the writer's index is 0"),
    ("endless_record", "the length of a record is"),
    ("endless_gap", "is corrupt"),
    ("nonsense", "is corrupt"),
    ("falling_offsets", "do not ascend"),
    ("wide_offsets", "do not ascend"),
    ("too_many_samples", "broke the protocol"),
    ("empty_record", "broke the protocol"),
    ("answers_nobody", "it answered a call that nobody made"),
    ("endless_frame", "a message has 4294967295 bytes"),
    ("no_json", "a message can not be understood"),
    ("deep_json", "a message can not be understood"),
    ("nonsense_numbers", "a message can not be understood"),
    ("hangs_up", "its process"),
    ("stays_silent", "did not come back"),
    ("never_reads", "did not come back"),
    ("tail_ahead", ""),
    ("forged_handles", ""),
    ("long_names", ""),
    ("done_twice", ""),
    ("done_before", ""),
    ("flood_of_frames", ""),
    ("descriptors", ""),
];

/// How much the daemon may grow at its largest, in KiB, with all of them at once.
const GROWTH: u64 = 96 << 10;

/// All of them in one daemon, with a neighbour in its own process.
pub(super) async fn prove(stage: &Stage) {
    let begun = Instant::now();
    let libraries = Libraries::new().with("misbehave", &stage.test_plugin("misbehave"));
    let program = env::current_exe().unwrap().with_file_name("gatherd-bad-host");
    let mut config = format!(
        "host_program = '{}'\n[plugins.well]\ntype = \"misbehave\"\ntrusted = true\ninterval = 1.0\n",
        program.display()
    );
    config.extend(FORGED.iter().map(|(behaviour, _)| {
        format!("[plugins.{behaviour}]\ntype = \"misbehave\"\ninterval = 1.0\n[plugins.{behaviour}.config]\nbehaviour = \"{behaviour}\"\n")
    }));
    let daemon = Daemon::start(Setup::new(stage).config(config).plugins_from(libraries.path())).await;
    // A host of one's own ends the trust in the daemon's user on the unix socket.
    let client = daemon.tcp().with_token(&daemon.token().await);
    let pid = daemon.pid();
    let largest = kib_of(pid, "VmHWM:");
    for (behaviour, said) in FORGED {
        within(&format!("{behaviour} is told"), async || {
            let plugin = client.plugin(behaviour).await;
            let message = plugin["last_error"]["message"].as_str().unwrap_or_default();
            let is_told = if said.is_empty() {
                plugin["reads"].as_u64() > Some(0)
            } else {
                plugin["last_error"]["code"] == "lost" && message.contains(said)
            };
            if is_told { Ok(()) } else { Err(plugin) }
        })
        .await;
    }
    let forged = client.plugin("forged_handles").await;
    assert!(forged["drops"]["stale_handle"].as_u64() > Some(0), "{forged}");
    let well = client.plugin("well").await;
    assert_eq!((&well["failures"], &well["overruns"]), (&0.into(), &0.into()), "{well}");
    let grown = kib_of(pid, "VmHWM:").saturating_sub(largest);
    assert!(grown <= GROWTH, "the daemon grew by {grown} KiB at its largest, at most {GROWTH} are well");
    for (behaviour, _) in FORGED {
        let gone = client.post(&format!("/v1/plugins/{behaviour}/disable")).await;
        assert_eq!(gone.ok()["state"], "stopped");
    }
    within("no process is left behind", async || match offspring_of(pid).len() {
        0 => Ok(()),
        other => Err(other),
    })
    .await;
    println!(
        "{} ways to break the protocol: daemon +{grown} KiB at its largest, neighbour well; {:.1} s",
        FORGED.len(),
        begun.elapsed().as_secs_f64()
    );
}
