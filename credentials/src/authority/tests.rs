use std::sync::OnceLock;

use sallyport_engine::policy::raw::{
    AlternativeAlgorithm, AlternativeTokenAlgorithm, ClassicalTokenAlgorithm,
};
use sallyport_engine::time::TimeMs;

use super::*;
use crate::der;
use crate::issue::{
    AuthorityOptions, ClassicalAuthority, HybridAuthority, LeafRequest, RsaBits, TokenIssuer,
    TokenIssuerOptions,
};

const START: TimeMs = TimeMs::from_seconds(1_790_000_000);
const END: TimeMs = TimeMs::from_seconds(1_790_086_400);

fn options(algorithm: AlternativeAlgorithm) -> AuthorityOptions {
    AuthorityOptions {
        rsa_bits: RsaBits::Bits2048,
        algorithm,
        ..AuthorityOptions::new("mesh", START, END)
    }
}

/// Keys take long to make, so all tests of this file share them; each one changes its own copy.
fn hybrid() -> &'static HybridAuthority {
    static AUTHORITY: OnceLock<HybridAuthority> = OnceLock::new();
    AUTHORITY
        .get_or_init(|| HybridAuthority::generate(&options(AlternativeAlgorithm::MlDsa65)).unwrap())
}

fn classical() -> &'static ClassicalAuthority {
    static AUTHORITY: OnceLock<ClassicalAuthority> = OnceLock::new();
    AUTHORITY.get_or_init(|| {
        ClassicalAuthority::generate(&options(AlternativeAlgorithm::MlDsa65)).unwrap()
    })
}

fn tokens() -> &'static TokenIssuer {
    static ISSUER: OnceLock<TokenIssuer> = OnceLock::new();
    ISSUER.get_or_init(|| {
        TokenIssuer::generate(TokenIssuerOptions {
            name: "tokens".to_owned(),
            trust_domain: "cluster.local".to_owned(),
            issuer: "https://tokens.example".to_owned(),
            audience: "mesh".to_owned(),
            classical_algorithm: ClassicalTokenAlgorithm::PS256,
            algorithm: AlternativeTokenAlgorithm::MlDsa65,
            rsa_bits: RsaBits::Bits2048,
            maximum_lifetime_seconds: None,
        })
        .unwrap()
    })
}

fn all() -> raw::Authorities {
    raw::Authorities {
        certificates: Some(vec![
            hybrid().to_policy("mesh-ca", "cluster.local").unwrap(),
            classical().to_policy("old-ca", "cluster.local"),
        ]),
        tokens: Some(vec![tokens().to_policy()]),
        ..raw::Authorities::default()
    }
}

fn certificate(list: &mut raw::Authorities, index: usize) -> &mut raw::CertificateAuthority {
    &mut list.certificates.as_mut().unwrap()[index]
}

fn token(list: &mut raw::Authorities) -> &mut raw::TokenAuthority {
    &mut list.tokens.as_mut().unwrap()[0]
}

fn faults(change: impl FnOnce(&mut raw::Authorities)) -> Vec<InvalidAuthority> {
    let mut list = all();
    change(&mut list);
    AuthoritySet::new(Some(&list)).err().unwrap_or_default()
}

fn one_fault(change: impl FnOnce(&mut raw::Authorities)) -> (String, InvalidAuthorityCause) {
    let mut faults = faults(change);
    assert_eq!(faults.len(), 1, "{faults:?}");
    let fault = faults.remove(0);
    assert!(fault.to_string().starts_with('`'));
    (fault.path, fault.cause)
}

fn certificate_path(field: &str) -> String {
    format!("spec.authorities.certificates[0].{field}")
}

fn token_path(field: &str) -> String {
    format!("spec.authorities.tokens[0].{field}")
}

/// The hybrid authority's certificate with other extensions. Nobody checks its signature.
fn changed_certificate(change: impl Fn(u8) -> Option<Vec<u8>>) -> Material {
    let parts = crate::certificate::parts::Parts::parse(hybrid().certificate_der()).unwrap();
    let mut list = Vec::new();
    for extension in &parts.extensions {
        let number = *extension.id.last().unwrap();
        list.extend(change(number).unwrap_or_else(|| encoded(number, extension.value)));
    }
    let list = der::wrap(0xa3, &[&der::wrap(der::SEQUENCE, &[&list])]);
    let mut fields = der::Reader::new(der::single(parts.tbs, der::SEQUENCE).unwrap().contents);
    let mut head = Vec::new();
    for _ in 0..7 {
        head.extend(fields.next().unwrap().unwrap().raw);
    }
    let tbs = der::wrap(der::SEQUENCE, &[&head, &list]);
    let bits = der::wrap(der::BIT_STRING, &[&[0], parts.signature]);
    inline(
        "CERTIFICATE",
        &der::wrap(der::SEQUENCE, &[&tbs, parts.signature_algorithm, &bits]),
    )
}

fn encoded(number: u8, value: &[u8]) -> Vec<u8> {
    let value = der::wrap(der::OCTET_STRING, &[value]);
    der::wrap(der::SEQUENCE, &[&[0x06, 0x03, 0x55, 0x1d, number], &value])
}

fn inline(label: &str, bytes: &[u8]) -> Material {
    let text = pem_rfc7468::encode_string(label, pem_rfc7468::LineEnding::LF, bytes);
    Material::Inline(text.unwrap())
}

fn ca_cause(change: impl Fn(u8) -> Option<Vec<u8>>) -> InvalidAuthorityCause {
    let material = changed_certificate(change);
    let (path, cause) = one_fault(|list| certificate(list, 0).ca_certificate = material);
    assert_eq!(path, certificate_path("caCertificate"));
    cause
}

#[test]
fn accepts_the_authorities_of_every_kind_and_none_at_all() {
    assert!(AuthoritySet::new(Some(&all())).is_ok());
    assert!(AuthoritySet::new(None).is_ok());
    let trimmed = |list: &mut raw::Authorities| {
        let entry = certificate(list, 0);
        if let Material::Inline(text) = &mut entry.ca_certificate {
            *text = format!("\n  {text}\n");
        }
    };
    assert_eq!(faults(trimmed), Vec::new());
}

#[test]
fn reports_everything_that_is_wrong_at_once() {
    let found = faults(|list| {
        certificate(list, 0).trust_domain = "Cluster".to_owned();
        certificate(list, 1).ca_certificate = Material::File("ca.crt".to_owned());
        token(list).issuer = String::new();
        token(list).maximum_lifetime_seconds = Some(0);
    });
    let paths: Vec<&str> = found.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "spec.authorities.certificates[0].trustDomain",
            "spec.authorities.certificates[1].caCertificate",
            "spec.authorities.tokens[0].issuer",
            "spec.authorities.tokens[0].maximumLifetimeSeconds",
        ]
    );
}

#[test]
fn refuses_files_that_were_not_inlined() {
    let (path, cause) = one_fault(|list| {
        certificate(list, 0)
            .alternative_key
            .as_mut()
            .unwrap()
            .public_key = Material::File("ca.mldsa.pub".to_owned());
    });
    assert_eq!(path, certificate_path("alternativeKey.publicKey"));
    assert_eq!(cause, InvalidAuthorityCause::NotInlined);
}

#[test]
fn refuses_names_that_are_no_labels_or_stand_twice() {
    for name in ["", "-a", "a-", "A", "a.b", "a_b", &"a".repeat(64)] {
        let (path, cause) = one_fault(|list| certificate(list, 0).name = name.to_owned());
        assert_eq!(
            (path, cause),
            (certificate_path("name"), InvalidAuthorityCause::Name)
        );
    }
    let (path, cause) = one_fault(|list| token(list).name = "mesh-ca".to_owned());
    let first = certificate_path("name");
    assert_eq!(
        (path, cause),
        (
            token_path("name"),
            InvalidAuthorityCause::NameTaken { first }
        )
    );
}

#[test]
fn refuses_certificates_that_are_no_authoritys() {
    let leaf = LeafRequest::new("spiffe://cluster.local/a".parse().unwrap(), START, END);
    let leaf = classical().issue_leaf(&leaf).unwrap().certificate_pem;
    let (_, cause) = one_fault(|list| certificate(list, 1).ca_certificate = Material::Inline(leaf));
    assert_eq!(
        cause,
        InvalidAuthorityCause::CaCertificate(InvalidCaCertificate::NotAuthority)
    );
    let not_authority = encoded(19, &[0x30, 0x00]);
    assert_eq!(
        ca_cause(|number| (number == 19).then(|| not_authority.clone())),
        InvalidAuthorityCause::CaCertificate(InvalidCaCertificate::NotAuthority)
    );
    let no_signing = encoded(15, &[0x03, 0x02, 0x07, 0x80]);
    assert_eq!(
        ca_cause(|number| (number == 15).then(|| no_signing.clone())),
        InvalidAuthorityCause::CaCertificate(InvalidCaCertificate::KeyUsage)
    );
}

#[test]
fn refuses_certificates_with_odd_extensions() {
    assert_eq!(
        ca_cause(|number| (number == 14).then(Vec::new)),
        InvalidAuthorityCause::CaCertificate(InvalidCaCertificate::KeyIdentifierMissing)
    );
    let twice = [encoded(14, &[4, 1, 1]), encoded(14, &[4, 1, 1])].concat();
    assert_eq!(
        ca_cause(|number| (number == 14).then(|| twice.clone())),
        InvalidAuthorityCause::CaCertificate(InvalidCaCertificate::DuplicateExtension)
    );
    let critical = der::wrap(
        der::SEQUENCE,
        &[&[0x06, 0x03, 0x55, 0x1d, 99], &[1, 1, 0xff], &[4, 2, 5, 0]],
    );
    assert_eq!(
        ca_cause(|number| (number == 35).then(|| critical.clone())),
        InvalidAuthorityCause::CaCertificate(InvalidCaCertificate::CriticalExtension)
    );
}

#[test]
fn refuses_certificates_that_are_not_strict_der() {
    let longer = [hybrid().certificate_der(), &[0]].concat();
    let (_, cause) =
        one_fault(|list| certificate(list, 0).ca_certificate = inline("CERTIFICATE", &longer));
    let trailing = InvalidCaCertificate::Der(der::InvalidDer::Trailing);
    assert_eq!(cause, InvalidAuthorityCause::CaCertificate(trailing));
    let (_, cause) =
        one_fault(|list| certificate(list, 0).ca_certificate = inline("PUBLIC KEY", &[5, 0]));
    assert!(matches!(cause, InvalidAuthorityCause::Pem(_)));
}

#[test]
fn requires_the_pinned_key_to_be_the_one_in_the_certificate() {
    let (path, cause) = one_fault(|list| certificate(list, 0).alternative_key = None);
    assert_eq!(path, certificate_path("caCertificate"));
    assert_eq!(cause, InvalidAuthorityCause::AlternativeKeyUnpinned);

    static OTHER: OnceLock<raw::CertificateAuthority> = OnceLock::new();
    let other = OTHER.get_or_init(|| {
        let other = HybridAuthority::generate(&options(AlternativeAlgorithm::MlDsa65)).unwrap();
        other.to_policy("other", "cluster.local").unwrap()
    });
    let (path, cause) = one_fault(|list| {
        certificate(list, 0)
            .alternative_key
            .clone_from(&other.alternative_key);
    });
    assert_eq!(path, certificate_path("alternativeKey.publicKey"));
    assert_eq!(cause, InvalidAuthorityCause::AlternativeKeyMismatch);

    // An authority that got its ML-DSA key later does not state it in its certificate.
    let without = changed_certificate(|number| (number == 72).then(Vec::new));
    assert_eq!(
        faults(|list| certificate(list, 0).ca_certificate = without),
        Vec::new()
    );
}

#[test]
fn refuses_alternative_keys_of_another_algorithm_or_length() {
    let (path, cause) = one_fault(|list| {
        certificate(list, 0)
            .alternative_key
            .as_mut()
            .unwrap()
            .algorithm = AlternativeAlgorithm::MlDsa87;
    });
    assert_eq!(path, certificate_path("alternativeKey.publicKey"));
    let algorithm = crate::InvalidAlternativeKey::Algorithm;
    assert_eq!(cause, InvalidAuthorityCause::AlternativeKey(algorithm));

    let spki = |identifier: &[u8], length: usize| {
        let bits = der::wrap(der::BIT_STRING, &[&[0], &vec![1; length]]);
        inline(
            "PUBLIC KEY",
            &der::wrap(der::SEQUENCE, &[identifier, &bits]),
        )
    };
    let cause =
        |material: Material| one_fault(|list| token(list).alternative_key.public_key = material).1;
    let identifier = crate::alternative::ML_DSA_65_IDENTIFIER;
    assert_eq!(
        cause(spki(identifier, 1951)),
        InvalidAuthorityCause::AlternativeKey(crate::InvalidAlternativeKey::Length {
            expected: 1952,
            found: 1951
        })
    );
    let object = identifier.get(2..).unwrap();
    let with_null = der::wrap(der::SEQUENCE, &[object, &[5, 0]]);
    assert_eq!(
        cause(spki(&with_null, 1952)),
        InvalidAuthorityCause::AlternativeKey(algorithm)
    );
}

#[test]
fn refuses_dilithium5_keys_of_another_length_and_under_another_label() {
    let pin = |material: Material| {
        one_fault(|list| {
            token(list).alternative_key.algorithm = AlternativeTokenAlgorithm::Dilithium5;
            token(list).alternative_key.public_key = material;
        })
        .1
    };
    assert!(matches!(
        pin(inline("DILITHIUM5 PUBLIC KEY", &[1; 2591])),
        InvalidAuthorityCause::AlternativeKey(_)
    ));
    assert!(matches!(
        pin(inline("PUBLIC KEY", &[1; 2592])),
        InvalidAuthorityCause::Pem(_)
    ));
}

#[test]
fn refuses_classical_keys_that_are_weak_or_odd() {
    let key = |modulus: &[u8], exponent: &[u8]| {
        let number = |bytes: &[u8]| der::wrap(der::INTEGER, &[bytes]);
        let key = der::wrap(der::SEQUENCE, &[&number(modulus), &number(exponent)]);
        let bits = der::wrap(der::BIT_STRING, &[&[0], &key]);
        let rsa = [
            0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0,
        ];
        inline("PUBLIC KEY", &der::wrap(der::SEQUENCE, &[&rsa, &bits]))
    };
    let modulus = |bytes: usize, last: u8| {
        let mut modulus = vec![0x00, 0x80];
        modulus.resize(bytes, 0x55);
        modulus.push(last);
        modulus
    };
    let cause = |material: Material| {
        let cause = one_fault(|list| token(list).classical_key.public_key = material).1;
        let InvalidAuthorityCause::ClassicalKey(cause) = cause else {
            panic!("{cause:?}");
        };
        cause
    };
    use crate::InvalidClassicalKey::{Bits, NotRsa, Numbers};
    let e = &[1, 0, 1][..];
    assert_eq!(cause(key(&modulus(255, 1), e)), Bits(2040));
    assert_eq!(cause(key(&modulus(513, 1), e)), Bits(4104));
    assert_eq!(cause(key(&modulus(256, 2), e)), Numbers);
    for exponent in [&[1][..], &[2], &[0], &[0x81], &[1, 0, 0, 0, 1]] {
        assert_eq!(
            cause(key(&modulus(256, 1), exponent)),
            Numbers,
            "{exponent:?}"
        );
    }
    let accepted = key(&modulus(512, 1), &[3]);
    assert_eq!(
        faults(|list| token(list).classical_key.public_key = accepted),
        Vec::new()
    );
    let spki = inline("PUBLIC KEY", &hex_ec_key());
    assert_eq!(cause(spki), NotRsa);
}

/// A `SubjectPublicKeyInfo` of P-256 whose point nobody looks at.
fn hex_ec_key() -> Vec<u8> {
    let identifier = [
        0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d,
        3, 1, 7,
    ];
    let bits = der::wrap(der::BIT_STRING, &[&[0, 4], &[7; 64]]);
    der::wrap(der::SEQUENCE, &[&identifier, &bits])
}

#[test]
fn refuses_a_key_that_stands_twice_in_whichever_role() {
    let found = faults(|list| {
        let mut again = certificate(list, 0).clone();
        again.name = "again".to_owned();
        list.certificates.as_mut().unwrap().push(again);
    });
    let causes: Vec<&InvalidAuthorityCause> = found.iter().map(|fault| &fault.cause).collect();
    assert!(matches!(
        causes.as_slice(),
        [
            InvalidAuthorityCause::SubjectTaken { .. },
            InvalidAuthorityCause::KeyTaken { .. },
            InvalidAuthorityCause::KeyTaken { .. },
        ]
    ));
    let (path, cause) = one_fault(|list| {
        let key = certificate(list, 0)
            .alternative_key
            .clone()
            .unwrap()
            .public_key;
        token(list).alternative_key.public_key = key;
    });
    let first = certificate_path("alternativeKey.publicKey");
    assert_eq!(path, token_path("alternativeKey.publicKey"));
    assert_eq!(cause, InvalidAuthorityCause::KeyTaken { first });
}

#[test]
fn refuses_points_that_are_compressed_or_of_another_length() {
    let spki = |curve: &[u8], first: u8, length: usize| {
        let identifier = der::wrap(
            der::SEQUENCE,
            &[&[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1], curve],
        );
        let bits = der::wrap(der::BIT_STRING, &[&[0, first], &vec![7; length]]);
        der::wrap(der::SEQUENCE, &[&identifier, &bits])
    };
    let p256 = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7][..];
    let p384 = &[6, 5, 0x2b, 0x81, 4, 0, 0x22][..];
    let p521 = &[6, 5, 0x2b, 0x81, 4, 0, 0x23][..];
    let read = |spki: Vec<u8>| crate::classical::ClassicalKey::from_spki(&spki).err();
    use crate::InvalidClassicalKey::{Algorithm, Point};
    assert_eq!(read(spki(p256, 4, 64)), None);
    assert_eq!(read(spki(p384, 4, 96)), None);
    for (curve, first, length) in [
        (p256, 4, 63),
        (p256, 4, 96),
        (p256, 2, 32),
        (p256, 6, 64),
        (p384, 4, 64),
        (p384, 3, 48),
    ] {
        assert_eq!(read(spki(curve, first, length)), Some(Point));
    }
    assert_eq!(read(spki(p521, 4, 132)), Some(Algorithm));
    assert_eq!(read(spki(&[5, 0], 4, 64)), Some(Algorithm));
}

#[test]
fn requires_a_time_for_the_alternative_signature_and_a_key_to_verify_it() {
    let path = certificate_path("alternativeRequiredFrom");
    for text in [
        "",
        "2026-12-01",
        "2026-12-01T00:00:00",
        "1969-12-31T23:59:59Z",
        "soon",
    ] {
        let found = one_fault(|list| {
            certificate(list, 0).alternative_required_from = Some(text.to_owned());
        });
        assert_eq!(found, (path.clone(), InvalidAuthorityCause::Time), "{text}");
    }
    let found = one_fault(|list| {
        certificate(list, 1).alternative_required_from = Some("2026-12-01T00:00:00Z".to_owned());
    });
    let path = "spec.authorities.certificates[1].alternativeRequiredFrom".to_owned();
    assert_eq!(found, (path, InvalidAuthorityCause::RequiredWithoutKey));
}

#[test]
fn refuses_key_ids_and_issuers_that_stand_twice() {
    let (path, cause) = one_fault(|list| {
        token(list).alternative_key.kid = token(list).classical_key.kid.clone();
    });
    let first = token_path("classicalKey.kid");
    assert_eq!(path, token_path("alternativeKey.kid"));
    assert_eq!(cause, InvalidAuthorityCause::KeyIdTaken { first });

    let found = faults(|list| {
        let mut again = token(list).clone();
        again.name = "again".to_owned();
        list.tokens.as_mut().unwrap().push(again);
    });
    assert!(matches!(
        found.first().map(|fault| &fault.cause),
        Some(InvalidAuthorityCause::IssuerTaken { .. })
    ));
    assert_eq!(found.len(), 5);
}

#[test]
fn refuses_texts_and_lifetimes_out_of_range() {
    for kid in ["", "a b", "a\n", "ä", &"a".repeat(129)] {
        let (_, cause) = one_fault(|list| token(list).classical_key.kid = kid.to_owned());
        assert_eq!(cause, InvalidAuthorityCause::KeyId, "{kid:?}");
    }
    for audience in [String::new(), "a".repeat(2049)] {
        let (_, cause) = one_fault(|list| token(list).audience = audience);
        assert_eq!(cause, InvalidAuthorityCause::Claim);
    }
    for seconds in [0, 86_401] {
        let (_, cause) = one_fault(|list| token(list).maximum_lifetime_seconds = Some(seconds));
        assert_eq!(cause, InvalidAuthorityCause::Lifetime);
    }
    for seconds in [1, 86_400] {
        let found = faults(|list| token(list).maximum_lifetime_seconds = Some(seconds));
        assert_eq!(found, Vec::new());
    }
}
