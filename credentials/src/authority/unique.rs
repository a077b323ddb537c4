//! What may stand only once among all authorities of a policy.

use std::collections::BTreeMap;

use super::{CertificateAuthority, InvalidAuthorityCause, Place, TokenAuthority};

/// What was seen so far, each with the path of its first place.
#[derive(Default)]
pub(super) struct Seen {
    names: BTreeMap<String, String>,
    /// Public keys without their encoding: RSA moduli, points and post-quantum keys.
    keys: BTreeMap<Vec<u8>, String>,
    subjects: BTreeMap<(Vec<u8>, Vec<u8>), String>,
    key_ids: BTreeMap<String, String>,
    issuers: BTreeMap<String, String>,
}

const MAXIMUM_NAME_BYTES: usize = 63;

// === impl Seen ===

impl Seen {
    pub(super) fn name(&mut self, name: &str, at: &mut Place<'_>) {
        if !is_dns_label(name) {
            at.refuse("name", InvalidAuthorityCause::Name);
        }
        once(&mut self.names, name.to_owned(), "name", at, |first| {
            InvalidAuthorityCause::NameTaken { first }
        });
    }

    pub(super) fn certificate_authority(
        &mut self,
        authority: &CertificateAuthority,
        at: &mut Place<'_>,
    ) {
        let subject = (authority.subject.clone(), authority.key_id.clone());
        once(&mut self.subjects, subject, "caCertificate", at, |first| {
            InvalidAuthorityCause::SubjectTaken { first }
        });
        self.key(authority.classical.as_bytes(), "caCertificate", at);
        if let Some(key) = &authority.alternative {
            self.key(key.as_bytes(), "alternativeKey.publicKey", at);
        }
    }

    pub(super) fn token_authority(&mut self, authority: &TokenAuthority, at: &mut Place<'_>) {
        once(
            &mut self.issuers,
            authority.issuer.clone(),
            "issuer",
            at,
            |first| InvalidAuthorityCause::IssuerTaken { first },
        );
        self.key_id(&authority.classical_key_id, "classicalKey.kid", at);
        self.key_id(&authority.alternative_key_id, "alternativeKey.kid", at);
        self.key(authority.classical.modulus(), "classicalKey.publicKey", at);
        self.key(
            authority.alternative.as_bytes(),
            "alternativeKey.publicKey",
            at,
        );
    }

    fn key(&mut self, key: &[u8], field: &str, at: &mut Place<'_>) {
        once(&mut self.keys, key.to_vec(), field, at, |first| {
            InvalidAuthorityCause::KeyTaken { first }
        });
    }

    fn key_id(&mut self, key_id: &str, field: &str, at: &mut Place<'_>) {
        once(&mut self.key_ids, key_id.to_owned(), field, at, |first| {
            InvalidAuthorityCause::KeyIdTaken { first }
        });
    }
}

/// Notes a value, or refuses it with the place where it stood before.
fn once<K: Ord>(
    seen: &mut BTreeMap<K, String>,
    value: K,
    field: &str,
    at: &mut Place<'_>,
    cause: impl FnOnce(String) -> InvalidAuthorityCause,
) {
    match seen.get(&value).cloned() {
        Some(first) => at.refuse(field, cause(first)),
        None => {
            seen.insert(value, at.field(field));
        }
    }
}

fn is_dns_label(name: &str) -> bool {
    let inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=MAXIMUM_NAME_BYTES).contains(&name.len())
        && name.bytes().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}
