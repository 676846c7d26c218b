//! Tests of the exposition.

use std::sync::Arc;

use arc_swap::ArcSwap;
use gatherd_engine::cache::{Cache, CacheSettings};
use gatherd_engine::port::{Clock, Exposition, ExpositionFormat, Moment, Sample};
use gatherd_engine::series::SeriesTable;
use gatherd_model::{CdTime, Interval, TypesDb, Value};

use super::Prometheus;

const TIME: CdTime = CdTime(1_795_235_417 << 30 | 1 << 29);

/// A clock that stands.
struct Still(CdTime);

impl Clock for Still {
    fn wall(&self) -> CdTime {
        self.0
    }

    fn monotonic(&self) -> CdTime {
        self.0
    }
}

struct Filled {
    cache: Arc<Cache>,
    types: TypesDb,
}

impl Filled {
    fn new() -> Self {
        let types = TypesDb::builtin();
        let shared = Arc::new(ArcSwap::from_pointee(types.clone()));
        let settings = CacheSettings { future_tolerance: CdTime::from_secs(600), timeout: 2 };
        let cache = Arc::new(Cache::new(Arc::new(SeriesTable::new(100_000)), shared, settings));
        Self { cache, types }
    }

    fn put(&self, identifier: &str, type_name: &str, values: &[Value]) {
        let (index, set) = self.types.get(type_name).unwrap();
        let table = self.cache.table();
        let id = table
            .register(identifier, index, set.sources.len(), 1, Interval::DEFAULT, CdTime::ZERO)
            .unwrap()
            .id;
        let count = u16::try_from(values.len()).unwrap();
        let mut sample = Sample {
            series: id,
            time: TIME,
            interval: Interval::DEFAULT,
            first: 0,
            count,
            position: 0,
            outputs: 0,
            judged: false,
            remembered: false,
        };
        let mut rates = vec![0.0; values.len()];
        let mut update = self.cache.update(Moment { wall: TIME, ..Moment::default() });
        update.take(table.slot(id).unwrap(), &mut sample, values, &mut rates).unwrap();
    }

    fn text(&self, format: ExpositionFormat) -> String {
        self.text_at(TIME, format)
    }

    fn text_at(&self, wall: CdTime, format: ExpositionFormat) -> String {
        let prometheus =
            Prometheus::new(Arc::clone(&self.cache), Arc::new(Still(wall)), CdTime::from_secs(300));
        let pieces = prometheus.render(format);
        String::from_utf8(pieces.flatten().collect()).unwrap()
    }
}

#[test]
fn names_labels_and_times_are_those_of_collectds_own_exposition() {
    let filled = Filled::new();
    filled.put("bench/cpu-0/cpu-idle", "cpu", &[Value::Derive(228_310)]);
    filled.put("bench/df-root/df_complex-free", "df_complex", &[Value::Gauge(0.5)]);
    filled.put("bench/disk-vda/disk_octets", "disk_octets", &[Value::Derive(7), Value::Derive(8)]);
    filled.put("bench/memory/memory-used", "memory", &[Value::Gauge(144_207_872.0)]);
    filled.put("bench/load/load", "load", &[Value::Gauge(0.25), Value::Gauge(1.0), Value::Gauge(f64::NAN)]);
    let expected = r#"# HELP collectd_cpu_total Plugin cpu, type cpu, data source value (derive).
# TYPE collectd_cpu_total counter
collectd_cpu_total{cpu="0",type="idle",instance="bench"} 228310 1795235417500
# HELP collectd_df_df_complex Plugin df, type df_complex, data source value (gauge).
# TYPE collectd_df_df_complex gauge
collectd_df_df_complex{df="root",type="free",instance="bench"} 0.5 1795235417500
# HELP collectd_disk_disk_octets_read_total Plugin disk, type disk_octets, data source read (derive).
# TYPE collectd_disk_disk_octets_read_total counter
collectd_disk_disk_octets_read_total{disk="vda",instance="bench"} 7 1795235417500
# HELP collectd_disk_disk_octets_write_total Plugin disk, type disk_octets, data source write (derive).
# TYPE collectd_disk_disk_octets_write_total counter
collectd_disk_disk_octets_write_total{disk="vda",instance="bench"} 8 1795235417500
# HELP collectd_load_longterm Plugin load, type load, data source longterm (gauge).
# TYPE collectd_load_longterm gauge
collectd_load_longterm{instance="bench"} NaN 1795235417500
# HELP collectd_load_midterm Plugin load, type load, data source midterm (gauge).
# TYPE collectd_load_midterm gauge
collectd_load_midterm{instance="bench"} 1.0 1795235417500
# HELP collectd_load_shortterm Plugin load, type load, data source shortterm (gauge).
# TYPE collectd_load_shortterm gauge
collectd_load_shortterm{instance="bench"} 0.25 1795235417500
# HELP collectd_memory Plugin memory, type memory, data source value (gauge).
# TYPE collectd_memory gauge
collectd_memory{memory="used",instance="bench"} 144207872.0 1795235417500
"#;
    assert_eq!(filled.text(ExpositionFormat::Classic), expected);
}

#[test]
fn openmetrics_names_the_family_counts_seconds_and_ends() {
    let filled = Filled::new();
    filled.put("h/cpu-0/cpu-idle", "cpu", &[Value::Derive(1)]);
    let expected = r#"# HELP collectd_cpu Plugin cpu, type cpu, data source value (derive).
# TYPE collectd_cpu counter
collectd_cpu_total{cpu="0",type="idle",instance="h"} 1 1795235417.500
# EOF
"#;
    assert_eq!(filled.text(ExpositionFormat::OpenMetrics), expected);
}

#[test]
fn an_empty_cache_is_an_empty_exposition() {
    let filled = Filled::new();
    assert_eq!(filled.text(ExpositionFormat::Classic), "");
    assert_eq!(filled.text(ExpositionFormat::OpenMetrics), "# EOF\n");
}

#[test]
fn a_stale_value_is_not_shown() {
    let filled = Filled::new();
    filled.put("h/cpu-0/cpu-idle", "cpu", &[Value::Derive(1)]);
    let shown = |after: u64| filled.text_at(TIME.plus(CdTime::from_secs(after)), ExpositionFormat::Classic);
    assert!(shown(300).contains("collectd_cpu_total{"));
    assert!(!shown(301).contains("collectd_cpu_total{"));
}

#[test]
fn odd_names_can_not_break_the_text() {
    let filled = Filled::new();
    filled.put("h\"x\\/type-a\"b/gauge-c\\d", "gauge", &[Value::Gauge(f64::INFINITY)]);
    filled.put("h/9 lives-x/gauge", "gauge", &[Value::Gauge(f64::NEG_INFINITY)]);
    let text = filled.text(ExpositionFormat::Classic);
    assert!(
        text.contains(r#"collectd_type_gauge{plugin_type="a\"b",type="c\\d",instance="h\"x\\"} +Inf"#),
        "{text}"
    );
    assert!(text.contains(r#"collectd_9_lives_gauge{plugin_9_lives="x",instance="h"} -Inf"#), "{text}");
}

#[test]
fn every_family_has_one_head_over_many_pieces() {
    let filled = Filled::new();
    for number in 0..5000 {
        filled.put(&format!("h/if-{number}/if_octets"), "if_octets", &[Value::Derive(1), Value::Derive(2)]);
        filled.put(&format!("h/p-{number}/gauge"), "gauge", &[Value::Gauge(1.0)]);
    }
    let text = filled.text(ExpositionFormat::Classic);
    assert_eq!(text.lines().filter(|line| line.starts_with("# TYPE")).count(), 3);
    assert_eq!(text.lines().filter(|line| !line.starts_with('#')).count(), 15_000);
    let heads: Vec<_> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
    assert_eq!(heads[0], "# TYPE collectd_if_if_octets_rx_total counter");
}
