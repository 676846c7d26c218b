//! What a reading of plugin `irq` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use gatherd_plugin_irq::Irqs;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    for config in ["{}", r#"{"irq": ["LOC", "/^T/"], "ignore_selected": true}"#] {
        steady_state::assert_reads_without_allocation::<Irqs>(config);
    }
}
