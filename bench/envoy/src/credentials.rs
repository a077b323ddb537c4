//! The authorities of a run, and what they issue.

use std::ops::Range;

use base64ct::{Base64UrlUnpadded, Encoding};
use sallyport_credentials::issue::{
    AuthorityOptions, ClassicalAuthority, HybridAuthority, IssueError, Leaf, LeafKey, LeafRequest,
    RsaBits, TokenIssuer, TokenIssuerOptions, TokenRequest,
};
use sallyport_e2e::world::{Identity, now_ms, now_seconds};
use sallyport_engine::headers::{TOKEN, TOKEN_SIGNATURE};
use sallyport_engine::policy::raw::{
    AlternativeTokenAlgorithm, Authorities as Pinned, ClassicalTokenAlgorithm, Material,
};
use sallyport_engine::time::TimeMs;
use serde_json::{Value, json};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::error::BenchError;

/// The authorities of a run. All classical keys of authorities are RSA 2048.
pub(crate) struct Authorities {
    mesh: HybridAuthority,
    istiod: ClassicalAuthority,
    tokens: TokenIssuer,
    jwt: TokenIssuer,
}

/// A calling workload.
pub(crate) struct Peer {
    /// Its certificate: hybrid, or classical where it has a token.
    pub(crate) identity: Identity,
    /// The headers with its hybrid token, if it has one.
    pub(crate) token: Vec<(&'static str, String)>,
}

/// The trust domain.
pub(crate) const TRUST_DOMAIN: &str = "mesh.test";
/// The called workload.
pub(crate) const WORKLOAD: &str = "spiffe://mesh.test/ns/server/sa/server";
/// The namespace of all callers.
pub(crate) const CALLERS: &str = "callers";
/// The `iss` of JWTs.
pub(crate) const JWT_ISSUER: &str = "https://jwt.test";
/// The `aud` of JWTs and tokens.
pub(crate) const AUDIENCE: &str = "server";

/// The service account of a caller.
pub(crate) fn service_account(number: usize) -> String {
    format!("client-{number}")
}

/// The SPIFFE ID of a caller.
pub(crate) fn spiffe_id(number: usize) -> String {
    let account = service_account(number);
    format!("spiffe://{TRUST_DOMAIN}/ns/{CALLERS}/sa/{account}")
}

impl Authorities {
    pub(crate) fn new() -> Result<Self, BenchError> {
        let options = |name: &str| {
            let (start, end) = validity();
            let mut options = AuthorityOptions::new(name, start, end);
            options.rsa_bits = RsaBits::Bits2048;
            options
        };
        let tokens = |name: &str, issuer: &str, classical_algorithm| {
            TokenIssuer::generate(TokenIssuerOptions {
                name: name.to_owned(),
                trust_domain: TRUST_DOMAIN.to_owned(),
                issuer: issuer.to_owned(),
                audience: AUDIENCE.to_owned(),
                classical_algorithm,
                algorithm: AlternativeTokenAlgorithm::MlDsa65,
                rsa_bits: RsaBits::Bits2048,
                maximum_lifetime_seconds: Some(LIFETIME_SECONDS),
            })
        };
        Ok(Self {
            mesh: HybridAuthority::generate(&options("mesh")).map_err(failed)?,
            istiod: ClassicalAuthority::generate(&options("istiod")).map_err(failed)?,
            tokens: tokens(
                "tokens",
                "https://tokens.test",
                ClassicalTokenAlgorithm::PS256,
            )
            .map_err(failed)?,
            jwt: tokens("jwt", JWT_ISSUER, ClassicalTokenAlgorithm::RS256).map_err(failed)?,
        })
    }

    /// The CA certificates that both Envoys trust, in PEM.
    pub(crate) fn trusted_pem(&self) -> String {
        [self.mesh.certificate_pem(), self.istiod.certificate_pem()].join("\n")
    }

    /// What a policy pins.
    pub(crate) fn pinned(&self) -> Result<Pinned, BenchError> {
        Ok(Pinned {
            certificates: Some(vec![
                self.mesh.to_policy("mesh", TRUST_DOMAIN).map_err(failed)?,
                self.istiod.to_policy("istiod", TRUST_DOMAIN),
            ]),
            tokens: Some(vec![self.tokens.to_policy()]),
            ..Pinned::default()
        })
    }

    /// What the called workload presents.
    pub(crate) fn server(&self) -> Result<Identity, BenchError> {
        let mut request = leaf_request(WORKLOAD)?;
        request.key = LeafKey::Rsa2048;
        identity(self.istiod.issue_leaf(&request).map_err(failed)?)
    }

    /// Callers with hybrid certificates, by their numbers.
    pub(crate) fn hybrid_peers(&self, numbers: Range<usize>) -> Result<Vec<Peer>, BenchError> {
        numbers.map(|number| self.hybrid_peer(number)).collect()
    }

    fn hybrid_peer(&self, number: usize) -> Result<Peer, BenchError> {
        let request = leaf_request(&spiffe_id(number))?;
        Ok(Peer {
            identity: identity(self.mesh.issue_leaf(&request).map_err(failed)?)?,
            token: Vec::new(),
        })
    }

    /// A caller with a classical certificate and a hybrid token.
    pub(crate) fn token_peer(&self, number: usize) -> Result<Peer, BenchError> {
        let id = spiffe_id(number);
        let leaf = self.istiod.issue_leaf(&leaf_request(&id)?);
        let leaf = leaf.map_err(failed)?;
        let token = self.tokens.issue_token(&token_request(&id, leaf.sha256()));
        let token = token.map_err(failed)?;
        Ok(Peer {
            identity: identity(leaf)?,
            token: vec![(TOKEN, token.token), (TOKEN_SIGNATURE, token.signature)],
        })
    }

    /// A JWT (RS256), the same for all callers.
    pub(crate) fn jwt(&self) -> Result<String, BenchError> {
        let request = token_request(&spiffe_id(0), [0; 32]);
        Ok(self.jwt.issue_token(&request).map_err(failed)?.token)
    }

    /// The key of that JWT, as a JWK Set (RFC 7517, section 5).
    pub(crate) fn jwks(&self) -> Result<Value, BenchError> {
        let pin = self.jwt.to_policy().classical_key;
        let no_key = || BenchError::Credential("the JWT's key is no RSA key in PEM".to_owned());
        let Material::Inline(pem) = &pin.public_key else {
            return Err(no_key());
        };
        let (_, der) = pem_rfc7468::decode_vec(pem.as_bytes()).map_err(|_| no_key())?;
        let (_, info) = SubjectPublicKeyInfo::from_der(&der).map_err(|_| no_key())?;
        let Ok(PublicKey::RSA(key)) = info.parsed() else {
            return Err(no_key());
        };
        let modulus = key.modulus.strip_prefix(&[0]).unwrap_or(key.modulus);
        Ok(json!({"keys": [{
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": pin.kid,
            "n": Base64UrlUnpadded::encode_string(modulus),
            "e": Base64UrlUnpadded::encode_string(key.exponent),
        }]}))
    }
}

fn leaf_request(id: &str) -> Result<LeafRequest, BenchError> {
    let id = id
        .parse()
        .map_err(|_| BenchError::Credential(format!("`{id}` is no SPIFFE ID")))?;
    let (start, end) = validity();
    let mut request = LeafRequest::new(id, start, end);
    // Quickly made. The kind of a leaf's key matters to its handshake only.
    request.key = LeafKey::EcdsaP256;
    Ok(request)
}

fn token_request(subject: &str, certificate_sha256: [u8; 32]) -> TokenRequest {
    let now = u64::try_from(now_seconds()).unwrap_or(0);
    let mut request = TokenRequest::new(subject, certificate_sha256, now);
    request.lifetime_seconds = u64::from(LIFETIME_SECONDS);
    request
}

fn identity(leaf: Leaf) -> Result<Identity, BenchError> {
    let Leaf {
        certificate_der,
        certificate_pem,
        private_key,
        ..
    } = leaf;
    Ok(Identity::new(
        certificate_der,
        certificate_pem,
        private_key.expose(),
    )?)
}

fn validity() -> (TimeMs, TimeMs) {
    let now = now_ms().0;
    (
        TimeMs(now.saturating_sub(DAY_MS)),
        TimeMs(now.saturating_add(DAY_MS)),
    )
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn failed(cause: IssueError) -> BenchError {
    BenchError::Credential(cause.to_string())
}

const DAY_MS: u64 = 86_400_000;
/// Longer than any run.
const LIFETIME_SECONDS: u32 = 43_200;
