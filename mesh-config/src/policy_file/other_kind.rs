//! Files that are no policies at all: one word about that says more than all that is missing.

use serde_json::Value;

use crate::finding::{Code, Finding};

/// What the file is instead of a policy, and which command reads it; none where it may be meant as a
/// policy.
pub(super) fn other_kind(value: &Value) -> Option<Finding> {
    let (what, reader) = match value.get("kind").and_then(Value::as_str) {
        Some(kind) => of_kind(kind, value.get("apiVersion").and_then(Value::as_str))?,
        None => of_keys(value)?,
    };
    let finding = Finding::new(Code::OtherKind, "", format!("is {what}, and no policy"));
    Some(finding.with_hint(reader))
}

fn of_kind(kind: &str, version: Option<&str>) -> Option<(&'static str, &'static str)> {
    let of_ours = version.is_some_and(|version| version.starts_with(OUR_GROUP));
    Some(match kind {
        "ArtifactManifest" => (
            "a manifest of artifacts",
            "`sallyport artifacts verify` reads it; a policy names it under `spec.artifacts`",
        ),
        "Bundle" if of_ours => (
            "a bundle",
            "`sallyport bundle verify` reads it, and writes its policy with `--out`",
        ),
        "WorkloadList" => ("a list of workloads", "give it with `--workloads`"),
        "AuthorizationPolicy" => (
            "an AuthorizationPolicy of Istio",
            "`sallyport import` makes a policy of it",
        ),
        "IstioOperator" | "ConfigMap" => (
            "an object with meshConfig, or another one of Kubernetes",
            "meshConfig is given with `--mesh`, manifests with `--manifests`",
        ),
        "MeshTrustPolicy" => return None,
        _ if version.is_some() && !of_ours => (
            "an object of Kubernetes",
            "give manifests of workloads with `--manifests`",
        ),
        _ => return None,
    })
}

fn of_keys(value: &Value) -> Option<(&'static str, &'static str)> {
    let has = |key: &str| value.get(key).is_some();
    if has("spec") || has("metadata") {
        return None;
    }
    Some(if has("tests") {
        ("a test file", "`sallyport test` reads it")
    } else if has("keys") {
        (
            "a set of keys",
            "signing authorities are given with `--authority`, or named in `spec.artifacts.authorities`",
        )
    } else if has("meshConfig") || has("defaultConfig") {
        ("meshConfig", "give it with `--mesh`")
    } else if has("signatures") {
        (
            "a signature",
            "name the signed file: its signature is looked for beside it",
        )
    } else {
        return None;
    })
}

const OUR_GROUP: &str = "security.sallyport.dev/";

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(text: &str) -> Option<String> {
        let found = other_kind(&serde_json::from_str(text).unwrap())?;
        assert_eq!((found.code, found.path.as_str()), (Code::OtherKind, ""));
        found.hint
    }

    #[test]
    fn names_the_command_that_reads_it() {
        let ours = "security.sallyport.dev/v1alpha1";
        let kind = |version: &str, kind: &str| {
            format!(r#"{{"apiVersion": "{version}", "kind": "{kind}", "spec": {{}}}}"#)
        };
        let cases = [
            (kind(ours, "ArtifactManifest"), "artifacts verify"),
            (kind(ours, "Bundle"), "bundle verify"),
            (kind(ours, "WorkloadList"), "--workloads"),
            (
                kind("security.istio.io/v1", "AuthorizationPolicy"),
                "import",
            ),
            (kind("install.istio.io/v1alpha1", "IstioOperator"), "--mesh"),
            (kind("apps/v1", "Deployment"), "--manifests"),
            (r#"{"policy": "p.yaml", "tests": []}"#.to_owned(), "test"),
            (
                r#"{"name": "release", "keys": []}"#.to_owned(),
                "--authority",
            ),
            (r#"{"meshConfig": {}}"#.to_owned(), "--mesh"),
            (r#"{"payload": "", "signatures": []}"#.to_owned(), "beside"),
        ];
        for (text, word) in cases {
            let hint = hint(&text).unwrap_or_else(|| panic!("{text}"));
            assert!(hint.contains(word), "{text}: {hint}");
        }
    }

    #[test]
    fn leaves_what_may_be_meant_as_a_policy() {
        for text in [
            r#"{"apiVersion": "v1", "kind": "MeshTrustPolicy"}"#,
            r#"{"apiVersion": "security.sallyport.dev/v1alpha1", "kind": "MeshTrustPolcy"}"#,
            r#"{"kind": "Polcy"}"#,
            r#"{"spec": {}, "tests": []}"#,
            r#"{"metadata": {"name": "x"}}"#,
            r#"{"kind": 3}"#,
            "{}",
            "[]",
            "3",
        ] {
            assert_eq!(hint(text), None, "{text}");
        }
    }
}
