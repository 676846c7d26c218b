//! A machine in a folder: what is known of it, and what is done about tables that lie.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use gatherd_api_types::{Disk, HugePages, NetworkInterface, NumaNode, Smbios, Virtualisation};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// A machine in a folder: each file with its text.
fn made_of(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        put(folder.path(), path, text.as_bytes());
    }
    folder
}

fn put(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn seen(folder: &TempDir) -> Machine {
    Machine::clone(&MachineReader::under(folder.path().to_owned()).look().machine)
}

const CPUINFO: &str = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R) Processor\n\
    flags\t\t: lm cmov cx8 fpu fxsr mmx syscall sse sse2 cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3 avx vmx hypervisor\n\n\
    processor\t: 1\nvendor_id\t: GenuineIntel\n";

#[test]
fn processors_are_counted_with_their_level_cores_and_sockets() {
    let folder = made_of(&[
        ("proc/cpuinfo", CPUINFO),
        ("sys/devices/system/cpu/cpu0/topology/physical_package_id", "0\n"),
        ("sys/devices/system/cpu/cpu0/topology/core_id", "0\n"),
        ("sys/devices/system/cpu/cpu1/topology/physical_package_id", "0\n"),
        ("sys/devices/system/cpu/cpu1/topology/core_id", "0\n"),
        ("sys/devices/system/cpu/cpufreq/x", ""),
    ]);
    let cpu = seen(&folder).cpu.unwrap();
    assert_eq!((cpu.logical, cpu.cores, cpu.sockets), (2, Some(1), Some(1)));
    assert_eq!(cpu.level.as_deref(), Some("x86-64-v2"));
    assert_eq!(cpu.model.as_deref(), Some("Intel(R) Xeon(R) Processor"));
    assert_eq!(cpu.flags.len(), 19);
}

#[test]
fn memory_and_huge_pages_are_in_bytes() {
    let folder = made_of(&[
        ("proc/meminfo", "MemTotal:       24684092 kB\nSwapTotal:  1024 kB\n"),
        ("sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "0\n"),
        ("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "7\n"),
        ("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "5\n"),
        ("sys/kernel/mm/hugepages/hugepages-lots/nr_hugepages", "7\n"),
    ]);
    let memory = seen(&folder).memory.unwrap();
    assert_eq!((memory.total, memory.swap), (24_684_092 * 1024, 1024 * 1024));
    let pages = |size, total, free| HugePages { size, total, free };
    assert_eq!(memory.hugepages, [pages(2 << 20, 7, 5), pages(1 << 30, 0, 0)]);
}

#[test]
fn nodes_stand_in_the_order_of_their_numbers() {
    let folder = made_of(&[
        ("sys/devices/system/node/node10/cpulist", "4-7\n"),
        ("sys/devices/system/node/node2/cpulist", "0-3\n"),
        ("sys/devices/system/node/node2/meminfo", "Node 2 MemTotal:  4 kB\nNode 2 MemFree: 1 kB\n"),
        ("sys/devices/system/node/node2/distance", "10 21\n"),
        ("sys/devices/system/node/nodes/cpulist", "no node"),
    ]);
    let node = |node, cpus: &str, memory, distances: &[u64]| NumaNode {
        node,
        cpus: cpus.into(),
        memory,
        distances: distances.into(),
    };
    let expected = [node(2, "0-3", Some(4096), &[10, 21]), node(10, "4-7", None, &[])];
    assert_eq!(seen(&folder).numa.unwrap(), expected);
}

#[test]
fn interfaces_have_driver_speed_and_address_where_there_is_one() {
    let folder = made_of(&[
        ("sys/class/net/eth0/type", "1\n"),
        ("sys/class/net/eth0/address", "52:54:00:12:34:56\n"),
        ("sys/class/net/eth0/speed", "10000\n"),
        ("sys/class/net/eth0/mtu", "1500\n"),
        ("sys/class/net/eth0/operstate", "up\n"),
        ("sys/class/net/lo/type", "772\n"),
        ("sys/class/net/lo/address", "00:00:00:00:00:00\n"),
        ("sys/class/net/lo/speed", "4294967295\n"),
        ("sys/class/net/bonding_masters", "no interface"),
        ("sys/devices/pci0/0000:3b:00.0/numa_node", "1\n"),
    ]);
    symlink("../../../devices/pci0/0000:3b:00.0", folder.path().join("sys/class/net/eth0/device")).unwrap();
    symlink("../../bus/pci/drivers/ixgbe", folder.path().join("sys/devices/pci0/0000:3b:00.0/driver"))
        .unwrap();
    let found = seen(&folder).network.unwrap();
    let eth0 = NetworkInterface {
        name: "eth0".into(),
        is_virtual: false,
        driver: Some("ixgbe".into()),
        bus_address: Some("0000:3b:00.0".into()),
        mac: Some("52:54:00:12:34:56".into()),
        speed: Some(10_000),
        duplex: None,
        mtu: Some(1500),
        state: Some("up".into()),
        numa_node: Some(1),
    };
    let lo = NetworkInterface {
        name: "lo".into(),
        is_virtual: true,
        driver: None,
        bus_address: None,
        mac: None,
        speed: None,
        duplex: None,
        mtu: None,
        state: None,
        numa_node: None,
    };
    assert_eq!(found, [eth0, lo]);
}

#[test]
fn disks_are_told_of_and_loops_and_empty_ones_are_not() {
    let folder = made_of(&[
        ("sys/block/sda/size", "2048\n"),
        ("sys/block/sda/device/model", "DISK 5000   \n"),
        ("sys/block/sda/device/serial", "S123\n"),
        ("sys/block/sda/queue/rotational", "1\n"),
        ("sys/block/sda/removable", "0\n"),
        ("sys/block/loop0/size", "8\n"),
        ("sys/block/zram0/size", "8\n"),
        ("sys/block/sr0/size", "0\n"),
    ]);
    let sda = Disk {
        name: "sda".into(),
        size: Some(1 << 20),
        model: Some("DISK 5000".into()),
        serial_number: Some("S123".into()),
        rotational: Some(true),
        removable: Some(false),
    };
    assert_eq!(seen(&folder).disks.unwrap(), [sda]);
}

#[test]
fn a_hypervisor_and_a_container_are_named() {
    let vendor = ("sys/class/dmi/id/sys_vendor", "QEMU\n");
    let inside = |hypervisor: Option<&str>, container: Option<&str>| Virtualisation {
        hypervisor: hypervisor.map(Into::into),
        container: container.map(Into::into),
        hosts_guests: true,
    };
    let of = |files: &[(&str, &str)]| seen(&made_of(files)).virtualisation.unwrap();
    assert_eq!(
        of(&[("proc/cpuinfo", CPUINFO), vendor, (".dockerenv", "")]),
        inside(Some("kvm"), Some("docker"))
    );
    assert_eq!(of(&[("proc/cpuinfo", CPUINFO)]), inside(Some("other"), None));
    let pod = ("proc/self/cgroup", "0::/kubepods/burstable/pod1\n");
    let bare = CPUINFO.replace(" hypervisor", "");
    assert_eq!(of(&[("proc/cpuinfo", &bare), vendor, pod]), inside(None, Some("kubernetes")));
}

#[test]
fn each_version_of_control_groups_is_known() {
    let first =
        ("proc/cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t1\t1\nnet_prio\t0\t1\t0\n");
    let of = |files: &[(&str, &str)]| {
        let groups = seen(&made_of(files)).cgroups.unwrap();
        (groups.version, groups.controllers.join(" "))
    };
    assert_eq!(
        of(&[("sys/fs/cgroup/cgroup.controllers", "cpu io\n"), first]),
        ("v2".into(), "cpu io".into())
    );
    assert_eq!(
        of(&[("sys/fs/cgroup/unified/cgroup.controllers", ""), first]),
        ("hybrid".into(), "cpu".into())
    );
    assert_eq!(of(&[first]), ("v1".into(), "cpu".into()));
}

#[test]
fn nothing_to_read_is_said_by_section_and_is_no_error() {
    let machine = seen(&made_of(&[]));
    assert!(machine.kernel.is_some());
    let sections: Vec<&str> = machine.unavailable.keys().map(String::as_str).collect();
    let expected = ["cgroups", "cpu", "disks", "memory", "network", "numa", "smbios", "virtualisation"];
    assert_eq!(sections, expected);
    assert_eq!(machine.unavailable["cpu"], "/proc/cpuinfo: it is not there");
}

#[test]
fn what_was_seen_is_kept_for_a_while() {
    let folder = made_of(&[("proc/meminfo", "MemTotal: 4 kB\n")]);
    let reader = MachineReader::under(folder.path().to_owned());
    let first = reader.look();
    put(folder.path(), "proc/meminfo", b"MemTotal: 8 kB\n");
    assert!(Arc::ptr_eq(&first.machine, &reader.look().machine));
}

/// A structure of SMBIOS: kind, what stands behind the head, and its strings.
fn structure(kind: u8, fields: &[u8], strings: &[&str]) -> Vec<u8> {
    let mut raw = vec![kind, u8::try_from(fields.len() + 4).unwrap(), 0, 0];
    raw.extend_from_slice(fields);
    for text in strings {
        raw.extend_from_slice(text.as_bytes());
        raw.push(0);
    }
    raw.resize(raw.len() + if strings.is_empty() { 2 } else { 1 }, 0);
    raw
}

/// Firmware, machine, board, processor, memory, and the end.
fn tables() -> Vec<u8> {
    let mut system = vec![1, 2, 0, 3];
    system.extend(0..16);
    system.extend([6, 0, 0]);
    let mut processor = vec![1, 3, 0xc6, 2];
    processor.extend([0; 8]);
    processor.extend([3, 0, 0, 0, 0xa0, 0x0f, 0x98, 0x08, 0x41, 0]);
    processor.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 64, 255, 4, 0, 0, 0, 64, 0, 64, 0, 128, 0]);
    let mut memory = vec![0, 0, 0, 0, 72, 0, 64, 0, 0xff, 0x7f, 9, 0, 1, 2, 0x22, 0, 0];
    memory.extend([0xc0, 0x12, 3, 4, 0, 5, 0, 0, 0, 1, 0, 0xff, 0xff]);
    [
        structure(
            0,
            &[1, 2, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 16],
            &["SeaBIOS", "1.16.2", "04/01/2014"],
        ),
        structure(1, &system, &["QEMU", "Standard PC", "SN-1"]),
        structure(2, &[1, 2], &["ACME", "Board"]),
        structure(4, &processor, &["CPU 0", "Intel", "Xeon"]),
        structure(17, &memory, &["DIMM 0", "BANK 0", "Samsung", "SN-2", "P-3"]),
        structure(127, &[], &[]),
    ]
    .concat()
}

fn field<'a>(records: &'a [gatherd_api_types::SmbiosRecord], name: &str) -> &'a str {
    records[0].get(name).map_or("", String::as_str)
}

#[test]
fn the_tables_of_the_firmware_are_read_section_by_section() {
    let folder = made_of(&[]);
    put(folder.path(), "sys/firmware/dmi/tables/DMI", &tables());
    put(folder.path(), "sys/firmware/dmi/tables/smbios_entry_point", b"_SM3_\0\x18\x03\x03\0\x01");
    let machine = seen(&folder);
    let smbios = machine.smbios.clone().unwrap();
    assert_eq!(smbios.version.as_deref(), Some("3.3"));
    assert_eq!((field(&smbios.bios, "vendor"), field(&smbios.bios, "release")), ("SeaBIOS", "1.16"));
    assert_eq!(field(&smbios.system, "uuid"), "03020100-0504-0706-0809-0a0b0c0d0e0f");
    assert_eq!((field(&smbios.system, "serial_number"), field(&smbios.system, "version")), ("SN-1", ""));
    assert_eq!(field(&smbios.baseboard, "product"), "Board");
    assert_eq!(
        (field(&smbios.processors, "max_speed_mhz"), field(&smbios.processors, "speed_mhz")),
        ("4000", "2200")
    );
    assert_eq!((field(&smbios.processors, "cores"), field(&smbios.processors, "threads")), ("64", "128"));
    assert_eq!(field(&smbios.memory_devices, "size_bytes"), (65_536_u64 << 20).to_string());
    assert_eq!(
        (field(&smbios.memory_devices, "type"), field(&smbios.memory_devices, "part_number")),
        ("Ddr5", "P-3")
    );
    assert!(!machine.unavailable.contains_key("smbios"));
    let others = machine.without_identity().smbios.unwrap();
    assert_eq!((field(&others.system, "serial_number"), field(&others.system, "uuid")), ("", ""));
    assert_eq!(field(&others.memory_devices, "serial_number"), "");
    assert_eq!(field(&others.system, "product_name"), "Standard PC");
}

#[test]
fn where_the_tables_cannot_be_read_what_the_kernel_shows_is_told_with_the_reason() {
    let folder = made_of(&[("sys/class/dmi/id/sys_vendor", "QEMU\n"), ("sys/class/dmi/id/board_name", "\n")]);
    let machine = seen(&folder);
    let smbios = machine.smbios.unwrap();
    assert_eq!((field(&smbios.system, "manufacturer"), smbios.baseboard.len()), ("QEMU", 0));
    let why = &machine.unavailable["smbios"];
    assert_eq!(
        why,
        "/sys/firmware/dmi/tables/DMI: it is not there; what the kernel shows of it instead is less"
    );
}

#[test]
fn tables_that_are_cut_off_anywhere_give_what_was_whole() {
    let whole = tables();
    for length in 0..=whole.len() {
        let found = firmware::parse(whole[..length].to_vec());
        assert!(found.bios.len() <= 1 && found.memory_devices.len() <= 1, "{length}");
    }
    assert_eq!(firmware::parse(Vec::new()), Smbios::default());
}

#[test]
fn lengths_and_strings_that_lie_end_in_fields_that_are_left_out() {
    let whole = tables();
    for at in 0..whole.len() {
        for byte in [0, 1, 3, 4, 127, 255] {
            let mut lying = whole.clone();
            lying[at] = byte;
            let found = firmware::parse(lying);
            assert!(found.processors.len() <= 2, "{at} {byte}");
        }
    }
    let no_strings = firmware::parse(structure(1, &[9, 200, 255, 1], &["only one"]));
    assert_eq!(field(&no_strings.system, "serial_number"), "only one");
    assert_eq!(no_strings.system[0].len(), 1);
}

#[test]
fn tables_without_an_end_are_read_once_and_bounded() {
    let one = structure(17, &[0; 23], &["x"]);
    let many = one.repeat(5_000);
    assert_eq!(firmware::parse(many).memory_devices.len(), 0);
    let mut named = [0; 23];
    named[12] = 1;
    assert_eq!(firmware::parse(structure(17, &named, &["x"]).repeat(5_000)).memory_devices.len(), 1024);
    assert_eq!(firmware::parse(vec![0; 2 << 20]), Smbios::default());
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        let text = String::from_utf8_lossy(&bytes);
        let _any = (cpu::parse(&text), memory::kibibytes(&text, "MemTotal"), numa::memory(&text));
        let _any = (cgroup::enabled(&text), firmware::version(&bytes), firmware::parse(bytes));
    }

    #[test]
    fn no_structures_panic(kinds in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..80), "[a-z]{0,8}"), 0..20)) {
        let raw: Vec<Vec<u8>> = kinds.iter().map(|(kind, fields, text)| structure(kind % 48, fields, &[text])).collect();
        let _any = firmware::parse(raw.concat());
    }
}
