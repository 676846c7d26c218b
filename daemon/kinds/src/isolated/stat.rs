//! What `/proc/<process>/stat` says. Source: `proc_pid_stat(5)`.

/// A field of it, by the number that the manual gives it, from 4 on: what stands before the number of the parent is text.
pub(super) fn field(stat: &str, number: usize) -> Option<u64> {
    // The name in brackets is the second, and may hold anything.
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_behind_the_name() {
        let stat = "7 (a) b (c) S 1 7 8";
        assert_eq!(
            [4, 5, 6, 7, 2, 3].map(|at| field(stat, at)),
            [Some(1), Some(7), Some(8), None, None, None]
        );
        assert_eq!(field("", 4), None);
    }
}
