//! The score of a peer, and the terms that explain it.

use super::{MilliNats, PeerState};
use crate::facts::{CredentialFacts, MutualTls, TlsVersion};
use crate::identity::Assurance;
use crate::time::TimeMs;

/// A trust score with its explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Score {
    /// Log-odds that the peer is compromised.
    pub lambda: MilliNats,
    /// 0 (surely compromised) to 99, rounded down.
    pub trust: u8,
    /// What `lambda` is the sum of.
    pub terms: Terms,
}

/// The terms of a score, in milli-nats. A positive term lowers trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// Before anything is known of the peer.
    pub prior: MilliNats,
    /// The assurance of its identity.
    pub assurance: MilliNats,
    /// The TLS version.
    pub tls_version: MilliNats,
    /// How much of its certificate's lifetime has passed.
    pub credential_age: MilliNats,
    /// Refused requests.
    pub denial: MilliNats,
    /// Credentials that did not hold.
    pub credential: MilliNats,
}

/// The names of the terms, as records and explanations show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TermName {
    /// See [`Terms::prior`].
    Prior,
    /// See [`Terms::assurance`].
    Assurance,
    /// See [`Terms::tls_version`].
    TlsVersion,
    /// See [`Terms::credential_age`].
    CredentialAge,
    /// See [`Terms::denial`].
    Denial,
    /// See [`Terms::credential`].
    Credential,
}

/// Computes the score of a peer, whose state was [advanced](PeerState::advance) to `now`.
#[must_use]
pub fn score(
    tls: &MutualTls,
    certificate: &CredentialFacts,
    assurance: Assurance,
    peer: &PeerState,
    now: TimeMs,
) -> Score {
    let terms = Terms {
        prior: PRIOR,
        assurance: assurance_term(assurance),
        tls_version: tls_version_term(tls.version),
        credential_age: age_term(certificate, now),
        denial: MilliNats::try_from(peer.denial()).unwrap_or(MilliNats::MAX),
        credential: MilliNats::try_from(peer.credential()).unwrap_or(MilliNats::MAX),
    };
    let lambda = terms.sum();
    Score {
        lambda,
        trust: trust(lambda),
        terms,
    }
}

// === impl Terms ===

impl Terms {
    /// The terms with their names, in the order of the score's definition.
    #[must_use]
    pub const fn list(&self) -> [(TermName, MilliNats); 6] {
        [
            (TermName::Prior, self.prior),
            (TermName::Assurance, self.assurance),
            (TermName::TlsVersion, self.tls_version),
            (TermName::CredentialAge, self.credential_age),
            (TermName::Denial, self.denial),
            (TermName::Credential, self.credential),
        ]
    }

    fn sum(&self) -> MilliNats {
        self.list()
            .iter()
            .fold(0, |sum: MilliNats, (_, term)| sum.saturating_add(*term))
    }
}

// === impl TermName ===

impl TermName {
    /// The word for it in records and explanations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prior => "prior",
            Self::Assurance => "assurance",
            Self::TlsVersion => "tls_version",
            Self::CredentialAge => "credential_age",
            Self::Denial => "denial",
            Self::Credential => "credential",
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

/// One workload in a hundred is taken to be compromised: `ln(0.01 / 0.99)`, rounded.
const PRIOR: MilliNats = -4_600;
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
