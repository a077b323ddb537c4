use serde_json::json;

use super::*;
use crate::schema;

fn deviations(value: &Value) -> Vec<Finding> {
    check(value, &schema::for_validation())
}

fn valid() -> Value {
    json!({
        "apiVersion": "security.sallyport.dev/v1alpha1",
        "kind": "MeshTrustPolicy",
        "metadata": {"name": "shop"},
        "spec": {
            "mode": "enforce",
            "trustDomains": ["d.example"],
            "minimumAssurance": "hybrid",
            "authorities": {
                "certificates": [{
                    "name": "ca",
                    "trustDomain": "d.example",
                    "caCertificate": {"file": "ca.crt"},
                    "alternativeKey": {"algorithm": "ML-DSA-65", "publicKey": {"inline": "x"}},
                }],
            },
            "segments": [{"name": "web", "namespaces": ["web"], "serviceAccounts": ["web"]}],
            "flows": [{
                "name": "web-to-web",
                "from": ["web"],
                "to": "web",
                "minimumTrust": 50,
                "operations": [{"methods": ["GET"], "paths": ["/"], "ports": [80]}],
            }],
            "probes": [{"method": "GET", "path": "/", "port": 80, "ipBlocks": ["10.0.0.0/8"]}],
        },
    })
}

/// Sets the value at a JSON pointer.
fn with(pointer: &str, value: Value) -> Value {
    let mut document = valid();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(members) => {
            members.insert(key.to_owned(), value);
        }
        Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            panic!("no members at {parent}")
        }
    }
    document
}

fn without(pointer: &str) -> Value {
    let mut document = valid();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    document
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove(key)
        .unwrap();
    document
}

/// One error, with exactly this path, message and hint.
fn assert_only(document: &Value, path: &str, message: &str, hint: &str) {
    let findings = deviations(document);
    let said: Vec<(&str, &str, Option<&str>)> = findings
        .iter()
        .map(|finding| (&*finding.path, &*finding.message, finding.hint.as_deref()))
        .collect();
    let hint = (!hint.is_empty()).then_some(hint);
    assert_eq!(said, [(path, message, hint)]);
}

#[test]
fn accepts_the_shape_of_a_policy() {
    assert_eq!(deviations(&valid()), []);
}

#[test]
fn suggests_the_key_that_was_meant() {
    let cases = [
        (
            "/spec/flows/0/minimumTrsut",
            "spec.flows[0].minimumTrsut",
            "minimumTrust",
        ),
        (
            "/spec/flows/0/minimum_trust",
            "spec.flows[0].minimum_trust",
            "minimumTrust",
        ),
        ("/spec/trustdomains", "spec.trustdomains", "trustDomains"),
        (
            "/spec/segments/0/namespace",
            "spec.segments[0].namespace",
            "namespaces",
        ),
        ("/metadata/nmae", "metadata.nmae", "name"),
    ];
    for (pointer, path, meant) in cases {
        let typed = pointer.rsplit('/').next().unwrap();
        let message = format!("unknown key `{typed}`");
        assert_only(
            &with(pointer, json!(1)),
            path,
            &message,
            &format!("did you mean `{meant}`?"),
        );
    }
}

#[test]
fn lists_the_keys_where_none_is_similar() {
    assert_only(
        &with("/metadata/labels", json!({})),
        "metadata.labels",
        "unknown key `labels`",
        "the keys here are `name`",
    );
}

#[test]
fn says_what_a_missing_key_is_for() {
    let cases = [
        (
            "/spec/flows/0/to",
            "spec.flows[0]",
            "to",
            "The segment that is called.",
        ),
        (
            "/spec/segments/0/namespaces",
            "spec.segments[0]",
            "namespaces",
            "Kubernetes namespaces of its workloads. At least one.",
        ),
        ("/spec", "", "spec", "What the policy says."),
    ];
    for (pointer, path, key, hint) in cases {
        assert_only(
            &without(pointer),
            path,
            &format!("the key `{key}` is missing"),
            hint,
        );
    }
}

#[test]
fn says_which_type_is_expected() {
    let text = "put it in quotes";
    let list = "write `[..]`, or one entry a line behind `- `";
    let number = "write digits without quotes";
    let empty = "give it a value, or leave the key out";
    let cases = [
        (
            "/spec/flows/0/to",
            json!(7),
            "is a number, where text is expected",
            text,
        ),
        (
            "/spec/flows/0/to",
            json!(["web"]),
            "is a list, where text is expected",
            "write one, without `[..]` or `- `",
        ),
        (
            "/spec/flows/0/to",
            json!({"name": "web"}),
            "is a mapping, where text is expected",
            "write the text alone, without keys",
        ),
        (
            "/spec/flows/0/to",
            json!(true),
            "is `true` or `false`, where text is expected",
            text,
        ),
        (
            "/spec/flows/0/from",
            json!("web"),
            "is text, where a list is expected",
            list,
        ),
        (
            "/spec/flows/0/from",
            json!(null),
            "is empty, where a list is expected",
            empty,
        ),
        (
            "/spec/flows/0/minimumTrust",
            json!("50"),
            "is text, where a whole number is expected",
            number,
        ),
        (
            "/spec/flows/0/minimumTrust",
            json!(0.5),
            "is a number, where a whole number is expected",
            number,
        ),
        (
            "/spec/flows/0/minimumTrust",
            json!(null),
            "is empty, where a whole number is expected",
            empty,
        ),
    ];
    for (pointer, value, message, hint) in cases {
        let path = pointer
            .trim_start_matches('/')
            .replace("/0", "[0]")
            .replace('/', ".");
        assert_only(&with(pointer, value), &path, message, hint);
    }
    assert_only(
        &with("/spec/flows/0", json!("web")),
        "spec.flows[0]",
        "is text, where a mapping is expected",
        "write `key: value` lines",
    );
}

#[test]
fn refuses_null_for_each_optional_key() {
    for pointer in [
        "/spec/authorities",
        "/spec/authorities/certificates",
        "/spec/authorities/tokens",
        "/spec/authorities/certificates/0/alternativeKey",
        "/spec/probes",
        "/spec/minimumTrust",
        "/spec/segments/0/serviceAccounts",
        "/spec/segments/0/trustDomains",
        "/spec/flows/0/mode",
        "/spec/flows/0/minimumAssurance",
        "/spec/flows/0/operations/0/ports",
    ] {
        let findings = deviations(&with(pointer, json!(null)));
        assert_eq!(findings.len(), 1, "{pointer}: {findings:?}");
        assert!(
            findings[0].message.starts_with("is empty"),
            "{pointer}: {findings:?}"
        );
    }
}

#[test]
fn lists_the_words_that_are_allowed() {
    assert_only(
        &with("/spec/mode", json!("enforced")),
        "spec.mode",
        "`enforced` is not allowed here",
        "did you mean `enforce`? Allowed: `enforce` or `shadow`",
    );
    assert_only(
        &with("/spec/minimumAssurance", json!("quantum")),
        "spec.minimumAssurance",
        "`quantum` is not allowed here",
        "use `classical`, `hybrid` or `hybridProven`",
    );
    assert_only(
        &with("/apiVersion", json!("v1")),
        "apiVersion",
        "`v1` is not allowed here",
        "use `security.sallyport.dev/v1alpha1`",
    );
    let algorithm = "/spec/authorities/certificates/0/alternativeKey/algorithm";
    assert_only(
        &with(algorithm, json!("MLDSA-65")),
        "spec.authorities.certificates[0].alternativeKey.algorithm",
        "`MLDSA-65` is not allowed here",
        "did you mean `ML-DSA-65`? Allowed: `ML-DSA-44`, `ML-DSA-65` or `ML-DSA-87`",
    );
}

#[test]
fn names_the_limits_of_numbers() {
    let port = "/spec/flows/0/operations/0/ports/0";
    let path = "spec.flows[0].operations[0].ports[0]";
    assert_only(
        &with(port, json!(65536)),
        path,
        "65536 is too large: use at most 65535",
        "",
    );
    assert_only(
        &with(port, json!(-1)),
        path,
        "-1 is too small: use at least 0",
        "",
    );
    let trust = with("/spec/flows/0/minimumTrust", json!(101));
    assert_only(
        &trust,
        "spec.flows[0].minimumTrust",
        "101 is too large: use at most 99",
        "",
    );
}

#[test]
fn asks_for_one_source_of_a_key() {
    let pointer = "/spec/authorities/certificates/0/caCertificate";
    let path = "spec.authorities.certificates[0].caCertificate";
    let message = "write exactly one of `file` or `inline`";
    assert_only(&with(pointer, json!({})), path, message, "");
    assert_only(
        &with(pointer, json!({"file": "a", "inline": "b"})),
        path,
        message,
        "",
    );
    assert_only(
        &with(pointer, json!({"fiel": "a"})),
        &format!("{path}.fiel"),
        "unknown key `fiel`",
        "did you mean `file`?",
    );
    assert_only(
        &with(pointer, json!("ca.crt")),
        path,
        "is text, where a mapping is expected",
        "write `key: value` lines",
    );
}

#[test]
fn names_all_deviations_at_once() {
    let mut document = with("/spec/mode", json!("on"));
    document["spec"]["flows"][0]["form"] = json!(["web"]);
    document["metadata"] = json!({});
    let mut paths: Vec<String> = deviations(&document)
        .into_iter()
        .map(|found| found.path)
        .collect();
    paths.sort();
    assert_eq!(paths, ["metadata", "spec.flows[0].form", "spec.mode"]);
}

#[test]
fn refuses_a_document_that_is_no_mapping() {
    for document in [json!(null), json!([]), json!("policy")] {
        assert_eq!(deviations(&document).len(), 1, "{document}");
    }
}
