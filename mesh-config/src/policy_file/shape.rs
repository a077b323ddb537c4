//! Whether a document has the shape of a policy, and what to say where it has not.
//!
//! The JSON Schema finds every error at once; this module says it in the words of a policy. Values
//! are quoted only where a fixed word is expected, since elsewhere they may be key material.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use crate::finding::{Code, Finding};
use crate::yaml::member;

/// Every deviation from a schema (as [`crate::schema::for_validation`] gives it), in the order of the
/// document.
pub(crate) fn check(value: &Value, schema: &Value) -> Vec<Finding> {
    let validator = match jsonschema::validator_for(schema) {
        Ok(validator) => validator,
        // The schema is generated; a test keeps this from happening.
        Err(_) => {
            return vec![Finding::new(
                Code::OtherForm,
                "",
                "the schema of this build cannot be read",
            )];
        }
    };
    validator
        .iter_errors(value)
        .flat_map(|error| translate(&error, schema))
        .collect()
}

fn translate(error: &ValidationError<'_>, schema: &Value) -> Vec<Finding> {
    let path = readable(error.instance_path());
    let owner = owner(error.schema_path(), schema);
    let value = error.instance();
    let kind = error.kind();
    if let Kind::AdditionalProperties { unexpected } = kind {
        return unexpected
            .iter()
            .map(|key| unknown_key(&path, key, owner))
            .collect();
    }
    let finding = if let Kind::Required { property } = kind {
        missing_key(path, property.as_str().unwrap_or_default(), owner)
    } else if let Kind::Enum { options } = kind {
        unknown_word(path, value, options)
    } else if let Kind::Type {
        kind: TypeKind::Single(expected),
    } = kind
    {
        wrong_type(path, *expected, value)
    } else if let Kind::Maximum { limit } = kind {
        Finding::new(
            Code::OutOfRange,
            path,
            format!("{value} is too large: use at most {limit}"),
        )
    } else if let Kind::Minimum { limit } = kind {
        Finding::new(
            Code::OutOfRange,
            path,
            format!("{value} is too small: use at least {limit}"),
        )
    } else if matches!(
        kind,
        Kind::MinProperties { .. } | Kind::MaxProperties { .. }
    ) {
        Finding::new(
            Code::NotExactlyOne,
            path,
            format!("write exactly one of {}", quoted(&keys(owner))),
        )
    } else {
        Finding::new(
            Code::OtherForm,
            path,
            format!("breaks the rule `{}` of the format", kind.keyword()),
        )
        .with_hint("compare it with the output of `sallyport schema`")
    };
    vec![finding]
}

fn unknown_key(path: &str, key: &str, owner: Option<&Value>) -> Finding {
    let known = keys(owner);
    let hint = match closest(key, &known) {
        Some(similar) => format!("did you mean `{similar}`?"),
        None => format!("the keys here are {}", quoted(&known)),
    };
    let place = member(path, key);
    let shown = member("", key);
    Finding::new(Code::UnknownKey, place, format!("unknown key `{shown}`")).with_hint(hint)
}

fn missing_key(path: String, key: &str, owner: Option<&Value>) -> Finding {
    let description = owner
        .and_then(|owner| {
            owner
                .get("properties")?
                .get(key)?
                .get("description")?
                .as_str()
        })
        .and_then(|text| text.lines().next())
        .unwrap_or("it is required");
    Finding::new(
        Code::MissingKey,
        path,
        format!("the key `{key}` is missing"),
    )
    .with_hint(description)
}

fn unknown_word(path: String, value: &Value, options: &Value) -> Finding {
    let words: Vec<&str> = options
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let Some(text) = value.as_str() else {
        let message = format!("is {}, where a word is expected", name_of(value));
        return Finding::new(Code::UnknownWord, path, message)
            .with_hint(format!("use {}", quoted(&words)));
    };
    let shown: String = text.escape_debug().take(MAXIMUM_SHOWN_CHARACTERS).collect();
    let hint = match closest(text, &words) {
        Some(similar) if words.len() > 1 => {
            format!("did you mean `{similar}`? Allowed: {}", quoted(&words))
        }
        Some(_) | None => format!("use {}", quoted(&words)),
    };
    Finding::new(
        Code::UnknownWord,
        path,
        format!("`{shown}` is not allowed here"),
    )
    .with_hint(hint)
}

fn wrong_type(path: String, expected: JsonType, value: &Value) -> Finding {
    let (noun, hint) = match expected {
        JsonType::Array => ("a list", "write `[..]`, or one entry a line behind `- `"),
        JsonType::Boolean => ("`true` or `false`", "write it without quotes"),
        JsonType::Integer | JsonType::Number => ("a whole number", "write digits without quotes"),
        JsonType::Null => ("nothing", "leave the key out"),
        JsonType::Object => ("a mapping", "write `key: value` lines"),
        JsonType::String => ("text", "put it in quotes"),
    };
    let hint = match (expected, value) {
        (_, Value::Null) => "give it a value, or leave the key out",
        // Quotes would make text of the brackets.
        (JsonType::String, Value::Array(_)) => "write one, without `[..]` or `- `",
        (JsonType::String, Value::Object(_)) => "write the text alone, without keys",
        (_, _) => hint,
    };
    Finding::new(
        Code::WrongType,
        path,
        format!("is {}, where {noun} is expected", name_of(value)),
    )
    .with_hint(hint)
}

pub(crate) const fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty",
        Value::Bool(_) => "`true` or `false`",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// The schema object that the failing keyword stands in.
fn owner<'a>(keyword: &Location, schema: &'a Value) -> Option<&'a Value> {
    let (owner, _) = keyword.as_str().rsplit_once('/')?;
    schema.pointer(owner)
}

fn keys(owner: Option<&Value>) -> Vec<&str> {
    owner
        .and_then(|owner| owner.get("properties")?.as_object())
        .map(|properties| properties.keys().map(String::as_str).collect())
        .unwrap_or_default()
}

fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "none".to_owned(),
    }
}

/// The candidate that the word may be a slip for.
fn closest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    let word = plain(word);
    let tolerance = word.chars().count().checked_div(3).unwrap_or(0).max(1);
    candidates
        .iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&word, &plain(candidate)),
                *candidate,
            )
        })
        .filter(|(distance, _)| *distance <= tolerance)
        .min()
        .map(|(_, candidate)| candidate)
}

/// A JSON pointer in the form that policies use: `spec.flows[2].to`.
fn readable(location: &Location) -> String {
    location
        .segments()
        .fold(String::new(), |path, segment| match segment {
            LocationSegment::Property(key) => member(&path, &key),
            LocationSegment::Index(number) => format!("{path}[{number}]"),
        })
}

const MAXIMUM_SHOWN_CHARACTERS: usize = 40;

#[cfg(test)]
mod tests;
