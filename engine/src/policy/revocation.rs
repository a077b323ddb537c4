//! Credentials that no longer count although their signatures hold and their time has not run out.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;

use crate::facts::{CredentialFacts, CredentialNumber};
use crate::reason::DenyReason;
use crate::time::TimeMs;

/// What a policy takes back, and from when on it asks for new credentials.
#[derive(Debug, Default)]
pub struct Revocations {
    /// SHA-256 of certificates.
    pub(super) certificates: BTreeSet<[u8; 32]>,
    /// SHA-256 of the `SubjectPublicKeyInfo` of keys.
    pub(super) keys: BTreeSet<[u8; 32]>,
    pub(super) identities: BTreeSet<String>,
    /// By authority.
    pub(super) numbers: BTreeMap<String, BTreeSet<CredentialNumber>>,
    pub(super) identity_floors: BTreeMap<String, TimeMs>,
    pub(super) authority_floors: BTreeMap<String, TimeMs>,
}

impl Revocations {
    /// Whether the policy takes back the certificate with this digest.
    #[must_use]
    pub fn has_certificate(&self, sha256: &[u8; 32]) -> bool {
        self.certificates.contains(sha256)
    }

    /// Whether a credential still counts.
    ///
    /// # Errors
    /// [`DenyReason::CredentialRevoked`] by its number, one of its keys or its identity;
    /// [`DenyReason::CredentialReissueRequired`] where it is older than a floor.
    pub fn check(&self, credential: &CredentialFacts) -> Result<(), DenyReason> {
        let identity = credential.subject.as_str();
        let authority = credential.authority.as_deref();
        let keys = [credential.keys.own, credential.keys.alternative];
        let numbers = authority.and_then(|name| self.numbers.get(name));
        let has_number = match (numbers, &credential.number) {
            (Some(revoked), Some(number)) => revoked.contains(number),
            (None, _) | (_, None) => false,
        };
        if has_number
            || self.identities.contains(identity)
            || keys.iter().flatten().any(|key| self.keys.contains(key))
        {
            return Err(DenyReason::CredentialRevoked);
        }
        let floors = [
            self.identity_floors.get(identity),
            authority.and_then(|name| self.authority_floors.get(name)),
        ];
        if floors
            .into_iter()
            .flatten()
            .any(|floor| credential.issued < *floor)
        {
            return Err(DenyReason::CredentialReissueRequired);
        }
        Ok(())
    }
}
