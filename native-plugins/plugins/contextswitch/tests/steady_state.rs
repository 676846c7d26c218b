//! What a reading of plugin `contextswitch` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use gatherd_plugin_contextswitch::ContextSwitch;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    steady_state::assert_reads_without_allocation::<ContextSwitch>("{}");
}
