//! What a reading of plugin `ethstat` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use gatherd_plugin_ethstat::EthStat;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    let Ok(interfaces) = std::fs::read_dir("/sys/class/net") else { return };
    let names: Vec<String> = interfaces
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .map(|name| format!("{name:?}"))
        .collect();
    let config = format!(r#"{{"interface": [{}]}}"#, names.join(", "));
    steady_state::assert_reads_without_allocation::<EthStat>(&config);
}
