//! What is being collected.

use gatherd_api::rows::{RowForm, Rows};
use gatherd_api::types::{DataSource, DataSourceKind, Metric};
use gatherd_api::{ListRequest, ManagementError, ValueQuery};
use gatherd_engine::cache::Glimpse;
use gatherd_model::DataSourceKind as Kind;

use crate::EngineManagement;
use crate::convert::seconds;
use crate::value::{Around, age, walk};

pub(crate) async fn list(
    this: &EngineManagement,
    query: &ValueQuery,
    list: &ListRequest,
    form: RowForm,
) -> Result<Rows, ManagementError> {
    walk(this, query, list, form, |glimpse, around, writer| writer.metric(&view(glimpse, around))).await
}

fn view(glimpse: &Glimpse<'_>, around: &mut Around) -> Metric {
    let Glimpse { identifier, data_set, interval, seen, time, .. } = *glimpse;
    let bound = |bound: f64| Some(bound).filter(|bound| bound.is_finite());
    let source = |source: &gatherd_model::DataSource| DataSource {
        name: source.name.to_string(),
        kind: kind(source.kind),
        min: bound(source.min),
        max: bound(source.max),
    };
    Metric {
        identifier: identifier.to_string(),
        type_name: data_set.name.to_string(),
        data_sources: data_set.sources.iter().map(source).collect(),
        plugin: around.feeder(glimpse).map(|id| id.to_string()),
        unit: unit(&data_set.name).map(str::to_owned),
        interval: seconds(interval),
        age: seconds(age(seen, time, &around.now)),
    }
}

fn kind(kind: Kind) -> DataSourceKind {
    match kind {
        Kind::Gauge => DataSourceKind::Gauge,
        Kind::Derive => DataSourceKind::Derive,
        Kind::Counter => DataSourceKind::Counter,
        Kind::Absolute => DataSourceKind::Absolute,
    }
}

/// The unit of a type's values in UCUM's case-sensitive form, where the type settles it.
fn unit(type_name: &str) -> Option<&'static str> {
    Some(match type_name {
        "bytes" | "df_complex" | "disk_octets" | "if_octets" | "memory" | "ps_rss" | "swap" | "swap_io" => {
            "By"
        }
        "cpu" => "{jiffy}",
        "disk_io_time" | "disk_time" | "total_time_in_ms" => "ms",
        "duration" | "uptime" => "s",
        "percent" | "percent_bytes" | "percent_inodes" => "%",
        "disk_merged" | "disk_ops" => "{operation}",
        "if_dropped" | "if_errors" | "if_packets" => "{packet}",
        "load" => "1",
        _ => return None,
    })
}
