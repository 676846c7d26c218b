//! What a reading of plugin `vmem` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use gatherd_plugin_vmem::Vmem;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    for config in ["{}", r#"{"verbose": true}"#] {
        steady_state::assert_reads_without_allocation::<Vmem>(config);
    }
}
