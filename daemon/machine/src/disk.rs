//! Disks: `/sys/block`, without loops, RAM disks and what has no size.

use gatherd_api_types::Disk;

use crate::cpu::is_numbered;
use crate::root::{Root, Told};

const FOLDER: &str = "sys/block";

/// Most disks that are told of.
const MOST: usize = 512;

/// Bytes of what the kernel counts sizes in, whatever the disk's own sectors are.
const SECTOR: u64 = 512;

pub(crate) fn look(root: &Root) -> Told<Vec<Disk>> {
    let (names, more) = match root.names(FOLDER, MOST) {
        Ok(found) => found,
        Err(why) => return Told::nothing(why),
    };
    let none = |name: &str| ["loop", "ram", "zram"].iter().any(|prefix| is_numbered(name, prefix));
    let disks = names.iter().filter(|name| !none(name)).map(|name| disk(root, name));
    let known = Some(disks.filter(|disk| disk.size != Some(0)).collect());
    Told { known, why: more.then(|| format!("there are more than {MOST} block devices")) }
}

fn disk(root: &Root, name: &str) -> Disk {
    let path = |file: &str| format!("{FOLDER}/{name}/{file}");
    let truth = |file: &str| root.number(&path(file)).map(|number| number != 0);
    let first = |files: [&str; 2]| files.into_iter().find_map(|file| root.line(&path(file)));
    Disk {
        name: name.to_owned(),
        size: root.number(&path("size")).and_then(|sectors| sectors.checked_mul(SECTOR)),
        model: first(["device/model", "device/name"]),
        // SCSI and NVMe say it of the device, virtio of the disk.
        serial_number: first(["device/serial", "serial"]),
        rotational: truth("queue/rotational"),
        removable: truth("removable"),
    }
}
