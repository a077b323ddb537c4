//! One request through the engine: from facts to a verdict, and the evidence that follows from it.

use alloc::format;
use core::net::IpAddr;

pub use crate::decide::{Granted, LetIn};
use crate::decide::{decide, deny_without_facts, refuses_peer, refuses_to_go_on};
use crate::facts::{
    ConnectionFacts, CredentialFacts, Facts, MutualTls, PeerCertificate, RequestFacts, Transport,
};
use crate::headers::{PresentedToken, RequestHead};
use crate::policy::Policy;
use crate::reason::DenyReason;
use crate::time::TimeMs;
use crate::trust::{
    Booking, Evidence, Family, Outcome, PeerKey, PeerTable, PeerView, Rules, TargetHasher,
};
use crate::verdict::{Basis, Context, DecisionId, Verdict};

/// A request on a known connection.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The policy in force.
    pub policy: &'a Policy,
    /// The connection that it came on.
    pub connection: &'a ConnectionFacts,
    /// The key of the connection's caller; none when it has no validated identity.
    pub peer: Option<&'a PeerKey>,
    /// Its headers.
    pub head: &'a RequestHead<'a>,
    /// The time.
    pub now: TimeMs,
    /// The number of the decision.
    pub decision_id: DecisionId,
}

/// Gathers the facts of a request, decides it and books the evidence.
///
/// `source_ip` gives the address of the TCP peer; it is asked only for a request that may be a
/// probe and was not forwarded. `verify` says what a token proves on this connection; it is asked
/// only when all parts of one are present and the peer is not refused anyway, so a peer that is
/// isolated cannot cost a verification.
#[must_use]
pub fn answer<'a>(
    request: &Request<'a>,
    peers: &mut PeerTable,
    source_ip: impl FnOnce() -> Result<IpAddr, DenyReason>,
    verify: impl FnOnce(PresentedToken<'a>, &'a MutualTls) -> Result<&'a CredentialFacts, DenyReason>,
) -> Verdict {
    let Request {
        policy,
        now,
        decision_id,
        ..
    } = *request;
    let caller = Caller::of(request);
    let view = caller.map(|caller| peers.look(caller.key, &caller.rules, now));
    match gather(request, view.as_ref(), source_ip, verify) {
        Ok(facts) => {
            let asked = Asked {
                facts,
                credential: request.head.raw_token(),
            };
            let verdict = decide(policy, &asked.facts, view.as_ref(), now, decision_id);
            book(&verdict, &asked, caller, policy, peers, now);
            verdict
        }
        Err(reason) => {
            let own = request.connection.own.as_ref();
            deny_without_facts(policy, own, reason, now, decision_id)
        }
    }
}

/// Decides a request whose facts are known, and books the evidence. `credential` is the token as it
/// was sent; empty where there is none. For who has no headers, such as a simulation.
#[must_use]
pub fn admit(
    policy: &Policy,
    facts: &Facts<'_>,
    credential: &[u8],
    peer: Option<&PeerKey>,
    peers: &mut PeerTable,
    now: TimeMs,
    decision_id: DecisionId,
) -> Verdict {
    let caller = Caller::on(policy, facts.connection, peer, now);
    let view = caller.map(|caller| peers.look(caller.key, &caller.rules, now));
    let verdict = decide(policy, facts, view.as_ref(), now, decision_id);
    let facts = *facts;
    let asked = Asked {
        facts,
        credential: [credential, b"", b""],
    };
    book(&verdict, &asked, caller, policy, peers, now);
    verdict
}

/// Books what came of a request that [`answer`] allowed. `basis` is that of its permit:
/// probes and what only shadow mode let pass tell nothing about a caller.
pub fn observe_response(
    policy: &Policy,
    connection: &ConnectionFacts,
    peer: Option<&PeerKey>,
    basis: Basis,
    outcome: &Outcome,
    peers: &mut PeerTable,
    now: TimeMs,
) {
    match basis {
        Basis::Flow | Basis::Grant => {}
        Basis::Probe | Basis::Shadow => return,
    }
    if let Some(caller) = Caller::on(policy, connection, peer, now) {
        peers.observe(caller.key, &caller.rules, outcome, now);
    }
}

/// Why a request that [`answer`] allowed may not go on; none if it may, as all may while a
/// break-glass lasts.
pub fn refused_since(
    policy: &Policy,
    connection: &ConnectionFacts,
    let_in: LetIn<'_>,
    peer: Option<&PeerKey>,
    peers: &mut PeerTable,
    now: TimeMs,
) -> Option<DenyReason> {
    let Transport::Mutual(tls) = &connection.transport else {
        return None;
    };
    if policy.broken_for(connection.own.as_ref(), now).is_some() {
        return None;
    }
    let caller = Caller::on(policy, connection, peer, now);
    let view = caller.map(|caller| peers.look(caller.key, &caller.rules, now));
    refuses_to_go_on(policy, connection, tls, let_in, view.as_ref(), now)
}

/// Books a number of refused requests for distinct targets that a caller is assumed to have made,
/// for explanations.
pub fn assume_denials(
    policy: &Policy,
    connection: &ConnectionFacts,
    peer: Option<&PeerKey>,
    count: u16,
    peers: &mut PeerTable,
    now: TimeMs,
) {
    let Some(caller) = Caller::on(policy, connection, peer, now) else {
        return;
    };
    for number in 0..count {
        let path = format!("/assumed/denial-{number}");
        let booking = Booking {
            evidence: Some(peers.targets().denial("GET", path.as_bytes())),
            ..Booking::default()
        };
        peers.book(caller.key, &caller.rules, booking, now);
    }
}

/// Who asks, and what the policy says about its score.
#[derive(Clone, Copy)]
struct Caller<'a> {
    key: &'a PeerKey,
    rules: Rules<'a>,
}

impl<'a> Caller<'a> {
    fn of(request: &Request<'a>) -> Option<Self> {
        Self::on(
            request.policy,
            request.connection,
            request.peer,
            request.now,
        )
    }

    fn on(
        policy: &'a Policy,
        connection: &ConnectionFacts,
        key: Option<&'a PeerKey>,
        now: TimeMs,
    ) -> Option<Self> {
        let key = key?;
        let Transport::Mutual(tls) = &connection.transport else {
            return None;
        };
        let PeerCertificate::Read {
            subject,
            credential,
        } = &tls.certificate
        else {
            return None;
        };
        // One that does not hold makes no fresh start; gate 3 refuses it anyway.
        let certificate = credential.iter().next();
        let rules = policy.trust_rules(subject, &tls.certificate_sha256, certificate, now);
        Some(Self { key, rules })
    }
}

fn gather<'a>(
    request: &Request<'a>,
    peer: Option<&PeerView>,
    source_ip: impl FnOnce() -> Result<IpAddr, DenyReason>,
    verify: impl FnOnce(PresentedToken<'a>, &'a MutualTls) -> Result<&'a CredentialFacts, DenyReason>,
) -> Result<Facts<'a>, DenyReason> {
    let Request {
        policy,
        connection,
        head,
        now,
        ..
    } = *request;
    let request = head.request()?;
    let may_be_probe = policy.may_be_probe(connection.destination_port, &request);
    let source_ip = if may_be_probe && !head.is_forwarded() {
        Some(source_ip()?)
    } else {
        None
    };
    let token = match (head.token(), &connection.transport) {
        (None, _) => None,
        (Some(Err(fault)), _) => Some(Err(fault.into())),
        // Gate 2 denies without mutual TLS; there is nothing that a token could be bound to.
        (Some(Ok(_)), Transport::Plaintext) => Some(Err(DenyReason::CredentialBindingMismatch)),
        (Some(Ok(presented)), Transport::Mutual(tls)) => {
            Some(match refuses_peer(policy, tls, peer, now) {
                Some(reason) => Err(reason),
                None => verify(presented, tls),
            })
        }
    };
    Ok(Facts {
        connection,
        token,
        request,
        source_ip,
    })
}

/// A request with all that may become evidence.
struct Asked<'a> {
    facts: Facts<'a>,
    /// The token as it was sent; empty where there is none.
    credential: [&'a [u8]; 3],
}

impl Asked<'_> {
    fn has_token(&self) -> bool {
        self.credential.iter().any(|part| !part.is_empty())
    }
}

fn book(
    verdict: &Verdict,
    asked: &Asked<'_>,
    caller: Option<Caller<'_>>,
    policy: &Policy,
    peers: &mut PeerTable,
    now: TimeMs,
) {
    if let Some(caller) = caller {
        if let (true, Some(Ok(token))) = (verdict.context().has_token, asked.facts.token) {
            let is_urgent = verdict.reason() == Some(DenyReason::PeerQuarantined);
            peers.note_running(caller.key, token, is_urgent, now);
        }
        let booking = booking(verdict, asked, &caller, peers.targets(), policy);
        peers.book(caller.key, &caller.rules, booking, now);
    }
}

/// What a request amounts to, once it is decided.
///
/// Evidence is what the caller chose: what to ask for and which credential to show. A would-deny in
/// shadow is none, neither is a request that is refused for what is known already (isolation,
/// quarantine, the rate cap) or for our own trouble.
fn booking(
    verdict: &Verdict,
    asked: &Asked<'_>,
    caller: &Caller<'_>,
    targets: TargetHasher,
    policy: &Policy,
) -> Booking {
    match verdict {
        Verdict::Allow(permit) => match permit.basis() {
            Basis::Flow | Basis::Grant => Booking {
                arrives: true,
                evidence: operation(asked, targets, policy, permit.context()),
                uses_share: permit.context().is_capped,
                exceeds_share: false,
            },
            Basis::Probe | Basis::Shadow => Booking::default(),
        },
        Verdict::Deny(denial) => Booking {
            arrives: arrives(denial.reason()),
            evidence: refused(denial.reason(), asked, caller, targets),
            uses_share: false,
            exceeds_share: denial.reason() == DenyReason::RestrictedRateExceeded,
        },
    }
}

/// The use of the operation that covered an allowed request.
fn operation(
    asked: &Asked<'_>,
    targets: TargetHasher,
    policy: &Policy,
    context: &Context,
) -> Option<Evidence> {
    let place = context.operation?;
    let (name, template) = match &context.grant {
        Some(grant) => (grant.name.as_str(), policy.grant_template(place)?.1),
        None => {
            let (flow, template) = policy.template(place)?;
            (&**flow.name(), template)
        }
    };
    let method = asked.facts.request.method.as_str();
    Some(targets.operation(name, method, template.as_str()))
}

/// What a refusal is evidence of. Of a caller that speaks for many, a token is the word of any of
/// its users and counts like what they ask for, which only raises an alarm; its certificate is its
/// own.
#[inline(never)]
fn refused(
    reason: DenyReason,
    asked: &Asked<'_>,
    caller: &Caller<'_>,
    targets: TargetHasher,
) -> Option<Evidence> {
    let RequestFacts {
        method, raw_path, ..
    } = asked.facts.request;
    match reason.row().evidence? {
        Family::Denial => Some(targets.denial(method.as_str(), raw_path)),
        Family::Credential if caller.rules.params.aggregator && asked.has_token() => {
            Some(targets.forwarded_credential(&asked.credential))
        }
        // Without a token it is the peer's certificate that does not hold: always the same.
        Family::Credential => Some(targets.credential(&asked.credential)),
        Family::Novelty | Family::Rate | Family::Volume | Family::Error => None,
    }
}

/// Whether a refused request counts as an arrival.
const fn arrives(reason: DenyReason) -> bool {
    let is_known = matches!(
        reason,
        DenyReason::PeerIsolated | DenyReason::PeerQuarantined | DenyReason::RestrictedRateExceeded
    );
    !is_known && reason.row().status != 503
}

#[cfg(test)]
mod tests;
