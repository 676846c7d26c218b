//! The memory: `/proc/meminfo`, and `/sys/kernel/mm/hugepages` for huge pages.

use gatherd_api_types::{HugePages, Memory};

use crate::root::{Root, Told};

/// Most sizes of huge pages that are looked at.
const SIZES: usize = 64;

pub(crate) fn look(root: &Root) -> Told<Memory> {
    let text = match root.text("proc/meminfo") {
        Ok(text) => text,
        Err(why) => return Told::nothing(why),
    };
    let Some(total) = kibibytes(&text, "MemTotal") else {
        return Told::nothing("/proc/meminfo: it does not name the whole memory".to_owned());
    };
    Told::all(Memory {
        total,
        swap: kibibytes(&text, "SwapTotal").unwrap_or(0),
        page_size: rustix::param::page_size() as u64,
        hugepages: hugepages(root),
    })
}

/// The bytes of a line such as `MemTotal:  24684092 kB`.
pub(crate) fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix(':'))?;
    let mut words = value.split_whitespace();
    let number: u64 = words.next()?.parse().ok()?;
    number.checked_mul(if words.next() == Some("kB") { 1024 } else { 1 })
}

fn hugepages(root: &Root) -> Vec<HugePages> {
    const FOLDER: &str = "sys/kernel/mm/hugepages";
    let (names, _) = root.names(FOLDER, SIZES).unwrap_or_default();
    let mut sizes: Vec<HugePages> = names
        .iter()
        .filter_map(|name| {
            let size: u64 = name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok()?;
            let number = |file: &str| root.number(&format!("{FOLDER}/{name}/{file}"));
            let total = number("nr_hugepages")?;
            Some(HugePages {
                size: size.checked_mul(1024)?,
                total,
                free: number("free_hugepages").unwrap_or(0),
            })
        })
        .collect();
    sizes.sort_by_key(|pages| pages.size);
    sizes
}
