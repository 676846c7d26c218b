//! What is being collected.

use gatherd_api::types::{DataSource, DataSourceKind, Metric};
use gatherd_api::{ListRequest, ManagementError, MetricQuery, Part};
use gatherd_engine::cache::Newest;
use gatherd_engine::port::Moment;
use gatherd_model::DataSourceKind as Kind;

use crate::EngineManagement;
use crate::convert::seconds;
use crate::value::{age, page};

pub(crate) async fn list(
    this: &EngineManagement,
    query: &MetricQuery,
    list: &ListRequest,
) -> Result<Part<Metric>, ManagementError> {
    let part = page(this, query, list, |newest, now, _| (newest.feeder, view(newest, now))).await?;
    let named = |(feeder, metric): (u32, Metric)| Metric {
        plugin: this.engine().way().feeder(feeder).map(|id| id.to_string()),
        ..metric
    };
    Ok(Part { items: part.items.into_iter().map(named).collect(), next: part.next })
}

fn view(newest: &Newest, now: &Moment) -> Metric {
    let Newest { identifier, data_set, interval, .. } = newest;
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
        plugin: None,
        unit: unit(&data_set.name).map(str::to_owned),
        interval: seconds(*interval),
        age: seconds(age(newest, now)),
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
