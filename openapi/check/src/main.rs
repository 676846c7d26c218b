//! Prints the `OpenAPI` document; `cargo xtask openapi` commits or compares what it prints.
#![forbid(unsafe_code)]

use std::io::{self, Write};

fn main() -> io::Result<()> {
    io::stdout().write_all(gatherd_openapi::document().as_bytes())
}
