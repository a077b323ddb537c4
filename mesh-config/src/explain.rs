//! What the filter would answer to one request, and why.
//!
//! The facts are built here from a description instead of from a proxy; everything after that is
//! the filter's own code: header rules, credential checks, decision, record. So the answer cannot
//! differ from a sidecar's that sees the same facts.

use std::cell::OnceCell;
use std::net::IpAddr;

use sallyport_credentials::{certificate, sha256, token};
use sallyport_engine::artifact::ArtifactClaims;
use sallyport_engine::facts::{
    CertifiedKeys, ConnectionFacts, CredentialFacts, KeyExchange, MutualTls, PeerCertificate,
    PeerMetadata, PeerValidation, RequestFacts, TlsVersion, Transport,
};
use sallyport_engine::headers::{IDENTITY_TOKEN, PROOF, RequestHead, TOKEN, TOKEN_SIGNATURE};
use sallyport_engine::identity::{Assurance, SpiffeId};
use sallyport_engine::policy::raw::RequiredAssurance;
use sallyport_engine::policy::{FlowMatch, GrantMatch, OperationPlace, SegmentId};
use sallyport_engine::reason::DenyReason;
use sallyport_engine::record::Record;
use sallyport_engine::session;
use sallyport_engine::time::TimeMs;
use sallyport_engine::trust::{PeerTable, TargetHasher};
use sallyport_engine::verdict::{DecisionId, Verdict};

use crate::grants::{self, GrantState};
use crate::policy_file::LoadedPolicy;

/// A request to be judged.
#[derive(Debug, Clone)]
pub struct Question {
    /// Who calls, and how.
    pub caller: Caller,
    /// The identity of the workload that is called. A proxy shows it with mutual TLS only, so it
    /// does not count for a plaintext caller.
    pub called: Option<SpiffeId>,
    /// The TLS version of the connection; without meaning for a plaintext caller.
    pub tls: TlsVersion,
    /// The key exchange of the connection, where the proxy shows it; without meaning for a plaintext
    /// caller.
    pub key_exchange: KeyExchange,
    /// Address of the TCP peer.
    pub source_ip: IpAddr,
    /// The port that is called.
    pub port: u16,
    /// The headers, with `:method` and `:path`; names in lower case.
    pub headers: Headers,
    /// The time of the request.
    pub now: TimeMs,
    /// The claims of a fresh hybrid token that an assumed caller sends; empty where it sends none.
    pub claims: ArtifactClaims,
    /// How many different requests of the caller were refused just before.
    pub denials: u16,
}

/// Header pairs, as bytes.
pub type Headers = Vec<(Vec<u8>, Vec<u8>)>;

/// The caller of a request.
#[derive(Debug, Clone)]
pub enum Caller {
    /// No mutual TLS.
    Plaintext,
    /// A fresh certificate that says this and verifies.
    Assumed {
        /// Whom it names.
        identity: SpiffeId,
        /// What its signatures amount to.
        assurance: RequiredAssurance,
    },
    /// A certificate (DER), which is verified. That Envoy validated its chain is assumed.
    Certificate(Vec<u8>),
}

/// The filter's answer.
#[derive(Debug)]
pub struct Answer {
    /// Whether the request goes on.
    pub outcome: Outcome,
    /// Why not, or what only shadow mode lets pass.
    pub reason: Option<DenyReason>,
    /// The operation of a flow or grant that the request belongs to, whatever the answer.
    pub operation: Option<Place>,
    /// The grants that cover the request, each in its time.
    pub grants: Vec<GrantState>,
    /// The record that the filter would log.
    pub record: Record,
}

/// The operation that a request belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// One of a flow.
    Flow(OperationPlace),
    /// One of a grant that is in force, where no flow covers the request.
    Grant(OperationPlace),
}

/// Whether a request goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It goes on.
    Allowed,
    /// It is refused.
    Denied,
    /// It goes on only because the mode that applies is shadow.
    WouldBeDenied,
}

/// The header pairs of a request line.
#[must_use]
pub fn request_line(method: &str, path: &str) -> Headers {
    vec![
        (b":method".to_vec(), method.as_bytes().to_vec()),
        (b":path".to_vec(), path.as_bytes().to_vec()),
    ]
}

/// The header pairs of a hybrid token or, with a proof, of a workload identity token. Parts may be
/// missing.
#[must_use]
pub fn token_headers(
    token: Option<&[u8]>,
    signature: Option<&[u8]>,
    proof: Option<&[u8]>,
) -> Headers {
    let name = match proof {
        Some(_) => IDENTITY_TOKEN,
        None => TOKEN,
    };
    [(name, token), (TOKEN_SIGNATURE, signature), (PROOF, proof)]
        .into_iter()
        .filter_map(|(name, value)| Some((name.as_bytes().to_vec(), value?.to_vec())))
        .collect()
}

/// Judges a request.
#[must_use]
pub fn explain(loaded: &LoadedPolicy, question: &Question) -> Answer {
    let connection = connection(loaded, question);
    let assumed_token = assumed_token(question);
    // An assumed token is not made, but it is sent: whether it is looked at is for the engine to say.
    let sent = match &assumed_token {
        Some(_) => token_headers(Some(b"assumed"), Some(b"assumed"), None),
        None => Headers::new(),
    };
    let head = RequestHead::read(
        question
            .headers
            .iter()
            .chain(&sent)
            .map(|(name, value)| (name.as_slice(), value.as_slice())),
    );
    let key = connection.peer();
    // Nobody chooses paths against this key.
    let targets = TargetHasher::new([0; 16]);
    let mut peers = PeerTable::new(1, targets);
    session::assume_denials(
        &loaded.policy,
        &connection,
        key.as_ref(),
        question.denials,
        &mut peers,
        question.now,
    );
    let request = session::Request {
        policy: &loaded.policy,
        connection: &connection,
        peer: key.as_ref(),
        head: &head,
        now: question.now,
        decision_id: DecisionId {
            vm: [0; 8],
            counter: 0,
        },
    };
    let verified = OnceCell::new();
    let source_ip = || Ok(question.source_ip);
    let verdict = session::answer(&request, &mut peers, source_ip, |presented, tls| {
        if let Some(facts) = &assumed_token {
            return Ok(facts);
        }
        let called = connection.own.as_ref();
        let called = called.ok_or(DenyReason::OwnIdentityUnknown)?;
        // Nothing is known of other requests, so no proof was used before.
        let (facts, _) = token::verify_presented(&loaded.authorities, &presented, tls, called)?;
        Ok(verified.get_or_init(|| facts))
    });
    let way = Way::of(loaded, &connection, &head, &verdict);
    Answer {
        outcome: Outcome::of(&verdict),
        reason: verdict.reason(),
        operation: way.as_ref().and_then(|way| way.operation(question.now)),
        grants: way.map_or_else(Vec::new, |way| way.grants(question.now)),
        record: Record::new(
            &verdict,
            Some(&connection),
            &head,
            Some(&loaded.sha256),
            question.now,
        ),
    }
}

impl Outcome {
    fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Deny(_) => Self::Denied,
            Verdict::Allow(permit) if permit.would_deny().is_some() => Self::WouldBeDenied,
            Verdict::Allow(_) => Self::Allowed,
        }
    }
}

/// From which segment to which a request leads, and what it asks for there.
struct Way<'a> {
    loaded: &'a LoadedPolicy,
    from: SegmentId,
    to: SegmentId,
    port: u16,
    request: RequestFacts<'a>,
}

impl<'a> Way<'a> {
    /// None where caller or called workload are in no segment, or the request is out of form.
    fn of(
        loaded: &'a LoadedPolicy,
        connection: &ConnectionFacts,
        head: &RequestHead<'a>,
        verdict: &Verdict,
    ) -> Option<Self> {
        let policy = &loaded.policy;
        let from = policy.segment_of(verdict.context().source.as_ref()?)?;
        let to = policy.segment_of(connection.own.as_ref()?)?;
        let Ok(request) = head.request() else {
            return None;
        };
        let port = connection.destination_port;
        Some(Self {
            loaded,
            from,
            to,
            port,
            request,
        })
    }

    fn operation(&self, now: TimeMs) -> Option<Place> {
        let (policy, request) = (&self.loaded.policy, &self.request);
        match policy.find_flow(self.from, self.to, self.port, request) {
            FlowMatch::Covered(_, covered) => return Some(Place::Flow(covered.place)),
            FlowMatch::None | FlowMatch::Uncovered { .. } => {}
        }
        match policy.find_grant(self.from, self.to, self.port, request, now) {
            GrantMatch::InForce(_, covered) => Some(Place::Grant(covered.place)),
            GrantMatch::None | GrantMatch::Ended(_) | GrantMatch::ToCome(_) => None,
        }
    }

    fn grants(&self, now: TimeMs) -> Vec<GrantState> {
        let policy = &self.loaded.policy;
        let covering = policy.grants_covering(self.from, self.to, self.port, &self.request);
        let names: Vec<&str> = covering.iter().map(|it| it.text().name.as_str()).collect();
        let all = self.loaded.document.spec.grants.iter().flatten();
        let typed = all.filter(|grant| names.contains(&grant.name.as_str()));
        grants::at(&typed.cloned().collect::<Vec<_>>(), now)
    }
}

fn connection(loaded: &LoadedPolicy, question: &Question) -> ConnectionFacts {
    let (certificate_sha256, certificate) = match &question.caller {
        Caller::Plaintext => return connection_of(question, Transport::Plaintext),
        Caller::Assumed {
            identity,
            assurance,
        } => (
            // Any digest will do: it only tells callers apart.
            sha256(identity.as_str().as_bytes()),
            assumed(identity, *assurance, question.now),
        ),
        Caller::Certificate(der) => (sha256(der), certificate::read(&loaded.authorities, der)),
    };
    let tls = MutualTls {
        validation: PeerValidation::Assumed,
        version: question.tls,
        key_exchange: question.key_exchange,
        certificate_sha256,
        certificate,
    };
    connection_of(question, Transport::Mutual(tls))
}

fn connection_of(question: &Question, transport: Transport) -> ConnectionFacts {
    let own = match &transport {
        Transport::Plaintext => None,
        Transport::Mutual(_) => question.called.clone(),
    };
    ConnectionFacts {
        own,
        transport,
        destination_port: question.port,
        peer_metadata: PeerMetadata::Absent,
    }
}

fn assumed(identity: &SpiffeId, assurance: RequiredAssurance, now: TimeMs) -> PeerCertificate {
    PeerCertificate::Read {
        subject: identity.clone(),
        credential: Ok(fresh(
            identity,
            assurance.into(),
            ArtifactClaims::default(),
            now,
        )),
    }
}

/// The facts of the token that an assumed caller sends.
fn assumed_token(question: &Question) -> Option<CredentialFacts> {
    match &question.caller {
        Caller::Assumed { identity, .. } if !question.claims.is_empty() => {
            let (claims, now) = (question.claims, question.now);
            Some(fresh(identity, Assurance::Hybrid, claims, now))
        }
        Caller::Assumed { .. } | Caller::Plaintext | Caller::Certificate(_) => None,
    }
}

fn fresh(
    identity: &SpiffeId,
    assurance: Assurance,
    artifacts: ArtifactClaims,
    now: TimeMs,
) -> CredentialFacts {
    CredentialFacts {
        authority: None,
        subject: identity.clone(),
        assurance,
        number: None,
        keys: CertifiedKeys::default(),
        artifacts,
        issued: now,
        not_before: now,
        not_after: TimeMs(now.0.saturating_add(ASSUMED_LIFETIME_MS)),
    }
}

const ASSUMED_LIFETIME_MS: u64 = 24 * 60 * 60 * 1000;

#[cfg(test)]
mod tests;
