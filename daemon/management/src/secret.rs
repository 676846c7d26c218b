//! Write-only keys leave the daemon through no answer.

use serde_json::Value;

use crate::EngineManagement;

/// Takes every write-only key out of a document, or of a part of one that begins at its top. What type a plugin
/// has is asked of `value` and then of `others`.
pub(crate) async fn hide(this: &EngineManagement, value: &mut Value, others: &[&Value]) {
    learn(this, value, others).await;
    this.engine().desired().write_only().hide(value, others);
}

/// Lets the engine look at the schemas of the plugins that a document names.
pub(crate) async fn learn(this: &EngineManagement, value: &Value, others: &[&Value]) {
    let documents = std::iter::once(value).chain(others.iter().copied());
    let entries = documents.filter_map(|document| document.get("plugins")?.as_object()).flatten();
    let types = entries.map(|(id, entry)| {
        let named = entry.get("type").and_then(Value::as_str);
        named.unwrap_or(id).to_owned()
    });
    let types: std::collections::BTreeSet<String> = types.collect();
    this.engine().learn_write_only(types).await;
}

/// The same for one resource: a part of the document that stands at `pointer`.
pub(crate) async fn hide_at(this: &EngineManagement, pointer: &str, value: Value) -> Value {
    let current = this.engine().desired().current();
    let whole = current.shown();
    let mut around = around(pointer, value);
    hide(this, &mut around, &[whole]).await;
    around.pointer_mut(pointer).map(Value::take).unwrap_or_default()
}

/// A document with nothing but `value` at `pointer`.
fn around(pointer: &str, value: Value) -> Value {
    let keys = pointer.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~"));
    let keys: Vec<String> = keys.collect();
    keys.into_iter().rev().fold(value, |inner, key| Value::Object([(key, inner)].into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::around;

    #[test]
    fn a_part_is_put_where_it_stands() {
        assert_eq!(
            around("/plugins/a~1b/config", json!({"c": 1})),
            json!({"plugins": {"a/b": {"config": {"c": 1}}}})
        );
        assert_eq!(around("", json!({"c": 1})), json!({"c": 1}));
    }
}
