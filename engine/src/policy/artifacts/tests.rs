use alloc::string::ToString;
use alloc::vec;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::artifact::ArtifactClaims;

const BEGIN: TimeMs = TimeMs(1_000_000);
const END: TimeMs = TimeMs(2_000_000);

fn artifact(
    kind: ArtifactKind,
    byte: u8,
    name: &str,
    version: Option<&str>,
    stage: Option<&str>,
) -> Artifact {
    Artifact {
        kind,
        digest: ArtifactDigest::new([byte; 32]),
        name: Box::from(name),
        version: version.map(Box::from),
        stage: stage.map(Box::from),
    }
}

fn manifest() -> Arc<Manifest> {
    use ArtifactKind::{Image, Model};
    Arc::new(Manifest {
        name: Arc::from("models"),
        serial: 3,
        not_before: BEGIN,
        not_after: END,
        artifacts: vec![
            artifact(Model, 1, "scorer", Some("3.1.0"), Some("production")),
            artifact(Model, 2, "scorer", Some("3.2.0"), Some("staging")),
            artifact(Model, 3, "embedder", None, None),
            artifact(Image, 1, "server", None, Some("production")),
        ],
    })
}

fn required(change: impl FnOnce(&mut ArtifactRequirement)) -> ArtifactRequirement {
    let mut required = ArtifactRequirement {
        kind: ArtifactKind::Model,
        manifest: manifest(),
        names: None,
        versions: None,
        stages: None,
    };
    change(&mut required);
    required
}

fn list(texts: &[&str]) -> Option<Vec<Box<str>>> {
    Some(texts.iter().map(|text| Box::from(*text)).collect())
}

/// The models, by their first byte, with which a caller passes.
fn admitted(required: &ArtifactRequirement) -> Vec<u8> {
    let check = |byte: &u8| {
        let digest = ArtifactDigest::new([*byte; 32]);
        required.check(Some(&digest), BEGIN).is_ok()
    };
    (0..=5).filter(check).collect()
}

#[test]
fn without_conditions_each_model_of_the_manifest_and_no_other_passes() {
    let required = required(|_| {});
    assert_eq!(admitted(&required), [1, 2, 3]);
    let image = ArtifactRequirement {
        kind: ArtifactKind::Image,
        ..required
    };
    assert_eq!(admitted(&image), [1], "a model is no image");
}

#[test]
fn each_condition_is_any_of_its_list_and_all_conditions_must_hold() {
    type Change = fn(&mut ArtifactRequirement);
    let cases: [(Change, &[u8]); 8] = [
        (|it| it.names = list(&["scorer"]), &[1, 2]),
        (|it| it.names = list(&["embedder", "scorer"]), &[1, 2, 3]),
        (|it| it.names = list(&["Scorer", "score", "scorer "]), &[]),
        (|it| it.stages = list(&["production"]), &[1]),
        (|it| it.stages = list(&["production", "staging"]), &[1, 2]),
        (|it| it.versions = list(&["3.1"]), &[]),
        (|it| it.versions = list(&["3.2.0"]), &[2]),
        (
            |it| {
                it.versions = list(&["3.2.0"]);
                it.stages = list(&["production"]);
            },
            &[],
        ),
    ];
    for (number, (change, expected)) in cases.into_iter().enumerate() {
        assert_eq!(admitted(&required(change)), expected, "case {number}");
    }
}

#[test]
fn the_manifest_counts_from_its_first_millisecond_to_before_its_end() {
    let required = required(|_| {});
    let digest = ArtifactDigest::new([1; 32]);
    for (now, expected) in [
        (BEGIN.0 - 1, Err(DenyReason::ArtifactManifestExpired)),
        (BEGIN.0, Ok(())),
        (END.0 - 1, Ok(())),
        (END.0, Err(DenyReason::ArtifactManifestExpired)),
    ] {
        assert_eq!(
            required.check(Some(&digest), TimeMs(now)),
            expected,
            "{now}"
        );
    }
    let other = ArtifactDigest::new([9; 32]);
    let refused = |claimed, now| required.check(claimed, now).unwrap_err();
    assert_eq!(refused(None, BEGIN), DenyReason::ClaimMissing);
    assert_eq!(refused(Some(&other), BEGIN), DenyReason::ArtifactNotAllowed);
    assert_eq!(refused(None, END), DenyReason::ArtifactManifestExpired);
}

#[test]
fn says_what_is_required_and_what_was_found() {
    let required = required(|it| {
        it.names = list(&["scorer"]);
        it.stages = list(&["production", "staging"]);
    });
    assert_eq!(
        required.to_string(),
        "model of manifest models, names scorer, stages production or staging"
    );
    let checked = CheckedArtifact {
        kind: ArtifactKind::Model,
        digest: Some(ArtifactDigest::new([2; 32])),
        required: Some(Arc::new(required)),
    };
    let found = checked.found().map(ToString::to_string);
    assert_eq!(found.as_deref(), Some("scorer 3.2.0, staging"));
    assert_eq!(
        CheckedArtifact {
            required: None,
            ..checked
        }
        .found(),
        None
    );
}

#[test]
fn a_quarantine_lasts_until_before_its_end_and_is_of_one_kind() {
    let mut quarantines = ArtifactQuarantines::default();
    assert!(quarantines.is_empty());
    let digest = ArtifactDigest::new([7; 32]);
    quarantines.insert(ArtifactKind::Model, digest, BEGIN);
    quarantines.insert(ArtifactKind::Model, digest, END);
    assert!(!quarantines.is_empty());
    let find = |kind, now| quarantines.find(kind, digest.tag(), TimeMs(now)).copied();
    assert_eq!(find(ArtifactKind::Model, 0), Some(digest));
    assert_eq!(find(ArtifactKind::Model, END.0 - 1), Some(digest));
    assert_eq!(find(ArtifactKind::Model, END.0), None);
    assert_eq!(find(ArtifactKind::Image, 0), None);
    let claims = ArtifactClaims {
        image: Some(digest),
        ..ArtifactClaims::default()
    };
    assert_eq!(claims.of(ArtifactKind::Image), Some(&digest));
    assert!(claims.of(ArtifactKind::Model).is_none() && !claims.is_empty());
}
