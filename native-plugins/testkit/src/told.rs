//! Value lists as lines of text, for tests that compare them.

use gatherd_model::{Identifier, ValueList};

use crate::HOST;

/// Each value list as `identifier [values]`, without the host, in the order of the reading.
pub fn told(lists: &[ValueList]) -> Vec<String> {
    lists.iter().map(|list| format!("{} {:?}", without_host(&list.identifier), list.values)).collect()
}

/// As [`told`], in the order of the text: for what is read from folders, which have no order.
pub fn told_sorted(lists: &[ValueList]) -> Vec<String> {
    let mut lines = told(lists);
    lines.sort();
    lines
}

/// The instances of the plugin that the lists are about, each once, in the order of the text.
pub fn instances(lists: &[ValueList]) -> Vec<String> {
    let mut names: Vec<String> =
        lists.iter().map(|list| list.identifier.plugin_instance.to_string()).collect();
    names.sort();
    names.dedup();
    names
}

fn without_host(identifier: &Identifier) -> String {
    let text = identifier.to_string();
    let local = text.strip_prefix(HOST).and_then(|rest| rest.strip_prefix('/'));
    local.map_or_else(|| text.clone(), str::to_owned)
}
