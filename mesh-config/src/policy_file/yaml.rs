//! YAML (and so JSON) as a value in which each place knows its line.
//!
//! Duplicate keys, several documents, merge keys (`<<`), unknown tags and everything beyond the
//! budget are errors; `yes`, `on` and their like are text. No message quotes a value of the file.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::{Error, Spanned};

use crate::finding::{Code, Finding};

/// A document, and where its parts stand.
#[derive(Debug)]
pub(super) struct Document {
    /// The content.
    pub(super) value: Value,
    /// From the path of each place to its line.
    lines: Lines,
}

type Lines = BTreeMap<String, u64>;

/// Reads one document.
pub(super) fn parse(text: &str) -> Result<Document, Finding> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: MAXIMUM_NODES,
            max_events: MAXIMUM_EVENTS,
            max_depth: MAXIMUM_DEPTH,
        },
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::Error,
        merge_keys: serde_saphyr::options::MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    let root: Spanned<Node> =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| syntax(&error))?;
    let mut lines = Lines::new();
    let value = to_value(root, String::new(), &mut lines);
    Ok(Document { value, lines })
}

impl Document {
    /// The line of a place, or of the nearest place around it that stands in the file.
    pub(super) fn line(&self, path: &str) -> Option<u64> {
        let mut path = path;
        loop {
            if let Some(line) = self.lines.get(path) {
                return Some(*line);
            }
            let end = path.rfind(['.', '['])?;
            path = path.get(..end)?;
        }
    }
}

/// The path of a member of the place at `path`.
pub(super) fn member(path: &str, key: &str) -> String {
    let key: String = key.escape_debug().take(MAXIMUM_KEY_CHARACTERS).collect();
    if path.is_empty() {
        key
    } else {
        format!("{path}.{key}")
    }
}

/// Any YAML value.
enum Node {
    Scalar(Value),
    List(Vec<Spanned<Node>>),
    Mapping(Vec<(Spanned<String>, Spanned<Node>)>),
}

fn to_value(node: Spanned<Node>, path: String, lines: &mut Lines) -> Value {
    // A mapping in a list begins where its first key does; a member of a mapping was already noted
    // at the line of its key.
    lines.entry(path.clone()).or_insert(node.referenced.line());
    match node.value {
        Node::Scalar(value) => value,
        Node::List(items) => {
            let items = items.into_iter().enumerate();
            items
                .map(|(n, item)| to_value(item, format!("{path}[{n}]"), lines))
                .collect()
        }
        Node::Mapping(members) => {
            let mut value = Map::new();
            for (key, node) in members {
                let path = member(&path, &key.value);
                lines.insert(path.clone(), key.referenced.line());
                value.insert(key.value, to_value(node, path, lines));
            }
            Value::Object(value)
        }
    }
}

/// The parser's own words, without the excerpt that it would add: the file may hold a key that
/// does not belong there.
fn syntax(error: &Error) -> Finding {
    let error = error.without_snippet();
    let line = error.location().map(|location| location.line());
    let finding = if let Error::DuplicateMappingKey { key, .. } = error {
        let key = member("", key.as_deref().unwrap_or("?"));
        Finding::new(
            Code::KeyTwice,
            "",
            format!("the key `{key}` stands twice in the same mapping"),
        )
        .with_hint("remove one of them, so that it is plain which one counts")
    } else {
        let text = error.to_string();
        // The place is told apart from the text.
        let text = text.split(" at line ").next().unwrap_or_default();
        let text: String = text.chars().take(MAXIMUM_MESSAGE_CHARACTERS).collect();
        Finding::new(
            Code::Syntax,
            "",
            format!("this is no YAML that a policy may use: {text}"),
        )
        .with_hint("write one document of plain mappings, lists and values")
    };
    Finding { line, ..finding }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(entry) = access.next_entry()? {
            members.push(entry);
        }
        Ok(Node::Mapping(members))
    }
}

/// Enough for the largest policy that the engine compiles: 20 000 flows of about 25 nodes.
const MAXIMUM_NODES: usize = 1_000_000;
const MAXIMUM_EVENTS: usize = 3_000_000;
/// A policy is 7 levels deep.
const MAXIMUM_DEPTH: usize = 32;
const MAXIMUM_KEY_CHARACTERS: usize = 64;
const MAXIMUM_MESSAGE_CHARACTERS: usize = 200;

#[cfg(test)]
mod tests;
