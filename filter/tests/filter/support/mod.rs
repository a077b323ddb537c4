//! A host with state: tests set what it holds and look at what became of it. Calls are counted,
//! and the call of any number can be made to fail.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use sallyport_credentials::issue::{
    AlternativeSignature, AuthorityOptions, ClassicalAuthority, HybridAuthority, Leaf, LeafRequest,
    RsaBits, Token, TokenIssuer, TokenIssuerOptions, TokenRequest,
};
use sallyport_credentials::sha256;
use sallyport_engine::effect::LocalReply;
use sallyport_engine::hexadecimal;
use sallyport_engine::metric::MetricKind;
use sallyport_engine::policy::raw::{
    AlternativeTokenAlgorithm, Authorities, ClassicalTokenAlgorithm,
};
use sallyport_engine::time::TimeMs;
use sallyport_filter::host::{
    HeaderBlock, HeaderPair, Host, HostError, LogLevel, MetricId, Property, Shared, SharedVersion,
};
use sallyport_filter::plugin::{Configured, Plugin};
use serde_json::{Value, json};

/// The time at which the tests begin.
pub(crate) const NOW: TimeMs = TimeMs(1_800_000_000_000);
pub(crate) const GATEWAY: &str = "spiffe://ai.example/ns/gateway/sa/gateway";
pub(crate) const TRAINING: &str = "spiffe://ai.example/ns/training/sa/trainer";
pub(crate) const INFERENCE: &str = "spiffe://ai.example/ns/inference/sa/model-server";

#[derive(Default)]
pub(crate) struct FakeHost {
    pub(crate) properties: RefCell<BTreeMap<Property, Vec<u8>>>,
    pub(crate) headers: RefCell<Vec<(Vec<u8>, Vec<u8>)>>,
    pub(crate) configuration: RefCell<Vec<u8>>,
    pub(crate) shared: RefCell<BTreeMap<String, Shared>>,
    /// Swaps that another worker comes before.
    pub(crate) swaps_lost: Cell<u32>,
    /// Writes of shared values so far.
    shared_writes: Cell<u32>,
    pub(crate) replies: RefCell<Vec<LocalReply>>,
    pub(crate) log: RefCell<Vec<(LogLevel, String)>>,
    /// What access logs are told about the last request.
    pub(crate) note: RefCell<Option<String>>,
    pub(crate) clock: Cell<TimeMs>,
    pub(crate) closed: Cell<bool>,
    pub(crate) tick_period: Cell<Duration>,
    metrics: RefCell<Vec<(String, u64)>>,
    /// Calls so far, without those of metrics.
    pub(crate) calls: Cell<usize>,
    /// The number of the call that fails, and of all calls after it.
    pub(crate) fails_from: Cell<Option<usize>>,
    /// The number of the one call that fails.
    pub(crate) fails_at: Cell<Option<usize>>,
}

impl FakeHost {
    pub(crate) fn new(configuration: &Value) -> Self {
        let host = Self::default();
        host.configuration
            .replace(configuration.to_string().into_bytes());
        host.clock.set(NOW);
        host
    }

    /// A connection over mutual TLS, to port 8080 of the inference workload.
    pub(crate) fn connect(&self, id: u64, leaf: &Leaf) {
        self.connect_plaintext(id);
        let mut properties = self.properties.borrow_mut();
        properties.insert(Property::Mtls, vec![1]);
        properties.insert(Property::PeerCertificateValid, vec![1]);
        properties.insert(
            Property::PeerCertificate,
            leaf.certificate_pem.clone().into_bytes(),
        );
        let digest = hexadecimal::encode(&sha256(&leaf.certificate_der));
        properties.insert(Property::PeerCertificateDigest, digest.into_bytes());
        properties.insert(Property::TlsVersion, b"TLSv1.3".to_vec());
    }

    pub(crate) fn connect_plaintext(&self, id: u64) {
        self.properties.replace(BTreeMap::from([
            (Property::ConnectionId, id.to_le_bytes().to_vec()),
            (Property::ListenerDirection, 1_u64.to_le_bytes().to_vec()),
            (Property::OwnIdentity, INFERENCE.as_bytes().to_vec()),
            (Property::SourceAddress, b"10.1.2.3:41000".to_vec()),
            (Property::DestinationPort, 8080_u64.to_le_bytes().to_vec()),
            (Property::Mtls, vec![0]),
        ]));
    }

    pub(crate) fn request(&self, headers: &[(&str, &[u8])]) {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec()));
        self.headers.replace(headers.collect());
        self.replies.borrow_mut().clear();
        self.note.replace(None);
    }

    pub(crate) fn header(&self, name: &str) -> Option<Vec<u8>> {
        let headers = self.headers.borrow();
        headers
            .iter()
            .find(|(other, _)| other == name.as_bytes())
            .map(|(_, value)| value.clone())
    }

    pub(crate) fn metric(&self, name: &str) -> u64 {
        let metrics = self.metrics.borrow();
        metrics
            .iter()
            .find(|(other, _)| other == name)
            .expect("a defined metric")
            .1
    }

    /// The reason code in the body of the last reply.
    pub(crate) fn denied(&self) -> String {
        let replies = self.replies.borrow();
        let body = &replies.last().expect("a reply").body;
        body.split([':', '('])
            .nth(1)
            .expect("a reason")
            .trim()
            .to_owned()
    }

    pub(crate) fn records(&self) -> Vec<Value> {
        let log = self.log.borrow();
        let warnings = log.iter().filter(|(level, _)| *level == LogLevel::Warn);
        warnings
            .map(|(_, line)| serde_json::from_str(line).expect("a record is JSON"))
            .collect()
    }

    pub(crate) fn write_shared(&self, key: &str, value: &[u8]) {
        self.shared_writes.set(self.shared_writes.get() + 1);
        let shared = Shared {
            bytes: value.to_vec(),
            version: SharedVersion(self.shared_writes.get()),
        };
        self.shared.borrow_mut().insert(key.to_owned(), shared);
    }

    fn call<T>(&self, name: &'static str, value: T) -> Result<T, HostError> {
        let number = self.calls.get();
        self.calls.set(number + 1);
        let fails = self.fails_from.get().is_some_and(|from| number >= from)
            || self.fails_at.get() == Some(number);
        if fails {
            Err(HostError {
                call: name,
                status: 10,
            })
        } else {
            Ok(value)
        }
    }
}

impl Host for FakeHost {
    fn property(&self, property: Property) -> Result<Option<Vec<u8>>, HostError> {
        self.call("property", self.properties.borrow().get(&property).cloned())
    }

    fn request_headers(&self) -> Result<HeaderBlock, HostError> {
        let headers = self.headers.borrow();
        let pairs: Vec<HeaderPair<'_>> = headers
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
            .collect();
        self.call("request_headers", HeaderBlock::write(&pairs).unwrap())
    }

    fn replace_request_headers(&self, headers: &[HeaderPair<'_>]) -> Result<(), HostError> {
        self.call("replace_request_headers", ())?;
        let headers = headers
            .iter()
            .map(|(name, value)| (name.to_vec(), value.to_vec()));
        self.headers.replace(headers.collect());
        Ok(())
    }

    fn remove_request_header(&self, name: &[u8]) -> Result<(), HostError> {
        self.call("remove_request_header", ())?;
        self.headers.borrow_mut().retain(|(other, _)| other != name);
        Ok(())
    }

    fn reply(&self, reply: &LocalReply) -> Result<(), HostError> {
        self.call("reply", ())?;
        self.replies.borrow_mut().push(reply.clone());
        Ok(())
    }

    fn close_stream(&self) -> Result<(), HostError> {
        self.call("close_stream", ())?;
        self.closed.set(true);
        Ok(())
    }

    fn set_tick_period(&self, period: Duration) -> Result<(), HostError> {
        self.tick_period.set(period);
        self.call("set_tick_period", ())
    }

    fn now(&self) -> Result<TimeMs, HostError> {
        self.call("now", self.clock.get())
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), HostError> {
        buffer.fill(0xab);
        self.call("random", ())
    }

    fn plugin_configuration(&self) -> Result<Option<Vec<u8>>, HostError> {
        self.call(
            "plugin_configuration",
            Some(self.configuration.borrow().clone()),
        )
    }

    fn shared(&self, key: &str) -> Result<Option<Shared>, HostError> {
        self.call("shared", self.shared.borrow().get(key).cloned())
    }

    fn set_shared(&self, key: &str, value: &[u8]) -> Result<(), HostError> {
        self.call("set_shared", ())?;
        self.write_shared(key, value);
        Ok(())
    }

    fn swap_shared(
        &self,
        key: &str,
        value: &[u8],
        seen: Option<SharedVersion>,
    ) -> Result<bool, HostError> {
        self.call("swap_shared", ())?;
        if self.swaps_lost.get() > 0 {
            self.swaps_lost.set(self.swaps_lost.get() - 1);
            return Ok(false);
        }
        let is_as_seen = self.shared.borrow().get(key).map(|it| it.version) == seen;
        if is_as_seen {
            self.write_shared(key, value);
        }
        Ok(is_as_seen)
    }

    fn define_metric(&self, _kind: MetricKind, name: &str) -> Result<MetricId, HostError> {
        let mut metrics = self.metrics.borrow_mut();
        let place = metrics
            .iter()
            .position(|(other, _)| other == name)
            .unwrap_or_else(|| {
                metrics.push((name.to_owned(), 0));
                metrics.len() - 1
            });
        Ok(MetricId(u32::try_from(place).unwrap()))
    }

    fn add(&self, metric: MetricId, change: i64) -> Result<(), HostError> {
        let mut metrics = self.metrics.borrow_mut();
        let value = &mut metrics[usize::try_from(metric.0).unwrap()].1;
        *value = value.checked_add_signed(change).unwrap();
        Ok(())
    }

    fn record_metric(&self, metric: MetricId, value: u64) -> Result<(), HostError> {
        self.metrics.borrow_mut()[usize::try_from(metric.0).unwrap()].1 = value;
        Ok(())
    }

    fn note(&self, line: &str) -> Result<(), HostError> {
        self.call("note", ())?;
        self.note.replace(Some(line.to_owned()));
        Ok(())
    }

    fn log(&self, level: LogLevel, line: &str) -> Result<(), HostError> {
        self.log.borrow_mut().push((level, line.to_owned()));
        Ok(())
    }
}

/// A plugin with the policy of these tests.
pub(crate) fn start() -> (FakeHost, Plugin) {
    start_with(&policy())
}

pub(crate) fn start_with(policy: &Value) -> (FakeHost, Plugin) {
    let host = FakeHost::new(&configuration(policy));
    let mut plugin = Plugin::default();
    assert_eq!(plugin.configure(&host), Configured::InForce);
    (host, plugin)
}

/// A word for each number: numbers in paths are one target.
pub(crate) fn word(number: usize) -> String {
    let digits = number.to_string();
    digits
        .bytes()
        .map(|digit| char::from(digit - b'0' + b'g'))
        .collect()
}

/// Authorities that all tests share, since making keys is slow.
pub(crate) struct Mesh {
    pub(crate) hybrid: HybridAuthority,
    pub(crate) classical: ClassicalAuthority,
    pub(crate) tokens: TokenIssuer,
}

pub(crate) fn mesh() -> &'static Mesh {
    static MESH: OnceLock<Mesh> = OnceLock::new();
    MESH.get_or_init(|| {
        let day = 86_400_000;
        let options = |name: &str| AuthorityOptions {
            rsa_bits: RsaBits::Bits2048,
            ..AuthorityOptions::new(name, TimeMs(NOW.0 - day), TimeMs(NOW.0 + 365 * day))
        };
        let tokens = TokenIssuerOptions {
            name: "token-issuer".to_owned(),
            trust_domain: "ai.example".to_owned(),
            issuer: "https://tokens.ai.example".to_owned(),
            audience: "ai-pipeline".to_owned(),
            classical_algorithm: ClassicalTokenAlgorithm::PS256,
            algorithm: AlternativeTokenAlgorithm::MlDsa65,
            rsa_bits: RsaBits::Bits2048,
            maximum_lifetime_seconds: None,
        };
        Mesh {
            hybrid: HybridAuthority::generate(&options("mesh-ca")).unwrap(),
            classical: ClassicalAuthority::generate(&options("istio-ca")).unwrap(),
            tokens: TokenIssuer::generate(tokens).unwrap(),
        }
    })
}

impl Mesh {
    pub(crate) fn request(&self, identity: &str) -> LeafRequest {
        let hour = 3_600_000;
        LeafRequest::new(
            identity.parse().unwrap(),
            TimeMs(NOW.0 - hour),
            TimeMs(NOW.0 + hour),
        )
    }

    pub(crate) fn hybrid_leaf(&self, identity: &str) -> Leaf {
        self.hybrid.issue_leaf(&self.request(identity)).unwrap()
    }

    /// What a downgrade would present: a leaf of the hybrid authority without its ML-DSA half.
    pub(crate) fn stripped_leaf(&self, identity: &str) -> Leaf {
        let alternative = AlternativeSignature::Absent;
        self.hybrid
            .issue_leaf(&LeafRequest {
                alternative,
                ..self.request(identity)
            })
            .unwrap()
    }

    pub(crate) fn classical_leaf(&self, identity: &str) -> Leaf {
        self.classical.issue_leaf(&self.request(identity)).unwrap()
    }

    pub(crate) fn token(&self, identity: &str, leaf: &Leaf) -> Token {
        let request = TokenRequest::new(identity, leaf.sha256(), NOW.0 / 1000);
        self.tokens.issue_token(&request).unwrap()
    }
}

/// A policy in which inference accepts the gateway only.
pub(crate) fn policy() -> Value {
    let authorities = Authorities {
        certificates: Some(vec![
            mesh().hybrid.to_policy("mesh-ca", "ai.example").unwrap(),
            mesh().classical.to_policy("istio-ca", "ai.example"),
        ]),
        tokens: Some(vec![mesh().tokens.to_policy()]),
        ..Authorities::default()
    };
    json!({
        "apiVersion": "security.sallyport.dev/v1alpha1",
        "kind": "MeshTrustPolicy",
        "metadata": { "name": "ai-pipeline" },
        "spec": {
            "mode": "enforce",
            "trustDomains": ["ai.example"],
            "minimumAssurance": "hybrid",
            "authorities": authorities,
            "segments": [
                { "name": "gateway", "namespaces": ["gateway"] },
                { "name": "training", "namespaces": ["training"] },
                { "name": "inference", "namespaces": ["inference"] },
            ],
            "flows": [{
                "name": "gateway-to-inference",
                "from": ["gateway"],
                "to": "inference",
                "operations": [
                    { "methods": ["POST"], "paths": ["/v1/models/{model}/infer"], "ports": [8080] },
                ],
            }],
        },
    })
}

/// The plugin configuration for a policy, as `sallyport render` makes it.
pub(crate) fn configuration(policy: &Value) -> Value {
    let text = policy.to_string();
    json!({
        "sliceVersion": 1,
        "mode": policy["spec"]["mode"],
        "sha256": hexadecimal::encode(&sha256(text.as_bytes())),
        "policy": text,
    })
}

pub(crate) const INFER: [(&str, &[u8]); 3] = [
    (":method", b"POST"),
    (":path", b"/v1/models/llm/infer"),
    (":authority", b"inference"),
];
