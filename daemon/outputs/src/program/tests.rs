//! Real programs: what they get, how they end, and what nobody may start.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use gatherd_engine::port::Run;
use gatherd_model::{CdTime, Notification, Severity};
use rustix::io::{FdFlags, fcntl_setfd};
use tempfile::TempDir;

use super::*;

/// Longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(20);

/// A directory that programs may be started from, with one.
struct Shop {
    directory: TempDir,
}

impl Shop {
    /// With a program that is this script.
    fn new(script: &str) -> Self {
        let shop = Self { directory: TempDir::new().unwrap() };
        shop.add("page", script, 0o755);
        shop
    }

    fn path(&self, name: &str) -> PathBuf {
        // A temporary directory may be reached through a link.
        fs::canonicalize(self.directory.path()).unwrap().join(name)
    }

    fn add(&self, name: &str, script: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, format!("#!/bin/sh\ncd '{}'\n{script}\n", self.path("").display())).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    fn program(&self) -> Program {
        Program {
            path: self.path("page"),
            directories: [self.path("")].into(),
            arguments: Vec::new(),
            format: ProgramFormat::Collectd,
            timeout: DEADLINE,
            retry: false,
        }
    }

    async fn run(&self) -> Attempt {
        run(self.program(), &message("full")).await
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The number of a process, once it is written.
    async fn process(&self, name: &str) -> String {
        let path = self.path(name);
        until(|| fs::read_to_string(&path).is_ok_and(|text| text.ends_with('\n'))).await;
        self.read(name).trim().to_owned()
    }
}

async fn run(program: Program, message: &Message) -> Attempt {
    Runner::new(program, Places::default()).run(message).await
}

async fn until(holds: impl Fn() -> bool) {
    let held = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, held).await.expect("it comes to that");
}

/// Whether a process is gone, or waits for a foreign parent to reap it.
fn is_over(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']))
}

fn message(text: &str) -> Message {
    let notification = Notification {
        severity: Severity::Warning,
        time: CdTime::from_secs(1_700_000_000),
        message: text.into(),
        host: "h".into(),
        plugin: "df".into(),
        plugin_instance: String::new(),
        type_name: String::new(),
        type_instance: String::new(),
        meta: BTreeMap::new(),
    };
    let notification = Arc::new(notification);
    Message { id: "1-7-oncall".into(), subscription: "oncall".into(), number: 7, notification }
}

fn never(attempt: &Attempt) -> &str {
    match &attempt.outcome {
        Err(NotDelivered::Never(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_program_gets_the_notification_its_arguments_and_nothing_of_the_daemon() {
    // Left open by somebody in C.
    let leak = File::open("/dev/null").unwrap();
    fcntl_setfd(&leak, FdFlags::empty()).unwrap();
    let shop = Shop::new(
        "cat > input; printf '%s\\n' \"$0\" \"$@\" > arguments; env > environment; ls /proc/self/fd > descriptors
         cut -d ' ' -f 1,5 /proc/self/stat > group; echo $$ > number",
    );
    let arguments = ["a b", "$(id)", "", "*"].map(str::to_owned).to_vec();
    let attempt = run(Program { arguments, ..shop.program() }, &message("full")).await;
    let Run { exit_status, signal, timed_out, stderr, took: _ } = attempt.run.clone().unwrap();
    assert_eq!((exit_status, signal, timed_out, stderr.as_str()), (Some(0), None, false, ""));
    assert_eq!(attempt.outcome, Ok(()));
    assert_eq!(shop.read("input"), "Severity: WARNING\nTime: 1700000000.000\nHost: h\nPlugin: df\n\nfull\n");
    let program = shop.path("page");
    assert_eq!(shop.read("arguments"), format!("{}\na b\n$(id)\n\n*\n", program.display()));
    let environment = shop.read("environment");
    let ours = |line: &&str| !["PWD=", "OLDPWD=", "SHLVL=", "_="].iter().any(|own| line.starts_with(own));
    let mut environment: Vec<&str> = environment.lines().filter(ours).collect();
    environment.sort_unstable();
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    assert_eq!(
        environment,
        [
            "GATHERD_DELIVERY=1-7-oncall",
            "GATHERD_EVENT=notification",
            "GATHERD_SUBSCRIPTION=oncall",
            "LANG=C.UTF-8",
            path
        ]
    );
    // The last one is that of the listing itself.
    assert_eq!(shop.read("descriptors").lines().collect::<Vec<_>>(), ["0", "1", "2", "3"]);
    let group = shop.read("group");
    assert_eq!(group.split_whitespace().nth(1), Some(shop.read("number").trim()), "a group of its own");
    drop(leak);
}

#[tokio::test]
async fn a_program_reads_what_a_webhook_gets_when_that_is_wanted() {
    let shop = Shop::new("cat > input");
    run(Program { format: ProgramFormat::Json, ..shop.program() }, &message("full")).await;
    let input: serde_json::Value = serde_json::from_str(&shop.read("input")).unwrap();
    assert_eq!(input, crate::message::json(&message("full")));
}

#[tokio::test]
async fn a_failed_program_is_told_with_status_and_words_and_tried_again_only_when_that_is_wanted() {
    let shop = Shop::new("echo 'no such number' >&2; exit 3");
    let attempt = shop.run().await;
    assert_eq!(never(&attempt), "the program ended with status 3");
    let ran = attempt.run.unwrap();
    assert_eq!((ran.exit_status, ran.stderr.as_str()), (Some(3), "no such number"));
    let again = run(Program { retry: true, ..shop.program() }, &message("full")).await;
    assert!(matches!(again.outcome, Err(NotDelivered::Later(_))), "{again:?}");

    let shop = Shop::new("kill -KILL $$");
    let attempt = shop.run().await;
    assert_eq!(never(&attempt), "the program was ended by signal 9");
    let ran = attempt.run.unwrap();
    assert_eq!((ran.exit_status, ran.signal, ran.timed_out), (None, Some(9), false));
}

#[tokio::test]
async fn a_program_whose_time_is_over_is_asked_to_end_and_then_killed_with_its_group() {
    let limit = Duration::from_millis(300);
    let shop = Shop::new("echo $$ > number; echo began >&2; exec sleep 60");
    let attempt = run(Program { timeout: limit, ..shop.program() }, &message("full")).await;
    assert_eq!(never(&attempt), "the program did not end in time and was ended");
    let ran = attempt.run.unwrap();
    assert_eq!((ran.signal, ran.timed_out, ran.stderr.as_str()), (Some(15), true, "began"));
    assert!(is_over(&shop.process("number").await));

    let shop = Shop::new("trap '' TERM; sleep 60 & echo $! > number; sleep 60; sleep 60");
    let attempt = run(Program { timeout: limit, ..shop.program() }, &message("full")).await;
    let ran = attempt.run.unwrap();
    assert_eq!((ran.signal, ran.timed_out), (Some(9), true));
    let left = shop.process("number").await;
    until(|| is_over(&left)).await;
}

#[tokio::test]
async fn what_a_program_leaves_behind_in_its_group_is_killed() {
    let shop = Shop::new("sleep 60 & echo $! > number; echo done >&2");
    let attempt = shop.run().await;
    assert_eq!((attempt.outcome, attempt.run.unwrap().stderr.as_str()), (Ok(()), "done"));
    let left = shop.process("number").await;
    until(|| is_over(&left)).await;
}

#[tokio::test]
async fn a_program_nobody_waits_for_any_more_is_killed_and_reaped() {
    let shop = Shop::new("echo $$ > number; sleep 60; sleep 60");
    let (runner, message) = (Runner::new(shop.program(), Places::default()), message("full"));
    let number = tokio::select! {
        attempt = runner.run(&message) => panic!("{attempt:?}"),
        number = shop.process("number") => number,
    };
    until(|| !Path::new("/proc").join(&number).exists()).await;
}

#[tokio::test]
async fn a_program_need_not_read_its_input() {
    let shop = Shop::new("exit 0");
    let attempt = run(shop.program(), &message(&"x".repeat(1 << 20))).await;
    assert_eq!(attempt.outcome, Ok(()));
}

#[tokio::test]
async fn no_more_programs_run_at_one_time_than_there_are_places() {
    let shop = Shop::new("echo begin >> log; sleep 0.1; echo end >> log");
    let places = Places(Arc::new(Semaphore::new(1)));
    let (one, two) =
        (Runner::new(shop.program(), places.clone()), Runner::new(shop.program(), places.clone()));
    let message = message("full");
    tokio::join!(one.run(&message), two.run(&message));
    assert_eq!(shop.read("log"), "begin\nend\nbegin\nend\n");
}

#[tokio::test]
async fn a_program_that_others_could_change_or_that_lies_elsewhere_is_not_started() {
    let shop = Shop::new("touch started");
    let refused = async |what: &str| {
        let attempt = shop.run().await;
        assert!(!shop.path("started").exists(), "{what}");
        assert_eq!(attempt.run, None, "{what}");
        never(&attempt).to_owned()
    };
    let mode = |name: &str, mode: u32| {
        fs::set_permissions(shop.path(name), Permissions::from_mode(mode)).unwrap();
    };
    for bits in [0o775, 0o757, 0o1757] {
        mode("page", bits);
        assert!(refused("file").await.contains("may write to"), "{bits:o}");
    }
    mode("page", 0o644);
    assert!(refused("not executable").await.contains("no file that may be executed"));
    mode("page", 0o755);
    for bits in [0o770, 0o707, 0o1777] {
        mode("", bits);
        assert!(refused("directory").await.contains("may write to"), "{bits:o}");
    }
    mode("", 0o755);

    let elsewhere = Shop::new("touch started");
    fs::remove_file(shop.path("page")).unwrap();
    assert!(refused("missing").await.contains("cannot look at"));
    symlink(elsewhere.path("page"), shop.path("page")).unwrap();
    assert!(refused("link").await.contains("exec_dirs does not name the directory of that"));
    assert!(!elsewhere.path("started").exists());
    fs::remove_file(shop.path("page")).unwrap();
    fs::create_dir(shop.path("page")).unwrap();
    assert!(refused("directory in its place").await.contains("no file that may be executed"));
    fs::remove_dir(shop.path("page")).unwrap();

    // A link that stays within is followed.
    shop.add("real", "echo \"$0\" > name", 0o755);
    symlink("real", shop.path("page")).unwrap();
    assert_eq!(shop.run().await.outcome, Ok(()));
    assert_eq!(shop.read("name").trim(), shop.path("real").to_str().unwrap());
}

#[tokio::test]
async fn a_directory_on_the_way_that_others_could_replace_keeps_a_program_from_being_started() {
    let shop = Shop::new("exit 0");
    let inner = shop.path("inner");
    fs::create_dir(&inner).unwrap();
    fs::rename(shop.path("page"), inner.join("page")).unwrap();
    let program = Program { path: inner.join("page"), directories: [inner].into(), ..shop.program() };
    let outer = |mode: u32| fs::set_permissions(shop.path(""), Permissions::from_mode(mode)).unwrap();
    outer(0o777);
    assert!(never(&run(program.clone(), &message("full")).await).contains("may write to"));
    outer(0o1777);
    assert_eq!(run(program, &message("full")).await.outcome, Ok(()));
    outer(0o700);
}
