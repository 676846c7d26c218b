//! What a write of plugin `write_log` allocates.

#[path = "../../steady_write.rs"]
mod steady_write;

use gatherd_plugin_write_log::WriteLog;

#[test]
fn after_warm_up_a_write_allocates_nothing() {
    for (config, lines) in [(r#"{"format": "graphite"}"#, 2), (r#"{"format": "json"}"#, 1)] {
        let logged = steady_write::assert_writes_without_allocation::<WriteLog>(config);
        assert_eq!(logged, 12 * 100 * lines);
    }
}
