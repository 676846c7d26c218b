//! What the firmware says of the machine: the tables of SMBIOS, or what the kernel shows of them to everybody.
//!
//! The tables are read by a library; lengths that lie and strings that are not there end in fields that are left out.
//! Source: DMTF DSP0134, System Management BIOS Reference Specification.

use std::fmt::{Debug, Write as _};

use gatherd_api_types::{Smbios, SmbiosRecord};
use smbioslib::{
    CacheMemorySize, MaximumMemoryCapacity, MemorySize, MemorySizeExtended, SMBiosBaseboardInformation,
    SMBiosCacheInformation, SMBiosInformation, SMBiosIpmiDeviceInformation, SMBiosMemoryDevice,
    SMBiosOnboardDevicesExtendedInformation, SMBiosPhysicalMemoryArray, SMBiosProcessorInformation,
    SMBiosString, SMBiosStruct, SMBiosSystemInformation, UndefinedStruct, UndefinedStructTable,
};

use crate::root::{Root, Told};

/// Longest tables that are read, in bytes; those of large servers have some dozens of kilobytes.
const LONGEST: usize = 1024 * 1024;

/// Most records of one section.
const MOST: usize = 1024;

/// Longest text of one field, in characters.
const LONGEST_TEXT: usize = 256;

const TABLES: &str = "sys/firmware/dmi/tables/DMI";
const ENTRY: &str = "sys/firmware/dmi/tables/smbios_entry_point";

pub(crate) fn look(root: &Root) -> Told<Smbios> {
    match root.bytes(TABLES) {
        Ok(tables) => {
            let version = root.bytes(ENTRY).ok().and_then(|entry| version(&entry));
            Told::all(Smbios { version, ..parse(tables) })
        }
        Err(why) => shown(root, why),
    }
}

/// The version in an entry point, of either form.
pub(crate) fn version(entry: &[u8]) -> Option<String> {
    let at = if entry.starts_with(b"_SM3_") {
        7
    } else if entry.starts_with(b"_SM_") {
        6
    } else {
        return None;
    };
    Some(format!("{}.{}", entry.get(at)?, entry.get(at + 1)?))
}

/// All sections of the tables.
pub(crate) fn parse(mut tables: Vec<u8>) -> Smbios {
    tables.truncate(LONGEST);
    let tables = UndefinedStructTable::from(tables);
    Smbios {
        version: None,
        bios: records(&tables, bios),
        system: records(&tables, system),
        baseboard: records(&tables, baseboard),
        processors: records(&tables, processor),
        caches: records(&tables, cache),
        memory_arrays: records(&tables, memory_array),
        memory_devices: records(&tables, memory_device),
        ipmi: records(&tables, ipmi),
        onboard_devices: records(&tables, onboard_device),
    }
}

fn records<'a, T: SMBiosStruct<'a>>(
    tables: &'a UndefinedStructTable,
    show: fn(&T, &mut Record),
) -> Vec<SmbiosRecord> {
    let found = tables.defined_struct_iter::<T>().take(MOST).map(|structure| {
        let mut record = Record::default();
        show(&structure, &mut record);
        record.0
    });
    found.filter(|record| !record.is_empty()).collect()
}

/// A record while it is written.
#[derive(Default)]
struct Record(SmbiosRecord);

impl Record {
    /// A text of the firmware, unless it is empty.
    fn text(&mut self, name: &str, value: &SMBiosString) {
        self.words(name, value.to_utf8_lossy());
    }

    fn words(&mut self, name: &str, value: Option<String>) {
        let plain = |text: String| -> String {
            text.trim().chars().filter(|it| !it.is_control()).take(LONGEST_TEXT).collect()
        };
        let value = value.map(plain).filter(|text| !text.is_empty());
        self.0.extend(value.map(|value| (name.to_owned(), value)));
    }

    /// A number, unless it is zero, which stands for one that is not known.
    fn number(&mut self, name: &str, value: Option<impl Into<u64>>) {
        let value = value.map(Into::into).filter(|number| *number != 0);
        self.words(name, value.map(|number| number.to_string()));
    }

    /// A word of a list of the specification, unless nothing is known; `None` is one that the library does not know.
    fn word(&mut self, name: &str, value: Option<impl Debug>) {
        let word = value
            .map(|value| format!("{value:?}"))
            .filter(|word| !["Unknown", "None"].contains(&word.as_str()));
        self.words(name, word);
    }
}

fn bios(it: &SMBiosInformation<'_>, record: &mut Record) {
    record.text("vendor", &it.vendor());
    record.text("version", &it.version());
    record.text("release_date", &it.release_date());
    let release = it.system_bios_major_release().zip(it.system_bios_minor_release());
    let release = release.filter(|(major, minor)| *major != 255 && *minor != 255);
    record.words("release", release.map(|(major, minor)| format!("{major}.{minor}")));
}

fn system(it: &SMBiosSystemInformation<'_>, record: &mut Record) {
    record.text("manufacturer", &it.manufacturer());
    record.text("product_name", &it.product_name());
    record.text("version", &it.version());
    record.text("serial_number", &it.serial_number());
    record.words("uuid", it.parts().get_field_data(0x08, 0x18).and_then(uuid));
    record.word("wake_up_type", it.wakeup_type().map(|it| it.value));
    record.text("sku_number", &it.sku_number());
    record.text("family", &it.family());
}

/// A UUID as it is written; its first three parts are little-endian. All zeros or ones stand for none.
fn uuid(raw: &[u8]) -> Option<String> {
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    if raw.len() != order.len() || raw.iter().all(|byte| *byte == 0) || raw.iter().all(|byte| *byte == 255) {
        return None;
    }
    let hex = |places: &[usize]| {
        places.iter().fold(String::new(), |mut text, at| {
            let _infallible = write!(text, "{:02x}", raw[*at]);
            text
        })
    };
    Some([&order[..4], &order[4..6], &order[6..8], &order[8..10], &order[10..]].map(hex).join("-"))
}

fn baseboard(it: &SMBiosBaseboardInformation<'_>, record: &mut Record) {
    record.text("manufacturer", &it.manufacturer());
    record.text("product", &it.product());
    record.text("version", &it.version());
    record.text("serial_number", &it.serial_number());
    record.text("asset_tag", &it.asset_tag());
    record.text("location", &it.location_in_chassis());
    record.word("board_type", it.board_type().map(|it| it.value));
}

fn processor(it: &SMBiosProcessorInformation<'_>, record: &mut Record) {
    record.text("socket", &it.socket_designation());
    record.word("type", it.processor_type().map(|it| it.value));
    record.text("manufacturer", &it.processor_manufacturer());
    record.text("version", &it.processor_version());
    record.text("serial_number", &it.serial_number());
    record.text("asset_tag", &it.asset_tag());
    record.text("part_number", &it.part_number());
    record.number("max_speed_mhz", word_at(it.parts(), 0x14));
    record.number("speed_mhz", word_at(it.parts(), 0x16));
    record.number("cores", counted(it.parts(), 0x23, 0x2a));
    record.number("cores_enabled", counted(it.parts(), 0x24, 0x2c));
    record.number("threads", counted(it.parts(), 0x25, 0x2e));
}

fn word_at(parts: &UndefinedStruct, at: usize) -> Option<u16> {
    parts.get_field_word(at)
}

/// A count of one byte, which says 255 when it stands in two bytes elsewhere.
fn counted(parts: &UndefinedStruct, short: usize, long: usize) -> Option<u16> {
    match parts.get_field_byte(short)? {
        255 => parts.get_field_word(long),
        count => Some(u16::from(count)),
    }
}

fn cache(it: &SMBiosCacheInformation<'_>, record: &mut Record) {
    record.text("socket", &it.socket_designation());
    record.number("level", it.cache_configuration().map(|it| it.cache_level()));
    let installed = it.installed_cache_size_2().or_else(|| it.installed_size());
    record.number("installed_bytes", installed.as_ref().and_then(cache_bytes));
    let most = it.maximum_cache_size_2().or_else(|| it.maximum_cache_size());
    record.number("max_bytes", most.as_ref().and_then(cache_bytes));
    record.word("type", it.system_cache_type().map(|it| it.value));
    record.word("associativity", it.associativity().map(|it| it.value));
    record.word("error_correction", it.error_correction_type().map(|it| it.value));
}

fn cache_bytes(size: &CacheMemorySize) -> Option<u64> {
    match size {
        CacheMemorySize::Kilobytes(size) => Some(size.saturating_mul(1024)),
        CacheMemorySize::SeeCacheSize2 => None,
    }
}

fn memory_array(it: &SMBiosPhysicalMemoryArray<'_>, record: &mut Record) {
    record.word("location", it.location().map(|it| it.value));
    record.word("use", it.usage().map(|it| it.value));
    record.word("error_correction", it.memory_error_correction().map(|it| it.value));
    let most = match it.maximum_capacity() {
        Some(MaximumMemoryCapacity::Kilobytes(size)) => Some(u64::from(size).saturating_mul(1024)),
        Some(MaximumMemoryCapacity::SeeExtendedMaximumCapacity) => it.extended_maximum_capacity(),
        None => None,
    };
    record.number("max_bytes", most);
    record.number("devices", it.number_of_memory_devices());
}

fn memory_device(it: &SMBiosMemoryDevice<'_>, record: &mut Record) {
    record.text("locator", &it.device_locator());
    record.text("bank", &it.bank_locator());
    record.text("manufacturer", &it.manufacturer());
    record.text("part_number", &it.part_number());
    record.text("serial_number", &it.serial_number());
    record.text("asset_tag", &it.asset_tag());
    record.number("size_bytes", memory_bytes(it));
    record.word("form_factor", it.form_factor().map(|it| it.value));
    record.word("type", it.memory_type().map(|it| it.value));
    record.number("speed_mts", word_at(it.parts(), 0x15).filter(|speed| *speed != u16::MAX));
    record.number("configured_speed_mts", word_at(it.parts(), 0x20).filter(|speed| *speed != u16::MAX));
    record.number("data_width_bits", it.data_width().filter(|width| *width != u16::MAX));
}

fn memory_bytes(it: &SMBiosMemoryDevice<'_>) -> Option<u64> {
    match it.size()? {
        MemorySize::Kilobytes(size) => Some(u64::from(size).saturating_mul(1 << 10)),
        MemorySize::Megabytes(size) => Some(u64::from(size).saturating_mul(1 << 20)),
        MemorySize::SeeExtendedSize => match it.extended_size()? {
            MemorySizeExtended::Megabytes(size) => Some(u64::from(size).saturating_mul(1 << 20)),
            MemorySizeExtended::SeeSize => None,
        },
        MemorySize::NotInstalled | MemorySize::Unknown => None,
    }
}

fn ipmi(it: &SMBiosIpmiDeviceInformation<'_>, record: &mut Record) {
    record.word("interface", it.interface_type().map(|it| it.value));
    let revision = it.ipmi_specification_revision();
    record.words("version", revision.map(|it| format!("{}.{}", it >> 4, it & 15)));
    record.words("i2c_address", it.i2c_target_address().map(|it| format!("{it:#04x}")));
    record.words("base_address", it.base_address().map(|it| format!("{it:#x}")));
}

fn onboard_device(it: &SMBiosOnboardDevicesExtendedInformation<'_>, record: &mut Record) {
    record.text("designation", &it.reference_designation());
    let kind = it.parts().get_field_byte(0x05).map(|kind| kind & 0x7f);
    record.word("type", it.device_type().filter(|_| kind.is_some()).map(|it| it.type_of_device()));
    let bus = it.parts().get_field_word(0x07).zip(it.parts().get_field_byte(0x09));
    let place = bus.zip(it.parts().get_field_byte(0x0a));
    record.words(
        "bus_address",
        place.map(|((segment, bus), place)| {
            format!("{segment:04x}:{bus:02x}:{:02x}.{}", place >> 3, place & 7)
        }),
    );
}

/// Fields of `/sys/class/dmi/id`, by section; serial numbers and the UUID in there are for root only.
const SHOWN: [&[(&str, &str)]; 3] = [
    &[
        ("vendor", "bios_vendor"),
        ("version", "bios_version"),
        ("release_date", "bios_date"),
        ("release", "bios_release"),
    ],
    &[
        ("manufacturer", "sys_vendor"),
        ("product_name", "product_name"),
        ("version", "product_version"),
        ("serial_number", "product_serial"),
        ("uuid", "product_uuid"),
        ("sku_number", "product_sku"),
        ("family", "product_family"),
    ],
    &[
        ("manufacturer", "board_vendor"),
        ("product", "board_name"),
        ("version", "board_version"),
        ("serial_number", "board_serial"),
        ("asset_tag", "board_asset_tag"),
    ],
];

/// What the kernel shows of the tables where they cannot be read themselves, for the reason `why`.
fn shown(root: &Root, why: String) -> Told<Smbios> {
    let [bios, system, baseboard] = SHOWN.map(|fields| {
        let mut record = Record::default();
        for (name, file) in fields {
            record.words(name, root.line(&format!("sys/class/dmi/id/{file}")));
        }
        Some(record.0).into_iter().filter(|record| !record.is_empty()).collect::<Vec<_>>()
    });
    if bios.is_empty() && system.is_empty() && baseboard.is_empty() {
        return Told::nothing(why);
    }
    let known = Some(Smbios { bios, system, baseboard, ..Smbios::default() });
    Told { known, why: Some(format!("{why}; what the kernel shows of it instead is less")) }
}
