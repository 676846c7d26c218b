//! Control groups: which version is in use, and what can be controlled.

use gatherd_api_types::Cgroups;

use crate::root::{Root, Told};

pub(crate) fn look(root: &Root) -> Told<Cgroups> {
    if let Ok(text) = root.text("sys/fs/cgroup/cgroup.controllers") {
        return Told::all(Cgroups { version: "v2".to_owned(), controllers: words(&text) });
    }
    let first = match root.text("proc/cgroups") {
        Ok(text) => enabled(&text),
        Err(why) => return Told::nothing(why),
    };
    if first.is_empty() {
        return Told::nothing("/proc/cgroups: the kernel controls nothing".to_owned());
    }
    let both = root.has("sys/fs/cgroup/unified/cgroup.controllers");
    Told::all(Cgroups { version: if both { "hybrid" } else { "v1" }.to_owned(), controllers: first })
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// The controllers that are switched on: the first and fourth column.
pub(crate) fn enabled(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let row = lines.filter_map(|line| {
        let mut columns = line.split_whitespace();
        let name = columns.next()?;
        (columns.nth(2) == Some("1")).then(|| name.to_owned())
    });
    row.collect()
}
