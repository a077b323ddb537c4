//! Makes credentials of every pair of algorithms for `bench-credentials`: `make-credentials <file>`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a tool that may stop"
)]

#[path = "../../../credentials/tests/support/forge.rs"]
#[expect(dead_code, reason = "only what takes certificates apart is needed")]
mod forge;

use base64ct::{Base64UrlUnpadded, Encoding};
use forge::{Forge, contents, split};
use sallyport_bench::case::{Alternative, Case, Classical, Input, Signed};
use sallyport_credentials::issue::{
    AuthorityKey, AuthorityOptions, HybridAuthority, LeafRequest, RsaBits, TokenIssuer,
    TokenIssuerOptions, TokenRequest,
};
use sallyport_engine::policy::raw::{
    AlternativeAlgorithm, AlternativeTokenAlgorithm, Authorities, ClassicalTokenAlgorithm, Material,
};
use sallyport_engine::time::TimeMs;

const START: TimeMs = TimeMs::from_seconds(1_790_000_000);
const END: TimeMs = TimeMs::from_seconds(1_790_086_400);
const SUBJECT: &str = "spiffe://cluster.local/ns/shop/sa/cart";
const BITS: [(RsaBits, &str); 3] = [
    (RsaBits::Bits2048, "RSA-2048"),
    (RsaBits::Bits3072, "RSA-3072"),
    (RsaBits::Bits4096, "RSA-4096"),
];
const ALTERNATIVE_SIGNATURE: u8 = 74;

fn main() {
    let path = std::env::args().nth(1).unwrap();
    let mut cases = Vec::new();
    let usual = RsaBits::Bits2048;
    let rsa = BITS.map(|(bits, name)| (AuthorityKey::Rsa, bits, name, Classical::Pkcs1));
    let ecdsa = [
        (AuthorityKey::EcdsaP256, usual, "P-256", Classical::P256),
        (AuthorityKey::EcdsaP384, usual, "P-384", Classical::P384),
    ];
    for (key, rsa_bits, name, classical) in rsa.into_iter().chain(ecdsa) {
        for (algorithm, alternative) in [
            (AlternativeAlgorithm::MlDsa44, Alternative::MlDsa44),
            (AlternativeAlgorithm::MlDsa65, Alternative::MlDsa65),
            (AlternativeAlgorithm::MlDsa87, Alternative::MlDsa87),
        ] {
            let options = AuthorityOptions {
                key,
                rsa_bits,
                algorithm,
                ..AuthorityOptions::new("bench", START, END)
            };
            let name = format!("certificate {name} + {alternative:?}");
            cases.push(certificate(name, &options, classical, alternative));
        }
    }
    for (rsa_bits, name) in BITS {
        for (algorithm, alternative) in [
            (AlternativeTokenAlgorithm::MlDsa44, Alternative::MlDsa44),
            (AlternativeTokenAlgorithm::MlDsa65, Alternative::MlDsa65),
            (AlternativeTokenAlgorithm::MlDsa87, Alternative::MlDsa87),
            (
                AlternativeTokenAlgorithm::Dilithium5,
                Alternative::Dilithium5,
            ),
        ] {
            let name = format!("token PS256 {name} + {alternative:?}");
            cases.push(token(name, rsa_bits, algorithm, alternative));
        }
    }
    std::fs::write(path, serde_json::to_string(&cases).unwrap()).unwrap();
}

fn certificate(
    name: String,
    options: &AuthorityOptions,
    classical: Classical,
    alternative: Alternative,
) -> Case {
    let authority = HybridAuthority::generate(options).unwrap();
    let request = LeafRequest::new(SUBJECT.parse().unwrap(), START, END);
    let leaf = authority.issue_leaf(&request).unwrap();
    let pin = authority.to_policy("bench", "cluster.local").unwrap();
    let forge = Forge::new(&leaf.certificate_der);
    let place = forge
        .extensions
        .iter()
        .find(|extension| extension.number == ALTERNATIVE_SIGNATURE);
    let value = split(contents(&place.unwrap().raw)).pop().unwrap();
    Case {
        name,
        classical: Signed {
            algorithm: classical,
            key: bits_of_key(&Forge::new(authority.certificate_der()).public_key),
            message: forge.tbs(),
            signature: bits(&split(contents(&leaf.certificate_der))[2]),
        },
        alternative: Signed {
            algorithm: alternative,
            key: pinned(&pin.alternative_key.as_ref().unwrap().public_key),
            message: forge.pre_tbs(),
            signature: bits(contents(&value)),
        },
        authorities: Authorities {
            certificates: Some(vec![pin]),
            minimum_alternative_level: Some(AlternativeAlgorithm::MlDsa44),
            ..Authorities::default()
        },
        input: Input::Certificate(leaf.certificate_pem),
    }
}

fn token(
    name: String,
    rsa_bits: RsaBits,
    algorithm: AlternativeTokenAlgorithm,
    alternative: Alternative,
) -> Case {
    let issuer = TokenIssuer::generate(TokenIssuerOptions {
        name: "bench".to_owned(),
        trust_domain: "cluster.local".to_owned(),
        issuer: "https://tokens.example".to_owned(),
        audience: "mesh".to_owned(),
        classical_algorithm: ClassicalTokenAlgorithm::PS256,
        algorithm,
        rsa_bits,
        maximum_lifetime_seconds: None,
    })
    .unwrap();
    let certificate_sha256 = [7; 32];
    let request = TokenRequest::new(SUBJECT, certificate_sha256, 1_790_000_000);
    let token = issuer.issue_token(&request).unwrap();
    let pin = issuer.to_policy();
    let (message, signature) = token.token.rsplit_once('.').unwrap();
    let (head, detached) = token.signature.split_once("..").unwrap();
    let covered = Base64UrlUnpadded::encode_string(token.token.as_bytes());
    Case {
        name,
        classical: Signed {
            algorithm: Classical::Pss,
            key: pinned(&pin.classical_key.public_key),
            message: message.into(),
            signature: Base64UrlUnpadded::decode_vec(signature).unwrap(),
        },
        alternative: Signed {
            algorithm: alternative,
            key: pinned(&pin.alternative_key.public_key),
            message: format!("{head}.{covered}").into(),
            signature: Base64UrlUnpadded::decode_vec(detached).unwrap(),
        },
        authorities: Authorities {
            tokens: Some(vec![pin]),
            minimum_alternative_level: Some(AlternativeAlgorithm::MlDsa44),
            ..Authorities::default()
        },
        input: Input::Token {
            token: token.token,
            signature: token.signature,
            certificate_sha256,
        },
    }
}

/// The bytes of a pinned public key. That of `Dilithium5` has no `SubjectPublicKeyInfo` around it.
fn pinned(material: &Material) -> Vec<u8> {
    let Material::Inline(text) = material else {
        panic!("issuers give keys inline");
    };
    let (label, bytes) = pem_rfc7468::decode_vec(text.as_bytes()).unwrap();
    match label {
        "PUBLIC KEY" => bits_of_key(&bytes),
        _ => bytes,
    }
}

fn bits_of_key(spki: &[u8]) -> Vec<u8> {
    bits(&split(contents(spki))[1])
}

/// The contents of a BIT STRING, after the number of unused bits.
fn bits(element: &[u8]) -> Vec<u8> {
    contents(element)[1..].to_vec()
}
