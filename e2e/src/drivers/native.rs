//! The engine, called directly with facts that are made as the filter makes them. Time is virtual.

use std::collections::BTreeMap;
use std::net::IpAddr;

use sallyport_credentials::token::{self, TokenHeaders};
use sallyport_credentials::{certificate, pem};
use sallyport_engine::decide::peer_of;
use sallyport_engine::effect::RequestEffect;
use sallyport_engine::facts::Transport as Transported;
use sallyport_engine::facts::{
    ConnectionFacts, MutualTls, PeerCertificate, PeerValidation, TlsVersion,
};
use sallyport_engine::headers::RequestHead;
use sallyport_engine::identity::SpiffeId;
use sallyport_engine::policy::raw::PolicyDocument;
use sallyport_engine::session::{admit, gather};
use sallyport_engine::time::TimeMs;
use sallyport_engine::trust::{PeerKey, PeerTable, TargetHasher};
use sallyport_engine::verdict::{DecisionId, Verdict as Decision};
use sallyport_mesh_config::policy_file::LoadedPolicy;

use super::{Driver, DriverKind};
use crate::HarnessError;
use crate::observed::{FlowSeen, Observed};
use crate::scenario::{CertificateIssuer, Connection, Request, Scenario, Transport, Verdict};
use crate::wire::TlsProtocol;
use crate::world::{Credentials, World, now_seconds};

/// The engine with the state of one sidecar.
pub struct NativeDriver<'a> {
    world: &'a World,
    policy: LoadedPolicy,
    credentials: Credentials,
    connections: BTreeMap<String, (ConnectionFacts, IpAddr)>,
    peers: PeerTable,
    start: TimeMs,
    now: TimeMs,
    decisions: u64,
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
        for (name, connection) in &scenario.connections {
            let facts = ConnectionFacts {
                own: Some(own.clone()),
                transport: transport(&policy, scenario, &credentials, connection)?,
                destination_port: connection.port,
            };
            connections.insert(name.clone(), (facts, connection.source_ip.into()));
        }
        let start = TimeMs::from_seconds(u64::try_from(start_seconds).unwrap_or(0));
        let peers = PeerTable::new(PEERS, TargetHasher::new([0; 16]));
        Ok(Self {
            world,
            policy,
            credentials,
            connections,
            peers,
            start,
            now: start,
            decisions: 0,
        })
    }

    fn decide(
        &mut self,
        connection: &ConnectionFacts,
        source_ip: IpAddr,
        head: &RequestHead<'_>,
    ) -> Decision {
        self.decisions = self.decisions.saturating_add(1);
        let id = DecisionId {
            vm: [0; 8],
            counter: self.decisions,
        };
        let mut token = None;
        let LoadedPolicy {
            policy,
            authorities,
            ..
        } = &self.policy;
        let gathered = gather(
            policy,
            connection,
            head,
            || Ok(source_ip),
            |halves, certificate_sha256| {
                let headers = TokenHeaders {
                    token: halves.token,
                    signature: halves.signature,
                };
                let verified = token::verify(authorities, headers, certificate_sha256)?;
                Ok(token.insert(verified))
            },
        );
        let peer = peer_of(connection).map(|(subject, digest)| PeerKey::new(subject, *digest));
        admit(
            &self.policy.policy,
            gathered,
            peer.as_ref(),
            &mut self.peers,
            self.now,
            id,
        )
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
        let (facts, source_ip) = self
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
        let decision = self.decide(&facts, source_ip, &head);
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
        flow: FlowSeen::of(context.flow.as_deref()),
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
        certificate_sha256,
        certificate,
    }))
}

const PEERS: usize = 64;
