//! What a reading of plugin `df` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use gatherd_plugin_df::Df;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    steady_state::assert_reads_without_allocation::<Df>(
        r#"{"values_percentage": true, "report_inodes": true}"#,
    );
}
