//! What a reading of plugin `pressure` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use std::path::Path;

use gatherd_plugin_pressure::Pressure;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    // Not every kernel measures pressure, and then there is nothing to read.
    if Path::new("/proc/pressure/cpu").exists() {
        steady_state::assert_reads_without_allocation::<Pressure>("{}");
    }
}
