//! JSON of files that tools read: no member stands twice, depth is bounded, and where a type says so
//! unknown members are refused.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::json::check_object_of;

/// Why bytes are not the JSON that was expected. One variant for each rule.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidJson {
    /// Not one object in UTF-8, nested too deep, or a member stands twice.
    #[error("is not one JSON object whose members are unique")]
    Ambiguous,
    /// A member is missing, unknown, or of another type.
    #[error("has another form: {0}")]
    Form(serde_json::Error),
    /// A value whose canonical form is not written here.
    #[error("has no canonical form that is written here")]
    Unwritable,
}

/// More nested than any document of ours or any bill of materials.
pub const MAXIMUM_LEVELS: u8 = 64;

/// Reads one object.
///
/// # Errors
///
/// [`InvalidJson`].
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, InvalidJson> {
    check_object_of(bytes, MAXIMUM_LEVELS).map_err(|_| InvalidJson::Ambiguous)?;
    serde_json::from_slice(bytes).map_err(InvalidJson::Form)
}

/// The canonical JSON of a value (RFC 8785): members in the order of their names, no white space.
///
/// # Errors
///
/// For numbers that are no integers or beyond 2^53, and for member names beyond ASCII.
pub fn canonical(value: &impl Serialize) -> Result<String, InvalidJson> {
    let value = serde_json::to_value(value).map_err(|_| InvalidJson::Unwritable)?;
    if !is_plain(&value) {
        return Err(InvalidJson::Unwritable);
    }
    // INVARIANT: without the feature `preserve_order`, which a test would notice, `serde_json` keeps
    // members sorted by bytes, which for ASCII is the order of RFC 8785, section 3.2.3. It escapes
    // text as section 3.2.2.2 asks.
    serde_json::to_string(&value).map_err(|_| InvalidJson::Unwritable)
}

fn is_plain(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => number.as_u64().is_some_and(|number| number <= LARGEST),
        Value::Array(items) => items.iter().all(is_plain),
        Value::Object(members) => members
            .iter()
            .all(|(name, value)| name.is_ascii() && is_plain(value)),
    }
}

/// What every reader of JSON keeps (RFC 8259, section 6).
const LARGEST: u64 = 9_007_199_254_740_991;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn writes_the_canonical_form() {
        let value = json!({
            "b": [1, true, null, {"z": "", "a": "\u{e9}\u{1f600}"}],
            "B": 9_007_199_254_740_991_u64,
            "a": "\u{8}\t\n\u{c}\r\u{1}\"\\/\u{7f}",
        });
        let expected = concat!(
            r#"{"B":9007199254740991,"a":"\b\t\n\f\r\u0001\"\\/"#,
            "\u{7f}\",\"b\":[1,true,null,{\"a\":\"\u{e9}\u{1f600}\",\"z\":\"\"}]}"
        );
        assert_eq!(canonical(&value).unwrap(), expected);
    }

    #[test]
    fn writes_nothing_that_readers_could_take_for_something_else() {
        for value in [
            json!({"a": 1.5}),
            json!({"a": -1}),
            json!({"a": 9_007_199_254_740_992_u64}),
            json!({"\u{e9}": 1}),
        ] {
            assert!(canonical(&value).is_err(), "{value}");
        }
    }

    #[test]
    fn reads_what_can_be_read_in_one_way_only() {
        let read = |text: &str| read::<Value>(text.as_bytes()).is_ok();
        assert!(read(r#"{"a":{"b":[1]}}"#));
        for text in [r#"{"a":1,"a":1}"#, "[]", "{} x", r#"{"a":{"b":1,"b":2}}"#] {
            assert!(!read(text), "{text}");
        }
        let nested =
            |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
        assert!(read(&nested(64)) && !read(&nested(65)));
    }
}
