//! A plugin that is part of the running program, for tests and for programs that bring their plugins along.

use crate::PluginTable;

/// The table of a plugin that was linked into this program.
///
/// Who holds one may call through the table: whoever made it vouched for what it points to.
///
/// cbindgen:ignore
#[derive(Clone, Copy, Debug)]
pub struct Linked(&'static PluginTable);

impl Linked {
    /// Vouches for `table`.
    ///
    /// # Safety
    ///
    /// The table's text is valid UTF-8 and lives as long as the process, and each function keeps the contract.
    pub const unsafe fn new(table: &'static PluginTable) -> Self {
        Self(table)
    }

    /// The table.
    pub const fn table(self) -> &'static PluginTable {
        self.0
    }
}
