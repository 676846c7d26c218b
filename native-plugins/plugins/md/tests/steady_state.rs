//! What a reading of plugin `md` allocates.

#[path = "../../steady_state.rs"]
mod steady_state;

use gatherd_plugin_md::Md;

#[test]
fn after_warm_up_a_reading_allocates_nothing() {
    let is_array = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.map(|entry| entry.path().join("md/raid_disks"));
        path.is_ok_and(|path| path.exists())
    };
    if std::fs::read_dir("/sys/block").is_ok_and(|mut entries| entries.any(is_array)) {
        steady_state::assert_reads_without_allocation::<Md>("{}");
    }
}
