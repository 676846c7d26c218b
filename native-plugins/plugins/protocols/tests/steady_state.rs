//! What a reading of plugin `protocols` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use gatherd_plugin_protocols::Protocols;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    for config in ["{}", r#"{"value": ["/^Tcp/"], "ignore_selected": true}"#] {
        steady_state::assert_reads_without_allocation::<Protocols>(config);
    }
}
