//! Keys that look like `postQuantumAuth` and are not where it is read, or not spelt as it is.

use serde_json::Value;

use super::carrier::{Carrier, Form};
use super::{KEY, Place};
use crate::finding::{Code, Finding};
use crate::yaml::member;

/// All of them in the file of meshConfig.
pub(super) fn findings(carrier: &Carrier) -> Vec<Finding> {
    let proper = carrier.mesh.member(KEY);
    let mut findings = Vec::new();
    walk(&carrier.around, &proper, &mut findings);
    if carrier.form == Form::ConfigMap {
        walk(&carrier.mesh, &proper, &mut findings);
    }
    findings
}

/// All of them in a document without meshConfig.
pub(super) fn in_document(place: &Place) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Policies have the key, in their own place.
    if place.value.get("kind").and_then(Value::as_str) == Some("MeshTrustPolicy") {
        return findings;
    }
    walk(place, "meshConfig.postQuantumAuth", &mut findings);
    findings
}

fn walk(place: &Place, proper: &str, findings: &mut Vec<Finding>) {
    let mut open = vec![(String::new(), &place.value)];
    while let Some((path, value)) = open.pop() {
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    let inner = member(&path, key);
                    if let Some(finding) = judge(place, proper, &inner, key) {
                        findings.push(finding);
                    } else if place.member(&inner) != proper {
                        open.push((inner, value));
                    }
                }
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                open.extend(items.map(|(number, value)| (format!("{path}[{number}]"), value)));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    findings.sort_by_key(|finding| finding.line);
}

fn judge(place: &Place, proper: &str, path: &str, key: &str) -> Option<Finding> {
    if place.member(path) == proper {
        return None;
    }
    let shown = member("", key);
    if key == KEY {
        let message = format!("nothing reads `{shown}` here");
        let finding = place.finding(Code::MeshKeyMisplaced, path, message);
        return Some(finding.with_hint(format!("move it to `{proper}`")));
    }
    is_like(key).then(|| {
        let message = format!("unknown key `{shown}`, which Istio ignores without a word");
        place
            .finding(Code::MeshKeyMisspelt, path, message)
            .with_hint(format!("did you mean `{KEY}`, at `{proper}`?"))
    })
}

/// Whether a key may be meant for this one.
fn is_like(key: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' ', '.'], "");
    let key = plain(key);
    let distance = strsim::damerau_levenshtein(&key, &plain(KEY));
    distance <= MAXIMUM_DISTANCE || SHORT_FORMS.iter().any(|form| key.starts_with(form))
}

/// Of 15 letters.
const MAXIMUM_DISTANCE: usize = 4;
/// Nothing of Istio begins so.
const SHORT_FORMS: [&str; 4] = ["postquantum", "pqauth", "pqcauth", "quantumauth"];
