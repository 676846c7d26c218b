//! What a reading of plugin `wireless` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use gatherd_plugin_wireless::Wireless;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    if std::path::Path::new("/proc/net/wireless").exists() {
        steady_state::assert_reads_without_allocation::<Wireless>("{}");
    }
}
