//! What a reading of plugin `zram` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use gatherd_plugin_zram::Zram;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    if std::fs::read_to_string("/sys/block/zram0/initstate").is_ok_and(|state| state == "1\n") {
        steady_state::assert_reads_without_allocation::<Zram>("{}");
    }
}
