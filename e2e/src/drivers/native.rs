//! The engine, called directly with facts that are made as the filter makes them. Time is virtual.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::net::IpAddr;

use sallyport_credentials::{certificate, pem, token};
use sallyport_engine::effect::RequestEffect;
use sallyport_engine::facts::Transport as Transported;
use sallyport_engine::facts::{
    ConnectionFacts, KeyExchange, MutualTls, PeerCertificate, PeerMetadata, PeerValidation,
    TlsVersion,
};
use sallyport_engine::headers::RequestHead;
use sallyport_engine::identity::SpiffeId;
use sallyport_engine::policy::raw::PolicyDocument;
use sallyport_engine::reason::DenyReason;
use sallyport_engine::replay::{Page, ProofUse, RefusedUse};
use sallyport_engine::session;
use sallyport_engine::time::TimeMs;
use sallyport_engine::trust::{PeerTable, TargetHasher};
use sallyport_engine::verdict::{DecisionId, Verdict as Decision};
use sallyport_mesh_config::policy_file::LoadedPolicy;

use super::{Driver, DriverKind};
use crate::HarnessError;
use crate::observed::{Observed, Seen};
use crate::scenario::{CertificateIssuer, Connection, Request, Scenario, Transport, Verdict};
use crate::wire::TlsProtocol;
use crate::world::{Credentials, World, now_seconds};

/// The engine with the state of one sidecar.
pub struct NativeDriver<'a> {
    world: &'a World,
    policy: LoadedPolicy,
    credentials: Credentials,
    connections: BTreeMap<String, Opened>,
    peers: PeerTable,
    ledger: BTreeMap<u16, Vec<u8>>,
    start: TimeMs,
    now: TimeMs,
    decisions: u64,
}

/// A connection as the engine sees it.
#[derive(Clone)]
struct Opened {
    number: u64,
    facts: ConnectionFacts,
    source_ip: IpAddr,
}

impl<'a> NativeDriver<'a> {
    /// Prepares a scenario.
    ///
    /// # Errors
    /// When the policy is not valid or a credential cannot be issued.
    pub fn start(world: &'a World, scenario: &Scenario) -> Result<Self, HarnessError> {
        let policy = world.load_policy(scenario.policy.load()?)?;
        let start_seconds = now_seconds();
        let credentials = Credentials::issue(world, scenario, start_seconds)?;
        let own = scenario
            .workload
            .parse::<SpiffeId>()
            .map_err(|cause| HarnessError::Issue {
                what: scenario.workload.clone(),
                cause: cause.to_string(),
            })?;
        let mut connections = BTreeMap::new();
        for (number, (name, connection)) in (0..).zip(&scenario.connections) {
            let facts = ConnectionFacts {
                own: Some(own.clone()),
                transport: transport(&policy, scenario, &credentials, connection)?,
                destination_port: connection.port,
                peer_metadata: PeerMetadata::Absent,
            };
            let opened = Opened {
                number,
                facts,
                source_ip: connection.source_ip.into(),
            };
            connections.insert(name.clone(), opened);
        }
        let start = TimeMs::from_seconds(u64::try_from(start_seconds).unwrap_or(0));
        let peers = PeerTable::new(PEERS, TargetHasher::new([0; 16]));
        Ok(Self {
            world,
            policy,
            credentials,
            connections,
            peers,
            ledger: BTreeMap::new(),
            start,
            now: start,
            decisions: 0,
        })
    }

    fn decide(&mut self, connection: &Opened, head: &RequestHead<'_>) -> Decision {
        self.decisions = self.decisions.saturating_add(1);
        let id = DecisionId {
            vm: [0; 8],
            counter: self.decisions,
        };
        let Self {
            policy,
            peers,
            ledger,
            ..
        } = self;
        let now = self.now;
        let peer = connection.facts.peer();
        let request = session::Request {
            policy: &policy.policy,
            connection: &connection.facts,
            peer: peer.as_ref(),
            head,
            now,
            decision_id: id,
        };
        let verified = OnceCell::new();
        let source_ip = || Ok(connection.source_ip);
        session::answer(&request, peers, source_ip, |presented, tls| {
            let called = connection.facts.own.as_ref();
            let called = called.ok_or(DenyReason::OwnIdentityUnknown)?;
            let (facts, used) =
                token::verify_presented(&policy.authorities, &presented, tls, called)?;
            if let Some(used) = used {
                use_proof(ledger, &used, connection.number, now)?;
            }
            Ok(verified.get_or_init(|| facts))
        })
    }
}

/// What the workers of a proxy share, here in memory.
fn use_proof(
    ledger: &mut BTreeMap<u16, Vec<u8>>,
    used: &ProofUse,
    connection: u64,
    now: TimeMs,
) -> Result<(), DenyReason> {
    let page = ledger.entry(used.page()).or_default();
    match used.admit(page, connection, now) {
        Ok(Page::Kept) => Ok(()),
        Ok(Page::Written(written)) => {
            *page = written;
            Ok(())
        }
        Err(RefusedUse::Replayed) => Err(DenyReason::ProofReplayed),
        Err(RefusedUse::QuotaExceeded) => Err(DenyReason::ProofQuotaExceeded),
    }
}

impl Driver for NativeDriver<'_> {
    fn kind(&self) -> DriverKind {
        DriverKind::Native
    }

    fn wait_until(&mut self, at_ms: u64) {
        self.now = TimeMs(self.start.0.saturating_add(at_ms));
    }

    fn change_policy(&mut self, document: PolicyDocument) -> Result<(), HarnessError> {
        // The pinned authorities are the same in all policies of a run, so what was read of the
        // certificates stays true.
        self.policy = self.world.load_policy(document)?;
        self.peers = PeerTable::new(PEERS, TargetHasher::new([0; 16]));
        Ok(())
    }

    fn request(&mut self, connection: &str, request: &Request) -> Result<Observed, HarnessError> {
        let opened = self
            .connections
            .get(connection)
            .cloned()
            .ok_or_else(|| HarnessError::no_connection(connection))?;
        let headers = request.all_headers(&self.credentials)?;
        let method_and_path = [(":method", &request.method), (":path", &request.path)];
        let pairs = method_and_path
            .into_iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .chain(
                headers
                    .iter()
                    .map(|(name, value)| (name.as_bytes(), value.as_bytes())),
            );
        let head = RequestHead::read(pairs);
        let decision = self.decide(&opened, &head);
        Ok(observe(decision, &head))
    }
}

fn observe(decision: Decision, head: &RequestHead<'_>) -> Observed {
    let context = decision.context().clone();
    let reason = decision.reason();
    let allowed = decision.is_allowed();
    let status = match RequestEffect::of(decision, head, false) {
        RequestEffect::Continue(_) => 200,
        RequestEffect::Reply(reply) => reply.status,
    };
    Observed {
        verdict: if allowed {
            Verdict::Allow
        } else {
            Verdict::Deny
        },
        would_deny: allowed && reason.is_some(),
        reason: reason.map(|reason| reason.code().to_owned()),
        flow: Seen::of(context.flow.as_deref()),
        grant: Seen::of(context.grant.as_deref().map(|grant| grant.name.as_str())),
        assurance: context.assurance.as_str().to_owned(),
        trust: context.score.map(|score| score.trust),
        status,
    }
}

/// What Envoy's TLS would make of the connection.
fn transport(
    policy: &LoadedPolicy,
    scenario: &Scenario,
    credentials: &Credentials,
    connection: &Connection,
) -> Result<Transported, HarnessError> {
    let certificate = match (connection.transport, &connection.certificate) {
        (Transport::Plaintext, _) | (_, None) => return Ok(Transported::Plaintext),
        (Transport::MutualTls | Transport::LenientTls, Some(name)) => name,
    };
    let issuer = scenario
        .certificates
        .get(certificate)
        .map(|description| description.authority);
    let validation = match issuer {
        Some(CertificateIssuer::Mesh | CertificateIssuer::Partner | CertificateIssuer::Istiod) => {
            PeerValidation::Validated
        }
        Some(CertificateIssuer::Stranger) | None => PeerValidation::Failed,
    };
    let version = match connection.tls_version {
        TlsProtocol::Tls12 => TlsVersion::Tls12,
        TlsProtocol::Tls13 => TlsVersion::Tls13,
    };
    let identity = credentials.certificate(certificate)?;
    let certificate = match pem::decode_certificate(identity.certificate_pem.as_bytes()) {
        Ok(der) => certificate::read(&policy.authorities, &der),
        Err(_) => PeerCertificate::Unreadable,
    };
    let certificate_sha256 = identity.sha256;
    Ok(Transported::Mutual(MutualTls {
        validation,
        version,
        key_exchange: KeyExchange::Hidden,
        certificate_sha256,
        certificate,
    }))
}

const PEERS: usize = 64;
