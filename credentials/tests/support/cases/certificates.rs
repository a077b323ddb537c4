//! Cases with certificates.

use ring::signature::{
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
};
use sallyport_credentials::issue::{
    AlternativeSignature, ClassicalAuthority, HybridAuthority, Leaf, LeafKey, LeafRequest,
};
use sallyport_engine::policy::raw::AlternativeAlgorithm;
use sallyport_engine::time::TimeMs;

use super::super::forge::{self, Forge, ForgeKeys, tlv};
use super::{
    Case, Corpus, Expected, Input, NOT_AFTER_SECONDS, NOT_BEFORE_SECONDS, SUBJECT, TRUST_DOMAIN,
    case, certificates_only, fault, later_fault, options,
};

const SET: &str = "certificates";
const ML_DSA_65_WITH_NULL: &[u8] = &[
    0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12, 0x05, 0x00,
];
const ML_DSA_87: &[u8] = &[
    0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x13,
];
const ECDSA_SHA256: &[u8] = &[
    0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02,
];
const TRUE: Option<u8> = Some(0xff);

struct Authorities {
    hybrid: HybridAuthority,
    hybrid_87: HybridAuthority,
    classical: ClassicalAuthority,
    strange: HybridAuthority,
    keys: ForgeKeys,
    keys_87: ForgeKeys,
    classical_keys: ForgeKeys,
}

pub(super) fn add(corpus: &mut Corpus) {
    let hybrid = HybridAuthority::generate(&options("mesh", AlternativeAlgorithm::MlDsa65));
    let hybrid = hybrid.unwrap();
    let hybrid_87 = HybridAuthority::generate(&options("mesh 87", AlternativeAlgorithm::MlDsa87));
    let hybrid_87 = hybrid_87.unwrap();
    let classical = ClassicalAuthority::generate(&options("old", AlternativeAlgorithm::MlDsa65));
    let classical = classical.unwrap();
    // It has the name of the pinned one, and other keys.
    let strange = HybridAuthority::generate(&options("mesh", AlternativeAlgorithm::MlDsa65));
    let strange = strange.unwrap();
    let pinned = vec![
        hybrid.to_policy("mesh-ca", TRUST_DOMAIN).unwrap(),
        hybrid_87.to_policy("mesh-ca-87", TRUST_DOMAIN).unwrap(),
        classical.to_policy("old-ca", TRUST_DOMAIN),
    ];
    corpus
        .authorities
        .insert(SET.to_owned(), certificates_only(pinned));
    let authorities = Authorities {
        keys: ForgeKeys::hybrid(&hybrid, AlternativeAlgorithm::MlDsa65),
        keys_87: ForgeKeys::hybrid(&hybrid_87, AlternativeAlgorithm::MlDsa87),
        classical_keys: ForgeKeys::classical(&classical),
        hybrid,
        hybrid_87,
        classical,
        strange,
    };
    corpus.cases.extend(accepted(&authorities));
    corpus.cases.extend(classical_only(&authorities));
    corpus.cases.extend(other_signature_schemes(&authorities));
    corpus
        .cases
        .extend(faults_of_the_alternative_half(&authorities));
    corpus.cases.extend(faults_of_the_authority(&authorities));
    corpus.cases.extend(faults_of_the_profile(&authorities));
    corpus.cases.extend(unreadable(&authorities));
    corpus.cases.extend(faults_of_pem(&authorities));
}

pub(super) fn request() -> LeafRequest {
    request_for(SUBJECT)
}

fn request_for(subject: &str) -> LeafRequest {
    LeafRequest::new(
        subject.parse().unwrap(),
        TimeMs::from_seconds(NOT_BEFORE_SECONDS),
        TimeMs::from_seconds(NOT_AFTER_SECONDS),
    )
}

fn base(authorities: &Authorities) -> Forge {
    Forge::new(
        &authorities
            .hybrid
            .issue_leaf(&request())
            .unwrap()
            .certificate_der,
    )
}

pub(super) fn credential(assurance: &str, authority: Option<&str>) -> Expected {
    Expected::Credential {
        assurance: assurance.to_owned(),
        authority: authority.map(str::to_owned),
        subject: SUBJECT.to_owned(),
        not_before_ms: NOT_BEFORE_SECONDS * 1000,
        not_after_ms: (NOT_AFTER_SECONDS + 1) * 1000,
    }
}

fn hybrid() -> Expected {
    credential("hybrid", Some("mesh-ca"))
}

pub(super) fn pem(der: &[u8]) -> String {
    pem_rfc7468::encode_string("CERTIFICATE", pem_rfc7468::LineEnding::LF, der).unwrap()
}

fn leaf_case(name: &str, leaf: &Leaf, expected: Expected) -> Case {
    case(
        name,
        SET,
        Input::Certificate {
            pem: leaf.certificate_pem.clone(),
        },
        expected,
    )
}

fn der_case(name: &str, der: &[u8], expected: Expected) -> Case {
    case(name, SET, Input::Certificate { pem: pem(der) }, expected)
}

fn accepted(a: &Authorities) -> Vec<Case> {
    let with = |change: fn(&mut LeafRequest)| {
        let mut request = request();
        change(&mut request);
        a.hybrid.issue_leaf(&request).unwrap()
    };
    let leaf = with(|_| {});
    let url_encoded = leaf.certificate_pem.replace('+', "%2B").replace('/', "%2F");
    let url_encoded = url_encoded
        .replace('=', "%3D")
        .replace(' ', "%20")
        .replace('\n', "%0A");
    vec![
        leaf_case("certificate_hybrid", &leaf, hybrid()),
        case(
            "certificate_hybrid_url_encoded",
            SET,
            Input::Certificate { pem: url_encoded },
            hybrid(),
        ),
        leaf_case(
            "certificate_hybrid_rsa_leaf",
            &with(|r| r.key = LeafKey::Rsa2048),
            hybrid(),
        ),
        leaf_case(
            "certificate_hybrid_with_own_alternative_key",
            &with(|r| r.own_alternative_key = true),
            hybrid(),
        ),
        leaf_case(
            "certificate_hybrid_with_dns_names",
            &with(|r| r.dns_names = vec!["cart.shop.svc".to_owned()]),
            hybrid(),
        ),
        leaf_case(
            "certificate_hybrid_87",
            &a.hybrid_87.issue_leaf(&request()).unwrap(),
            credential("hybrid", Some("mesh-ca-87")),
        ),
        der_case(
            "certificate_hybrid_forged_like_issued",
            &base(a).sign_alternative(&a.keys, b"").sign(&a.keys),
            hybrid(),
        ),
    ]
}

fn classical_only(a: &Authorities) -> Vec<Case> {
    let classical = a.classical.issue_leaf(&request()).unwrap();
    let with_extensions = Forge::new(&classical.certificate_der)
        .with(73, None, ML_DSA_87)
        .sign_alternative(&a.keys_87, b"")
        .sign(&a.classical_keys);
    let base = base(a);
    let other_key_id = tlv(0x30, &tlv(0x80, &[9; 20]));
    vec![
        leaf_case(
            "certificate_classical",
            &classical,
            credential("classical", Some("old-ca")),
        ),
        der_case(
            "certificate_classical_ignores_alternative_extensions_without_a_pin",
            &with_extensions,
            credential("classical", Some("old-ca")),
        ),
        leaf_case(
            "certificate_of_unpinned_hybrid_authority_with_a_pinned_name",
            &a.strange.issue_leaf(&request()).unwrap(),
            fault("AuthorityUnknown"),
        ),
        der_case(
            "certificate_with_other_authority_key_id",
            &base
                .clone()
                .replace(35, None, &other_key_id)
                .sign_alternative(&a.keys, b"")
                .sign(&a.keys),
            fault("AuthorityUnknown"),
        ),
        der_case(
            "certificate_without_authority_key_id",
            &base
                .without(35)
                .sign_alternative(&a.keys, b"")
                .sign(&a.keys),
            fault("AuthorityUnknown"),
        ),
    ]
}

fn other_signature_schemes(a: &Authorities) -> Vec<Case> {
    let pkcs1 = |number| {
        [
            &forge::SHA256_WITH_RSA[..12],
            &[number],
            &forge::SHA256_WITH_RSA[13..],
        ]
        .concat()
    };
    let sha = |number| {
        [
            &[
                0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, number,
            ][..],
            &[0x05, 0x00],
        ]
        .concat()
    };
    let pss = |number, salt| {
        let mgf = [
            &[
                0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08,
            ][..],
            &sha(number),
        ]
        .concat();
        let parameters = [
            tlv(0xa0, &sha(number)),
            tlv(0xa1, &tlv(0x30, &mgf)),
            tlv(0xa2, &[0x02, 0x01, salt]),
        ];
        let id = [
            0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a,
        ];
        tlv(0x30, &[&id[..], &tlv(0x30, &parameters.concat())].concat())
    };
    let base = base(a);
    let sign = |name, identifier: Vec<u8>, padding, expected| {
        let forge = base
            .clone()
            .algorithm(&identifier)
            .sign_alternative(&a.keys, b"");
        der_case(name, &forge.sign_with(&a.keys, padding), expected)
    };
    vec![
        sign(
            "certificate_rsa_sha384",
            pkcs1(0x0c),
            &RSA_PKCS1_SHA384,
            hybrid(),
        ),
        sign(
            "certificate_rsa_sha512",
            pkcs1(0x0d),
            &RSA_PKCS1_SHA512,
            hybrid(),
        ),
        sign(
            "certificate_pss_sha256",
            pss(1, 32),
            &RSA_PSS_SHA256,
            hybrid(),
        ),
        sign(
            "certificate_pss_sha384",
            pss(2, 48),
            &RSA_PSS_SHA384,
            hybrid(),
        ),
        sign(
            "certificate_pss_sha512",
            pss(3, 64),
            &RSA_PSS_SHA512,
            hybrid(),
        ),
        sign(
            "certificate_pss_with_unusual_salt_length",
            pss(1, 20),
            &RSA_PSS_SHA256,
            later_fault("AlgorithmRefused"),
        ),
        sign(
            "certificate_rsa_sha1",
            pkcs1(0x05),
            &RSA_PKCS1_SHA384,
            later_fault("AlgorithmRefused"),
        ),
        sign(
            "certificate_algorithm_of_another_key_type",
            ECDSA_SHA256.to_vec(),
            &RSA_PKCS1_SHA384,
            later_fault("AlgorithmRefused"),
        ),
        sign(
            "certificate_signed_with_another_hash_than_named",
            pkcs1(0x0c),
            &RSA_PKCS1_SHA512,
            later_fault("ClassicalSignatureInvalid"),
        ),
    ]
}

fn faults_of_the_alternative_half(a: &Authorities) -> Vec<Case> {
    let base = base(a);
    let signed =
        |name, forge: Forge, expected| der_case(name, &forge.sign(&a.keys), fault(expected));
    let short = a.keys.sign_alternative(&base.pre_tbs(), b"")[1..].to_vec();
    let wrong_preimage = a
        .keys
        .sign_alternative(&base.pre_tbs_with_signature_field(), b"");
    let strange_keys = ForgeKeys::hybrid(&a.strange, AlternativeAlgorithm::MlDsa65);
    let absent = LeafRequest {
        alternative: AlternativeSignature::Absent,
        ..request()
    };
    let unused_bits = tlv(0x03, &[&[1][..], &[0; 3309]].concat());
    vec![
        leaf_case(
            "certificate_without_alternative_signature",
            &a.hybrid.issue_leaf(&absent).unwrap(),
            fault("HybridSignatureMissing"),
        ),
        signed(
            "certificate_signature_stripped_and_signed_again",
            base.clone().without(74),
            "HybridSignatureMissing",
        ),
        signed(
            "certificate_algorithm_stripped_and_signed_again",
            base.clone().without(73),
            "HybridSignatureMissing",
        ),
        signed(
            "certificate_alternative_half_of_another_authority",
            base.clone().sign_alternative(&strange_keys, b""),
            "HybridSignatureInvalid",
        ),
        signed(
            "certificate_alternative_signature_with_a_context",
            base.clone().sign_alternative(&a.keys, b"x"),
            "HybridSignatureInvalid",
        ),
        signed(
            "certificate_alternative_signature_over_another_preimage",
            base.clone().with_alternative_signature(&wrong_preimage),
            "HybridSignatureInvalid",
        ),
        signed(
            "certificate_alternative_signature_too_short",
            base.clone().with_alternative_signature(&short),
            "HybridSignatureInvalid",
        ),
        signed(
            "certificate_alternative_signature_before_a_change",
            base.clone().replace(
                17,
                TRUE,
                &tlv(0x30, &tlv(0x86, b"spiffe://cluster.local/ns/shop/sa/bank")),
            ),
            "HybridSignatureInvalid",
        ),
        signed(
            "certificate_alternative_signature_with_unused_bits",
            base.clone().replace(74, None, &unused_bits),
            "Malformed",
        ),
        signed(
            "certificate_alternative_algorithm_of_another_level",
            base.clone()
                .replace(73, None, ML_DSA_87)
                .sign_alternative(&a.keys, b""),
            "AlgorithmRefused",
        ),
        signed(
            "certificate_alternative_algorithm_with_parameters",
            base.clone()
                .replace(73, None, ML_DSA_65_WITH_NULL)
                .sign_alternative(&a.keys, b""),
            "AlgorithmRefused",
        ),
    ]
}

fn faults_of_the_authority(a: &Authorities) -> Vec<Case> {
    let base = base(a);
    let foreign = a
        .hybrid
        .issue_leaf(&request_for("spiffe://other.example/ns/shop/sa/cart"));
    vec![
        leaf_case(
            "certificate_of_a_foreign_trust_domain",
            &foreign.unwrap(),
            fault("TrustDomainForeign"),
        ),
        der_case(
            "certificate_classical_half_of_another_authority",
            &base.sign(&a.classical_keys),
            later_fault("ClassicalSignatureInvalid"),
        ),
    ]
}

fn faults_of_the_profile(a: &Authorities) -> Vec<Case> {
    let base = base(a);
    let signed = |name, forge: Forge| {
        let der = forge.sign_alternative(&a.keys, b"").sign(&a.keys);
        der_case(name, &der, fault("Malformed"))
    };
    let signature = base
        .extensions
        .iter()
        .find(|e| e.number == 74)
        .unwrap()
        .raw
        .clone();
    let mut critical = Vec::new();
    for (number, name) in [
        (73, "certificate_critical_alternative_algorithm"),
        (74, "certificate_critical_alternative_signature"),
    ] {
        let value = match number {
            73 => forge::contents(
                &forge::split(forge::contents(
                    &base.extensions.iter().find(|e| e.number == 73).unwrap().raw,
                ))[1],
            )
            .to_vec(),
            _ => forge::contents(&forge::split(forge::contents(&signature))[1]).to_vec(),
        };
        let forged = base.clone().replace(number, TRUE, &value);
        critical.push(der_case(name, &forged.sign(&a.keys), fault("Malformed")));
    }
    let mut twice = base.clone();
    twice.extensions.push(
        twice
            .extensions
            .iter()
            .find(|e| e.number == 74)
            .unwrap()
            .clone(),
    );
    let twice = der_case(
        "certificate_two_alternative_signatures",
        &twice.sign(&a.keys),
        fault("Malformed"),
    );
    let mut other_inner = base.clone();
    other_inner.inner_algorithm[12] = 0x0c;
    let weak_key = {
        let mut modulus = vec![0x00, 0xc1];
        modulus.extend([0x55; 127]);
        let key = [tlv(0x02, &modulus), vec![0x02, 0x03, 0x01, 0x00, 0x01]].concat();
        let algorithm = [&forge::SHA256_WITH_RSA[..12], &[0x01, 0x05, 0x00]].concat();
        let bits = tlv(0x03, &[&[0][..], &tlv(0x30, &key)].concat());
        tlv(0x30, &[algorithm, bits].concat())
    };
    let mut cases = vec![
        signed("certificate_without_key_usage", base.clone().without(15)),
        signed(
            "certificate_key_usage_not_critical",
            base.clone().replace(15, None, &[0x03, 0x02, 0x07, 0x80]),
        ),
        signed(
            "certificate_key_usage_without_digital_signature",
            base.clone().replace(15, TRUE, &[0x03, 0x02, 0x05, 0x20]),
        ),
        signed(
            "certificate_may_sign_certificates",
            base.clone().replace(15, TRUE, &[0x03, 0x02, 0x02, 0x84]),
        ),
        signed(
            "certificate_may_sign_revocation_lists",
            base.clone().replace(15, TRUE, &[0x03, 0x02, 0x01, 0x82]),
        ),
        signed(
            "certificate_of_an_authority",
            base.clone()
                .replace(19, TRUE, &[0x30, 0x03, 0x01, 0x01, 0xff]),
        ),
        signed(
            "certificate_for_servers_only",
            base.clone().replace(
                37,
                None,
                &[0x30, 0x0a, 0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 3, 1],
            ),
        ),
        signed(
            "certificate_unknown_critical_extension",
            base.clone().with(99, TRUE, &[5, 0]),
        ),
        signed(
            "certificate_extension_twice",
            base.clone().with(15, TRUE, &[3, 2, 7, 0x80]),
        ),
        signed(
            "certificate_critical_own_alternative_key",
            base.clone().with(72, TRUE, &[5, 0]),
        ),
        signed("certificate_inner_algorithm_differs", other_inner),
        signed(
            "certificate_weak_key",
            Forge {
                public_key: weak_key,
                ..base
            },
        ),
        twice,
    ];
    cases.append(&mut critical);
    cases
}

fn unreadable(a: &Authorities) -> Vec<Case> {
    let base = base(a);
    let names = |list: &[&str]| {
        let names: Vec<u8> = list
            .iter()
            .flat_map(|uri| tlv(0x86, uri.as_bytes()))
            .collect();
        tlv(0x30, &names)
    };
    let signed = |name, forge: Forge| {
        let der = forge.sign_alternative(&a.keys, b"").sign(&a.keys);
        der_case(name, &der, Expected::Unreadable)
    };
    let whole = base.sign(&a.keys);
    let long_length = {
        let length = u16::from_be_bytes([whole[2], whole[3]]).to_be_bytes();
        [&[0x30, 0x83, 0x00][..], &length, &whole[4..]].concat()
    };
    let indefinite = [&[0x30, 0x80][..], &whole[4..], &[0, 0]].concat();
    vec![
        signed(
            "certificate_two_uri_names",
            base.clone().replace(17, TRUE, &names(&[SUBJECT, SUBJECT])),
        ),
        signed("certificate_without_names", base.clone().without(17)),
        signed(
            "certificate_with_dns_name_only",
            base.clone()
                .replace(17, TRUE, &tlv(0x30, &tlv(0x82, b"cart"))),
        ),
        signed(
            "certificate_names_no_spiffe_id",
            base.clone().replace(17, TRUE, &names(&["https://cart"])),
        ),
        signed(
            "certificate_names_a_trust_domain",
            base.clone()
                .replace(17, TRUE, &names(&["spiffe://cluster.local"])),
        ),
        signed(
            "certificate_name_with_zero_byte",
            base.clone()
                .replace(17, TRUE, &names(&["spiffe://cluster.local/a\0b"])),
        ),
        signed(
            "certificate_names_twice",
            base.clone().with(17, TRUE, &names(&[SUBJECT])),
        ),
        signed(
            "certificate_critical_false_written_out",
            base.clone().replace(73, Some(0x00), ML_DSA_87),
        ),
        signed(
            "certificate_version_2",
            Forge {
                version: vec![0xa0, 3, 2, 1, 1],
                ..base
            },
        ),
        der_case(
            "certificate_trailing_byte",
            &[&whole[..], &[0]].concat(),
            Expected::Unreadable,
        ),
        der_case(
            "certificate_cut_off",
            &whole[..whole.len() - 1],
            Expected::Unreadable,
        ),
        der_case(
            "certificate_long_form_of_length",
            &long_length,
            Expected::Unreadable,
        ),
        der_case(
            "certificate_indefinite_length",
            &indefinite,
            Expected::Unreadable,
        ),
        der_case("certificate_of_one_null", &[5, 0], Expected::Unreadable),
    ]
}

fn faults_of_pem(a: &Authorities) -> Vec<Case> {
    let leaf = a.classical.issue_leaf(&request()).unwrap().certificate_pem;
    let invalid = |name, pem| case(name, SET, Input::Certificate { pem }, Expected::InvalidPem);
    vec![
        invalid("pem_two_certificates", [leaf.as_str(), &leaf].concat()),
        invalid("pem_text_before", format!("subject\n{leaf}")),
        invalid(
            "pem_other_label",
            leaf.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
        ),
        invalid("pem_none", String::new()),
    ]
}
