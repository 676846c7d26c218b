//! NUMA nodes: `/sys/devices/system/node`.

use gatherd_api_types::NumaNode;

use crate::cpu::is_numbered;
use crate::root::{Root, Told};

const FOLDER: &str = "sys/devices/system/node";

/// Most nodes that are told of: the kernel's own bound.
const MOST: usize = 1024;

pub(crate) fn look(root: &Root) -> Told<Vec<NumaNode>> {
    let names = match root.names(FOLDER, MOST) {
        Ok((names, _)) => names,
        Err(why) => return Told::nothing(why),
    };
    let numbered = names.iter().filter(|name| is_numbered(name, "node"));
    let mut nodes: Vec<NumaNode> = numbered
        .filter_map(|name| {
            let line = |file: &str| root.line(&format!("{FOLDER}/{name}/{file}"));
            let distances = line("distance").unwrap_or_default();
            Some(NumaNode {
                node: name.strip_prefix("node")?.parse().ok()?,
                cpus: line("cpulist").unwrap_or_default(),
                memory: root.text(&format!("{FOLDER}/{name}/meminfo")).ok().and_then(|text| memory(&text)),
                distances: distances.split_whitespace().filter_map(|it| it.parse().ok()).collect(),
            })
        })
        .collect();
    nodes.sort_by_key(|node| node.node);
    Told::all(nodes)
}

/// The bytes of a line such as `Node 0 MemTotal:  24684092 kB`.
pub(crate) fn memory(text: &str) -> Option<u64> {
    let (_, value) = text.lines().find_map(|line| line.split_once("MemTotal:"))?;
    value.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}
