//! What somebody who holds valid credentials, or even the RSA key of an authority, can make of them:
//! every byte changed, extensions stripped, moved and doubled, halves swapped.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

#[path = "support/forge.rs"]
#[expect(dead_code, reason = "the corpus needs more of it than these tests do")]
mod forge;

use forge::{Forge, ForgeKeys};
use sallyport_credentials::issue::{
    AuthorityKey, AuthorityOptions, HybridAuthority, LeafKey, LeafRequest, RsaBits, Token,
    TokenIssuer, TokenIssuerOptions, TokenRequest,
};
use sallyport_credentials::{AuthoritySet, certificate, pem, sha256, token};
use sallyport_engine::facts::{CredentialFault, PeerCertificate};
use sallyport_engine::headers::TokenHalves;
use sallyport_engine::identity::Assurance;
use sallyport_engine::policy::raw::{
    AlternativeAlgorithm, AlternativeTokenAlgorithm, Authorities, ClassicalTokenAlgorithm,
};
use sallyport_engine::time::TimeMs;

const START: TimeMs = TimeMs::from_seconds(1_790_000_000);
const END: TimeMs = TimeMs::from_seconds(1_790_086_400);
const SUBJECT: &str = "spiffe://cluster.local/ns/shop/sa/cart";
const BINDING: [u8; 32] = [1; 32];
const ENDS_BYTES: usize = 32;
const SUBJECT_ALTERNATIVE_NAME: u8 = 17;
const ALTERNATIVE_ALGORITHM: u8 = 73;
const ALTERNATIVE_SIGNATURE: u8 = 74;

/// Two pinned hybrid authorities, `one` and `other`.
struct Mesh {
    set: AuthoritySet,
    one: HybridAuthority,
    other: HybridAuthority,
}

/// What a certificate is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worth {
    Hybrid,
    HybridProven,
    /// An ordinary certificate of an issuer that is not pinned.
    ClassicalOfNobody,
    /// An ordinary certificate of a pinned authority: none here, all of them are hybrid.
    Classical,
    Unreadable,
    Refused(CredentialFault),
}

impl Mesh {
    fn new() -> Self {
        Self::with(AuthorityKey::Rsa)
    }

    fn with(key: AuthorityKey) -> Self {
        let make = |name| {
            HybridAuthority::generate(&AuthorityOptions {
                key,
                rsa_bits: RsaBits::Bits2048,
                ..AuthorityOptions::new(name, START, END)
            })
            .unwrap()
        };
        let (one, other) = (make("one"), make("other"));
        let pin = |authority: &HybridAuthority, name| authority.to_policy(name, "cluster.local");
        let authorities = Authorities {
            certificates: Some(vec![
                pin(&one, "one").unwrap(),
                pin(&other, "other").unwrap(),
            ]),
            tokens: None,
            ..Authorities::default()
        };
        Self {
            set: AuthoritySet::new(Some(&authorities)).unwrap(),
            one,
            other,
        }
    }

    fn worth(&self, der: &[u8]) -> Worth {
        match certificate::read(&self.set, der) {
            PeerCertificate::Unreadable | PeerCertificate::Unavailable => Worth::Unreadable,
            PeerCertificate::Read { credential, .. } => match credential {
                Err(fault) => Worth::Refused(fault),
                Ok(facts) if facts.assurance == Assurance::Hybrid => Worth::Hybrid,
                Ok(facts) if facts.assurance == Assurance::HybridProven => Worth::HybridProven,
                Ok(facts) if facts.authority.is_none() => Worth::ClassicalOfNobody,
                Ok(_) => Worth::Classical,
            },
        }
    }
}

fn leaf(authority: &HybridAuthority) -> Vec<u8> {
    leaf_with(authority, LeafKey::EcdsaP256)
}

fn leaf_with(authority: &HybridAuthority, key: LeafKey) -> Vec<u8> {
    let request = LeafRequest {
        key,
        ..LeafRequest::new(SUBJECT.parse().unwrap(), START, END)
    };
    authority.issue_leaf(&request).unwrap().certificate_der
}

fn keys(authority: &HybridAuthority) -> ForgeKeys {
    ForgeKeys::hybrid(authority, AlternativeAlgorithm::MlDsa65)
}

/// Whoever owns the RSA key of `one` signs what was changed.
fn signed_again(mesh: &Mesh, forge: &Forge) -> Worth {
    mesh.worth(&forge.sign(&keys(&mesh.one)))
}

fn value_of_signature(forge: &Forge) -> Vec<u8> {
    let signature = forge
        .extensions
        .iter()
        .find(|extension| extension.number == ALTERNATIVE_SIGNATURE);
    signature.unwrap().raw.clone()
}

fn hybrid_token(algorithm: AlternativeTokenAlgorithm) -> (AuthoritySet, Token) {
    let issuer = TokenIssuer::generate(TokenIssuerOptions {
        name: "tokens".to_owned(),
        trust_domain: "cluster.local".to_owned(),
        issuer: "https://tokens.example".to_owned(),
        audience: "mesh".to_owned(),
        classical_algorithm: ClassicalTokenAlgorithm::PS256,
        algorithm,
        rsa_bits: RsaBits::Bits2048,
        maximum_lifetime_seconds: Some(600),
    })
    .unwrap();
    let authorities = Authorities {
        certificates: None,
        tokens: Some(vec![issuer.to_policy()]),
        ..Authorities::default()
    };
    let token = issuer
        .issue_token(&TokenRequest::new(SUBJECT, BINDING, 1_790_000_000))
        .unwrap();
    (AuthoritySet::new(Some(&authorities)).unwrap(), token)
}

/// The bytes with one bit flipped: each bit at both ends, elsewhere one of each byte.
fn one_bit_off(bytes: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    let middle = ENDS_BYTES..bytes.len() - ENDS_BYTES;
    (0..bytes.len())
        .flat_map(|at| (0..8).map(move |bit| (at, bit)))
        .filter(move |(at, bit)| !middle.contains(at) || at % 8 == *bit)
        .map(|(at, bit)| {
            let mut changed = bytes.to_vec();
            changed[at] ^= 1 << bit;
            (at, changed)
        })
}

#[test]
fn refuses_a_certificate_with_any_byte_changed() {
    // Each of the first, for the rest a sample.
    for (authority, key, good, step) in [
        (AuthorityKey::Rsa, LeafKey::EcdsaP256, Worth::Hybrid, 1),
        (AuthorityKey::EcdsaP256, LeafKey::Rsa2048, Worth::Hybrid, 7),
        (
            AuthorityKey::EcdsaP384,
            LeafKey::MlDsa65,
            Worth::HybridProven,
            7,
        ),
    ] {
        let mesh = Mesh::with(authority);
        let der = leaf_with(&mesh.one, key);
        assert_eq!(mesh.worth(&der), good);
        for (at, changed) in one_bit_off(&der).step_by(step) {
            match mesh.worth(&changed) {
                Worth::Unreadable | Worth::Refused(_) => {}
                worth @ (Worth::Hybrid
                | Worth::HybridProven
                | Worth::Classical
                | Worth::ClassicalOfNobody) => {
                    panic!("{authority:?}, {key:?}, byte {at}: {worth:?}")
                }
            }
        }
    }
}

/// Whoever has an ECDSA signature (r, s) has (r, n - s) as well. The certificate says the same and
/// has another digest: nothing that counts may take the digest for a name.
#[test]
fn accepts_the_other_signature_of_an_ecdsa_authority_under_another_digest() {
    let mesh = Mesh::with(AuthorityKey::EcdsaP256);
    let der = leaf(&mesh.one);
    let forge = Forge::new(&der);
    let parts = forge::split(forge::contents(&der));
    let numbers = forge::split(forge::contents(&forge::contents(&parts[2])[1..]));
    let other = forge::tlv(0x02, &negated(forge::contents(&numbers[1])));
    let other = forge::tlv(0x30, &[numbers[0].clone(), other].concat());
    let twin = forge.with_classical_signature(&other);
    assert_eq!(mesh.worth(&der), Worth::Hybrid);
    assert_eq!(mesh.worth(&twin), Worth::Hybrid);
    assert_ne!(sha256(&twin), sha256(&der));
}

/// n - s for the order n of P-256 (SP 800-186, section 3.2.1.3), as the contents of an INTEGER.
fn negated(s: &[u8]) -> Vec<u8> {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63,
        0x25, 0x51,
    ];
    let mut difference = Vec::new();
    let mut borrow = 0;
    let digits = s.iter().rev().copied().chain(std::iter::repeat(0));
    for (of_order, of_s) in ORDER.iter().rev().zip(digits) {
        let digit = i16::from(*of_order) - i16::from(of_s) - borrow;
        borrow = i16::from(digit < 0);
        difference.push(u8::try_from(digit.rem_euclid(256)).unwrap());
    }
    while difference.last() == Some(&0) {
        difference.pop();
    }
    if difference.last().is_some_and(|first| *first >= 0x80) {
        difference.push(0);
    }
    difference.reverse();
    difference
}

#[test]
fn a_cut_or_extended_certificate_names_nobody() {
    let mesh = Mesh::new();
    let der = leaf(&mesh.one);
    for length in (0..der.len()).step_by(97) {
        let cut = mesh.worth(der.get(..length).unwrap());
        assert_eq!(cut, Worth::Unreadable, "{length} bytes");
    }
    for tail in [&[0][..], b"\n", &der] {
        let longer = [der.as_slice(), tail].concat();
        assert_eq!(mesh.worth(&longer), Worth::Unreadable);
    }
    let huge = vec![0x30; certificate::MAXIMUM_BYTES + 1];
    assert_eq!(mesh.worth(&huge), Worth::Unreadable);
}

#[test]
fn hostile_bytes_are_refused_without_a_panic() {
    let mesh = Mesh::new();
    let (set, token) = hybrid_token(AlternativeTokenAlgorithm::MlDsa65);
    // A fixed generator (xorshift): the same bytes in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = |length: usize| -> Vec<u8> {
        std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        })
        .take(length)
        .collect()
    };
    for length in 0..300 {
        let bytes = noise(length);
        assert_eq!(mesh.worth(&bytes), Worth::Unreadable);
        assert!(pem::decode_certificate(&bytes).is_err());
        for (token, signature) in [
            (bytes.as_slice(), token.signature.as_bytes()),
            (token.token.as_bytes(), &bytes),
        ] {
            assert!(token::verify(&set, TokenHalves { token, signature }, &BINDING).is_err());
        }
    }
}

#[test]
fn refuses_a_token_with_any_byte_changed_in_either_half() {
    for algorithm in [
        AlternativeTokenAlgorithm::MlDsa44,
        AlternativeTokenAlgorithm::MlDsa65,
        AlternativeTokenAlgorithm::Dilithium5,
    ] {
        let (set, issued) = hybrid_token(algorithm);
        let (good, signature) = (issued.token.as_bytes(), issued.signature.as_bytes());
        let holds = |token: &[u8], signature: &[u8]| {
            token::verify(&set, TokenHalves { token, signature }, &BINDING).is_ok()
        };
        assert!(holds(good, signature));
        for (at, changed) in one_bit_off(good) {
            assert!(
                !holds(&changed, signature),
                "{algorithm:?}: token byte {at}"
            );
        }
        for (at, changed) in one_bit_off(signature) {
            assert!(!holds(good, &changed), "{algorithm:?}: signature byte {at}");
        }
        let mut other = BINDING;
        other[31] ^= 1;
        let headers = TokenHalves {
            token: good,
            signature,
        };
        assert!(token::verify(&set, headers, &other).is_err());
    }
}

#[test]
fn refuses_stripped_extensions_signed_again_by_rsa_alone() {
    let mesh = Mesh::new();
    let base = Forge::new(&leaf(&mesh.one));
    let missing = Worth::Refused(CredentialFault::HybridSignatureMissing);
    for stripped in [
        base.clone().without(ALTERNATIVE_SIGNATURE),
        base.clone().without(ALTERNATIVE_ALGORITHM),
        base.without(ALTERNATIVE_SIGNATURE)
            .without(ALTERNATIVE_ALGORITHM),
    ] {
        assert_eq!(signed_again(&mesh, &stripped), missing);
    }
}

#[test]
fn refuses_halves_of_two_valid_certificates() {
    let mesh = Mesh::new();
    let base = Forge::new(&leaf(&mesh.one));
    let with_signature_of = |other: &[u8]| {
        let signature = value_of_signature(&Forge::new(other));
        let mut forge = base.clone();
        for place in &mut forge.extensions {
            if place.number == ALTERNATIVE_SIGNATURE {
                place.raw.clone_from(&signature);
            }
        }
        forge
    };
    let invalid = Worth::Refused(CredentialFault::HybridSignatureInvalid);
    // Of two authorities, and of one authority for the same workload.
    for other in [leaf(&mesh.other), leaf(&mesh.one)] {
        assert_eq!(signed_again(&mesh, &with_signature_of(&other)), invalid);
    }
    // The ML-DSA half of one authority holds, and the RSA half is the other's.
    let classical_of_other = base.sign(&keys(&mesh.other));
    let invalid = Worth::Refused(CredentialFault::ClassicalSignatureInvalid);
    assert_eq!(mesh.worth(&classical_of_other), invalid);
}

#[test]
fn refuses_moved_extensions_signed_again_by_rsa_alone() {
    let mesh = Mesh::new();
    let der = leaf(&mesh.one);
    let base = Forge::new(&der);
    for from in 0..base.extensions.len() {
        for to in (0..base.extensions.len()).filter(|to| *to != from) {
            let mut moved = base.clone();
            let extension = moved.extensions.remove(from);
            moved.extensions.insert(to, extension);
            let worth = signed_again(&mesh, &moved);
            if moved.pre_tbs() == base.pre_tbs() {
                // Extension 74 is no part of what it signs: its place, like the RSA scheme, is
                // vouched for by RSA alone. The certificate says the same as before.
                assert_eq!(worth, Worth::Hybrid, "{from} to {to}");
            } else {
                let invalid = Worth::Refused(CredentialFault::HybridSignatureInvalid);
                assert_eq!(worth, invalid, "{from} to {to}");
            }
        }
    }
}

#[test]
fn refuses_moved_extensions_under_the_old_rsa_signature() {
    let mesh = Mesh::new();
    let der = leaf(&mesh.one);
    let base = Forge::new(&der);
    let signed = base.sign(&keys(&mesh.one));
    assert_eq!(signed, der, "PKCS #1 v1.5 is deterministic");
    let mut moved = base.clone();
    let signature = moved.extensions.pop().unwrap();
    assert_eq!(signature.number, ALTERNATIVE_SIGNATURE);
    moved.extensions.insert(0, signature);
    let mut changed = moved.sign(&keys(&mesh.one));
    let old = der.last_chunk::<256>().unwrap();
    changed.truncate(changed.len() - old.len());
    changed.extend(old);
    let invalid = Worth::Refused(CredentialFault::ClassicalSignatureInvalid);
    assert_eq!(mesh.worth(&changed), invalid);
}

#[test]
fn refuses_doubled_extensions_signed_again_by_both_keys() {
    let mesh = Mesh::new();
    let base = Forge::new(&leaf(&mesh.one));
    for extension in &base.extensions {
        let number = extension.number;
        let mut doubled = base.clone();
        doubled.extensions.push(extension.clone());
        if number != ALTERNATIVE_SIGNATURE {
            doubled = doubled.sign_alternative(&keys(&mesh.one), b"");
        }
        let expected = if number == SUBJECT_ALTERNATIVE_NAME {
            Worth::Unreadable
        } else {
            Worth::Refused(CredentialFault::Malformed)
        };
        assert_eq!(signed_again(&mesh, &doubled), expected, "2.5.29.{number}");
    }
}

#[test]
fn refuses_changed_fields_signed_again_by_rsa_alone() {
    let mesh = Mesh::new();
    let base = Forge::new(&leaf(&mesh.one));
    // Another leaf of the same authority: each of its fields is sound in itself.
    let donor = Forge::new(&leaf(&mesh.one));
    let later = LeafRequest::new(SUBJECT.parse().unwrap(), START, TimeMs(END.0 - 1000));
    let later = Forge::new(&mesh.one.issue_leaf(&later).unwrap().certificate_der);
    let bank = LeafRequest::new(
        "spiffe://cluster.local/ns/shop/sa/bank".parse().unwrap(),
        START,
        END,
    );
    let bank = Forge::new(&mesh.one.issue_leaf(&bank).unwrap().certificate_der);
    let name = bank
        .extensions
        .iter()
        .position(|extension| extension.number == SUBJECT_ALTERNATIVE_NAME);
    let name = name.unwrap();
    let mut renamed = base.clone();
    renamed.extensions[name] = bank.extensions[name].clone();
    let serial = Forge {
        serial: donor.serial,
        ..base.clone()
    };
    let key = Forge {
        public_key: donor.public_key,
        ..base.clone()
    };
    let validity = Forge {
        validity: later.validity,
        ..base.clone()
    };
    let subject = Forge {
        subject: base.issuer.clone(),
        ..base
    };
    let invalid = Worth::Refused(CredentialFault::HybridSignatureInvalid);
    for (what, forge) in [
        ("name", renamed),
        ("serial", serial),
        ("key", key),
        ("validity", validity),
        ("subject", subject),
    ] {
        assert_eq!(signed_again(&mesh, &forge), invalid, "{what}");
    }
}

#[test]
fn refuses_the_issuer_of_another_authority_signed_again_by_rsa_alone() {
    let mesh = Mesh::new();
    let base = Forge::new(&leaf(&mesh.one));
    let other = Forge::new(&leaf(&mesh.other));
    // The name alone, and then the key identifier as well.
    let renamed = Forge {
        issuer: other.issuer.clone(),
        ..base
    };
    let unknown = Worth::Refused(CredentialFault::AuthorityUnknown);
    assert_eq!(signed_again(&mesh, &renamed), unknown);
    let mut moved = renamed;
    for (place, extension) in moved.extensions.iter_mut().zip(other.extensions) {
        if place.number == 35 {
            *place = extension;
        }
    }
    let invalid = Worth::Refused(CredentialFault::HybridSignatureInvalid);
    assert_eq!(signed_again(&mesh, &moved), invalid);
}
