//! What a reading of plugin `interface` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use gatherd_plugin_interface::Interfaces;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    for config in ["{}", r#"{"interface": ["nothing"], "ignore_selected": true}"#] {
        steady_state::assert_reads_without_allocation::<Interfaces>(config);
    }
}
