//! What a peer runs, by the newest of its tokens that were verified.
//!
//! A quarantine of a digest reaches a peer also where it leaves its token out, so the digests of its
//! tokens are remembered: of each kind the one of the token that was issued last. A token that does
//! not name a kind changes nothing of it. What other workers of the proxy saw is kept apart from what
//! this one verified: it can add a digest, and never take one away.

use core::num::NonZeroU32;

use crate::artifact::{ArtifactClaims, DigestTag};
use crate::policy::raw::ArtifactKind;
use crate::time::TimeMs;

/// The digests of a peer, by their first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Running {
    model: Known,
    image: Known,
}

/// What is known of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Known {
    /// Verified by this worker.
    own: Option<Sighting>,
    /// Newer ones, by the word of others.
    heard: Option<Sighting>,
}

/// A digest in a token. The order is that of time; two tokens of one second are in the order of
/// their digests, so that all workers come to the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sighting {
    /// The second of `iat`; one that no token can have is as good as the last that one can.
    pub(super) issued: NonZeroU32,
    pub(super) tag: DigestTag,
}

impl Running {
    /// Takes in what a token claims that was issued at this time; says whether that is news.
    pub fn see(&mut self, claims: &ArtifactClaims, issued: TimeMs) -> bool {
        let mut is_news = false;
        for kind in ArtifactKind::ALL {
            if let Some(digest) = claims.of(kind) {
                let sighting = Sighting::new(issued, digest.tag());
                is_news |= self.known_mut(kind).see(sighting);
            }
        }
        is_news
    }

    /// The digests of a kind that count.
    pub fn tags(&self, kind: ArtifactKind) -> impl Iterator<Item = DigestTag> {
        let Known { own, heard } = *self.known(kind);
        own.into_iter().chain(heard).map(|sighting| sighting.tag)
    }

    /// What others should know.
    pub(super) fn newest(&self, kind: ArtifactKind) -> Option<Sighting> {
        let Known { own, heard } = *self.known(kind);
        own.max(heard)
    }

    /// Takes in what others wrote.
    pub(super) fn hear(&mut self, kind: ArtifactKind, theirs: Option<Sighting>) {
        let known = self.known_mut(kind);
        if theirs > known.own {
            known.heard = known.heard.max(theirs);
        }
    }

    const fn known(&self, kind: ArtifactKind) -> &Known {
        match kind {
            ArtifactKind::Model => &self.model,
            ArtifactKind::Image => &self.image,
        }
    }

    const fn known_mut(&mut self, kind: ArtifactKind) -> &mut Known {
        match kind {
            ArtifactKind::Model => &mut self.model,
            ArtifactKind::Image => &mut self.image,
        }
    }
}

impl Known {
    fn see(&mut self, sighting: Sighting) -> bool {
        let seen = Some(sighting);
        if seen <= self.own {
            return false;
        }
        self.own = seen;
        if self.heard <= self.own {
            self.heard = None;
        }
        true
    }
}

impl Sighting {
    fn new(issued: TimeMs, tag: DigestTag) -> Self {
        let seconds = issued.0.checked_div(1000).unwrap_or(0);
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        Self {
            issued: NonZeroU32::new(seconds).unwrap_or(NonZeroU32::MIN),
            tag,
        }
    }
}

#[cfg(test)]
mod tests;
