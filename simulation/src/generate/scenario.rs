//! What can happen in a generated trace.

use core::fmt;
use core::str::FromStr;

/// What happens in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// A mesh at work, with deploys, incidents and mistakes now and then.
    Benign,
    /// A service is deployed: new certificates, or new operations of known ones.
    Deploy,
    /// The called workload fails, and all retry.
    RetryStorm,
    /// The called workload answers with 5xx for a while.
    CalleeIncident,
    /// The policy forgets one path that a service uses, without parameters.
    TypoStatic,
    /// As before, with numbers in the path.
    TypoNumbers,
    /// As before, with names in the path, each of which is another target.
    TypoNames,
    /// Authorities rotate, and the called sidecar does not know the new one: all tokens of one service fail.
    KeyRotation,
    /// A1: a workload without a flow calls.
    OffFlow,
    /// A2: a stolen identity is used with another certificate.
    StolenIdentity,
    /// A3: 2 requests a second, of which 80% ask for distinct undeclared operations.
    Scan,
    /// A4: one distinct probe a minute.
    SlowMinute,
    /// A4: one distinct probe in ten minutes.
    SlowTenMinutes,
    /// A5: answers of 20 times the usual size.
    Exfiltration,
    /// A6: ten times the usual requests.
    Flood,
    /// A7: three probes, then twenty minutes of silence, and again.
    OnOff,
    /// A8: eight hours of zeal, then a scan.
    TrustBanking,
    /// A9: each certificate of many makes three probes.
    Sybil,
    /// A10: a scanner takes a new certificate every two minutes.
    Rotation,
    /// A11: the certificate comes without its ML-DSA signature.
    Downgrade,
    /// A12: stolen tokens on a connection that they are not bound to.
    TokenReplay,
    /// A13: the certificate expires while the connection lives.
    Expiry,
    /// A14: the rate creeps up for ten hours, then jumps.
    BaselinePoisoning,
    /// A16: a workload shows tokens that name another one.
    Framing,
    /// A17: an isolated scanner sends a flood of new identities, to be forgotten.
    StateExhaustion,
    /// A18: the clock jumps two hours ahead and back in the middle of a scan.
    ClockSkew,
}

/// A text that names no scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no scenario `{0}`")]
pub struct InvalidScenario(String);

impl Scenario {
    /// All scenarios.
    pub const ALL: [Self; 26] = [
        Self::Benign,
        Self::Deploy,
        Self::RetryStorm,
        Self::CalleeIncident,
        Self::TypoStatic,
        Self::TypoNumbers,
        Self::TypoNames,
        Self::KeyRotation,
        Self::OffFlow,
        Self::StolenIdentity,
        Self::Scan,
        Self::SlowMinute,
        Self::SlowTenMinutes,
        Self::Exfiltration,
        Self::Flood,
        Self::OnOff,
        Self::TrustBanking,
        Self::Sybil,
        Self::Rotation,
        Self::Downgrade,
        Self::TokenReplay,
        Self::Expiry,
        Self::BaselinePoisoning,
        Self::Framing,
        Self::StateExhaustion,
        Self::ClockSkew,
    ];

    /// Its name in the command line and in labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// Its number among the attacks of the threat model; none if it is no attack.
    #[must_use]
    pub const fn attack(self) -> Option<&'static str> {
        self.row().1
    }

    /// How long a trace of a benign incident is; none for other scenarios.
    #[must_use]
    pub const fn incident_minutes(self) -> Option<u64> {
        match (self, self.attack()) {
            (Self::Benign, _) | (_, Some(_)) => None,
            (_, None) => Some(super::benign::INCIDENT_END),
        }
    }

    const fn row(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Benign => ("benign", None),
            Self::Deploy => ("deploy", None),
            Self::RetryStorm => ("retry-storm", None),
            Self::CalleeIncident => ("callee-incident", None),
            Self::TypoStatic => ("typo-static", None),
            Self::TypoNumbers => ("typo-numbers", None),
            Self::TypoNames => ("typo-names", None),
            Self::KeyRotation => ("key-rotation", None),
            Self::OffFlow => ("off-flow", Some("A1")),
            Self::StolenIdentity => ("stolen-identity", Some("A2")),
            Self::Scan => ("scan", Some("A3")),
            Self::SlowMinute => ("slow-1m", Some("A4")),
            Self::SlowTenMinutes => ("slow-10m", Some("A4")),
            Self::Exfiltration => ("exfiltration", Some("A5")),
            Self::Flood => ("flood", Some("A6")),
            Self::OnOff => ("on-off", Some("A7")),
            Self::TrustBanking => ("trust-banking", Some("A8")),
            Self::Sybil => ("sybil", Some("A9")),
            Self::Rotation => ("rotation", Some("A10")),
            Self::Downgrade => ("downgrade", Some("A11")),
            Self::TokenReplay => ("token-replay", Some("A12")),
            Self::Expiry => ("expiry", Some("A13")),
            Self::BaselinePoisoning => ("baseline-poisoning", Some("A14")),
            Self::Framing => ("framing", Some("A16")),
            Self::StateExhaustion => ("state-exhaustion", Some("A17")),
            Self::ClockSkew => ("clock-skew", Some("A18")),
        }
    }
}

impl FromStr for Scenario {
    type Err = InvalidScenario;

    fn from_str(text: &str) -> Result<Self, InvalidScenario> {
        let found = Self::ALL.into_iter().find(|one| one.as_str() == text);
        found.ok_or_else(|| InvalidScenario(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
