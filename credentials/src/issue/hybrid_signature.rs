//! The two signatures of a hybrid certificate.

use rcgen::{CertificateParams, CustomExtension, Issuer, KeyPair, SigningKey};

use super::IssueError;
use super::alternative::MlDsaSigner;
use super::subject_key::SubjectKey;
use crate::alternative::algorithm_identifier;
use crate::certificate::parts::Parts;
use crate::der;

const ALTERNATIVE_ALGORITHM: &[u64] = &[2, 5, 29, 73];
const ALTERNATIVE_SIGNATURE: &[u64] = &[2, 5, 29, 74];

/// Signs a certificate with both keys (X.509 of 10/2019, section 7.2.2).
///
/// The first pass gives the bytes that the ML-DSA signature covers; the second one adds that
/// signature and lets the classical key sign the whole. Everything else must stay as it was.
pub(super) fn sign_twice(
    mut parameters: CertificateParams,
    subject: &SubjectKey<'_>,
    issuer: &Issuer<'_, &KeyPair>,
    alternative: &MlDsaSigner,
) -> Result<Vec<u8>, IssueError> {
    let algorithm = algorithm_identifier(alternative.algorithm()).to_vec();
    let extension = CustomExtension::from_oid_content(ALTERNATIVE_ALGORITHM, algorithm);
    parameters.custom_extensions.push(extension);
    let first = sign_once(&parameters, subject, issuer)?;
    let covered = pre_tbs(&first)?;

    let signature = alternative.sign(&covered)?;
    let value = der::wrap(der::BIT_STRING, &[&[0], &signature]);
    let extension = CustomExtension::from_oid_content(ALTERNATIVE_SIGNATURE, value);
    parameters.custom_extensions.push(extension);
    let second = sign_once(&parameters, subject, issuer)?;
    if pre_tbs(&second)? == covered {
        Ok(second)
    } else {
        Err(IssueError::PassesDiffer)
    }
}

/// Signs a certificate with the classical key.
pub(super) fn sign_once(
    parameters: &CertificateParams,
    subject: &SubjectKey<'_>,
    issuer: &Issuer<'_, &KeyPair>,
) -> Result<Vec<u8>, IssueError> {
    match subject {
        SubjectKey::Classical(key) => Ok(parameters.signed_by(*key, issuer)?.der().to_vec()),
        SubjectKey::MlDsa { signer, stand_in } => {
            let certificate = parameters.signed_by(*stand_in, issuer)?;
            with_public_key(certificate.der(), &signer.public_key_spki(), issuer.key())
        }
    }
}

/// `rcgen` writes no ML-DSA keys in this build: another key stood in for it and is replaced here.
fn with_public_key(
    certificate: &[u8],
    spki: &[u8],
    issuer: &KeyPair,
) -> Result<Vec<u8>, IssueError> {
    let mut parts = Parts::parse(certificate).map_err(|_| IssueError::Encoding)?;
    parts.public_key = spki;
    let tbs = parts.to_tbs();
    let signature = issuer.sign(&tbs)?;
    let bits = der::wrap(der::BIT_STRING, &[&[0], &signature]);
    Ok(der::wrap(
        der::SEQUENCE,
        &[&tbs, parts.signature_algorithm, &bits],
    ))
}

fn pre_tbs(certificate: &[u8]) -> Result<Vec<u8>, IssueError> {
    match Parts::parse(certificate) {
        Ok(parts) => Ok(parts.pre_tbs()),
        Err(_) => Err(IssueError::PassesDiffer),
    }
}
