//! What is sent, from files and keys.

use super::*;
use serde_json::json;

fn edits(set: &[&str], unset: &[&str]) -> Edits {
    Edits {
        set: set.iter().map(|text| text.parse().unwrap()).collect(),
        unset: unset.iter().map(|&key| key.to_owned()).collect(),
        file: None,
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn file(text: &[u8]) -> Result<Map<String, Value>, DocumentError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    read(file.path())
}

#[test]
fn dots_lead_into_parts_and_null_takes_away() {
    let wish = Wish::of(&edits(&["match.plugin=df", "match.type=x", "hits=3"], &["window", "a.b"])).unwrap();
    let expected =
        json!({"match": {"plugin": "df", "type": "x"}, "hits": 3, "window": null, "a": {"b": null}});
    assert_eq!(wish, Wish::Merge(object(&expected)));
    assert_eq!(Wish::of(&edits(&[], &[])).unwrap(), Wish::Look);
}

#[test]
fn a_key_is_named_once_also_as_a_part() {
    for (set, unset, key) in
        [(&["a=1"][..], &["a"][..], "a"), (&["a.b=1"], &["a.b"], "a.b"), (&["a=1", "a.b=1"], &[], "a.b")]
    {
        let error = Wish::of(&edits(set, unset)).unwrap_err();
        assert_eq!(error.to_string(), format!("the key {key} is named twice: set or unset it once"));
    }
}

#[test]
fn files_are_json_or_toml() {
    let expected = object(&json!({"interval": 5, "plugins": {"df": {"enabled": false}}}));
    assert_eq!(file(br#" {"interval": 5, "plugins": {"df": {"enabled": false}}}"#).unwrap(), expected);
    assert_eq!(file(b"interval = 5\n[plugins.df]\nenabled = false\n").unwrap(), expected);
    let moment = file(b"[blacklist.a]\nexpires_at = 2099-01-01T00:00:00Z\n").unwrap();
    assert_eq!(part(&moment, "blacklist.a.expires_at"), Some(&json!("2099-01-01T00:00:00Z")));
}

#[test]
fn a_file_that_is_neither_is_refused_with_its_place() {
    assert!(matches!(file(b"{"), Err(DocumentError::NoObject { .. })));
    assert!(matches!(file(b"a = \n"), Err(DocumentError::NoToml { .. })));
    assert!(matches!(file(&vec![b' '; 1024 * 1024 + 1]), Err(DocumentError::TooLong { .. })));
    assert!(matches!(file(b"\xff"), Err(DocumentError::Read { .. })));
    assert!(matches!(read(Path::new("/nonexistent")), Err(DocumentError::Read { .. })));
    let error = DocumentError::TooLong { path: INPUT.into() };
    assert!(error.to_string().starts_with("standard input is longer than 1048576 bytes"), "{error}");
}

#[test]
fn nothing_to_change_is_said() {
    let error = Wish::Look.members().unwrap_err();
    assert_eq!(error.to_string(), "there is nothing to change: give --set, --unset or --file");
}

#[test]
fn parts_are_found_by_dots_also_in_names() {
    let document = object(&json!({"plugins": {"a.b": {"c": 1}}, "x": {"y": {"z": 2}}}));
    assert_eq!(part(&document, "x.y.z"), Some(&json!(2)));
    assert_eq!(
        part(object(&json!({"a.b": 3})).get("a.b").map(|_| &document).unwrap(), "x.y"),
        Some(&json!({"z": 2}))
    );
    assert_eq!(part(&document, "x.y.none"), None);
}
