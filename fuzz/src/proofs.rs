//! A workload with an identity token and the key that makes its proofs.
//!
//! Both are made anew in each process, since what is behind a signature is reached only by who can
//! sign. Texts name what differs from one process to the next by `@`.

use sallyport_credentials::AuthoritySet;
use sallyport_credentials::issue::{
    ProofKey, ProofRequest, RsaBits, Token, TokenIssuer, TokenIssuerOptions, TokenKind,
    TokenRequest,
};
use sallyport_engine::facts::{ KeyExchange,MutualTls, PeerCertificate, PeerValidation, TlsVersion};
use sallyport_engine::identity::SpiffeId;
use sallyport_engine::policy::raw::{
    AlternativeAlgorithm, AlternativeTokenAlgorithm, Authorities, ClassicalTokenAlgorithm,
};

/// Everybody in a request with a proof.
pub struct Proving {
    /// Who signs identity tokens.
    pub issuer: TokenIssuer,
    /// What is pinned of it.
    pub set: AuthoritySet,
    /// The workload's own key.
    pub key: ProofKey,
    /// The workload's identity token.
    pub identity: Token,
    /// A proof for it.
    pub proof: String,
    /// The connection of the workload.
    pub tls: MutualTls,
    /// Whom it calls.
    pub called: SpiffeId,
}

const NOW: u64 = 1_790_000_000;
const CALLED: &str = "spiffe://cluster.local/ns/ml/sa/inference";
/// What [`Proving::BINDING`] encodes.
const CERTIFICATE_SHA256: [u8; 32] = [7; 32];

// === impl Proving ===

impl Proving {
    /// The header of an identity token.
    pub const IDENTITY_HEADER: &str = r#"{"alg":"PS256","typ":"wit+jwt","kid":"@"}"#;
    /// The header of a proof.
    pub const PROOF_HEADER: &str = r#"{"alg":"ML-DSA-44","typ":"wpt+jwt"}"#;
    /// The issuer's name.
    pub const ISSUER: &str = "https://tokens.example";
    /// The workload's name.
    pub const SUBJECT: &str = "spiffe://cluster.local/ns/ml/sa/gateway";
    /// The certificate of its connection, as tokens name it.
    pub const BINDING: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
    /// The longest time that an identity token may be valid, in seconds.
    pub const LIFETIME_SECONDS: u64 = 600;

    /// Claims of an identity token that hold; `@` stands for the workload's public key.
    pub fn identity_claims() -> String {
        format!(
            r#"{{"iss":"{}","sub":"{}","iat":{NOW},"nbf":{NOW},"exp":{},"jti":"a","x5t#S256":"{}","cnf":{{"jwk":{{"kty":"AKP","alg":"ML-DSA-44","pub":"@"}}}}}}"#,
            Self::ISSUER,
            Self::SUBJECT,
            NOW + 300,
            Self::BINDING,
        )
    }

    /// Claims of a proof that hold; `@` stands for the hash of the identity token.
    pub fn proof_claims() -> String {
        format!(
            r#"{{"aud":["{CALLED}"],"exp":{},"jti":"a","wth":"@"}}"#,
            NOW + 60
        )
    }
}

/// Makes one.
pub fn proving() -> Proving {
    let issuer = TokenIssuer::generate(TokenIssuerOptions {
        name: "tokens".to_owned(),
        trust_domain: "cluster.local".to_owned(),
        issuer: Proving::ISSUER.to_owned(),
        audience: "mesh".to_owned(),
        classical_algorithm: ClassicalTokenAlgorithm::PS256,
        algorithm: AlternativeTokenAlgorithm::MlDsa44,
        rsa_bits: RsaBits::Bits2048,
        maximum_lifetime_seconds: Some(Proving::LIFETIME_SECONDS.try_into().unwrap()),
    })
    .unwrap();
    let key = ProofKey::generate(AlternativeAlgorithm::MlDsa44).unwrap();
    let request = TokenRequest {
        kind: TokenKind::Identity(key.public_jwk()),
        ..TokenRequest::new(Proving::SUBJECT, CERTIFICATE_SHA256, NOW)
    };
    let identity = issuer.issue_token(&request).unwrap();
    let proof = key
        .prove(&ProofRequest::new(&identity.token, CALLED, NOW))
        .unwrap();
    let authorities = Authorities {
        tokens: Some(vec![issuer.to_policy()]),
        ..Authorities::default()
    };
    let set = AuthoritySet::new(Some(&authorities)).map_err(|faults| format!("{faults:?}"));
    Proving {
        set: set.unwrap(),
        issuer,
        key,
        identity,
        proof,
        tls: MutualTls {
            validation: PeerValidation::Validated,
            version: TlsVersion::Tls13,
            key_exchange: KeyExchange::Hidden,
            certificate_sha256: CERTIFICATE_SHA256,
            certificate: PeerCertificate::Unavailable,
        },
        called: CALLED.parse().unwrap(),
    }
}
