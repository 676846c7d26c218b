//! Whether what was read has the shape of what was sent.
//!
//! serde takes a list for the members of an object in their order: `["a"]` for `{"url": "a"}`. Nobody sends that on
//! purpose, and what it sets would go by the order of our fields.

use crate::problem::pointer_to;
use gatherd_api_types::FieldError;
use serde::Serialize;
use serde_json::Value;

/// The places of a body that are lists where `read`, which was made of it, has objects.
pub(super) fn lists_for_objects(body: &[u8], read: &impl Serialize) -> Vec<FieldError> {
    let mut found = Vec::new();
    // Most bodies have no list at all.
    if body.contains(&b'[')
        && let (Ok(sent), Ok(read)) = (serde_json::from_slice(body), serde_json::to_value(read))
    {
        compare(&sent, &read, &mut String::new(), &mut found);
    }
    found
}

fn compare(sent: &Value, read: &Value, pointer: &mut String, found: &mut Vec<FieldError>) {
    let length = pointer.len();
    let mut below = |key: &str, sent: &Value, read: &Value| {
        pointer.push_str(&pointer_to(key));
        compare(sent, read, pointer, found);
        pointer.truncate(length);
    };
    match (sent, read) {
        (Value::Array(_), Value::Object(_)) => {
            found.push(FieldError { pointer: pointer.clone(), detail: "must be an object".to_owned() });
        }
        (Value::Array(sent), Value::Array(read)) => {
            for (index, (sent, read)) in sent.iter().zip(read).enumerate() {
                below(&index.to_string(), sent, read);
            }
        }
        (Value::Object(sent), Value::Object(read)) => {
            for (key, sent) in sent {
                if let Some(read) = read.get(key) {
                    below(key, sent, read);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use gatherd_api_types::{Chain, Subscription};
    use serde::de::DeserializeOwned;

    use super::*;

    fn faults<T: DeserializeOwned + Serialize>(body: &str) -> Vec<String> {
        let read: T = serde_json::from_str(body).unwrap();
        lists_for_objects(body.as_bytes(), &read).into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn a_list_in_place_of_an_object_is_found_wherever_it_is() {
        assert_eq!(faults::<Subscription>(r#"["x"]"#), [""]);
        assert_eq!(
            faults::<Subscription>(r#"{"webhook": ["https://a/"], "match": []}"#),
            ["/match", "/webhook"]
        );
        assert_eq!(faults::<Chain>(r#"{"rules": {"a": {}, "b": []}}"#), ["/rules/b"]);
    }

    #[test]
    fn lists_that_are_lists_are_none_of_these() {
        assert_eq!(faults::<Subscription>(r#"{"severity": ["failure"], "webhook": {"url": "a"}}"#), [""; 0]);
        assert_eq!(faults::<Value>(r#"{"a": [[], {"b": [1]}]}"#), [""; 0]);
    }
}
