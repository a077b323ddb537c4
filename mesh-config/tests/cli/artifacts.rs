//! `artifacts import`, `sign` and `verify`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::*;

const BOM: &str = include_str!("../data/artifacts/bom.cdx.json");
const SPDX: &str = include_str!("../data/artifacts/embedder.spdx.json");
const STATEMENT: &str = include_str!("../data/artifacts/server.intoto.json");
const MANIFEST: &str = include_str!("../data/artifacts/models.yaml");
const GOLDEN: &str = include_str!("../data/artifacts/golden.json");
const AT: &str = "2026-11-02T00:00:00Z";

fn sources() -> TempDir {
    let folder = folder();
    for (name, text) in [
        ("bom.cdx.json", BOM),
        ("embedder.spdx.json", SPDX),
        ("server.intoto.json", STATEMENT),
        ("models.yaml", MANIFEST),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// A folder with a signed manifest, and the arguments that pin its authority.
fn signed() -> (TempDir, String) {
    let folder = sources();
    let pin = signer(folder.path(), "release");
    let line = format!("artifacts sign models.yaml --keys release --at {AT}");
    ok(folder.path(), &line);
    (folder, format!("--authority {pin}"))
}

fn verify(folder: &Path, pins: &str, more: &str) -> Vec<String> {
    refused(
        folder,
        &format!("artifacts verify models.yaml {pins} {more}"),
    )
}

const IMPORT: &str = "artifacts import bom.cdx.json embedder.spdx.json server.intoto.json \
    --kind image --stage production --name models --issuer ml-platform --serial 4 --ttl 30d \
    --at 2026-11-01T00:00:00Z";

#[test]
fn imports_each_format_into_one_manifest() {
    let folder = sources();
    let folder = folder.path();
    let text = stdout(&ok(folder, IMPORT));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/data/artifacts/golden.json"
        );
        fs::write(path, &text).unwrap();
    }
    assert_eq!(text, GOLDEN);
    // In another order, and what two of them say alike: the same bytes.
    let other = IMPORT.replace(
        "bom.cdx.json embedder.spdx.json server.intoto.json",
        "server.intoto.json embedder.spdx.json bom.cdx.json bom.cdx.json",
    );
    assert_eq!(stdout(&ok(folder, &other)), GOLDEN);
    let said = stdout(&ok(folder, &format!("{IMPORT} --out new.json")));
    assert_eq!(
        said,
        "new.json: manifest models, serial 4, 2 models and 1 image\n"
    );
    assert_eq!(fs::read_to_string(folder.join("new.json")).unwrap(), GOLDEN);
    let output = run(folder, &format!("{IMPORT} --out new.json"));
    assert_eq!(code(&output), 3, "a file that exists stays");
    let schema = json(&ok(folder, "schema artifact-manifest"));
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&serde_json::from_str(GOLDEN).unwrap()));
}

#[test]
fn refuses_sources_whose_digests_are_in_doubt() {
    let folder = sources();
    let folder = folder.path();
    fs::write(folder.join("bom.cdx.json"), BOM.replace("SHA-256", "SHA-1")).unwrap();
    assert_eq!(refused(folder, IMPORT), ["SP713"]);
    fs::write(folder.join("bom.cdx.json"), "not json").unwrap();
    assert_eq!(refused(folder, IMPORT), ["SP714"]);
    let without = IMPORT.replace("--kind image", "");
    fs::write(folder.join("bom.cdx.json"), BOM).unwrap();
    assert_eq!(refused(folder, &without), ["SP715"]);
    // Two names for one digest: which one counts?
    fs::write(
        folder.join("other.json"),
        BOM.replace("\"llm\"", "\"llama\""),
    )
    .unwrap();
    let twice = IMPORT.replace("bom.cdx.json", "bom.cdx.json other.json");
    assert_eq!(refused(folder, &twice), ["SP014"]);
}

#[test]
fn warns_that_nobody_verified_an_envelope() {
    let folder = sources();
    let payload = {
        use base64ct::Encoding;
        base64ct::Base64::encode_string(STATEMENT.as_bytes())
    };
    let envelope = json!({
        "payloadType": "application/vnd.in-toto+json",
        "payload": payload,
        "signatures": [{"sig": "AAAA"}],
    });
    fs::write(
        folder.path().join("server.intoto.json"),
        envelope.to_string(),
    )
    .unwrap();
    let output = ok(folder.path(), IMPORT);
    assert!(
        stderr(&output).contains("warning[SP716]"),
        "{}",
        stderr(&output)
    );
    assert!(stdout(&output).contains("\"signatureVerified\": false"));
    authority(folder.path(), "token", "builder", &[]);
    let keyed =
        format!("{IMPORT} --key builder/token.pub").replace("bom.cdx.json embedder.spdx.json ", "");
    assert_eq!(refused(folder.path(), &keyed), ["SP717"]);
    // Nor does it hold without its envelope.
    fs::write(folder.path().join("server.intoto.json"), STATEMENT).unwrap();
    assert_eq!(refused(folder.path(), &keyed), ["SP717"]);
}

#[test]
fn says_what_a_manifest_that_holds_allows() {
    let (folder, pins) = signed();
    let line = format!("artifacts verify models.yaml {pins} --at {AT}");
    let text = stdout(&ok(folder.path(), &line));
    let expected = "\
manifest models: ok, serial 3, by ml-platform, signed by release at 2026-11-02T00:00:00Z, \
until 2026-12-01T00:00:00Z, 1 artifact
  model sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa llm 2.1 production
";
    assert_eq!(text, expected);
    let report = json(&ok(folder.path(), &format!("{line} --output json")));
    assert_eq!(report["authority"], "release");
    assert_eq!(report["artifacts"][0]["kind"], "model");
    assert_eq!(report["not_after"], "2026-12-01T00:00:00Z");
    ok(folder.path(), &format!("{line} --after 2"));
}

#[test]
fn refuses_a_manifest_at_each_doubt_with_its_own_code() {
    let (folder, pins) = signed();
    let folder = folder.path();
    let at = format!("--at {AT}");
    assert_eq!(
        verify(folder, &pins, "--at 2026-12-01T00:00:00Z"),
        ["SP711"]
    );
    assert_eq!(
        verify(folder, &pins, "--at 2026-10-31T00:00:00Z"),
        ["SP712"]
    );
    assert_eq!(verify(folder, &pins, &format!("{at} --after 3")), ["SP718"]);
    let other = signer(folder, "other");
    let foreign = format!("--authority {other}");
    assert_eq!(verify(folder, &foreign, &at), ["SP705"]);
    let not_a_pin = "--authority models.yaml";
    assert_eq!(verify(folder, not_a_pin, &at), ["SP709"]);
    let twice = format!("{pins} {pins}");
    assert_eq!(verify(folder, &twice, &at), ["SP205"]);

    let manifest = fs::read(folder.join("models.yaml")).unwrap();
    fs::write(folder.join("models.yaml"), [&manifest[..], b"\n"].concat()).unwrap();
    assert_eq!(verify(folder, &pins, &at), ["SP708"]);
    fs::write(folder.join("models.yaml"), &manifest).unwrap();

    let path = folder.join("models.yaml.sig");
    let text = fs::read_to_string(&path).unwrap();
    let signature: Value = serde_json::from_str(&text).unwrap();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = signature.clone();
        change(&mut changed);
        fs::write(&path, changed.to_string() + "\n").unwrap();
        verify(folder, &pins, &at)
    };
    let half = |index: usize| json!([signature["signatures"][index]]);
    assert_eq!(with(&|it| it["signatures"] = half(0)), ["SP703"]);
    assert_eq!(with(&|it| it["signatures"] = half(1)), ["SP703"]);
    let other_half = signature["signatures"][1]["signature"].clone();
    assert_eq!(
        with(&|it| it["signatures"][0]["signature"] = other_half.clone()),
        ["SP707"]
    );
    fs::write(&path, text.get(..text.len() / 2).unwrap()).unwrap();
    assert_eq!(verify(folder, &pins, &at), ["SP702"]);
    fs::remove_file(&path).unwrap();
    assert_eq!(verify(folder, &pins, &at), ["SP701"]);
}

#[test]
fn refuses_halves_of_two_authorities_that_are_both_pinned() {
    let (folder, pins) = signed();
    let folder = folder.path();
    let other = signer(folder, "other");
    let both = format!("{pins} --authority {other}");
    let line = format!("artifacts sign models.yaml --keys other --signature other.sig --at {AT}");
    ok(folder, &line);
    let read = |name: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(folder.join(name)).unwrap()).unwrap()
    };
    let (mut mixed, second) = (read("models.yaml.sig"), read("other.sig"));
    mixed["signatures"][1] = second["signatures"][1].clone();
    fs::write(folder.join("models.yaml.sig"), mixed.to_string() + "\n").unwrap();
    assert_eq!(verify(folder, &both, &format!("--at {AT}")), ["SP706"]);
    ok(
        folder,
        &format!("artifacts verify models.yaml {both} --signature other.sig --at {AT}"),
    );
}

#[test]
fn signs_nothing_that_nobody_could_verify() {
    let folder = sources();
    let folder = folder.path();
    signer(folder, "release");
    let sign = "artifacts sign models.yaml --keys release --at";
    assert_eq!(
        refused(folder, &format!("{sign} 2027-01-01T00:00:00Z")),
        ["SP711"]
    );
    fs::write(folder.join("models.yaml"), MANIFEST.replace("sha256:", "")).unwrap();
    assert_eq!(refused(folder, &format!("{sign} {AT}")), ["SP713"]);
    assert!(!folder.join("models.yaml.sig").exists());
}

#[test]
fn keys_that_are_not_there_are_said_to_be_unreadable() {
    let folder = sources();
    let output = run(
        folder.path(),
        &format!("artifacts sign models.yaml --keys nope --at {AT}"),
    );
    assert_eq!(code(&output), 3);
    let said = stderr(&output);
    assert!(
        said.contains("cannot be read; check that it exists"),
        "{said}"
    );
}
