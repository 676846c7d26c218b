//! Who is it: the identity table, the slab of slots, and handles.
//!
//! A series' identifier is kept once, as its text; the text is the key of the table and the answer of lists.
//! Everything that changes with a value stands in the series' slot: a few cache lines of atomic words under
//! a sequence lock of their own. Slots live in chunks that are never moved or freed, in classes by size.
//!
//! ```text
//!  text ──dashmap──► SeriesId { class and position, generation } ──► slot: lock, meta, verdict, time, …
//! ```

mod parts;
mod slab;
mod slot;
mod table;

pub use parts::Parts;
pub use slot::{Meta, Reading, Slot, Writing};
pub use table::{Registered, SeriesTable, TableFull};

#[cfg(test)]
mod tests;
