//! Workload identity tokens and their proofs: what counts, and that each rule refuses alone.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use base64ct::{Base64UrlUnpadded, Encoding};
use sallyport_credentials::issue::{
    ProofKey, ProofRequest, RsaBits, Token, TokenIssuer, TokenIssuerOptions, TokenKind,
    TokenRequest,
};
use sallyport_credentials::token::{self, Proof};
use sallyport_credentials::{AuthoritySet, sha256};
use sallyport_engine::facts::{
    CertifiedKeys, CredentialFacts, CredentialFault as Fault, KeyExchange, MutualTls,
    PeerCertificate, PeerValidation, TlsVersion,
};
use sallyport_engine::headers::{ProvenToken, TokenHalves};
use sallyport_engine::identity::{Assurance, SpiffeId};
use sallyport_engine::policy::raw::{
    AlternativeAlgorithm, AlternativeTokenAlgorithm, Authorities, ClassicalTokenAlgorithm,
};
use sallyport_engine::time::TimeMs;
use serde_json::{Value, json};

const NOW: u64 = 1_790_000_000;
const SUBJECT: &str = "spiffe://cluster.local/ns/ml/sa/gateway";
const CALLED: &str = "spiffe://cluster.local/ns/ml/sa/inference";
const BINDING: [u8; 32] = [7; 32];

/// An authority, a workload with a key, and what the workload sends.
struct Scene {
    issuer: TokenIssuer,
    key: ProofKey,
    identity: Token,
    tls: MutualTls,
    minimum_level: Option<AlternativeAlgorithm>,
}

impl Scene {
    fn new() -> Self {
        Self::with_key(AlternativeAlgorithm::MlDsa65)
    }

    fn with_key(algorithm: AlternativeAlgorithm) -> Self {
        let issuer = TokenIssuer::generate(TokenIssuerOptions {
            name: "tokens".to_owned(),
            trust_domain: "cluster.local".to_owned(),
            issuer: "https://tokens.example".to_owned(),
            audience: "mesh".to_owned(),
            classical_algorithm: ClassicalTokenAlgorithm::PS256,
            algorithm: AlternativeTokenAlgorithm::MlDsa65,
            rsa_bits: RsaBits::Bits2048,
            maximum_lifetime_seconds: Some(600),
        })
        .unwrap();
        let key = ProofKey::generate(algorithm).unwrap();
        let request = identity_request(&key);
        let identity = issuer.issue_token(&request).unwrap();
        Self {
            issuer,
            key,
            identity,
            tls: tls(None),
            minimum_level: None,
        }
    }

    fn reissue(&mut self, change: impl FnOnce(&mut TokenRequest)) {
        let mut request = identity_request(&self.key);
        change(&mut request);
        self.identity = self.issuer.issue_token(&request).unwrap();
    }

    fn proof<'a>(&'a self, change: impl FnOnce(&mut ProofRequest<'a>)) -> String {
        let mut request = ProofRequest::new(&self.identity.token, CALLED, NOW);
        change(&mut request);
        self.key.prove(&request).unwrap()
    }

    fn verify(&self, proof: &str) -> Result<Proof, Fault> {
        self.verify_beside(proof, None, None)
    }

    fn verify_beside(
        &self,
        proof: &str,
        access_token: Option<&str>,
        transaction_token: Option<&str>,
    ) -> Result<Proof, Fault> {
        let authorities = Authorities {
            tokens: Some(vec![self.issuer.to_policy()]),
            minimum_alternative_level: self.minimum_level,
            ..Authorities::default()
        };
        let authorities = AuthoritySet::new(Some(&authorities)).unwrap();
        let presented = ProvenToken {
            identity: TokenHalves {
                token: self.identity.token.as_bytes(),
                signature: self.identity.signature.as_bytes(),
            },
            proof: proof.as_bytes(),
            access_token: access_token.map(str::as_bytes),
            transaction_token: transaction_token.map(str::as_bytes),
        };
        let called: SpiffeId = CALLED.parse().unwrap();
        token::verify_identity(&authorities, presented.identity, &self.tls)?
            .verify_proof(&presented, &called)
    }
}

fn identity_request(key: &ProofKey) -> TokenRequest {
    TokenRequest {
        kind: TokenKind::Identity(key.public_jwk()),
        ..TokenRequest::new(SUBJECT, BINDING, NOW)
    }
}

/// The connection of a certificate with this alternative key.
fn tls(alternative: Option<[u8; 32]>) -> MutualTls {
    let subject: SpiffeId = SUBJECT.parse().unwrap();
    MutualTls {
        validation: PeerValidation::Validated,
        version: TlsVersion::Tls13,
        key_exchange: KeyExchange::Hidden,
        certificate_sha256: BINDING,
        certificate: PeerCertificate::Read {
            subject: subject.clone(),
            credential: Ok(CredentialFacts {
                authority: None,
                subject,
                assurance: Assurance::Classical,
                number: None,
                keys: CertifiedKeys {
                    own: None,
                    alternative,
                },
                artifacts: sallyport_engine::artifact::ArtifactClaims::default(),
                issued: TimeMs(0),
                not_before: TimeMs(0),
                not_after: TimeMs(u64::MAX),
            }),
        },
    }
}

#[test]
fn a_proof_makes_a_workload_identity_proven_for_a_minute() {
    let scene = Scene::new();
    let proof = scene.verify(&scene.proof(|_| {})).unwrap();
    assert_eq!(proof.facts.assurance, Assurance::HybridProven);
    assert_eq!(proof.facts.subject.as_str(), SUBJECT);
    assert_eq!(proof.facts.not_before, TimeMs::from_seconds(NOW - 60));
    assert_eq!(proof.facts.not_after, TimeMs::from_seconds(NOW + 60));
    assert_eq!(proof.facts.issued, TimeMs::from_seconds(NOW));
    let spki = scene.key.public_key_spki();
    assert_eq!(proof.facts.keys.alternative, Some(sha256(&spki)));
}

#[test]
fn a_proof_that_shall_last_longer_does_not_count_yet() {
    let scene = Scene::new();
    let hour = scene.proof(|proof| proof.expires_at_seconds = NOW + 540);
    let facts = scene.verify(&hour).unwrap().facts;
    assert_eq!(facts.not_before, TimeMs::from_seconds(NOW + 420));
}

#[test]
fn a_proof_never_outlives_its_token() {
    let mut scene = Scene::new();
    scene.reissue(|request| request.lifetime_seconds = 30);
    let facts = scene.verify(&scene.proof(|_| {})).unwrap().facts;
    assert_eq!(facts.not_after, TimeMs::from_seconds(NOW + 30));
}

#[test]
fn keys_of_each_level_prove_from_the_policys_minimum_on() {
    use AlternativeAlgorithm::{MlDsa44, MlDsa65, MlDsa87};
    for (level, minimum, counts) in [
        (MlDsa44, None, false),
        (MlDsa44, Some(MlDsa44), true),
        (MlDsa65, None, true),
        (MlDsa87, None, true),
        (MlDsa87, Some(MlDsa65), true),
    ] {
        let mut scene = Scene::with_key(level);
        scene.minimum_level = minimum;
        let answer = scene.verify(&scene.proof(|_| {}));
        assert_eq!(answer.is_ok(), counts, "{level:?} {minimum:?}: {answer:?}");
        if !counts {
            assert_eq!(answer, Err(Fault::AlgorithmRefused));
        }
    }
}

#[test]
fn the_key_is_that_of_the_certificate_where_it_has_one() {
    let mut scene = Scene::new();
    scene.tls = tls(Some(sha256(&scene.key.public_key_spki())));
    assert!(scene.verify(&scene.proof(|_| {})).is_ok());
    scene.tls = tls(Some([1; 32]));
    assert_eq!(
        scene.verify(&scene.proof(|_| {})),
        Err(Fault::BindingMismatch)
    );
}

#[test]
fn each_claim_of_an_identity_token_counts() {
    let other = ProofKey::generate(AlternativeAlgorithm::MlDsa65).unwrap();
    let with = |member: &str, value: Value| {
        let mut jwk = other.public_jwk();
        jwk.as_object_mut()
            .unwrap()
            .insert(member.to_owned(), value);
        json!({ "jwk": jwk })
    };
    let missing = |member: &str| {
        let mut jwk = other.public_jwk();
        jwk.as_object_mut().unwrap().remove(member);
        json!({ "jwk": jwk })
    };
    let key = other.public_jwk();
    for (claim, value, fault) in [
        (
            "sub",
            json!("spiffe://other.example/a"),
            Fault::TrustDomainForeign,
        ),
        (
            "sub",
            json!("https://cluster.local/a"),
            Fault::ClaimsInvalid,
        ),
        ("iss", json!("https://other.example"), Fault::ClaimsInvalid),
        ("iss", Value::Null, Fault::ClaimsInvalid),
        ("exp", json!(NOW + 601), Fault::ClaimsInvalid),
        ("exp", json!("1790000300"), Fault::ClaimsInvalid),
        ("nbf", json!(NOW + 300), Fault::ClaimsInvalid),
        ("jti", json!(""), Fault::ClaimsInvalid),
        ("x5t#S256", json!("AA"), Fault::BindingMismatch),
        ("cnf", json!({}), Fault::ClaimsInvalid),
        ("cnf", missing("alg"), Fault::ClaimsInvalid),
        ("cnf", missing("pub"), Fault::ClaimsInvalid),
        ("cnf", missing("kty"), Fault::ClaimsInvalid),
        ("cnf", with("kty", json!("RSA")), Fault::AlgorithmRefused),
        ("cnf", with("alg", json!("ML-DSA-87")), Fault::ClaimsInvalid),
        (
            "cnf",
            with("alg", json!("Dilithium5")),
            Fault::AlgorithmRefused,
        ),
        ("cnf", with("pub", json!("AA")), Fault::ClaimsInvalid),
        ("cnf", with("pub", json!("A=")), Fault::Malformed),
        ("cnf", with("priv", json!("AA")), Fault::ClaimsInvalid),
        // Positions are no names.
        ("cnf", json!([key]), Fault::ClaimsInvalid),
        (
            "cnf",
            json!({ "jwk": [key["kty"], key["alg"], key["pub"]] }),
            Fault::ClaimsInvalid,
        ),
        // Somebody else's key: the proof does not fit.
        (
            "cnf",
            json!({ "jwk": other.public_jwk() }),
            Fault::ProofInvalid,
        ),
    ] {
        let mut scene = Scene::new();
        scene.reissue(|request| {
            request.claims.insert(claim.to_owned(), Some(value.clone()));
        });
        let answer = scene.verify(&scene.proof(|_| {}));
        assert_eq!(answer, Err(fault), "{claim}: {value}");
    }
    for (claim, fault) in [
        ("sub", Some(Fault::ClaimsInvalid)),
        ("iat", Some(Fault::ClaimsInvalid)),
        ("exp", Some(Fault::ClaimsInvalid)),
        ("cnf", Some(Fault::ClaimsInvalid)),
        ("x5t#S256", Some(Fault::ClaimsInvalid)),
        ("iss", None),
        ("jti", None),
    ] {
        let mut scene = Scene::new();
        scene.reissue(|request| {
            request.claims.insert(claim.to_owned(), None);
        });
        let answer = scene.verify(&scene.proof(|_| {}));
        assert_eq!(answer.err(), fault, "without {claim}");
    }
}

#[test]
fn a_token_of_another_kind_is_no_identity_token() {
    let mut scene = Scene::new();
    for typ in ["JWT", "hybrid-identity+jwt", "wpt+jwt", "WIT+JWT"] {
        scene.reissue(|request| {
            request.header.insert("typ".to_owned(), Some(json!(typ)));
        });
        let answer = scene.verify(&scene.proof(|_| {}));
        assert_eq!(answer, Err(Fault::AlgorithmRefused), "{typ}");
    }
    scene.reissue(|request| {
        request
            .header
            .insert("kid".to_owned(), Some(json!("other")));
    });
    let answer = scene.verify(&scene.proof(|_| {}));
    assert_eq!(answer, Err(Fault::AuthorityUnknown));
}

#[test]
fn an_identity_token_is_no_hybrid_token() {
    let scene = Scene::new();
    let authorities = Authorities {
        tokens: Some(vec![scene.issuer.to_policy()]),
        ..Authorities::default()
    };
    let halves = TokenHalves {
        token: scene.identity.token.as_bytes(),
        signature: scene.identity.signature.as_bytes(),
    };
    let set = AuthoritySet::new(Some(&authorities)).unwrap();
    assert_eq!(
        token::verify(&set, halves, &BINDING),
        Err(Fault::AlgorithmRefused)
    );
}

#[test]
fn each_claim_of_a_proof_counts() {
    let scene = Scene::new();
    let mut other = Scene::new();
    other.issuer = TokenIssuer::generate(TokenIssuerOptions {
        name: "other".to_owned(),
        trust_domain: "cluster.local".to_owned(),
        issuer: "https://other.example".to_owned(),
        audience: "mesh".to_owned(),
        classical_algorithm: ClassicalTokenAlgorithm::PS256,
        algorithm: AlternativeTokenAlgorithm::MlDsa65,
        rsa_bits: RsaBits::Bits2048,
        maximum_lifetime_seconds: None,
    })
    .unwrap();
    for (claim, value, fault) in [
        (
            "aud",
            json!("spiffe://cluster.local/ns/ml/sa/training"),
            Fault::ClaimsInvalid,
        ),
        ("aud", json!([]), Fault::ClaimsInvalid),
        ("aud", json!("mesh"), Fault::ClaimsInvalid),
        ("exp", json!("1790000060"), Fault::ClaimsInvalid),
        ("jti", json!(""), Fault::ClaimsInvalid),
        ("jti", json!("x".repeat(129)), Fault::ClaimsInvalid),
        ("wth", json!("AA"), Fault::BindingMismatch),
        ("ath", json!("AA"), Fault::BindingMismatch),
        ("tth", json!("AA"), Fault::BindingMismatch),
        ("oth", json!({}), Fault::ClaimsInvalid),
    ] {
        let proof = scene.proof(|proof| {
            proof.claims.insert(claim.to_owned(), Some(value.clone()));
        });
        assert_eq!(scene.verify(&proof), Err(fault), "{claim}: {value}");
    }
    for claim in ["aud", "exp", "jti", "wth"] {
        let proof = scene.proof(|proof| {
            proof.claims.insert(claim.to_owned(), None);
        });
        assert_eq!(scene.verify(&proof), Err(Fault::ClaimsInvalid), "{claim}");
    }
    let several = scene.proof(|proof| {
        let audience = Some(json!(["x", CALLED]));
        proof.claims.insert("aud".to_owned(), audience);
    });
    assert!(scene.verify(&several).is_ok());
}

#[test]
fn a_proof_covers_the_other_tokens_of_its_request() {
    let scene = Scene::new();
    let plain = scene.proof(|_| {});
    let with_access = scene.proof(|proof| proof.access_token = Some("access"));
    let hash = Base64UrlUnpadded::encode_string(&sha256(b"transaction"));
    let with_transaction = scene.proof(|proof| {
        proof.claims.insert("tth".to_owned(), Some(json!(hash)));
    });
    for (proof, access, transaction, fault) in [
        (&plain, None, None, None),
        (&plain, Some("access"), None, Some(Fault::ClaimsInvalid)),
        (
            &plain,
            None,
            Some("transaction"),
            Some(Fault::ClaimsInvalid),
        ),
        (&with_access, Some("access"), None, None),
        (
            &with_access,
            Some("other"),
            None,
            Some(Fault::BindingMismatch),
        ),
        (&with_access, None, None, Some(Fault::BindingMismatch)),
        (&with_transaction, None, Some("transaction"), None),
        (
            &with_transaction,
            None,
            Some("other"),
            Some(Fault::BindingMismatch),
        ),
    ] {
        let answer = scene.verify_beside(proof, access, transaction);
        assert_eq!(answer.err(), fault, "{access:?} {transaction:?}");
    }
}

#[test]
fn what_a_proof_covers_is_bounded() {
    let longest = "a".repeat(token::MAXIMUM_COVERED_BYTES);
    let longer = "a".repeat(token::MAXIMUM_COVERED_BYTES + 1);
    let scene = Scene::new();
    let proof = scene.proof(|proof| proof.access_token = Some(&longest));
    assert!(scene.verify_beside(&proof, Some(&longest), None).is_ok());
    let proof = scene.proof(|proof| proof.access_token = Some(&longer));
    for (access, transaction) in [(Some(longer.as_str()), None), (None, Some(longer.as_str()))] {
        let answer = scene.verify_beside(&proof, access, transaction);
        assert_eq!(answer.err(), Some(Fault::Malformed));
    }
}

#[test]
fn the_form_of_a_proof_is_strict() {
    let scene = Scene::new();
    for (member, value) in [
        ("typ", json!("JWT")),
        ("typ", json!("wit+jwt")),
        ("alg", json!("ML-DSA-87")),
        ("alg", json!("none")),
        ("alg", json!("PS256")),
        ("kid", json!("x")),
        ("jwk", json!({ "kty": "AKP" })),
        ("crit", json!([])),
        ("b64", json!(true)),
    ] {
        let proof = scene.proof(|proof| {
            proof.header.insert(member.to_owned(), Some(value.clone()));
        });
        assert_eq!(
            scene.verify(&proof),
            Err(Fault::AlgorithmRefused),
            "{member}"
        );
    }
    let proof = scene.proof(|_| {});
    let (signed, signature) = proof.rsplit_once('.').unwrap();
    let padded = format!("{signed}.{signature}=");
    let doubled = {
        let claims = r#"{"aud":"a","aud":"b","exp":1,"jti":"x","wth":"x"}"#;
        let header = signed.split('.').next().unwrap();
        let claims = Base64UrlUnpadded::encode_string(claims.as_bytes());
        format!("{header}.{claims}.{signature}")
    };
    let long = "a".repeat(token::MAXIMUM_PROOF_BYTES + 1);
    for text in ["", ".", "..", signed, &padded, &doubled, &long] {
        assert_eq!(scene.verify(text), Err(Fault::Malformed), "{text:.40}");
    }
}

#[test]
fn no_byte_of_a_proof_can_be_changed() {
    let scene = Scene::new();
    let proof = scene.proof(|_| {});
    // Each character of header and claims, and some of the long signature.
    let end = proof.rfind('.').unwrap();
    let places = (0..end).chain((end..proof.len()).step_by(97));
    for place in places {
        let mut bytes = proof.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(scene.verify(&changed).is_err(), "{place}");
    }
}

#[test]
fn proofs_are_told_apart_by_authority_subject_and_jti() {
    let scene = Scene::new();
    let used = |jti: &str| {
        let proof = scene.proof(|proof| {
            proof.claims.insert("jti".to_owned(), Some(json!(jti)));
        });
        scene.verify(&proof).unwrap().used
    };
    // Two signatures over the same claims are the same proof: signatures are hedged.
    assert_eq!(used("a"), used("a"));
    assert_ne!(used("a"), used("b"));
}
