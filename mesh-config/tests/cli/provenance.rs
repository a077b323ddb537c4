//! Artifacts in a policy: what each command says of them.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::*;

const AT: &str = "--at 2026-11-02T00:00:00Z";

fn digest(byte: &str) -> String {
    format!("sha256:{}", byte.repeat(32))
}

fn manifest(serial: u32, end: &str) -> String {
    let (vetted, staging) = (digest("a1"), digest("b2"));
    format!(
        "apiVersion: security.sallyport.dev/v1alpha1
kind: ArtifactManifest
metadata: {{name: models}}
spec:
  issuer: ml-platform
  serial: {serial}
  notBefore: 2026-11-01T00:00:00Z
  notAfter: {end}
  artifacts:
    - {{kind: model, digest: {vetted}, name: llm, version: '2.1', stage: production}}
    - {{kind: model, digest: {staging}, name: llm, version: '2.2', stage: staging}}
"
    )
}

const END: &str = "2036-11-01T00:00:00Z";
const ARTIFACTS: &str = "  artifacts:
    authorities: [{file: release/signing-authority.json}]
    manifests: [{name: models, file: models.yaml}]
";
const REQUIRES: &str = "      to: orders
      requires: {model: {manifest: models, stages: [production]}}
";

/// A folder with a policy that requires a model of a signed manifest, whose authorities sign tokens
/// too; the policy as text.
fn world() -> (TempDir, String) {
    let folder = folder();
    signer(folder.path(), "release");
    let issued = authority(folder.path(), "token", "issuer", &[]);
    let said = stdout(&issued);
    let (_, pins) = said.split_once("authorities:\n").unwrap();
    let pins: Vec<String> = pins.lines().map(|line| format!("  {line}\n")).collect();
    let policy = POLICY.replace("      to: orders\n", REQUIRES).replace(
        "  segments:\n",
        &format!("  authorities:\n{}{ARTIFACTS}  segments:\n", pins.concat()),
    );
    vet(folder.path(), &manifest(3, END));
    fs::write(folder.path().join("policy.yaml"), &policy).unwrap();
    (folder, policy)
}

/// Writes and signs the manifest.
fn vet(folder: &Path, manifest: &str) {
    fs::write(folder.join("models.yaml"), manifest).unwrap();
    ok(
        folder,
        &format!("artifacts sign models.yaml --keys release {AT}"),
    );
}

/// The codes of what `check` finds, and its exit code.
fn checked(folder: &Path, more: &str) -> (i32, Vec<String>) {
    let output = run(folder, &format!("check policy.yaml --output json {more}"));
    let report: Value = json(&output);
    let kinds = ["errors", "warnings", "notes"].into_iter();
    let findings = kinds.flat_map(|kind| report[kind].as_array().unwrap().clone());
    let codes = findings.map(|finding| finding["code"].as_str().unwrap().to_owned());
    // The keys of the tests are short, which is said too.
    let codes = codes.filter(|code| code.starts_with("SP7"));
    (code(&output), codes.collect())
}

fn asked(folder: &Path, more: &str) -> (i32, String) {
    let line = format!(
        "explain --policy policy.yaml --from {WEB} --to {ORDERS} --path /v1/orders/7 --port 8080 {AT} {more}"
    );
    let output = run(folder, &line);
    (code(&output), stdout(&output) + &stderr(&output))
}

#[test]
fn check_says_when_manifests_end_and_what_nobody_can_bring() {
    let (folder, policy) = world();
    let folder = folder.path();
    assert_eq!(checked(folder, AT), (0, vec![]));
    let soon = "--at 2036-10-25T00:00:00Z";
    assert_eq!(checked(folder, soon), (0, vec!["SP744".to_owned()]));
    assert_eq!(
        checked(folder, &format!("--at {END}")),
        (1, vec!["SP711".to_owned()])
    );
    let early = "--at 2026-10-31T00:00:00Z";
    assert_eq!(checked(folder, early), (1, vec!["SP712".to_owned()]));
    let write = |text: &str| fs::write(folder.join("policy.yaml"), text).unwrap();
    for (old, new, expected) in [
        (REQUIRES, "      to: orders\n", "SP743"),
        ("[production]", "[retired]", "SP745"),
        ("requires: {model:", "requires: {image:", "SP745"),
        ("manifest: models,", "manifest: model,", "SP741"),
        (
            "file: models.yaml",
            "file: models.yaml, minimumSerial: 4",
            "SP718",
        ),
    ] {
        assert!(policy.contains(old), "{old}");
        write(&policy.replace(old, new));
        let (_, codes) = checked(folder, AT);
        assert!(
            codes.iter().any(|code| code == expected),
            "{new}: {codes:?}"
        );
    }
}

#[test]
fn explain_shows_what_was_required_and_what_came() {
    let (folder, _) = world();
    let folder = folder.path();
    let (vetted, staging) = (digest("a1"), digest("b2"));
    let (exit, said) = asked(folder, &format!("--model-digest {vetted}"));
    assert_eq!(exit, 0, "{said}");
    assert!(
        said.contains(&format!("model     {vetted}, llm 2.1, production")),
        "{said}"
    );
    let (exit, said) = asked(folder, &format!("--model-digest {staging}"));
    assert_eq!(exit, 2);
    for part in [
        "DENIED: artifact_not_allowed (HTTP 403)",
        "llm 2.2, staging",
        "required  model of manifest models, stages production",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let times = format!("manifest  models, serial 3, from 2026-11-01T00:00:00Z until {END}");
    assert!(said.contains(&times), "{said}");
    let (_, said) = asked(folder, &format!("--model-digest {vetted} --output json"));
    let answer: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(answer["manifests"][0]["not_after"], END);
    assert_eq!(answer["manifests"][0]["serial"], 3);
    let (exit, said) = asked(folder, &format!("--model-digest {}", digest("ff")));
    assert!(
        exit == 2 && said.contains("which manifest models does not list"),
        "{said}"
    );
    let (exit, said) = asked(folder, "--assurance hybrid");
    assert!(exit == 2 && said.contains("claim_missing"), "{said}");
    assert!(said.contains("no hybrid token names one"), "{said}");
    let (exit, said) = asked(folder, "--model-digest sha256:00");
    assert!(
        exit == 3 && said.contains("is not `sha256:` and 64"),
        "{said}"
    );
    let (exit, said) = asked(folder, &format!("--model-digest {vetted} --plaintext"));
    assert!(exit == 3 && said.contains("cannot be used with"), "{said}");
}

#[test]
fn a_signal_about_a_digest_is_explained() {
    let (folder, policy) = world();
    let digest = digest("a1");
    let signal = format!(
        "  signals: [{{name: poisoned, source: scanner, reason: poisoned, author: soc, issued: 2026-11-01T00:00:00Z, \
         expires: 2026-12-01T00:00:00Z, about: {{modelDigest: '{digest}'}}, effect: quarantine}}]\n"
    );
    fs::write(folder.path().join("policy.yaml"), policy + &signal).unwrap();
    let (exit, said) = asked(folder.path(), &format!("--model-digest {digest}"));
    assert!(exit == 2 && said.contains("peer_quarantined"), "{said}");
    assert!(said.contains(&format!("{digest}, in quarantine")), "{said}");
}

#[test]
fn render_writes_what_was_vetted_and_refuses_what_has_ended() {
    let (folder, _) = world();
    let line = "render --target envoy --policy policy.yaml --module /m.wasm";
    let whole = stdout(&ok(folder.path(), line));
    assert!(whole.contains(&digest("a1")), "{whole}");
    vet(folder.path(), &manifest(3, "2026-11-02T00:00:01Z"));
    assert_eq!(refused(folder.path(), line), ["SP711"]);
}

#[test]
fn diff_calls_what_lets_more_pass_widening() {
    let (folder, policy) = world();
    let folder = folder.path();
    fs::write(folder.join("old.yaml"), &policy).unwrap();
    let effects = |changed: &str| -> Vec<(String, String)> {
        fs::write(folder.join("new.yaml"), changed).unwrap();
        let report = json(&ok(
            folder,
            &format!("diff old.yaml new.yaml {AT} --output json"),
        ));
        let parts = report["parts"].as_array().unwrap().iter();
        let parts = parts.map(|part| {
            let text = |key: &str| part[key].as_str().unwrap().to_owned();
            (text("effect"), text("change"))
        });
        parts.collect()
    };
    for (old, new, effect) in [
        ("[production]", "[production, staging]", "widening"),
        (", stages: [production]", "", "widening"),
        (
            "manifest: models,",
            "manifest: models, names: [llm],",
            "narrowing",
        ),
        (REQUIRES, "      to: orders\n", "widening"),
        (
            "file: models.yaml",
            "file: models.yaml, minimumSerial: 2",
            "narrowing",
        ),
    ] {
        let found = effects(&policy.replace(old, new));
        assert!(
            found.iter().all(|(found, _)| found == effect),
            "{new}: {found:?}"
        );
        assert_eq!(found.len(), 1, "{new}: {found:?}");
    }
    // Another manifest of the same name, for the new policy: one more digest, and a later end.
    fs::create_dir(folder.join("next")).unwrap();
    let more = manifest(4, "2037-01-01T00:00:00Z");
    let more = format!(
        "{more}    - {{kind: model, digest: {}, name: llm}}\n",
        digest("c3")
    );
    let before = fs::read(folder.join("models.yaml")).unwrap();
    let signature = fs::read(folder.join("models.yaml.sig")).unwrap();
    vet(folder, &more);
    for name in ["models.yaml", "models.yaml.sig"] {
        fs::copy(folder.join(name), folder.join("next").join(name)).unwrap();
    }
    fs::write(folder.join("models.yaml"), before).unwrap();
    fs::write(folder.join("models.yaml.sig"), signature).unwrap();
    let found = effects(&policy.replace("file: models.yaml", "file: next/models.yaml"));
    let said = |effect: &str, text: &str| {
        found
            .iter()
            .any(|(found, change)| found == effect && change.contains(text))
    };
    assert!(
        said("widening", "artifact added: model sha256:c3c3"),
        "{found:?}"
    );
    assert!(
        said("widening", "notAfter") && said("narrowing", "serial: 3 -> 4"),
        "{found:?}"
    );
}

#[test]
fn a_bundle_takes_the_manifests_of_its_policy_along_and_no_others() {
    let (folder, _) = world();
    let folder = folder.path();
    let pins = "--authority release/signing-authority.json";
    let build = format!(
        "bundle build --policy policy.yaml {pins} {AT} --version-number 1 --out 1.json --output json"
    );
    let report = json(&ok(folder, &build));
    let files: Vec<&str> = report["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    assert_eq!(
        files,
        [
            "artifacts/models.yaml",
            "artifacts/models.yaml.sig",
            "policy.json"
        ]
    );
    ok(folder, &format!("bundle sign 1.json --keys release {AT}"));
    ok(
        folder,
        &format!("bundle verify 1.json {pins} {AT} --out unpacked"),
    );
    ok(folder, "check unpacked/policy.json");
    // Another manifest of the same name is not the one that the policy was made with.
    fs::create_dir(folder.join("other")).unwrap();
    fs::write(folder.join("other/models.yaml"), manifest(4, END)).unwrap();
    ok(
        folder,
        &format!("artifacts sign other/models.yaml --keys release {AT}"),
    );
    let mixed = build.replace(
        "--out 1.json --output json",
        "--artifacts other/models.yaml --out 2.json",
    );
    assert_eq!(refused(folder, &mixed), ["SP723"]);
}

#[test]
fn status_shows_when_the_manifests_end() {
    let (folder, _) = world();
    fs::write(
        folder.path().join("on"),
        include_str!("../data/envoy-stats.prom"),
    )
    .unwrap();
    let output = run(folder.path(), "status --metrics on --policy policy.yaml");
    let said = stdout(&output);
    assert!(
        said.contains(&format!("manifest models: in force, serial 3, until {END}")),
        "{said}"
    );
}

#[test]
fn test_files_name_the_claims_of_callers() {
    let (folder, _) = world();
    let tests = format!(
        "policy: policy.yaml
defaults: {{from: '{WEB}', to: '{ORDERS}', path: /v1/orders/7, port: 8080, at: '2026-11-02T00:00:00Z'}}
tests:
  - name: vetted
    request: {{modelDigest: '{}'}}
    expect: {{verdict: allow}}
  - name: others
    cases: {{modelDigest: ['{}', '{}']}}
    expect: {{verdict: deny, reason: artifact_not_allowed}}
  - name: none
    expect: {{verdict: deny, reason: claim_missing}}
",
        digest("a1"),
        digest("b2"),
        digest("c3"),
    );
    fs::write(folder.path().join("tests.yaml"), tests).unwrap();
    let output = ok(folder.path(), "test tests.yaml");
    assert!(stdout(&output).contains('4'), "{}", stdout(&output));
}
