//! Chips below `/sys/class/hwmon`: what each is called.
//!
//! Source: the kernel's `Documentation/hwmon/sysfs-interface.rst`, and the naming of libsensors (`sensors(1)`): the name
//! that the driver gives, the bus, and the address on it, such as `it8712-isa-0290`.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use gatherd_sdk::open_for_reading;

/// How many steps up from the chip's device its bus is looked for.
const MAX_STEPS: usize = 8;

/// The place of a chip that is attached to nothing, or to nothing that has a naming.
const VIRTUAL: &str = "virtual-0";

/// Where the chip at `path` is attached: the part of its name after the driver's.
///
/// # Errors
///
/// What the system said of a link that is there.
pub(crate) fn place(path: &Path) -> io::Result<String> {
    let mut device = path.join("device");
    let Some(mut name) = link_end(&device)? else { return Ok(VIRTUAL.to_owned()) };
    for _ in 0..MAX_STEPS {
        let bus = link_end(&device.join("subsystem"))?;
        if let Some(place) = place_of(bus.as_deref(), &name, path) {
            return Ok(place);
        }
        // Its own device may be attached to something that is known, as a disk is.
        device.push("device");
        match link_end(&device)? {
            Some(next) => name = next,
            None => break,
        }
    }
    Ok(VIRTUAL.to_owned())
}

/// The last part of where a link leads; `None` where there is no link.
fn link_end(link: &Path) -> io::Result<Option<String>> {
    match fs::read_link(link) {
        Ok(target) => Ok(target.file_name().map(|name| name.to_string_lossy().into_owned())),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The place of a device called `name` on a bus; `None` where that bus has no naming.
fn place_of(bus: Option<&str>, name: &str, chip: &Path) -> Option<String> {
    match bus? {
        "i2c" => {
            let (adapter, address) = name.split_once('-')?;
            let (adapter, address) = (adapter.parse::<u16>().ok()?, hexadecimal(address)?);
            if adapter == 9191 || is_isa_adapter(chip, adapter) {
                return Some(format!("isa-{address:04x}"));
            }
            Some(format!("i2c-{adapter}-{address:02x}"))
        }
        "spi" => {
            let (controller, select) = name.strip_prefix("spi")?.split_once('.')?;
            let (controller, select) = (controller.parse::<u16>().ok()?, select.parse::<u32>().ok()?);
            Some(format!("spi-{controller}-{select:x}"))
        }
        "pci" => {
            let [domain, bus, slot, function] = numbers(name, [':', ':', '.'], 16)?;
            let address =
                (domain << 16).wrapping_add(bus << 8).wrapping_add(slot << 3).wrapping_add(function);
            Some(format!("pci-{address:04x}"))
        }
        "platform" | "of_platform" => {
            let address =
                name.split_once('.').and_then(|(_, number)| number.parse::<u32>().ok()).unwrap_or(0);
            Some(format!("isa-{address:04x}"))
        }
        "acpi" => Some("acpi-0".to_owned()),
        "hid" => {
            let [bus, _vendor, _product, id] = numbers(name, [':', ':', '.'], 16)?;
            Some(format!("hid-{bus}-{id:x}"))
        }
        "mdio_bus" => {
            // The kernel writes it in hexadecimal, libsensors reads it in decimal, and its names are the known ones.
            let digits = name.split_once(':').map_or("", |(_, number)| number);
            let end = digits.bytes().take_while(u8::is_ascii_digit).count();
            Some(format!("mdio-{:x}", digits[..end].parse::<u32>().unwrap_or(0)))
        }
        "scsi" => {
            let [host, channel, target, unit] = numbers(name, [':', ':', ':'], 10)?;
            let address = (channel << 8).wrapping_add(target << 4).wrapping_add(unit);
            Some(format!("scsi-{host}-{address:x}"))
        }
        _ => None,
    }
}

/// True for the adapters of old kernels that stood for the ISA bus.
fn is_isa_adapter(chip: &Path, adapter: u16) -> bool {
    let Some(class) = chip.parent().and_then(Path::parent) else { return false };
    let name: PathBuf = class.join(format!("i2c-adapter/i2c-{adapter}/device/name"));
    let mut first = [0; 4];
    open_for_reading(&name).and_then(|mut file| file.read_exact(&mut first)).is_ok() && first == *b"ISA "
}

fn hexadecimal(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|_| plain)
}

/// The four numbers of a name such as `0000:01:00.0`, with these letters between them.
fn numbers(name: &str, between: [char; 3], radix: u32) -> Option<[u32; 4]> {
    let mut found = [0; 4];
    let mut rest = name;
    for (place, letter) in found.iter_mut().zip(between) {
        let (first, more) = rest.split_once(letter)?;
        *place = u32::from_str_radix(first, radix).ok()?;
        rest = more;
    }
    found[3] = u32::from_str_radix(rest, radix).ok()?;
    Some(found)
}

/// The path of the chip `name` in the folder of all.
pub(crate) fn path_of(folder: &Path, name: &[u8]) -> PathBuf {
    folder.join(OsStr::from_bytes(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::fs::symlink;

    fn named(bus: &str, name: &str) -> Option<String> {
        place_of(Some(bus), name, Path::new("/no/hwmon/hwmon0"))
    }

    #[test]
    fn each_bus_has_its_naming() {
        let cases = [
            ("i2c", "0-002d", "i2c-0-2d"),
            ("i2c", "9191-0290", "isa-0290"),
            ("spi", "spi1.10", "spi-1-a"),
            ("pci", "0000:00:18.3", "pci-00c3"),
            ("pci", "0001:c1:00.0", "pci-1c100"),
            ("platform", "coretemp.0", "isa-0000"),
            ("platform", "it87.656", "isa-0290"),
            ("platform", "dell_smm_hwmon", "isa-0000"),
            ("of_platform", "soc:sensor", "isa-0000"),
            ("acpi", "LNXTHERM:00", "acpi-0"),
            ("hid", "0003:1B1C:0C10.0004", "hid-3-4"),
            ("mdio_bus", "fixed-0:1f", "mdio-1"),
            ("mdio_bus", "fixed-0:10", "mdio-a"),
            ("mdio_bus", "fixed-0", "mdio-0"),
            ("scsi", "5:0:0:0", "scsi-5-0"),
            ("scsi", "2:1:3:1", "scsi-2-131"),
        ];
        for (bus, name, expected) in cases {
            assert_eq!(named(bus, name).as_deref(), Some(expected), "{bus} {name}");
        }
    }

    #[test]
    fn what_does_not_fit_has_no_place() {
        let cases = [
            ("i2c", "x-2d"),
            ("i2c", "0"),
            ("spi", "1.0"),
            ("pci", "00:18.3"),
            ("hid", "x"),
            ("nvme", "nvme0"),
        ];
        for (bus, name) in cases {
            assert_eq!(named(bus, name), None, "{bus} {name}");
        }
        assert_eq!(place_of(None, "0-002d", Path::new("/")), None);
    }

    /// A chip whose device is reached by these steps, each a name and its bus.
    fn chip(steps: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let chip = folder.path().join("hwmon0");
        fs::create_dir(&chip).unwrap();
        let mut link = chip.join("device");
        for (name, bus) in steps {
            let device = folder.path().join(name);
            fs::create_dir_all(&device).unwrap();
            symlink(format!("/sys/bus/{bus}"), device.join("subsystem")).unwrap();
            symlink(&device, &link).unwrap();
            link = device.join("device");
        }
        (folder, chip)
    }

    #[test]
    fn a_chip_without_device_is_virtual() {
        let (_folder, path) = chip(&[]);
        assert_eq!(place(&path).unwrap(), "virtual-0");
    }

    #[test]
    fn the_bus_may_be_some_steps_away_or_not_there_at_all() {
        let (_folder, path) = chip(&[("nvme0", "nvme"), ("0000:04:00.0", "pci")]);
        assert_eq!(place(&path).unwrap(), "pci-0400");
        let (_folder, path) = chip(&[("BAT0", "power_supply")]);
        assert_eq!(place(&path).unwrap(), VIRTUAL);
    }

    #[test]
    fn steps_that_lead_in_a_circle_come_to_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hwmon0");
        fs::create_dir(&path).unwrap();
        symlink(&path, path.join("device")).unwrap();
        assert_eq!(place(&path).unwrap(), VIRTUAL);
    }

    proptest! {
        #[test]
        fn no_name_panics(bus in "i2c|spi|pci|platform|hid|mdio_bus|scsi", name in ".{0,20}") {
            let _place = named(&bus, &name);
        }

        #[test]
        fn nothing_that_looks_like_an_address_panics(bus in "i2c|spi|pci|hid|scsi", name in "(spi)?[0-9a-f]{0,9}[-:.][0-9a-f]{0,9}[-:.]?[0-9a-f]{0,4}[-:.]?[0-9a-f]{0,4}") {
            let _place = named(&bus, &name);
        }
    }
}
