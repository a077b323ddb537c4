//! YAML (and so JSON) as a value in which each place knows its line.
//!
//! Duplicate keys, merge keys (`<<`), unknown tags and everything beyond the budget are errors. No
//! message quotes a value of the file. There are two dialects: a policy is one document, in which
//! `yes`, `on` and their like are text; Kubernetes manifests are several, and Kubernetes, which reads
//! YAML 1.1, takes those words for booleans, so there they are errors unless they are quoted.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::{Error, Location, Spanned};

use crate::finding::{Code, Finding};

/// A document, and where its parts stand.
#[derive(Debug)]
pub(crate) struct Document {
    /// The content.
    pub(crate) value: Value,
    /// Where each place stands.
    pub(crate) lines: Lines,
}

/// From the path of each place to its line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines(BTreeMap<String, u64>);

/// Reads the one document of a policy.
pub(crate) fn parse(text: &str) -> Result<Document, Finding> {
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
    let root: Spanned<Node> = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| syntax(&error, POLICY))?;
    let mut reading = Reading::default();
    let value = reading.value(root, String::new());
    Ok(Document {
        value,
        lines: reading.lines,
    })
}

/// Reads the documents of a stream of Kubernetes manifests. Empty ones are left out.
pub(crate) fn parse_manifests(text: &str) -> Result<Vec<Document>, Finding> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: MAXIMUM_NODES,
            max_events: MAXIMUM_EVENTS,
            max_depth: MAXIMUM_MANIFEST_DEPTH,
            max_documents: MAXIMUM_DOCUMENTS,
        },
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::Error,
        merge_keys: serde_saphyr::options::MergeKeyPolicy::Error,
        // `defaultMode: 0400` is 256 to Kubernetes.
        legacy_octal_numbers: true,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    let roots: Vec<Spanned<Node>> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| syntax(&error, MANIFESTS))?;
    let documents = roots.into_iter().map(|root| {
        let mut reading = Reading {
            lines: Lines::default(),
            booleans: Some(text),
            ambiguous: None,
        };
        let value = reading.value(root, String::new());
        match reading.ambiguous {
            Some(finding) => Err(finding),
            None => Ok(Document {
                value,
                lines: reading.lines,
            }),
        }
    });
    documents.collect()
}

impl Lines {
    /// The line of a place, or of the nearest place around it that stands in the file.
    pub(crate) fn of(&self, path: &str) -> Option<u64> {
        let mut path = path;
        loop {
            if let Some(line) = self.0.get(path) {
                return Some(*line);
            }
            let end = path.rfind(['.', '['])?;
            path = path.get(..end)?;
        }
    }

    /// Says of findings where they are, unless they are about another file.
    pub(crate) fn locate(&self, findings: Vec<Finding>) -> Vec<Finding> {
        let locate = |finding: Finding| match finding.file {
            Some(_) => finding,
            None => Finding {
                line: self.of(&finding.path),
                ..finding
            },
        };
        findings.into_iter().map(locate).collect()
    }
}

/// The path of a member of the place at `path`.
pub(crate) fn member(path: &str, key: &str) -> String {
    let key: String = key.escape_debug().take(MAXIMUM_KEY_CHARACTERS).collect();
    if path.is_empty() {
        key
    } else {
        format!("{path}.{key}")
    }
}

/// What complaints about syntax say.
#[derive(Clone, Copy)]
struct Dialect {
    who: &'static str,
    hint: &'static str,
}

const POLICY: Dialect = Dialect {
    who: "a policy",
    hint: "write one document of plain mappings, lists and values",
};
const MANIFESTS: Dialect = Dialect {
    who: "Kubernetes manifests",
    hint: "write documents of plain mappings, lists and values; render templates first",
};

/// Any YAML value.
enum Node {
    Scalar(Value),
    List(Vec<Spanned<Node>>),
    Mapping(Vec<(Spanned<String>, Spanned<Node>)>),
}

/// Turns nodes into values, and notes where they stand.
#[derive(Default)]
struct Reading<'a> {
    lines: Lines,
    /// The text of the file, where words that YAML 1.1 takes for booleans are errors.
    booleans: Option<&'a str>,
    /// The first such word.
    ambiguous: Option<Finding>,
}

impl Reading<'_> {
    fn value(&mut self, node: Spanned<Node>, path: String) -> Value {
        // A mapping in a list begins where its first key does; a member of a mapping was already
        // noted at the line of its key.
        self.lines
            .0
            .entry(path.clone())
            .or_insert(node.referenced.line());
        match node.value {
            Node::Scalar(value) => {
                if let Value::String(word) = &value {
                    self.check(word, node.defined, &path);
                }
                value
            }
            Node::List(items) => {
                let items = items.into_iter().enumerate();
                items
                    .map(|(n, item)| self.value(item, format!("{path}[{n}]")))
                    .collect()
            }
            Node::Mapping(members) => {
                let mut value = Map::new();
                for (key, node) in members {
                    let path = member(&path, &key.value);
                    self.check(&key.value, key.defined, &path);
                    self.lines.0.insert(path.clone(), key.referenced.line());
                    value.insert(key.value, self.value(node, path));
                }
                Value::Object(value)
            }
        }
    }

    /// A plain word must not mean one thing here and another in Kubernetes. A word alone in a block
    /// (`|-`), where nobody writes it, cannot be told from a plain one.
    fn check(&mut self, word: &str, place: Location, path: &str) {
        let Some(text) = self.booleans else { return };
        if self.ambiguous.is_some() || !YAML_11_BOOLEANS.contains(&word) {
            return;
        }
        let begin = place.span().byte_offset().map(usize::try_from);
        let rest = begin.and_then(|offset| match offset {
            Ok(offset) => text.get(offset..),
            Err(_) => None,
        });
        let is_quoted = rest.is_some_and(|rest| rest.starts_with(['"', '\'']));
        if !is_quoted {
            let finding = Finding::new(
                Code::AmbiguousWord,
                path,
                format!("Kubernetes reads the word `{word}` without quotes as true or false"),
            );
            self.ambiguous = Some(Finding {
                line: Some(place.line()),
                ..finding.with_hint("quote it if it is text, and write true or false if it is not")
            });
        }
    }
}

/// The parser's own words, without the excerpt that it would add: the file may hold a key that
/// does not belong there.
fn syntax(error: &Error, dialect: Dialect) -> Finding {
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
        let text = if matches!(error, Error::MultipleDocuments { .. }) {
            // Its own text is advice for programmers.
            "the file holds several documents".to_owned()
        } else {
            error.to_string()
        };
        // The place is told apart from the text.
        let text = text.split(" at line ").next().unwrap_or_default();
        let text: String = text.chars().take(MAXIMUM_MESSAGE_CHARACTERS).collect();
        let Dialect { who, hint } = dialect;
        Finding::new(
            Code::Syntax,
            "",
            format!("this is no YAML that {who} may use: {text}"),
        )
        .with_hint(hint)
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
/// The schemas in the definitions of custom resources are the deepest manifests.
const MAXIMUM_MANIFEST_DEPTH: usize = 100;
const MAXIMUM_DOCUMENTS: usize = 10_000;
/// <https://yaml.org/type/bool.html>, without what YAML 1.2 takes for booleans too.
const YAML_11_BOOLEANS: [&str; 16] = [
    "y", "Y", "yes", "Yes", "YES", "n", "N", "no", "No", "NO", "on", "On", "ON", "off", "Off",
    "OFF",
];
const MAXIMUM_KEY_CHARACTERS: usize = 64;
const MAXIMUM_MESSAGE_CHARACTERS: usize = 200;

#[cfg(test)]
mod tests;
