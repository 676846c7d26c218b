//! `utmp`: a table of who is logged in where, in records of one size.
//!
//! ```text
//!  byte 0        2       4                                RECORD
//!       │ kind   │  –    │ process, line, user, host, …     │
//! ```
//!
//! Source: `utmp(5)` and glibc's `bits/utmp.h`. Numbers are in the order of the machine.

/// Bytes of one record.
///
/// Source: glibc's `struct utmp`. Where programs of 32 and 64 bits share the file, its times are of 32 bits.
pub(crate) const RECORD: usize =
    if cfg!(any(target_arch = "aarch64", target_arch = "loongarch64")) { 400 } else { 384 };

/// Kind of a record that tells of a user who is logged in: `USER_PROCESS`.
const USER_PROCESS: i16 = 7;

/// How many records of `table` tell of a user who is logged in. A record that is cut off does not count.
pub(crate) fn count(table: &[u8]) -> usize {
    table
        .chunks_exact(RECORD)
        .filter(|record| i16::from_ne_bytes([record[0], record[1]]) == USER_PROCESS)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A table with one record of each kind.
    fn table(kinds: &[i16]) -> Vec<u8> {
        let record = |kind: &i16| {
            let mut record = [b'x'; RECORD];
            record[..2].copy_from_slice(&kind.to_ne_bytes());
            record
        };
        kinds.iter().flat_map(record).collect()
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn a_recorded_file_has_two_users() {
        // Boot, run level, a getty that waits, a user at the console, one from afar, and one who has left.
        assert_eq!(count(include_bytes!("../fixtures/utmp")), 2);
    }

    #[test]
    fn only_users_count() {
        assert_eq!(count(&table(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, -7, 263, 7])), 2);
        assert_eq!(count(b""), 0);
    }

    #[test]
    fn a_record_that_is_cut_off_does_not_count() {
        let table = table(&[7, 7]);
        assert_eq!(count(&table[..table.len() - 1]), 1);
        assert_eq!(count(&table[..1]), 0);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(table in prop::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert!(count(&table) <= table.len() / RECORD);
        }

        #[test]
        fn each_user_counts_once(kinds in prop::collection::vec(0_i16..10, 0..50)) {
            let users = kinds.iter().filter(|&&kind| kind == 7).count();
            prop_assert_eq!(count(&table(&kinds)), users);
        }
    }
}
