//! Random bytes and names, and hex.

use aws_lc_rs::rand;

/// Random bytes from the system.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system's random source does not fail after boot");
    bytes
}

/// `bytes` in lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// A random UUID (version 4, RFC 9562).
pub(crate) fn uuid() -> String {
    let bits = u128::from_be_bytes(random::<16>());
    let bits = bits & !(0xf000 << 64) | (0x4000 << 64); // Version 4.
    let bits = bits & !(0b11 << 62) | (0b10 << 62); // RFC variant.
    let text = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

#[cfg(test)]
mod tests {
    use super::uuid;

    #[test]
    fn a_uuid_says_its_version_and_variant() {
        for _ in 0..64 {
            let text = uuid();
            assert_eq!(text.len(), 36);
            assert_eq!(text.as_bytes()[14], b'4', "{text}");
            assert!(b"89ab".contains(&text.as_bytes()[19]), "{text}");
        }
    }

    #[test]
    fn two_uuids_differ() {
        assert_ne!(uuid(), uuid());
    }
}
