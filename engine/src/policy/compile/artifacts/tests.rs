use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::fixtures::{document, numbered};
use crate::policy::compile;
use crate::policy::raw::{
    ArtifactKind, ArtifactRequirement, Artifacts, Material, PolicyDocument, PolicyManifest,
    Requirements, SignalSubject, VerifiedManifest, VettedArtifact,
};

fn digest(number: usize) -> String {
    format!("sha256:{number:064x}")
}

fn artifact(number: usize) -> VettedArtifact {
    VettedArtifact {
        kind: ArtifactKind::Model,
        digest: digest(number),
        name: "scorer".into(),
        version: Some("1.0.0".into()),
        stage: None,
    }
}

fn manifest(name: &str) -> PolicyManifest {
    PolicyManifest {
        name: name.into(),
        file: None,
        minimum_serial: None,
        verified: Some(VerifiedManifest {
            serial: 2,
            sha256: "a".repeat(64),
            signed_by: "release".into(),
            not_before: "2027-01-01T00:00:00Z".into(),
            not_after: "2027-02-01T00:00:00Z".into(),
            artifacts: vec![artifact(1), artifact(2)],
        }),
    }
}

fn requirement() -> ArtifactRequirement {
    ArtifactRequirement {
        manifest: "models".into(),
        names: Some(vec!["scorer".into()]),
        versions: None,
        stages: None,
    }
}

/// The fixture's policy, with a manifest that its flow requires.
fn requiring() -> PolicyDocument {
    let mut document = document();
    document.spec.artifacts = Some(Artifacts {
        authorities: None,
        manifests: vec![manifest("models")],
    });
    document.spec.flows[0].requires = Some(Requirements {
        model: Some(requirement()),
        image: None,
    });
    document
}

fn errors(document: &PolicyDocument) -> Vec<String> {
    let errors = compile(document).err().unwrap_or_default();
    errors.iter().map(ToString::to_string).collect()
}

fn artifacts(document: &mut PolicyDocument) -> &mut Artifacts {
    document.spec.artifacts.as_mut().unwrap()
}

fn verified(document: &mut PolicyDocument) -> &mut VerifiedManifest {
    artifacts(document).manifests[0].verified.as_mut().unwrap()
}

fn model(document: &mut PolicyDocument) -> &mut ArtifactRequirement {
    let requires = document.spec.flows[0].requires.as_mut().unwrap();
    requires.model.as_mut().unwrap()
}

/// A change of a good policy, and the error that it leads to.
type Change = (fn(&mut PolicyDocument), &'static str);

#[test]
fn a_good_policy_has_the_manifest_and_what_its_flow_requires() {
    let policy = compile(&requiring()).unwrap();
    let [manifest] = policy.manifests() else {
        panic!("one manifest");
    };
    assert_eq!((&**manifest.name(), manifest.serial()), ("models", 2));
    assert_eq!(manifest.artifacts(ArtifactKind::Model).count(), 2);
    assert_eq!(manifest.artifacts(ArtifactKind::Image).count(), 0);
    let [required] = policy.flows()[0].requires() else {
        panic!("one requirement");
    };
    assert_eq!(required.kind(), ArtifactKind::Model);
    assert_eq!(required.manifest().name(), manifest.name());
}

#[test]
fn each_broken_rule_of_manifests_is_named_with_its_path() {
    let changes: [Change; 17] = [
        (
            |it| artifacts(it).manifests.clear(),
            "spec.artifacts.manifests: is empty",
        ),
        (
            |it| artifacts(it).manifests.push(manifest("models")),
            "spec.artifacts.manifests[1].name: `models` is already used",
        ),
        (
            |it| artifacts(it).manifests.push(manifest("My Models")),
            "spec.artifacts.manifests[1].name: `My Models` is no DNS label",
        ),
        (
            |it| artifacts(it).authorities = Some(Vec::new()),
            "spec.artifacts.authorities: is empty",
        ),
        (
            |it| artifacts(it).authorities = Some(vec![Material::File("a.json".into())]),
            "spec.artifacts.authorities[0]: is a file, which only the command line reads",
        ),
        (
            |it| {
                artifacts(it).manifests[0].verified = None;
                artifacts(it).manifests[0].file = Some("models.json".into());
            },
            "spec.artifacts.manifests[0].file: is a file, which only the command line reads",
        ),
        (
            |it| artifacts(it).manifests[0].file = Some("models.json".into()),
            "spec.artifacts.manifests[0]: a manifest is one `file`",
        ),
        (
            |it| artifacts(it).manifests[0].verified = None,
            "spec.artifacts.manifests[0]: a manifest is one `file`",
        ),
        (
            |it| artifacts(it).manifests[0].minimum_serial = Some(3),
            "spec.artifacts.manifests[0]: has the serial 2, and `minimumSerial` is 3",
        ),
        (
            |it| verified(it).sha256 = "a".repeat(63),
            "spec.artifacts.manifests[0].verified.sha256: `aaa",
        ),
        (
            |it| verified(it).signed_by = String::new(),
            "spec.artifacts.manifests[0].verified.signedBy: `` is no DNS label",
        ),
        (
            |it| verified(it).not_after = verified(it).not_before.clone(),
            "spec.artifacts.manifests[0].verified.notAfter: is not after `notBefore`",
        ),
        (
            |it| verified(it).artifacts[1].digest = digest(1),
            "spec.artifacts.manifests[0].verified.artifacts[1]: is not behind the artifact before it",
        ),
        (
            |it| verified(it).artifacts[1].digest = digest(0xa).to_uppercase(),
            "spec.artifacts.manifests[0].verified.artifacts[1].digest: `SHA256:",
        ),
        (
            |it| verified(it).artifacts[1].stage = Some(String::new()),
            "spec.artifacts.manifests[0].verified.artifacts[1].stage: needs a text of 1 to 512 bytes",
        ),
        (
            |it| verified(it).artifacts[1].name = "a\u{202e}b".into(),
            "spec.artifacts.manifests[0].verified.artifacts[1].name: has a control character",
        ),
        (
            |it| verified(it).artifacts.clear(),
            "spec.artifacts.manifests[0].verified.artifacts: is empty",
        ),
    ];
    for (change, expected) in changes {
        let mut document = requiring();
        change(&mut document);
        if artifacts(&mut document).manifests.is_empty() {
            document.spec.flows[0].requires = None;
        }
        let errors = errors(&document);
        assert!(
            errors.len() == 1 && errors[0].starts_with(expected),
            "{expected}: {errors:?}"
        );
    }
}

#[test]
fn each_broken_rule_of_requirements_is_named_with_its_path() {
    let changes: [Change; 7] = [
        (
            |it| {
                it.spec.flows[0].requires = Some(Requirements {
                    model: None,
                    image: None,
                });
            },
            ": is empty",
        ),
        (
            |it| model(it).manifest = "model".into(),
            ".model.manifest: there is no manifest `model`: did you mean `models`?",
        ),
        (
            |it| it.spec.artifacts = None,
            ".model.manifest: there is no manifest `models`: add it to",
        ),
        (
            |it| model(it).names = Some(Vec::new()),
            ".model.names: is empty",
        ),
        (
            |it| model(it).stages = Some(vec!["a".into(), "a".into()]),
            ".model.stages[1]: `a` is already used",
        ),
        (
            |it| model(it).versions = Some(vec!["x".repeat(513)]),
            ".model.versions[0]: needs a text of 1 to 512 bytes",
        ),
        (
            |it| model(it).names = Some(numbered("name-#", 65)),
            ".model.names: has more than 64 entries",
        ),
    ];
    for (change, expected) in changes {
        let mut document = requiring();
        change(&mut document);
        let errors = errors(&document);
        let expected = format!("spec.flows[0].requires{expected}");
        assert!(
            errors.len() == 1 && errors[0].starts_with(&expected),
            "{expected}: {errors:?}"
        );
    }
}

#[test]
fn manifests_and_artifacts_are_bounded() {
    let mut document = requiring();
    let names: Vec<String> = numbered("manifest-#", 64);
    let others = names.iter().map(|name| manifest(name));
    artifacts(&mut document).manifests.extend(others);
    let found = errors(&document);
    assert!(found[0].starts_with("spec.artifacts.manifests: has more than 64 entries"));

    let mut document = requiring();
    verified(&mut document).artifacts = (0..4_095).map(artifact).collect();
    assert_eq!(errors(&document), Vec::<String>::new());
    // Two more than the limit, over both.
    artifacts(&mut document).manifests.push(manifest("others"));
    let found = errors(&document);
    let expected = "spec.artifacts.manifests[1].verified.artifacts: with this manifest the policy has more than 4096 artifacts";
    assert!(
        found.len() == 1 && found[0].starts_with(expected),
        "{found:?}"
    );
}

#[test]
fn a_signal_about_a_digest_can_only_shut_out() {
    let signal = |about: &str, effect: &str| {
        let text = format!(
            r#"[{{"name": "alert", "source": "scanner", "reason": "a finding", "author": "someone",
            "issued": "2027-01-15T07:00:00Z", "expires": "2027-01-15T09:00:00Z",
            "about": {about}, "effect": {effect}}}]"#
        );
        let mut document = document();
        document.spec.signals = serde_json::from_str(&text).unwrap();
        let is_about_model = matches!(
            document.spec.signals.as_ref().unwrap()[0].about,
            SignalSubject::ModelDigest(_)
        );
        (is_about_model, errors(&document))
    };
    let model = format!(r#"{{"modelDigest": "{}"}}"#, digest(1));
    assert_eq!(signal(&model, r#""quarantine""#), (true, Vec::new()));
    let image = format!(r#"{{"imageDigest": "{}"}}"#, digest(1));
    assert_eq!(signal(&image, r#""quarantine""#), (false, Vec::new()));
    let (_, found) = signal(&image, r#""release""#);
    assert!(
        found[0].starts_with("spec.signals[0].about.imageDigest: a signal about a digest can only"),
        "{found:?}"
    );
    let (_, found) = signal(&model, r#""weigh", "milliNats": 5000"#);
    assert!(
        found[0].contains("about.modelDigest: a signal about a digest"),
        "{found:?}"
    );
    let (_, found) = signal(r#"{"modelDigest": "sha256:00"}"#, r#""quarantine""#);
    assert!(found[0].contains("`sha256:00` is no digest"), "{found:?}");
}
