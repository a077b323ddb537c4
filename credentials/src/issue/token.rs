//! Issuers of hybrid tokens.

use std::collections::BTreeMap;
use std::path::Path;

use base64ct::{Base64UrlUnpadded, Encoding};
use sallyport_engine::policy::raw::{
    self, AlternativeTokenAlgorithm, ClassicalTokenAlgorithm, Material,
};
use serde_json::{Map, Value, json};

use super::alternative::{
    AlternativeSigner, DILITHIUM5_PRIVATE_KEY, DILITHIUM5_PUBLIC_KEY, MlDsaSigner,
};
use super::files::{self, Access};
use super::rsa::{PRIVATE_KEY, RsaSigner};
use super::{IssueError, RsaBits, random_bytes};
use crate::alternative::jose_name;
use crate::token::{IDENTITY_TYPE, SIGNATURE_TYPE, TOKEN_TYPE, classical_name, signing_input};

/// What a new issuer of tokens shall be.
#[derive(Debug, Clone)]
pub struct TokenIssuerOptions {
    /// The name of its entry in a policy; its key ids are made of it.
    pub name: String,
    /// The one trust domain that it certifies.
    pub trust_domain: String,
    /// Its `iss`.
    pub issuer: String,
    /// The `aud` of its tokens.
    pub audience: String,
    /// The algorithm of its RSA key.
    pub classical_algorithm: ClassicalTokenAlgorithm,
    /// The algorithm of its post-quantum key.
    pub algorithm: AlternativeTokenAlgorithm,
    /// The size of its RSA key.
    pub rsa_bits: RsaBits,
    /// The longest lifetime of its tokens that a policy shall accept, in seconds.
    pub maximum_lifetime_seconds: Option<u32>,
}

/// An issuer of hybrid tokens.
pub struct TokenIssuer {
    policy: raw::TokenAuthority,
    classical: RsaSigner,
    alternative: AlternativeSigner,
}

/// What a token shall say.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// Its `sub`, usually a SPIFFE ID.
    pub subject: String,
    /// SHA-256 of the DER of the certificate that it is bound to.
    pub certificate_sha256: [u8; 32],
    /// Its `iat`: seconds since the Unix epoch.
    pub issued_at_seconds: u64,
    /// Its lifetime, in seconds.
    pub lifetime_seconds: u64,
    /// What kind of token it shall be.
    pub kind: TokenKind,
    /// Further, changed or left out claims.
    pub claims: Overrides,
    /// Further, changed or left out members of the JWT's header.
    pub header: Overrides,
    /// Further, changed or left out members of the detached JWS's header.
    pub signature_header: Overrides,
}

/// The kinds of tokens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TokenKind {
    /// A hybrid token: bound to a certificate, and good by itself.
    #[default]
    Hybrid,
    /// A workload identity token for this key (a JWK), worth nothing without its proof.
    Identity(Value),
}

/// Members to set, or with `None` to leave out, after the usual ones were set.
pub type Overrides = BTreeMap<String, Option<Value>>;

/// An issued token: the values of two headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The value of `hybrid-identity-token`, or of `workload-identity-token`.
    pub token: String,
    /// The value of `hybrid-identity-signature`.
    pub signature: String,
}

const POLICY_FILE: &str = "issuer.json";
const CLASSICAL_KEY_FILE: &str = "token.key";
const CLASSICAL_PUBLIC_KEY_FILE: &str = "token.pub";
const ALTERNATIVE_KEY_FILE: &str = "token.pq.key";
const ALTERNATIVE_PUBLIC_KEY_FILE: &str = "token.pq.pub";

// === impl TokenIssuer ===

impl TokenIssuer {
    /// Makes both keys.
    ///
    /// # Errors
    ///
    /// When the operating system gives no randomness, or this build lacks the algorithm.
    pub fn generate(options: TokenIssuerOptions) -> Result<Self, IssueError> {
        let classical = RsaSigner::generate(options.rsa_bits)?;
        let alternative = AlternativeSigner::generate(options.algorithm)?;
        let policy = raw::TokenAuthority {
            classical_key: raw::ClassicalKey {
                kid: format!("{}-rsa", options.name),
                algorithm: options.classical_algorithm,
                public_key: Material::Inline(classical.public_key_pem()?),
            },
            alternative_key: raw::TokenAlternativeKey {
                kid: format!("{}-pq", options.name),
                algorithm: options.algorithm,
                public_key: Material::Inline(alternative.public_key_pem()?),
            },
            name: options.name,
            trust_domain: options.trust_domain,
            issuer: options.issuer,
            audience: options.audience,
            maximum_lifetime_seconds: options.maximum_lifetime_seconds,
        };
        Ok(Self {
            policy,
            classical,
            alternative,
        })
    }

    /// Reads what [`Self::save`] wrote.
    ///
    /// # Errors
    ///
    /// When a file is missing, is not what its name says, or does not belong to the others.
    pub fn load(directory: &Path) -> Result<Self, IssueError> {
        let mismatch = |file| IssueError::Mismatch {
            path: directory.join(file),
        };
        let policy: raw::TokenAuthority =
            serde_json::from_str(&files::read(directory, POLICY_FILE)?)
                .map_err(|_| mismatch(POLICY_FILE))?;
        let pkcs8 = files::read_pem(directory, CLASSICAL_KEY_FILE, PRIVATE_KEY)?;
        let classical = RsaSigner::from_pkcs8(&pkcs8)?;
        if policy.classical_key.public_key != Material::Inline(classical.public_key_pem()?) {
            return Err(mismatch(CLASSICAL_KEY_FILE));
        }
        let alternative = load_alternative(directory, policy.alternative_key.algorithm)?
            .ok_or_else(|| mismatch(ALTERNATIVE_KEY_FILE))?;
        if policy.alternative_key.public_key != Material::Inline(alternative.public_key_pem()?) {
            return Err(mismatch(ALTERNATIVE_KEY_FILE));
        }
        Ok(Self {
            policy,
            classical,
            alternative,
        })
    }

    /// Writes `issuer.json` (the policy's entry), `token.key` (PKCS #8), `token.pub`,
    /// `token.pq.key` (ML-DSA: PKCS #8 with the seed alone; else `DILITHIUM5 PRIVATE KEY`) and
    /// `token.pq.pub` into a directory, which is made if need be. Private keys get mode 0600.
    /// Files that exist are not overwritten.
    ///
    /// # Errors
    ///
    /// When a file exists or cannot be written.
    pub fn save(&self, directory: &Path) -> Result<(), IssueError> {
        let policy =
            serde_json::to_string_pretty(&self.policy).map_err(|_| IssueError::Encoding)?;
        let classical = self.classical.private_key_pem()?;
        let alternative = self.alternative.private_key_pem()?;
        let public = self.classical.public_key_pem()?;
        let alternative_public = self.alternative.public_key_pem()?;
        files::write(
            directory,
            CLASSICAL_KEY_FILE,
            classical.expose(),
            Access::Owner,
        )?;
        files::write(
            directory,
            ALTERNATIVE_KEY_FILE,
            alternative.expose(),
            Access::Owner,
        )?;
        files::write(
            directory,
            CLASSICAL_PUBLIC_KEY_FILE,
            &public,
            Access::Everyone,
        )?;
        files::write(
            directory,
            ALTERNATIVE_PUBLIC_KEY_FILE,
            &alternative_public,
            Access::Everyone,
        )?;
        files::write(directory, POLICY_FILE, &policy, Access::Everyone)
    }

    /// The entry by which a policy pins it.
    #[must_use]
    pub fn to_policy(&self) -> raw::TokenAuthority {
        self.policy.clone()
    }

    /// The options by which it is made again, under another name and another `iss`: a policy allows
    /// each only once.
    #[must_use]
    pub fn successor_options(&self, name: String, issuer: String) -> TokenIssuerOptions {
        TokenIssuerOptions {
            name,
            trust_domain: self.policy.trust_domain.clone(),
            issuer,
            audience: self.policy.audience.clone(),
            classical_algorithm: self.policy.classical_key.algorithm,
            algorithm: self.policy.alternative_key.algorithm,
            rsa_bits: self.classical.bits(),
            maximum_lifetime_seconds: self.policy.maximum_lifetime_seconds,
        }
    }

    /// Issues a token. Its `jti` is random, unless the request sets one.
    ///
    /// # Errors
    ///
    /// When the operating system gives no randomness, or a key refuses to sign.
    pub fn issue_token(&self, request: &TokenRequest) -> Result<Token, IssueError> {
        let binding = Base64UrlUnpadded::encode_string(&request.certificate_sha256);
        let (typ, bound) = match &request.kind {
            TokenKind::Hybrid => (
                TOKEN_TYPE,
                json!({
                    "aud": self.policy.audience,
                    "cnf": { "x5t#S256": binding },
                }),
            ),
            TokenKind::Identity(jwk) => (
                IDENTITY_TYPE,
                json!({
                    "x5t#S256": binding,
                    "cnf": { "jwk": jwk },
                }),
            ),
        };
        let header = json!({
            "alg": classical_name(self.policy.classical_key.algorithm),
            "typ": typ,
            "kid": self.policy.classical_key.kid,
        });
        let mut claims = json!({
            "iss": self.policy.issuer,
            "sub": request.subject,
            "iat": request.issued_at_seconds,
            "exp": request.issued_at_seconds.saturating_add(request.lifetime_seconds),
            "jti": Base64UrlUnpadded::encode_string(&random_bytes::<16>()?),
        });
        if let (Some(claims), Value::Object(bound)) = (claims.as_object_mut(), bound) {
            claims.extend(bound);
        }
        let signature_header = json!({
            "alg": jose_name(self.policy.alternative_key.algorithm),
            "typ": SIGNATURE_TYPE,
            "kid": self.policy.alternative_key.kid,
        });
        self.sign(
            &with_overrides(header, &request.header)?,
            &with_overrides(claims, &request.claims)?,
            &with_overrides(signature_header, &request.signature_header)?,
        )
    }

    /// Signs these three texts as they are, sensible or not: for tests of readers.
    ///
    /// # Errors
    ///
    /// When a key refuses to sign.
    pub fn sign(
        &self,
        header: &str,
        claims: &str,
        signature_header: &str,
    ) -> Result<Token, IssueError> {
        let encode = |text: &str| Base64UrlUnpadded::encode_string(text.as_bytes());
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = self
            .classical
            .sign_token(self.policy.classical_key.algorithm, message.as_bytes())?;
        let token = format!("{message}.{}", Base64UrlUnpadded::encode_string(&signature));
        let signature = self.sign_detached(&token, signature_header)?;
        Ok(Token { token, signature })
    }

    /// Signs any text as the payload of the detached JWS: for tests of readers.
    ///
    /// # Errors
    ///
    /// When the key refuses to sign.
    pub fn sign_detached(&self, token: &str, signature_header: &str) -> Result<String, IssueError> {
        let header = Base64UrlUnpadded::encode_string(signature_header.as_bytes());
        let signature = self
            .alternative
            .sign(signing_input(&header, token).as_bytes())?;
        Ok(format!(
            "{header}..{}",
            Base64UrlUnpadded::encode_string(&signature)
        ))
    }
}

// === impl TokenRequest ===

impl TokenRequest {
    /// A token of five minutes from a time on.
    #[must_use]
    pub fn new(subject: &str, certificate_sha256: [u8; 32], issued_at_seconds: u64) -> Self {
        Self {
            subject: subject.to_owned(),
            certificate_sha256,
            issued_at_seconds,
            lifetime_seconds: 300,
            kind: TokenKind::Hybrid,
            claims: Overrides::new(),
            header: Overrides::new(),
            signature_header: Overrides::new(),
        }
    }
}

/// The post-quantum key of a directory; none if its file holds something else.
fn load_alternative(
    directory: &Path,
    algorithm: AlternativeTokenAlgorithm,
) -> Result<Option<AlternativeSigner>, IssueError> {
    match algorithm {
        AlternativeTokenAlgorithm::MlDsa44
        | AlternativeTokenAlgorithm::MlDsa65
        | AlternativeTokenAlgorithm::MlDsa87 => {
            let pkcs8 = files::read_pem(directory, ALTERNATIVE_KEY_FILE, PRIVATE_KEY)?;
            Ok(MlDsaSigner::from_pkcs8(&pkcs8).map(AlternativeSigner::MlDsa))
        }
        AlternativeTokenAlgorithm::Dilithium5 => {
            let secret = files::read_pem(directory, ALTERNATIVE_KEY_FILE, DILITHIUM5_PRIVATE_KEY)?;
            let public = files::read_pem(
                directory,
                ALTERNATIVE_PUBLIC_KEY_FILE,
                DILITHIUM5_PUBLIC_KEY,
            )?;
            Ok(AlternativeSigner::from_dilithium5(&secret, &public))
        }
    }
}

pub(super) fn with_overrides(members: Value, overrides: &Overrides) -> Result<String, IssueError> {
    let mut members: Map<String, Value> =
        serde_json::from_value(members).map_err(|_| IssueError::Encoding)?;
    for (name, value) in overrides {
        match value {
            Some(value) => members.insert(name.clone(), value.clone()),
            None => members.remove(name),
        };
    }
    serde_json::to_string(&members).map_err(|_| IssueError::Encoding)
}
