//! CycloneDX in JSON (ECMA-424): components that are machine-learning models or containers.

use serde_json::Value;

use super::collection::Collection;
use super::{Entry, join, list, one_sha256, optional, text, unknown};
use crate::artifacts::ArtifactKind;
use crate::finding::{Code, Finding};

/// The versions that have models (`machine-learning-model` since 1.5).
const VERSIONS: [&str; 3] = ["1.5", "1.6", "1.7"];

pub(super) fn read(bom: &Value) -> Result<Vec<Entry>, Vec<Finding>> {
    let format = text(bom, "", "bomFormat").map_err(|finding| vec![finding])?;
    let version = text(bom, "", "specVersion").map_err(|finding| vec![finding])?;
    if format != "CycloneDX" || !VERSIONS.contains(&version.as_str()) {
        return Err(vec![unknown("is no CycloneDX 1.5, 1.6 or 1.7")]);
    }
    let mut collection = Collection::default();
    // What the bill is about is a component as well.
    let about = bom.pointer("/metadata/component");
    let goes_on =
        about.is_none_or(|about| walk(about, "metadata.component", LEVELS, &mut collection));
    if goes_on {
        components(bom, "", LEVELS, &mut collection);
    }
    collection.end()
}

/// Whether there is room for more.
fn components(value: &Value, path: &str, levels: u8, collection: &mut Collection) -> bool {
    match list(value, path, "components") {
        Ok(items) => items.iter().enumerate().all(|(number, component)| {
            let path = join(path, &format!("components[{number}]"));
            walk(component, &path, levels, collection)
        }),
        Err(finding) => collection.add(Err(finding)),
    }
}

/// A component, and those that it is made of. Whether there is room for more.
fn walk(component: &Value, path: &str, levels: u8, collection: &mut Collection) -> bool {
    if !collection.add(entry(component, path)) {
        return false;
    }
    match levels.checked_sub(1) {
        Some(levels) => components(component, path, levels, collection),
        None => {
            let message = "is nested too deep";
            collection.add(Err(Finding::new(Code::OtherForm, path, message)))
        }
    }
}

fn entry(component: &Value, path: &str) -> Result<Option<Entry>, Finding> {
    let kind = match text(component, path, "type")?.as_str() {
        "machine-learning-model" => ArtifactKind::Model,
        "container" => ArtifactKind::Image,
        _ => return Ok(None),
    };
    let place = join(path, "hashes");
    let hashes = list(component, path, "hashes")?.iter().enumerate();
    let hashes = hashes.map(|(number, hash)| {
        let path = format!("{place}[{number}]");
        Ok((text(hash, &path, "alg")?, text(hash, &path, "content")?))
    });
    let hashes: Vec<(String, String)> = hashes.collect::<Result<_, Finding>>()?;
    Ok(Some(Entry {
        kind,
        digest: one_sha256(&hashes, "SHA-256", &place)?,
        name: text(component, path, "name")?,
        version: optional(component, path, "version")?,
        reference: optional(component, path, "bom-ref")?,
    }))
}

/// Components in components.
const LEVELS: u8 = 16;
