//! Whatever byte of a hybrid credential changes, it is never hybrid again.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use sallyport_credentials::issue::{
    AuthorityKey, AuthorityOptions, HybridAuthority, LeafKey, LeafRequest, RsaBits, Token,
    TokenIssuer, TokenIssuerOptions, TokenRequest,
};
use sallyport_credentials::{AuthoritySet, certificate, pem, token};
use sallyport_engine::facts::{CredentialFacts, PeerCertificate};
use sallyport_engine::headers::TokenHalves;
use sallyport_engine::identity::Assurance;
use sallyport_engine::policy::raw::{
    AlternativeTokenAlgorithm, Authorities, ClassicalTokenAlgorithm,
};
use sallyport_engine::time::TimeMs;

const STEP: usize = 7;
const SUBJECT: &str = "spiffe://cluster.local/ns/shop/sa/cart";
const BINDING: [u8; 32] = [1; 32];

fn hybrid_leaf(authority: AuthorityKey, leaf: LeafKey) -> (AuthoritySet, Vec<u8>) {
    let start = TimeMs::from_seconds(1_790_000_000);
    let end = TimeMs::from_seconds(1_790_086_400);
    let options = AuthorityOptions {
        key: authority,
        rsa_bits: RsaBits::Bits2048,
        ..AuthorityOptions::new("mesh", start, end)
    };
    let authority = HybridAuthority::generate(&options).unwrap();
    let pinned = authority.to_policy("mesh-ca", "cluster.local").unwrap();
    let authorities = Authorities {
        certificates: Some(vec![pinned]),
        tokens: None,
        ..Authorities::default()
    };
    let request = LeafRequest {
        key: leaf,
        ..LeafRequest::new(SUBJECT.parse().unwrap(), start, end)
    };
    let leaf = authority.issue_leaf(&request).unwrap();
    (
        AuthoritySet::new(Some(&authorities)).unwrap(),
        leaf.certificate_der,
    )
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
    let request = TokenRequest::new(SUBJECT, BINDING, 1_790_000_000);
    let token = issuer.issue_token(&request).unwrap();
    (AuthoritySet::new(Some(&authorities)).unwrap(), token)
}

fn assurance(set: &AuthoritySet, der: &[u8]) -> Option<Assurance> {
    match certificate::read(set, der) {
        PeerCertificate::Read {
            credential: Ok(CredentialFacts { assurance, .. }),
            ..
        } => Some(assurance),
        PeerCertificate::Read {
            credential: Err(_), ..
        }
        | PeerCertificate::Unavailable
        | PeerCertificate::Unreadable => None,
    }
}

#[test]
fn a_changed_certificate_is_never_hybrid() {
    for (authority, leaf, good) in [
        (AuthorityKey::Rsa, LeafKey::EcdsaP256, Assurance::Hybrid),
        (AuthorityKey::EcdsaP256, LeafKey::Rsa2048, Assurance::Hybrid),
        (
            AuthorityKey::EcdsaP384,
            LeafKey::MlDsa65,
            Assurance::HybridProven,
        ),
    ] {
        let (set, der) = hybrid_leaf(authority, leaf);
        assert_eq!(assurance(&set, &der), Some(good));
        for at in (0..der.len()).step_by(STEP) {
            for bit in [0x01, 0x80] {
                let mut changed = der.clone();
                changed[at] ^= bit;
                let found = assurance(&set, &changed);
                assert!(found < Some(Assurance::Hybrid), "{leaf:?}, byte {at}");
            }
        }
    }
}

#[test]
fn a_cut_or_extended_certificate_names_nobody() {
    let (set, der) = hybrid_leaf(AuthorityKey::Rsa, LeafKey::EcdsaP256);
    for length in (0..der.len()).step_by(97) {
        let cut = certificate::read(&set, der.get(..length).unwrap());
        assert!(matches!(cut, PeerCertificate::Unreadable), "{length} bytes");
    }
    for tail in [&[0][..], b"\n", &der] {
        let longer = [der.as_slice(), tail].concat();
        assert!(matches!(
            certificate::read(&set, &longer),
            PeerCertificate::Unreadable
        ));
    }
    let huge = vec![0x30; certificate::MAXIMUM_BYTES + 1];
    assert!(matches!(
        certificate::read(&set, &huge),
        PeerCertificate::Unreadable
    ));
}

#[test]
fn a_changed_token_never_verifies() {
    for algorithm in [
        AlternativeTokenAlgorithm::MlDsa44,
        AlternativeTokenAlgorithm::MlDsa65,
        AlternativeTokenAlgorithm::Dilithium5,
    ] {
        let (set, issued) = hybrid_token(algorithm);
        let verify = |token: &[u8], signature: &[u8]| {
            token::verify(&set, TokenHalves { token, signature }, &BINDING)
        };
        let (good, signature) = (issued.token.as_bytes(), issued.signature.as_bytes());
        assert!(verify(good, signature).is_ok());
        for at in (0..good.len()).step_by(STEP) {
            let mut changed = good.to_vec();
            changed[at] ^= 1;
            assert!(verify(&changed, signature).is_err(), "token byte {at}");
        }
        for at in (0..signature.len()).step_by(STEP) {
            let mut changed = signature.to_vec();
            changed[at] ^= 1;
            assert!(verify(good, &changed).is_err(), "signature byte {at}");
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
fn hostile_bytes_are_refused_without_a_panic() {
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
        assert!(matches!(
            certificate::read(&set, &bytes),
            PeerCertificate::Unreadable
        ));
        assert!(pem::decode_certificate(&bytes).is_err());
        for (token, signature) in [
            (bytes.as_slice(), token.signature.as_bytes()),
            (token.token.as_bytes(), &bytes),
        ] {
            assert!(token::verify(&set, TokenHalves { token, signature }, &BINDING).is_err());
        }
    }
}
