//! What a reading of plugin `sensors` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use gatherd_plugin_sensors::Sensors;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    if std::path::Path::new("/sys/class/hwmon/hwmon0").exists() {
        steady_state::assert_reads_without_allocation::<Sensors>("{}");
    }
}
