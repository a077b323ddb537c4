//! Each rule of a manifest.

use super::*;

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const TEXT: &str = "\
apiVersion: security.sallyport.dev/v1alpha1
kind: ArtifactManifest
metadata: {name: models}
spec:
  issuer: ml-platform
  serial: 3
  notBefore: 2026-11-01T00:00:00Z
  notAfter: 2026-12-01T00:00:00Z
  artifacts:
    - {kind: model, digest: \"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", name: llm, version: \"2.1\", stage: production}
";

fn read(text: &str) -> Result<Manifest, Vec<Finding>> {
    from_text(text, Path::new("models.yaml"))
}

/// The one finding of a text: its code and its place.
fn wrong(old: &str, new: &str) -> (Code, String) {
    let text = TEXT.replacen(old, new, 1);
    assert_ne!(text, TEXT, "{old}");
    let findings = read(&text).unwrap_err();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].file.as_deref(), Some("models.yaml"));
    (findings[0].code, findings[0].path.clone())
}

#[test]
fn reads_yaml_and_json_alike() {
    let manifest = read(TEXT).unwrap();
    assert_eq!(manifest.name(), "models");
    assert_eq!(manifest.document.spec.artifacts[0].digest, DIGEST);
    let json = serde_json::to_string_pretty(&manifest.document).unwrap();
    assert_eq!(read(&json), Ok(manifest));
}

#[test]
fn names_what_is_wrong_and_where() {
    let first = |field: &str| format!("spec.artifacts[0].{field}");
    let cases = [
        (
            "sha256:aa",
            "sha256:AA",
            Code::InvalidDigest,
            first("digest"),
        ),
        (
            "sha256:aa",
            "sha512:aa",
            Code::InvalidDigest,
            first("digest"),
        ),
        (
            "sha256:aa",
            "sha256:a",
            Code::InvalidDigest,
            first("digest"),
        ),
        (
            "kind: model",
            "kind: weights",
            Code::UnknownWord,
            first("kind"),
        ),
        ("name: llm", "name: \"\"", Code::Empty, first("name")),
        ("name: llm", "name: \"a\\nb\"", Code::Empty, first("name")),
        // It would be read as another name.
        (
            "name: llm",
            "name: \"\\u202emll\"",
            Code::Empty,
            first("name"),
        ),
        (
            "version: \"2.1\"",
            "version: \"2.1\\u200f\"",
            Code::Empty,
            first("version"),
        ),
        (
            "issuer: ml-platform",
            "issuer: \"ml\\u2028platform\"",
            Code::Empty,
            "spec.issuer".to_owned(),
        ),
        (
            "stage: production",
            "stage: \"\"",
            Code::Empty,
            first("stage"),
        ),
        (
            "stage: production",
            "tag: x",
            Code::UnknownKey,
            first("tag"),
        ),
        (
            "serial: 3",
            "serial: 0",
            Code::OutOfRange,
            "spec.serial".to_owned(),
        ),
        (
            "serial: 3",
            "serial: 3\n  serial: 3",
            Code::KeyTwice,
            String::new(),
        ),
        (
            "issuer: ml-platform",
            "issuer: \"\"",
            Code::Empty,
            "spec.issuer".to_owned(),
        ),
        (
            "name: models",
            "name: Models",
            Code::InvalidName,
            "metadata.name".to_owned(),
        ),
        (
            "2026-12-01T00:00:00Z",
            "tomorrow",
            Code::InvalidTime,
            "spec.notAfter".to_owned(),
        ),
        (
            "2026-12-01T00:00:00Z",
            "2026-11-01T00:00:00Z",
            Code::InvalidTime,
            "spec.notAfter".to_owned(),
        ),
        ("v1alpha1", "v2", Code::UnknownWord, "apiVersion".to_owned()),
    ];
    for (old, new, code, path) in cases {
        assert_eq!(wrong(old, new), (code, path), "{new}");
    }
    let empty = TEXT
        .split("    - {")
        .next()
        .unwrap()
        .replace("artifacts:", "artifacts: []");
    assert_eq!(read(&empty).unwrap_err()[0].code, Code::Empty);
    let line = TEXT.lines().last().unwrap();
    let twice = format!("{TEXT}{line}\n");
    assert_eq!(read(&twice).unwrap_err()[0].code, Code::NameTaken);
    // The digest of a model may be that of an image as well.
    let both = format!("{TEXT}{}\n", line.replace("kind: model", "kind: image"));
    assert!(read(&both).is_ok());
}

#[test]
fn counts_from_its_begin_to_its_end_to_the_second() {
    let manifest = read(TEXT).unwrap();
    let at = |text: &str| {
        let found = manifest.in_force(TimeMs::parse_rfc3339(text).unwrap());
        found.map_err(|finding| finding.code)
    };
    assert_eq!(at("2026-10-31T23:59:59Z"), Err(Code::ManifestNotYetValid));
    assert_eq!(at("2026-11-01T00:00:00Z"), Ok(()));
    assert_eq!(at("2026-11-30T23:59:59Z"), Ok(()));
    assert_eq!(at("2026-12-01T00:00:00Z"), Err(Code::ManifestExpired));
}
