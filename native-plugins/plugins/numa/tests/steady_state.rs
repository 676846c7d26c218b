//! What a reading of plugin `numa` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use gatherd_plugin_numa::Numa;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    if std::path::Path::new("/sys/devices/system/node/node0").exists() {
        steady_state::assert_reads_without_allocation::<Numa>("{}");
    }
}
