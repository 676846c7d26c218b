//! What a reading of plugin `hugepages` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use std::path::Path;

use gatherd_plugin_hugepages::Hugepages;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    // Not every kernel has huge pages, and then there is nothing to read.
    if Path::new("/sys/kernel/mm/hugepages").exists() {
        let config = r#"{"values_bytes": true, "values_percentage": true}"#;
        steady_state::assert_reads_without_allocation::<Hugepages>(config);
    }
}
