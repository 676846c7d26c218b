//! What daemon and program say to each other: one line of JSON each way. All spans are nanoseconds.

use serde::{Deserialize, Serialize};

/// Longest line that either side reads, in bytes.
pub const LONGEST_LINE: u64 = 4096;

/// What the daemon asks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// How far the clock may be moved now.
    Allowance,
    /// Move the clock at once.
    Step {
        /// What is added to it.
        offset: i64,
    },
    /// Let the clock run a little faster or slower until it has moved.
    Slew {
        /// What is added to it.
        offset: i64,
    },
}

/// What the program answers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// How far the clock may be moved now.
    Allowance(Allowance),
    /// It moves; what is left after that.
    Done(Allowance),
    /// It is as it was.
    Refused {
        /// Why, for programs.
        reason: Reason,
        /// Why, for people.
        detail: String,
    },
}

/// How far the clock may be moved.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Allowance {
    /// Farthest move at once.
    pub max_step: i64,
    /// How far it may be moved within a window, forth and back added up.
    pub budget: i64,
    /// Length of the window.
    pub window: i64,
    /// How much of the budget is used now.
    pub used: i64,
}

/// Why the clock was not moved.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The request cannot be understood.
    Malformed,
    /// Further than one move may go.
    TooFar,
    /// The budget is used up.
    Budget,
    /// The program may not set the clock.
    NotPermitted,
    /// The ledger cannot be kept, and without it nothing is moved.
    Ledger,
    /// The kernel refused.
    Failed,
}
