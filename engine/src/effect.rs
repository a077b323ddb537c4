//! What a host is asked to do after a decision. The list is closed: an adapter can do nothing else.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::headers::{ForwardedXfcc, RequestHead, XFCC};
use crate::reason::DenyReason;
use crate::verdict::{Context, DecisionId, Denial, Permit, Verdict};

/// The effect of a decision on a request.
#[derive(Debug)]
pub enum RequestEffect<'a> {
    /// Change these headers, then let the request go on.
    Continue(HeaderChanges<'a>),
    /// Answer it here.
    Reply(LocalReply),
}

/// Changes to the headers of a request that goes on.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct HeaderChanges<'a> {
    /// Names of headers to remove.
    pub remove: Vec<&'a [u8]>,
    /// Headers to set, in place of all values that the request has under these names. No name is
    /// in both lists.
    pub set: Vec<(&'static str, Vec<u8>)>,
}

/// An answer from the proxy itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalReply {
    /// HTTP status.
    pub status: u16,
    /// gRPC status, for clients that speak gRPC.
    pub grpc_status: u8,
    /// Response code details, in Istio's bracket grammar.
    pub details: String,
    /// Body: the reason code and the decision id.
    pub body: String,
    /// Value of `www-authenticate`, with status 401.
    pub challenge: Option<String>,
    /// Value of `retry-after` in seconds (RFC 9110, section 10.2.3), where it is known.
    pub retry_after: Option<u32>,
}

/// What a reply names of the policy. All of them are DNS labels.
#[derive(Debug, Clone, Copy, Default)]
struct Names<'a> {
    policy: Option<&'a str>,
    flow: Option<&'a str>,
    grant: Option<&'a str>,
}

impl<'a> RequestEffect<'a> {
    /// The effect of a verdict, which is used up by it. `tell` is whether the application is told
    /// about the decision ([`crate::policy::Policy::application_headers`]).
    #[must_use]
    pub fn of(verdict: Verdict, head: &RequestHead<'a>, tell: bool) -> Self {
        match verdict {
            Verdict::Allow(permit) => Self::Continue(HeaderChanges::of(permit, head, tell)),
            Verdict::Deny(denial) => Self::Reply(LocalReply::of(&denial)),
        }
    }
}

impl<'a> HeaderChanges<'a> {
    /// Takes the permit by value: it lets one request go on.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a permit is consumed by its one effect"
    )]
    fn of(permit: Permit, head: &RequestHead<'a>, tell: bool) -> Self {
        let mut set = if tell {
            decision_headers(permit.context())
        } else {
            Vec::new()
        };
        let is_set = |name: &[u8], set: &[(&str, Vec<u8>)]| {
            set.iter().any(|(other, _)| other.as_bytes() == name)
        };
        let mut remove: Vec<&[u8]> = head.removals().filter(|name| !is_set(name, &set)).collect();
        match head.forwarded_xfcc() {
            ForwardedXfcc::Keep => {}
            ForwardedXfcc::Replace(value) => set.push((XFCC, value)),
            ForwardedXfcc::Remove => remove.push(XFCC.as_bytes()),
        }
        Self { remove, set }
    }

    /// Whether the request goes on as it came.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty()
    }
}

/// What the application is told. All names start with [`crate::headers::OWN_PREFIX`].
#[inline(never)]
fn decision_headers(context: &Context) -> Vec<(&'static str, Vec<u8>)> {
    let mut headers = alloc::vec![
        (
            "x-sallyport-assurance",
            context.assurance.as_str().as_bytes().to_vec()
        ),
        (
            "x-sallyport-decision-id",
            context.decision_id.to_string().into_bytes()
        ),
    ];
    if let Some(score) = context.score {
        headers.push(("x-sallyport-trust", score.trust.to_string().into_bytes()));
    }
    if let Some(standing) = context.standing {
        headers.push(("x-sallyport-state", standing.as_str().as_bytes().to_vec()));
    }
    headers
}

impl LocalReply {
    /// The answer to a request that is denied.
    #[must_use]
    #[inline(never)]
    pub fn of(denial: &Denial) -> Self {
        let context = denial.context();
        let names = Names {
            policy: context.policy.as_deref(),
            flow: context.flow.as_deref(),
            grant: context.grant.as_deref().map(|grant| grant.name.as_str()),
        };
        let reply = Self::new(denial.reason(), names, context.decision_id);
        Self {
            retry_after: context.retry_after_seconds.or(reply.retry_after),
            ..reply
        }
    }

    /// The answer to a request that could not even be looked at.
    #[must_use]
    pub fn without_decision(reason: DenyReason, decision_id: DecisionId) -> Self {
        Self::new(reason, Names::default(), decision_id)
    }

    fn new(reason: DenyReason, names: Names<'_>, decision_id: DecisionId) -> Self {
        let row = reason.row();
        let (policy, flow) = (names.policy.unwrap_or("none"), names.flow.unwrap_or("none"));
        let grant = names.grant.map(|grant| format!("-grant[{grant}]"));
        let grant = grant.unwrap_or_default();
        let code = row.code;
        Self {
            status: row.status,
            grpc_status: reason.grpc_status(),
            details: format!(
                "sallyport_denied[policy[{policy}]-flow[{flow}]{grant}-reason[{code}]]"
            ),
            body: format!("denied by sallyport: {code} (decision {decision_id})"),
            challenge: (row.status == 401)
                .then(|| format!("HybridIdentity realm=\"{policy}\", error=\"{code}\"")),
            retry_after: retry_after(reason),
        }
    }
}

/// When the same request may be worth a try, in seconds, where that is so for each caller alike.
fn retry_after(reason: DenyReason) -> Option<u32> {
    if reason == DenyReason::VerificationBudgetExceeded {
        Some(1)
    } else if reason == DenyReason::ProofQuotaExceeded {
        Some(10)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
