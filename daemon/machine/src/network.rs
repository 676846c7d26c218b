//! Network interfaces: `/sys/class/net`.

use gatherd_api_types::NetworkInterface;

use crate::root::{Root, Told};

const FOLDER: &str = "sys/class/net";

/// Most interfaces that are told of.
const MOST: usize = 256;

pub(crate) fn look(root: &Root) -> Told<Vec<NetworkInterface>> {
    let (names, more) = match root.names(FOLDER, MOST) {
        Ok(found) => found,
        Err(why) => return Told::nothing(why),
    };
    let interfaces = names.iter().filter(|name| root.has(&format!("{FOLDER}/{name}/type")));
    let known = Some(interfaces.map(|name| interface(root, name)).collect());
    Told { known, why: more.then(|| format!("there are more than {MOST} interfaces")) }
}

fn interface(root: &Root, name: &str) -> NetworkInterface {
    let path = |file: &str| format!("{FOLDER}/{name}/{file}");
    let bus_address = root.link(&path("device"));
    NetworkInterface {
        name: name.to_owned(),
        is_virtual: bus_address.is_none(),
        driver: root.link(&path("device/driver")),
        bus_address,
        mac: root.line(&path("address")).filter(|mac| mac.bytes().any(|byte| !matches!(byte, b'0' | b':'))),
        // Without a link some drivers say -1, some the largest number, and some nothing.
        speed: root.number(&path("speed")).filter(|speed| (1..=10_000_000).contains(speed)),
        duplex: root.line(&path("duplex")).filter(|duplex| duplex != "unknown"),
        mtu: root.number(&path("mtu")),
        state: root.line(&path("operstate")),
        // -1, which is no number here, stands for none.
        numa_node: root.number(&path("device/numa_node")),
    }
}
