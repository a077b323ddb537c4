//! From the description of credentials in a scenario to credentials.

use std::collections::BTreeMap;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sallyport_credentials::issue::{
    AlternativeSignature as Signed, IssueError, Leaf, LeafRequest, ProofKey, ProofRequest, Token,
    TokenIssuer, TokenKind, TokenRequest,
};
use sallyport_credentials::sha256;
use sallyport_engine::headers::{IDENTITY_TOKEN, PROOF, TOKEN, TOKEN_SIGNATURE};
use sallyport_engine::identity::SpiffeId;
use sallyport_engine::policy::raw::AlternativeAlgorithm;
use sallyport_engine::time::TimeMs;
use serde_json::json;

use super::{World, forge, issue_error};
use crate::HarnessError;
use crate::scenario::{
    self, AlternativeSignature, Certificate, CertificateIssuer, ProofMaker, Scenario,
    TokenAlteration, TokenHeaders, Validity,
};
use crate::wire::ClientIdentity;

/// The credentials of a scenario.
#[derive(Debug)]
pub struct Credentials {
    certificates: BTreeMap<String, Identity>,
    tokens: BTreeMap<String, SignedToken>,
}

/// A certificate with its key.
#[derive(Debug)]
pub struct Identity {
    /// As a TLS client presents it.
    pub client: ClientIdentity,
    /// The certificate in PEM.
    pub certificate_pem: String,
    /// The key in PEM.
    pub key_pem: String,
    /// SHA-256 of the certificate.
    pub sha256: [u8; 32],
}

/// A token, ready to be sent.
#[derive(Debug, Clone)]
pub struct SignedToken {
    /// The headers that carry it, in their order.
    pub headers: Vec<(String, String)>,
}

// === impl Credentials ===

impl Credentials {
    /// Issues everything that a scenario describes. `start_seconds` is the time from which its
    /// validities count, in seconds since the Unix epoch.
    ///
    /// # Errors
    /// When something cannot be issued.
    pub fn issue(
        world: &World,
        scenario: &Scenario,
        start_seconds: i64,
    ) -> Result<Self, HarnessError> {
        let mut issued = Self {
            certificates: BTreeMap::new(),
            tokens: BTreeMap::new(),
        };
        for (name, description) in &scenario.certificates {
            let identity = certificate(world, name, description, start_seconds)?;
            issued.certificates.insert(name.clone(), identity);
        }
        for (name, description) in &scenario.tokens {
            let bound_to = issued.certificate(&description.bound_to)?.sha256;
            let called = &scenario.workload;
            let token = token(world, name, description, called, bound_to, start_seconds)?;
            issued.tokens.insert(name.clone(), token);
        }
        Ok(issued)
    }

    /// A certificate by its name.
    ///
    /// # Errors
    /// When the scenario has none of this name.
    pub fn certificate(&self, name: &str) -> Result<&Identity, HarnessError> {
        self.certificates.get(name).ok_or_else(|| unknown(name))
    }

    /// A token by its name.
    ///
    /// # Errors
    /// When the scenario has none of this name.
    pub fn token(&self, name: &str) -> Result<&SignedToken, HarnessError> {
        self.tokens.get(name).ok_or_else(|| unknown(name))
    }
}

// === impl Identity ===

impl Identity {
    /// The parts of a leaf.
    ///
    /// # Errors
    /// When the key is no PEM.
    pub fn new(
        certificate_der: Vec<u8>,
        certificate_pem: String,
        key_pem: &str,
    ) -> Result<Self, HarnessError> {
        let key =
            PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|_| HarnessError::Issue {
                what: "a key".to_owned(),
                cause: "no PEM".to_owned(),
            })?;
        let sha256 = sha256(&certificate_der);
        let certificate = CertificateDer::from(certificate_der);
        let client = ClientIdentity { certificate, key };
        Ok(Self {
            client,
            certificate_pem,
            key_pem: key_pem.to_owned(),
            sha256,
        })
    }
}

/// Issues a certificate.
pub(super) fn certificate(
    world: &World,
    name: &str,
    description: &Certificate,
    start_seconds: i64,
) -> Result<Identity, HarnessError> {
    let one_name = match description.uris.as_slice() {
        [uri] => uri.as_str(),
        _ => "",
    };
    let Ok(spiffe_id) = one_name.parse::<SpiffeId>() else {
        return forge::with_odd_names(world, name, description, start_seconds);
    };
    let Validity {
        from_seconds,
        until_seconds,
    } = description.validity;
    let not_before = time(start_seconds, from_seconds);
    let mut request = LeafRequest::new(spiffe_id, not_before, time(start_seconds, until_seconds));
    if description.alternative_signature == AlternativeSignature::Stripped {
        request.alternative = Signed::Absent;
    }
    let leaf = match (description.authority, description.alternative_signature) {
        (CertificateIssuer::Mesh, AlternativeSignature::OfOtherKey) => {
            world.other_key.issue_leaf(&request)
        }
        (CertificateIssuer::Mesh, _) => world.mesh.issue_leaf(&request),
        (CertificateIssuer::Partner, _) => world.partner.issue_leaf(&request),
        (CertificateIssuer::Istiod, _) => world.istiod.issue_leaf(&request),
        (CertificateIssuer::Stranger, _) => world.stranger.issue_leaf(&request),
    };
    let mut leaf = leaf.map_err(|cause| issue_error(name, &cause))?;
    if description.alternative_signature == AlternativeSignature::Altered {
        forge::alter_alternative_signature(world, &mut leaf)?;
    }
    let Leaf {
        certificate_der,
        certificate_pem,
        private_key,
        ..
    } = leaf;
    Identity::new(certificate_der, certificate_pem, private_key.expose())
}

fn token(
    world: &World,
    name: &str,
    description: &scenario::Token,
    called: &str,
    certificate_sha256: [u8; 32],
    start_seconds: i64,
) -> Result<SignedToken, HarnessError> {
    let issuer = match description.authority {
        scenario::TokenIssuer::Tokens => &world.tokens,
        scenario::TokenIssuer::LegacyTokens => &world.legacy_tokens,
        scenario::TokenIssuer::Unpinned => &world.unpinned_tokens,
    };
    let Validity {
        from_seconds,
        until_seconds,
    } = description.validity;
    let issued_at_seconds = time(start_seconds, from_seconds).0 / 1000;
    let lifetime = until_seconds.saturating_sub(from_seconds);
    let mut request =
        TokenRequest::new(&description.subject, certificate_sha256, issued_at_seconds);
    request.lifetime_seconds = u64::try_from(lifetime).unwrap_or(0);
    request.claims = description.claims.clone();
    request.header = description.header.clone();
    let failed = |cause: IssueError| issue_error(name, &cause);
    let key = match &description.proof {
        None => None,
        Some(_) => Some(ProofKey::generate(AlternativeAlgorithm::MlDsa65).map_err(failed)?),
    };
    if let Some(key) = &key {
        request.kind = TokenKind::Identity(key.public_jwk());
    }
    let token = issuer
        .issue_token(&request)
        .map_err(|cause| issue_error(name, &cause))?;
    let token = alter(issuer, &request, token, description.altered)
        .map_err(|cause| issue_error(name, &cause))?;
    let proof = match (&description.proof, &key) {
        (Some(proof), Some(key)) => {
            Some(prove(proof, key, &token.token, called, start_seconds).map_err(failed)?)
        }
        (None, _) | (_, None) => None,
    };
    Ok(SignedToken {
        headers: match proof {
            None => headers(&token, TOKEN, description.sent),
            Some(proof) => {
                let mut all = headers(&token, IDENTITY_TOKEN, description.sent);
                all.extend(proof.map(|proof| (PROOF.to_owned(), proof)));
                all
            }
        },
    })
}

/// None where nobody makes the proof.
fn prove(
    description: &scenario::Proof,
    key: &ProofKey,
    identity_token: &str,
    called: &str,
    start_seconds: i64,
) -> Result<Option<String>, IssueError> {
    let audience = description.audience.as_deref().unwrap_or(called);
    let request = ProofRequest {
        expires_at_seconds: time(start_seconds, description.expires_seconds).0 / 1000,
        access_token: description.access_token.as_deref(),
        ..ProofRequest::new(identity_token, audience, 0)
    };
    match description.by {
        ProofMaker::Workload => key.prove(&request).map(Some),
        ProofMaker::Thief => ProofKey::generate(AlternativeAlgorithm::MlDsa65)?
            .prove(&request)
            .map(Some),
        ProofMaker::Nobody => Ok(None),
    }
}

fn alter(
    issuer: &TokenIssuer,
    request: &TokenRequest,
    mut token: Token,
    alteration: TokenAlteration,
) -> Result<Token, IssueError> {
    match alteration {
        TokenAlteration::None => {}
        TokenAlteration::Claims => {
            let mut other = request.clone();
            other
                .claims
                .insert("role".to_owned(), Some(json!("administrator")));
            token.token = with_claims_of(&token.token, &issuer.issue_token(&other)?.token);
        }
        TokenAlteration::AlternativeSignature => {
            token.signature = change_in_part(&token.signature, 2);
        }
        TokenAlteration::ClassicalSignature => {
            token.token = change_in_part(&token.token, 2);
            let pin = issuer.to_policy().alternative_key;
            let header = json!({
                "alg": pin.algorithm,
                "typ": sallyport_credentials::token::SIGNATURE_TYPE,
                "kid": pin.kid,
            });
            token.signature = issuer.sign_detached(&token.token, &header.to_string())?;
        }
    }
    Ok(token)
}

/// A JWT with the claims of another one and the signature that it had.
fn with_claims_of(jwt: &str, other: &str) -> String {
    let mut parts: Vec<&str> = jwt.split('.').collect();
    if let (Some(claims), Some(others)) = (parts.get_mut(1), other.split('.').nth(1)) {
        *claims = others;
    }
    parts.join(".")
}

/// Changes one character in the middle of a part of a compact JWS. What is left is base64url still.
fn change_in_part(jws: &str, part: usize) -> String {
    let change = |text: &str| {
        let middle = text.len() / 2;
        let swap = |character| if character == 'A' { 'B' } else { 'A' };
        let changed = text.chars().enumerate();
        changed
            .map(|(place, c)| if place == middle { swap(c) } else { c })
            .collect::<String>()
    };
    let parts = jws.split('.').enumerate();
    parts
        .map(|(number, text)| {
            if number == part {
                change(text)
            } else {
                text.to_owned()
            }
        })
        .collect::<Vec<_>>()
        .join(".")
}

fn headers(token: &Token, name: &str, sent: TokenHeaders) -> Vec<(String, String)> {
    let jwt = (name.to_owned(), token.token.clone());
    let signature = (TOKEN_SIGNATURE.to_owned(), token.signature.clone());
    match sent {
        TokenHeaders::Both => vec![jwt, signature],
        TokenHeaders::TokenOnly => vec![jwt],
        TokenHeaders::SignatureOnly => vec![signature],
        TokenHeaders::TokenTwice => vec![jwt.clone(), jwt, signature],
        TokenHeaders::SignatureTwice => vec![jwt, signature.clone(), signature],
    }
}

pub(super) fn time(start_seconds: i64, offset_seconds: i64) -> TimeMs {
    TimeMs::from_seconds(u64::try_from(start_seconds.saturating_add(offset_seconds)).unwrap_or(0))
}

fn unknown(name: &str) -> HarnessError {
    HarnessError::Issue {
        what: name.to_owned(),
        cause: "there is no such credential".to_owned(),
    }
}
