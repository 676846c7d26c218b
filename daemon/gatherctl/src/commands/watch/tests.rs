//! What is printed of a look, and of the next one.

use super::*;
use gatherd_client::types::Timestamp;

fn view(identifier: &str, number: u64, rate: Option<f64>) -> ValueView {
    ValueView {
        identifier: identifier.to_owned(),
        host: String::new(),
        plugin: String::new(),
        plugin_instance: String::new(),
        type_name: String::new(),
        type_instance: String::new(),
        time: Timestamp::from_unix(0, 0),
        interval: 10.0,
        state: ValueState::Unknown,
        judged: None,
        values: BTreeMap::from([("value".to_owned(), Some(Number::Unsigned(number)))]),
        rates: BTreeMap::from([("value".to_owned(), rate)]),
        age: 1.0,
        clock_stepped: false,
        history: None,
    }
}

fn paper(columns: u16, lines: u16) -> (Paper, Size) {
    let size = Size { columns, lines };
    (Paper { size: Some(size), is_screen: true, ..Paper::PLAIN }, size)
}

fn drawn(views: &[ValueView], missing: Option<&str>, (columns, lines): (u16, u16)) -> String {
    let (paper, size) = paper(columns, lines);
    let text = picture(views, missing, Duration::from_secs(2), paper, size);
    assert!(text.starts_with(HOME) && text.ends_with(BELOW), "{text:?}");
    text.replace([HOME, BELOW].join("").as_str(), "")
        .replace(HOME, "")
        .replace(BELOW, "")
        .replace(REST_OF_LINE, "")
}

#[test]
fn everything_is_a_change_at_first_and_then_what_changed() {
    let mut seen = Seen::default();
    let (a, b) = (view("h/a/x", 1, None), view("h/b/x", 2, None));
    let first = [a.clone(), b.clone()];
    assert_eq!(seen.changes(&first), [Change::Value(&a), Change::Value(&b)]);
    assert_eq!(seen.changes(&first), []);

    let later = ValueView { time: Timestamp::from_unix(9, 0), age: 0.0, ..a.clone() };
    assert_eq!(seen.changes(&[later, b.clone()]), [], "read again, and the same");

    let other = view("h/b/x", 3, None);
    let rated = view("h/a/x", 1, Some(0.0));
    let next = [rated.clone(), other.clone()];
    assert_eq!(seen.changes(&next), [Change::Value(&rated), Change::Value(&other)]);
    assert_eq!(seen.changes(&[rated]), [Change::Gone("h/b/x".to_owned())]);
    assert_eq!(
        seen.changes(std::slice::from_ref(&other)),
        [Change::Value(&other), Change::Gone("h/a/x".to_owned())]
    );
}

#[test]
fn lines_stand_under_each_other_and_steer_no_terminal() {
    let mut columns = Columns::default();
    let cells = |view: &ValueView| Change::Value(view).cells();
    let rows = [cells(&view("h/a/x", 1, Some(0.5))), cells(&view("h/\u{1b}/x", 1, None))];
    let expected = "\
1970-01-01T00:00:00Z  h/a/x       value=1  value=0.5/s
1970-01-01T00:00:00Z  h/\\u{1b}/x  value=1  value=-
";
    assert_eq!(columns.lines(&rows), expected);
    let gone = columns.lines(&[Change::Gone("h/a/x".to_owned()).cells()]);
    assert_eq!(gone, "-                     h/a/x       gone     -\n", "columns stay as wide as they were");
}

#[test]
fn a_picture_has_as_many_lines_as_the_terminal() {
    let views: Vec<ValueView> = (0..9).map(|number| view(&format!("h/{number}/x"), number, None)).collect();
    let expected = "\
IDENTIFIER  VALUES   RATES    AGE
h/0/x       value=0  value=-   1s
9 series, every 2s; not all fit: use a f";
    assert_eq!(drawn(&views, None, (41, 3)), expected);
    assert_eq!(drawn(&views, None, (100, 11)).lines().count(), 11);
    assert!(drawn(&views, None, (100, 11)).ends_with("\n9 series, every 2s"));
    assert_eq!(drawn(&views, None, (100, 1)), "9 series, every 2s; not all fit: use a filter");
}

#[test]
fn a_daemon_that_is_away_is_told_below_the_last_values() {
    let text = drawn(&[view("h/a/x", 1, None)], Some("no answer: \u{1b}; trying again"), (60, 9));
    assert!(text.contains("h/a/x") && text.ends_with("\nno answer: \\u{1b}; trying again"), "{text}");
}
