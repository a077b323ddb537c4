//! One callee with a client and a gateway, and requests by name.

use sallyport_engine::artifact::ArtifactClaims;
use sallyport_engine::facts::{
    CertifiedKeys, ConnectionFacts, CredentialFacts, Facts, KeyExchange, MutualTls,
    PeerCertificate, PeerMetadata, PeerValidation, RequestFacts, TlsVersion, Transport,
};
use sallyport_engine::identity::Assurance;
use sallyport_engine::names::{Method, RequestPath};
use sallyport_engine::policy::{Policy, compile};
use sallyport_engine::session::{admit, observe_response};
use sallyport_engine::time::TimeMs;
use sallyport_engine::trust::{Behaviour, Outcome, PeerKey, PeerTable, TargetHasher};
use sallyport_engine::verdict::{Basis, DecisionId, Verdict};

pub(crate) const START_MS: u64 = 1_800_000_000_000;

const POLICY: &str = r#"{
  "apiVersion": "security.sallyport.dev/v1alpha1", "kind": "MeshTrustPolicy",
  "metadata": {"name": "mesh"},
  "spec": {
    "mode": "enforce", "trustDomains": ["d"], "minimumAssurance": "classical",
    "segments": [
      {"name": "clients", "namespaces": ["clients"]},
      {"name": "gateways", "namespaces": ["edge"], "callers": "aggregator"},
      {"name": "api", "namespaces": ["api"]}
    ],
    "flows": [{"name": "use", "from": ["clients", "gateways"], "to": "api", "operations": [
      {"methods": ["GET", "POST"], "paths": ["/v1/items", "/v1/items/{id}"]},
      {"methods": ["GET"], "paths": ["/v1/extra/{name}"]}
    ]}]
  }
}"#;

pub(crate) struct Worker {
    policy: Policy,
    pub(crate) peers: PeerTable,
}

/// A caller: who it is and with which certificate.
#[derive(Clone)]
pub(crate) struct Caller {
    connection: ConnectionFacts,
    pub(crate) key: PeerKey,
}

impl Caller {
    pub(crate) fn new(workload: &str, certificate: u32) -> Self {
        let id = format!("spiffe://d/ns/{workload}");
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&certificate.to_le_bytes());
        let credential = CredentialFacts {
            authority: None,
            subject: id.parse().unwrap(),
            assurance: Assurance::Classical,
            number: None,
            keys: CertifiedKeys::default(),
            artifacts: ArtifactClaims::default(),
            issued: TimeMs(0),
            not_before: TimeMs(0),
            not_after: TimeMs(u64::MAX),
        };
        let connection = ConnectionFacts {
            own: Some("spiffe://d/ns/api/sa/server".parse().unwrap()),
            transport: Transport::Mutual(MutualTls {
                validation: PeerValidation::Validated,
                version: TlsVersion::Tls13,
                key_exchange: KeyExchange::Hidden,
                certificate_sha256: digest,
                certificate: PeerCertificate::Read {
                    subject: id.parse().unwrap(),
                    credential: Ok(credential),
                },
            }),
            destination_port: 8080,
            peer_metadata: PeerMetadata::Absent,
        };
        let key = connection.peer().unwrap();
        Self { connection, key }
    }

    pub(crate) fn client(number: u32) -> Self {
        Self::new(&format!("clients/sa/client-{number}"), number)
    }

    pub(crate) fn gateway() -> Self {
        Self::new("edge/sa/gateway", 1)
    }
}

impl Worker {
    pub(crate) fn new(peers: usize) -> Self {
        Self {
            policy: compile(&serde_json::from_str(POLICY).unwrap()).unwrap(),
            peers: PeerTable::new(peers, TargetHasher::new([5; 16])),
        }
    }

    pub(crate) fn ask(&mut self, caller: &Caller, method: &str, path: &str, ms: u64) -> Verdict {
        let facts = Facts {
            connection: &caller.connection,
            token: None,
            request: RequestFacts {
                method: Method::parse(method.as_bytes()).unwrap(),
                path: RequestPath::parse(path.as_bytes()),
                raw_path: path.as_bytes(),
                is_upgrade: false,
            },
            source_ip: None,
        };
        let id = DecisionId {
            vm: [0; 8],
            counter: 0,
        };
        let now = TimeMs(START_MS + ms);
        admit(
            &self.policy,
            &facts,
            b"",
            Some(&caller.key),
            &mut self.peers,
            now,
            id,
        )
    }

    /// Asks, and reports this answer of the application if the request is allowed.
    pub(crate) fn serve(
        &mut self,
        caller: &Caller,
        (method, path): (&str, &str),
        (status, response_bytes): (u16, u64),
        ms: u64,
    ) -> bool {
        if !self.ask(caller, method, path, ms).is_allowed() {
            return false;
        }
        let outcome = Outcome {
            status,
            request_bytes: 200,
            response_bytes,
        };
        observe_response(
            &self.policy,
            &caller.connection,
            Some(&caller.key),
            Basis::Flow,
            &outcome,
            &mut self.peers,
            TimeMs(START_MS + ms),
        );
        true
    }

    /// The standing that a decision at this time sees.
    pub(crate) fn standing(&mut self, caller: &Caller, ms: u64) -> Behaviour {
        let verdict = self.ask(caller, "GET", "/v1/items", ms);
        verdict.context().standing.unwrap()
    }

    pub(crate) fn trust(&mut self, caller: &Caller, ms: u64) -> u8 {
        let verdict = self.ask(caller, "GET", "/v1/items", ms);
        verdict.context().score.unwrap().trust
    }
}
