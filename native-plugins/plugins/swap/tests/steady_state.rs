//! What a reading of plugin `swap` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use gatherd_plugin_swap::Swap;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    for config in [r#"{"values_percentage": true, "report_bytes": true}"#, r#"{"report_by_device": true}"#] {
        steady_state::assert_reads_without_allocation::<Swap>(config);
    }
}
