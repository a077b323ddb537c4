//! The value of `postQuantumAuth`.

use std::collections::BTreeSet;

use sallyport_engine::policy::raw::PostQuantumAuth;
use sallyport_engine::policy::{PostQuantumAuth as Compiled, compile_post_quantum_auth};
use serde_json::Value;

use super::KEY;
use super::carrier::Carrier;
use crate::finding::{Code, Finding};
use crate::policy_file::shape;
use crate::schema;

/// What a file says of `postQuantumAuth`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// Nothing.
    Absent,
    /// `false`.
    Off,
    /// `true`, which is all defaults, or what it asks in detail.
    On(PostQuantumAuth),
}

/// Reads the value below meshConfig.
pub(super) fn read(carrier: &Carrier) -> Result<Setting, Vec<Finding>> {
    let mesh = &carrier.mesh;
    let members = match &mesh.value {
        Value::Object(members) => members,
        // `meshConfig:` with nothing behind it is what Helm charts begin with.
        Value::Null => return Ok(Setting::Absent),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(vec![mesh.finding(Code::WrongType, "", "is no mapping")]);
        }
    };
    match members.get(KEY) {
        None => Ok(Setting::Absent),
        Some(Value::Bool(false)) => Ok(Setting::Off),
        Some(Value::Bool(true)) => Ok(Setting::On(PostQuantumAuth::default())),
        Some(value @ Value::Object(_)) => object(carrier, value).map(Setting::On),
        Some(value @ (Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_))) => {
            Err(vec![wrong(carrier, value)])
        }
    }
}

fn wrong(carrier: &Carrier, value: &Value) -> Finding {
    let word = value.as_str().map(str::to_lowercase);
    let hint = match word.as_deref() {
        Some("true" | "yes" | "on" | "enforce" | "enabled") => {
            "write `true`, without quotes, or `{mode: enforce}`"
        }
        Some("false" | "no" | "off" | "disabled") => "write `false`, without quotes",
        Some("shadow") => "write `{mode: shadow}`",
        Some(_) | None => "write `true`, `false`, or `{mode: shadow}` and the like",
    };
    let message = format!(
        "is {}, where `true`, `false` or a mapping is expected",
        shape::name_of(value)
    );
    let finding = carrier.mesh.finding(Code::WrongType, KEY, message);
    finding.with_hint(hint)
}

fn object(carrier: &Carrier, value: &Value) -> Result<PostQuantumAuth, Vec<Finding>> {
    let mesh = &carrier.mesh;
    let deviations = shape::check(value, &schema::post_quantum_auth_for_validation());
    if !deviations.is_empty() {
        let placed = deviations.into_iter().map(|finding| {
            let path = within(&finding.path);
            let placed = mesh.finding(finding.code, &path, "");
            Finding {
                path: placed.path,
                line: placed.line,
                ..finding
            }
        });
        return Err(placed.collect());
    }
    let asked: PostQuantumAuth = serde_json::from_value(value.clone())
        .map_err(|error| vec![mesh.finding(Code::OtherForm, KEY, error.to_string())])?;
    match compile_post_quantum_auth(&asked) {
        Ok(_) => Ok(asked),
        Err(errors) => Err(errors
            .into_iter()
            .map(|error| {
                let finding = Finding::from(error);
                let inner = finding.path.strip_prefix("spec.postQuantumAuth");
                let path = within(inner.unwrap_or_default().trim_start_matches('.'));
                let placed = mesh.finding(finding.code, &path, "");
                Finding {
                    path: placed.path,
                    line: placed.line,
                    ..finding
                }
            })
            .collect()),
    }
}

fn within(path: &str) -> String {
    if path.is_empty() {
        KEY.to_owned()
    } else {
        format!("{KEY}.{path}")
    }
}

/// Whether both ask for the same, however they are written.
pub(super) fn is_same(one: &PostQuantumAuth, other: &PostQuantumAuth) -> bool {
    let exempt = |asked: &PostQuantumAuth| -> BTreeSet<String> {
        asked.exempt_namespaces().map(str::to_owned).collect()
    };
    Compiled::from(one) == Compiled::from(other) && exempt(one) == exempt(other)
}
