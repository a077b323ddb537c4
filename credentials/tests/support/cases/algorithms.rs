//! Cases with the algorithms beside RSA and ML-DSA-65: authorities with ECDSA keys, each level of
//! ML-DSA, and leaves with an ML-DSA key of their own.

use sallyport_credentials::issue::{
    AlternativeSignature, AuthorityKey, AuthorityOptions, ClassicalAuthority, HybridAuthority,
    Leaf, LeafKey, LeafRequest,
};
use sallyport_engine::policy::raw::{self, AlternativeAlgorithm};

use super::super::forge::{self, Forge, ForgeKeys, tlv};
use super::certificates::{credential, pem, request};
use super::{
    Case, Corpus, Expected, Input, TRUST_DOMAIN, case, certificates_only, fault, later_fault,
    options,
};

/// Pins all authorities, with ML-DSA-44 as the least level.
const SET: &str = "algorithms";
/// Pins `p256` alone, with the usual least level.
const USUAL_LEVEL: &str = "algorithms-usual-level";
const TRUE: Option<u8> = Some(0xff);
const ECDSA_SHA384: &[u8] = &[
    0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03,
];
const ECDSA_SHA512: &[u8] = &[
    0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04,
];
const ECDSA_SHA256_WITH_NULL: &[u8] = &[
    0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02, 0x05, 0x00,
];

struct Authorities {
    p256: HybridAuthority,
    p384: HybridAuthority,
    level_44: HybridAuthority,
    classical: ClassicalAuthority,
    /// Not pinned.
    stranger: ClassicalAuthority,
    p256_keys: ForgeKeys,
    p384_keys: ForgeKeys,
}

pub(super) fn add(corpus: &mut Corpus) {
    let a = Authorities::generate();
    let pin = |name, authority: &HybridAuthority| authority.to_policy(name, TRUST_DOMAIN).unwrap();
    let pinned = vec![
        pin("p256-ca", &a.p256),
        pin("p384-ca", &a.p384),
        pin("level-44-ca", &a.level_44),
        a.classical.to_policy("classical-p256-ca", TRUST_DOMAIN),
    ];
    let lowest = raw::Authorities {
        minimum_alternative_level: Some(AlternativeAlgorithm::MlDsa44),
        ..certificates_only(pinned)
    };
    let usual = certificates_only(vec![pin("p256-ca", &a.p256)]);
    corpus.authorities.insert(SET.to_owned(), lowest);
    corpus.authorities.insert(USUAL_LEVEL.to_owned(), usual);
    corpus.cases.extend(authorities_of_each_kind(&a));
    corpus.cases.extend(faults_of_ecdsa(&a));
    corpus.cases.extend(ml_dsa_leaves(&a));
    corpus.cases.extend(faults_of_ml_dsa_leaves(&a));
    corpus.cases.extend(faults_of_ml_dsa_keys(&a));
}

impl Authorities {
    fn generate() -> Self {
        use AlternativeAlgorithm::{MlDsa44, MlDsa65, MlDsa87};
        let with = |name, key, level| AuthorityOptions {
            key,
            ..options(name, level)
        };
        let hybrid = |name, key, level| HybridAuthority::generate(&with(name, key, level)).unwrap();
        let classical = |name| {
            let options = with(name, AuthorityKey::EcdsaP256, MlDsa65);
            ClassicalAuthority::generate(&options).unwrap()
        };
        let p256 = hybrid("p256", AuthorityKey::EcdsaP256, MlDsa65);
        let p384 = hybrid("p384", AuthorityKey::EcdsaP384, MlDsa87);
        Self {
            p256_keys: ForgeKeys::hybrid(&p256, MlDsa65),
            p384_keys: ForgeKeys::hybrid(&p384, MlDsa87),
            p256,
            p384,
            level_44: hybrid("level 44", AuthorityKey::Rsa, MlDsa44),
            classical: classical("classical p256"),
            stranger: classical("stranger"),
        }
    }
}

fn of_kind(key: LeafKey) -> LeafRequest {
    LeafRequest { key, ..request() }
}

fn without_alternative(key: LeafKey) -> LeafRequest {
    LeafRequest {
        alternative: AlternativeSignature::Absent,
        ..of_kind(key)
    }
}

fn leaf_case(name: &str, leaf: &Leaf, expected: Expected) -> Case {
    der_case(name, &leaf.certificate_der, expected)
}

fn der_case(name: &str, der: &[u8], expected: Expected) -> Case {
    case(name, SET, Input::Certificate { pem: pem(der) }, expected)
}

fn authorities_of_each_kind(a: &Authorities) -> Vec<Case> {
    vec![
        leaf_case(
            "certificate_hybrid_of_p256_authority",
            &a.p256.issue_leaf(&request()).unwrap(),
            credential("hybrid", Some("p256-ca")),
        ),
        leaf_case(
            "certificate_hybrid_of_p384_authority",
            &a.p384.issue_leaf(&of_kind(LeafKey::EcdsaP384)).unwrap(),
            credential("hybrid", Some("p384-ca")),
        ),
        leaf_case(
            "certificate_hybrid_44",
            &a.level_44.issue_leaf(&request()).unwrap(),
            credential("hybrid", Some("level-44-ca")),
        ),
        leaf_case(
            "certificate_classical_of_p256_authority",
            &a.classical.issue_leaf(&of_kind(LeafKey::Rsa2048)).unwrap(),
            credential("classical", Some("classical-p256-ca")),
        ),
        der_case(
            "certificate_hybrid_of_p256_authority_forged_like_issued",
            &base(a, LeafKey::EcdsaP256)
                .sign_alternative(&a.p256_keys, b"")
                .sign(&a.p256_keys),
            credential("hybrid", Some("p256-ca")),
        ),
    ]
}

fn base(a: &Authorities, key: LeafKey) -> Forge {
    Forge::new(&a.p256.issue_leaf(&of_kind(key)).unwrap().certificate_der)
}

fn faults_of_ecdsa(a: &Authorities) -> Vec<Case> {
    let base = base(a, LeafKey::EcdsaP256);
    let named = |name, identifier: &[u8], expected| {
        let der = base.clone().algorithm(identifier).sign(&a.p256_keys);
        der_case(name, &der, later_fault(expected))
    };
    let signature = a
        .p256_keys
        .sign_classical(&base.tbs(), &ring::signature::RSA_PKCS1_SHA256);
    let fixed: Vec<u8> = forge::split(forge::contents(&signature))
        .iter()
        .flat_map(|number| {
            let digits: Vec<u8> = [vec![0; 32], forge::contents(number).to_vec()].concat();
            digits[digits.len() - 32..].to_vec()
        })
        .collect();
    let longer = [&signature[..], &[0]].concat();
    let zero = tlv(0x30, &[tlv(0x02, &[0]), tlv(0x02, &[0])].concat());
    let with = |name, signature: &[u8]| {
        let der = base.with_classical_signature(signature);
        der_case(name, &der, later_fault("ClassicalSignatureInvalid"))
    };
    vec![
        named(
            "certificate_of_p256_authority_names_rsa",
            forge::SHA256_WITH_RSA,
            "AlgorithmRefused",
        ),
        named(
            "certificate_of_p256_authority_names_sha512",
            ECDSA_SHA512,
            "AlgorithmRefused",
        ),
        named(
            "certificate_of_p256_authority_names_parameters",
            ECDSA_SHA256_WITH_NULL,
            "AlgorithmRefused",
        ),
        named(
            "certificate_of_p256_authority_names_another_hash",
            ECDSA_SHA384,
            "ClassicalSignatureInvalid",
        ),
        der_case(
            "certificate_of_p256_authority_signed_by_another",
            &base.sign(&a.p384_keys),
            later_fault("ClassicalSignatureInvalid"),
        ),
        with(
            "certificate_of_p256_authority_signature_without_der",
            &fixed,
        ),
        with("certificate_of_p256_authority_signature_too_long", &longer),
        with("certificate_of_p256_authority_signature_of_zeros", &zero),
        with("certificate_of_p256_authority_signature_empty", &[]),
    ]
}

fn ml_dsa_leaves(a: &Authorities) -> Vec<Case> {
    let proven = credential("hybridProven", Some("p256-ca"));
    let of_44 = a.p256.issue_leaf(&of_kind(LeafKey::MlDsa44)).unwrap();
    let of_65 = a.p256.issue_leaf(&of_kind(LeafKey::MlDsa65)).unwrap();
    let of_87 = a.p256.issue_leaf(&of_kind(LeafKey::MlDsa87)).unwrap();
    let at_usual_level = |name, leaf: &Leaf, expected| {
        let pem = leaf.certificate_pem.clone();
        case(name, USUAL_LEVEL, Input::Certificate { pem }, expected)
    };
    let forged = Forge::new(&of_65.certificate_der)
        .sign_alternative(&a.p256_keys, b"")
        .sign(&a.p256_keys);
    vec![
        leaf_case("certificate_ml_dsa_44", &of_44, proven.clone()),
        leaf_case("certificate_ml_dsa_65", &of_65, proven.clone()),
        leaf_case("certificate_ml_dsa_87", &of_87, proven.clone()),
        der_case(
            "certificate_ml_dsa_forged_like_issued",
            &forged,
            proven.clone(),
        ),
        at_usual_level(
            "certificate_ml_dsa_44_below_the_least_level",
            &of_44,
            credential("hybrid", Some("p256-ca")),
        ),
        at_usual_level("certificate_ml_dsa_65_at_the_least_level", &of_65, proven),
        leaf_case(
            "certificate_ml_dsa_of_rsa_authority",
            &a.level_44.issue_leaf(&of_kind(LeafKey::MlDsa65)).unwrap(),
            credential("hybridProven", Some("level-44-ca")),
        ),
        leaf_case(
            "certificate_ml_dsa_of_classical_authority",
            &a.classical.issue_leaf(&of_kind(LeafKey::MlDsa65)).unwrap(),
            credential("classical", Some("classical-p256-ca")),
        ),
        leaf_case(
            "certificate_ml_dsa_of_unpinned_authority",
            &a.stranger.issue_leaf(&of_kind(LeafKey::MlDsa65)).unwrap(),
            fault("AuthorityUnknown"),
        ),
    ]
}

fn faults_of_ml_dsa_leaves(a: &Authorities) -> Vec<Case> {
    let base = base(a, LeafKey::MlDsa65);
    let stripped = a.p256.issue_leaf(&without_alternative(LeafKey::MlDsa65));
    let mut other_key = base.clone();
    let last = other_key.public_key.len() - 1;
    other_key.public_key[last] ^= 1;
    let other_algorithm = |name, number| {
        let mut identifier = forge::ML_DSA_65.to_vec();
        identifier[12] = number;
        let forged = base.clone().replace(73, None, &identifier);
        let der = forged
            .sign_alternative(&a.p256_keys, b"")
            .sign(&a.p256_keys);
        der_case(name, &der, fault("AlgorithmRefused"))
    };
    vec![
        leaf_case(
            "certificate_ml_dsa_without_alternative_signature",
            &stripped.unwrap(),
            fault("HybridSignatureMissing"),
        ),
        der_case(
            "certificate_ml_dsa_alternative_signature_over_other_bytes",
            &base
                .clone()
                .replace(73, None, forge::ML_DSA_65)
                .with_alternative_signature(
                    &ForgeKeys::hybrid(&a.p256, AlternativeAlgorithm::MlDsa65)
                        .sign_alternative(b"another certificate", b""),
                )
                .sign(&a.p256_keys),
            fault("HybridSignatureInvalid"),
        ),
        der_case(
            "certificate_ml_dsa_with_another_key_than_signed",
            &other_key.sign(&a.p256_keys),
            fault("HybridSignatureInvalid"),
        ),
        der_case(
            "certificate_ml_dsa_classical_half_of_another_authority",
            &base.sign(&a.p384_keys),
            later_fault("ClassicalSignatureInvalid"),
        ),
        other_algorithm("certificate_alternative_algorithm_hash_ml_dsa_44", 0x20),
        other_algorithm("certificate_alternative_algorithm_hash_ml_dsa_65", 0x21),
        other_algorithm("certificate_alternative_algorithm_hash_ml_dsa_87", 0x22),
    ]
}

/// Both halves are made for each of these, so only the profile stands against it.
fn faults_of_ml_dsa_keys(a: &Authorities) -> Vec<Case> {
    let base = base(a, LeafKey::MlDsa65);
    let signed = |name, forge: Forge| {
        let der = forge.sign_alternative(&a.p256_keys, b"").sign(&a.p256_keys);
        der_case(name, &der, fault("Malformed"))
    };
    let key = |name, number: u8, parameters: &[u8], length: usize| {
        let object = [
            &[
                0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, number,
            ],
            parameters,
        ];
        let bits = tlv(0x03, &[&[0][..], &vec![7; length]].concat());
        let public_key = tlv(0x30, &[tlv(0x30, &object.concat()), bits].concat());
        signed(
            name,
            Forge {
                public_key,
                ..base.clone()
            },
        )
    };
    let usage = |name, bits: &[u8]| signed(name, base.clone().replace(15, TRUE, bits));
    vec![
        key("certificate_hash_ml_dsa_44_key", 0x20, &[], 1312),
        key("certificate_hash_ml_dsa_65_key", 0x21, &[], 1952),
        key("certificate_hash_ml_dsa_87_key", 0x22, &[], 2592),
        key(
            "certificate_ml_dsa_key_with_parameters",
            0x12,
            &[5, 0],
            1952,
        ),
        key("certificate_ml_dsa_key_too_short", 0x12, &[], 1951),
        key("certificate_ml_dsa_key_too_long", 0x12, &[], 1953),
        key("certificate_ml_dsa_key_of_another_level", 0x12, &[], 2592),
        usage("certificate_ml_dsa_may_encipher_keys", &[3, 2, 5, 0xa0]),
        usage("certificate_ml_dsa_may_encipher_data", &[3, 2, 4, 0x90]),
        usage("certificate_ml_dsa_may_agree_on_keys", &[3, 2, 3, 0x88]),
        usage("certificate_ml_dsa_may_not_sign", &[3, 2, 6, 0x40]),
    ]
}
