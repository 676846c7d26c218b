//! What a reading of plugin `cpu` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use gatherd_plugin_cpu::Cpu;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    for config in
        ["{}", r#"{"values_percentage": true, "report_guest_state": true}"#, r#"{"report_by_cpu": false}"#]
    {
        steady_state::assert_reads_without_allocation::<Cpu>(config);
    }
}
