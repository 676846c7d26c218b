//! The plugin from value lists to its files.

use std::cell::Cell;
use std::fs::{self, File};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use gatherd_loader::WriteItem;
use gatherd_sdk::{Interval, LogLevel, Value, ValueList};
use gatherd_testkit::Harness;
use rustix::io::Errno;
use serde_json::json;
use tempfile::TempDir;

use super::*;

/// 2026-11-21 05:20:28 UTC, in seconds since the epoch.
const MORNING: u64 = 1_795_238_428;

/// The first midnight after [`MORNING`].
const MIDNIGHT: u64 = 1_795_305_600;

fn gauge(identifier: &str, seconds: u64, value: f64) -> ValueList {
    list(identifier, seconds, vec![Value::Gauge(value)])
}

fn list(identifier: &str, seconds: u64, values: Vec<Value>) -> ValueList {
    let identifier = identifier.parse().unwrap();
    ValueList { identifier, values, time: CdTime::from_secs(seconds), interval: Interval::DEFAULT }
}

/// A plugin that writes below `data`, in a zone without summer time.
fn running(data: &Path, change: impl FnOnce(&mut Config)) -> Harness<Csv> {
    let mut config = Config { data_dir: data.to_owned(), ..Config::default() };
    change(&mut config);
    Harness::made(move |host| Csv::open(config, host, || TimeZone::UTC, small_disk)).unwrap()
}

thread_local! {
    /// How many bytes the disk of this thread's test still takes.
    static ROOM: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// A disk with so much room as the test leaves.
fn small_disk(file: BorrowedFd<'_>, text: &[u8]) -> Result<usize, Errno> {
    let fits = text.len().min(ROOM.get());
    if fits == 0 {
        return Err(Errno::NOSPC);
    }
    let count = rustix::io::write(file, &text[..fits])?;
    ROOM.set(ROOM.get() - count);
    Ok(count)
}

/// A plugin with its directory, which does not exist before.
fn fresh(change: impl FnOnce(&mut Config)) -> (TempDir, PathBuf, Harness<Csv>) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("deep/data");
    let harness = running(&data, change);
    (folder, data, harness)
}

fn text(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below `directory`, by their names from there on, in order.
fn tree(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = vec![directory.to_owned()];
    while let Some(path) = rest.pop() {
        if fs::symlink_metadata(&path).unwrap().is_dir() {
            rest.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found.push(path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned());
        }
    }
    found.sort();
    found
}

/// How many files below `directory` this process has open.
fn open_below(directory: &Path) -> usize {
    let links = fs::read_dir("/proc/self/fd").unwrap();
    let targets = links.filter_map(|link| fs::read_link(link.ok()?.path()).ok());
    targets.filter(|target| target.starts_with(directory) && target != directory).count()
}

fn warnings(harness: &Harness<Csv>) -> Vec<String> {
    harness.logs().into_iter().map(|(_, message)| message).collect()
}

#[test]
fn each_series_has_a_file_for_each_day_in_collectds_layout() {
    let (_folder, data, mut harness) = fresh(|_| {});
    let octets =
        |seconds, rx, tx| list("h/if-eth0/if_octets", seconds, vec![Value::Derive(rx), Value::Derive(tx)]);
    harness
        .write(&[
            octets(MORNING, 1, 2),
            gauge("h.example.com/p.q-i j/gauge-a b.c", MORNING, 1.0),
            octets(MIDNIGHT, 11, 22),
        ])
        .unwrap();
    harness.write(&[octets(MIDNIGHT + 10, 12, 23)]).unwrap();
    assert_eq!(
        tree(&data),
        [
            "h.example.com/p.q-i j/gauge-a b.c-2026-11-21",
            "h/if-eth0/if_octets-2026-11-21",
            "h/if-eth0/if_octets-2026-11-22"
        ]
    );
    assert_eq!(text(data.join("h/if-eth0/if_octets-2026-11-21")), "epoch,rx,tx\n1795238428.000,1,2\n");
    assert_eq!(
        text(data.join("h/if-eth0/if_octets-2026-11-22")),
        "epoch,rx,tx\n1795305600.000,11,22\n1795305610.000,12,23\n"
    );
}

#[test]
fn store_rates_writes_rates_and_nan_for_the_first() {
    let (_folder, data, mut harness) = fresh(|config| config.store_rates = true);
    let identifier = "h/if-eth0/if_octets".parse().unwrap();
    let series = harness.bench().number(&identifier);
    for (seconds, rates) in [(0, [f64::NAN, f64::NAN]), (10, [1.0, 2.5])] {
        let item = WriteItem {
            series,
            values: &[Value::Derive(7), Value::Derive(8)],
            rates: &rates,
            time: CdTime::from_secs(MORNING + seconds),
            interval: Interval::DEFAULT,
        };
        harness.instance().write([item]).unwrap();
    }
    let file = text(data.join("h/if-eth0/if_octets-2026-11-21"));
    assert_eq!(file, "epoch,rx,tx\n1795238428.000,nan,nan\n1795238438.000,1.000000,2.500000\n");
}

#[test]
fn directories_are_0755_and_files_0644_as_far_as_the_umask_lets_them() {
    let (folder, data, mut harness) = fresh(|_| {});
    harness.write(&[gauge("h/p/gauge", MORNING, 1.0)]).unwrap();
    // What a plain creation gives shows the umask, without changing it for the other tests.
    let plain = folder.path().join("plain");
    File::create(&plain).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let umask = 0o666 & !mode(&plain);
    assert_eq!(mode(&data), 0o755 & !umask);
    assert_eq!(mode(&data.join("h/p")), 0o755 & !umask);
    assert_eq!(mode(&data.join("h/p/gauge-2026-11-21")), 0o644 & !umask);
}

#[test]
fn a_restarted_plugin_appends_without_a_second_header() {
    let (_folder, data, mut harness) = fresh(|_| {});
    harness.write(&[gauge("h/p/gauge", MORNING, 1.0)]).unwrap();
    drop(harness);
    running(&data, |_| {}).write(&[gauge("h/p/gauge", MORNING + 10, 2.0)]).unwrap();
    assert_eq!(
        text(data.join("h/p/gauge-2026-11-21")),
        "epoch,value\n1795238428.000,1.000000\n1795238438.000,2.000000\n"
    );
}

#[test]
fn a_line_that_was_cut_off_is_ended_before_the_next() {
    let (_folder, data, mut harness) = fresh(|_| {});
    fs::create_dir_all(data.join("h/p")).unwrap();
    fs::write(data.join("h/p/gauge-2026-11-21"), "epoch,value\n1795238418.0").unwrap();
    harness.write(&[gauge("h/p/gauge", MORNING, 1.0), gauge("h/p/gauge", MORNING + 10, 2.0)]).unwrap();
    assert_eq!(
        text(data.join("h/p/gauge-2026-11-21")),
        "epoch,value\n1795238418.0\n1795238428.000,1.000000\n1795238438.000,2.000000\n"
    );
}

#[test]
fn a_file_that_was_removed_or_emptied_begins_anew() {
    let (_folder, data, mut harness) = fresh(|_| {});
    let file = data.join("h/p/gauge-2026-11-21");
    harness.write(&[gauge("h/p/gauge", MORNING, 1.0)]).unwrap();
    fs::remove_dir_all(&data).unwrap();
    // The first try meets the removed directory, the second one looks for it by its path.
    let error = harness.write(&[gauge("h/p/gauge", MORNING + 10, 2.0)]).unwrap_err().to_string();
    assert!(
        error.contains("cannot make the directories of") && error.contains("gauge-2026-11-21"),
        "{error}"
    );
    harness.write(&[gauge("h/p/gauge", MORNING + 10, 2.0)]).unwrap();
    assert_eq!(text(&file), "epoch,value\n1795238438.000,2.000000\n");
    fs::remove_file(&file).unwrap();
    harness.write(&[gauge("h/p/gauge", MORNING + 20, 3.0)]).unwrap();
    assert_eq!(text(&file), "epoch,value\n1795238448.000,3.000000\n");
    File::create(&file).unwrap();
    harness.write(&[gauge("h/p/gauge", MORNING + 30, 4.0)]).unwrap();
    assert_eq!(text(file), "epoch,value\n1795238458.000,4.000000\n");
}

#[test]
fn so_many_files_stay_open_and_flush_closes_them() {
    let (_folder, data, mut harness) = fresh(|config| config.open_files = 3);
    let round =
        |seconds| (0..8).map(|at| gauge(&format!("h/p/gauge-{at}"), seconds, 1.0)).collect::<Vec<_>>();
    harness.write(&round(MORNING)).unwrap();
    assert_eq!(open_below(&data), 3);
    harness.write(&round(MORNING + 10)).unwrap();
    assert_eq!(open_below(&data), 3);
    assert_eq!(tree(&data).len(), 8);
    for at in 0..8 {
        assert_eq!(
            text(data.join(format!("h/p/gauge-{at}-2026-11-21"))),
            "epoch,value\n1795238428.000,1.000000\n1795238438.000,1.000000\n"
        );
    }
    harness.instance().flush(None, None).unwrap();
    assert_eq!(open_below(&data), 0);
}

#[test]
fn the_file_that_was_not_used_for_longest_is_closed_first() {
    let (_folder, data, mut harness) = fresh(|config| config.open_files = 2);
    let write = |harness: &mut Harness<Csv>, name: &str, seconds| {
        harness.write(&[gauge(&format!("h/p/gauge-{name}"), MORNING + seconds, 1.0)]).unwrap();
    };
    for (seconds, name) in [(0, "a"), (1, "b"), (2, "a"), (3, "c")] {
        write(&mut harness, name, seconds);
    }
    let links = fs::read_dir("/proc/self/fd").unwrap();
    let targets = links.filter_map(|link| fs::read_link(link.ok()?.path()).ok());
    let below = targets.filter_map(|target| Some(target.strip_prefix(&data).ok()?.to_str()?.to_owned()));
    let mut open: Vec<_> = below.filter(|name| !name.is_empty()).collect();
    open.sort();
    assert_eq!(open, ["h/p/gauge-a-2026-11-21", "h/p/gauge-c-2026-11-21"]);
}

#[test]
fn names_that_could_lead_out_are_left_out_and_told_once() {
    let (folder, data, mut harness) = fresh(|_| {});
    let long = format!("h/p/gauge-{}", "t".repeat(127));
    let type_name = format!("h/{}-q/gauge-{}", "p".repeat(127), "t".repeat(127));
    for seconds in [0, 10] {
        let at = MORNING + seconds;
        harness
            .write(&[
                gauge("../dot/gauge", at, 1.0),
                gauge("h/../gauge", at, 1.0),
                gauge("./p/gauge", at, 1.0),
                gauge("h/p-../gauge-..", at, 1.0),
                gauge(&long, at, 1.0),
                gauge(&type_name, at, 1.0),
            ])
            .unwrap();
    }
    let kept = [
        format!("h/p-../gauge-..-{}", "2026-11-21"),
        format!("h/p/gauge-{}-2026-11-21", "t".repeat(127)),
        format!("h/{}-q/gauge-{}-2026-11-21", "p".repeat(127), "t".repeat(127)),
    ];
    let mut kept = kept.map(|name| format!("deep/data/{name}"));
    kept.sort();
    assert_eq!(tree(folder.path()), kept);
    assert_eq!(text(data.join("h/p-../gauge-..-2026-11-21")).lines().count(), 3);
    let told = |identifier| {
        format!("the values of {identifier} are left out: a directory's name may not begin with a dot")
    };
    assert_eq!(warnings(&harness), [told("../dot/gauge"), told("h/../gauge"), told("./p/gauge")]);
    harness.instance().flush(None, None).unwrap();
    assert_eq!(harness.logs().last().unwrap(), &(LogLevel::NOTICE, "6 value lists were left out".to_owned()));
}

#[test]
fn links_pipes_and_directories_in_the_way_are_never_followed() {
    let (folder, data, mut harness) = fresh(|_| {});
    let outside = folder.path().join("outside");
    fs::create_dir_all(outside.join("p")).unwrap();
    fs::write(outside.join("target"), "mine\n").unwrap();
    symlink(&outside, data.join("linked")).unwrap();
    fs::create_dir_all(data.join("h/p/gauge-directory-2026-11-21")).unwrap();
    symlink(&outside, data.join("h/linked")).unwrap();
    symlink(outside.join("target"), data.join("h/p/gauge-linked-2026-11-21")).unwrap();
    symlink(outside.join("none"), data.join("h/p/gauge-dangling-2026-11-21")).unwrap();
    let pipe = data.join("h/p/gauge-pipe-2026-11-21");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    fs::write(data.join("h/file"), "").unwrap();

    let names = ["linked/p/gauge", "h/linked/gauge", "h/file/gauge"];
    let files = ["linked", "dangling", "directory", "pipe"].map(|name| format!("h/p/gauge-{name}"));
    let all: Vec<_> = names.iter().map(ToString::to_string).chain(files).collect();
    harness.write(&all.iter().map(|name| gauge(name, MORNING, 1.0)).collect::<Vec<_>>()).unwrap();

    assert_eq!(text(outside.join("target")), "mine\n");
    assert_eq!(tree(&outside), ["target"]);
    let told = |name: &str, what| {
        let path = data.join(format!("{name}-2026-11-21"));
        format!("the values of {name} are left out: {}: {what}", path.display())
    };
    let (link, irregular) =
        ("it, or a directory before it, is a symbolic link or no directory", "it is not a regular file");
    let wanted = all.iter().zip([link, link, link, link, link, irregular, irregular]);
    assert_eq!(warnings(&harness), wanted.map(|(name, what)| told(name, what)).collect::<Vec<_>>());
}

/// The largest size of a file where `file` is; beyond it nothing can be written.
fn largest(file: &File) -> u64 {
    let (mut fits, mut beyond) = (0, 1 << 63);
    while beyond - fits > 1 {
        let middle = fits + (beyond - fits) / 2;
        if file.set_len(middle).is_ok() { fits = middle } else { beyond = middle }
    }
    file.set_len(0).unwrap();
    fits
}

/// A failing batch is tried again as a whole; a line that was there already came twice without a memory of it.
#[test]
fn a_batch_that_finds_the_disk_full_in_its_middle_is_tried_again_without_a_line_twice() {
    let (_folder, data, mut harness) = fresh(|_| {});
    let full = data.join("h/p/gauge-full-2026-11-21");
    let batch = [
        gauge("h/p/gauge-a", MORNING, 1.0),
        gauge("h/p/gauge-a", MORNING + 1, 2.0),
        gauge("h/p/gauge-full", MORNING, 3.0),
        gauge("h/p/gauge-a", MORNING + 2, 4.0),
        gauge("h/p/gauge-b", MORNING, 5.0),
    ];
    // Room for the two lines before, and the first nine bytes of the third file.
    ROOM.set("epoch,value\n1795238428.000,1.000000\n1795238429.000,2.000000\n".len() + 9);
    for _try in 0..3 {
        let error = harness.write(&batch).unwrap_err().to_string();
        let expected = format!("cannot append to {}: No space left on device", full.display());
        assert!(error.contains(&expected), "{error}");
        assert_eq!(text(&full), "", "what was written of the line is taken back");
    }
    ROOM.set(usize::MAX);
    harness.write(&batch).unwrap();
    harness.write(&[gauge("h/p/gauge-b", MORNING + 10, 6.0)]).unwrap();
    assert_eq!(
        text(data.join("h/p/gauge-a-2026-11-21")),
        "epoch,value\n1795238428.000,1.000000\n1795238429.000,2.000000\n1795238430.000,4.000000\n"
    );
    assert_eq!(text(full), "epoch,value\n1795238428.000,3.000000\n");
    assert_eq!(
        text(data.join("h/p/gauge-b-2026-11-21")),
        "epoch,value\n1795238428.000,5.000000\n1795238438.000,6.000000\n"
    );
    assert_eq!(warnings(&harness), Vec::<String>::new(), "the daemon tells of failures");
}

/// One file that takes no more held up all others for ever, because its batch was tried again and again.
#[test]
fn a_file_that_takes_no_more_costs_its_own_values_and_is_told_once() {
    let (_folder, data, mut harness) = fresh(|_| {});
    fs::create_dir_all(data.join("h/p")).unwrap();
    let bad = data.join("h/p/gauge-bad-2026-11-21");
    let file = File::create(&bad).unwrap();
    // Room for the first nine bytes of the line only.
    let size = largest(&file) - 9;
    file.set_len(size).unwrap();
    file.write_at(b"\n", size - 1).unwrap();

    let batch =
        |seconds| ["a", "bad", "b"].map(|name| gauge(&format!("h/p/gauge-{name}"), MORNING + seconds, 1.0));
    for seconds in [0, 10] {
        harness.write(&batch(seconds)).unwrap();
        assert_eq!(file.metadata().unwrap().size(), size, "what was written of the line is taken back");
    }
    file.set_len(0).unwrap();
    harness.write(&batch(20)).unwrap();
    let lines = "epoch,value\n1795238428.000,1.000000\n1795238438.000,1.000000\n1795238448.000,1.000000\n";
    for name in ["a", "b"] {
        assert_eq!(text(data.join(format!("h/p/gauge-{name}-2026-11-21"))), lines);
    }
    assert_eq!(text(&bad), "epoch,value\n1795238448.000,1.000000\n");
    let told = format!(
        "the values of h/p/gauge-bad are left out: {}: it is as large as a file may be",
        bad.display()
    );
    assert_eq!(warnings(&harness), [told]);
    harness.instance().flush(None, None).unwrap();
    assert_eq!(harness.logs().last().unwrap(), &(LogLevel::NOTICE, "2 value lists were left out".to_owned()));
}

#[test]
fn a_directory_that_cannot_be_made_is_a_failure_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let config = json!({"data_dir": file.join("data")});
    let error = Harness::<Csv>::new(config).err().unwrap().to_string();
    assert!(error.contains(&format!("cannot make directory {}", file.join("data").display())), "{error}");
}

#[test]
fn a_configuration_that_does_not_hold_is_told_with_its_places() {
    let complaint = |config| format!("{:?}", Harness::<Csv>::new(config).err().unwrap());
    let told = complaint(json!({}));
    assert!(
        told.contains("/data_dir") && told.contains("an absolute path of a directory is wanted"),
        "{told}"
    );
    let told = complaint(json!({"data_dir": "csv", "open_files": 0}));
    assert!(told.contains("/data_dir") && told.contains("/open_files"), "{told}");
    let told = complaint(json!({"data_dir": "/tmp", "open_files": 4097}));
    assert!(told.contains("a number from 1 to 4096 is wanted") && !told.contains("/data_dir"), "{told}");
    let told = complaint(json!({"data_dir": "/tmp", "sync": true}));
    assert!(told.contains("unknown field `sync`"), "{told}");
}
