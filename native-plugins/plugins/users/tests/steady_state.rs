//! What a reading of plugin `users` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use std::path::Path;

use gatherd_plugin_users::Users;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    // Not every machine keeps a table of logins, and then there is nothing to read.
    if Path::new("/var/run/utmp").exists() {
        steady_state::assert_reads_without_allocation::<Users>("{}");
    }
}
