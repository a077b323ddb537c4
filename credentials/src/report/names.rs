//! Names of algorithms: those of their standards, else the object identifier in dotted form.

use std::borrow::Cow;

use x509_parser::asn1_rs::Oid;

use crate::classical::split_spki;
use crate::der::{self, Reader};

/// rsaEncryption.
pub(super) const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// id-RSASSA-PSS.
pub(super) const RSASSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
/// id-ecPublicKey.
pub(super) const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

/// The algorithm that an AlgorithmIdentifier of a signature names.
pub(super) fn signature(identifier: &[u8]) -> String {
    match object_identifier(identifier) {
        Some(id) => named(id),
        None => "unreadable".to_owned(),
    }
}

/// The algorithm of a `SubjectPublicKeyInfo`, with the curve where there is one.
pub(super) fn public_key(spki: &[u8]) -> String {
    let Ok((identifier, _)) = split_spki(spki) else {
        return "unreadable".to_owned();
    };
    let Some(id) = object_identifier(identifier) else {
        return "unreadable".to_owned();
    };
    match (id, curve(identifier)) {
        (EC_PUBLIC_KEY, Some(curve)) => named(curve),
        (_, _) => named(id),
    }
}

/// The contents of the object identifier in an AlgorithmIdentifier.
pub(super) fn object_identifier(identifier: &[u8]) -> Option<&[u8]> {
    let mut fields = Reader::new(contents(identifier)?);
    match fields.expect(der::OBJECT_IDENTIFIER) {
        Ok(id) => Some(id.contents),
        Err(_) => None,
    }
}

/// An object identifier in dotted form.
pub(super) fn dotted(id: &[u8]) -> String {
    Oid::new(Cow::Borrowed(id)).to_id_string()
}

fn curve(identifier: &[u8]) -> Option<&[u8]> {
    let mut fields = Reader::new(contents(identifier)?);
    match (
        fields.expect(der::OBJECT_IDENTIFIER),
        fields.expect(der::OBJECT_IDENTIFIER),
    ) {
        (Ok(_), Ok(curve)) => Some(curve.contents),
        (_, _) => None,
    }
}

fn contents(identifier: &[u8]) -> Option<&[u8]> {
    match der::single(identifier, der::SEQUENCE) {
        Ok(sequence) => Some(sequence.contents),
        Err(_) => None,
    }
}

fn named(id: &[u8]) -> String {
    let dotted = dotted(id);
    match NAMES.iter().find(|(known, _)| *known == dotted) {
        Some((_, name)) => (*name).to_owned(),
        None => dotted,
    }
}

const NAMES: [(&str, &str); 33] = [
    ("1.2.840.113549.1.1.1", "RSA"),
    ("1.2.840.113549.1.1.4", "md5WithRSAEncryption"),
    ("1.2.840.113549.1.1.5", "sha1WithRSAEncryption"),
    ("1.2.840.113549.1.1.10", "RSASSA-PSS"),
    ("1.2.840.113549.1.1.11", "sha256WithRSAEncryption"),
    ("1.2.840.113549.1.1.12", "sha384WithRSAEncryption"),
    ("1.2.840.113549.1.1.13", "sha512WithRSAEncryption"),
    ("1.2.840.113549.1.1.14", "sha224WithRSAEncryption"),
    ("1.2.840.10040.4.1", "DSA"),
    ("1.2.840.10040.4.3", "dsa-with-SHA1"),
    ("2.16.840.1.101.3.4.3.2", "dsa-with-SHA256"),
    ("1.2.840.10045.2.1", "EC"),
    ("1.2.840.10045.3.1.7", "P-256"),
    ("1.3.132.0.34", "P-384"),
    ("1.3.132.0.35", "P-521"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1"),
    ("1.2.840.10045.4.3.1", "ecdsa-with-SHA224"),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256"),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384"),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512"),
    ("1.3.101.110", "X25519"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
    ("2.16.840.1.101.3.4.3.17", "ML-DSA-44"),
    ("2.16.840.1.101.3.4.3.18", "ML-DSA-65"),
    ("2.16.840.1.101.3.4.3.19", "ML-DSA-87"),
    ("2.16.840.1.101.3.4.3.32", "HashML-DSA-44-SHA512"),
    ("2.16.840.1.101.3.4.3.33", "HashML-DSA-65-SHA512"),
    ("2.16.840.1.101.3.4.3.34", "HashML-DSA-87-SHA512"),
    ("2.16.840.1.101.3.4.3.20", "SLH-DSA-SHA2-128s"),
    ("2.16.840.1.101.3.4.3.21", "SLH-DSA-SHA2-128f"),
    ("1.2.840.113549.1.9.16.3.17", "HSS-LMS"),
];
