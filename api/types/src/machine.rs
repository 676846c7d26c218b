//! The machine that a daemon runs on.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The machine that a daemon runs on. A section that is `null`, or of which something is missing, is named in
/// `unavailable`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Machine {
    /// The kernel.
    #[schema(required)]
    pub kernel: Option<Kernel>,
    /// The processors.
    #[schema(required)]
    pub cpu: Option<Cpu>,
    /// The memory.
    #[schema(required)]
    pub memory: Option<Memory>,
    /// NUMA nodes, by number.
    #[schema(required)]
    pub numa: Option<Vec<NumaNode>>,
    /// Network interfaces, by name; at most 256.
    #[schema(required)]
    pub network: Option<Vec<NetworkInterface>>,
    /// Disks, by name; at most 512.
    #[schema(required)]
    pub disks: Option<Vec<Disk>>,
    /// What it runs in.
    #[schema(required)]
    pub virtualisation: Option<Virtualisation>,
    /// Control groups.
    #[schema(required)]
    pub cgroups: Option<Cgroups>,
    /// What its firmware says.
    #[schema(required)]
    pub smbios: Option<Smbios>,
    /// What is not known, by section, and why.
    #[schema(example = json!({"smbios": "/sys/firmware/dmi/tables/DMI: permission denied"}))]
    pub unavailable: BTreeMap<String, String>,
}

impl Machine {
    /// Without what tells this machine from all others: serial numbers, asset tags, UUIDs, hardware addresses.
    #[must_use]
    pub fn without_identity(mut self) -> Self {
        self.network.iter_mut().flatten().for_each(|interface| interface.mac = None);
        self.disks.iter_mut().flatten().for_each(|disk| disk.serial_number = None);
        if let Some(smbios) = &mut self.smbios {
            smbios.records_mut().for_each(|record| {
                record.retain(|name, _| !SMBIOS_IDENTITY.contains(&name.as_str()));
            });
        }
        self
    }
}

/// The fields of SMBIOS records that tell one machine from all others.
const SMBIOS_IDENTITY: &[&str] = &["serial_number", "asset_tag", "uuid"];

/// The kernel.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Kernel {
    /// Its name.
    #[schema(example = "Linux")]
    pub name: String,
    /// Its release.
    #[schema(example = "6.1.0-21-amd64")]
    pub release: String,
    /// Its version.
    pub version: String,
    /// The kind of processor that it is built for.
    #[schema(example = "x86_64")]
    pub architecture: String,
}

/// The processors.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Cpu {
    /// Who made them; `null` where the kernel does not say.
    #[schema(required, example = "GenuineIntel")]
    pub vendor: Option<String>,
    /// Which they are; `null` where the kernel does not say.
    #[schema(required, example = "Intel(R) Xeon(R) Processor")]
    pub model: Option<String>,
    /// Level of the x86-64 psABI, such as `x86-64-v3`; `null` on other machines.
    #[schema(required, example = "x86-64-v3")]
    pub level: Option<String>,
    /// What they can do, in the kernel's words; of the first processor, at most 1,024.
    pub flags: Vec<String>,
    /// Logical processors that are in use.
    pub logical: u64,
    /// Cores; `null` where the kernel does not say.
    #[schema(required)]
    pub cores: Option<u64>,
    /// Sockets; `null` where the kernel does not say.
    #[schema(required)]
    pub sockets: Option<u64>,
}

/// The memory.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Memory {
    /// All of it, in bytes.
    pub total: u64,
    /// Space to swap to, in bytes.
    pub swap: u64,
    /// Bytes of a page.
    pub page_size: u64,
    /// Huge pages, by size.
    pub hugepages: Vec<HugePages>,
}

/// The huge pages of one size.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct HugePages {
    /// Bytes of one of them.
    #[schema(example = 2_097_152)]
    pub size: u64,
    /// How many there are.
    pub total: u64,
    /// How many of them are not used.
    pub free: u64,
}

/// A NUMA node.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct NumaNode {
    /// Its number.
    pub node: u64,
    /// Its logical processors, as the kernel lists them.
    #[schema(example = "0-15,32-47")]
    pub cpus: String,
    /// Its memory, in bytes; `null` where the kernel does not say.
    #[schema(required)]
    pub memory: Option<u64>,
    /// Distances to all nodes, in their order; 10 is its own.
    pub distances: Vec<u64>,
}

/// A network interface.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct NetworkInterface {
    /// Its name.
    #[schema(example = "eth0")]
    pub name: String,
    /// Whether there is no device behind it.
    pub is_virtual: bool,
    /// The driver of its device; `null` where there is none.
    #[schema(required, example = "ixgbe")]
    pub driver: Option<String>,
    /// Where its device is; `null` where there is none.
    #[schema(required, example = "0000:3b:00.0")]
    pub bus_address: Option<String>,
    /// Its hardware address; for admins only, `null` for others.
    #[schema(required, example = "52:54:00:12:34:56")]
    pub mac: Option<String>,
    /// Its speed in Mbit/s; `null` where it is not known, as without a link.
    #[schema(required, example = 10_000)]
    pub speed: Option<u64>,
    /// Its duplex mode; `null` where it is not known.
    #[schema(required, example = "full")]
    pub duplex: Option<String>,
    /// Bytes of its longest packet; `null` where it is not known.
    #[schema(required, example = 1500)]
    pub mtu: Option<u64>,
    /// Its state, in the kernel's words.
    #[schema(required, example = "up")]
    pub state: Option<String>,
    /// Its NUMA node; `null` where it has none.
    #[schema(required)]
    pub numa_node: Option<u64>,
}

/// A disk.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Disk {
    /// Its name.
    #[schema(example = "sda")]
    pub name: String,
    /// Its size, in bytes; `null` where it is not known.
    #[schema(required)]
    pub size: Option<u64>,
    /// Which it is; `null` where it does not say.
    #[schema(required)]
    pub model: Option<String>,
    /// Its serial number; for admins only, `null` for others.
    #[schema(required)]
    pub serial_number: Option<String>,
    /// Whether it turns; `null` where it is not known.
    #[schema(required)]
    pub rotational: Option<bool>,
    /// Whether it can be taken out; `null` where it is not known.
    #[schema(required)]
    pub removable: Option<bool>,
}

/// What a machine runs in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Virtualisation {
    /// The hypervisor, such as `kvm`, `vmware`, `xen`, `microsoft`; `other` for one that does not say its name,
    /// `null` when there is none.
    #[schema(required, example = "kvm")]
    pub hypervisor: Option<String>,
    /// The manager of the container that the daemon runs in, such as `docker`; `null` when it runs in none.
    #[schema(required)]
    pub container: Option<String>,
    /// Whether the processors can run guests.
    pub hosts_guests: bool,
}

/// Control groups.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Cgroups {
    /// `v1`, `v2`, or `hybrid` for both.
    #[schema(example = "v2")]
    pub version: String,
    /// What can be controlled.
    #[schema(example = json!(["cpu", "memory", "pids"]))]
    pub controllers: Vec<String>,
}

/// One record of SMBIOS: its fields by name, in words.
pub type SmbiosRecord = BTreeMap<String, String>;

/// What the firmware says, in the sections that collectd's plugin `capabilities` has.
///
/// Serial numbers, asset tags and UUIDs are shown to admins only.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Smbios {
    /// Version of the specification; `null` where it is not known.
    #[schema(required, example = "3.3.0")]
    pub version: Option<String>,
    /// The firmware itself.
    #[schema(example = json!([{"vendor": "SeaBIOS", "version": "1.16.2"}]))]
    pub bios: Vec<SmbiosRecord>,
    /// The machine as a whole.
    pub system: Vec<SmbiosRecord>,
    /// Its boards.
    pub baseboard: Vec<SmbiosRecord>,
    /// Sockets of processors.
    pub processors: Vec<SmbiosRecord>,
    /// Caches of processors.
    pub caches: Vec<SmbiosRecord>,
    /// Groups of memory devices.
    pub memory_arrays: Vec<SmbiosRecord>,
    /// Sockets of memory.
    pub memory_devices: Vec<SmbiosRecord>,
    /// Management controllers.
    pub ipmi: Vec<SmbiosRecord>,
    /// Devices on the board.
    pub onboard_devices: Vec<SmbiosRecord>,
}

impl Smbios {
    /// All records.
    fn records_mut(&mut self) -> impl Iterator<Item = &mut SmbiosRecord> {
        let Self {
            version: _,
            bios,
            system,
            baseboard,
            processors,
            caches,
            memory_arrays,
            memory_devices,
            ipmi,
            onboard_devices,
        } = self;
        let sections = [
            bios,
            system,
            baseboard,
            processors,
            caches,
            memory_arrays,
            memory_devices,
            ipmi,
            onboard_devices,
        ];
        sections.into_iter().flatten()
    }
}
