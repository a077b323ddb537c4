//! Random meshes and requests from small sets of names, so that they meet each other often.

use std::net::IpAddr;

use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use sallyport_engine::artifact::{ArtifactClaims, ArtifactDigest};
use sallyport_engine::facts::{
    CertifiedKeys, ConnectionFacts, CredentialFacts, CredentialFault, Facts, KeyExchange,
    MutualTls, PeerCertificate, PeerMetadata, PeerValidation, RequestFacts, TlsVersion, Transport,
};
use sallyport_engine::identity::Assurance;
use sallyport_engine::names::{Method, RequestPath};
use sallyport_engine::policy::raw::{self, RequiredAssurance};
use sallyport_engine::policy::{Mode, Policy, PolicyError, compile};
use sallyport_engine::reason::DenyReason;
use sallyport_engine::time::TimeMs;
use sallyport_engine::trust::{Moment, Params, PeerState, PeerView, Rules, TargetHasher};

use crate::artifacts::Asked;

pub(crate) const NOW_MS: u64 = 1_800_000_000_000;
const HOUR_MS: i64 = 3_600_000;

/// Name, namespaces, service accounts (none: each one).
type Segment = (
    &'static str,
    &'static [&'static str],
    Option<&'static [&'static str]>,
);

pub(crate) const SEGMENTS: [Segment; 3] = [
    ("web", &["edge", "edge-2"], None),
    ("api", &["core"], Some(&["api"])),
    ("data", &["core"], Some(&["db", "cache"])),
];
pub(crate) const METHODS: [&str; 4] = ["GET", "HEAD", "POST", "DELETE"];
pub(crate) const PORTS: [u16; 3] = [80, 8080, 9090];
pub(crate) const PATHS: [&str; 12] = [
    "/", "/a", "/a/", "/a/b", "/a/b/c", "/a/c", "/b", "/b/b", "/b/b/c", "/healthz", "/a//b",
    "/a/../b",
];
const TEMPLATES: [&str; 10] = [
    "/", "/a", "/a/", "/a/{x}", "/a/b", "/{x}/b", "/a/{**}", "/b/{x}/c", "/{**}", "/{x}",
];
const IDENTITIES: [&str; 9] = [
    "spiffe://d.example/ns/edge/sa/front",
    "spiffe://d.example/ns/edge-2/sa/front",
    "spiffe://d.example/ns/core/sa/api",
    "spiffe://d.example/ns/core/sa/db",
    "spiffe://d.example/ns/core/sa/cache",
    "spiffe://d.example/ns/core/sa/other",
    "spiffe://d.example/ns/nowhere/sa/api",
    "spiffe://d.example/another/form",
    "spiffe://other.example/ns/core/sa/api",
];

// === Meshes ===

#[derive(Debug, Clone)]
pub(crate) struct Mesh {
    pub(crate) mode: Mode,
    pub(crate) assurance: RequiredAssurance,
    pub(crate) trust: Option<u8>,
    pub(crate) flows: Vec<raw::Flow>,
    pub(crate) has_probe: bool,
    pub(crate) asked: Option<raw::PostQuantumAuth>,
    pub(crate) artifacts: Option<raw::Artifacts>,
    grant: Option<raw::Grant>,
    turned_around: bool,
}

fn modes() -> impl Strategy<Value = Mode> {
    prop_oneof![3 => Just(Mode::Enforce), 1 => Just(Mode::Shadow)]
}

fn assurances() -> impl Strategy<Value = RequiredAssurance> {
    // Rarely the highest, so that enough requests reach the later gates.
    prop_oneof![
        6 => Just(RequiredAssurance::Classical),
        5 => Just(RequiredAssurance::Hybrid),
        1 => Just(RequiredAssurance::HybridProven),
    ]
}

fn operations() -> impl Strategy<Value = raw::Operation> {
    let methods = prop_oneof![
        1 => Just(vec!["*"]),
        3 => subsequence(METHODS.to_vec(), 1..3),
    ];
    let paths = subsequence(TEMPLATES.to_vec(), 1..4);
    let ports = prop::option::of(subsequence(PORTS.to_vec(), 1..3));
    (methods, paths, ports).prop_map(|(methods, paths, ports)| raw::Operation {
        methods: methods.into_iter().map(String::from).collect(),
        paths: paths.into_iter().map(String::from).collect(),
        ports,
        when_restricted: None,
    })
}

pub(crate) fn flows(name: &'static str) -> impl Strategy<Value = raw::Flow> {
    let segments: Vec<&str> = SEGMENTS.iter().map(|segment| segment.0).collect();
    (
        subsequence(segments.clone(), 1..3),
        select(segments),
        prop::option::weighted(0.3, modes()),
        prop::option::of(assurances()),
        prop::option::of(0_u8..=99),
        prop::collection::vec(operations(), 1..3),
    )
        .prop_map(
            move |(from, to, mode, minimum_assurance, minimum_trust, operations)| raw::Flow {
                name: name.into(),
                from: from.into_iter().map(String::from).collect(),
                to: to.into(),
                mode,
                minimum_assurance,
                minimum_trust,
                maximum_uncertainty: None,
                recheck_streams: None,
                requires: None,
                operations,
            },
        )
}

pub(crate) fn meshes() -> impl Strategy<Value = Mesh> {
    let flows = (
        flows("f0"),
        flows("f1"),
        flows("f2"),
        flows("f3"),
        flows("f4"),
    );
    let trust = prop::option::of(0_u8..=99);
    (
        modes(),
        assurances(),
        trust,
        flows,
        any::<bool>(),
        0_usize..6,
    )
        .prop_map(
            |(mode, assurance, trust, (a, b, c, d, e), has_probe, count)| {
                let flows = [a, b, c, d, e].into_iter().take(count).collect();
                Mesh {
                    mode,
                    assurance,
                    trust,
                    flows,
                    has_probe,
                    asked: None,
                    artifacts: None,
                    grant: None,
                    turned_around: false,
                }
            },
        )
}

impl Mesh {
    pub(crate) fn of(flows: [raw::Flow; 2]) -> Self {
        Self {
            mode: Mode::Enforce,
            assurance: RequiredAssurance::Classical,
            trust: None,
            flows: flows.to_vec(),
            has_probe: false,
            asked: None,
            artifacts: None,
            grant: None,
            turned_around: false,
        }
    }

    pub(crate) fn compile(&self) -> Result<Policy, Vec<PolicyError>> {
        compile(&self.document())
    }

    /// The policy of this mesh, without the flows that overlap earlier ones.
    pub(crate) fn compiled(&self) -> (Policy, Self) {
        let mut mesh = Self {
            flows: Vec::new(),
            ..self.clone()
        };
        for flow in &self.flows {
            mesh.flows.push(flow.clone());
            if mesh.compile().is_err() {
                mesh.flows.pop();
            }
        }
        (mesh.compile().unwrap(), mesh)
    }

    pub(crate) fn with(&self, flow: raw::Flow) -> Self {
        let mut mesh = self.clone();
        mesh.flows.push(flow);
        mesh
    }

    pub(crate) fn asking(&self, setting: raw::PostQuantumAuth) -> Self {
        Self {
            asked: Some(setting),
            ..self.clone()
        }
    }

    /// The same, and all flows require a model.
    pub(crate) fn requiring(&self, asked: &Asked) -> Self {
        let mut mesh = Self {
            artifacts: Some(asked.manifests()),
            ..self.clone()
        };
        for flow in &mut mesh.flows {
            flow.requires = Some(asked.requirements());
        }
        mesh
    }

    pub(crate) fn granting(&self, grant: raw::Grant) -> Self {
        Self {
            grant: Some(grant),
            ..self.clone()
        }
    }

    pub(crate) fn without(&self, dropped: Index) -> Self {
        let mut mesh = self.clone();
        if !mesh.flows.is_empty() {
            mesh.flows.remove(dropped.index(mesh.flows.len()));
        }
        mesh
    }

    pub(crate) fn turned_around(&self) -> Self {
        let mut mesh = Self {
            turned_around: true,
            ..self.clone()
        };
        mesh.flows.reverse();
        for flow in &mut mesh.flows {
            flow.from.reverse();
            flow.operations.reverse();
            for operation in &mut flow.operations {
                operation.methods.reverse();
                operation.paths.reverse();
            }
        }
        mesh
    }

    pub(crate) fn all_in(&self, mode: Mode) -> Self {
        let mut mesh = Self {
            mode,
            ..self.clone()
        };
        for flow in &mut mesh.flows {
            flow.mode = None;
        }
        mesh
    }

    fn document(&self) -> raw::PolicyDocument {
        let mut segments: Vec<raw::Segment> = SEGMENTS
            .iter()
            .map(|(name, namespaces, accounts)| raw::Segment {
                name: String::from(*name),
                trust_domains: None,
                namespaces: namespaces.iter().copied().map(String::from).collect(),
                service_accounts: accounts
                    .map(|accounts| accounts.iter().copied().map(String::from).collect()),
                callers: None,
                trust: None,
            })
            .collect();
        if self.turned_around {
            segments.reverse();
        }
        let probe = raw::Probe {
            method: "GET".into(),
            path: "/healthz".into(),
            port: 8080,
            ip_blocks: vec!["10.0.0.0/8".into()],
        };
        raw::PolicyDocument {
            api_version: raw::ApiVersion::V1Alpha1,
            kind: raw::Kind::MeshTrustPolicy,
            metadata: raw::Metadata {
                name: "random".into(),
            },
            spec: raw::Spec {
                mode: self.mode,
                trust_domains: vec!["d.example".into()],
                minimum_assurance: self.assurance,
                minimum_trust: self.trust,
                post_quantum_auth: self.asked.clone(),
                break_glass: None,
                application_headers: None,
                access_log: None,
                authorities: None,
                revocations: None,
                trust: None,
                signals: None,
                not_before_floors: None,
                artifacts: self.artifacts.clone(),
                segments,
                flows: self.flows.clone(),
                grants: self.grant.clone().map(|grant| vec![grant]),
                probes: self.has_probe.then(|| vec![probe]),
            },
        }
    }
}

// === Requests ===

/// A request with all that decides on it, in plain values.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) own: Option<&'static str>,
    /// None: no mutual TLS.
    pub(crate) tls: Option<Tls>,
    pub(crate) token: Option<Result<Credential, CredentialFault>>,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) port: u16,
    pub(crate) is_from_probing_network: bool,
    /// Distinct and repeated denials, and the seconds since then.
    pub(crate) denials: (usize, usize, u64),
}

#[derive(Debug, Clone)]
pub(crate) struct Tls {
    pub(crate) validation: PeerValidation,
    pub(crate) version: TlsVersion,
    pub(crate) key_exchange: KeyExchange,
    /// None: the host does not show the certificate.
    pub(crate) source: Option<&'static str>,
    pub(crate) credential: Result<Credential, CredentialFault>,
}

#[derive(Debug, Clone)]
pub(crate) struct Credential {
    pub(crate) subject: &'static str,
    pub(crate) assurance: Assurance,
    /// Milliseconds from now until it begins, and until it ends.
    pub(crate) begins: i64,
    pub(crate) ends: i64,
    /// The number of the model that it claims.
    pub(crate) model: Option<u8>,
}

fn faults() -> impl Strategy<Value = CredentialFault> {
    select(vec![
        CredentialFault::Malformed,
        CredentialFault::HybridSignatureMissing,
        CredentialFault::ClassicalSignatureInvalid,
        CredentialFault::BindingMismatch,
    ])
}

fn credentials(subject: &'static str) -> impl Strategy<Value = Credential> {
    let assurance = select(vec![
        Assurance::Classical,
        Assurance::Hybrid,
        Assurance::HybridProven,
    ]);
    let begins = prop_oneof![
        12 => -HOUR_MS..=0,
        1 => Just(0),
        1 => 1..HOUR_MS,
    ];
    let ends = prop_oneof![12 => 1..HOUR_MS, 1 => Just(1), 1 => -HOUR_MS..=0];
    (assurance, begins, ends).prop_map(move |(assurance, begins, ends)| Credential {
        subject,
        assurance,
        begins,
        ends,
        model: None,
    })
}

fn mostly_good(
    subject: &'static str,
) -> impl Strategy<Value = Result<Credential, CredentialFault>> {
    prop_oneof![9 => credentials(subject).prop_map(Ok), 1 => faults().prop_map(Err)]
}

fn tls() -> impl Strategy<Value = Tls> {
    let validation = prop_oneof![
        6 => Just(PeerValidation::Validated),
        2 => Just(PeerValidation::Assumed),
        1 => Just(PeerValidation::Failed),
    ];
    let version = select(vec![
        TlsVersion::Tls12,
        TlsVersion::Tls13,
        TlsVersion::Other,
    ]);
    let source = prop::option::weighted(0.95, select(IDENTITIES.to_vec()));
    (validation, version, source).prop_flat_map(|(validation, version, source)| {
        mostly_good(source.unwrap_or(IDENTITIES[0])).prop_map(move |credential| Tls {
            validation,
            version,
            key_exchange: KeyExchange::Hidden,
            source,
            credential,
        })
    })
}

/// Any request.
pub(crate) fn cases() -> impl Strategy<Value = Case> {
    let token = prop::option::weighted(
        0.3,
        select(IDENTITIES[..3].to_vec()).prop_flat_map(mostly_good),
    );
    (
        prop::option::weighted(0.95, select(IDENTITIES.to_vec())),
        prop::option::weighted(0.9, tls()),
        token,
        select(METHODS.to_vec()),
        select(PATHS.to_vec()),
        select(PORTS.to_vec()),
        any::<bool>(),
        (0_usize..10, 0_usize..60, 0_u64..120),
    )
        .prop_map(
            |(own, tls, token, method, path, port, is_from_probing_network, denials)| Case {
                own,
                tls,
                token,
                method,
                path,
                port,
                is_from_probing_network,
                denials,
            },
        )
}

/// Requests that get as far as the flows: between the three segments, with good credentials, and
/// in half of the cases of a peer with a clean record.
pub(crate) fn likely_cases() -> impl Strategy<Value = Case> {
    let known = || select(IDENTITIES[..5].to_vec());
    let credentials_of = move |source| {
        // Some tokens have another subject.
        let subject = prop_oneof![9 => Just(source), 1 => known()];
        let token = prop::option::weighted(0.3, subject.prop_flat_map(mostly_good));
        let is_hybrid = any::<bool>();
        (Just(source), is_hybrid, token)
    };
    (
        cases(),
        known(),
        known().prop_flat_map(credentials_of),
        any::<bool>(),
    )
        .prop_map(|(case, own, (source, is_hybrid, token), is_clean)| {
            let assurance = if is_hybrid {
                Assurance::Hybrid
            } else {
                Assurance::Classical
            };
            let credential = Credential {
                subject: source,
                assurance,
                begins: -HOUR_MS / 6,
                ends: HOUR_MS,
                model: None,
            };
            Case {
                own: Some(own),
                tls: Some(Tls {
                    validation: PeerValidation::Validated,
                    version: TlsVersion::Tls13,
                    key_exchange: KeyExchange::Hidden,
                    source: Some(source),
                    credential: Ok(credential),
                }),
                token,
                denials: if is_clean { (0, 0, 0) } else { case.denials },
                ..case
            }
        })
}

/// The facts of a case, owned.
pub(crate) struct OwnedFacts {
    connection: ConnectionFacts,
    source_ip: IpAddr,
    token: Option<Result<CredentialFacts, DenyReason>>,
    method: &'static str,
    path: &'static str,
}

impl OwnedFacts {
    pub(crate) fn as_facts(&self) -> Facts<'_> {
        Facts {
            connection: &self.connection,
            token: self
                .token
                .as_ref()
                .map(|token| token.as_ref().map_err(|reason| *reason)),
            request: RequestFacts {
                method: Method::parse(self.method.as_bytes()).unwrap(),
                path: RequestPath::parse(self.path.as_bytes()),
                raw_path: self.path.as_bytes(),
                is_upgrade: false,
            },
            source_ip: Some(self.source_ip),
        }
    }
}

impl Credential {
    fn facts(&self) -> CredentialFacts {
        CredentialFacts {
            authority: None,
            subject: self.subject.parse().unwrap(),
            assurance: self.assurance,
            number: None,
            keys: CertifiedKeys::default(),
            artifacts: ArtifactClaims {
                model: self.model.map(|byte| ArtifactDigest::new([byte; 32])),
                image: None,
            },
            issued: TimeMs(NOW_MS.saturating_add_signed(self.begins)),
            not_before: TimeMs(NOW_MS.saturating_add_signed(self.begins)),
            not_after: TimeMs(NOW_MS.saturating_add_signed(self.ends)),
        }
    }
}

impl Case {
    pub(crate) fn now(&self) -> TimeMs {
        TimeMs(NOW_MS)
    }

    pub(crate) fn facts(&self) -> OwnedFacts {
        let facts_of = |credential: &Result<Credential, CredentialFault>| {
            credential
                .as_ref()
                .map(Credential::facts)
                .map_err(|fault| *fault)
        };
        let transport = match &self.tls {
            None => Transport::Plaintext,
            Some(tls) => Transport::Mutual(MutualTls {
                validation: tls.validation,
                version: tls.version,
                key_exchange: tls.key_exchange,
                certificate_sha256: [9; 32],
                certificate: match tls.source {
                    None => PeerCertificate::Unavailable,
                    Some(source) => PeerCertificate::Read {
                        subject: source.parse().unwrap(),
                        credential: facts_of(&tls.credential),
                    },
                },
            }),
        };
        let source: IpAddr = if self.is_from_probing_network {
            "10.1.2.3"
        } else {
            "192.0.2.1"
        }
        .parse()
        .unwrap();
        OwnedFacts {
            connection: ConnectionFacts {
                own: self.own.map(|own| own.parse().unwrap()),
                transport,
                destination_port: self.port,
                peer_metadata: PeerMetadata::Absent,
            },
            source_ip: source,
            token: self
                .token
                .as_ref()
                .map(|token| facts_of(token).map_err(DenyReason::from)),
            method: self.method,
            path: self.path,
        }
    }

    pub(crate) fn peer(&self) -> PeerView {
        let (distinct, repeated, seconds) = self.denials;
        let params = Params::default();
        let then = Moment::of(TimeMs(NOW_MS - seconds * 1_000));
        let mut peer = PeerState::new(then);
        let mut refuse = |page: usize| {
            let path = format!("/page-{page}");
            let evidence = TargetHasher::new([0; 16]).denial("GET", path.as_bytes());
            peer.record(evidence, &params, then);
        };
        (0..distinct).for_each(&mut refuse);
        (0..repeated).for_each(|_| refuse(0));
        let (rules, now) = (Rules::plain(&params), Moment::of(self.now()));
        peer.settle(&rules, then);
        peer.settle(&rules, now);
        PeerView::of(&peer, &rules, now)
    }

    pub(crate) fn with_more_denials(&self, more: usize) -> Self {
        let (distinct, repeated, seconds) = self.denials;
        Self {
            denials: (distinct + more, repeated, seconds),
            ..self.clone()
        }
    }

    /// The same with a token that claims a model, if there is a token.
    pub(crate) fn claiming(&self, model: Option<u8>) -> Self {
        let mut case = self.clone();
        if let Some(Ok(token)) = &mut case.token {
            token.model = model;
        }
        case
    }

    pub(crate) fn with_key_exchange(&self, key_exchange: KeyExchange) -> Self {
        let mut case = self.clone();
        if let Some(tls) = &mut case.tls {
            tls.key_exchange = key_exchange;
        }
        case
    }

    pub(crate) fn with_hybrid_certificate(&self) -> Self {
        let mut case = self.clone();
        if let Some(Tls {
            credential: Ok(credential),
            ..
        }) = &mut case.tls
        {
            credential.assurance = credential.assurance.max(Assurance::Hybrid);
        }
        case
    }
}
