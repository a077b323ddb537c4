//! `bundle`: build, sign, verify, compare, and go back.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::*;

const MANIFEST: &str = include_str!("../data/artifacts/models.yaml");
const MESH: &str = "postQuantumAuth:\n  mode: shadow\nrootNamespace: istio-system\n";
pub(crate) const AT: &str = "--at 2026-11-02T00:00:00Z";

/// A folder with a policy, meshConfig, and a signed manifest; the flag that pins its authority.
pub(crate) fn world() -> (TempDir, String) {
    let folder = folder();
    let path = folder.path();
    fs::write(path.join("mesh.yaml"), MESH).unwrap();
    fs::write(path.join("models.yaml"), MANIFEST).unwrap();
    let pins = format!("--authority {}", signer(path, "release"));
    ok(
        path,
        &format!("artifacts sign models.yaml --keys release {AT}"),
    );
    (folder, pins)
}

fn build(folder: &Path, pins: &str, version: u64) -> Value {
    json(&ok(
        folder,
        &format!(
            "bundle build --policy policy.yaml --mesh mesh.yaml --artifacts models.yaml {pins} {AT} \
             --version-number {version} --out {version}.json --output json"
        ),
    ))
}

/// Builds and signs a version of what is in the folder.
pub(crate) fn release(folder: &Path, pins: &str, version: u64) {
    build(folder, pins, version);
    ok(
        folder,
        &format!("bundle sign {version}.json --keys release {AT}"),
    );
}

pub(crate) fn accept(folder: &Path, pins: &str, version: u64, more: &str) {
    let line = format!("bundle verify {version}.json {pins} --history history.json --record {AT}");
    ok(folder, &format!("{line} {more}"));
}

#[test]
fn equal_contents_give_equal_bytes_wherever_they_were_built() {
    let (folder, pins) = world();
    let report = build(folder.path(), &pins, 1);
    assert_eq!(
        report["files"],
        serde_json::json!([
            "artifacts/models.yaml",
            "artifacts/models.yaml.sig",
            "mesh.json",
            "policy.json"
        ])
    );
    let (other, _) = world();
    for name in [
        "models.yaml",
        "models.yaml.sig",
        "release/signing-authority.json",
    ] {
        fs::copy(folder.path().join(name), other.path().join(name)).unwrap();
    }
    // Comments and the layout are not part of it, and neither is the rest of meshConfig.
    let policy = format!("# a comment\n{POLICY}");
    fs::write(other.path().join("policy.yaml"), policy).unwrap();
    let mesh = "postQuantumAuth: {mode: shadow}\nenableTracing: true\n";
    fs::write(other.path().join("mesh.yaml"), mesh).unwrap();
    assert_eq!(build(other.path(), &pins, 1)["sha256"], report["sha256"]);
    let bytes = |folder: &TempDir| fs::read(folder.path().join("1.json")).unwrap();
    assert_eq!(bytes(&folder), bytes(&other));
    let again = run(
        folder.path(),
        "bundle build --policy policy.yaml --version-number 1 --out 1.json",
    );
    assert_eq!(code(&again), 3, "a bundle that exists stays");
}

#[test]
fn says_what_a_bundle_that_holds_is() {
    let (folder, pins) = world();
    let folder = folder.path();
    release(folder, &pins, 7);
    let line = format!("bundle verify 7.json {pins} {AT}");
    let report = json(&ok(folder, &format!("{line} --output json")));
    assert_eq!(
        (&report["name"], &report["version"]),
        (&"shop".into(), &7.into())
    );
    assert_eq!(report["authority"], "release");
    assert_eq!(report["manifests"][0]["serial"], 3);
    // The hash that proxies show: that of the policy with what the mesh asks.
    let effective = "render --target envoy --policy policy.yaml --mesh mesh.yaml --module /m";
    let config = stdout(&ok(folder, effective));
    let sha256 = report["policy_sha256"].as_str().unwrap();
    assert!(config.contains(sha256), "{config}");
    let text = stdout(&ok(folder, &format!("{line} --after 6")));
    assert!(
        text.starts_with("bundle shop, version 7: ok, newer than version 6, signed by release at"),
        "{text}"
    );
    assert!(
        text.contains("\n  manifest models: serial 3, 1 artifact, until"),
        "{text}"
    );
}

#[test]
fn refuses_what_is_not_as_it_was_signed() {
    let (folder, pins) = world();
    let folder = folder.path();
    release(folder, &pins, 1);
    let verify = format!("bundle verify 1.json {pins} {AT}");
    let text = fs::read_to_string(folder.join("1.json")).unwrap();
    let with = |text: &str| {
        fs::write(folder.join("1.json"), text).unwrap();
        refused(folder, &verify)
    };
    assert_eq!(
        with(&text.replace("\"version\":1", "\"version\":9")),
        ["SP708"]
    );
    assert_eq!(
        with(&text.replace("\"path\":\"mesh.json\"", "\"path\":\"mesh/../x\"")),
        ["SP722"]
    );
    assert_eq!(with(&text.replace("ml-platform", "ML-platform")), ["SP723"]);
    assert_eq!(with(&format!("{text}\n")), ["SP721"]);
    assert_eq!(with(text.get(..text.len() / 2).unwrap()), ["SP721"]);
    assert_eq!(
        with(&text.replacen('{', "{\"kind\":\"Bundle\",", 1)),
        ["SP721"]
    );
    fs::write(folder.join("1.json"), &text).unwrap();
    ok(folder, &verify);
    // Its manifest was in force when it was built.
    let later = verify.replace(AT, "--at 2026-12-24T00:00:00Z");
    assert_eq!(refused(folder, &later), ["SP711"]);
    // Another kind of document, signed by the same keys.
    fs::copy(folder.join("models.yaml.sig"), folder.join("1.json.sig")).unwrap();
    assert_eq!(refused(folder, &verify), ["SP704"]);
    fs::remove_file(folder.join("1.json.sig")).unwrap();
    assert_eq!(refused(folder, &verify), ["SP701"]);
}

#[test]
fn builds_nothing_of_what_does_not_hold() {
    let (folder, pins) = world();
    let folder = folder.path();
    let build = format!(
        "bundle build --policy policy.yaml --artifacts models.yaml {pins} {AT} --version-number 1 \
         --out 1.json"
    );
    let unsigned = build.replace("models.yaml", "unsigned.yaml");
    fs::write(folder.join("unsigned.yaml"), MANIFEST).unwrap();
    assert_eq!(refused(folder, &unsigned), ["SP701"]);
    let expired = build.replace(AT, "--at 2026-12-24T00:00:00Z");
    assert_eq!(refused(folder, &expired), ["SP711"]);
    let broken = build.replace("policy.yaml", "broken.yaml");
    assert!(refused(folder, &broken).contains(&"SP104".to_owned()));
    // A key that a policy names by its file.
    authority(folder, "token", "issuer", &[]);
    let key = fs::read_to_string(folder.join("issuer/token.key")).unwrap();
    let entry: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("issuer/issuer.json")).unwrap())
            .unwrap();
    let mut policy: Value = serde_saphyr::from_str(POLICY).unwrap();
    policy["spec"]["authorities"] = serde_json::json!({ "tokens": [entry] });
    let pinned = policy.to_string();
    fs::write(folder.join("policy.yaml"), &pinned).unwrap();
    ok(folder, &build.replace("1.json", "public.json"));
    let bundle = fs::read_to_string(folder.join("public.json")).unwrap();
    assert!(bundle.contains("PUBLIC KEY") && !bundle.contains("PRIVATE KEY"));
    policy["spec"]["authorities"]["tokens"][0]["classicalKey"]["publicKey"] =
        serde_json::json!({"file": "issuer/token.key"});
    fs::write(folder.join("policy.yaml"), policy.to_string()).unwrap();
    let codes = refused(folder, &build);
    assert!(!codes.is_empty());
    assert!(!folder.join("1.json").exists());
    // Nor does a key reach a message.
    let output = run(folder, &build);
    let secret = key.lines().nth(1).unwrap();
    assert!(!stderr(&output).contains(secret) && !stdout(&output).contains(secret));
}

#[test]
#[cfg(unix)]
fn unpacks_into_a_new_or_empty_folder_only() {
    let (folder, pins) = world();
    let folder = folder.path();
    release(folder, &pins, 1);
    let unpack = |to: &str| {
        run(
            folder,
            &format!("bundle verify 1.json {pins} {AT} --out {to}"),
        )
    };
    assert_eq!(code(&unpack("new/current")), 0);
    let manifest = fs::read_to_string(folder.join("new/current/artifacts/models.yaml")).unwrap();
    assert_eq!(manifest, MANIFEST);
    assert_eq!(code(&unpack("new/current")), 3, "it is not empty any more");
    fs::create_dir(folder.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(folder.join("elsewhere"), folder.join("link")).unwrap();
    assert_eq!(code(&unpack("link")), 3, "links are not followed");
    assert_eq!(fs::read_dir(folder.join("elsewhere")).unwrap().count(), 0);
    assert_eq!(code(&unpack("policy.yaml")), 3);
    // A bundle that does not hold leaves nothing behind.
    let text = fs::read_to_string(folder.join("1.json")).unwrap();
    fs::write(folder.join("1.json"), text + " ").unwrap();
    assert_eq!(code(&unpack("other")), 1);
    assert!(!folder.join("other").exists());
}

#[test]
fn compares_bundles_as_policies_are_compared_and_artifacts_too() {
    let (folder, pins) = world();
    let folder = folder.path();
    release(folder, &pins, 1);
    let wider = POLICY.replace("[GET]", "[GET, DELETE]");
    fs::write(folder.join("policy.yaml"), wider).unwrap();
    let more = MANIFEST.replace("serial: 3", "serial: 4")
        + "    - {kind: image, digest: \"sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\", name: server}\n";
    fs::write(folder.join("models.yaml"), more).unwrap();
    ok(
        folder,
        &format!("artifacts sign models.yaml --keys release {AT}"),
    );
    release(folder, &pins, 2);
    let diff = |old: u64, new: u64, more: &str| {
        run(
            folder,
            &format!("bundle diff {old}.json {new}.json {pins} {AT} {more}"),
        )
    };
    let output = diff(1, 2, "");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(
        text.contains("widening: flow web-to-orders: operation added"),
        "{text}"
    );
    assert!(text.contains("widening: image sha256:bbbb"), "{text}");
    for (old, new, effect, exit) in [
        (1, 2, "widening", 1),
        (1, 2, "narrowing", 0),
        (2, 1, "widening", 0),
        (2, 1, "narrowing", 1),
        (1, 1, "any", 0),
    ] {
        let output = diff(old, new, &format!("--fail-on {effect}"));
        assert_eq!(code(&output), exit, "{old} {new} {effect}");
    }
    // Whoever replaces the old one would decide what counts as a change; the new one may be unsigned.
    fs::remove_file(folder.join("2.json.sig")).unwrap();
    assert_eq!(code(&diff(1, 2, "")), 0);
    let line = format!("bundle diff 2.json 1.json {pins} {AT}");
    assert_eq!(refused(folder, &line), ["SP701"]);
    fs::copy(folder.join("1.json.sig"), folder.join("2.json.sig")).unwrap();
    assert_eq!(refused(folder, &line), ["SP708"]);
}

#[test]
fn who_signs_manifests_may_sign_no_bundle_and_no_statement() {
    let (folder, _) = world();
    let folder = folder.path();
    let of_bundles = signer(folder, "bundles");
    // The manifest is by `release`, which vets models and no more.
    let pins =
        format!("--authority {of_bundles} --artifact-authority release/signing-authority.json");
    let sign = |version: u64, by: &str| {
        ok(
            folder,
            &format!("bundle sign {version}.json --keys {by} {AT}"),
        );
    };
    build(folder, &pins, 1);
    build(folder, &pins, 2);
    sign(1, "bundles");
    accept(folder, &pins, 1, "");
    let verify = |version: u64, pins: &str| {
        format!("bundle verify {version}.json {pins} --history history.json {AT}")
    };
    sign(2, "release");
    assert_eq!(refused(folder, &verify(2, &pins)), ["SP705"]);
    sign(2, "bundles");
    accept(folder, &pins, 2, "");
    let back = |by: &str| {
        let line = format!(
            "bundle rollback 1.json {pins} --history history.json --current 2.json --reason r --by b --keys {by} \
             --force --out back.json {AT}"
        );
        ok(folder, &line);
        format!("{} --rollback back.json", verify(1, &pins))
    };
    assert_eq!(refused(folder, &back("release")), ["SP705"]);
    ok(folder, &back("bundles"));
    // Nor does who signs bundles vet models, once somebody else does.
    ok(
        folder,
        &format!("artifacts sign models.yaml --keys bundles {AT}"),
    );
    let line = format!(
        "bundle build --policy policy.yaml --artifacts models.yaml {pins} {AT} --version-number 3 --out 3.json"
    );
    assert_eq!(refused(folder, &line), ["SP705"]);
    let nobody = line.replace(&pins, "");
    assert_eq!(code(&run(folder, &nobody)), 3);
}

#[test]
fn an_older_bundle_needs_a_statement_that_leads_back_to_it_once() {
    let (folder, pins) = world();
    let folder = folder.path();
    for version in [1, 2] {
        release(folder, &pins, version);
        accept(folder, &pins, version, "");
        accept(folder, &pins, version, "");
    }
    let verify = |version: u64, more: &str| {
        let fixed = format!("bundle verify {version}.json {pins} --history history.json {AT}");
        format!("{fixed} {more}")
    };
    assert_eq!(refused(folder, &verify(1, "")), ["SP724"]);
    assert_eq!(
        refused(
            folder,
            &format!("bundle verify 1.json {pins} {AT} --after 2")
        ),
        ["SP724"]
    );
    let statement = |to: u64, out: &str, more: &str| {
        format!(
            "bundle rollback {to}.json {pins} --history history.json --current 2.json --reason broken --by on-call \
             --keys release --out {out} {AT} {more}"
        )
    };
    assert_eq!(refused(folder, &statement(2, "none.json", "")), ["SP725"]);
    release(folder, &pins, 3);
    assert_eq!(refused(folder, &statement(3, "none.json", "")), ["SP725"]);
    assert!(!folder.join("none.json").exists());
    ok(folder, &statement(1, "back.json", ""));

    let back = verify(1, "--rollback back.json --record");
    // The statement must be signed too, as a statement, and by a pinned authority.
    fs::rename(folder.join("back.json.sig"), folder.join("kept.sig")).unwrap();
    assert_eq!(refused(folder, &back), ["SP701"]);
    fs::copy(folder.join("1.json.sig"), folder.join("back.json.sig")).unwrap();
    assert_eq!(refused(folder, &back), ["SP704"]);
    fs::rename(folder.join("kept.sig"), folder.join("back.json.sig")).unwrap();
    let text = fs::read_to_string(folder.join("back.json")).unwrap();
    fs::write(folder.join("back.json"), text.replace("broken", "Broken")).unwrap();
    assert_eq!(refused(folder, &back), ["SP708"]);
    fs::write(folder.join("back.json"), text).unwrap();

    let report = json(&ok(folder, &format!("{back} --output json")));
    assert_eq!(report["step"], "rollback");
    // What was left does not come back, and the statement does not count again.
    assert_eq!(refused(folder, &verify(2, "")), ["SP724"]);
    accept(folder, &pins, 3, "");
    assert_eq!(refused(folder, &back), ["SP725"]);

    let shown = stdout(&ok(folder, "bundle history history.json"));
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 5, "{shown}");
    assert!(lines[0].starts_with("version 1 since "), "{shown}");
    let back = "  back from version 2: broken (decided by on-call, signed by release)";
    assert_eq!(lines[3], back);
    let history = json(&ok(folder, "bundle history history.json --output json"));
    let versions: Vec<u64> = history["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["version"].as_u64().unwrap())
        .collect();
    assert_eq!(versions, [1, 2, 1, 3]);
    let next =
        "bundle build --policy policy.yaml --history history.json --out next.json --output json";
    assert_eq!(json(&ok(folder, next))["version"], 4);
    let absent = run(folder, "bundle history absent.json");
    assert_eq!(code(&absent), 3);
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_of_a_hundred_megabytes_is_refused_before_it_is_held() {
    let (folder, pins) = world();
    let folder = folder.path();
    release(folder, &pins, 1);
    let huge = fs::File::create(folder.join("huge")).unwrap();
    huge.set_len(100 * 1024 * 1024).unwrap();
    fs::copy(folder.join("1.json"), folder.join("b.json")).unwrap();
    for line in [
        format!("bundle verify huge {pins}"),
        format!("bundle verify b.json {pins} --signature huge"),
        "bundle verify b.json --authority huge".to_owned(),
        format!("bundle verify 1.json {pins} {AT} --history huge"),
        format!("bundle diff huge 1.json {pins}"),
        format!("artifacts verify huge {pins}"),
        "artifacts import huge --name n --issuer i --serial 1".to_owned(),
        "artifacts sign huge --keys release".to_owned(),
        format!("module verify huge --sbom b.json {pins}"),
        format!("module verify b.json --sbom huge {pins}"),
    ] {
        // 96 MiB of address space: the file would not fit, whatever else is there.
        let command = format!(
            "ulimit -v 98304; exec {} {line} --output json",
            env!("CARGO_BIN_EXE_sallyport")
        );
        let output = std::process::Command::new("sh")
            .args(["-c", &command])
            .current_dir(folder)
            .output()
            .unwrap();
        assert_eq!(code(&output), 3, "{line}: {}", stderr(&output));
        let finding = error(&output)["findings"][0].clone();
        assert_eq!(finding["code"], "SP001", "{line}");
        let message = finding["message"].as_str().unwrap();
        assert!(message.contains("it is longer than"), "{line}: {message}");
    }
}

#[test]
fn a_manifest_without_a_signature_is_to_be_signed() {
    let (folder, pins) = world();
    let folder = folder.path();
    let manifest = include_str!("../data/artifacts/models.yaml");
    fs::write(folder.join("unsigned.yaml"), manifest).unwrap();
    let line = format!(
        "bundle build --policy policy.yaml --artifacts unsigned.yaml {pins} --version-number 9 --out b9.json --output json"
    );
    let finding = error(&run(folder, &line))["findings"][0].clone();
    assert_eq!(finding["code"], "SP701");
    assert_eq!(
        finding["hint"],
        "sign it: `unsigned.yaml.sig` must be beside it"
    );
}
