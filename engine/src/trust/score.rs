//! The score of a peer, and the terms that explain it.

use super::{MilliNats, PeerView};
use crate::facts::{CredentialFacts, MutualTls, PeerMetadata, TlsVersion};
use crate::identity::Assurance;
use crate::policy::raw::AlternativeAlgorithm;
use crate::time::TimeMs;

/// A trust score with its explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Score {
    /// Log-odds that the peer is compromised.
    pub lambda: MilliNats,
    /// 0 (surely compromised) to 99, rounded down.
    pub trust: u8,
    /// How little is known of the peer: 100 for one that was never seen, 0 for a known one.
    pub uncertainty: u8,
    /// What `lambda` is the sum of.
    pub terms: Terms,
    /// What some of the terms rest on.
    pub grounds: Grounds,
}

/// What the terms rest on, for explanations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grounds {
    /// The assurance of the peer's identity.
    pub assurance: Assurance,
    /// The TLS version.
    pub tls_version: TlsVersion,
    /// Distinct refused targets that are remembered.
    pub refused_targets: u8,
    /// Seconds since the first of them.
    pub refused_span_seconds: u32,
}

/// What is known of a peer apart from its behaviour.
#[derive(Debug, Clone, Copy)]
pub struct Static<'a> {
    /// Log-odds before anything is known.
    pub prior: MilliNats,
    /// Its connection.
    pub tls: &'a MutualTls,
    /// Its certificate.
    pub certificate: &'a CredentialFacts,
    /// The assurance of its identity.
    pub assurance: Assurance,
    /// The ML-DSA level of the authority that vouches for it, if one does.
    pub level: Option<AlternativeAlgorithm>,
    /// What its metadata says of it.
    pub metadata: PeerMetadata,
}

/// The terms of a score, in milli-nats. A positive term lowers trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// Before anything is known of the peer.
    pub prior: MilliNats,
    /// The assurance of its identity.
    pub assurance: MilliNats,
    /// The ML-DSA level of its authority.
    pub level: MilliNats,
    /// The TLS version.
    pub tls_version: MilliNats,
    /// How much of its certificate's lifetime has passed.
    pub credential_age: MilliNats,
    /// Metadata that names another workload.
    pub metadata: MilliNats,
    /// Refused requests.
    pub denial: MilliNats,
    /// Operations and targets that it never used before.
    pub novelty: MilliNats,
    /// Credentials that did not hold.
    pub credential: MilliNats,
    /// More requests than usual.
    pub rate: MilliNats,
    /// More bytes than usual.
    pub volume: MilliNats,
    /// Refusals of the application.
    pub error: MilliNats,
    /// Signals of others.
    pub signal: MilliNats,
}

/// The names of the terms, as records and explanations show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TermName {
    /// See [`Terms::prior`].
    Prior,
    /// See [`Terms::assurance`].
    Assurance,
    /// See [`Terms::level`].
    Level,
    /// See [`Terms::tls_version`].
    TlsVersion,
    /// See [`Terms::credential_age`].
    CredentialAge,
    /// See [`Terms::metadata`].
    Metadata,
    /// See [`Terms::denial`].
    Denial,
    /// See [`Terms::novelty`].
    Novelty,
    /// See [`Terms::credential`].
    Credential,
    /// See [`Terms::rate`].
    Rate,
    /// See [`Terms::volume`].
    Volume,
    /// See [`Terms::error`].
    Error,
    /// See [`Terms::signal`].
    Signal,
}

/// Computes the score of a peer.
#[must_use]
pub fn score(known: &Static<'_>, peer: &PeerView, now: TimeMs) -> Score {
    let positive = |milli_nats: u32| MilliNats::try_from(milli_nats).unwrap_or(MilliNats::MAX);
    let evidence = &peer.evidence;
    let terms = Terms {
        prior: known.prior,
        assurance: assurance_term(known.assurance),
        level: known.level.map_or(0, level_term),
        tls_version: tls_version_term(known.tls.version),
        credential_age: age_term(known.certificate, now),
        metadata: metadata_term(known.metadata),
        denial: positive(evidence.denial),
        novelty: positive(evidence.novelty),
        credential: positive(evidence.credential),
        rate: positive(evidence.rate),
        volume: positive(evidence.volume),
        error: positive(evidence.error),
        signal: positive(peer.signal),
    };
    let lambda = terms.sum();
    Score {
        lambda,
        trust: trust(lambda),
        uncertainty: peer.uncertainty,
        terms,
        grounds: Grounds {
            assurance: known.assurance,
            tls_version: known.tls.version,
            refused_targets: peer.refused_targets,
            refused_span_seconds: peer.refused_span_seconds,
        },
    }
}

/// The highest trust that a peer of this prior can have: fresh, over TLS 1.3, never suspect.
#[must_use]
pub fn ceiling(prior: MilliNats, assurance: Assurance, level: Option<AlternativeAlgorithm>) -> u8 {
    let terms = Terms {
        prior,
        assurance: assurance_term(assurance),
        level: level.map_or(0, level_term),
        tls_version: tls_version_term(TlsVersion::Tls13),
        ..Terms::default()
    };
    trust(terms.sum())
}

// === impl Score ===

impl Score {
    /// What the peer's behaviour amounts to (S), in milli-nats.
    #[must_use]
    pub fn behaviour(&self) -> MilliNats {
        let terms = &self.terms;
        let families = [
            terms.denial,
            terms.novelty,
            terms.credential,
            terms.rate,
            terms.volume,
            terms.error,
        ];
        families.into_iter().fold(0, MilliNats::saturating_add)
    }

    /// The one term without which the trust would suffice; none if it suffices, or if no single
    /// term is to blame.
    #[must_use]
    pub fn decisive(&self, minimum_trust: u8) -> Option<TermName> {
        let (name, term) = self.terms.greatest();
        let suffices = |lambda| trust(lambda) >= minimum_trust;
        (!suffices(self.lambda) && suffices(self.lambda.saturating_sub(term))).then_some(name)
    }
}

// === impl Terms ===

impl Terms {
    /// The terms with their names, in the order of the score's definition.
    #[must_use]
    pub const fn list(&self) -> [(TermName, MilliNats); 13] {
        [
            (TermName::Prior, self.prior),
            (TermName::Assurance, self.assurance),
            (TermName::Level, self.level),
            (TermName::TlsVersion, self.tls_version),
            (TermName::CredentialAge, self.credential_age),
            (TermName::Metadata, self.metadata),
            (TermName::Denial, self.denial),
            (TermName::Novelty, self.novelty),
            (TermName::Credential, self.credential),
            (TermName::Rate, self.rate),
            (TermName::Volume, self.volume),
            (TermName::Error, self.error),
            (TermName::Signal, self.signal),
        ]
    }

    /// The term that lowers trust most; the first of equal ones.
    fn greatest(&self) -> (TermName, MilliNats) {
        let first = (TermName::Prior, self.prior);
        self.list().into_iter().fold(
            first,
            |greatest, term| {
                if term.1 > greatest.1 { term } else { greatest }
            },
        )
    }

    fn sum(&self) -> MilliNats {
        self.list()
            .iter()
            .fold(0, |sum: MilliNats, (_, term)| sum.saturating_add(*term))
    }
}

// === impl TermName ===

impl TermName {
    /// The word for it in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prior => "prior",
            Self::Assurance => "assurance",
            Self::Level => "level",
            Self::TlsVersion => "tls_version",
            Self::CredentialAge => "credential_age",
            Self::Metadata => "metadata",
            Self::Denial => "denial",
            Self::Novelty => "novelty",
            Self::Credential => "credential",
            Self::Rate => "rate",
            Self::Volume => "volume",
            Self::Error => "error",
            Self::Signal => "signal",
        }
    }
}

const fn assurance_term(assurance: Assurance) -> MilliNats {
    match assurance {
        Assurance::Plaintext => 2_000,
        Assurance::Classical => 0,
        Assurance::Hybrid => -1_500,
        Assurance::HybridProven => -2_000,
    }
}

const fn tls_version_term(version: TlsVersion) -> MilliNats {
    match version {
        TlsVersion::Tls13 => -200,
        TlsVersion::Tls12 => 0,
        TlsVersion::Other => 500,
    }
}

const fn level_term(level: AlternativeAlgorithm) -> MilliNats {
    match level {
        AlternativeAlgorithm::MlDsa44 => 200,
        AlternativeAlgorithm::MlDsa65 => 0,
        AlternativeAlgorithm::MlDsa87 => -200,
    }
}

/// Metadata is the peer's own word: that it agrees says nothing.
const fn metadata_term(metadata: PeerMetadata) -> MilliNats {
    match metadata {
        PeerMetadata::Absent | PeerMetadata::Agrees => 0,
        PeerMetadata::Contradicts => 2_000,
    }
}

/// 0 for the first half of the lifetime, then up to 500 at expiry: an old credential was longer
/// exposed to theft.
fn age_term(credential: &CredentialFacts, now: TimeMs) -> MilliNats {
    let lifetime = credential.not_after.since(credential.not_before);
    let over_half = now
        .since(credential.not_before)
        .saturating_sub(lifetime >> 1);
    let term = over_half
        .saturating_mul(1_000)
        .checked_div(lifetime)
        .unwrap_or(0);
    MilliNats::try_from(term).map_or(MAXIMUM_AGE_TERM, |term| term.min(MAXIMUM_AGE_TERM))
}

/// `100 / (1 + e^(lambda / 1000))`, rounded down.
fn trust(lambda: MilliNats) -> u8 {
    let reached = TRUST_THRESHOLDS.partition_point(|threshold| lambda <= *threshold);
    u8::try_from(reached).unwrap_or(0)
}

const MAXIMUM_AGE_TERM: MilliNats = 500;

/// The greatest `lambda` that still gives a trust of 1, 2, .. 99: `1000 * ln((100 - k) / k)`,
/// rounded down.
const TRUST_THRESHOLDS: [MilliNats; 99] = [
    4_595, 3_891, 3_476, 3_178, 2_944, 2_751, 2_586, 2_442, 2_313, 2_197, 2_090, 1_992, 1_900,
    1_815, 1_734, 1_658, 1_585, 1_516, 1_450, 1_386, 1_324, 1_265, 1_208, 1_152, 1_098, 1_045, 994,
    944, 895, 847, 800, 753, 708, 663, 619, 575, 532, 489, 447, 405, 363, 322, 281, 241, 200, 160,
    120, 80, 40, 0, -41, -81, -121, -161, -201, -242, -282, -323, -364, -406, -448, -490, -533,
    -576, -620, -664, -709, -754, -801, -848, -896, -945, -995, -1_046, -1_099, -1_153, -1_209,
    -1_266, -1_325, -1_387, -1_451, -1_517, -1_586, -1_659, -1_735, -1_816, -1_901, -1_993, -2_091,
    -2_198, -2_314, -2_443, -2_587, -2_752, -2_945, -3_179, -3_477, -3_892, -4_596,
];

#[cfg(test)]
mod tests;
