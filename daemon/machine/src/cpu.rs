//! The processors: `/proc/cpuinfo` for what they are, `/sys/devices/system/cpu` for how they belong together.

use std::collections::BTreeSet;

use gatherd_api_types::Cpu;

use crate::root::{Root, Told};

/// Most flags that are told of.
const FLAGS: usize = 1024;

/// Most processors that are looked at.
const MOST: usize = 8192;

/// The levels of the x86-64 psABI above the first, in the kernel's words for what they need.
///
/// Source: x86-64 psABI, section "Micro-Architecture Levels"; the kernel calls SSE3 `pni` and LZCNT `abm`.
const LEVELS: [(&str, &[&str]); 4] = [
    ("x86-64", &["lm", "cmov", "cx8", "fpu", "fxsr", "mmx", "syscall", "sse", "sse2"]),
    ("x86-64-v2", &["cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"]),
    ("x86-64-v3", &["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"]),
    ("x86-64-v4", &["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]),
];

pub(crate) fn look(root: &Root) -> Told<Cpu> {
    match root.text("proc/cpuinfo") {
        Ok(text) => {
            let (cores, sockets) = topology(root);
            let cpu = Cpu { cores, sockets, ..parse(&text) };
            match cpu.logical {
                0 => Told::nothing("/proc/cpuinfo: it names no processor".to_owned()),
                _ => Told::all(cpu),
            }
        }
        Err(why) => Told::nothing(why),
    }
}

/// What the text says of the first processor, and how many it has.
pub(crate) fn parse(text: &str) -> Cpu {
    let mut cpu = Cpu {
        vendor: None,
        model: None,
        level: None,
        flags: Vec::new(),
        logical: 0,
        cores: None,
        sockets: None,
    };
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match key.trim() {
            "processor" => cpu.logical += 1,
            "vendor_id" if cpu.vendor.is_none() => cpu.vendor = Some(value.to_owned()),
            // The second is POWER's word.
            "model name" | "cpu" if cpu.model.is_none() => cpu.model = Some(value.to_owned()),
            // The others are the words of ARM and of S/390.
            "flags" | "Features" | "features" if cpu.flags.is_empty() => {
                cpu.flags = value.split_whitespace().take(FLAGS).map(str::to_owned).collect();
            }
            _ => {}
        }
    }
    cpu.level = level(&cpu.flags);
    cpu
}

/// The highest level of which nothing is missing.
fn level(flags: &[String]) -> Option<String> {
    let has = |needed: &&[&str]| needed.iter().all(|flag| flags.iter().any(|it| it == flag));
    let reached = LEVELS.iter().take_while(|(_, needed)| has(needed)).last();
    reached.map(|(name, _)| (*name).to_owned())
}

/// Cores and sockets; `None` where the kernel does not say.
fn topology(root: &Root) -> (Option<u64>, Option<u64>) {
    let Ok((names, _)) = root.names("sys/devices/system/cpu", MOST) else { return (None, None) };
    let (mut cores, mut sockets) = (BTreeSet::new(), BTreeSet::new());
    for name in names.iter().filter(|name| is_numbered(name, "cpu")) {
        let part = |part: &str| root.line(&format!("sys/devices/system/cpu/{name}/topology/{part}"));
        if let (Some(socket), Some(core)) = (part("physical_package_id"), part("core_id")) {
            cores.insert((socket.clone(), core));
            sockets.insert(socket);
        }
    }
    let count = |count: usize| Some(count as u64).filter(|count| *count > 0);
    (count(cores.len()), count(sockets.len()))
}

/// Whether this is `prefix` and a number.
pub(crate) fn is_numbered(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix)
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|it| it.is_ascii_digit()))
}
