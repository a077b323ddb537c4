//! One small mesh and one good request in it, which the tests of several modules change in one
//! place each.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

use crate::artifact::ArtifactClaims;
use crate::decide;
use crate::facts::{
    CertifiedKeys, ConnectionFacts, CredentialFacts, CredentialFault, Facts, KeyExchange,
    MutualTls, PeerCertificate, PeerMetadata, PeerValidation, RequestFacts, TlsVersion, Transport,
};
use crate::identity::{Assurance, SpiffeId};
use crate::names::{Method, RequestPath};
use crate::policy::raw::{Grant, Operation, PolicyDocument};
use crate::policy::{Policy, compile};
use crate::reason::DenyReason;
use crate::time::TimeMs;
use crate::trust::{Moment, Params, PeerState, PeerView, Rules, TargetHasher};
use crate::verdict::{DecisionId, Verdict};

/// The time of the good request: well inside the first half of all credentials.
pub(crate) const NOW: TimeMs = TimeMs(1_800_000_000_000);
pub(crate) const HOUR_MS: u64 = 3_600_000;
pub(crate) const DECISION: DecisionId = DecisionId {
    vm: [0xab; 8],
    counter: 255,
};
pub(crate) const GATEWAY: &str = "spiffe://ai.example/ns/edge/sa/gateway";
pub(crate) const INFERENCE: &str = "spiffe://ai.example/ns/ml/sa/model-server";
pub(crate) const VECTORS: &str = "spiffe://ai.example/ns/ml/sa/vectors";
pub(crate) const STRANGER: &str = "spiffe://ai.example/ns/sandbox/sa/notebook";

const DOCUMENT: &str = r#"{
  "apiVersion": "security.sallyport.dev/v1alpha1",
  "kind": "MeshTrustPolicy",
  "metadata": {"name": "mesh"},
  "spec": {
    "mode": "enforce",
    "trustDomains": ["ai.example"],
    "minimumAssurance": "classical",
    "segments": [
      {"name": "gateway", "namespaces": ["edge"]},
      {"name": "inference", "namespaces": ["ml"], "serviceAccounts": ["model-server"]},
      {"name": "vector-store", "namespaces": ["ml"], "serviceAccounts": ["vectors"]}
    ],
    "flows": [{
      "name": "infer", "from": ["gateway"], "to": "inference",
      "minimumAssurance": "hybrid", "minimumTrust": 50,
      "operations": [
        {"methods": ["GET"], "paths": ["/v1/models", "/v1/models/{model}"]},
        {"methods": ["POST"], "paths": ["/v1/models/{model}/infer"], "ports": [8080]}
      ]
    }],
    "revocations": [
      {"key": "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"}
    ],
    "notBeforeFloors": [
      {"identity": "spiffe://ai.example/ns/edge/sa/gateway", "notBefore": "2027-01-15T07:00:00Z"},
      {"identity": "spiffe://ai.example/ns/ml/sa/vectors", "notBefore": "2027-01-15T07:00:00Z"}
    ],
    "probes": [
      {"method": "GET", "path": "/healthz", "port": 8080, "ipBlocks": ["10.0.0.0/8", "fd00::/8"]}
    ]
  }
}"#;

/// The policy of the mesh: the gateway may list models and run them, with a hybrid credential.
pub(crate) fn document() -> PolicyDocument {
    serde_json::from_str(DOCUMENT).unwrap()
}

/// A grant from 7:00 to 9:00, in force at [`NOW`]: the gateway may delete models.
pub(crate) fn grant() -> Grant {
    Grant {
        name: "incident".into(),
        from: alloc::vec!["gateway".into()],
        to: "inference".into(),
        not_before: "2027-01-15T07:00:00Z".into(),
        not_after: "2027-01-15T09:00:00Z".into(),
        reason: "incident 4711".into(),
        approved_by: "on-call lead".into(),
        operations: alloc::vec![Operation {
            methods: alloc::vec!["DELETE".into()],
            paths: alloc::vec!["/v1/models/{model}".into()],
            ports: Some(alloc::vec![8080]),
            when_restricted: None,
        }],
    }
}

/// The compiled policy of the mesh, changed.
pub(crate) fn policy(change: impl FnOnce(&mut PolicyDocument)) -> Policy {
    let mut document = document();
    change(&mut document);
    compile(&document).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

pub(crate) fn identity(text: &str) -> SpiffeId {
    text.parse().unwrap()
}

/// A credential of an hour, of which ten minutes have passed at [`NOW`].
pub(crate) fn credential(subject: &str, assurance: Assurance) -> CredentialFacts {
    CredentialFacts {
        authority: Some(Arc::from("mesh-ca")),
        subject: identity(subject),
        assurance,
        number: None,
        keys: CertifiedKeys::default(),
        artifacts: ArtifactClaims::default(),
        issued: TimeMs(NOW.0 - HOUR_MS / 6),
        not_before: TimeMs(NOW.0 - HOUR_MS / 6),
        not_after: TimeMs(NOW.0 - HOUR_MS / 6 + HOUR_MS),
    }
}

/// A peer that asked for a number of distinct paths that it may not ask for.
pub(crate) fn state_after_distinct_denials(count: usize, now: TimeMs) -> PeerState {
    let params = Params::default();
    let now = Moment::of(now);
    let mut peer = PeerState::new(now);
    for number in 0..count {
        let path = format!("/hidden/page-{number}");
        let evidence = TargetHasher::new([0; 16]).denial("GET", path.as_bytes());
        peer.record(evidence, &params, now);
    }
    peer.settle(&Rules::plain(&params), now);
    peer
}

/// What a decision may know of such a peer.
pub(crate) fn peer_after_distinct_denials(count: usize, now: TimeMs) -> PeerView {
    let state = state_after_distinct_denials(count, now);
    PeerView::of(&state, &Rules::plain(&Params::default()), Moment::of(now))
}

/// A request with all that decides on it.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) connection: ConnectionFacts,
    pub(crate) source_ip: IpAddr,
    pub(crate) is_upgrade: bool,
    pub(crate) token: Option<Result<CredentialFacts, DenyReason>>,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) peer: Option<PeerView>,
    pub(crate) now: TimeMs,
}

impl Scene {
    /// The gateway runs a model, with a hybrid certificate and a clean record.
    pub(crate) fn good() -> Self {
        Self {
            connection: ConnectionFacts {
                own: Some(identity(INFERENCE)),
                transport: Transport::Mutual(MutualTls {
                    validation: PeerValidation::Validated,
                    version: TlsVersion::Tls13,
                    key_exchange: KeyExchange::Hidden,
                    certificate_sha256: [7; 32],
                    certificate: PeerCertificate::Read {
                        subject: identity(GATEWAY),
                        credential: Ok(credential(GATEWAY, Assurance::Hybrid)),
                    },
                }),
                destination_port: 8080,
                peer_metadata: PeerMetadata::Absent,
            },
            source_ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)),
            is_upgrade: false,
            token: None,
            method: "POST",
            path: "/v1/models/llm-7b/infer",
            peer: Some(peer_after_distinct_denials(0, NOW)),
            now: NOW,
        }
    }

    /// The good request, changed.
    pub(crate) fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut scene = Self::good();
        change(&mut scene);
        scene
    }

    pub(crate) fn tls(&mut self) -> &mut MutualTls {
        match &mut self.connection.transport {
            Transport::Mutual(tls) => tls,
            Transport::Plaintext => panic!("the scene has no TLS"),
        }
    }

    /// The certificate of the peer as a credential.
    pub(crate) fn certificate(&mut self) -> &mut CredentialFacts {
        let PeerCertificate::Read {
            credential: Ok(credential),
            ..
        } = &mut self.tls().certificate
        else {
            panic!("the scene has no good certificate");
        };
        credential
    }

    /// Another workload makes the request, with a certificate of the same assurance.
    pub(crate) fn set_source(&mut self, subject: &str) {
        self.set_certificate(subject, Ok(credential(subject, Assurance::Hybrid)));
    }

    pub(crate) fn set_certificate(
        &mut self,
        subject: &str,
        credential: Result<CredentialFacts, CredentialFault>,
    ) {
        let subject = identity(subject);
        self.tls().certificate = PeerCertificate::Read {
            subject,
            credential,
        };
    }

    pub(crate) fn facts(&self) -> Facts<'_> {
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
                is_upgrade: self.is_upgrade,
            },
            source_ip: Some(self.source_ip),
        }
    }

    pub(crate) fn decide(&self, policy: &Policy) -> Verdict {
        decide(
            policy,
            &self.facts(),
            self.peer.as_ref(),
            self.now,
            DECISION,
        )
    }

    /// Why the request is denied, in a policy that enforces; none when it is allowed.
    pub(crate) fn denial(&self, policy: &Policy) -> Option<DenyReason> {
        let verdict = self.decide(policy);
        assert_eq!(
            verdict.is_allowed(),
            verdict.reason().is_none(),
            "{verdict:?}"
        );
        verdict.reason()
    }
}

/// `template` with each number from 0 on in place of `#`, as many times as wanted.
pub(crate) fn numbered<T: From<alloc::string::String>>(template: &str, count: usize) -> Vec<T> {
    (0..count)
        .map(|number| T::from(template.replace('#', &format!("{number}"))))
        .collect()
}
