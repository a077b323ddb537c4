//! Settings without the hybrid key exchange.

use sallyport_engine::policy::KeyExchangeRule;
use sallyport_engine::policy::raw::PostQuantumAuth;
use serde_json::Value;

use super::Scene;
use crate::finding::{Code, Finding, Severity};
use crate::mesh::carrier::Form;
use crate::mesh::visit;

pub(super) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if scene.asked.key_exchange() == KeyExchangeRule::Ignored {
        return findings;
    }
    let settings = scene.settings;
    let mut places = vec![&settings.around];
    if settings.form == Form::ConfigMap {
        places.push(&settings.mesh);
    }
    for place in places {
        for (path, message) in lacking(&place.value) {
            let finding = place.finding(Code::ClassicalKeyExchange, &path, message);
            let line = finding.line;
            findings.push(finding.in_file(&settings.file, line));
        }
    }
    for object in scene.objects() {
        for (path, message) in lacking(&object.value) {
            findings.push(object.finding(Code::ClassicalKeyExchange, &path, message));
        }
    }
    let findings = findings.into_iter();
    findings
        .map(|finding| graded(finding, scene.asked))
        .collect()
}

/// Where it is required, such a setting shuts everybody out.
fn graded(finding: Finding, asked: &PostQuantumAuth) -> Finding {
    let severity = match asked.key_exchange() {
        KeyExchangeRule::Required => Severity::Error,
        KeyExchangeRule::Preferred | KeyExchangeRule::Ignored => finding.severity,
    };
    Finding {
        severity,
        ..finding
    }
    .with_hint(format!(
        "use `{POLICY}: pqc`, or put {GROUP} first among the curves"
    ))
}

/// The places in a file that keep the hybrid group away: path and message.
fn lacking(root: &Value) -> Vec<(String, String)> {
    let visited = visit::all(root).into_iter();
    visited
        .filter_map(|place| {
            let message = of_policy(&place).or_else(|| of_curves(&place))?;
            Some((place.path, message))
        })
        .collect()
}

/// `COMPLIANCE_POLICY: x` in a mapping, or as an entry of `env`.
fn of_policy(place: &visit::Visited<'_>) -> Option<String> {
    let word = if place.key == POLICY {
        place.value.as_str()
    } else if place.value.get("name").and_then(Value::as_str) == Some(POLICY) {
        place.value.get("value").and_then(Value::as_str)
    } else {
        None
    };
    // Empty is unset.
    let word = word.filter(|word| !word.is_empty() && *word != "pqc")?;
    let word: String = word.chars().take(40).collect();
    Some(format!(
        "`{POLICY}` is `{word}`, under which proxies do not agree on {GROUP}"
    ))
}

fn of_curves(place: &visit::Visited<'_>) -> Option<String> {
    let curves = match (place.key, place.value) {
        ("ecdhCurves" | "ecdh_curves", Value::Array(curves)) if !curves.is_empty() => curves,
        _ => return None,
    };
    let has = curves.iter().any(|curve| curve.as_str() == Some(GROUP));
    (!has).then(|| format!("the curves are without {GROUP}"))
}

const POLICY: &str = "COMPLIANCE_POLICY";
const GROUP: &str = "X25519MLKEM768";
