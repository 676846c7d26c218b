//! What a reading of plugin `cgroups` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use gatherd_plugin_cgroups::Cgroups;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    if mounts.contains(" cgroup2 ") || mounts.contains("cpuacct") {
        steady_state::assert_reads_without_allocation::<Cgroups>("{}");
    }
}
