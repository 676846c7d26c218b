//! Which known name did somebody mean?

/// Says that `key` is unknown, which known name is near, and which are allowed.
pub(super) fn unknown_key(key: &str, allowed: &[&str]) -> String {
    let all = allowed.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match nearest(key, allowed) {
        Some(near) => format!("unknown key `{key}`: did you mean `{near}`? Allowed here are {all}"),
        None => format!("unknown key `{key}`: allowed here are {all}"),
    }
}

/// The name that is fewest edits away, if it is near enough to be meant.
fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().take(64).collect();
    let near = |name: &&'a str| (distance(&word, &name.chars().collect::<Vec<_>>()), *name);
    let (edits, name) = names.iter().map(near).min()?;
    (edits <= 1 + name.len() / 4).then_some(name)
}

/// How many characters must be put in, taken out or changed to make `b` of `a` (Levenshtein).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_name() {
        assert_eq!(nearest("intervall", &["hostname", "interval"]), Some("interval"));
        assert_eq!(nearest("Interval", &["hostname", "interval"]), Some("interval"));
        assert_eq!(nearest("enabeld", &["enabled", "type"]), Some("enabled"));
        assert_eq!(nearest("colour", &["hostname", "interval"]), None);
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn distance_counts_edits() {
        let count =
            |a: &str, b: &str| distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
        assert_eq!(count("", "abc"), 3);
        assert_eq!(count("kitten", "sitting"), 3);
        assert_eq!(count("same", "same"), 0);
    }
}
