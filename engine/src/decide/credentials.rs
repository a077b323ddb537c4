//! Gates 2 and 3: whom a connection names, and whether its credentials hold.

use crate::facts::{CredentialFacts, CredentialFault, MutualTls, PeerCertificate, PeerValidation};
use crate::identity::{Assurance, SpiffeId};
use crate::policy::{Policy, raw};
use crate::reason::DenyReason;
use crate::time::TimeMs;

/// Whom a certificate names, and what it proves.
pub(super) type Identified<'a> = (&'a SpiffeId, &'a Result<CredentialFacts, CredentialFault>);

/// Whom a connection names, of whichever trust domain, where somebody validated its certificate.
pub(super) fn named_peer(tls: &MutualTls) -> Result<Identified<'_>, DenyReason> {
    match tls.validation {
        PeerValidation::Failed => return Err(DenyReason::PeerUnvalidated),
        PeerValidation::Validated | PeerValidation::Assumed | PeerValidation::Pinned => {}
    }
    match &tls.certificate {
        PeerCertificate::Unavailable => Err(DenyReason::PeerCertificateUnavailable),
        PeerCertificate::Unreadable => Err(DenyReason::PeerIdentityInvalid),
        PeerCertificate::Read {
            subject,
            credential,
        } => Ok((subject, credential)),
    }
}

pub(super) fn identified_peer<'a>(
    policy: &Policy,
    tls: &'a MutualTls,
) -> Result<Identified<'a>, DenyReason> {
    let (subject, credential) = named_peer(tls)?;
    if !policy.knows_trust_domain(subject.trust_domain()) {
        return Err(DenyReason::TrustDomainUnknown);
    }
    Ok((subject, credential))
}

/// The certificate as a credential that holds.
pub(super) fn admitted_certificate<'a>(
    policy: &Policy,
    tls: &MutualTls,
    (subject, certificate): Identified<'a>,
    now: TimeMs,
) -> Result<&'a CredentialFacts, DenyReason> {
    let certificate = certificate
        .as_ref()
        .map_err(|fault| DenyReason::from(*fault))?;
    if policy
        .revocations()
        .has_certificate(&tls.certificate_sha256)
    {
        return Err(DenyReason::CredentialRevoked);
    }
    admitted(policy, certificate, subject, now)
}

/// A credential that names the peer of the connection, is valid at this time (an open connection
/// outlives its credentials), and was not taken back.
pub(super) fn admitted<'a>(
    policy: &Policy,
    credential: &'a CredentialFacts,
    subject: &SpiffeId,
    now: TimeMs,
) -> Result<&'a CredentialFacts, DenyReason> {
    if now < credential.not_before {
        return Err(DenyReason::CredentialNotYetValid);
    }
    if now >= credential.not_after {
        return Err(DenyReason::CredentialExpired);
    }
    if credential.subject != *subject {
        return Err(DenyReason::CredentialIdentityMismatch);
    }
    policy.revocations().check(credential)?;
    Ok(credential)
}

/// The credential with the most assurance. The token, if there is one, must hold too.
pub(super) fn strongest<'a>(
    policy: &Policy,
    certificate: &'a CredentialFacts,
    token: Option<Result<&'a CredentialFacts, DenyReason>>,
    subject: &SpiffeId,
    now: TimeMs,
) -> Result<&'a CredentialFacts, DenyReason> {
    let token = match token {
        None => return Ok(certificate),
        Some(token) => admitted(policy, token?, subject, now)?,
    };
    Ok(if token.assurance > certificate.assurance {
        token
    } else {
        certificate
    })
}

/// The ML-DSA level of the authority behind a credential.
pub(super) fn level(
    policy: &Policy,
    credential: &CredentialFacts,
) -> Option<raw::AlternativeAlgorithm> {
    if credential.assurance < Assurance::Hybrid {
        return None;
    }
    policy.level_of(credential.authority.as_deref()?)
}
