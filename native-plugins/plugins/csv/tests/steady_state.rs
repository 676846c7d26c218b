//! What a write of plugin `csv` allocates.

#[path = "../../steady_write.rs"]
mod steady_write;

use std::fs;

use gatherd_plugin_csv::Csv;

#[test]
fn after_warm_up_a_write_allocates_nothing() {
    for rates in ["true", "false"] {
        let folder = tempfile::tempdir().expect("a directory");
        let data = folder.path().display();
        let config = format!(r#"{{"data_dir": "{data}", "store_rates": {rates}}}"#);
        let logged = steady_write::assert_writes_without_allocation::<Csv>(&config);
        assert_eq!(logged, 0);
        let files = fs::read_dir(folder.path().join("testhost")).expect("files of the one host");
        assert_eq!(files.count(), 100, "each series has a directory of its own");
    }
}

/// Where fewer files may be open than there are series, each line costs opening and closing, and no memory.
#[test]
fn more_series_than_open_files_allocate_nothing_either() {
    let folder = tempfile::tempdir().expect("a directory");
    let config = format!(r#"{{"data_dir": "{}", "open_files": 10}}"#, folder.path().display());
    assert_eq!(steady_write::assert_writes_without_allocation::<Csv>(&config), 0);
}
