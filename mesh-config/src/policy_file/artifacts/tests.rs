use std::fs;

use sallyport_credentials::issue::{AuthorityKey, RsaBits, SigningKeys, SigningOptions};
use sallyport_credentials::signing::{Purpose, Subject};
use sallyport_engine::policy::raw::AlternativeAlgorithm;
use tempfile::TempDir;

use crate::artifacts::SUBJECT;
use crate::finding::{Code, Finding};
use crate::policy_file::{LoadedPolicy, from_document, from_text};
use crate::signing::Signer;

const POLICY: &str = include_str!("../../../tests/data/policy.yaml");
const MANIFEST: &str = include_str!("../../../tests/data/artifacts/models.yaml");
const ARTIFACTS: &str = "  artifacts:
    authorities: [{file: release.json}]
    manifests: [{name: models, file: models.yaml}]
";

/// A folder with a signed manifest and the authority that signed it.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("models.yaml"), MANIFEST).unwrap();
    let signer = signer("release");
    let authority = signer.authority().to_json().to_string();
    fs::write(folder.path().join("release.json"), authority).unwrap();
    sign(&folder, &signer, "models.yaml", Purpose::Artifacts);
    folder
}

fn signer(name: &str) -> Signer {
    let options = SigningOptions {
        name: name.to_owned(),
        key: AuthorityKey::EcdsaP256,
        rsa_bits: RsaBits::Bits2048,
        algorithm: AlternativeAlgorithm::MlDsa65,
    };
    Signer::Keys(Box::new(SigningKeys::generate(&options).unwrap()))
}

fn sign(folder: &TempDir, signer: &Signer, name: &str, purpose: Purpose) {
    let bytes = fs::read(folder.path().join(name)).unwrap();
    let subjects = [Subject::of(SUBJECT, &bytes)];
    let text = signer.sign(purpose, &subjects, "2026-11-01T00:00:00Z");
    let path = folder.path().join(format!("{name}.sig"));
    fs::write(path, text.unwrap()).unwrap();
}

fn load(folder: &TempDir, policy: &str) -> Result<LoadedPolicy, Vec<Finding>> {
    from_text(policy, folder.path())
}

/// Code and path of each finding.
fn refused(folder: &TempDir, policy: &str) -> Vec<(Code, String)> {
    let findings = load(folder, policy).err().unwrap_or_default();
    let brief = findings.into_iter();
    brief.map(|finding| (finding.code, finding.path)).collect()
}

fn policy() -> String {
    format!("{POLICY}{ARTIFACTS}")
}

#[test]
fn a_manifest_that_holds_takes_the_place_of_its_file() {
    let folder = folder();
    let loaded = load(&folder, &policy()).unwrap();
    let artifacts = loaded.document.spec.artifacts.clone().unwrap();
    let [entry] = artifacts.manifests.as_slice() else {
        panic!("{artifacts:?}");
    };
    let verified = entry.verified.as_ref().unwrap();
    assert_eq!(
        (entry.file.as_ref(), verified.signed_by.as_str()),
        (None, "release")
    );
    assert_eq!(loaded.manifest_files.len(), 1);
    assert!(
        loaded
            .warnings
            .iter()
            .all(|it| it.code != Code::ManifestUnverified)
    );
    // What is written then is a policy again, and says the same.
    let again = from_document(loaded.document.clone()).unwrap();
    assert_eq!(again.canonical_json, loaded.canonical_json);
    // As a file it is read too, with a word about it.
    let typed = load(&folder, &loaded.canonical_json).unwrap();
    assert_eq!(typed.sha256, loaded.sha256);
    let codes: Vec<Code> = typed.warnings.iter().map(|it| it.code).collect();
    assert!(codes.contains(&Code::ManifestUnverified), "{codes:?}");
}

/// What is done to the folder, and what the policy is refused for.
type Case = (fn(&TempDir), Code);

#[test]
fn each_fault_of_a_manifest_is_named_at_the_place_of_its_file() {
    let cases: [Case; 8] = [
        (
            |folder| fs::remove_file(folder.path().join("models.yaml.sig")).unwrap(),
            Code::SignatureMissing,
        ),
        (
            |folder| {
                let altered = MANIFEST.replace("production", "Production");
                fs::write(folder.path().join("models.yaml"), altered).unwrap();
            },
            Code::SignedFileAltered,
        ),
        (
            |folder| {
                let path = folder.path().join("models.yaml.sig");
                let mut text: serde_json::Value =
                    serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
                text["signatures"].as_array_mut().unwrap().truncate(1);
                let text = serde_json::to_string(&text).unwrap() + "\n";
                fs::write(path, text).unwrap();
            },
            Code::SignatureHalfMissing,
        ),
        (
            |folder| sign(folder, &signer("other"), "models.yaml", Purpose::Artifacts),
            Code::SigningAuthorityUnknown,
        ),
        (
            |folder| fs::remove_file(folder.path().join("models.yaml")).unwrap(),
            Code::UnusableFile,
        ),
        (
            |folder| fs::write(folder.path().join("models.yaml.sig"), "{}").unwrap(),
            Code::SignatureForm,
        ),
        (
            |folder| {
                fs::remove_file(folder.path().join("models.yaml")).unwrap();
                fs::create_dir(folder.path().join("models.yaml")).unwrap();
            },
            Code::UnusableFile,
        ),
        (
            |folder| {
                let signer = signer("release");
                let authority = signer.authority().to_json().to_string();
                fs::write(folder.path().join("release.json"), authority).unwrap();
                sign(folder, &signer, "models.yaml", Purpose::Bundle);
            },
            Code::SignatureOfOtherKind,
        ),
    ];
    for (number, (change, expected)) in cases.into_iter().enumerate() {
        let folder = folder();
        change(&folder);
        let place = "spec.artifacts.manifests[0].file".to_owned();
        assert_eq!(
            refused(&folder, &policy()),
            [(expected, place)],
            "case {number}"
        );
    }
}

#[test]
fn each_fault_of_the_policy_is_named_where_it_is() {
    let cases = [
        (
            "name: models,",
            "name: images,",
            Code::ManifestOfOtherName,
            "spec.artifacts.manifests[0].name",
        ),
        (
            "    authorities: [{file: release.json}]\n",
            "",
            Code::MissingKey,
            "spec.artifacts",
        ),
        (
            "{file: release.json}",
            "{inline: '{}'}",
            Code::SigningAuthorityForm,
            "spec.artifacts.authorities[0]",
        ),
        (
            "[{file: release.json}]",
            "[{file: release.json}, {file: release.json}]",
            Code::KeyTaken,
            "spec.artifacts.authorities[1]",
        ),
        (
            "file: models.yaml",
            "file: ../models.yaml",
            Code::UnusableFile,
            "spec.artifacts.manifests[0].file",
        ),
        (
            "file: models.yaml",
            "file: models.yaml, minimumSerial: 100",
            Code::ManifestOlder,
            "spec.artifacts.manifests[0]",
        ),
    ];
    let folder = folder();
    for (old, new, code, path) in cases {
        let found = refused(&folder, &policy().replace(old, new));
        assert_eq!(found, [(code, path.to_owned())], "{new}");
    }
}

#[test]
fn an_authority_that_cannot_be_read_is_said_once() {
    let folder = folder();
    let policy = policy().replace("release.json", "nobody.json");
    let place = "spec.artifacts.authorities[0]".to_owned();
    assert_eq!(refused(&folder, &policy), [(Code::UnusableFile, place)]);
}

#[test]
fn a_flow_is_not_blamed_for_the_name_of_a_manifest() {
    let folder = folder();
    let requiring = |manifest: &str| {
        let requires = format!("to: orders\n      requires: {{model: {{manifest: {manifest}}}}}\n");
        let policy = policy().replace("name: models,", "name: images,");
        refused(&folder, &policy.replace("to: orders\n", &requires))
    };
    let place = "spec.artifacts.manifests[0].name".to_owned();
    let other_name = (Code::ManifestOfOtherName, place);
    assert_eq!(requiring("models"), std::slice::from_ref(&other_name));
    // That one is wrong whatever the manifest is called.
    let place = "spec.flows[0].requires.model.manifest".to_owned();
    assert_eq!(
        requiring("others"),
        [other_name, (Code::UnknownManifest, place)]
    );
}

#[test]
fn hints_about_manifests_name_what_a_policy_has() {
    let hint = |change: fn(&TempDir)| {
        let folder = folder();
        change(&folder);
        let found = load(&folder, &policy()).err().unwrap();
        found[0].hint.clone().unwrap()
    };
    let unsigned = hint(|folder| fs::remove_file(folder.path().join("models.yaml.sig")).unwrap());
    assert_eq!(unsigned, "sign it: `models.yaml.sig` must be beside it");
    let unknown = hint(|folder| sign(folder, &signer("other"), "models.yaml", Purpose::Artifacts));
    assert!(
        unknown.contains("`spec.artifacts.authorities`"),
        "{unknown}"
    );
}

#[test]
fn a_changed_byte_of_manifest_or_signature_refuses_the_policy() {
    let folder = folder();
    let policy = policy();
    for name in ["models.yaml", "models.yaml.sig"] {
        let path = folder.path().join(name);
        let good = fs::read(&path).unwrap();
        // Some of them: artifacts/ and credentials/ have tests with all.
        let step = if name.ends_with(".sig") { 61 } else { 7 };
        for place in (0..good.len()).step_by(step) {
            let mut bad = good.clone();
            bad[place] ^= 1;
            fs::write(&path, &bad).unwrap();
            assert!(load(&folder, &policy).is_err(), "byte {place} of {name}");
        }
        fs::write(&path, good).unwrap();
    }
    assert!(load(&folder, &policy).is_ok());
}
