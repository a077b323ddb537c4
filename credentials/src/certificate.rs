//! Workload certificates: X509-SVIDs, and hybrid ones with the alternative signature of X.509.
//!
//! Input is the leaf that Envoy already validated by chain. Output is a [`PeerCertificate`]:
//!
//! - `Unreadable`: not one certificate in strict DER, not X.509 v3, or not exactly one URI name
//!   that is a SPIFFE ID. Nobody is named, so there is nothing to say about anybody.
//! - `Read` with a fault: the certificate names a workload, and breaks a rule of its profile or of
//!   its authority. A broken profile (key usage, critical extensions, ..) is `Malformed`.
//! - `Read` with facts: no pinned authority issued it, then it is `Classical` and names no
//!   authority; or a pinned one did, and every signature which that pin asks for holds.
//!
//! An authority issued a leaf when issuer name and authority key identifier both equal the pinned
//! ones; during a rotation several pins have the same name, and a pinned authority may be an
//! intermediate, whose own issuer does not count here. Where an authority is pinned for a trust
//! domain, a leaf of that domain that no pinned one issued is refused. **A leaf of a trust domain
//! without a pinned authority is never more than `Classical`, whatever extensions and key it
//! has.**
//!
//! A leaf whose own key is ML-DSA (RFC 9881) is `HybridProven`: TLS proved possession of that key.
//! That counts only beside both signatures of one pinned authority, and only from the policy's
//! `minimumAlternativeLevel` on; below it the leaf is `Hybrid`.
//!
//! A pin with `alternativeRequiredFrom` takes leaves of before that time without extensions 73 and
//! 74 for `Classical`. The time is the leaf's own `notBefore`, which whoever forges the classical
//! signature can choose: nothing but `Classical` can be had that way.

pub(crate) mod leaf;
pub(crate) mod parts;
pub(crate) mod profile;

use std::sync::Arc;

#[cfg(feature = "classical")]
use sallyport_engine::artifact::ArtifactClaims;
use sallyport_engine::facts::CredentialFault;
#[cfg(feature = "classical")]
use sallyport_engine::facts::{CertifiedKeys, CredentialFacts, CredentialNumber, PeerCertificate};
#[cfg(feature = "classical")]
use sallyport_engine::identity::Assurance;
#[cfg(feature = "classical")]
use sallyport_engine::time::TimeMs;

use crate::alternative::AlternativeKey;
use crate::authority::{AuthoritySet, CertificateAuthority};
#[cfg(feature = "classical")]
use crate::classical::{InvalidClassicalSignature, WorkloadKey};
use crate::der;
#[cfg(feature = "classical")]
use crate::scheme::SignatureScheme;
use leaf::Leaf;
pub use profile::ProfileRule;

/// The longest certificate that is read, in bytes of DER. A leaf with ML-DSA-87 parts has about
/// 9 KiB.
pub const MAXIMUM_BYTES: usize = 24 * 1024;

/// Reads the DER of a peer's certificate and verifies what its authority's pin asks for.
///
/// With a pinned ML-DSA key, the alternative signature is required and verified first, over the
/// certificate without `signature` and extension 74 (X.509 of 10/2019, sections 7.2.2 and 9.8);
/// then the classical signature over the whole `TBSCertificate` (RFC 5280, section 4.1.1.3), with
/// the key of the same authority. `notAfter` still belongs to the validity (RFC 5280, section
/// 4.1.2.5), so `not_after` of the facts is one second later. No clock is consulted.
#[cfg(feature = "classical")]
#[must_use]
pub fn read(authorities: &AuthoritySet, der: &[u8]) -> PeerCertificate {
    match Leaf::parse(der) {
        Ok(leaf) => PeerCertificate::Read {
            subject: leaf.subject.clone(),
            credential: verify(authorities, &leaf),
        },
        Err(_) => PeerCertificate::Unreadable,
    }
}

/// Verifies the alternative signature alone, and names the authority that made it.
///
/// Half a verification is no credential: this serves builds without the feature `classical`, and
/// tools that say which half fails.
///
/// # Errors
///
/// The same faults as [`read`](self), in the same order, up to the classical signature. Where
/// `read` would give `Unreadable` it is `Malformed`, for an issuer that is not pinned
/// `AuthorityUnknown`, and for an authority without an ML-DSA key `HybridSignatureMissing`.
pub fn verify_alternative(
    authorities: &AuthoritySet,
    der: &[u8],
) -> Result<Arc<str>, CredentialFault> {
    let leaf = Leaf::parse(der).map_err(|_| CredentialFault::Malformed)?;
    leaf.check_profile()?;
    let authority = issuing(authorities, &leaf)?.ok_or(CredentialFault::AuthorityUnknown)?;
    check_trust_domain(authority, &leaf)?;
    let key = authority
        .alternative
        .as_ref()
        .ok_or(CredentialFault::HybridSignatureMissing)?;
    verify_alternative_signature(key, &leaf)?;
    Ok(Arc::clone(&authority.name))
}

#[cfg(feature = "classical")]
fn verify(authorities: &AuthoritySet, leaf: &Leaf<'_>) -> Result<CredentialFacts, CredentialFault> {
    leaf.check_profile()?;
    let (not_before, not_after) = leaf.validity()?;
    let alternative_key = leaf.parts.extension(parts::ALTERNATIVE_PUBLIC_KEY);
    let keys = CertifiedKeys {
        own: Some(crate::sha256(leaf.parts.public_key)),
        alternative: alternative_key.map(|extension| crate::sha256(extension.value)),
    };
    let facts = |authority, assurance| CredentialFacts {
        authority,
        subject: leaf.subject.clone(),
        assurance,
        number: Some(CredentialNumber::Serial(leaf.parts.serial_number().into())),
        keys,
        artifacts: ArtifactClaims::default(),
        issued: not_before,
        not_before,
        not_after,
    };
    let Some(authority) = issuing(authorities, leaf)? else {
        return Ok(facts(None, Assurance::Classical));
    };
    check_trust_domain(authority, leaf)?;
    let assurance = match &authority.alternative {
        Some(_) if is_excused(authority, leaf, not_before) => Assurance::Classical,
        Some(key) => {
            verify_alternative_signature(key, leaf)?;
            assurance_of_key(authorities, leaf)
        }
        None => Assurance::Classical,
    };
    verify_classical_signature(authority, leaf)?;
    Ok(facts(Some(Arc::clone(&authority.name)), assurance))
}

/// Whether a leaf may lack the alternative signature, since it is older than the authority's duty
/// to make it. One of extensions 73 and 74 without the other is no such leaf.
#[cfg(feature = "classical")]
fn is_excused(authority: &CertificateAuthority, leaf: &Leaf<'_>, not_before: TimeMs) -> bool {
    let is_older = authority
        .alternative_required_from
        .is_some_and(|required_from| not_before < required_from);
    is_older
        && leaf.parts.extension(parts::ALTERNATIVE_ALGORITHM).is_none()
        && leaf.parts.extension(parts::ALTERNATIVE_SIGNATURE).is_none()
}

/// What both signatures over this leaf are worth.
#[cfg(feature = "classical")]
fn assurance_of_key(authorities: &AuthoritySet, leaf: &Leaf<'_>) -> Assurance {
    match leaf.key {
        Ok(WorkloadKey::MlDsa(level)) if level >= authorities.minimum_level() => {
            Assurance::HybridProven
        }
        Ok(WorkloadKey::MlDsa(_) | WorkloadKey::Classical) | Err(_) => Assurance::Hybrid,
    }
}

/// The pinned authority whose name and key identifier the leaf gives as its issuer's.
fn issuing<'a>(
    authorities: &'a AuthoritySet,
    leaf: &Leaf<'_>,
) -> Result<Option<&'a CertificateAuthority>, CredentialFault> {
    let key_id = leaf
        .parts
        .authority_key_id()
        .map_err(|_| CredentialFault::Malformed)?;
    let issuing =
        key_id.and_then(|key_id| authorities.certificate_authority(leaf.parts.issuer, key_id));
    // Who can make certificates that the mesh trusts, by a forged RSA signature or by the key of
    // another authority, can name any issuer. So where an authority is pinned for a trust domain,
    // its identities are certified by a pinned authority, or not at all.
    if issuing.is_none() && authorities.has_authority_for(leaf.subject.trust_domain()) {
        return Err(CredentialFault::AuthorityUnknown);
    }
    Ok(issuing)
}

fn check_trust_domain(
    authority: &CertificateAuthority,
    leaf: &Leaf<'_>,
) -> Result<(), CredentialFault> {
    if authority.trust_domain.as_str() == leaf.subject.trust_domain() {
        Ok(())
    } else {
        Err(CredentialFault::TrustDomainForeign)
    }
}

/// Extensions 73 and 74 are both required: whoever breaks RSA could leave them out and sign again.
fn verify_alternative_signature(
    key: &AlternativeKey,
    leaf: &Leaf<'_>,
) -> Result<(), CredentialFault> {
    let algorithm = leaf.parts.extension(parts::ALTERNATIVE_ALGORITHM);
    let signature = leaf.parts.extension(parts::ALTERNATIVE_SIGNATURE);
    let (Some(algorithm), Some(signature)) = (algorithm, signature) else {
        return Err(CredentialFault::HybridSignatureMissing);
    };
    if Some(algorithm.value) != key.x509_identifier() {
        return Err(CredentialFault::AlgorithmRefused);
    }
    let signature = der::single(signature.value, der::BIT_STRING)
        .and_then(der::whole_bytes)
        .map_err(|_| CredentialFault::Malformed)?;
    key.verify(&leaf.parts.pre_tbs(), signature)
        .map_err(|_| CredentialFault::HybridSignatureInvalid)
}

#[cfg(feature = "classical")]
fn verify_classical_signature(
    authority: &CertificateAuthority,
    leaf: &Leaf<'_>,
) -> Result<(), CredentialFault> {
    let scheme = SignatureScheme::from_algorithm_identifier(leaf.parts.signature_algorithm)
        .ok_or(CredentialFault::AlgorithmRefused)?;
    authority
        .classical
        .verify(scheme, leaf.parts.tbs, leaf.parts.signature)
        .map_err(|cause| match cause {
            InvalidClassicalSignature::Scheme => CredentialFault::AlgorithmRefused,
            InvalidClassicalSignature::Wrong => CredentialFault::ClassicalSignatureInvalid,
        })
}
