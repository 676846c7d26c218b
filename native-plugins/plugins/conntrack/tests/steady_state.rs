//! What a reading of plugin `conntrack` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use std::path::Path;

use gatherd_plugin_conntrack::Conntrack;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    // The firewall's part of the kernel is not loaded everywhere, and then there is nothing to read.
    if Path::new("/proc/sys/net/netfilter/nf_conntrack_count").exists() {
        steady_state::assert_reads_without_allocation::<Conntrack>("{}");
    }
}
