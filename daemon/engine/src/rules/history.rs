//! Of which series more than the newest values are kept.

use std::sync::Arc;

use super::{Matcher, Rule};

/// One rule of the history, compiled.
#[derive(Debug, PartialEq)]
pub struct Remember {
    /// Its name.
    pub id: Arc<str>,
    /// Which series it speaks of.
    pub matcher: Matcher,
    /// How many value lists of each are kept; none for zero.
    pub values: usize,
}

impl Rule for Remember {
    fn id(&self) -> &str {
        &self.id
    }

    fn matcher(&self) -> &Matcher {
        &self.matcher
    }
}
