//! Keeps the committed OpenAPI document true.
//!
//! `openapi/gatherd.json` is generated from the API crate alone and committed; the test here fails while
//! the two differ, and `cargo xtask openapi` writes it anew.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

/// The document as it must be committed: pretty JSON with a newline at its end.
pub fn document() -> String {
    gatherd_api::openapi_text()
}

/// Where the document is committed.
pub fn committed_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("gatherd.json")
}

#[cfg(test)]
mod tests {
    use super::{committed_path, document};

    #[test]
    fn the_committed_document_is_the_generated_one_byte_for_byte() {
        let committed = std::fs::read_to_string(committed_path()).unwrap();
        assert!(
            committed == document(),
            "openapi/gatherd.json is out of date; write it anew with `cargo xtask openapi`"
        );
    }
}
