//! Which version of the module knows which field of the policy.
//!
//! A module refuses a policy with a field that it does not know, and a proxy without a policy denies
//! everything. So a policy is compared with the module before it is rendered for it.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use serde_json::Value;

use crate::finding::{Code, Finding};

/// A version of the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModuleVersion(pub u16, pub u16, pub u16);

/// The text is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a version of the module is three numbers, such as 0.1.0")]
pub struct InvalidModuleVersion;

/// The first release; it knows all fields that are not in [`INTRODUCED`].
pub const FIRST: ModuleVersion = ModuleVersion(0, 1, 0);

/// From the path of a field, without the numbers of list entries, to the version that introduced it.
/// A field that is added after the first release gets a line here.
pub const INTRODUCED: &[(&str, ModuleVersion)] = &[];

/// What a module of this version does not know of a policy (as JSON).
#[must_use]
pub fn unknown(document: &Value, module: ModuleVersion) -> Vec<Finding> {
    unknown_in(document, module, FIRST, INTRODUCED)
}

fn unknown_in(
    document: &Value,
    module: ModuleVersion,
    first: ModuleVersion,
    introduced: &[(&str, ModuleVersion)],
) -> Vec<Finding> {
    if module < first {
        let text = format!("there is no module {module}: the first is {first}");
        return vec![Finding::new(Code::FieldTooNew, "", text)];
    }
    let mut findings = Vec::new();
    for (field, version) in introduced.iter().filter(|(_, version)| *version > module) {
        let mut places = Vec::new();
        find(document, field, "", &mut places);
        findings.extend(places.into_iter().map(|path| {
            let text = format!("the module {module} does not know this field: {version} does");
            Finding::new(Code::FieldTooNew, path, text)
        }));
    }
    findings
}

/// The places of a field in a document.
fn find(value: &Value, field: &str, path: &str, places: &mut Vec<String>) {
    if let Value::Array(items) = value {
        for (number, item) in items.iter().enumerate() {
            find(item, field, &format!("{path}[{number}]"), places);
        }
        return;
    }
    let (key, rest) = match field.split_once('.') {
        Some((key, rest)) => (key, Some(rest)),
        None => (field, None),
    };
    let Some(member) = value.get(key) else { return };
    let path = if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    };
    match rest {
        Some(rest) => find(member, rest, &path, places),
        None => places.push(path),
    }
}

impl FromStr for ModuleVersion {
    type Err = InvalidModuleVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Result<Vec<u16>, ParseIntError> = text.split('.').map(str::parse).collect();
        match parts.as_deref() {
            Ok([major, minor, patch]) => Ok(Self(*major, *minor, *patch)),
            Ok(_) | Err(_) => Err(InvalidModuleVersion),
        }
    }
}

impl fmt::Display for ModuleVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LATER: ModuleVersion = ModuleVersion(0, 2, 0);

    #[test]
    fn an_older_module_is_refused_the_fields_that_came_later() {
        let introduced = [
            ("spec.flows.recheckStreams", LATER),
            ("spec.signals", LATER),
        ];
        let document = json!({"spec": {
            "flows": [{"name": "a"}, {"name": "b", "recheckStreams": true}], "signals": [],
        }});
        let found = |module| unknown_in(&document, module, FIRST, &introduced);
        let paths: Vec<String> = found(FIRST).into_iter().map(|it| it.path).collect();
        assert_eq!(paths, ["spec.flows[1].recheckStreams", "spec.signals"]);
        assert_eq!(found(LATER), []);
        assert_eq!(found(ModuleVersion(1, 0, 0)), []);
        assert_eq!(found(ModuleVersion(0, 0, 9)).len(), 1);
        assert_eq!(unknown(&document, FIRST), []);
    }

    #[test]
    fn every_line_of_the_table_names_a_field_of_the_schema() {
        let schema = crate::reference::policy();
        for (path, version) in INTRODUCED {
            let name = path.rsplit('.').next().unwrap_or_default();
            assert!(schema.contains(name), "{path} of {version}");
        }
    }

    #[test]
    fn this_build_is_a_version_of_the_table() {
        let own: ModuleVersion = env!("CARGO_PKG_VERSION").parse().unwrap();
        assert!(own >= FIRST && INTRODUCED.iter().all(|(_, version)| *version <= own));
        assert_eq!("0.1".parse::<ModuleVersion>(), Err(InvalidModuleVersion));
    }
}
