//! SPDX 3 in JSON-LD: AI packages, and software packages that are containers.

use serde_json::Value;

use super::{Entry, collect, join, list, one_sha256, optional, text, unknown};
use crate::artifacts::ArtifactKind;
use crate::finding::{Code, Finding};

/// Of each version 3.n.
const CONTEXT: &str = "https://spdx.org/rdf/3.";

pub(super) fn read(document: &Value) -> Result<Vec<Entry>, Vec<Finding>> {
    let context = document.get("@context").and_then(Value::as_str);
    if !context.is_some_and(|context| context.starts_with(CONTEXT)) {
        return Err(vec![unknown("has no `@context` of SPDX 3")]);
    }
    let Some(Value::Array(elements)) = document.get("@graph") else {
        return Err(vec![unknown("has no `@graph`, the list of its elements")]);
    };
    let elements = elements.iter().enumerate();
    collect(elements.map(|(number, element)| entry(element, &format!("@graph[{number}]"))))
}

fn entry(element: &Value, path: &str) -> Result<Option<Entry>, Finding> {
    let purpose = element
        .get("software_primaryPurpose")
        .and_then(Value::as_str);
    let kind = match (text(element, path, "type")?.as_str(), purpose) {
        ("ai_AIPackage", _) => ArtifactKind::Model,
        ("software_Package", Some("container")) => ArtifactKind::Image,
        _ => return Ok(None),
    };
    let place = join(path, "verifiedUsing");
    let mut hashes = Vec::new();
    for (number, method) in list(element, path, "verifiedUsing")?.iter().enumerate() {
        let path = format!("{place}[{number}]");
        if method.is_string() {
            // It stands elsewhere in the graph, or in another file.
            let message = "is a reference; write the hash in its place";
            return Err(Finding::new(Code::InvalidDigest, path, message));
        }
        if text(method, &path, "type")? == "Hash" {
            let digits = text(method, &path, "hashValue")?;
            hashes.push((text(method, &path, "algorithm")?, digits));
        }
    }
    Ok(Some(Entry {
        kind,
        digest: one_sha256(&hashes, "sha256", &place)?,
        name: text(element, path, "name")?,
        version: optional(element, path, "software_packageVersion")?,
        reference: optional(element, path, "spdxId")?,
    }))
}
