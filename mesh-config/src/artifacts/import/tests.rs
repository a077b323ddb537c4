//! What is read of each format, and what is refused.

use base64ct::{Base64, Encoding};
use serde_json::json;

use super::*;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";

fn run(source: &Value, options: &Options) -> Result<Imported, Vec<Finding>> {
    import(source.to_string().as_bytes(), Path::new("source"), options)
}

fn image() -> Options {
    Options {
        kind: Some(ArtifactKind::Image),
        ..Options::default()
    }
}

/// Kind, digits, name and version of each artifact.
fn said(imported: &Imported) -> Vec<(ArtifactKind, String, String, Option<String>)> {
    let artifacts = imported.artifacts.iter().cloned();
    artifacts
        .map(|it| (it.kind, it.digest, it.name, it.version))
        .collect()
}

/// The one finding of a source: its code and its place.
fn wrong(source: &Value) -> (Code, String) {
    let findings = run(source, &image()).unwrap_err();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].file.as_deref(), Some("source"));
    (findings[0].code, findings[0].path.clone())
}

fn bom() -> Value {
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"component": {"type": "application", "name": "pipeline"}},
        "components": [
            {"type": "library", "name": "numpy", "components": [
                {"type": "machine-learning-model", "name": "llm", "version": "2.1", "bom-ref": "m",
                 "hashes": [{"alg": "SHA-1", "content": "00"}, {"alg": "SHA-256", "content": A}],
                 "modelCard": {"modelParameters": {}}},
            ]},
            {"type": "container", "name": "server", "hashes": [{"alg": "SHA-256", "content": B}]},
        ],
    })
}

#[test]
fn reads_models_and_containers_of_cyclonedx_at_any_depth() {
    let imported = run(&bom(), &Options::default()).unwrap();
    let low = |digits: &str| format!("sha256:{}", digits.to_lowercase());
    let expected = [
        (
            ArtifactKind::Model,
            low(A),
            "llm".to_owned(),
            Some("2.1".to_owned()),
        ),
        (ArtifactKind::Image, low(B), "server".to_owned(), None),
    ];
    assert_eq!(said(&imported), expected);
    let source = imported.artifacts[0].source.as_ref().unwrap();
    assert_eq!(source.reference.as_deref(), Some("m"));
    assert_eq!(source.format, SourceFormat::CycloneDX);
    assert!(imported.remarks.is_empty());
    for version in ["1.5", "1.7"] {
        let mut bom = bom();
        bom["specVersion"] = version.into();
        assert!(run(&bom, &Options::default()).is_ok(), "{version}");
    }
}

#[test]
fn refuses_an_artifact_without_exactly_one_sha_256() {
    let with = |pointer: &str, value: Value| {
        let mut bom = bom();
        *bom.pointer_mut(pointer).unwrap() = value;
        wrong(&bom)
    };
    let hashes = |path: &str| (Code::InvalidDigest, format!("{path}.hashes"));
    let nested = "components[0].components[0]";
    let pointer = "/components/0/components/0/hashes";
    assert_eq!(with(pointer, json!([])), hashes(nested));
    assert_eq!(
        with(pointer, json!([{"alg": "SHA-512", "content": A}])),
        hashes(nested)
    );
    assert_eq!(
        with(pointer, json!([{"alg": "SHA-256", "content": "12"}])),
        hashes(nested)
    );
    let two = json!([{"alg": "SHA-256", "content": A}, {"alg": "SHA-256", "content": B}]);
    assert_eq!(with("/components/1/hashes", two), hashes("components[1]"));
    let (code, path) = with("/components/1/hashes", json!([{"alg": "SHA-256"}]));
    assert_eq!(
        (code, path.as_str()),
        (Code::MissingKey, "components[1].hashes[0].content")
    );
}

#[test]
fn refuses_other_formats_and_sources_with_nothing_in_them() {
    let unknown = (Code::SourceUnknown, String::new());
    for source in [
        json!({}),
        json!({"bomFormat": "CycloneDX", "specVersion": "1.4"}),
        json!({"bomFormat": "other", "specVersion": "1.6"}),
        json!({"spdxVersion": "SPDX-2.3"}),
        json!({"@context": "https://example.org", "@graph": []}),
        json!({"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}),
        json!({"_type": "https://in-toto.io/Statement/v2"}),
        json!({"payloadType": "text/plain", "payload": "", "signatures": []}),
    ] {
        assert_eq!(wrong(&source), unknown, "{source}");
    }
    let empty = json!({"bomFormat": "CycloneDX", "specVersion": "1.6"});
    assert_eq!(wrong(&empty).0, Code::SourceEmpty);
    let twice = br#"{"bomFormat":"CycloneDX","bomFormat":"CycloneDX","specVersion":"1.6"}"#;
    let found = import(twice, Path::new("source"), &image()).unwrap_err();
    assert_eq!(found[0].code, Code::SourceUnknown);
}

#[test]
fn refuses_components_without_a_bottom() {
    let mut component = json!({"type": "library", "name": "x"});
    for _ in 0..17 {
        component = json!({"type": "library", "name": "x", "components": [component]});
    }
    let bom = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [component]});
    assert_eq!(wrong(&bom).0, Code::OtherForm);
}

fn spdx() -> Value {
    let hash = |digits: &str| json!([{"type": "Hash", "algorithm": "sha256", "hashValue": digits}]);
    json!({
        "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
        "@graph": [
            {"type": "CreationInfo", "@id": "_:c"},
            {"type": "ai_AIPackage", "spdxId": "urn:m", "name": "llm",
             "software_packageVersion": "2.1", "verifiedUsing": hash(A)},
            {"type": "software_Package", "spdxId": "urn:i", "name": "server",
             "software_primaryPurpose": "container", "verifiedUsing": hash(B)},
            {"type": "software_Package", "spdxId": "urn:l", "name": "library"},
        ],
    })
}

#[test]
fn reads_ai_packages_and_containers_of_spdx_3() {
    let source = spdx();
    let imported = run(&source, &Options::default()).unwrap();
    let kinds: Vec<ArtifactKind> = said(&imported).into_iter().map(|it| it.0).collect();
    assert_eq!(kinds, [ArtifactKind::Model, ArtifactKind::Image]);
    let mut other = source.clone();
    other["@graph"][1]["verifiedUsing"] = json!(["urn:hash"]);
    let expected = (Code::InvalidDigest, "@graph[1].verifiedUsing[0]".to_owned());
    assert_eq!(wrong(&other), expected);
    other["@graph"][1]["verifiedUsing"] = json!([]);
    assert_eq!(wrong(&other).0, Code::InvalidDigest);
}

fn statement() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "registry.example/server", "digest": {"sha256": A, "sha1": "00"}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildDefinition": {}},
    })
}

#[test]
fn reads_subjects_of_statements_of_the_kind_that_is_given() {
    let imported = run(&statement(), &image()).unwrap();
    assert_eq!(said(&imported)[0].2, "registry.example/server");
    let found = run(&statement(), &Options::default()).unwrap_err();
    assert_eq!(found[0].code, Code::SourceEmpty);
    let mut other = statement();
    other["subject"][0]["digest"] = json!({"sha512": A});
    assert_eq!(wrong(&other).0, Code::InvalidDigest);
    other["subject"][0]["digest"] = json!({"sha256": 1});
    let expected = (Code::WrongType, "subject[0].digest.sha256".to_owned());
    assert_eq!(wrong(&other), expected);
}

fn envelope(payload: &str, signature: &str) -> Value {
    json!({
        "payloadType": "application/vnd.in-toto+json",
        "payload": Base64::encode_string(payload.as_bytes()),
        "signatures": [{"keyid": "", "sig": signature}],
    })
}

#[test]
fn says_of_an_envelope_whether_its_signature_was_verified() {
    let unverified = run(&envelope(&statement().to_string(), "AAAA"), &image()).unwrap();
    assert_eq!(unverified.remarks[0].code, Code::EnvelopeUnverified);
    let verified = |imported: &Imported| {
        let source = imported.artifacts[0].source.as_ref().unwrap();
        source.signature_verified
    };
    assert_eq!(verified(&unverified), Some(false));

    let key = PUBLIC_KEY.as_bytes();
    let keys = || {
        let documents = sallyport_credentials::document::read(key).unwrap();
        let key = sallyport_credentials::public_key::PublicKey::from_spki(&documents[0].bytes);
        vec![Jwk::new(key.unwrap(), None, None)]
    };
    let options = || Options {
        keys: keys(),
        ..image()
    };
    let signed = run(&envelope(PAYLOAD, SIGNATURE), &options()).unwrap();
    assert_eq!(verified(&signed), Some(true));
    assert!(signed.remarks.is_empty());
    let other = PAYLOAD.replace("server", "Server");
    for source in [envelope(&other, SIGNATURE), envelope(PAYLOAD, "AAAA")] {
        let found = run(&source, &options()).unwrap_err();
        assert_eq!(found[0].code, Code::EnvelopeInvalid);
    }
    let mut unsigned = envelope(PAYLOAD, SIGNATURE);
    unsigned["signatures"] = json!([]);
    let found = run(&unsigned, &options()).unwrap_err();
    assert_eq!(found[0].code, Code::EnvelopeInvalid);

    // Who takes the envelope off does not take the need for a signature with it.
    for bare in [statement(), bom(), spdx()] {
        let found = run(&bare, &options()).unwrap_err();
        assert_eq!(found[0].code, Code::EnvelopeInvalid, "{bare}");
    }
    let mut both = envelope(PAYLOAD, SIGNATURE);
    for member in ["_type", "bomFormat", "@context"] {
        both[member] = "https://in-toto.io/Statement/v1".into();
        for options in [options(), image()] {
            let found = run(&both, &options).unwrap_err();
            assert_eq!(found[0].code, Code::SourceUnknown, "{member}");
        }
        both.as_object_mut().unwrap().remove(member);
    }
    assert!(run(&both, &options()).is_ok());
    assert_eq!(verified(&run(&statement(), &image()).unwrap()), Some(false));
    assert_eq!(verified(&run(&bom(), &image()).unwrap()), None);
}

#[test]
fn says_no_more_than_a_few_findings_and_reads_no_more_than_a_bill_may_have() {
    let bom = |components: Vec<Value>| {
        let bom = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components});
        run(&bom, &Options::default()).unwrap_err()
    };
    let nested = |count| json!({"components": vec![json!({}); count]});
    for findings in [
        bom(vec![json!({}); 1000]),
        bom(vec![nested(10), nested(1000), nested(1000)]),
    ] {
        assert_eq!(findings.len(), collection::MAXIMUM_FINDINGS);
    }
    let library = json!({"type": "library", "name": "x"});
    let many = bom(vec![library; collection::MAXIMUM_ITEMS + 1000]);
    let codes: Vec<Code> = many.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [Code::TooMany]);
    let mut wrong = statement();
    wrong["subject"] = json!(vec![json!({}); 1000]);
    let findings = run(&wrong, &image()).unwrap_err();
    assert_eq!(findings.len(), collection::MAXIMUM_FINDINGS);
}

/// Signed by another implementation (openssl), with a key that is thrown away.
const PAYLOAD: &str = concat!(
    r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"registry.example/server","#,
    r#""digest":{"sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}],"#,
    r#""predicateType":"https://slsa.dev/provenance/v1","predicate":{}}"#,
);
const SIGNATURE: &str = concat!(
    "MEUCIQCTQHO2/vMUkaqY8YiWkOj26SmAcrAKrGO6RUBnmHaDqQIgGkV+CyuKp9SH",
    "p3RkC3Kz3GMOaNQUHdzpFpucHpBNJlg=",
);
const PUBLIC_KEY: &str = "\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAERlmYys/GWkVz7JysEyVrGP0S4LxK
uKym/ULUPGy+vqAaeeGrm+en6PuabQX0q22swwe1UBtNAa0ktW1m+MMFLQ==
-----END PUBLIC KEY-----
";
