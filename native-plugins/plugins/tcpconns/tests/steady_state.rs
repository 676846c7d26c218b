//! What a reading of plugin `tcpconns` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use gatherd_plugin_tcpconns::TcpConns;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    for config in ["{}", r#"{"local_port": [22], "remote_port": [443], "all_ports_summary": true}"#] {
        steady_state::assert_reads_without_allocation::<TcpConns>(config);
    }
}
