//! Vetted models and images: what a flow asks of its callers, and which digests are in quarantine.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::raw::ArtifactKind;
use crate::artifact::{ArtifactDigest, DigestTag};
use crate::reason::DenyReason;
use crate::time::TimeMs;

/// A manifest that the command line verified.
#[derive(Debug, PartialEq, Eq)]
pub struct Manifest {
    pub(super) name: Arc<str>,
    pub(super) serial: u64,
    pub(super) not_before: TimeMs,
    /// Exclusive.
    pub(super) not_after: TimeMs,
    /// INVARIANT: in the order of their keys, which they are searched by.
    pub(super) artifacts: Vec<Artifact>,
}

/// A model or an image that was vetted.
#[derive(Debug, PartialEq, Eq)]
pub struct Artifact {
    pub(super) kind: ArtifactKind,
    pub(super) digest: ArtifactDigest,
    pub(super) name: Box<str>,
    pub(super) version: Option<Box<str>>,
    pub(super) stage: Option<Box<str>>,
}

/// What a flow asks of the model or image of a caller.
#[derive(Debug, PartialEq, Eq)]
pub struct ArtifactRequirement {
    pub(super) kind: ArtifactKind,
    pub(super) manifest: Arc<Manifest>,
    pub(super) names: Option<Vec<Box<str>>>,
    pub(super) versions: Option<Vec<Box<str>>>,
    pub(super) stages: Option<Vec<Box<str>>>,
}

/// What was asked of the model or image of a caller when a decision was made, and what came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedArtifact {
    /// Which of the two.
    pub kind: ArtifactKind,
    /// What its token claims; with a quarantine, the digest that the signal is about.
    pub digest: Option<ArtifactDigest>,
    /// What the flow requires; none where it is a quarantine that was asked.
    pub required: Option<Arc<ArtifactRequirement>>,
}

/// The digests that signals shut out.
#[derive(Debug, Default)]
pub(super) struct ArtifactQuarantines {
    models: BTreeMap<DigestTag, Vec<Quarantined>>,
    images: BTreeMap<DigestTag, Vec<Quarantined>>,
}

#[derive(Debug)]
struct Quarantined {
    digest: ArtifactDigest,
    /// Exclusive.
    expires: TimeMs,
}

// === impl Manifest ===

impl Manifest {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its number.
    #[must_use]
    pub const fn serial(&self) -> u64 {
        self.serial
    }

    /// Until when it counts, exclusive.
    #[must_use]
    pub const fn not_after(&self) -> TimeMs {
        self.not_after
    }

    /// Whether it counts at this time.
    #[must_use]
    pub fn is_in_force(&self, now: TimeMs) -> bool {
        self.not_before <= now && now < self.not_after
    }

    /// All artifacts of a kind.
    pub fn artifacts(&self, kind: ArtifactKind) -> impl Iterator<Item = &Artifact> {
        let artifacts = self.artifacts.iter();
        artifacts.filter(move |artifact| artifact.kind == kind)
    }

    /// The artifact of a kind with this digest.
    #[must_use]
    pub fn find(&self, kind: ArtifactKind, digest: &ArtifactDigest) -> Option<&Artifact> {
        let wanted = (kind, digest);
        let found = self.artifacts.binary_search_by(|it| it.key().cmp(&wanted));
        match found {
            Ok(place) => self.artifacts.get(place),
            Err(_) => None,
        }
    }
}

// === impl Artifact ===

impl Artifact {
    /// What tells it from others.
    pub(super) const fn key(&self) -> (ArtifactKind, &ArtifactDigest) {
        (self.kind, &self.digest)
    }
}

// === impl ArtifactRequirement ===

impl ArtifactRequirement {
    /// The kind of artifact.
    #[must_use]
    pub const fn kind(&self) -> ArtifactKind {
        self.kind
    }

    /// The manifest that lists what is good enough.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether what a caller's token claims is good enough at this time.
    ///
    /// # Errors
    /// [`DenyReason::ArtifactManifestExpired`] whatever the caller claims, where the manifest does not
    /// count at this time; [`DenyReason::ClaimMissing`] where it claims nothing of this kind;
    /// [`DenyReason::ArtifactNotAllowed`] for every other artifact.
    pub fn check(&self, claimed: Option<&ArtifactDigest>, now: TimeMs) -> Result<(), DenyReason> {
        if !self.manifest.is_in_force(now) {
            return Err(DenyReason::ArtifactManifestExpired);
        }
        let claimed = claimed.ok_or(DenyReason::ClaimMissing)?;
        match self.manifest.find(self.kind, claimed) {
            Some(artifact) if self.admits(artifact) => Ok(()),
            Some(_) | None => Err(DenyReason::ArtifactNotAllowed),
        }
    }

    /// Whether an artifact of the manifest is one of those that are asked for.
    #[must_use]
    pub fn admits(&self, artifact: &Artifact) -> bool {
        holds(self.names.as_deref(), Some(&artifact.name))
            && holds(self.versions.as_deref(), artifact.version.as_deref())
            && holds(self.stages.as_deref(), artifact.stage.as_deref())
    }
}

/// `model of manifest models, names fraud-scorer, stages production or staging`.
impl fmt::Display for ArtifactRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of manifest {}",
            self.kind.as_str(),
            self.manifest.name
        )?;
        let lists = [
            ("names", &self.names),
            ("versions", &self.versions),
            ("stages", &self.stages),
        ];
        for (word, list) in lists {
            let mut separator = "";
            for (number, text) in list.iter().flatten().enumerate() {
                if number == 0 {
                    write!(f, ", {word} ")?;
                }
                write!(f, "{separator}{text}")?;
                separator = " or ";
            }
        }
        Ok(())
    }
}

/// `fraud-scorer 3.1.0, production`.
impl fmt::Display for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(version) = &self.version {
            write!(f, " {version}")?;
        }
        if let Some(stage) = &self.stage {
            write!(f, ", {stage}")?;
        }
        Ok(())
    }
}

/// Absent is any; a list is one of these, and what says nothing is none of them.
fn holds(wanted: Option<&[Box<str>]>, said: Option<&str>) -> bool {
    match (wanted, said) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wanted), Some(said)) => wanted.iter().any(|text| **text == *said),
    }
}

// === impl CheckedArtifact ===

impl CheckedArtifact {
    /// What the manifest says of the digest, if it lists it.
    #[must_use]
    pub fn found(&self) -> Option<&Artifact> {
        let required = self.required.as_deref()?;
        required.manifest.find(self.kind, self.digest.as_ref()?)
    }
}

// === impl ArtifactQuarantines ===

impl ArtifactQuarantines {
    pub(super) fn insert(&mut self, kind: ArtifactKind, digest: ArtifactDigest, expires: TimeMs) {
        let entry = Quarantined { digest, expires };
        let entries = match kind {
            ArtifactKind::Model => &mut self.models,
            ArtifactKind::Image => &mut self.images,
        };
        entries.entry(digest.tag()).or_default().push(entry);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.models.is_empty() && self.images.is_empty()
    }

    /// The digest with these first bytes that is in quarantine at this time.
    pub(super) fn find(
        &self,
        kind: ArtifactKind,
        tag: DigestTag,
        now: TimeMs,
    ) -> Option<&ArtifactDigest> {
        let entries = match kind {
            ArtifactKind::Model => &self.models,
            ArtifactKind::Image => &self.images,
        };
        let mut known = entries.get(&tag)?.iter();
        let lasting = known.find(|entry| now < entry.expires)?;
        Some(&lasting.digest)
    }
}

#[cfg(test)]
mod tests;
