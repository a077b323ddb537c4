use std::path::Path;

use sallyport_credentials::issue::{
    AuthorityOptions, ClassicalAuthority, HybridAuthority, LeafRequest, RsaBits, TokenIssuer,
    TokenIssuerOptions, TokenRequest,
};
use sallyport_engine::artifact::ArtifactClaims;
use sallyport_engine::hexadecimal;
use sallyport_engine::policy::raw::{
    AlternativeTokenAlgorithm, Authorities, ClassicalTokenAlgorithm,
};

use super::*;
use crate::policy_file::from_text;

const POLICY: &str = include_str!("../../tests/data/policy.yaml");
const NOW: TimeMs = TimeMs(1_800_000_000_000);

fn load(text: &str) -> LoadedPolicy {
    from_text(text, Path::new(".")).unwrap_or_else(|found| panic!("{found:?}"))
}

fn id(text: &str) -> SpiffeId {
    text.parse().unwrap()
}

fn web() -> SpiffeId {
    id("spiffe://d.example/ns/web/sa/web")
}

fn question(method: &str, path: &str) -> Question {
    Question {
        caller: Caller::Assumed {
            identity: web(),
            assurance: RequiredAssurance::Classical,
        },
        called: Some(id("spiffe://d.example/ns/orders/sa/orders")),
        tls: TlsVersion::Tls13,
        key_exchange: sallyport_engine::facts::KeyExchange::Hidden,
        source_ip: "192.0.2.1".parse().unwrap(),
        port: 8080,
        headers: request_line(method, path),
        now: NOW,
        claims: ArtifactClaims::default(),
        denials: 0,
    }
}

fn code(answer: &Answer) -> Option<&'static str> {
    answer.reason.map(DenyReason::code)
}

#[test]
fn allows_what_a_flow_allows() {
    let answer = explain(&load(POLICY), &question("GET", "/v1/orders/7?page=2"));
    assert_eq!((answer.outcome, answer.reason), (Outcome::Allowed, None));
    assert_eq!(answer.record.flow.as_deref(), Some("web-to-orders"));
    assert_eq!(answer.record.path, "/v1/orders/7");
    assert_eq!(answer.record.validated, "assumed");
}

#[test]
fn agrees_with_the_engine_on_the_same_facts() {
    let loaded = load(POLICY);
    for (method, path) in [
        ("GET", "/v1/orders/7"),
        ("POST", "/v1/orders/7"),
        ("GET", "/v1//x"),
    ] {
        let question = question(method, path);
        let answer = explain(&loaded, &question);
        let subject = web();
        let certificate_sha256 = sha256(subject.as_str().as_bytes());
        let connection = ConnectionFacts {
            own: question.called.clone(),
            transport: Transport::Mutual(MutualTls {
                validation: PeerValidation::Assumed,
                version: TlsVersion::Tls13,
                key_exchange: question.key_exchange,
                certificate_sha256,
                certificate: PeerCertificate::Read {
                    subject: subject.clone(),
                    credential: Ok(CredentialFacts {
                        authority: None,
                        subject: subject.clone(),
                        assurance: Assurance::Classical,
                        number: None,
                        keys: CertifiedKeys::default(),
                        artifacts: ArtifactClaims::default(),
                        issued: NOW,
                        not_before: NOW,
                        not_after: TimeMs(NOW.0 + 86_400_000),
                    }),
                },
            }),
            destination_port: question.port,
            peer_metadata: PeerMetadata::Absent,
        };
        let pairs = [
            (&b":method"[..], method.as_bytes()),
            (b":path", path.as_bytes()),
        ];
        let head = RequestHead::read(pairs);
        let peer = connection.peer();
        let request = session::Request {
            policy: &loaded.policy,
            connection: &connection,
            peer: peer.as_ref(),
            head: &head,
            now: NOW,
            decision_id: DecisionId {
                vm: [0; 8],
                counter: 0,
            },
        };
        let mut peers = PeerTable::new(8, TargetHasher::new([0; 16]));
        let verdict = session::answer(
            &request,
            &mut peers,
            || panic!("no probe"),
            |_, _| panic!("no token"),
        );
        let record = Record::new(
            &verdict,
            Some(&connection),
            &head,
            Some(&loaded.sha256),
            NOW,
        );
        let json = |record: &Record| serde_json::to_value(record).unwrap();
        assert_eq!(json(&answer.record), json(&record), "{method} {path}");
    }
}

#[test]
fn reports_what_shadow_lets_pass() {
    let loaded = load(&POLICY.replace("mode: enforce", "mode: shadow"));
    let answer = explain(&loaded, &question("DELETE", "/v1/orders/7"));
    assert_eq!(answer.outcome, Outcome::WouldBeDenied);
    assert_eq!(code(&answer), Some("operation_not_allowed"));
}

#[test]
fn a_malformed_request_is_denied_as_in_the_filter() {
    let loaded = load(POLICY);
    let doubled = [request_line("GET", "/"), request_line("GET", "/")].concat();
    for headers in [Vec::new(), doubled, request_line("G T", "/")] {
        let answer = explain(
            &loaded,
            &Question {
                headers,
                ..question("GET", "/")
            },
        );
        assert_eq!(answer.outcome, Outcome::Denied);
        assert_eq!(code(&answer), Some("request_malformed"));
    }
}

#[test]
fn assumed_denials_lower_trust_until_the_caller_is_isolated() {
    let loaded = load(POLICY);
    let ask = |denials| {
        explain(
            &loaded,
            &Question {
                denials,
                ..question("GET", "/v1/orders/7")
            },
        )
    };
    let trust: Vec<Option<u8>> = [0, 1, 2, 3].map(|denials| ask(denials).record.trust).into();
    assert!(trust.windows(2).all(|pair| pair[0] > pair[1]), "{trust:?}");
    assert_eq!(code(&ask(1000)), Some("peer_isolated"));
}

#[test]
fn plaintext_has_no_identity_on_either_side() {
    let plaintext = Question {
        caller: Caller::Plaintext,
        ..question("GET", "/v1/orders/7")
    };
    let answer = explain(&load(POLICY), &plaintext);
    assert_eq!(code(&answer), Some("peer_plaintext"));
    assert_eq!(answer.record.validated, "none");
}

#[test]
fn a_workload_outside_the_policy_answers_nobody() {
    let called = Some(id("spiffe://d.example/ns/other/sa/other"));
    let answer = explain(
        &load(POLICY),
        &Question {
            called,
            ..question("GET", "/v1/orders/7")
        },
    );
    assert_eq!(code(&answer), Some("own_identity_unknown"));
}

#[test]
fn bytes_that_are_no_certificate_name_nobody() {
    let caller = Caller::Certificate(vec![0x30, 0x00]);
    let answer = explain(
        &load(POLICY),
        &Question {
            caller,
            ..question("GET", "/v1/orders/7")
        },
    );
    assert_eq!(code(&answer), Some("peer_identity_invalid"));
}

// === real credentials ===

struct World {
    hybrid: HybridAuthority,
    classical: ClassicalAuthority,
    tokens: TokenIssuer,
    loaded: LoadedPolicy,
}

fn world() -> World {
    let options = |name: &str| AuthorityOptions {
        rsa_bits: RsaBits::Bits2048,
        ..AuthorityOptions::new(name, TimeMs(0), TimeMs(4_000_000_000_000))
    };
    let hybrid = HybridAuthority::generate(&options("hybrid")).unwrap();
    let classical = ClassicalAuthority::generate(&options("classical")).unwrap();
    let tokens = TokenIssuer::generate(TokenIssuerOptions {
        name: "issuer".to_owned(),
        trust_domain: "d.example".to_owned(),
        issuer: "https://issuer".to_owned(),
        audience: "mesh".to_owned(),
        classical_algorithm: ClassicalTokenAlgorithm::PS256,
        algorithm: AlternativeTokenAlgorithm::MlDsa65,
        rsa_bits: RsaBits::Bits2048,
        maximum_lifetime_seconds: None,
    })
    .unwrap();
    let authorities = Authorities {
        certificates: Some(vec![
            hybrid.to_policy("hybrid", "d.example").unwrap(),
            classical.to_policy("classical", "d.example"),
        ]),
        tokens: Some(vec![tokens.to_policy()]),
        ..Authorities::default()
    };
    let mut document = load(POLICY).document;
    document.spec.authorities = Some(authorities);
    document.spec.minimum_assurance = RequiredAssurance::Hybrid;
    let loaded = load(&serde_json::to_string(&document).unwrap());
    World {
        hybrid,
        classical,
        tokens,
        loaded,
    }
}

fn leaf_request() -> LeafRequest {
    LeafRequest::new(web(), TimeMs(NOW.0 - 1000), TimeMs(NOW.0 + 86_400_000))
}

#[test]
fn really_verifies_certificates_and_tokens() {
    let world = world();
    let ask = |caller: Caller, token: Headers, now: TimeMs| {
        let mut question = Question {
            caller,
            now,
            ..question("GET", "/v1/orders/7")
        };
        question.headers.extend(token);
        explain(&world.loaded, &question)
    };
    let hybrid = world.hybrid.issue_leaf(&leaf_request()).unwrap();
    let hybrid_caller = || Caller::Certificate(hybrid.certificate_der.clone());
    let answer = ask(hybrid_caller(), Vec::new(), NOW);
    assert_eq!(answer.outcome, Outcome::Allowed);
    assert_eq!(answer.record.assurance, Assurance::Hybrid);
    assert_eq!(
        answer.record.certificate_sha256,
        Some(hexadecimal::encode(&hybrid.sha256()))
    );

    let late = ask(hybrid_caller(), Vec::new(), TimeMs(NOW.0 + 90_000_000));
    assert_eq!(code(&late), Some("credential_expired"));

    let classical = world.classical.issue_leaf(&leaf_request()).unwrap();
    let caller = || Caller::Certificate(classical.certificate_der.clone());
    assert_eq!(
        code(&ask(caller(), Vec::new(), NOW)),
        Some("assurance_too_low")
    );

    let request = TokenRequest::new(web().as_str(), classical.sha256(), NOW.0 / 1000);
    let token = world.tokens.issue_token(&request).unwrap();
    let both = token_headers(
        Some(token.token.as_bytes()),
        Some(token.signature.as_bytes()),
        None,
    );
    let answer = ask(caller(), both.clone(), NOW);
    assert_eq!(answer.outcome, Outcome::Allowed);
    assert_eq!(answer.record.assurance, Assurance::Hybrid);

    let stolen = ask(hybrid_caller(), both.clone(), NOW);
    assert_eq!(code(&stolen), Some("credential_binding_mismatch"));
    let half = ask(
        caller(),
        token_headers(Some(token.token.as_bytes()), None, None),
        NOW,
    );
    assert_eq!(code(&half), Some("hybrid_signature_missing"));
    let doubled = ask(caller(), [both.clone(), both].concat(), NOW);
    assert_eq!(code(&doubled), Some("credential_header_ambiguous"));
}
