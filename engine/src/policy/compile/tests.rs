use alloc::borrow::ToOwned;
use alloc::string::ToString;
use alloc::vec;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::fixtures::{GATEWAY, INFERENCE, STRANGER, document, identity, numbered, policy};
use crate::identity::InvalidTrustDomain;
use crate::names::{InvalidMethod, InvalidPath, InvalidTemplate};
use crate::policy::Mode;
use crate::policy::raw::{Operation as RawOperation, PolicyDocument};

mod limits;
mod shapes;

fn errors(change: impl FnOnce(&mut PolicyDocument)) -> Vec<PolicyError> {
    let mut document = document();
    change(&mut document);
    match compile(&document) {
        Ok(_) => Vec::new(),
        Err(errors) => {
            assert!(!errors.is_empty(), "no policy, and no reason for it");
            errors
        }
    }
}

/// The changed document has exactly this error, at exactly this path.
#[track_caller]
fn refuses(change: impl FnOnce(&mut PolicyDocument), path: &str, cause: Cause) {
    assert_eq!(
        errors(change),
        [PolicyError {
            path: path.to_owned(),
            cause
        }]
    );
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn segment(name: &str, namespaces: &[&str]) -> raw::Segment {
    raw::Segment {
        name: text(name),
        trust_domains: None,
        namespaces: namespaces.iter().copied().map(text).collect(),
        service_accounts: None,
        callers: None,
        trust: None,
    }
}

fn flow(name: &str, from: &[&str], to: &str, operations: Vec<RawOperation>) -> raw::Flow {
    raw::Flow {
        name: text(name),
        from: from.iter().copied().map(text).collect(),
        to: text(to),
        mode: None,
        minimum_assurance: None,
        minimum_trust: None,
        maximum_uncertainty: None,
        recheck_streams: None,
        requires: None,
        operations,
    }
}

fn operation(methods: &[&str], paths: &[&str], ports: Option<&[u16]>) -> RawOperation {
    RawOperation {
        methods: methods.iter().copied().map(text).collect(),
        paths: paths.iter().copied().map(text).collect(),
        ports: ports.map(<[u16]>::to_vec),
        when_restricted: None,
    }
}

fn certificate_authority(name: &str) -> raw::CertificateAuthority {
    raw::CertificateAuthority {
        name: text(name),
        trust_domain: text("ai.example"),
        ca_certificate: raw::Material::Inline(text("-----BEGIN CERTIFICATE-----")),
        alternative_key: None,
        alternative_required_from: None,
    }
}

fn token_authority(name: &str) -> raw::TokenAuthority {
    let key = || raw::Material::File(text("keys/public.pem"));
    raw::TokenAuthority {
        name: text(name),
        trust_domain: text("ai.example"),
        issuer: text("https://issuer.ai.example"),
        audience: text("mesh"),
        classical_key: raw::ClassicalKey {
            kid: text("rsa-1"),
            algorithm: raw::ClassicalTokenAlgorithm::PS256,
            public_key: key(),
        },
        alternative_key: raw::TokenAlternativeKey {
            kid: text("ml-dsa-1"),
            algorithm: raw::AlternativeTokenAlgorithm::MlDsa65,
            public_key: key(),
        },
        maximum_lifetime_seconds: Some(600),
    }
}

// === Levels of ML-DSA ===

fn with_levels(
    minimum: Option<raw::AlternativeAlgorithm>,
    certificate: raw::AlternativeAlgorithm,
    token: raw::AlternativeTokenAlgorithm,
) -> Vec<(String, Cause)> {
    let mut document = document();
    let mut authority = certificate_authority("ca");
    authority.alternative_key = Some(raw::AlternativeKey {
        algorithm: certificate,
        public_key: raw::Material::File(text("ca.pub")),
    });
    let mut issuer = token_authority("sts");
    issuer.alternative_key.algorithm = token;
    document.spec.authorities = Some(raw::Authorities {
        minimum_alternative_level: minimum,
        certificates: Some(vec![authority]),
        tokens: Some(vec![issuer]),
    });
    let errors = compile(&document).err().unwrap_or_default();
    errors
        .into_iter()
        .map(|error| (error.path, error.cause))
        .collect()
}

#[test]
fn refuses_authorities_below_the_least_level() {
    use raw::AlternativeAlgorithm::{MlDsa44, MlDsa65, MlDsa87};
    use raw::AlternativeTokenAlgorithm as Token;
    let certificate = "spec.authorities.certificates[0].alternativeKey.algorithm";
    let token = "spec.authorities.tokens[0].alternativeKey.algorithm";
    let below = |path, level, minimum| (text(path), Cause::LevelTooLow { level, minimum });
    assert_eq!(
        with_levels(None, MlDsa44, Token::MlDsa44),
        [
            below(certificate, MlDsa44, MlDsa65),
            below(token, MlDsa44, MlDsa65)
        ]
    );
    assert_eq!(with_levels(None, MlDsa65, Token::MlDsa87), []);
    assert_eq!(with_levels(Some(MlDsa44), MlDsa44, Token::MlDsa44), []);
    assert_eq!(
        with_levels(Some(MlDsa87), MlDsa65, Token::MlDsa87),
        [below(certificate, MlDsa65, MlDsa87)]
    );
    // It has no level, and is pinned by name or not at all.
    assert_eq!(with_levels(Some(MlDsa87), MlDsa87, Token::Dilithium5), []);
    let error = PolicyError {
        path: text(token),
        cause: below(token, MlDsa44, MlDsa65).1,
    };
    assert_eq!(
        alloc::string::ToString::to_string(&error),
        "spec.authorities.tokens[0].alternativeKey.algorithm: `ML-DSA-44` is below `spec.authorities.minimumAlternativeLevel`, which is `ML-DSA-65`: pin a key of that level, or write a lower minimum"
    );
}

// === What a good document becomes ===

#[test]
fn compiles_settings_segments_and_flows() {
    let policy = policy(|document| document.spec.application_headers = Some(true));
    assert_eq!(&**policy.name(), "mesh");
    assert_eq!(policy.mode(), Mode::Enforce);
    assert_eq!(policy.minimum_assurance(), Assurance::Classical);
    assert_eq!(policy.minimum_trust(), 0, "absent means no minimum");
    assert!(policy.application_headers());
    assert!(policy.knows_trust_domain("ai.example"));
    assert!(!policy.knows_trust_domain("ai.example.org") && !policy.knows_trust_domain("example"));
    let names: Vec<&str> = policy
        .segments()
        .iter()
        .map(|segment| &**segment.name())
        .collect();
    assert_eq!(names, ["gateway", "inference", "vector-store"]);
    let [flow] = policy.flows() else {
        panic!("one flow")
    };
    assert_eq!(&**flow.name(), "infer");
    assert_eq!(
        (flow.minimum_assurance(), flow.minimum_trust()),
        (Assurance::Hybrid, 50)
    );
}

#[test]
fn a_flow_takes_the_policys_settings_where_it_has_none() {
    let policy = policy(|document| {
        document.spec.mode = Mode::Shadow;
        document.spec.minimum_assurance = RequiredAssurance::Hybrid;
        document.spec.minimum_trust = Some(33);
        document.spec.flows = vec![flow(
            "f",
            &["gateway"],
            "inference",
            vec![operation(&["GET"], &["/"], None)],
        )];
    });
    let [flow] = policy.flows() else {
        panic!("one flow")
    };
    assert_eq!(flow.mode(), Mode::Shadow);
    assert_eq!(
        (flow.minimum_assurance(), flow.minimum_trust()),
        (Assurance::Hybrid, 33)
    );
    assert!(!policy.application_headers(), "absent means no headers");
}

#[test]
fn a_workload_belongs_to_the_segment_of_namespace_account_and_trust_domain() {
    let policy = policy(|_| {});
    let name = |id: &str| {
        policy
            .segment_of(&identity(id))
            .map(|id| policy.segment(id).unwrap().name().to_string())
    };
    assert_eq!(name(GATEWAY).as_deref(), Some("gateway"));
    assert_eq!(name(INFERENCE).as_deref(), Some("inference"));
    assert_eq!(
        name("spiffe://ai.example/ns/edge/sa/anything").as_deref(),
        Some("gateway")
    );
    for id in [
        STRANGER,
        "spiffe://ai.example/ns/ml/sa/model-server-2",
        "spiffe://ai.example/ns/ml/sa/default",
        "spiffe://other.example/ns/edge/sa/gateway",
        "spiffe://ai.example/edge/gateway",
    ] {
        assert_eq!(name(id), None, "{id}");
    }
}

#[test]
fn a_segment_may_be_of_one_of_several_trust_domains() {
    let policy =
        policy(|document| {
            document.spec.trust_domains.push(text("partner.example"));
            for (segment, domain) in document.spec.segments.iter_mut().zip([
                "ai.example",
                "ai.example",
                "partner.example",
            ]) {
                segment.trust_domains = Some(vec![text(domain)]);
            }
        });
    assert!(policy.segment_of(&identity(GATEWAY)).is_some());
    let moved = identity("spiffe://partner.example/ns/edge/sa/gateway");
    assert_eq!(policy.segment_of(&moved), None);
    assert!(
        policy
            .segment_of(&identity("spiffe://partner.example/ns/ml/sa/vectors"))
            .is_some()
    );
}

#[test]
fn no_flows_and_no_probes_are_a_policy_that_allows_nothing() {
    let policy = policy(|document| {
        document.spec.flows.clear();
        document.spec.probes = None;
    });
    assert!(policy.flows().is_empty());
}

// === One test for each cause ===

#[test]
fn refuses_an_empty_list() {
    type Change = fn(&mut PolicyDocument);
    let changes: [(Change, &str); 11] = [
        (
            |document| document.spec.segments[1].trust_domains = Some(vec![]),
            "spec.segments[1].trustDomains",
        ),
        (
            |document| document.spec.segments[1].namespaces.clear(),
            "spec.segments[1].namespaces",
        ),
        (
            |document| document.spec.segments[1].service_accounts = Some(vec![]),
            "spec.segments[1].serviceAccounts",
        ),
        (
            |document| document.spec.flows[0].from.clear(),
            "spec.flows[0].from",
        ),
        (
            |document| document.spec.flows[0].operations.clear(),
            "spec.flows[0].operations",
        ),
        (
            |document| document.spec.flows[0].operations[1].methods.clear(),
            "spec.flows[0].operations[1].methods",
        ),
        (
            |document| document.spec.flows[0].operations[1].paths.clear(),
            "spec.flows[0].operations[1].paths",
        ),
        (
            |document| document.spec.flows[0].operations[1].ports = Some(vec![]),
            "spec.flows[0].operations[1].ports",
        ),
        (
            |document| document.spec.probes = Some(vec![]),
            "spec.probes",
        ),
        (
            |document| document.spec.probes.as_mut().unwrap()[0].ip_blocks.clear(),
            "spec.probes[0].ipBlocks",
        ),
        (
            |document| {
                document.spec.authorities = Some(raw::Authorities {
                    certificates: None,
                    tokens: Some(vec![]),
                    ..raw::Authorities::default()
                });
            },
            "spec.authorities.tokens",
        ),
    ];
    for (change, path) in changes {
        refuses(change, path, Cause::Empty);
    }
    let paths = |change: Change| -> Vec<String> {
        errors(change)
            .into_iter()
            .filter(|error| error.cause == Cause::Empty)
            .map(|e| e.path)
            .collect()
    };
    assert_eq!(
        paths(|document| document.spec.trust_domains.clear()),
        ["spec.trustDomains"]
    );
    assert_eq!(
        paths(|document| document.spec.segments.clear()),
        ["spec.segments"]
    );
}

#[test]
fn refuses_a_name_that_is_no_dns_label() {
    for name in ["", "-a", "a-", "A", "a.b", "a_b", "\u{e9}", &"a".repeat(64)] {
        let cause = || Cause::NotALabel(text(name));
        refuses(
            |document| document.metadata.name = text(name),
            "metadata.name",
            cause(),
        );
        refuses(
            |document| document.spec.segments[2].name = text(name),
            "spec.segments[2].name",
            cause(),
        );
        refuses(
            |document| document.spec.segments[2].namespaces.push(text(name)),
            "spec.segments[2].namespaces[1]",
            cause(),
        );
        refuses(
            |document| document.spec.flows[0].name = text(name),
            "spec.flows[0].name",
            cause(),
        );
        refuses(
            |document| {
                document.spec.authorities = Some(raw::Authorities {
                    certificates: Some(vec![certificate_authority(name)]),
                    tokens: None,
                    ..raw::Authorities::default()
                });
            },
            "spec.authorities.certificates[0].name",
            cause(),
        );
    }
    let longest = "a".repeat(63);
    assert_eq!(errors(|document| document.metadata.name = longest), []);
}

#[test]
fn refuses_a_service_account_that_is_no_dns_subdomain() {
    for name in ["", ".", "a..b", "-a", "A", "a/b", "*"] {
        refuses(
            |document| document.spec.segments[1].service_accounts = Some(vec![text(name)]),
            "spec.segments[1].serviceAccounts[0]",
            Cause::NotASubdomain(text(name)),
        );
    }
    let dotted = vec![text("model-server.v2")];
    assert_eq!(
        errors(|document| document.spec.segments[1].service_accounts = Some(dotted)),
        []
    );
}

#[test]
fn refuses_a_name_that_is_used_twice() {
    type Change = fn(&mut PolicyDocument);
    let changes: [(Change, &str, &str); 7] = [
        (
            |document| document.spec.trust_domains.push(text("ai.example")),
            "spec.trustDomains[1]",
            "ai.example",
        ),
        (
            |document| {
                document
                    .spec
                    .segments
                    .push(segment("gateway", &["elsewhere"]))
            },
            "spec.segments[3].name",
            "gateway",
        ),
        (
            |document| document.spec.segments[0].namespaces.push(text("edge")),
            "spec.segments[0].namespaces[1]",
            "edge",
        ),
        (
            |document| {
                let accounts = document.spec.segments[1].service_accounts.as_mut().unwrap();
                accounts.push(text("model-server"));
            },
            "spec.segments[1].serviceAccounts[1]",
            "model-server",
        ),
        (
            |document| document.spec.flows[0].from.push(text("gateway")),
            "spec.flows[0].from[1]",
            "gateway",
        ),
        (
            |document| {
                document.spec.flows[0].operations[0].methods = vec![text("GET"), text("GET")];
            },
            "spec.flows[0].operations[0].methods[1]",
            "GET",
        ),
        (
            |document| {
                // One name for two authorities, also of different kinds.
                document.spec.authorities = Some(raw::Authorities {
                    certificates: Some(vec![certificate_authority("ca")]),
                    tokens: Some(vec![token_authority("ca")]),
                    ..raw::Authorities::default()
                });
            },
            "spec.authorities.tokens[0].name",
            "ca",
        ),
    ];
    for (change, path, name) in changes {
        let mut found = errors(change);
        // Two trust domains, even equal ones, leave the segments without theirs.
        found.retain(|error| error.cause != Cause::AmbiguousTrustDomain);
        let cause = Cause::Duplicate(text(name));
        assert_eq!(
            found,
            [PolicyError {
                path: text(path),
                cause
            }]
        );
    }
    refuses(
        |document| {
            let more = flow(
                "infer",
                &["gateway"],
                "vector-store",
                vec![operation(&["GET"], &["/"], None)],
            );
            document.spec.flows.push(more);
        },
        "spec.flows[1].name",
        Cause::Duplicate(text("infer")),
    );
}

#[test]
fn refuses_a_trust_domain_that_is_none() {
    for (name, cause) in [
        ("", InvalidTrustDomain::Empty),
        ("AI.example", InvalidTrustDomain::Character),
        ("spiffe://ai.example", InvalidTrustDomain::Character),
        (&*"a".repeat(256), InvalidTrustDomain::TooLong),
    ] {
        refuses(
            |document| document.spec.trust_domains.push(text(name)),
            "spec.trustDomains[1]",
            Cause::TrustDomain {
                name: text(name),
                cause,
            },
        );
    }
}

#[test]
fn refuses_a_trust_domain_that_the_policy_does_not_list() {
    let cause = || Cause::UnknownTrustDomain(text("ai.exampel"));
    refuses(
        |document| document.spec.segments[0].trust_domains = Some(vec![text("ai.exampel")]),
        "spec.segments[0].trustDomains[0]",
        cause(),
    );
    let mut certificates = certificate_authority("ca");
    certificates.trust_domain = text("ai.exampel");
    let mut tokens = token_authority("sts");
    tokens.trust_domain = text("ai.exampel");
    let found = errors(|document| {
        document.spec.authorities = Some(raw::Authorities {
            certificates: Some(vec![certificates]),
            tokens: Some(vec![tokens]),
            ..raw::Authorities::default()
        });
    });
    let at = |path: &str| PolicyError {
        path: text(path),
        cause: cause(),
    };
    assert_eq!(
        found,
        [
            at("spec.authorities.certificates[0].trustDomain"),
            at("spec.authorities.tokens[0].trustDomain"),
        ]
    );
}

#[test]
fn refuses_a_segment_without_trust_domains_among_several() {
    let found = errors(|document| {
        document.spec.trust_domains.push(text("partner.example"));
        document.spec.segments[1].trust_domains = Some(vec![text("ai.example")]);
    });
    let at = |path: &str| PolicyError {
        path: text(path),
        cause: Cause::AmbiguousTrustDomain,
    };
    assert_eq!(
        found,
        [
            at("spec.segments[0].trustDomains"),
            at("spec.segments[2].trustDomains")
        ]
    );
}

#[test]
fn refuses_a_segment_that_does_not_exist_and_suggests_one() {
    for (typed, similar) in [
        ("Inference", Some("inference")),
        ("inferense", Some("inference")),
        ("vectorstore", Some("vector-store")),
        ("infer", Some("inference")),
        ("billing-database", None),
    ] {
        let cause = || Cause::UnknownSegment {
            name: text(typed),
            similar: similar.map(text),
        };
        refuses(
            |document| document.spec.flows[0].to = text(typed),
            "spec.flows[0].to",
            cause(),
        );
        refuses(
            |document| document.spec.flows[0].from.insert(0, text(typed)),
            "spec.flows[0].from[0]",
            cause(),
        );
    }
}

#[test]
fn refuses_segments_that_share_a_workload() {
    // The same namespace, each account; the same namespace and account.
    for accounts in [None, Some(vec![text("vectors"), text("other")])] {
        refuses(
            |document| {
                let mut more = segment("more", &["elsewhere", "ml"]);
                more.service_accounts.clone_from(&accounts);
                if accounts.is_none() {
                    document.spec.segments.remove(1);
                    document.spec.flows.clear();
                    document
                        .spec
                        .segments
                        .insert(0, segment("unrelated", &["unrelated"]));
                }
                document.spec.segments.push(more);
            },
            "spec.segments[3]",
            Cause::SegmentsOverlap(text("vector-store")),
        );
    }
    let distinct = |document: &mut PolicyDocument| {
        let mut more = segment("more", &["ml"]);
        more.service_accounts = Some(vec![text("third")]);
        document.spec.segments.push(more);
    };
    assert_eq!(
        errors(distinct),
        [],
        "other accounts of the same namespace are other workloads"
    );
}

#[test]
fn segments_of_different_trust_domains_share_nothing() {
    let found = errors(|document| {
        document.spec.trust_domains.push(text("partner.example"));
        for segment in &mut document.spec.segments {
            segment.trust_domains = Some(vec![text("ai.example")]);
        }
        let mut more = segment("partner", &["edge", "ml"]);
        more.trust_domains = Some(vec![text("partner.example")]);
        document.spec.segments.push(more);
    });
    assert_eq!(found, []);
}

#[test]
fn refuses_flows_that_share_a_request() {
    for shared in [
        operation(&["GET"], &["/v1/models"], None),
        operation(&["GET", "PUT"], &["/other", "/v1/{**}"], None),
        operation(&["*"], &["/{a}/{b}/{c}/infer"], Some(&[9090, 8080])),
    ] {
        refuses(
            |document| {
                let more = flow("more", &["gateway"], "inference", vec![shared]);
                document.spec.flows.push(more);
            },
            "spec.flows[1]",
            Cause::FlowsOverlap(text("infer")),
        );
    }
}

#[test]
fn flows_that_differ_in_method_path_port_or_segments_share_nothing() {
    for (from, to, distinct) in [
        (
            "gateway",
            "inference",
            operation(&["PUT", "DELETE"], &["/{**}"], None),
        ),
        (
            "gateway",
            "inference",
            operation(&["*"], &["/v2/{**}", "/v1/models/"], None),
        ),
        (
            "gateway",
            "inference",
            operation(&["POST"], &["/{**}"], Some(&[9090])),
        ),
        (
            "vector-store",
            "inference",
            operation(&["*"], &["/{**}"], None),
        ),
        (
            "gateway",
            "vector-store",
            operation(&["*"], &["/{**}"], None),
        ),
    ] {
        let more = flow("more", &[from], to, vec![distinct]);
        assert_eq!(errors(|document| document.spec.flows.push(more)), []);
    }
}

#[test]
fn refuses_trust_that_no_peer_can_have() {
    for trust in [100, 101, 255] {
        refuses(
            |document| document.spec.minimum_trust = Some(trust),
            "spec.minimumTrust",
            Cause::TrustOutOfRange(trust),
        );
        refuses(
            |document| document.spec.flows[0].minimum_trust = Some(trust),
            "spec.flows[0].minimumTrust",
            Cause::TrustOutOfRange(trust),
        );
    }
    assert_eq!(
        errors(|document| document.spec.minimum_trust = Some(99)),
        []
    );
}

#[test]
fn refuses_a_method_that_is_none() {
    for (name, cause) in [
        ("", InvalidMethod::Empty),
        ("GET ", InvalidMethod::Character),
        ("G\u{c9}T", InvalidMethod::Character),
        (&*"A".repeat(33), InvalidMethod::TooLong),
    ] {
        let cause = || Cause::Method {
            name: text(name),
            cause,
        };
        refuses(
            |document| {
                document.spec.flows[0].operations[1]
                    .methods
                    .push(text(name))
            },
            "spec.flows[0].operations[1].methods[1]",
            cause(),
        );
        refuses(
            |document| document.spec.probes.as_mut().unwrap()[0].method = text(name),
            "spec.probes[0].method",
            cause(),
        );
    }
}

#[test]
fn refuses_a_method_that_is_not_in_upper_case() {
    refuses(
        |document| document.spec.flows[0].operations[1].methods[0] = text("Post"),
        "spec.flows[0].operations[1].methods[0]",
        Cause::MethodCase(text("Post")),
    );
    refuses(
        |document| document.spec.probes.as_mut().unwrap()[0].method = text("get"),
        "spec.probes[0].method",
        Cause::MethodCase(text("get")),
    );
}

#[test]
fn refuses_a_star_beside_other_methods() {
    for methods in [["*", "GET"], ["GET", "*"], ["*", "*"]] {
        refuses(
            |document| {
                document.spec.flows[0].operations[1].methods = methods.map(text).to_vec();
            },
            "spec.flows[0].operations[1].methods",
            Cause::StarNotAlone,
        );
    }
    let star = vec![text("*")];
    assert_eq!(
        errors(|document| document.spec.flows[0].operations[1].methods = star),
        []
    );
}

#[test]
fn refuses_a_path_that_is_no_template() {
    for (template, cause) in [
        ("/v1/*", InvalidTemplate::Star),
        ("/v1/{**}/x", InvalidTemplate::RestNotLast),
        ("/v1/x{y}", InvalidTemplate::Brace),
        ("/v1/{Y}", InvalidTemplate::VariableName),
        ("v1", InvalidTemplate::Path(InvalidPath::NotAbsolute)),
    ] {
        refuses(
            |document| {
                document.spec.flows[0].operations[0]
                    .paths
                    .push(text(template))
            },
            "spec.flows[0].operations[0].paths[2]",
            Cause::Template {
                template: text(template),
                cause,
            },
        );
    }
}

#[test]
fn refuses_a_probe_path_that_no_request_can_have() {
    for (path, cause) in [
        ("", InvalidPath::NotAbsolute),
        ("healthz", InvalidPath::NotAbsolute),
        ("/health//z", InvalidPath::DoubledSlash),
        ("/healthz;v=1", InvalidPath::Parameter),
        ("/{**}", InvalidPath::Character),
    ] {
        refuses(
            |document| document.spec.probes.as_mut().unwrap()[0].path = text(path),
            "spec.probes[0].path",
            Cause::ProbePath {
                path: text(path),
                cause,
            },
        );
    }
}

#[test]
fn refuses_a_probe_path_with_a_query() {
    for path in ["/healthz?full", "/healthz?", "?"] {
        refuses(
            |document| document.spec.probes.as_mut().unwrap()[0].path = text(path),
            "spec.probes[0].path",
            Cause::ProbeQuery(text(path)),
        );
    }
}

#[test]
fn refuses_port_0() {
    refuses(
        |document| document.spec.flows[0].operations[1].ports = Some(vec![8080, 0]),
        "spec.flows[0].operations[1].ports[1]",
        Cause::PortZero,
    );
    refuses(
        |document| document.spec.probes.as_mut().unwrap()[0].port = 0,
        "spec.probes[0].port",
        Cause::PortZero,
    );
}

#[test]
fn refuses_what_is_no_address_block() {
    for block in [
        "",
        "10.0.0.1",
        "10.0.0.0/33",
        "10.0.0/8",
        "fd00::/129",
        "localhost/8",
        " 10.0.0.0/8",
    ] {
        refuses(
            |document| {
                document.spec.probes.as_mut().unwrap()[0]
                    .ip_blocks
                    .push(text(block))
            },
            "spec.probes[0].ipBlocks[2]",
            Cause::IpBlock(text(block)),
        );
    }
}

#[test]
fn refuses_a_block_of_all_addresses() {
    for block in ["0.0.0.0/0", "::/0", "10.0.0.0/0"] {
        refuses(
            |document| document.spec.probes.as_mut().unwrap()[0].ip_blocks[0] = text(block),
            "spec.probes[0].ipBlocks[0]",
            Cause::IpBlockEverything(text(block)),
        );
    }
}

#[test]
fn refuses_a_block_with_bits_outside_its_prefix_and_says_which_is_meant() {
    for (block, meant) in [("10.0.0.1/8", "10.0.0.0/8"), ("fd00::1/64", "fd00::/64")] {
        refuses(
            |document| document.spec.probes.as_mut().unwrap()[0].ip_blocks[0] = text(block),
            "spec.probes[0].ipBlocks[0]",
            Cause::IpBlockBits(text(block), text(meant)),
        );
    }
    for block in ["10.1.2.3/32", "fd00::1/128"] {
        let exact = |document: &mut PolicyDocument| {
            document.spec.probes.as_mut().unwrap()[0].ip_blocks[0] = text(block);
        };
        assert_eq!(errors(exact), [], "{block}");
    }
}

// === All of them at once ===

#[test]
fn reports_all_errors_of_a_document_at_once() {
    let found = errors(|document| {
        document.metadata.name = text("My Policy");
        document.spec.minimum_trust = Some(101);
        document.spec.trust_domains.push(text("NO"));
        document.spec.segments[0].namespaces[0] = text("Edge");
        document.spec.segments.push(segment("again", &["ml"]));
        document.spec.authorities = Some(raw::Authorities {
            certificates: Some(vec![]),
            tokens: None,
            ..raw::Authorities::default()
        });
        document.spec.flows[0].to = text("nowhere");
        document.spec.flows[0].operations[0].methods = vec![text("get"), text("G T")];
        document.spec.flows[0].operations[0].paths[1] = text("/v1/*");
        document.spec.flows[0].operations[1].ports = Some(vec![0]);
        let probe = &mut document.spec.probes.as_mut().unwrap()[0];
        probe.path = text("/healthz?");
        probe.ip_blocks = vec![text("0.0.0.0/0"), text("x")];
    });
    let paths: Vec<&str> = found.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "metadata.name",
            "spec.trustDomains[1]",
            "spec.minimumTrust",
            "spec.segments[0].namespaces[0]",
            "spec.segments[3]",
            "spec.authorities.certificates",
            "spec.flows[0].operations[0].paths[1]",
            "spec.flows[0].operations[0].methods[0]",
            "spec.flows[0].operations[0].methods[1]",
            "spec.flows[0].operations[1].ports[0]",
            "spec.flows[0].to",
            "spec.probes[0].path",
            "spec.probes[0].ipBlocks[0]",
            "spec.probes[0].ipBlocks[1]",
        ]
    );
}

#[test]
fn an_error_says_where_what_and_what_to_do() {
    let found = errors(|document| document.spec.flows[0].to = text("inferense"));
    assert_eq!(
        found[0].to_string(),
        "spec.flows[0].to: there is no segment `inferense`: did you mean `inference`?"
    );
    let found = errors(|document| document.spec.flows[0].to = text("billing-database"));
    assert_eq!(
        found[0].to_string(),
        "spec.flows[0].to: there is no segment `billing-database`: add it to `spec.segments`, or \
         correct the name"
    );
}
