//! The two signatures of a hybrid certificate.

use rcgen::{CertificateParams, CustomExtension, Issuer, KeyPair};

use super::IssueError;
use super::alternative::MlDsaSigner;
use crate::alternative::algorithm_identifier;
use crate::certificate::parts::Parts;
use crate::der;

const ALTERNATIVE_ALGORITHM: &[u64] = &[2, 5, 29, 73];
const ALTERNATIVE_SIGNATURE: &[u64] = &[2, 5, 29, 74];

/// Signs a certificate with both keys (X.509 of 10/2019, section 7.2.2).
///
/// The first pass gives the bytes that the ML-DSA signature covers; the second one adds that
/// signature and lets RSA sign the whole. Everything else must stay as it was.
pub(super) fn sign_twice(
    mut parameters: CertificateParams,
    public_key: &KeyPair,
    issuer: &Issuer<'_, &KeyPair>,
    alternative: &MlDsaSigner,
) -> Result<Vec<u8>, IssueError> {
    let algorithm = algorithm_identifier(alternative.algorithm()).to_vec();
    let extension = CustomExtension::from_oid_content(ALTERNATIVE_ALGORITHM, algorithm);
    parameters.custom_extensions.push(extension);
    let first = parameters.signed_by(public_key, issuer)?.der().to_vec();
    let covered = pre_tbs(&first)?;

    let signature = alternative.sign(&covered)?;
    let value = der::wrap(der::BIT_STRING, &[&[0], &signature]);
    let extension = CustomExtension::from_oid_content(ALTERNATIVE_SIGNATURE, value);
    parameters.custom_extensions.push(extension);
    let second = parameters.signed_by(public_key, issuer)?.der().to_vec();
    if pre_tbs(&second)? == covered {
        Ok(second)
    } else {
        Err(IssueError::PassesDiffer)
    }
}

fn pre_tbs(certificate: &[u8]) -> Result<Vec<u8>, IssueError> {
    match Parts::parse(certificate) {
        Ok(parts) => Ok(parts.pre_tbs()),
        Err(_) => Err(IssueError::PassesDiffer),
    }
}
