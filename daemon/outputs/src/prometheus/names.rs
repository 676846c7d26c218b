//! The one place that decides how a series is called in Prometheus: as collectd's own exposition does.
//!
//! `collectd_<plugin>_<type>_<data source>`, where a type like the plugin and a source called `value` are
//! left out, and sums that grow end in `_total`. Labels: the plugin instance under the plugin's name, the
//! type instance under `type` (or under the plugin's name where there is no plugin instance), the host
//! under `instance`. Source: what collectd 5.12 answers to a scrape.

use gatherd_engine::series::Parts;
use gatherd_model::{DataSet, DataSourceKind};

/// All series of one plugin name, one type and one data source.
pub(super) struct Family {
    /// Name without the suffix of counters.
    pub(super) name: String,
    /// True where the samples' name ends in `_total`.
    pub(super) grows: bool,
    /// One sentence for `# HELP`.
    pub(super) help: String,
    /// Which group of series.
    pub(super) group: usize,
    /// Which data source.
    pub(super) source: usize,
}

impl Family {
    /// One family per data source of group number `group`.
    pub(super) fn of(group: usize, plugin: &str, set: &DataSet) -> Vec<Self> {
        let one = |(source, data_source): (usize, &gatherd_model::DataSource)| {
            let mut name = String::from("collectd");
            let type_name: &str = &set.name;
            let optional = [
                (plugin, plugin != type_name),
                (type_name, true),
                (&data_source.name, &*data_source.name != "value"),
            ];
            for (part, _) in optional.iter().filter(|(_, wanted)| *wanted) {
                name.push('_');
                push_name(&mut name, part);
            }
            let grows = matches!(data_source.kind, DataSourceKind::Derive | DataSourceKind::Counter);
            let help = format!(
                "Plugin {plugin}, type {type_name}, data source {} ({}).",
                data_source.name, data_source.kind
            );
            Self { name, grows, help: escaped(&help), group, source }
        };
        set.sources.iter().enumerate().map(one).collect()
    }
}

/// Appends `text` with every byte that a name may not hold as `_`.
fn push_name(name: &mut String, text: &str) {
    name.extend(text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }));
}

/// Appends the labels of a series, braces included.
pub(super) fn push_labels(line: &mut String, parts: &Parts<'_>) {
    line.push('{');
    if !parts.plugin_instance.is_empty() {
        push_label(line, plugin_label(parts.plugin), parts.plugin, parts.plugin_instance);
        if !parts.type_instance.is_empty() {
            push_label(line, "type", "", parts.type_instance);
        }
    } else if !parts.type_instance.is_empty() {
        push_label(line, plugin_label(parts.plugin), parts.plugin, parts.type_instance);
    }
    line.push_str("instance=\"");
    push_escaped(line, parts.host);
    line.push_str("\"}");
}

/// What stands before the plugin's name in a label: labels of our own are never named twice, and a name
/// never begins with a digit or with the two underscores that Prometheus keeps for itself.
fn plugin_label(plugin: &str) -> &'static str {
    let taken = matches!(plugin, "type" | "instance" | "le" | "quantile" | "job");
    let begins = plugin.starts_with(|c: char| c.is_ascii_alphabetic());
    if taken || !begins { "plugin_" } else { "" }
}

fn push_label(line: &mut String, prefix: &str, name: &str, value: &str) {
    line.push_str(prefix);
    push_name(line, name);
    line.push_str("=\"");
    push_escaped(line, value);
    line.push_str("\",");
}

fn push_escaped(line: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\\' => line.push_str("\\\\"),
            '"' => line.push_str("\\\""),
            '\n' => line.push_str("\\n"),
            c => line.push(c),
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}
