//! A workload's own ML-DSA key, and the proofs that it makes.

use base64ct::{Base64UrlUnpadded, Encoding};
use sallyport_engine::policy::raw::AlternativeAlgorithm;
use serde_json::{Value, json};

use super::alternative::MlDsaSigner;
use super::rsa::PRIVATE_KEY;
use super::token::{Overrides, with_overrides};
use super::{IssueError, PrivateKeyPem, random_bytes};
use crate::token::PROOF_TYPE;
use crate::{pem, sha256};

/// An ML-DSA key that a workload holds beside the key of its certificate.
pub struct ProofKey(MlDsaSigner);

/// What a proof (WPT) shall say.
#[derive(Debug, Clone)]
pub struct ProofRequest<'a> {
    /// The workload identity token that it belongs to.
    pub identity_token: &'a str,
    /// The SPIFFE ID of the workload that is called.
    pub audience: &'a str,
    /// Its `exp`: seconds since the Unix epoch.
    pub expires_at_seconds: u64,
    /// The access token of the request, if it has one.
    pub access_token: Option<&'a str>,
    /// Further, changed or left out claims.
    pub claims: Overrides,
    /// Further, changed or left out members of the header.
    pub header: Overrides,
}

// === impl ProofKey ===

impl ProofKey {
    /// Makes a key.
    ///
    /// # Errors
    ///
    /// When the operating system gives no randomness.
    pub fn generate(algorithm: AlternativeAlgorithm) -> Result<Self, IssueError> {
        MlDsaSigner::generate(algorithm).map(Self)
    }

    /// Reads a private key as this crate writes it: PKCS #8 with the seed alone (RFC 9881).
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub fn from_private_key_pem(text: &str) -> Result<Self, IssueError> {
        let pkcs8 = pem::decode_material(text, PRIVATE_KEY).map_err(|_| IssueError::Encoding)?;
        MlDsaSigner::from_pkcs8(&pkcs8)
            .map(Self)
            .ok_or(IssueError::Encoding)
    }

    /// The private key in PEM.
    ///
    /// # Errors
    ///
    /// When it cannot be encoded.
    pub fn private_key_pem(&self) -> Result<PrivateKeyPem, IssueError> {
        self.0.private_key_pem()
    }

    /// The `SubjectPublicKeyInfo` in DER.
    #[must_use]
    pub fn public_key_spki(&self) -> Vec<u8> {
        self.0.public_key_spki()
    }

    /// The public key as a JWK (RFC 9964, section 3), for `cnf.jwk`.
    #[must_use]
    pub fn public_jwk(&self) -> Value {
        json!({
            "kty": "AKP",
            "alg": self.0.algorithm().name(),
            "pub": Base64UrlUnpadded::encode_string(&self.0.public_key()),
        })
    }

    /// Makes a proof. Its `jti` is random, unless the request sets one.
    ///
    /// # Errors
    ///
    /// When the operating system gives no randomness, or the key refuses to sign.
    pub fn prove(&self, request: &ProofRequest<'_>) -> Result<String, IssueError> {
        let hash = |token: &str| Base64UrlUnpadded::encode_string(&sha256(token.as_bytes()));
        let header = json!({
            "alg": self.0.algorithm().name(),
            "typ": PROOF_TYPE,
        });
        let mut claims = json!({
            "aud": request.audience,
            "exp": request.expires_at_seconds,
            "jti": Base64UrlUnpadded::encode_string(&random_bytes::<16>()?),
            "wth": hash(request.identity_token),
        });
        if let (Some(claims), Some(token)) = (claims.as_object_mut(), request.access_token) {
            claims.insert("ath".to_owned(), Value::String(hash(token)));
        }
        self.sign(
            &with_overrides(header, &request.header)?,
            &with_overrides(claims, &request.claims)?,
        )
    }

    /// Signs these two texts as they are, sensible or not: for tests of readers.
    ///
    /// # Errors
    ///
    /// When the key refuses to sign.
    pub fn sign(&self, header: &str, claims: &str) -> Result<String, IssueError> {
        let encode = |text: &str| Base64UrlUnpadded::encode_string(text.as_bytes());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = Base64UrlUnpadded::encode_string(&self.0.sign(signed.as_bytes())?);
        Ok(format!("{signed}.{signature}"))
    }
}

// === impl ProofRequest ===

impl<'a> ProofRequest<'a> {
    /// A proof of a minute from a time on.
    #[must_use]
    pub const fn new(identity_token: &'a str, audience: &'a str, now_seconds: u64) -> Self {
        Self {
            identity_token,
            audience,
            expires_at_seconds: now_seconds.saturating_add(60),
            access_token: None,
            claims: Overrides::new(),
            header: Overrides::new(),
        }
    }
}
