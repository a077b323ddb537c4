//! Workload identity tokens with proofs of possession, after the WIMSE drafts (workload-creds-03,
//! wpt-02).
//!
//! - `workload-identity-token` (WIT): a compact JWT of a pinned token authority, `typ` `wit+jwt`.
//!   Its `cnf.jwk` is an ML-DSA key of the workload (kty `AKP` of RFC 9964), and the claim
//!   `x5t#S256` binds it to one TLS certificate. Its ML-DSA half stands in
//!   `hybrid-identity-signature`, as that of a hybrid token.
//! - `workload-proof-token` (WPT): a compact JWS by the key of the WIT, `typ` `wpt+jwt`, for one
//!   called workload (`aud`: its SPIFFE ID), of at most a minute, with a `jti` that is used on one
//!   connection.
//!
//! A WIT without its proof is no identity. The authority is found by the `kid` of the WIT and must
//! be pinned for the trust domain of `sub`; an `iss`, if there is one, is compared.

use base64ct::{Base64UrlUnpadded, Encoding};
use sallyport_engine::artifact::ArtifactClaims;
use sallyport_engine::facts::{
    CertifiedKeys, CredentialFacts, CredentialFault, CredentialNumber, MutualTls,
};
use sallyport_engine::headers::{ProvenToken, TokenHalves};
use sallyport_engine::identity::{Assurance, SpiffeId};
use sallyport_engine::policy::raw::AlternativeAlgorithm;
use sallyport_engine::replay::ProofUse;
use sallyport_engine::time::TimeMs;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::claims::{Audience, Lifetime, MAXIMUM_JTI_BYTES};
use super::jws::{CompactJws, HybridToken, ascii, decode};
use super::{CLOCK_SKEW_SECONDS, check_pins, check_types, verify_classical, verify_detached};
use crate::alternative::{AlternativeKey, jose_name, spki};
use crate::authority::AuthoritySet;
use crate::json::check_object;
use crate::sha256;

/// The `typ` of a workload identity token, compared exactly.
pub const IDENTITY_TYPE: &str = "wit+jwt";
/// The `typ` of a proof, compared exactly.
pub const PROOF_TYPE: &str = "wpt+jwt";
/// The longest proof, in bytes. With ML-DSA-87 it has about 6.6 KiB.
pub const MAXIMUM_PROOF_BYTES: usize = 8 * 1024;
/// The longest access or transaction token that a proof can cover, in bytes. Both are kept as long
/// as the proof counts.
pub const MAXIMUM_COVERED_BYTES: usize = 16 * 1024;
/// The longest time that a proof counts, in seconds before its `exp`.
pub const MAXIMUM_PROOF_SECONDS: u64 = 60;

/// A workload identity token whose signatures hold and which belongs to the connection's
/// certificate. It proves nothing before its key has made a proof.
pub struct WorkloadIdentity {
    /// With the assurance that its two signatures alone would give.
    facts: CredentialFacts,
    key: AlternativeKey,
    /// SHA-256 of the token, which each proof repeats.
    sha256: [u8; 32],
}

/// A proof that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The workload's identity, for as long as the proof counts.
    pub facts: CredentialFacts,
    /// What has to be new on other connections.
    pub used: ProofUse,
}

/// The claims of a workload identity token that count.
#[derive(Deserialize)]
struct IdentityClaims {
    #[serde(default, deserialize_with = "super::present")]
    iss: Option<String>,
    sub: String,
    iat: u64,
    exp: u64,
    #[serde(default, deserialize_with = "super::present")]
    nbf: Option<u64>,
    #[serde(default, deserialize_with = "super::present")]
    jti: Option<String>,
    #[serde(deserialize_with = "crate::json::object")]
    cnf: KeyConfirmation,
    #[serde(rename = "x5t#S256")]
    certificate_sha256: String,
}

#[derive(Deserialize)]
struct KeyConfirmation {
    #[serde(deserialize_with = "crate::json::object")]
    jwk: ConfirmedKey,
}

/// A public key of RFC 9964, section 3. Members that only describe it are ignored; a private one
/// has no place in a token.
#[derive(Deserialize)]
struct ConfirmedKey {
    kty: String,
    alg: String,
    #[serde(rename = "pub")]
    public: String,
    #[serde(rename = "priv", default, deserialize_with = "super::present")]
    private: Option<IgnoredAny>,
}

/// The header of a proof: exactly these members.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProofHeader {
    alg: String,
    typ: String,
}

/// The claims of a proof that count.
#[derive(Deserialize)]
struct ProofClaims {
    aud: Audience,
    exp: u64,
    jti: String,
    wth: String,
    #[serde(default, deserialize_with = "super::present")]
    ath: Option<String>,
    #[serde(default, deserialize_with = "super::present")]
    tth: Option<String>,
    /// Tokens that we know nothing of.
    #[serde(default, deserialize_with = "super::present")]
    oth: Option<IgnoredAny>,
}

/// Verifies a workload identity token that came over this TLS connection.
///
/// The ML-DSA half is verified first, then the JWT, then the claims: `sub` (a SPIFFE ID of the
/// authority's trust domain), `iat`, `exp`, `cnf.jwk` (an ML-DSA key of at least the policy's
/// `minimumAlternativeLevel`; the certificate's alternative key, where it has one) and `x5t#S256`
/// are required; `iss`, `nbf` and `jti` are checked where present. No clock is consulted.
///
/// # Errors
///
/// Those of [`super::verify`], in the same order.
pub fn verify_identity(
    authorities: &AuthoritySet,
    halves: TokenHalves<'_>,
    tls: &MutualTls,
) -> Result<WorkloadIdentity, CredentialFault> {
    let token = HybridToken::parse(halves)?;
    check_types(&token, IDENTITY_TYPE)?;
    let authority = authorities
        .token_authority_by_key(&token.header.kid)
        .ok_or(CredentialFault::AuthorityUnknown)?;
    check_pins(authority, &token)?;
    verify_detached(authority, &token)?;
    verify_classical(authority, &token)?;
    let claims: IdentityClaims = token.claims()?;

    let subject: SpiffeId = claims
        .sub
        .parse()
        .map_err(|_| CredentialFault::ClaimsInvalid)?;
    let lifetime = Lifetime::of(authority, claims.iat, claims.nbf, claims.exp)?;
    let is_as_pinned = claims.iss.is_none_or(|iss| iss == authority.issuer)
        && claims
            .jti
            .as_ref()
            .is_none_or(|jti| (1..=MAXIMUM_JTI_BYTES).contains(&jti.len()));
    if !is_as_pinned {
        return Err(CredentialFault::ClaimsInvalid);
    }
    if subject.trust_domain() != authority.trust_domain.as_str() {
        return Err(CredentialFault::TrustDomainForeign);
    }
    if claims.certificate_sha256 != Base64UrlUnpadded::encode_string(&tls.certificate_sha256) {
        return Err(CredentialFault::BindingMismatch);
    }
    let (key, key_sha256) = claims.cnf.jwk.read(authorities.minimum_level())?;
    if tls
        .alternative_key_sha256()
        .is_some_and(|certified| *certified != key_sha256)
    {
        return Err(CredentialFault::BindingMismatch);
    }
    Ok(WorkloadIdentity {
        facts: CredentialFacts {
            authority: Some(authority.name.clone()),
            subject,
            assurance: Assurance::Hybrid,
            number: claims.jti.map(|jti| CredentialNumber::TokenId(jti.into())),
            keys: CertifiedKeys {
                own: None,
                alternative: Some(key_sha256),
            },
            artifacts: ArtifactClaims::default(),
            issued: TimeMs::from_seconds(claims.iat),
            not_before: lifetime.not_before,
            not_after: lifetime.not_after,
        },
        key,
        sha256: sha256(halves.token),
    })
}

// === impl WorkloadIdentity ===

impl WorkloadIdentity {
    /// SHA-256 of the token.
    #[must_use]
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// Verifies the proof of a request to the workload `called`, whose identity token this is.
    ///
    /// The proof has to be for this token (`wth`) and for `called` (`aud`), and to cover the access
    /// token (`ath`) and the transaction token (`tth`) of the request. It counts for
    /// [`MAXIMUM_PROOF_SECONDS`] before its `exp`, and as much earlier as clocks may differ
    /// ([`CLOCK_SKEW_SECONDS`]); no clock is consulted. Whether it was used before is for the
    /// caller to find out.
    ///
    /// # Errors
    ///
    /// - `Malformed`, `AlgorithmRefused`: not the form above, or not the algorithm of the key; or a
    ///   token that it has to cover is longer than [`MAXIMUM_COVERED_BYTES`].
    /// - `ProofInvalid`: the signature does not hold.
    /// - `BindingMismatch`: it is for another token than those of the request.
    /// - `ClaimsInvalid`: a claim is missing or wrong, or `aud` does not contain `called`.
    pub fn verify_proof(
        &self,
        presented: &ProvenToken<'_>,
        called: &SpiffeId,
    ) -> Result<Proof, CredentialFault> {
        let mut covered = [presented.access_token, presented.transaction_token]
            .into_iter()
            .flatten();
        if covered.any(|token| token.len() > MAXIMUM_COVERED_BYTES) {
            return Err(CredentialFault::Malformed);
        }
        let claims = self.verified_claims(presented.proof)?;
        let covers = |hash: &Option<String>, token: Option<&[u8]>| match (hash, token) {
            (None, None) => Ok(()),
            (Some(hash), Some(token)) if is_hash_of(hash, &sha256(token)) => Ok(()),
            (Some(_), Some(_) | None) => Err(CredentialFault::BindingMismatch),
            (None, Some(_)) => Err(CredentialFault::ClaimsInvalid),
        };
        if !is_hash_of(&claims.wth, &self.sha256) {
            return Err(CredentialFault::BindingMismatch);
        }
        covers(&claims.ath, presented.access_token)?;
        covers(&claims.tth, presented.transaction_token)?;
        if claims.oth.is_some()
            || !claims.aud.contains(called.as_str())
            || !(1..=MAXIMUM_JTI_BYTES).contains(&claims.jti.len())
        {
            return Err(CredentialFault::ClaimsInvalid);
        }
        let earliest = MAXIMUM_PROOF_SECONDS.saturating_add(CLOCK_SKEW_SECONDS);
        let not_before = TimeMs::from_seconds(claims.exp.saturating_sub(earliest));
        let not_after = TimeMs::from_seconds(claims.exp);
        let mut facts = self.facts.clone();
        facts.assurance = Assurance::HybridProven;
        facts.not_before = facts.not_before.max(not_before);
        facts.not_after = facts.not_after.min(not_after);
        let authority = facts.authority.as_deref().unwrap_or_default();
        Ok(Proof {
            used: proof_use(authority, facts.subject.as_str(), &claims.jti, not_after),
            facts,
        })
    }

    fn verified_claims(&self, proof: &[u8]) -> Result<ProofClaims, CredentialFault> {
        let jws = CompactJws::parse(ascii(proof, MAXIMUM_PROOF_BYTES)?)?;
        let header = decode(jws.encoded_header)?;
        check_object(&header).map_err(|_| CredentialFault::Malformed)?;
        check_object(&jws.payload).map_err(|_| CredentialFault::Malformed)?;
        let header: ProofHeader =
            serde_json::from_slice(&header).map_err(|_| CredentialFault::AlgorithmRefused)?;
        if header.typ != PROOF_TYPE || header.alg != jose_name(self.key.algorithm()) {
            return Err(CredentialFault::AlgorithmRefused);
        }
        self.key
            .verify(jws.signing_input.as_bytes(), &jws.signature)
            .map_err(|_| CredentialFault::ProofInvalid)?;
        serde_json::from_slice(&jws.payload).map_err(|_| CredentialFault::ClaimsInvalid)
    }
}

// === impl ConfirmedKey ===

impl ConfirmedKey {
    /// The key, and SHA-256 of its `SubjectPublicKeyInfo`.
    fn read(
        &self,
        minimum: AlternativeAlgorithm,
    ) -> Result<(AlternativeKey, [u8; 32]), CredentialFault> {
        let level = [
            AlternativeAlgorithm::MlDsa44,
            AlternativeAlgorithm::MlDsa65,
            AlternativeAlgorithm::MlDsa87,
        ]
        .into_iter()
        .find(|level| level.name() == self.alg && *level >= minimum);
        let (Some(level), "AKP") = (level, self.kty.as_str()) else {
            return Err(CredentialFault::AlgorithmRefused);
        };
        if self.private.is_some() {
            return Err(CredentialFault::ClaimsInvalid);
        }
        let spki = spki(level, &decode(&self.public)?);
        match AlternativeKey::from_spki(&spki, level) {
            Ok(key) => Ok((key, sha256(&spki))),
            Err(_) => Err(CredentialFault::ClaimsInvalid),
        }
    }
}

fn is_hash_of(text: &str, digest: &[u8; 32]) -> bool {
    text == Base64UrlUnpadded::encode_string(digest)
}

/// Names the proof: equal only for the same authority, subject and `jti`. None of them can contain
/// the byte 0 at which they are joined, but a `jti` can, and stands last.
fn proof_use(authority: &str, subject: &str, jti: &str, expires: TimeMs) -> ProofUse {
    let joined = [authority, subject].join("\0");
    let subject = sha256(joined.as_bytes());
    let id = sha256([joined.as_str(), jti].join("\0").as_bytes());
    ProofUse::new(&subject, &id, expires)
}
