//! A mesh of any size, to measure decisions in: a policy, callers, requests.

use sallyport_engine::artifact::ArtifactClaims;
use sallyport_engine::facts::{
    CertifiedKeys, ConnectionFacts, CredentialFacts, KeyExchange, MutualTls, PeerCertificate,
    PeerMetadata, PeerValidation, TlsVersion, Transport,
};
use sallyport_engine::headers::RequestHead;
use sallyport_engine::identity::Assurance;
use sallyport_engine::policy::{Policy, compile, raw::PolicyDocument};
use sallyport_engine::reason::DenyReason;
use sallyport_engine::session::{Request, answer, observe_response};
use sallyport_engine::time::TimeMs;
use sallyport_engine::trust::{Outcome, PeerKey, PeerTable, TargetHasher};
use sallyport_engine::verdict::{Basis, DecisionId, Verdict};

/// When measuring begins.
pub const START_MS: u64 = 1_800_000_000_000;

/// How the flows of a policy lie.
#[derive(Debug, Clone, Copy)]
pub enum Layout {
    /// Each between two segments of its own, of which there are as few as that takes.
    Apart,
    /// All between the same two segments, each with a path of its own.
    Parallel,
}

/// What a policy holds.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// The number of its flows.
    pub flows: usize,
    /// How they lie.
    pub layout: Layout,
    /// The least number of its segments.
    pub segments: usize,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            flows: 100,
            layout: Layout::Apart,
            segments: 2,
        }
    }
}

impl Shape {
    /// A policy with this many flows, each between two segments of its own.
    #[must_use]
    pub fn of(flows: usize) -> Self {
        Self {
            flows,
            ..Self::default()
        }
    }

    /// The policy as `sallyport render` writes it: JSON.
    #[must_use]
    pub fn text(self) -> String {
        let Self { flows, layout, .. } = self;
        let side = match layout {
            Layout::Apart => (1_usize..).find(|side| side * side >= flows).unwrap_or(1),
            Layout::Parallel => 1,
        };
        let segments: Vec<String> = (0..side.max(self.segments / 2))
            .map(|number| {
                format!(
                    r#"{{"name":"client-{number}","namespaces":["client-{number}"]}},{{"name":"server-{number}","namespaces":["server-{number}"]}}"#
                )
            })
            .collect();
        let flows: Vec<String> = (0..flows)
            .map(|number| {
                let (from, to, area) = match layout {
                    Layout::Apart => (number % side, number / side, 0),
                    Layout::Parallel => (0, 0, number),
                };
                format!(
                    r#"{{"name":"flow-{number}","from":["client-{from}"],"to":"server-{to}","operations":[{{"methods":["GET"],"paths":["/v1/area-{area}/items","/v1/area-{area}/items/{{id}}"]}},{{"methods":["POST"],"paths":["/v1/area-{area}/items"]}}]}}"#
                )
            })
            .collect();
        let (segments, flows) = (segments.join(","), flows.join(","));
        format!(
            r#"{{"apiVersion":"security.sallyport.dev/v1alpha1","kind":"MeshTrustPolicy","metadata":{{"name":"mesh"}},"spec":{{"mode":"enforce","trustDomains":["mesh.example"],"minimumAssurance":"classical","segments":[{segments}],"flows":[{flows}]}}}}"#
        )
    }

    /// The policy, compiled.
    ///
    /// # Panics
    ///
    /// If it is none.
    #[must_use]
    #[expect(clippy::panic, reason = "a tool that may stop")]
    pub fn policy(self) -> Policy {
        let document: PolicyDocument =
            serde_json::from_str(&self.text()).unwrap_or_else(|error| panic!("{error}"));
        compile(&document).unwrap_or_else(|errors| panic!("{errors:?}"))
    }
}

/// Who calls the workload of segment `server-0`.
#[derive(Debug)]
pub struct Caller {
    /// Its connection.
    pub connection: ConnectionFacts,
    /// What its state is found by.
    pub key: PeerKey,
}

impl Caller {
    /// A workload of segment `client-0`, with a certificate of its own.
    ///
    /// # Panics
    ///
    /// Never: its identity is well formed.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "a tool that may stop")]
    pub fn new(number: u64) -> Self {
        let id = format!("spiffe://mesh.example/ns/client-0/sa/client-{number}");
        let [a, b, c, d, e, f, g, h] = number.to_le_bytes();
        let mut certificate_sha256 = [0; 32];
        certificate_sha256
            .iter_mut()
            .zip([a, b, c, d, e, f, g, h])
            .for_each(|(to, from)| *to = from);
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
            own: Some(
                "spiffe://mesh.example/ns/server-0/sa/server"
                    .parse()
                    .unwrap(),
            ),
            transport: Transport::Mutual(MutualTls {
                validation: PeerValidation::Validated,
                version: TlsVersion::Tls13,
                key_exchange: KeyExchange::Hidden,
                certificate_sha256,
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
}

/// A worker of a proxy: a policy, and what it knows of its callers.
#[derive(Debug)]
pub struct Stand {
    /// The policy in force.
    pub policy: Policy,
    /// The callers.
    pub peers: PeerTable,
    /// The time.
    pub now: TimeMs,
}

impl Stand {
    /// A worker that has seen this many callers, with room for as many (at least 10 000).
    #[must_use]
    pub fn new(policy: Policy, callers: u64) -> Self {
        let capacity = usize::try_from(callers).unwrap_or(usize::MAX).max(10_000);
        let mut stand = Self {
            policy,
            peers: PeerTable::new(capacity, TargetHasher::new([9; 16])),
            now: TimeMs(START_MS),
        };
        for number in 0..callers {
            stand.ask(&Caller::new(number), &headers(ALLOWED));
        }
        stand
    }

    /// One request, from its headers to a verdict and what is booked of it.
    pub fn ask(&mut self, caller: &Caller, headers: &[(&[u8], &[u8])]) -> Verdict {
        let head = RequestHead::read(headers.iter().copied());
        let request = Request {
            policy: &self.policy,
            connection: &caller.connection,
            peer: Some(&caller.key),
            head: &head,
            now: self.now,
            decision_id: DecisionId {
                vm: [0; 8],
                counter: 0,
            },
        };
        answer(
            &request,
            &mut self.peers,
            || Err(DenyReason::InternalBug),
            |_, _| Err(DenyReason::InternalBug),
        )
    }

    /// The answer of the application to a request that was allowed.
    pub fn respond(&mut self, caller: &Caller) {
        let outcome = Outcome {
            status: 200,
            request_bytes: 100,
            response_bytes: 2_000,
        };
        observe_response(
            &self.policy,
            &caller.connection,
            Some(&caller.key),
            Basis::Flow,
            &outcome,
            &mut self.peers,
            self.now,
        );
    }
}

/// A path that the first flow covers.
pub const ALLOWED: &str = "/v1/area-0/items/7";
/// One that no flow covers.
pub const DENIED: &str = "/v1/area-0/orders";

/// The headers that a browser's or a client's request has after it went through a sidecar.
#[must_use]
pub fn headers(path: &str) -> Vec<(&[u8], &[u8])> {
    let mut headers: Vec<(&[u8], &[u8])> = vec![(b":method", b"GET"), (b":path", path.as_bytes())];
    headers.extend(USUAL);
    headers
}

const USUAL: [(&[u8], &[u8]); 10] = [
    (b":authority", b"server.server-0.svc.cluster.local:8080"),
    (b":scheme", b"https"),
    (b"user-agent", b"client/1.2.3"),
    (b"accept", b"application/json"),
    (b"accept-encoding", b"gzip, deflate, br"),
    (b"x-forwarded-proto", b"https"),
    (b"x-request-id", b"0aa3d4c2-6a0f-4c83-9a2f-6a3e3c9a8b11"),
    (b"x-b3-traceid", b"80f198ee56343ba864fe8b2a57d3eff7"),
    (b"x-envoy-attempt-count", b"1"),
    (b"x-forwarded-client-cert", b"By=spiffe://mesh.example/ns/server-0/sa/server;Hash=468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688;Subject=\"\";URI=spiffe://mesh.example/ns/client-0/sa/client-0"),
];
