//! What flows require of models: random requirements and claims, and what a naive reader makes of
//! them.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use sallyport_engine::policy::raw::{
    ArtifactKind, ArtifactRequirement, Artifacts, PolicyManifest, Requirements, VerifiedManifest,
    VettedArtifact,
};
use sallyport_engine::reason::DenyReason;

const NAMES: [&str; 2] = ["scorer", "embedder"];
const STAGES: [&str; 2] = ["staging", "production"];
const VERSIONS: [&str; 2] = ["1", "2"];

/// A manifest, and what a flow requires of it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    listed: Vec<Listed>,
    names: Option<Vec<&'static str>>,
    stages: Option<Vec<&'static str>>,
    versions: Option<Vec<&'static str>>,
    has_ended: bool,
}

#[derive(Debug, Clone)]
struct Listed {
    number: u8,
    name: &'static str,
    stage: Option<&'static str>,
    version: Option<&'static str>,
}

pub(crate) fn asked() -> impl Strategy<Value = Asked> {
    let listed = (
        select(NAMES.to_vec()),
        prop::option::of(select(STAGES.to_vec())),
        prop::option::of(select(VERSIONS.to_vec())),
    );
    let some = |of: [&'static str; 2]| prop::option::weighted(0.4, subsequence(of.to_vec(), 1..3));
    (
        prop::collection::vec(listed, 1..5),
        some(NAMES),
        some(STAGES),
        some(VERSIONS),
        prop::bool::weighted(0.1),
    )
        .prop_map(|(listed, names, stages, versions, has_ended)| Asked {
            listed: (1..)
                .zip(listed)
                .map(|(number, (name, stage, version))| Listed {
                    number,
                    name,
                    stage,
                    version,
                })
                .collect(),
            names,
            stages,
            versions,
            has_ended,
        })
}

/// The number of the model that a token claims, if it claims one. Not all are in the manifest.
pub(crate) fn claims() -> impl Strategy<Value = Option<u8>> {
    prop::option::weighted(0.85, 0_u8..6)
}

impl Asked {
    pub(crate) fn manifests(&self) -> Artifacts {
        let artifacts = self.listed.iter().map(|listed| VettedArtifact {
            kind: ArtifactKind::Model,
            digest: format!("sha256:{}", format!("{:02x}", listed.number).repeat(32)),
            name: listed.name.into(),
            version: listed.version.map(String::from),
            stage: listed.stage.map(String::from),
        });
        let not_after = if self.has_ended {
            // The time of all requests.
            "2027-01-15T08:00:00Z"
        } else {
            "2027-01-15T08:00:01Z"
        };
        Artifacts {
            authorities: None,
            manifests: vec![PolicyManifest {
                name: "models".into(),
                file: None,
                minimum_serial: None,
                verified: Some(VerifiedManifest {
                    serial: 1,
                    sha256: "0".repeat(64),
                    signed_by: "release".into(),
                    not_before: "2027-01-01T00:00:00Z".into(),
                    not_after: not_after.into(),
                    artifacts: artifacts.collect(),
                }),
            }],
        }
    }

    pub(crate) fn requirements(&self) -> Requirements {
        let list = |of: &Option<Vec<&str>>| {
            let texts = of.as_ref()?.iter();
            Some(texts.map(|text| String::from(*text)).collect())
        };
        Requirements {
            model: Some(ArtifactRequirement {
                manifest: "models".into(),
                names: list(&self.names),
                versions: list(&self.versions),
                stages: list(&self.stages),
            }),
            image: None,
        }
    }

    /// Why a caller with this claim is refused.
    pub(crate) fn refuses(&self, claim: Option<u8>) -> Option<DenyReason> {
        if self.has_ended {
            return Some(DenyReason::ArtifactManifestExpired);
        }
        let Some(claim) = claim else {
            return Some(DenyReason::ClaimMissing);
        };
        let is_one_of = |said: Option<&str>, wanted: &Option<Vec<&str>>| match wanted {
            None => true,
            Some(wanted) => wanted.iter().any(|text| Some(*text) == said),
        };
        let is_vetted = self.listed.iter().any(|listed| {
            listed.number == claim
                && is_one_of(Some(listed.name), &self.names)
                && is_one_of(listed.stage, &self.stages)
                && is_one_of(listed.version, &self.versions)
        });
        (!is_vetted).then_some(DenyReason::ArtifactNotAllowed)
    }
}
