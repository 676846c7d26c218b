//! The loader with real libraries: plugins in C that are good, broken, changed on disk.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod contract;
mod open;
mod reload;
mod shop;
