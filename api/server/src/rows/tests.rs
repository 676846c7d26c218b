//! How rows look.

use super::{RowForm, RowWriter, SourceRow, ValueRow};
use gatherd_api_types::{
    DataSource, DataSourceKind, Exactness, Judged, Metric, Number, Specificity, Timestamp, ValueState,
    ValueView,
};
use std::collections::BTreeMap;
use std::time::Duration;

const TIME: Duration = Duration::new(1_700_000_000, 5_000_000);

fn row(identifier: &str) -> ValueRow<'_> {
    let mut fields = identifier.splitn(3, '/');
    let mut next = || fields.next().unwrap();
    ValueRow {
        identifier,
        host: next(),
        plugin: next(),
        plugin_instance: "",
        type_name: next(),
        type_instance: "",
        time: TIME,
        interval: 10.0,
        state: ValueState::Unknown,
        judged: None,
        age: 0.25,
        clock_stepped: false,
    }
}

fn source(name: &str, value: Option<Number>, rate: Option<f64>) -> SourceRow<'_> {
    SourceRow { name, value, rate }
}

fn text(form: RowForm, rows: &[(ValueRow<'_>, &[SourceRow<'_>])]) -> String {
    let mut writer = RowWriter::new(form);
    for (row, sources) in rows {
        writer.value(row, sources.iter().copied());
    }
    assert_eq!(writer.count(), rows.len());
    String::from_utf8(writer.finish(None).text.to_vec()).unwrap()
}

#[test]
fn a_row_of_json_is_the_view_with_the_same_members() {
    let any = || Exactness::Any;
    let judged = Judged {
        threshold: "t\"1".to_owned(),
        specificity: Specificity {
            host: Exactness::Exact,
            plugin: any(),
            plugin_instance: any(),
            type_name: any(),
            type_instance: any(),
        },
        by_data_source: BTreeMap::new(),
        since: None,
        exempt_by: None,
        silenced_by: None,
    };
    let identifier = "h\u{1}\"é\\/p/t";
    let row = ValueRow { judged: Some(judged.clone()), state: ValueState::Failure, ..row(identifier) };
    let sources = [
        source("rx", Some(Number::Unsigned(u64::MAX)), Some(-0.5)),
        source("tx", Some(Number::Signed(i64::MIN)), None),
        source("gone", None, Some(1e300)),
        source("whole", Some(Number::Float(120.0)), Some(-0.0)),
    ];
    let view: ValueView = serde_json::from_str(&text(RowForm::Items, &[(row, &sources)])).unwrap();
    let expected = ValueView {
        identifier: identifier.to_owned(),
        host: "h\u{1}\"é\\".to_owned(),
        plugin: "p".to_owned(),
        plugin_instance: String::new(),
        type_name: "t".to_owned(),
        type_instance: String::new(),
        time: Timestamp::from_unix(1_700_000_000, 5_000_000),
        interval: 10.0,
        state: ValueState::Failure,
        judged: Some(judged),
        values: sources.iter().map(|it| (it.name.to_owned(), it.value)).collect(),
        rates: sources.iter().map(|it| (it.name.to_owned(), it.rate)).collect(),
        age: 0.25,
        clock_stepped: false,
        history: None,
    };
    assert_eq!(view, expected);
}

#[test]
fn floats_are_written_as_json_writes_them() {
    for number in [0.0, -0.0, 1.0, 9.0, 10.0, 999.0, 1000.0, 0.1, -7.0, 1e21, f64::MIN_POSITIVE, f64::MAX] {
        let row = ValueRow { age: number, interval: number, ..row("h/p/t") };
        let text = text(RowForm::Items, &[(row, &[])]);
        let expected = serde_json::to_string(&number).unwrap();
        assert!(text.contains(&format!(r#""age":{expected},"#)), "{number}: {text}");
    }
}

#[test]
fn items_have_commas_between_them_and_lines_ends() {
    let sources: [SourceRow<'_>; 0] = [];
    let rows = [(row("h/p/a"), &sources[..]), (row("h/p/b"), &sources[..])];
    let items = text(RowForm::Items, &rows);
    assert_eq!(serde_json::from_str::<Vec<ValueView>>(&format!("[{items}]")).unwrap().len(), 2);
    let lines = text(RowForm::Lines, &rows);
    assert_eq!(lines.lines().count(), 2);
    assert!(lines.ends_with("}\n"));
}

#[test]
fn csv_has_a_line_for_each_data_source() {
    let sources = [
        source("rx", Some(Number::Unsigned(u64::MAX)), None),
        source("tx", Some(Number::Signed(-3)), Some(-0.5)),
        source("unknown", None, Some(f64::NAN)),
    ];
    assert_eq!(
        text(RowForm::Csv, &[(row("h/p/t"), &sources)]),
        "h/p/t,h,p,,t,,rx,2023-11-14T22:13:20.005000000Z,10.0,18446744073709551615,,unknown,0.25,false\r\n\
         h/p/t,h,p,,t,,tx,2023-11-14T22:13:20.005000000Z,10.0,-3,-0.5,unknown,0.25,false\r\n\
         h/p/t,h,p,,t,,unknown,2023-11-14T22:13:20.005000000Z,10.0,,,unknown,0.25,false\r\n"
    );
    assert_eq!(super::value::HEAD.trim_end().split(',').count(), 14);
}

#[test]
fn text_that_a_spreadsheet_would_run_is_marked_as_text() {
    for (cell, expected) in [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("=cmd|' C calc'!A0", "'=cmd|' C calc'!A0"),
        ("=A1,\"b\"", "\"'=A1,\"\"b\"\"\""),
        ("\rx", "\"'\rx\""),
        ("a=b", "a=b"),
        ("a,b", "\"a,b\""),
    ] {
        let identifier = format!("{cell}/p/t");
        let row = ValueRow { identifier: "i", host: cell, ..row(&identifier) };
        let text = text(RowForm::Csv, &[(row, &[source("value", None, None)])]);
        assert!(text.starts_with(&format!("i,{expected},p,")), "{cell}: {text}");
    }
}

#[test]
fn csv_of_metrics_has_a_line_for_each_data_source() {
    let source =
        |name: &str, min, max| DataSource { name: name.to_owned(), kind: DataSourceKind::Derive, min, max };
    let metric = Metric {
        identifier: "-h/p/if_octets".to_owned(),
        type_name: "if_octets".to_owned(),
        data_sources: vec![source("rx", Some(-1.0), None), source("tx", Some(0.0), Some(5.5))],
        plugin: None,
        unit: Some("By".to_owned()),
        interval: 10.0,
        age: 3.5,
    };
    let mut writer = RowWriter::new(RowForm::Csv);
    writer.metric(&metric);
    let rows = writer.finish(Some("7".to_owned()));
    assert_eq!((rows.count, rows.next.as_deref()), (1, Some("7")));
    assert_eq!(
        &rows.text[..],
        b"'-h/p/if_octets,if_octets,rx,derive,-1.0,,,By,10.0,3.5\r\n\
          '-h/p/if_octets,if_octets,tx,derive,0.0,5.5,,By,10.0,3.5\r\n"
    );
}
