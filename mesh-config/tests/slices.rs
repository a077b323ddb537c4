//! The slice of a namespace answers as the whole policy does.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests"
)]

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use sallyport_engine::artifact::ArtifactClaims;
use sallyport_engine::facts::{KeyExchange, TlsVersion};
use sallyport_engine::policy::raw::{PolicyDocument, RequiredAssurance};
use sallyport_engine::time::TimeMs;
use sallyport_mesh_config::explain::{Caller, Question, explain, request_line};
use sallyport_mesh_config::policy_file::{LoadedPolicy, from_document};
use sallyport_mesh_config::render::slice::Slicer;
use serde_json::{Value, json};

const DOMAINS: [&str; 2] = ["a.example", "b.example"];
const NAMESPACES: [&str; 4] = ["n0", "n1", "n2", "n3"];
const ACCOUNTS: [&str; 3] = ["s0", "s1", "s2"];
const PATHS: [&str; 3] = ["/v1/a", "/v1/{x}", "/v2/{**}"];
/// 2027-01-15T08:00:00Z.
const NOW: u64 = 1_800_000_000_000;

fn some<T: Clone + std::fmt::Debug + 'static>(
    all: &'static [T],
    least: usize,
) -> impl Strategy<Value = Vec<T>> {
    subsequence(all, least..=all.len())
}

/// A segment without its name, as JSON.
fn segment() -> impl Strategy<Value = Value> {
    let accounts = proptest::option::of(some(&ACCOUNTS, 1));
    let trust = proptest::option::weighted(
        0.2,
        (select(vec![-9000, -2000]), 1_u32..3).prop_map(
            |(prior, weight)| json!({"prior": prior, "weights": {"denial": weight * 3000}}),
        ),
    );
    (
        some(&DOMAINS, 1),
        some(&NAMESPACES, 1),
        accounts,
        trust,
        proptest::bool::weighted(0.2),
    )
        .prop_map(|(domains, namespaces, accounts, trust, aggregates)| {
            let mut segment = json!({"trustDomains": domains, "namespaces": namespaces});
            if let Some(accounts) = accounts {
                segment["serviceAccounts"] = json!(accounts);
            }
            if let Some(trust) = trust {
                segment["trust"] = trust;
            }
            if aggregates {
                segment["callers"] = json!("aggregator");
            }
            segment
        })
}

/// A flow, of which the segments are numbers still.
fn flow() -> impl Strategy<Value = (Vec<usize>, usize, Value)> {
    let operation = (
        select(vec!["GET", "POST", "*"]),
        some(&PATHS, 1),
        proptest::option::of(Just(8080)),
    )
        .prop_map(|(method, paths, port)| {
            let mut operation = json!({"methods": [method], "paths": paths});
            if let Some(port) = port {
                operation["ports"] = json!([port]);
            }
            operation
        });
    let settings = (
        proptest::option::of(select(vec!["enforce", "shadow"])),
        proptest::option::of(select(vec!["classical", "hybrid"])),
        proptest::option::of(select(vec![0, 50, 99])),
        proptest::option::of(select(vec![0, 100])),
    );
    (
        proptest::collection::vec(0_usize..100, 1..4),
        0_usize..100,
        operation,
        settings,
    )
        .prop_map(
            |(from, to, operation, (mode, assurance, trust, uncertainty))| {
                let mut flow = json!({"operations": [operation]});
                for (key, value) in [
                    ("mode", mode.map(Value::from)),
                    ("minimumAssurance", assurance.map(Value::from)),
                    ("minimumTrust", trust.map(Value::from)),
                    ("maximumUncertainty", uncertainty.map(Value::from)),
                ] {
                    if let Some(value) = value {
                        flow[key] = value;
                    }
                }
                (from, to, flow)
            },
        )
}

/// A grant, of which the segments are numbers still: over, in force, or to come.
fn grant() -> impl Strategy<Value = (Vec<usize>, usize, Value)> {
    let times = select(vec![
        ("2027-01-15T07:00:00Z", "2027-01-15T08:00:00Z"),
        ("2027-01-15T08:00:00Z", "2027-01-15T09:00:00Z"),
        ("2027-01-15T08:30:00Z", "2027-01-15T09:00:00Z"),
        ("2027-01-14T08:00:00Z", "2027-01-14T09:00:00Z"),
    ]);
    (flow(), times).prop_map(|((from, to, flow), (begins, ends))| {
        let grant = json!({
            "notBefore": begins, "notAfter": ends, "reason": "r", "approvedBy": "a",
            "operations": flow["operations"],
        });
        (from, to, grant)
    })
}

/// What is beside segments and flows.
fn rest() -> impl Strategy<Value = Value> {
    let identity = (select(&DOMAINS), select(&NAMESPACES), select(&ACCOUNTS))
        .prop_map(|(domain, namespace, account)| spiffe_id(domain, namespace, account));
    let signals = proptest::collection::vec(
        (
            0_usize..100,
            proptest::option::of(identity.clone()),
            select(vec!["quarantine", "weigh", "release"]),
        ),
        0..3,
    );
    let mesh = proptest::option::weighted(
        0.3,
        (select(vec!["enforce", "shadow"]), select(vec!["required", "preferred", "ignored"]), some(&NAMESPACES, 1))
            .prop_map(|(mode, exchange, exempt)| {
                json!({"mode": mode, "keyExchange": exchange, "exemptNamespaces": exempt})
            }),
    );
    let glass = proptest::option::weighted(
        0.3,
        (
            proptest::option::of(proptest::collection::vec(0_usize..100, 1..3)),
            any::<bool>(),
        ),
    );
    (
        select(vec!["enforce", "shadow"]),
        select(vec!["classical", "hybrid"]),
        signals,
        proptest::option::of(identity),
        mesh,
        glass,
    )
        .prop_map(|(mode, assurance, signals, revoked, mesh, glass)| {
            json!({
                "mode": mode, "minimumAssurance": assurance, "signals": signals,
                "revoked": revoked, "mesh": mesh, "glass": glass,
            })
        })
}

fn spiffe_id(domain: &str, namespace: &str, account: &str) -> String {
    format!("spiffe://{domain}/ns/{namespace}/sa/{account}")
}

/// A valid policy: what would overlap is left out.
fn policy() -> impl Strategy<Value = Value> {
    let segments = proptest::collection::vec(segment(), 1..6);
    let flows = proptest::collection::vec(flow(), 0..8);
    let grants = proptest::collection::vec(grant(), 0..5);
    (segments, flows, grants, rest()).prop_map(|(segments, flows, grants, rest)| {
        let mut document = json!({
            "apiVersion": "security.sallyport.dev/v1alpha1", "kind": "MeshTrustPolicy",
            "metadata": {"name": "mesh"},
            "spec": {
                "mode": rest["mode"], "minimumAssurance": rest["minimumAssurance"],
                "trustDomains": DOMAINS, "segments": [], "flows": [],
                "probes": [{"method": "GET", "path": "/healthz", "port": 8080, "ipBlocks": ["10.0.0.0/8"]}],
            },
        });
        let mut names = Vec::new();
        for (number, mut segment) in segments.into_iter().enumerate() {
            let name = format!("s{number}");
            segment["name"] = json!(name);
            if grows(&mut document, "segments", segment) {
                names.push(name);
            }
        }
        let named = |number: usize| &names[number % names.len()];
        let flows = flows.into_iter().map(|flow| ("flows", flow));
        let grants = grants.into_iter().map(|grant| ("grants", grant));
        for (number, (list, (from, to, mut entry))) in flows.chain(grants).enumerate() {
            let mut from: Vec<&String> = from.into_iter().map(named).collect();
            from.sort();
            from.dedup();
            entry["name"] = json!(format!("f{number}"));
            entry["from"] = json!(from);
            entry["to"] = json!(named(to));
            grows(&mut document, list, entry);
        }
        let spec = &mut document["spec"];
        let signals = rest["signals"].as_array().unwrap();
        if !signals.is_empty() {
            spec["signals"] = signals.iter().enumerate().map(|(number, signal)| {
                let index = usize::try_from(signal[0].as_u64().unwrap()).unwrap();
                let about = if signal[1].is_null() {
                    json!({"segment": named(index)})
                } else {
                    json!({"identity": signal[1]})
                };
                let mut entry = json!({
                    "name": format!("g{number}"), "source": "s", "reason": "r", "author": "a",
                    "issued": "2027-01-15T07:00:00Z", "expires": "2027-01-15T09:00:00Z",
                    "about": about, "effect": signal[2],
                });
                if signal[2] == "weigh" {
                    entry["milliNats"] = json!(9000);
                }
                entry
            }).collect();
        }
        if rest["revoked"].is_string() {
            spec["revocations"] = json!([{"identity": rest["revoked"]}]);
        }
        if rest["mesh"].is_object() {
            spec["postQuantumAuth"] = rest["mesh"].clone();
        }
        if let Some(glass) = rest["glass"].as_array() {
            let until = if glass[1] == true { "2027-01-15T08:30:00Z" } else { "2027-01-15T07:30:00Z" };
            spec["breakGlass"] = json!({"until": until, "reason": "outage"});
            if let Some(numbers) = glass[0].as_array() {
                let mut broken: Vec<&String> = numbers
                    .iter()
                    .map(|number| named(usize::try_from(number.as_u64().unwrap()).unwrap()))
                    .collect();
                broken.sort();
                broken.dedup();
                spec["breakGlass"]["segments"] = json!(broken);
            }
        }
        document
    })
}

fn load(document: Value) -> LoadedPolicy {
    let document: PolicyDocument = serde_json::from_value(document).unwrap();
    from_document(document).unwrap_or_else(|findings| panic!("{findings:?}"))
}

/// Adds an entry, if the document stays valid; before there is a segment it never is.
fn grows(document: &mut Value, list: &str, entry: Value) -> bool {
    let mut grown = document.clone();
    let entries = &mut grown["spec"][list];
    if entries.is_null() {
        *entries = json!([]);
    }
    entries.as_array_mut().unwrap().push(entry);
    let parsed: PolicyDocument = serde_json::from_value(grown.clone()).unwrap();
    let is_valid = sallyport_engine::policy::compile(&parsed).is_ok();
    if is_valid {
        *document = grown;
    }
    is_valid
}

fn question() -> impl Strategy<Value = (usize, Question)> {
    let domain = || select(vec!["a.example", "b.example", "c.example"]);
    let account = || select(vec!["s0", "s1", "s2", "s3"]);
    let caller = (
        domain(),
        select(vec!["n0", "n1", "n2", "n3", "n9"]),
        account(),
    );
    let assurance = select(vec![
        RequiredAssurance::Classical,
        RequiredAssurance::Hybrid,
        RequiredAssurance::HybridProven,
    ]);
    let called = (domain(), 0_usize..4, account());
    let request = (
        select(vec!["GET", "POST", "DELETE"]),
        select(vec![
            "/v1/a", "/v1/b", "/v2/x/y", "/other", "/v1//a", "/healthz",
        ]),
        select(vec![8080_u16, 9090]),
        select(vec![
            Ipv4Addr::new(10, 0, 0, 1),
            Ipv4Addr::new(192, 0, 2, 1),
        ]),
        select(vec![
            KeyExchange::PostQuantum,
            KeyExchange::Other,
            KeyExchange::Hidden,
        ]),
        select(vec![0_u16, 2, 5, 20]),
        proptest::bool::weighted(0.1),
    );
    (caller, assurance, called, request).prop_map(|(caller, assurance, called, request)| {
        let (method, path, port, source, key_exchange, denials, plaintext) = request;
        let identity = |(domain, namespace, account): (&str, &str, &str)| {
            spiffe_id(domain, namespace, account).parse().unwrap()
        };
        let caller = if plaintext {
            Caller::Plaintext
        } else {
            Caller::Assumed {
                identity: identity(caller),
                assurance,
            }
        };
        let question = Question {
            caller,
            called: Some(identity((called.0, NAMESPACES[called.1], called.2))),
            tls: TlsVersion::Tls13,
            key_exchange,
            source_ip: IpAddr::V4(source),
            port,
            headers: request_line(method, path),
            now: TimeMs(NOW),
            denials,
            claims: ArtifactClaims::default(),
        };
        (called.1, question)
    })
}

/// Verdict, reason and record without the hash, in which a slice differs from the whole; and the
/// segment of the caller, which a slice may not know where no flow or grant leads from it.
fn record(loaded: &LoadedPolicy, question: &Question) -> (Value, Value) {
    let answer = explain(loaded, question);
    let mut record = serde_json::to_value(&answer.record).unwrap();
    let members = record.as_object_mut().unwrap();
    members.remove("policy_sha256");
    let source = members.remove("source_segment").unwrap_or_default();
    let answered = json!([
        answer.outcome,
        answer.reason.map(|reason| reason.code()),
        record
    ]);
    (answered, source)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_slice_answers_as_the_whole_policy_does(
        document in policy(),
        questions in proptest::collection::vec(question(), 24),
    ) {
        let loaded = load(document);
        let slicer = Slicer::new(&loaded.document);
        let slices: Vec<Option<LoadedPolicy>> = NAMESPACES
            .iter()
            .map(|namespace| slicer.slice(namespace).unwrap().map(|slice| from_document(slice.document).unwrap()))
            .collect();
        for (namespace, question) in questions {
            if let Some(slice) = &slices[namespace] {
                let (sliced, known) = record(slice, &question);
                let (whole, source) = record(&loaded, &question);
                prop_assert_eq!(&sliced, &whole, "{:?}", question);
                prop_assert!(known == source || (known.is_null() && whole[1] != Value::Null));
            }
        }
    }
}
