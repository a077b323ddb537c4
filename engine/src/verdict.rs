//! What a decision says.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::identity::{Assurance, SpiffeId};
use crate::policy::{BreakGlassText, CheckedArtifact, GrantText, Mode, OperationPlace};
use crate::reason::DenyReason;
use crate::trust::{Behaviour, Cause, Score, TermName};

/// The answer to a request.
#[derive(Debug)]
pub enum Verdict {
    /// It may go on.
    Allow(Permit),
    /// It may not.
    Deny(Denial),
}

/// The right of one request to go on.
///
/// INVARIANT: built in decide.rs only, not copied, and consumed by the one effect that lets a
/// request continue ([`crate::effect`]).
#[derive(Debug)]
pub struct Permit {
    basis: Basis,
    would_deny: Option<DenyReason>,
    context: Context,
}

/// Why a request may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// A flow allows it, and all gates were open.
    Flow,
    /// No flow covers it; a grant that is in force does, and all gates were open.
    Grant,
    /// It is exactly a health probe of the policy.
    Probe,
    /// The mode is shadow. A gate of the policy was shut, and [`Permit::would_deny`] names the
    /// reason.
    Shadow,
}

/// A refusal.
#[derive(Debug)]
pub struct Denial {
    reason: DenyReason,
    context: Context,
}

/// What was known when the decision was made; part of each record.
#[derive(Debug, Clone)]
pub struct Context {
    /// Identifies this decision in replies, logs and records.
    pub decision_id: DecisionId,
    /// The mode that applied.
    pub mode: Mode,
    /// The mode of what the whole mesh asks, where the reason is that a caller does not bring that
    /// and nothing else refuses it.
    pub post_quantum_auth: Option<Mode>,
    /// The break-glass that made the mode shadow, while one lasts.
    pub break_glass: Option<Arc<BreakGlassText>>,
    /// The name of the policy; none without a valid configuration.
    pub policy: Option<Arc<str>>,
    /// The flow that the request belongs to, if one is known.
    pub flow: Option<Arc<str>>,
    /// The grant that allows the request, or that names a refusal since it is over or to come.
    pub grant: Option<Arc<GrantText>>,
    /// The operation of the flow, or of the grant, that covers the request.
    pub operation: Option<OperationPlace>,
    /// The segment of the caller, if it has one.
    pub source_segment: Option<Arc<str>>,
    /// The segment that was called, if it is known.
    pub destination_segment: Option<Arc<str>>,
    /// The identity of the caller, if it is known.
    pub source: Option<SpiffeId>,
    /// The assurance of that identity.
    pub assurance: Assurance,
    /// Whether the request brought a token that counts.
    pub has_token: bool,
    /// What was asked of the caller's model and image. Empty, and without memory of its own, where
    /// nothing was.
    pub artifacts: Vec<CheckedArtifact>,
    /// The trust score, once the caller is known.
    pub score: Option<Score>,
    /// Whether it is enforced, and open streams of its flow, or grant, are looked at again.
    pub rechecks_streams: bool,
    /// The standing of the caller, once it is known.
    pub standing: Option<Behaviour>,
    /// What that standing comes from.
    pub cause: Option<Cause>,
    /// The one term to which a refusal for lack of trust is due, if there is one.
    pub decisive: Option<TermName>,
    /// Whether the request counts toward the share of a restricted peer.
    pub is_capped: bool,
    /// Seconds after which the request may be tried again, if that is known.
    pub retry_after_seconds: Option<u32>,
}

/// Identifies a decision: random for each VM, then counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecisionId {
    /// Random bytes, drawn once.
    pub vm: [u8; 8],
    /// Number of the decision within the VM.
    pub counter: u64,
}

// === impl Verdict ===

impl Verdict {
    /// The verdict that [decide](crate::decide()) comes to once it knows which gate was shut, by
    /// what the policy asks.
    pub(crate) fn deny(reason: DenyReason, context: Context) -> Self {
        match context.mode {
            Mode::Enforce => Self::Deny(Denial { reason, context }),
            Mode::Shadow => Self::Allow(Permit {
                basis: Basis::Shadow,
                would_deny: Some(reason),
                context,
            }),
        }
    }

    pub(crate) const fn allow(basis: Basis, context: Context) -> Self {
        Self::Allow(Permit {
            basis,
            would_deny: None,
            context,
        })
    }

    /// The verdict about a request to which nothing is to be said but that its caller does not bring
    /// what the mesh asks: refused if the mesh enforces. Otherwise it stays what it is, a request
    /// that its flow or grant allowed, and is reported.
    pub(crate) fn unmet(self, mode: Mode, reason: DenyReason) -> Self {
        let permit = match self {
            // INVARIANT: what is denied without the mesh stays denied, for the same reason.
            Self::Deny(_) => return self,
            Self::Allow(permit) => permit,
        };
        let context = Context {
            post_quantum_auth: Some(mode),
            ..permit.context
        };
        match (mode, permit.would_deny) {
            (Mode::Enforce, _) => Self::Deny(Denial {
                reason,
                context: Context {
                    mode,
                    decisive: None,
                    retry_after_seconds: None,
                    ..context
                },
            }),
            (Mode::Shadow, Some(_)) => Self::Allow(Permit {
                context: Context {
                    post_quantum_auth: None,
                    ..context
                },
                ..permit
            }),
            (Mode::Shadow, None) => Self::Allow(Permit {
                basis: permit.basis,
                would_deny: Some(reason),
                context,
            }),
        }
    }

    /// The answer while there is no valid policy. `mode` is the configuration's own word, which is
    /// read before the rest: only an explicit `shadow` lets requests pass.
    #[must_use]
    pub fn not_configured(mode: Mode, decision_id: DecisionId) -> Self {
        Self::deny(
            DenyReason::NotConfigured,
            Context::empty(decision_id, mode, None),
        )
    }

    /// What was known when the decision was made.
    #[must_use]
    pub const fn context(&self) -> &Context {
        match self {
            Self::Allow(permit) => &permit.context,
            Self::Deny(denial) => &denial.context,
        }
    }

    /// The reason of a denial, or what shadow mode let pass.
    #[must_use]
    pub const fn reason(&self) -> Option<DenyReason> {
        match self {
            Self::Allow(permit) => permit.would_deny,
            Self::Deny(denial) => Some(denial.reason),
        }
    }

    /// Whether the request goes on.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow(_))
    }
}

// === impl Permit ===

impl Permit {
    /// Why the request may go on.
    #[must_use]
    pub const fn basis(&self) -> Basis {
        self.basis
    }

    /// Whether the request is looked at again while it lasts.
    #[must_use]
    pub const fn rechecks(&self) -> bool {
        self.context.rechecks_streams
    }

    /// Why it would have been denied, if what is in shadow enforced.
    #[must_use]
    pub const fn would_deny(&self) -> Option<DenyReason> {
        self.would_deny
    }

    /// What was known when the decision was made.
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.context
    }
}

// === impl Denial ===

impl Denial {
    /// Why the request is refused.
    #[must_use]
    pub const fn reason(&self) -> DenyReason {
        self.reason
    }

    /// What was known when the decision was made.
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.context
    }
}

// === impl Context ===

impl Context {
    pub(crate) const fn empty(
        decision_id: DecisionId,
        mode: Mode,
        policy: Option<Arc<str>>,
    ) -> Self {
        Self {
            decision_id,
            mode,
            post_quantum_auth: None,
            break_glass: None,
            policy,
            flow: None,
            grant: None,
            operation: None,
            source_segment: None,
            destination_segment: None,
            source: None,
            assurance: Assurance::Plaintext,
            has_token: false,
            artifacts: Vec::new(),
            score: None,
            rechecks_streams: false,
            standing: None,
            cause: None,
            decisive: None,
            is_capped: false,
            retry_after_seconds: None,
        }
    }
}

// === impl DecisionId ===

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:x}", u64::from_be_bytes(self.vm), self.counter)
    }
}

impl serde::Serialize for DecisionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
