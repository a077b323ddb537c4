//! Authorities that sign: what they save, load and pin.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;

use sallyport_credentials::issue::{
    AlternativeSignature, AuthorityKey, AuthorityOptions, ClassicalAuthority, HybridAuthority,
    IssueError, LeafKey, LeafRequest, RsaBits, TokenIssuer, TokenIssuerOptions, TokenRequest,
};
use sallyport_credentials::{AuthoritySet, certificate, pem, sha256, token};
use sallyport_engine::facts::PeerCertificate;
use sallyport_engine::headers::TokenHalves;
use sallyport_engine::identity::Assurance;
use sallyport_engine::policy::raw::{
    AlternativeAlgorithm, AlternativeTokenAlgorithm, Authorities, ClassicalTokenAlgorithm,
};
use sallyport_engine::time::TimeMs;

const START: TimeMs = TimeMs::from_seconds(1_790_000_000);
const END: TimeMs = TimeMs::from_seconds(1_790_086_400);
const SUBJECT: &str = "spiffe://cluster.local/ns/shop/sa/cart";

fn options(algorithm: AlternativeAlgorithm) -> AuthorityOptions {
    AuthorityOptions {
        rsa_bits: RsaBits::Bits2048,
        algorithm,
        ..AuthorityOptions::new("mesh", START, END)
    }
}

fn token_options(algorithm: AlternativeTokenAlgorithm) -> TokenIssuerOptions {
    TokenIssuerOptions {
        name: "tokens".to_owned(),
        trust_domain: "cluster.local".to_owned(),
        issuer: "https://tokens.example".to_owned(),
        audience: "mesh".to_owned(),
        classical_algorithm: ClassicalTokenAlgorithm::RS256,
        algorithm,
        rsa_bits: RsaBits::Bits2048,
        maximum_lifetime_seconds: Some(600),
    }
}

fn request() -> LeafRequest {
    LeafRequest::new(SUBJECT.parse().unwrap(), START, END)
}

fn assurance(set: &AuthoritySet, der: &[u8]) -> Assurance {
    match certificate::read(set, der) {
        PeerCertificate::Read { credential, .. } => credential.unwrap().assurance,
        PeerCertificate::Unavailable | PeerCertificate::Unreadable => Assurance::Plaintext,
    }
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_hybrid_authority_is_the_same_after_saving_and_loading() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("ca");
    let authority = HybridAuthority::generate(&options(AlternativeAlgorithm::MlDsa87)).unwrap();
    authority.save(&directory).unwrap();
    #[cfg(unix)]
    for key in ["ca.key", "ca.mldsa.key"] {
        assert_eq!(mode(&directory.join(key)), 0o600, "{key}");
    }
    let loaded = HybridAuthority::load(&directory).unwrap();
    let entry = loaded.to_policy("mesh-ca", "cluster.local").unwrap();
    assert_eq!(
        entry,
        authority.to_policy("mesh-ca", "cluster.local").unwrap()
    );
    let authorities = Authorities {
        certificates: Some(vec![entry]),
        tokens: None,
        ..Authorities::default()
    };
    let set = AuthoritySet::new(Some(&authorities)).unwrap();
    let leaf = loaded.issue_leaf(&request()).unwrap();
    assert_eq!(assurance(&set, &leaf.certificate_der), Assurance::Hybrid);
    let der = pem::decode_certificate(leaf.certificate_pem.as_bytes()).unwrap();
    assert_eq!(sha256(&der), leaf.sha256());
}

#[test]
fn saving_never_overwrites_a_key() {
    let home = tempfile::tempdir().unwrap();
    let authority = ClassicalAuthority::generate(&options(AlternativeAlgorithm::MlDsa65)).unwrap();
    authority.save(home.path()).unwrap();
    let before = fs::read_to_string(home.path().join("ca.key")).unwrap();
    assert!(matches!(
        authority.save(home.path()),
        Err(IssueError::Unwritable { .. })
    ));
    assert_eq!(
        fs::read_to_string(home.path().join("ca.key")).unwrap(),
        before
    );
}

#[test]
fn loading_refuses_files_of_two_authorities() {
    let home = tempfile::tempdir().unwrap();
    let (one, other) = (home.path().join("one"), home.path().join("other"));
    for directory in [&one, &other] {
        let authority = HybridAuthority::generate(&options(AlternativeAlgorithm::MlDsa65));
        authority.unwrap().save(directory).unwrap();
    }
    fs::copy(one.join("ca.mldsa.pub"), other.join("ca.mldsa.pub")).unwrap();
    assert!(matches!(
        HybridAuthority::load(&other),
        Err(IssueError::Mismatch { .. })
    ));
    fs::copy(one.join("ca.crt"), other.join("ca.crt")).unwrap();
    assert!(matches!(
        ClassicalAuthority::load(&other),
        Err(IssueError::Mismatch { .. })
    ));
    fs::write(other.join("ca.crt"), "nothing").unwrap();
    assert!(matches!(
        ClassicalAuthority::load(&other),
        Err(IssueError::Pem { .. })
    ));
    fs::remove_file(other.join("ca.crt")).unwrap();
    assert!(matches!(
        ClassicalAuthority::load(&other),
        Err(IssueError::Unreadable { .. })
    ));
}

#[test]
fn token_issuers_are_the_same_after_saving_and_loading() {
    for algorithm in [
        AlternativeTokenAlgorithm::MlDsa44,
        AlternativeTokenAlgorithm::MlDsa65,
        AlternativeTokenAlgorithm::Dilithium5,
    ] {
        let home = tempfile::tempdir().unwrap();
        let issuer = TokenIssuer::generate(token_options(algorithm)).unwrap();
        issuer.save(home.path()).unwrap();
        #[cfg(unix)]
        for key in ["token.key", "token.pq.key"] {
            assert_eq!(mode(&home.path().join(key)), 0o600, "{key}");
        }
        let loaded = TokenIssuer::load(home.path()).unwrap();
        assert_eq!(loaded.to_policy(), issuer.to_policy());
        let authorities = Authorities {
            certificates: None,
            tokens: Some(vec![issuer.to_policy()]),
            ..Authorities::default()
        };
        let set = AuthoritySet::new(Some(&authorities)).unwrap();
        let token = loaded.issue_token(&TokenRequest::new(SUBJECT, [1; 32], 1_790_000_000));
        let token = token.unwrap();
        let headers = TokenHalves {
            token: token.token.as_bytes(),
            signature: token.signature.as_bytes(),
        };
        let facts = token::verify(&set, headers, &[1; 32]).unwrap();
        assert_eq!(facts.assurance, Assurance::Hybrid);
    }
}

#[test]
fn leaves_say_what_was_asked_for() {
    let authority = HybridAuthority::generate(&options(AlternativeAlgorithm::MlDsa65)).unwrap();
    let plain = authority.issue_leaf(&request()).unwrap();
    assert!(plain.alternative_private_key.is_none());
    let mut asked = request();
    asked.key = LeafKey::Rsa2048;
    asked.own_alternative_key = true;
    asked.alternative = AlternativeSignature::Absent;
    let leaf = authority.issue_leaf(&asked).unwrap();
    let own = leaf.alternative_private_key.unwrap();
    assert!(own.expose().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    assert!(
        leaf.private_key
            .expose()
            .starts_with("-----BEGIN PRIVATE KEY-----\n")
    );
    assert!(
        plain.certificate_der.len() > 3309 + 500,
        "no alternative signature"
    );
    assert!(leaf.certificate_der.len() < plain.certificate_der.len());
}

#[test]
fn authorities_with_ecdsa_keys_are_the_same_after_saving_and_loading() {
    for key in [AuthorityKey::EcdsaP256, AuthorityKey::EcdsaP384] {
        let home = tempfile::tempdir().unwrap();
        let options = AuthorityOptions {
            key,
            ..options(AlternativeAlgorithm::MlDsa44)
        };
        let authority = HybridAuthority::generate(&options).unwrap();
        authority.save(home.path()).unwrap();
        let loaded = HybridAuthority::load(home.path()).unwrap();
        let entry = loaded.to_policy("mesh-ca", "cluster.local").unwrap();
        let authorities = Authorities {
            certificates: Some(vec![entry]),
            ..Authorities::default()
        };
        let set = AuthoritySet::new(Some(&authorities)).unwrap();
        let leaf = loaded.issue_leaf(&request()).unwrap();
        assert_eq!(assurance(&set, &leaf.certificate_der), Assurance::Hybrid);
    }
}

#[test]
fn private_keys_of_ml_dsa_leaves_hold_the_seed_alone() {
    let authority = HybridAuthority::generate(&options(AlternativeAlgorithm::MlDsa65)).unwrap();
    for (key, number) in [
        (LeafKey::MlDsa44, 0x11),
        (LeafKey::MlDsa65, 0x12),
        (LeafKey::MlDsa87, 0x13),
    ] {
        let asked = LeafRequest { key, ..request() };
        let leaf = authority.issue_leaf(&asked).unwrap();
        let (label, pkcs8) = pem_rfc7468::decode_vec(leaf.private_key.expose().as_bytes()).unwrap();
        assert_eq!(label, "PRIVATE KEY");
        // RFC 9881, section 6: SEQUENCE, version 0, algorithm, OCTET STRING of [0] of 32 bytes.
        let head = [
            0x30, 0x34, 0x02, 0x01, 0x00, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
            0x03, 0x04, 0x03, number, 0x04, 0x22, 0x80, 0x20,
        ];
        assert!(pkcs8.starts_with(&head));
        assert_eq!(pkcs8.len(), head.len() + 32);
    }
}

#[test]
fn refuses_times_that_no_certificate_can_say() {
    let authority = ClassicalAuthority::generate(&options(AlternativeAlgorithm::MlDsa65)).unwrap();
    let late = LeafRequest::new(SUBJECT.parse().unwrap(), START, TimeMs(u64::MAX));
    assert!(matches!(authority.issue_leaf(&late), Err(IssueError::Time)));
}
