//! What a reading of plugin `disk` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use gatherd_plugin_disk::Disks;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    for config in ["{}", r#"{"disk": ["/^loop/"], "ignore_selected": true, "udev_name_attr": "DM_NAME"}"#] {
        steady_state::assert_reads_without_allocation::<Disks>(config);
    }
}
