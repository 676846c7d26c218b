//! What a reading of plugin `thermal` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use gatherd_plugin_thermal::Thermal;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    if std::path::Path::new("/sys/class/thermal/thermal_zone0").exists() {
        steady_state::assert_reads_without_allocation::<Thermal>("{}");
    }
}
