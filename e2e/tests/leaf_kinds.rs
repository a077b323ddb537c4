//! Mutual TLS with every kind of leaf, of every kind of hybrid authority: one real Envoy calls
//! another one, which has the module. rustls cannot authenticate with ML-DSA, Envoy 1.39 and newer can.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail the test, as tests do"
)]

use std::fmt::Write;
use std::net::Ipv4Addr;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sallyport_credentials::issue::{
    AuthorityKey, AuthorityOptions, ClassicalAuthority, HybridAuthority, Leaf, LeafKey,
    LeafRequest, RsaBits,
};
use sallyport_e2e::envoy::config::{Caller, INBOUND, Inbound, Outbound, to_json};
use sallyport_e2e::envoy::{Envoy, Processes};
use sallyport_e2e::settings::{EnvoyVersion, Settings, project_root};
use sallyport_e2e::upstream::{Echo, Upstream};
use sallyport_e2e::wire::{
    ClientIdentity, Connection, Dial, Layer, Redirection, loopback, request_text,
};
use sallyport_e2e::world::{Identity, now_ms};
use sallyport_engine::policy::raw::{AlternativeAlgorithm, Authorities};
use sallyport_engine::time::TimeMs;
use sallyport_mesh_config::policy_file::{self, LoadedPolicy};
use sallyport_mesh_config::render::{FailStrategy, envoy as render};
use serde_json::{Value, json};

const AUTHORITIES: [AuthorityKey; 3] = [
    AuthorityKey::Rsa,
    AuthorityKey::EcdsaP256,
    AuthorityKey::EcdsaP384,
];
const LEVELS: [AlternativeAlgorithm; 3] = [
    AlternativeAlgorithm::MlDsa44,
    AlternativeAlgorithm::MlDsa65,
    AlternativeAlgorithm::MlDsa87,
];
const LEAVES: [LeafKey; 8] = [
    LeafKey::Rsa2048,
    LeafKey::Rsa3072,
    LeafKey::Rsa4096,
    LeafKey::EcdsaP256,
    LeafKey::EcdsaP384,
    LeafKey::MlDsa44,
    LeafKey::MlDsa65,
    LeafKey::MlDsa87,
];
/// What both sides have to offer, since Envoy offers no ML-DSA by itself.
const SIGNATURE_ALGORITHMS: [&str; 6] = [
    "mldsa44",
    "mldsa65",
    "mldsa87",
    "rsa_pss_rsae_sha256",
    "ecdsa_secp256r1_sha256",
    "ecdsa_secp384r1_sha384",
];
const CALLER: &str = "spiffe://cluster.local/ns/caller/sa/caller";
const CALLED: &str = "spiffe://cluster.local/ns/called/sa/called";
const DAY_MS: u64 = 86_400_000;

/// A caller with its certificate, and what it has to be worth.
struct Row {
    name: String,
    identity: Identity,
    assurance: &'static str,
}

/// All authorities and what they issued.
struct Mesh {
    rows: Vec<Row>,
    pins: Authorities,
    trusted_pem: String,
    server: HybridAuthority,
}

impl Mesh {
    fn new() -> Self {
        let mut rows = Vec::new();
        let mut pins = Vec::new();
        let mut trusted_pem = String::new();
        for key in AUTHORITIES {
            for level in LEVELS {
                let name = format!("{key:?}-{level:?}").to_lowercase();
                let authority = HybridAuthority::generate(&options(&name, key, level)).unwrap();
                pins.push(authority.to_policy(&name, "cluster.local").unwrap());
                trusted_pem.push_str(authority.certificate_pem());
                for leaf in LEAVES {
                    rows.push(Row {
                        name: format!("{name}-{leaf:?}"),
                        identity: identity(&authority.issue_leaf(&request(CALLER, leaf)).unwrap()),
                        assurance: if is_ml_dsa(leaf) {
                            "hybridProven"
                        } else {
                            "hybrid"
                        },
                    });
                }
            }
        }
        // The TLS handshake alone proves nothing that an authority vouches for.
        let options = options(
            "classical",
            AuthorityKey::EcdsaP256,
            AlternativeAlgorithm::MlDsa65,
        );
        let classical = ClassicalAuthority::generate(&options).unwrap();
        pins.push(classical.to_policy("classical", "cluster.local"));
        trusted_pem.push_str(classical.certificate_pem());
        for leaf in LEAVES {
            rows.push(Row {
                name: format!("Classical-{leaf:?}"),
                identity: identity(&classical.issue_leaf(&request(CALLER, leaf)).unwrap()),
                assurance: "classical",
            });
        }
        let server = HybridAuthority::generate(&self::options(
            "server",
            AuthorityKey::EcdsaP256,
            AlternativeAlgorithm::MlDsa65,
        ))
        .unwrap();
        trusted_pem.push_str(server.certificate_pem());
        let pins = Authorities {
            certificates: Some(pins),
            minimum_alternative_level: Some(AlternativeAlgorithm::MlDsa44),
            ..Authorities::default()
        };
        Self {
            rows,
            pins,
            trusted_pem,
            server,
        }
    }

    fn policy(&self) -> LoadedPolicy {
        let policy = json!({
            "apiVersion": "security.sallyport.dev/v1alpha1",
            "kind": "MeshTrustPolicy",
            "metadata": {"name": "leaf-kinds"},
            "spec": {
                "mode": "enforce",
                "trustDomains": ["cluster.local"],
                "minimumAssurance": "classical",
                "applicationHeaders": true,
                "segments": [
                    {"name": "caller", "namespaces": ["caller"]},
                    {"name": "called", "namespaces": ["called"]},
                ],
                "flows": [{
                    "name": "call",
                    "from": ["caller"],
                    "to": "called",
                    "operations": [{"methods": ["GET"], "paths": ["/"]}],
                }],
                "authorities": self.pins,
            },
        });
        policy_file::from_text(&policy.to_string(), &project_root())
            .unwrap_or_else(|findings| panic!("{findings:?}"))
    }
}

/// Two Envoys: that of the callers, and that of the called workload.
struct Pair {
    inbound: Envoy,
    outbound: Envoy,
    _folder: tempfile::TempDir,
}

impl Pair {
    /// Both with the TLS parameters, given to every TLS context.
    fn start(settings: &Settings, mesh: &Mesh, server: LeafKey, tls_params: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let processes = Processes::default();
        let start = |name, mut bootstrap| {
            set_tls_params(&mut bootstrap, tls_params);
            Envoy::start(settings, folder.path(), name, &bootstrap, &processes).unwrap()
        };
        let inbound = start("inbound", inbound(settings, mesh, server));
        let port = inbound.port(INBOUND).unwrap();
        Self {
            outbound: start("outbound", outbound(mesh, port)),
            inbound,
            _folder: folder,
        }
    }

    /// How many handshakes used a signature algorithm.
    fn handshakes(&self, algorithm: &str) -> u64 {
        let name = format!("ssl.sigalgs.{algorithm}");
        let stats = self.inbound.stats_with(&name).unwrap();
        stats
            .iter()
            .map(|(_, value)| value.parse::<u64>().unwrap())
            .sum()
    }
}

#[test]
fn every_kind_of_leaf_gets_its_assurance() {
    let Some(settings) = Settings::for_test("every kind of leaf").unwrap() else {
        return;
    };
    let knows_ml_dsa = EnvoyVersion::of(&settings.envoy).unwrap().knows_ml_dsa();
    let mut mesh = Mesh::new();
    let mut servers = vec![LeafKey::EcdsaP256, LeafKey::Rsa2048, LeafKey::MlDsa65];
    let mut algorithms = SIGNATURE_ALGORITHMS.to_vec();
    if !knows_ml_dsa {
        mesh.rows.retain(|row| !row.name.contains("-MlDsa"));
        servers.retain(|server| !is_ml_dsa(*server));
        algorithms.retain(|name| !name.starts_with("mldsa"));
    }
    // ML-DSA needs TLS 1.3, which Envoy as a client does not speak by itself.
    let tls_params = json!({
        "signature_algorithms": algorithms,
        "tls_maximum_protocol_version": "TLSv1_3",
    });
    let mut differences = String::new();
    for server in servers {
        let pair = Pair::start(&settings, &mesh, server, &tls_params);
        for Row {
            name, assurance, ..
        } in &mesh.rows
        {
            let found = call(&pair.outbound, name);
            if found != Ok((*assurance).to_owned()) {
                writeln!(
                    differences,
                    "{name} to {server:?}: {assurance}, found {found:?}"
                )
                .unwrap();
            }
        }
        // The handshakes were of that kind, and nothing else stood in.
        let callers = u64::try_from(AUTHORITIES.len() * LEVELS.len() + 1).unwrap();
        for level in ["mldsa44", "mldsa65", "mldsa87"] {
            let enough = !knows_ml_dsa || pair.handshakes(level) >= callers;
            assert!(enough, "{level}: {differences}");
        }
        assert_eq!(pair.inbound.reloads().unwrap(), [""; 0]);
    }
    assert!(differences.is_empty(), "\n{differences}");
}

/// What has to be set, and why docs/algorithms.md says so. When Envoy begins to offer ML-DSA by itself, this
/// fails.
#[test]
fn envoy_refuses_ml_dsa_leaves_unless_both_sides_offer_the_algorithms() {
    let Some(settings) = Settings::for_test("ML-DSA without settings").unwrap() else {
        return;
    };
    if !EnvoyVersion::of(&settings.envoy).unwrap().knows_ml_dsa() {
        // It does not start with such a leaf.
        return;
    }
    let mut mesh = Mesh::new();
    mesh.rows.retain(|row| row.name.starts_with("rsa-mldsa65"));
    assert_eq!(mesh.rows.len(), LEAVES.len());
    let tls_1_3 = json!({"tls_maximum_protocol_version": "TLSv1_3"});
    let pair = Pair::start(&settings, &mesh, LeafKey::EcdsaP256, &tls_1_3);
    for Row {
        name, assurance, ..
    } in &mesh.rows
    {
        let found = call(&pair.outbound, name);
        if *assurance == "hybridProven" {
            let refusal = found.unwrap_err();
            assert!(
                refusal.contains("503 upstream connect error"),
                "{name}: {refusal}"
            );
        } else {
            assert_eq!(found.as_deref(), Ok(*assurance), "{name}");
        }
    }
}

/// The assurance that the application was told, or what came instead.
fn call(outbound: &Envoy, caller: &str) -> Result<String, String> {
    let dial = Dial {
        address: loopback(outbound.port(caller).unwrap()),
        layer: Layer::Plain,
        redirection: Some(Redirection {
            source_ip: Ipv4Addr::new(10, 2, 0, 1),
            destination_port: 8080,
        }),
    };
    let response = Connection::open(&dial)
        .and_then(|mut connection| connection.exchange(&request_text("GET", "/", &[])))
        .map_err(|error| error.to_string())?;
    let echo = serde_json::from_slice::<Echo>(&response.body);
    match echo
        .as_ref()
        .map(|echo| echo.header("x-sallyport-assurance"))
    {
        Ok(Some(assurance)) => Ok(assurance.to_owned()),
        Ok(None) | Err(_) => Err(format!("{} {}", response.status, response.text())),
    }
}

fn inbound(settings: &Settings, mesh: &Mesh, key: LeafKey) -> Value {
    let module = settings.wasm.display().to_string();
    let filter = render::http_filter(&mesh.policy(), &module, FailStrategy::Reload).unwrap();
    Inbound {
        identity: &identity(&mesh.server.issue_leaf(&request(CALLED, key)).unwrap()),
        trusted_pem: &mesh.trusted_pem,
        filter: to_json(&filter).unwrap(),
        upstream_port: Upstream::start().unwrap().port(),
        maximum_headers: 100,
    }
    .bootstrap()
}

fn outbound(mesh: &Mesh, inbound_port: u16) -> Value {
    let callers = mesh.rows.iter().map(|row| Caller {
        name: &row.name,
        identity: Some(&row.identity),
        trusted_pem: &mesh.trusted_pem,
    });
    Outbound {
        callers: callers.collect(),
        inbound_port,
    }
    .bootstrap()
}

/// Adds parameters to every TLS context of a configuration.
fn set_tls_params(config: &mut Value, parameters: &Value) {
    match config {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name == "common_tls_context" {
                    let place = &mut value["tls_params"];
                    for (name, parameter) in parameters.as_object().unwrap() {
                        place[name] = parameter.clone();
                    }
                }
                set_tls_params(value, parameters);
            }
        }
        Value::Array(items) => {
            for item in items {
                set_tls_params(item, parameters);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

const fn is_ml_dsa(key: LeafKey) -> bool {
    matches!(key, LeafKey::MlDsa44 | LeafKey::MlDsa65 | LeafKey::MlDsa87)
}

fn options(name: &str, key: AuthorityKey, algorithm: AlternativeAlgorithm) -> AuthorityOptions {
    let (start, end) = validity();
    AuthorityOptions {
        key,
        algorithm,
        rsa_bits: RsaBits::Bits2048,
        ..AuthorityOptions::new(name, start, end)
    }
}

fn request(id: &str, key: LeafKey) -> LeafRequest {
    let (start, end) = validity();
    LeafRequest {
        key,
        ..LeafRequest::new(id.parse().unwrap(), start, end)
    }
}

fn validity() -> (TimeMs, TimeMs) {
    let now = now_ms().0;
    (TimeMs(now - DAY_MS), TimeMs(now + DAY_MS))
}

fn identity(leaf: &Leaf) -> Identity {
    Identity {
        client: ClientIdentity {
            certificate: CertificateDer::from(leaf.certificate_der.clone()),
            key: PrivateKeyDer::from_pem_slice(leaf.private_key.expose().as_bytes()).unwrap(),
        },
        certificate_pem: leaf.certificate_pem.clone(),
        key_pem: leaf.private_key.expose().to_owned(),
        sha256: leaf.sha256(),
    }
}
