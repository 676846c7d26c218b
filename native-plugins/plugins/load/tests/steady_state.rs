//! What a reading of plugin `load` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use gatherd_plugin_load::Load;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    for config in ["{}", r#"{"report_relative": true}"#] {
        steady_state::assert_reads_without_allocation::<Load>(config);
    }
}
