//! A look at the first bytes of a library, before the dynamic loader sees it.
//!
//! Source: the ELF header of the System V ABI: 16 identity bytes, then type and machine, 2 bytes each; in files of 64 bits
//! the place of the program headers at offset 32, their size and number at 54 and 56. In such a header the type stands at
//! offset 0, place and size in the file at 8 and 32.

/// Bytes that are looked at.
pub(crate) const HEADER: usize = 20;

const MACHINES: [(u16, &str); 9] = [
    (3, "x86"),
    (8, "mips"),
    (20, "powerpc"),
    (21, "powerpc64"),
    (22, "s390x"),
    (40, "arm"),
    (62, "x86_64"),
    (183, "aarch64"),
    (243, "riscv64"),
];

/// What is wrong with a header.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum HeaderError {
    /// It is no shared library.
    NotALibrary(&'static str),
    /// It is one for this machine.
    OtherMachine(String),
}

/// Judges the first bytes of a file.
pub(crate) fn check(header: &[u8]) -> Result<(), HeaderError> {
    let Some(header) = header.first_chunk::<HEADER>() else {
        return Err(HeaderError::NotALibrary("it is too short"));
    };
    if header[..4] != *b"\x7fELF" {
        return Err(HeaderError::NotALibrary("it does not begin with the ELF mark"));
    }
    let little = match header[5] {
        1 => true,
        2 => false,
        _ => return Err(HeaderError::NotALibrary("its byte order is unknown")),
    };
    let read =
        |at| if little { u16::from_le_bytes } else { u16::from_be_bytes }([header[at], header[at + 1]]);
    let (kind, machine) = (read(16), read(18));
    if kind != 3 {
        return Err(HeaderError::NotALibrary("it is an ELF file of another kind"));
    }
    let bits = if header[4] == 2 { 64 } else { 32 };
    let here = (cfg!(target_endian = "little"), usize::BITS, std::env::consts::ARCH);
    let name = MACHINES.iter().find(|(number, _)| *number == machine).map(|(_, name)| *name);
    if (little, bits, name.unwrap_or_default()) == here {
        return Ok(());
    }
    let name = name.map_or_else(|| format!("machine {machine}"), str::to_owned);
    let order = if little { "little" } else { "big" };
    Err(HeaderError::OtherMachine(format!("{name} ({bits} bits, {order} endian)")))
}

/// Program headers that say what lies in memory.
const LOAD: u32 = 1;

/// How many bytes the file must have, by its program headers: the system would end the process that looks at memory behind
/// the end of a file that was cut off. `None` where its beginning does not hold them all.
pub(crate) fn needed(beginning: &[u8]) -> Option<u64> {
    let half = |at: usize| Some(u16::from_ne_bytes(*beginning.get(at..)?.first_chunk()?));
    let long = |at: usize| Some(u64::from_ne_bytes(*beginning.get(at..)?.first_chunk()?));
    let (place, size, count) =
        (usize::try_from(long(32)?).ok()?, usize::from(half(54)?), usize::from(half(56)?));
    let mut needed = 0;
    for number in 0..count {
        let at = place.checked_add(number * size)?;
        let kind = u32::from_ne_bytes(*beginning.get(at..)?.first_chunk()?);
        let end = long(at + 8)?.checked_add(long(at + 32)?)?;
        if kind == LOAD {
            needed = needed.max(end);
        }
    }
    Some(needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(class: u8, order: u8, kind: u8, machine: u8) -> Vec<u8> {
        let mut bytes = b"\x7fELF".to_vec();
        bytes.extend([class, order, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, kind, 0, machine, 0]);
        bytes
    }

    #[test]
    fn text_and_short_files_are_no_libraries() {
        assert_eq!(check(b""), Err(HeaderError::NotALibrary("it is too short")));
        assert_eq!(
            check(b"#!/bin/sh\nexit 0 # a script\n"),
            Err(HeaderError::NotALibrary("it does not begin with the ELF mark"))
        );
    }

    #[test]
    fn an_object_file_is_no_library() {
        let object = header(2, 1, 1, 62);
        assert_eq!(check(&object), Err(HeaderError::NotALibrary("it is an ELF file of another kind")));
    }

    #[test]
    fn an_unknown_byte_order_is_no_library() {
        assert_eq!(check(&header(2, 9, 3, 62)), Err(HeaderError::NotALibrary("its byte order is unknown")));
    }

    #[test]
    fn what_is_needed_is_told_by_the_program_headers() {
        let mut bytes = header(2, 1, 3, 62);
        bytes.resize(64 + 2 * 56, 0);
        bytes[32] = 64; // Place, size and number of the program headers.
        bytes[54] = 56;
        bytes[56] = 2;
        for (at, kind, place, size) in [(64, 1_u8, 0_u64, 500_u64), (120, 2, 9000, 9000)] {
            bytes[at] = kind;
            bytes[at + 8..at + 16].copy_from_slice(&place.to_ne_bytes());
            bytes[at + 32..at + 40].copy_from_slice(&size.to_ne_bytes());
        }
        assert_eq!(needed(&bytes), Some(500));
        assert_eq!(needed(&bytes[..150]), None);
        bytes[72..80].copy_from_slice(&u64::MAX.to_ne_bytes());
        assert_eq!(needed(&bytes), None);
        assert_eq!(needed(b""), None);
    }

    #[test]
    fn another_machine_is_named() {
        assert_eq!(
            check(&header(2, 1, 3, 22)),
            Err(HeaderError::OtherMachine("s390x (64 bits, little endian)".into()))
        );
        assert_eq!(
            check(&header(1, 1, 3, 3)),
            Err(HeaderError::OtherMachine("x86 (32 bits, little endian)".into()))
        );
        assert_eq!(
            check(&header(2, 1, 3, 250)),
            Err(HeaderError::OtherMachine("machine 250 (64 bits, little endian)".into()))
        );
    }
}
