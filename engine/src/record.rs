//! The decision record: one JSON object that says what was decided, why, and on what grounds.

mod artifacts;

use alloc::string::String;
use alloc::vec::Vec;

pub use artifacts::RecordedArtifact;
use serde::Serialize;

use crate::facts::{ConnectionFacts, PeerValidation, Transport};
use crate::headers::RequestHead;
use crate::hexadecimal;
use crate::identity::Assurance;
use crate::policy::{BreakGlassText, GrantText};
use crate::time::TimeMs;
use crate::trust::TermName;
use crate::verdict::{Basis, DecisionId, Verdict};

/// A decision record. The order of the fields is the order in the JSON text.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Record {
    /// Identifies the decision; stands in the reply too.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub decision_id: DecisionId,
    /// Time of the decision, in milliseconds since 1970.
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub time_ms: TimeMs,
    /// Name of the policy.
    pub policy: Option<String>,
    /// SHA-256 of the canonical policy, hexadecimal.
    pub policy_sha256: Option<String>,
    /// `enforce` or `shadow`.
    pub mode: &'static str,
    /// The mode of `postQuantumAuth`, where it is what the reason comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_quantum_auth: Option<&'static str>,
    /// The break-glass that made the mode shadow, while one lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<BreakGlassText>,
    /// `allow` or `deny`.
    pub verdict: &'static str,
    /// Why the request went on: `flow`, `grant`, `probe` or `shadow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<&'static str>,
    /// Whether only shadow mode, of the flow or of `postQuantumAuth`, let the request pass.
    pub would_deny: bool,
    /// Reason code of the denial or would-deny.
    pub reason: Option<&'static str>,
    /// The flow that the request belongs to.
    pub flow: Option<String>,
    /// The grant that decides, where no flow covers the request: it is in force, ended a short time
    /// ago, or is to begin shortly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantText>,
    /// SPIFFE ID of the caller.
    pub source: Option<String>,
    /// SHA-256 of the caller's certificate, hexadecimal.
    pub certificate_sha256: Option<String>,
    /// The segment of the caller.
    pub source_segment: Option<String>,
    /// The segment that was called.
    pub destination_segment: Option<String>,
    /// Method, escaped and cut.
    pub method: String,
    /// Path without the query, escaped and cut.
    pub path: String,
    /// Assurance of the caller's identity: `plaintext`, `classical`, `hybrid` or `hybridProven`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub assurance: Assurance,
    /// What was asked of the caller's model and image, and what came. Absent where nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifacts: Option<Vec<RecordedArtifact>>,
    /// Who says that the certificate was validated: `envoy`, `authority` (a pinned one issued it, and
    /// Envoy says no), `assumed`, `no`, or `none` without one.
    pub validated: &'static str,
    /// Trust score, 0 to 99.
    pub trust: Option<u8>,
    /// How little is known of the caller: 100 at first, 0 once it is known.
    pub uncertainty: Option<u8>,
    /// What the caller's behaviour allows: `TRUSTED`, `RESTRICTED` or `ISOLATED`.
    pub state: Option<&'static str>,
    /// What that comes from, if not the caller's own: `identity` or `fleet_guard`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_cause: Option<&'static str>,
    /// The one term without which the request would not have been refused for lack of trust.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub decisive: Option<TermName>,
    /// Log-odds that the caller is compromised, in milli-nats.
    pub lambda_mnat: Option<i32>,
    /// The terms of `lambda_mnat` that weigh something.
    pub terms: Vec<Term>,
    /// Version of the module that decided.
    pub module_version: &'static str,
    /// The proxy that decided, as it names itself; in Istio with its address, pod and namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_id: Option<String>,
}

/// One term of a score.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Term {
    /// Name.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub name: TermName,
    /// Milli-nats; positive lowers trust.
    pub mnat: i32,
    /// Distinct refused targets that are remembered, with `denial`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distinct_targets: Option<u8>,
    /// Seconds since the first of them, with `denial`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span_seconds: Option<u32>,
}

impl Record {
    /// The record of a verdict. `connection` is none when it could not be read.
    #[must_use]
    pub fn new(
        verdict: &Verdict,
        connection: Option<&ConnectionFacts>,
        head: &RequestHead<'_>,
        policy_sha256: Option<&[u8; 32]>,
        now: TimeMs,
    ) -> Self {
        let context = verdict.context();
        let text = |name: &Option<alloc::sync::Arc<str>>| name.as_deref().map(String::from);
        let tls = connection.and_then(|connection| match &connection.transport {
            Transport::Mutual(tls) => Some(tls),
            Transport::Plaintext => None,
        });
        let basis = match verdict {
            Verdict::Allow(permit) => Some(permit.basis().as_str()),
            Verdict::Deny(_) => None,
        };
        let terms = context.score.map_or_else(Vec::new, |score| {
            score
                .terms
                .list()
                .iter()
                .filter(|(_, mnat)| *mnat != 0)
                .map(|(name, mnat)| Term {
                    name: *name,
                    mnat: *mnat,
                    distinct_targets: (*name == TermName::Denial)
                        .then_some(score.grounds.refused_targets),
                    span_seconds: (*name == TermName::Denial)
                        .then_some(score.grounds.refused_span_seconds),
                })
                .collect()
        });
        Self {
            decision_id: context.decision_id,
            time_ms: now,
            policy: text(&context.policy),
            policy_sha256: policy_sha256.map(|digest| hexadecimal::encode(digest)),
            mode: context.mode.as_str(),
            post_quantum_auth: context.post_quantum_auth.map(crate::policy::Mode::as_str),
            break_glass: context.break_glass.as_deref().cloned(),
            verdict: if verdict.is_allowed() {
                "allow"
            } else {
                "deny"
            },
            basis,
            would_deny: verdict.is_allowed() && verdict.reason().is_some(),
            reason: verdict.reason().map(crate::reason::DenyReason::code),
            flow: text(&context.flow),
            grant: context.grant.as_deref().cloned(),
            source: context
                .source
                .as_ref()
                .map(|source| String::from(source.as_str())),
            certificate_sha256: tls.map(|tls| hexadecimal::encode(&tls.certificate_sha256)),
            source_segment: text(&context.source_segment),
            destination_segment: text(&context.destination_segment),
            method: escaped(head.raw_method(), 32),
            path: escaped(head.raw_path(), 256),
            assurance: context.assurance,
            artifacts: (!context.artifacts.is_empty())
                .then(|| context.artifacts.iter().map(RecordedArtifact::of).collect()),
            validated: tls.map_or("none", |tls| tls.validation.as_str()),
            trust: context.score.map(|score| score.trust),
            uncertainty: context.score.map(|score| score.uncertainty),
            state: context.standing.map(crate::trust::Behaviour::as_str),
            state_cause: context.cause.and_then(crate::trust::Cause::as_str),
            decisive: context.decisive,
            lambda_mnat: context.score.map(|score| score.lambda),
            terms,
            module_version: env!("CARGO_PKG_VERSION"),
            node_id: None,
        }
    }

    /// The same record, of the proxy with this `node.id`.
    #[must_use]
    pub fn of_node(self, id: Option<&str>) -> Self {
        Self {
            node_id: id.map(String::from),
            ..self
        }
    }
}

impl Basis {
    /// The word for it in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flow => "flow",
            Self::Grant => "grant",
            Self::Probe => "probe",
            Self::Shadow => "shadow",
        }
    }
}

impl PeerValidation {
    /// The word for it in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Validated => "envoy",
            Self::Assumed => "assumed",
            Self::Pinned => "authority",
            Self::Failed => "no",
        }
    }
}

/// Bytes of a peer as printable ASCII, cut after `maximum` bytes of input.
fn escaped(bytes: &[u8], maximum: usize) -> String {
    let mut text: String = bytes
        .iter()
        .take(maximum)
        .flat_map(|byte| byte.escape_ascii())
        .map(char::from)
        .collect();
    if bytes.len() > maximum {
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn escapes_and_cuts_what_a_peer_wrote() {
        assert_eq!(escaped(b"/a\n\"\xff", 16), "/a\\n\\\"\\xff");
        assert_eq!(escaped(b"abcdef", 3), "abc...");
    }

    #[test]
    fn leaves_out_the_query() {
        let headers: [(&[u8], &[u8]); 1] = [(b":path", b"/login?password=secret")];
        assert_eq!(RequestHead::read(headers).raw_path(), b"/login");
    }
}
