//! What a host is asked to do after a decision. The list is closed: an adapter can do nothing else.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::headers::{ForwardedXfcc, RequestHead};
use crate::verdict::{Denial, Permit, Verdict};

/// The effect of a decision on a request.
#[derive(Debug)]
pub enum RequestEffect {
    /// Change these headers, then let the request go on.
    Continue(HeaderChanges),
    /// Answer it here.
    Reply(LocalReply),
}

/// Changes to the headers of a request that goes on.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct HeaderChanges {
    /// Names of headers to remove.
    pub remove: Vec<Vec<u8>>,
    /// The new value of the forwarded client certificate header, if it changes.
    pub xfcc: Option<Vec<u8>>,
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
}

impl RequestEffect {
    /// The effect of a verdict, which is used up by it.
    #[must_use]
    pub fn of(verdict: Verdict, head: &RequestHead<'_>) -> Self {
        match verdict {
            Verdict::Allow(permit) => Self::Continue(HeaderChanges::of(permit, head)),
            Verdict::Deny(denial) => Self::Reply(LocalReply::of(&denial)),
        }
    }
}

impl HeaderChanges {
    /// Takes the permit by value: it lets one request go on.
    fn of(_permit: Permit, head: &RequestHead<'_>) -> Self {
        let mut remove: Vec<Vec<u8>> = head.removals().map(<[u8]>::to_vec).collect();
        let xfcc = match head.forwarded_xfcc() {
            ForwardedXfcc::Keep => None,
            ForwardedXfcc::Replace(value) => Some(value),
            ForwardedXfcc::Remove => {
                remove.push(crate::headers::XFCC.as_bytes().to_vec());
                None
            }
        };
        Self { remove, xfcc }
    }
}

impl LocalReply {
    /// The answer to a request that is denied.
    #[must_use]
    pub fn of(denial: &Denial) -> Self {
        let reason = denial.reason();
        let row = reason.row();
        let context = denial.context();
        let policy = context.policy.as_deref().unwrap_or("none");
        let flow = context.flow.as_deref().unwrap_or("none");
        let code = row.code;
        Self {
            status: row.status,
            grpc_status: reason.grpc_status(),
            details: format!("sallyport_denied[policy[{policy}]-flow[{flow}]-reason[{code}]]"),
            body: format!("denied by sallyport: {code} (decision {})\n", context.decision_id),
            challenge: (row.status == 401)
                .then(|| format!("HybridIdentity realm=\"{policy}\", error=\"{code}\"")),
        }
    }
}
