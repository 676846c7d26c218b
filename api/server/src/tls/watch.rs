//! When files are to be read again, and what is said of those that cannot be used.
//!
//! ```text
//!  nothing changed ──► nothing
//!  changed ──► read ──► good: taken
//!                 └──► broken: kept in mind, for the other file of a pair may be on its way
//!  still the same at the next look ──► read once more ──► broken: said, and left alone until something changes
//! ```

use super::files::Stamp;

/// What the files look like, in the order of the configuration.
type Stamps = Vec<Option<Stamp>>;

/// Why files are looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wish {
    /// It is time to.
    IfChanged,
    /// Somebody asks for it.
    Now,
}

/// What is known of the files.
#[derive(Debug)]
pub(super) struct Watch {
    /// As they were at the last look.
    seen: Stamps,
    /// As they were when they were taken or said to be broken.
    settled: Stamps,
    /// Why the newest are not in force.
    problem: Option<String>,
}

impl Watch {
    /// After files were taken.
    pub(super) fn new(taken: Stamps) -> Self {
        Self { seen: taken.clone(), settled: taken, problem: None }
    }

    /// Whether files that look so are to be read.
    pub(super) fn wants(&self, now: &Stamps, wish: Wish) -> bool {
        wish == Wish::Now || *now != self.settled
    }

    /// They were taken; `read` is how they looked before they were read. Whether that ends a problem.
    pub(super) fn taken(&mut self, read: Stamps) -> bool {
        std::mem::replace(self, Self::new(read)).problem.is_some()
    }

    /// They cannot be used; whether that is to be said.
    pub(super) fn refused(&mut self, read: Stamps, wish: Wish, problem: String) -> bool {
        let is_settled = wish == Wish::Now || read == self.seen;
        self.seen.clone_from(&read);
        if is_settled {
            self.settled = read;
            self.problem = Some(problem);
        }
        is_settled
    }

    /// Why the newest files are not in force; `None` when they are.
    pub(super) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamps(content: &str) -> Stamps {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        vec![Stamp::of(file.path()), None]
    }

    #[test]
    fn files_are_read_again_when_they_changed_or_somebody_asks() {
        let (first, second) = (stamps("a"), stamps("ab"));
        let watch = Watch::new(first.clone());
        assert!(!watch.wants(&first, Wish::IfChanged));
        assert!(watch.wants(&first, Wish::Now));
        assert!(watch.wants(&second, Wish::IfChanged));
    }

    #[test]
    fn a_pair_that_is_half_written_is_given_a_second_look() {
        let (first, half, whole) = (stamps("a"), stamps("ab"), stamps("abc"));
        let mut watch = Watch::new(first);
        assert!(!watch.refused(half.clone(), Wish::IfChanged, "half".to_owned()), "it may become whole");
        assert_eq!(watch.problem(), None);
        assert!(watch.wants(&half, Wish::IfChanged));
        assert!(!watch.taken(whole.clone()), "there was no problem");
        assert!(!watch.wants(&whole, Wish::IfChanged));
        assert_eq!(watch.problem(), None);
    }

    #[test]
    fn what_stays_broken_is_said_once_and_forgotten_when_it_is_well_again() {
        let (first, broken) = (stamps("a"), stamps("ab"));
        let mut watch = Watch::new(first.clone());
        assert!(!watch.refused(broken.clone(), Wish::IfChanged, "x".to_owned()));
        assert!(watch.refused(broken.clone(), Wish::IfChanged, "x".to_owned()));
        assert_eq!(watch.problem(), Some("x"));
        assert!(!watch.wants(&broken, Wish::IfChanged), "it was said already");
        assert!(watch.refused(broken, Wish::Now, "y".to_owned()), "who asks is told again");
        assert_eq!(watch.problem(), Some("y"));
        assert!(watch.taken(first));
        assert_eq!(watch.problem(), None);
    }
}
