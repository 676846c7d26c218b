//! What the operator wants of each series, as one immutable compiled set with a revision.
//!
//! A series' slot keeps the verdict of the revision that judged it, so a value costs one comparison. When
//! the rules change, a sweep judges every series again by its name; the flow itself does so for a few
//! series of each batch at most, and goes by the verdict of before for the others. This room never sees a
//! value.

mod blacklist;
pub mod chain;
mod glob;
mod history;
mod matcher;
mod ordered;
mod set;
mod template;
mod threshold;
mod verdict;

pub use blacklist::{Hide, Verb};
pub use history::Remember;
pub use matcher::{
    Exactness, Fields, MAX_PATTERN, Matcher, MatcherError, PARTS, Pattern, PatternError, Specificity,
    expression,
};
pub use ordered::{Ordered, Rule};
pub use set::{Lists, OutputNames, Rules};
pub use template::{Fact, MAX_TEMPLATE, Piece, Template, TemplateError};
pub use threshold::{Assignment, Bounds, Function, Threshold, Window};
pub use verdict::{MAX_OUTPUTS, Patience, Verdict};

#[cfg(test)]
mod tests;
