//! What a reading of plugin `cgroups` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use gatherd_plugin_cgroups::Cgroups;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    // Groups two levels down are there where systemd keeps services.
    let is_there = |root: &str| std::path::Path::new(root).join("system.slice").exists();
    if is_there("/sys/fs/cgroup") || is_there("/sys/fs/cgroup/cpuacct") {
        steady_state::assert_reads_without_allocation::<Cgroups>("{}");
    }
}
