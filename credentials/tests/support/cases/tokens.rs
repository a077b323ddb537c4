//! Cases with tokens.

use base64ct::{Base64UrlUnpadded, Encoding};
use sallyport_credentials::issue::{RsaBits, Token, TokenIssuer, TokenIssuerOptions, TokenRequest};
use sallyport_engine::policy::raw::{
    AlternativeTokenAlgorithm, ClassicalTokenAlgorithm, Material, TokenAuthority,
};
use serde_json::{Value, json};

use super::super::forge::tlv;
use super::{
    Case, Corpus, Expected, Input, NOT_BEFORE_SECONDS, SUBJECT, TRUST_DOMAIN, case, fault,
    later_fault, tokens_only,
};

const SET: &str = "tokens";
const CROSSED: &str = "tokens_with_crossed_pins";
const BINDING: [u8; 32] = [0x5a; 32];
const AUDIENCE: &str = "mesh.cluster.local";

struct Issuers {
    ps256: TokenIssuer,
    /// Another one with the same algorithms.
    twin: TokenIssuer,
    rs256: TokenIssuer,
    level_44: TokenIssuer,
    legacy: TokenIssuer,
}

pub(super) fn add(corpus: &mut Corpus) {
    let issuers = Issuers {
        ps256: issuer(
            "tokens-65",
            ClassicalTokenAlgorithm::PS256,
            AlternativeTokenAlgorithm::MlDsa65,
        ),
        twin: issuer(
            "tokens-65-twin",
            ClassicalTokenAlgorithm::PS256,
            AlternativeTokenAlgorithm::MlDsa65,
        ),
        rs256: issuer(
            "tokens-87",
            ClassicalTokenAlgorithm::RS256,
            AlternativeTokenAlgorithm::MlDsa87,
        ),
        level_44: issuer(
            "tokens-44",
            ClassicalTokenAlgorithm::PS256,
            AlternativeTokenAlgorithm::MlDsa44,
        ),
        legacy: issuer(
            "tokens-legacy",
            ClassicalTokenAlgorithm::PS256,
            AlternativeTokenAlgorithm::Dilithium5,
        ),
    };
    let pinned = vec![
        issuers.ps256.to_policy(),
        issuers.twin.to_policy(),
        issuers.rs256.to_policy(),
        issuers.level_44.to_policy(),
        issuers.legacy.to_policy(),
    ];
    let crossed = vec![
        pinned_as_legacy(&issuers.rs256),
        pinned_as_ml_dsa(&issuers.legacy),
    ];
    corpus
        .authorities
        .insert(SET.to_owned(), tokens_only(pinned));
    corpus
        .authorities
        .insert(CROSSED.to_owned(), tokens_only(crossed));
    corpus.cases.extend(accepted(&issuers));
    corpus.cases.extend(crossed_algorithms(&issuers));
    corpus.cases.extend(swapped_halves(&issuers));
    corpus.cases.extend(faults_of_the_authority(&issuers));
    corpus.cases.extend(faults_of_the_signatures(&issuers));
    corpus.cases.extend(faults_of_the_headers(&issuers));
    corpus.cases.extend(faults_of_the_form(&issuers));
    corpus.cases.extend(faults_of_the_claims(&issuers));
}

fn issuer(
    name: &str,
    classical_algorithm: ClassicalTokenAlgorithm,
    algorithm: AlternativeTokenAlgorithm,
) -> TokenIssuer {
    TokenIssuer::generate(TokenIssuerOptions {
        name: name.to_owned(),
        trust_domain: TRUST_DOMAIN.to_owned(),
        issuer: format!("https://{name}.example"),
        audience: AUDIENCE.to_owned(),
        classical_algorithm,
        algorithm,
        rsa_bits: RsaBits::Bits2048,
        maximum_lifetime_seconds: None,
    })
    .unwrap()
}

fn request() -> TokenRequest {
    TokenRequest::new(SUBJECT, BINDING, NOT_BEFORE_SECONDS)
}

fn with_claim(name: &str, value: impl Into<Option<Value>>) -> TokenRequest {
    let mut request = request();
    request.claims.insert(name.to_owned(), value.into());
    request
}

fn credential(authority: &str) -> Expected {
    Expected::Credential {
        assurance: "hybrid".to_owned(),
        authority: Some(authority.to_owned()),
        subject: SUBJECT.to_owned(),
        not_before_ms: (NOT_BEFORE_SECONDS - 60) * 1000,
        not_after_ms: (NOT_BEFORE_SECONDS + 300) * 1000,
    }
}

fn token_case(name: &str, token: Token, expected: Expected) -> Case {
    token_case_with(SET, name, token, expected)
}

fn token_case_with(set: &str, name: &str, token: Token, expected: Expected) -> Case {
    let certificate_sha256 = BINDING.iter().map(|byte| format!("{byte:02x}")).collect();
    let Token { token, signature } = token;
    case(
        name,
        set,
        Input::Token {
            token,
            signature,
            certificate_sha256,
        },
        expected,
    )
}

fn accepted(i: &Issuers) -> Vec<Case> {
    let issue = |name, request: &TokenRequest| {
        token_case(
            name,
            i.ps256.issue_token(request).unwrap(),
            credential("tokens-65"),
        )
    };
    let mut all_optional = request();
    for (name, value) in [
        ("nbf", json!(NOT_BEFORE_SECONDS)),
        ("model_digest", json!(format!("sha256:{}", "0a".repeat(32)))),
        ("image_digest", json!(format!("sha256:{}", "ff".repeat(32)))),
        ("somethingElse", json!({ "a": [1, { "b": null }] })),
    ] {
        all_optional.claims.insert(name.to_owned(), Some(value));
    }
    vec![
        issue("token_ps256_ml_dsa_65", &request()),
        issue("token_with_optional_claims", &all_optional),
        issue(
            "token_with_several_audiences",
            &with_claim("aud", json!(["a", AUDIENCE])),
        ),
        issue("token_with_earlier_nbf", &with_claim("nbf", json!(1))),
        token_case(
            "token_rs256_ml_dsa_87",
            i.rs256.issue_token(&request()).unwrap(),
            credential("tokens-87"),
        ),
        token_case(
            "token_ps256_ml_dsa_44",
            i.level_44.issue_token(&request()).unwrap(),
            credential("tokens-44"),
        ),
        token_case(
            "token_ps256_dilithium5",
            i.legacy.issue_token(&request()).unwrap(),
            credential("tokens-legacy"),
        ),
    ]
}

/// Two pinned issuers say the same of the same subject; then each JWT comes with the other one's
/// detached half.
fn swapped_halves(i: &Issuers) -> Vec<Case> {
    let one = i.ps256.issue_token(&request()).unwrap();
    let other = i.twin.issue_token(&request()).unwrap();
    let swapped = |jwt: &Token, detached: &Token| Token {
        token: jwt.token.clone(),
        signature: detached.signature.clone(),
    };
    vec![
        token_case(
            "token_with_the_alternative_half_of_its_twin",
            swapped(&one, &other),
            fault("AuthorityUnknown"),
        ),
        token_case(
            "token_twin_with_the_alternative_half_of_the_other",
            swapped(&other, &one),
            fault("AuthorityUnknown"),
        ),
        token_case("token_twin", other, credential("tokens-65-twin")),
    ]
}

/// The ML-DSA-87 key of an issuer, pinned as `Dilithium5`.
fn pinned_as_legacy(issuer: &TokenIssuer) -> TokenAuthority {
    let mut policy = issuer.to_policy();
    let key = &mut policy.alternative_key;
    let spki = public_key(&key.public_key);
    key.algorithm = AlternativeTokenAlgorithm::Dilithium5;
    key.public_key = pem("DILITHIUM5 PUBLIC KEY", &spki[spki.len() - 2592..]);
    policy
}

/// The `Dilithium5` key of an issuer, pinned as ML-DSA-87.
fn pinned_as_ml_dsa(issuer: &TokenIssuer) -> TokenAuthority {
    let mut policy = issuer.to_policy();
    let key = &mut policy.alternative_key;
    let algorithm = [
        0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x13,
    ];
    let bits = tlv(0x03, &[&[0][..], &public_key(&key.public_key)].concat());
    key.algorithm = AlternativeTokenAlgorithm::MlDsa87;
    key.public_key = pem("PUBLIC KEY", &tlv(0x30, &[&algorithm[..], &bits].concat()));
    policy
}

fn public_key(material: &Material) -> Vec<u8> {
    match material {
        Material::Inline(text) => pem_rfc7468::decode_vec(text.as_bytes()).unwrap().1,
        Material::File(_) => Vec::new(),
    }
}

fn pem(label: &str, bytes: &[u8]) -> Material {
    let text = pem_rfc7468::encode_string(label, pem_rfc7468::LineEnding::LF, bytes);
    Material::Inline(text.unwrap())
}

/// Equal lengths, other algorithms: only the pin decides, and the name in the header follows it.
fn crossed_algorithms(i: &Issuers) -> Vec<Case> {
    let named = |issuer: &TokenIssuer, algorithm: &str| {
        let mut request = request();
        request
            .signature_header
            .insert("alg".to_owned(), Some(json!(algorithm)));
        issuer.issue_token(&request).unwrap()
    };
    let invalid = fault("HybridSignatureInvalid");
    vec![
        token_case_with(
            CROSSED,
            "token_ml_dsa_87_signature_under_dilithium5_pin",
            named(&i.rs256, "Dilithium5"),
            invalid.clone(),
        ),
        token_case_with(
            CROSSED,
            "token_dilithium5_signature_under_ml_dsa_87_pin",
            named(&i.legacy, "ML-DSA-87"),
            invalid,
        ),
        token_case_with(
            CROSSED,
            "token_names_ml_dsa_87_under_dilithium5_pin",
            named(&i.rs256, "ML-DSA-87"),
            fault("AlgorithmRefused"),
        ),
    ]
}

fn faults_of_the_authority(i: &Issuers) -> Vec<Case> {
    let unknown = fault("AuthorityUnknown");
    let with_kid = |name, kid: &str, in_signature: bool| {
        let mut request = request();
        let header = if in_signature {
            &mut request.signature_header
        } else {
            &mut request.header
        };
        header.insert("kid".to_owned(), Some(json!(kid)));
        token_case(
            name,
            i.ps256.issue_token(&request).unwrap(),
            unknown.clone(),
        )
    };
    let one = i.ps256.issue_token(&request()).unwrap();
    let other = i.rs256.issue_token(&request()).unwrap();
    vec![
        token_case(
            "token_of_unknown_issuer",
            i.ps256
                .issue_token(&with_claim("iss", json!("https://tokens-65.example/")))
                .unwrap(),
            unknown.clone(),
        ),
        token_case(
            "token_names_the_issuer_of_another_authority",
            i.ps256
                .issue_token(&with_claim("iss", json!("https://tokens-87.example")))
                .unwrap(),
            unknown.clone(),
        ),
        with_kid("token_with_unknown_key_id", "tokens-65-rsa2", false),
        with_kid(
            "token_with_key_id_of_another_authority",
            "tokens-87-rsa",
            false,
        ),
        with_kid(
            "token_signature_with_key_id_of_another_authority",
            "tokens-87-pq",
            true,
        ),
        with_kid("token_key_ids_exchanged", "tokens-65-rsa", true),
        token_case(
            "token_halves_of_two_authorities",
            Token {
                token: one.token,
                signature: other.signature,
            },
            unknown.clone(),
        ),
    ]
}

fn faults_of_the_signatures(i: &Issuers) -> Vec<Case> {
    let good = i.ps256.issue_token(&request()).unwrap();
    let again = i.ps256.issue_token(&request()).unwrap();
    let header =
        |kid: &str, alg: &str, typ: &str| json!({ "alg": alg, "typ": typ, "kid": kid }).to_string();
    let signature_header = header("tokens-65-pq", "ML-DSA-65", "hybrid-identity-sig+jws");
    // The RSA half is made by another key of the same size and algorithm; the ML-DSA half is right.
    let other_rsa = i.legacy.issue_token(&{
        let mut request = with_claim("iss", json!("https://tokens-65.example"));
        request
            .header
            .insert("kid".to_owned(), Some(json!("tokens-65-rsa")));
        request
    });
    let other_rsa = other_rsa.unwrap().token;
    let other_rsa = Token {
        signature: i
            .ps256
            .sign_detached(&other_rsa, &signature_header)
            .unwrap(),
        token: other_rsa,
    };
    // The ML-DSA half is made by the other authority, which names itself as this one.
    let other_alternative = Token {
        signature: i
            .legacy
            .sign_detached(&good.token, &signature_header)
            .unwrap(),
        token: good.token.clone(),
    };
    let (message, rsa_signature) = good.token.rsplit_once('.').unwrap();
    let mut bytes = Base64UrlUnpadded::decode_vec(rsa_signature).unwrap();
    bytes[0] ^= 1;
    let changed = format!("{message}.{}", Base64UrlUnpadded::encode_string(&bytes));
    vec![
        token_case(
            "token_signature_of_another_token",
            Token {
                token: good.token.clone(),
                signature: again.signature,
            },
            fault("HybridSignatureInvalid"),
        ),
        token_case(
            "token_alternative_half_by_another_key",
            other_alternative,
            fault("HybridSignatureInvalid"),
        ),
        token_case(
            "token_rsa_signature_changed_afterwards",
            Token {
                token: changed.clone(),
                signature: good.signature,
            },
            fault("HybridSignatureInvalid"),
        ),
        token_case(
            "token_rsa_signature_broken",
            Token {
                signature: i.ps256.sign_detached(&changed, &signature_header).unwrap(),
                token: changed,
            },
            later_fault("ClassicalSignatureInvalid"),
        ),
        token_case(
            "token_rsa_half_by_another_key",
            other_rsa,
            later_fault("ClassicalSignatureInvalid"),
        ),
    ]
}

fn faults_of_the_headers(i: &Issuers) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, in_signature: bool, member: &str, value: Option<Value>| {
        let mut request = request();
        let header = if in_signature {
            &mut request.signature_header
        } else {
            &mut request.header
        };
        header.insert(member.to_owned(), value);
        let token = i.ps256.issue_token(&request).unwrap();
        cases.push(token_case(name, token, fault("AlgorithmRefused")));
    };
    add("token_alg_none", false, "alg", Some(json!("none")));
    add(
        "token_alg_of_another_padding",
        false,
        "alg",
        Some(json!("RS256")),
    );
    add("token_alg_hmac", false, "alg", Some(json!("HS256")));
    add(
        "token_alg_in_other_case",
        false,
        "alg",
        Some(json!("ps256")),
    );
    add("token_alg_missing", false, "alg", None);
    add("token_alg_no_text", false, "alg", Some(json!(["PS256"])));
    add("token_typ_missing", false, "typ", None);
    add("token_typ_jwt", false, "typ", Some(json!("JWT")));
    add(
        "token_typ_of_the_other_half",
        false,
        "typ",
        Some(json!("hybrid-identity-sig+jws")),
    );
    add("token_kid_missing", false, "kid", None);
    add("token_with_crit", false, "crit", Some(json!(["exp"])));
    add(
        "token_with_jwk",
        false,
        "jwk",
        Some(json!({ "kty": "RSA" })),
    );
    add(
        "token_with_jku",
        false,
        "jku",
        Some(json!("https://keys.example")),
    );
    add(
        "token_with_x5u",
        false,
        "x5u",
        Some(json!("https://keys.example")),
    );
    add("token_with_x5c", false, "x5c", Some(json!(["MAA="])));
    add("token_with_zip", false, "zip", Some(json!("DEF")));
    add(
        "signature_typ_of_the_other_half",
        true,
        "typ",
        Some(json!("hybrid-identity+jwt")),
    );
    add("signature_typ_missing", true, "typ", None);
    add(
        "signature_alg_of_another_level",
        true,
        "alg",
        Some(json!("ML-DSA-87")),
    );
    add(
        "signature_alg_pre_hashed",
        true,
        "alg",
        Some(json!("HashML-DSA-65")),
    );
    add("signature_with_b64", true, "b64", Some(json!(false)));
    add("signature_with_crit", true, "crit", Some(json!(["b64"])));
    cases
}

fn faults_of_the_form(i: &Issuers) -> Vec<Case> {
    let good = i.ps256.issue_token(&request()).unwrap();
    let malformed = |name: &str, token: &str, signature: &str| {
        let token = Token {
            token: token.to_owned(),
            signature: signature.to_owned(),
        };
        token_case(name, token, fault("Malformed"))
    };
    let header = r#"{"alg":"PS256","typ":"hybrid-identity+jwt","kid":"tokens-65-rsa"}"#;
    let signature_header =
        r#"{"alg":"ML-DSA-65","typ":"hybrid-identity-sig+jws","kid":"tokens-65-pq"}"#;
    let claims = r#"{"iss":"https://tokens-65.example"}"#;
    let signed = |name, header: &str, claims: &str, signature_header: &str| {
        let token = i.ps256.sign(header, claims, signature_header).unwrap();
        token_case(name, token, fault("Malformed"))
    };
    let twice = |text: &str, extra: &str| text.replace('}', extra);
    let (first, rest) = good.token.split_once('.').unwrap();
    // 256 bytes of signature end in a digit of which four bits do not count.
    let mut other_bits = good.token.clone();
    let last = other_bits.pop();
    other_bits.push(next_digit(last));
    vec![
        malformed("token_empty", "", &good.signature),
        malformed("signature_empty", &good.token, ""),
        malformed(
            "token_padded",
            &format!("{}==", good.token),
            &good.signature,
        ),
        malformed(
            "token_with_white_space",
            &format!("{} ", good.token),
            &good.signature,
        ),
        malformed(
            "token_with_bits_that_do_not_count",
            &other_bits,
            &good.signature,
        ),
        malformed("token_of_two_parts", rest, &good.signature),
        malformed(
            "token_of_four_parts",
            &format!("{first}.{}", good.token),
            &good.signature,
        ),
        malformed(
            "token_without_signature",
            &format!("{first}.{first}."),
            &good.signature,
        ),
        malformed(
            "token_not_ascii",
            &good.token.replacen('e', "é", 1),
            &good.signature,
        ),
        malformed(
            "token_in_another_alphabet",
            &good.token.replacen('e', "+", 1),
            &good.signature,
        ),
        malformed(
            "token_too_long",
            &format!("{}{}", good.token, "A".repeat(16384)),
            &good.signature,
        ),
        malformed(
            "signature_too_long",
            &good.token,
            &format!("{}{}", good.signature, "A".repeat(8192)),
        ),
        malformed(
            "signature_with_payload",
            &good.token,
            &good.signature.replace("..", ".e30."),
        ),
        malformed(
            "signature_of_one_part",
            &good.token,
            &good.signature.replace("..", ""),
        ),
        malformed(
            "signature_three_dots",
            &good.token,
            &good.signature.replace("..", "..."),
        ),
        signed(
            "token_header_member_twice",
            &twice(header, r#","alg":"PS256"}"#),
            claims,
            signature_header,
        ),
        signed(
            "token_claim_twice",
            header,
            &twice(claims, r#","iss":"a"}"#),
            signature_header,
        ),
        signed(
            "token_claim_twice_inside",
            header,
            &twice(claims, r#","a":[{"b":1,"b":2}]}"#),
            signature_header,
        ),
        signed(
            "signature_header_member_twice",
            header,
            claims,
            &twice(signature_header, r#","\u006bid":"a"}"#),
        ),
        signed("token_header_no_object", "[]", claims, signature_header),
        signed("token_claims_no_object", header, "null", signature_header),
        signed("token_claims_no_json", header, "iss", signature_header),
        signed(
            "token_claims_nested_deep",
            header,
            &twice(claims, r#","a":[[[[[[[[1]]]]]]]]}"#),
            signature_header,
        ),
    ]
}

fn next_digit(digit: Option<char>) -> char {
    match digit {
        Some('A') => 'B',
        Some('Q') => 'R',
        Some('g') => 'h',
        _ => 'x',
    }
}

fn faults_of_the_claims(i: &Issuers) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, request: &TokenRequest, expected: &str| {
        cases.push(token_case(
            name,
            i.ps256.issue_token(request).unwrap(),
            later_fault(expected),
        ));
    };
    let now = NOT_BEFORE_SECONDS;
    for (name, claim, value) in [
        ("token_without_sub", "sub", None),
        ("token_sub_no_spiffe_id", "sub", Some(json!("cart"))),
        ("token_without_aud", "aud", None),
        ("token_for_another_audience", "aud", Some(json!("mesh"))),
        (
            "token_for_other_audiences",
            "aud",
            Some(json!(["mesh", "other"])),
        ),
        ("token_for_no_audience", "aud", Some(json!([]))),
        ("token_aud_with_a_number", "aud", Some(json!([AUDIENCE, 1]))),
        ("token_without_iat", "iat", None),
        ("token_iat_text", "iat", Some(json!("1790000000"))),
        ("token_without_exp", "exp", None),
        ("token_exp_text", "exp", Some(json!("1790000300"))),
        ("token_exp_fraction", "exp", Some(json!(1_790_000_300.5))),
        ("token_exp_negative", "exp", Some(json!(-1))),
        ("token_exp_null", "exp", Some(Value::Null)),
        ("token_exp_is_iat", "exp", Some(json!(now))),
        ("token_exp_before_iat", "exp", Some(json!(now - 1))),
        ("token_lives_too_long", "exp", Some(json!(now + 3601))),
        ("token_nbf_null", "nbf", Some(Value::Null)),
        ("token_nbf_text", "nbf", Some(json!("1"))),
        ("token_nbf_after_exp", "nbf", Some(json!(now + 300))),
        ("token_without_jti", "jti", None),
        ("token_jti_empty", "jti", Some(json!(""))),
        ("token_jti_too_long", "jti", Some(json!("x".repeat(129)))),
        ("token_without_cnf", "cnf", None),
        (
            "token_cnf_without_thumbprint",
            "cnf",
            Some(json!({ "jkt": "x" })),
        ),
        (
            "token_model_digest_of_another_kind",
            "model_digest",
            Some(json!("sha512:00")),
        ),
        ("token_model_digest_null", "model_digest", Some(Value::Null)),
        (
            "token_image_digest_upper_case",
            "image_digest",
            Some(json!(format!("sha256:{}", "AA".repeat(32)))),
        ),
    ] {
        add(name, &with_claim(claim, value), "ClaimsInvalid");
    }
    let foreign = TokenRequest {
        subject: "spiffe://other.example/ns/a/sa/b".to_owned(),
        ..request()
    };
    add(
        "token_of_a_foreign_trust_domain",
        &foreign,
        "TrustDomainForeign",
    );
    let elsewhere = TokenRequest {
        certificate_sha256: [0x5b; 32],
        ..request()
    };
    add(
        "token_bound_to_another_certificate",
        &elsewhere,
        "BindingMismatch",
    );
    let padded = json!({ "x5t#S256": format!("{}=", Base64UrlUnpadded::encode_string(&BINDING)) });
    add(
        "token_binding_padded",
        &with_claim("cnf", padded),
        "BindingMismatch",
    );
    for (name, value) in [
        ("token_without_iss", None),
        ("token_iss_no_text", Some(json!(1))),
    ] {
        let token = i.ps256.issue_token(&with_claim("iss", value)).unwrap();
        cases.push(token_case(name, token, fault("ClaimsInvalid")));
    }
    cases
}
