//! What a reading of plugin `processes` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use gatherd_plugin_processes::Processes;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    let everything = r#"{"collect_file_descriptor": true, "collect_context_switch": true,
        "collect_memory_maps": true, "process_match": {"all": {"regex": "."}}, "process": {"none": {}}}"#;
    for config in ["{}", everything] {
        steady_state::assert_reads_without_allocation::<Processes>(config);
    }
}
