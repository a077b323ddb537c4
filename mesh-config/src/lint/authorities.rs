//! Authorities whose time is over, and keys that are short or slow.

use std::collections::BTreeSet;

use sallyport_credentials::document::{self, DocumentKind};
use sallyport_credentials::report::{Certificate, KeyDescription};
use sallyport_engine::policy::raw::{Material, Revocation, Spec};
use sallyport_engine::time::TimeMs;

use crate::finding::{Code, Finding};

pub(super) fn findings(spec: &Spec, now: TimeMs) -> Vec<Finding> {
    let keys = pinned(spec);
    let mut findings: Vec<Finding> = unpinned(spec)
        .map(|(number, domain)| {
            let path = format!("spec.trustDomains[{number}]");
            let message = format!(
                "no certificate authority of trust domain `{domain}` is pinned: its callers are refused on resumed TLS sessions (`peer_unvalidated`), of which Envoy says that it did not validate the certificate"
            );
            let hint = "pin the CA of the mesh under `spec.authorities.certificates`";
            Finding::new(Code::UnpinnedTrustDomain, path, message).with_hint(hint)
        })
        .collect();
    for pinned in &keys {
        findings.extend(pinned.expiry(now));
        findings.extend(pinned.strength());
    }
    let revocations = spec.revocations.iter().flatten().enumerate();
    for (number, revocation) in revocations {
        if let Revocation::Key(digest) = revocation {
            let named = keys
                .iter()
                .find(|pinned| pinned.key.spki_sha256.eq_ignore_ascii_case(digest));
            findings.extend(named.map(|pinned| {
                let path = format!("spec.revocations[{number}].key");
                let message = format!(
                    "is the key of authority `{}`: only keys of workloads are revoked, so it does nothing",
                    pinned.authority
                );
                Finding::new(Code::RevokedAuthorityKey, path, message)
            }));
        }
    }
    findings
}

/// Trust domains without a certificate authority, with their numbers.
pub(crate) fn unpinned(spec: &Spec) -> impl Iterator<Item = (usize, &str)> {
    let entries = spec.authorities.iter();
    let pinned: BTreeSet<&str> = entries
        .flat_map(|authorities| authorities.certificates.iter().flatten())
        .map(|entry| entry.trust_domain.as_str())
        .collect();
    let domains = spec.trust_domains.iter().map(String::as_str).enumerate();
    domains.filter(move |(_, domain)| !pinned.contains(domain))
}

/// A key that the policy pins.
struct Pinned<'a> {
    authority: &'a str,
    path: String,
    key: KeyDescription,
    /// In seconds since 1970.
    not_after: Option<i64>,
}

fn pinned(spec: &Spec) -> Vec<Pinned<'_>> {
    let mut keys = Vec::new();
    let Some(authorities) = &spec.authorities else {
        return keys;
    };
    for (number, entry) in authorities.certificates.iter().flatten().enumerate() {
        let path = format!("spec.authorities.certificates[{number}]");
        keys.extend(read(
            &entry.name,
            format!("{path}.caCertificate"),
            &entry.ca_certificate,
        ));
        if let Some(key) = &entry.alternative_key {
            let path = format!("{path}.alternativeKey.publicKey");
            keys.extend(read(&entry.name, path, &key.public_key));
        }
    }
    for (number, entry) in authorities.tokens.iter().flatten().enumerate() {
        let path = format!("spec.authorities.tokens[{number}]");
        let (classical, alternative) = (&entry.classical_key, &entry.alternative_key);
        let at = format!("{path}.classicalKey.publicKey");
        keys.extend(read(&entry.name, at, &classical.public_key));
        let at = format!("{path}.alternativeKey.publicKey");
        keys.extend(read(&entry.name, at, &alternative.public_key));
    }
    keys
}

/// The key of a PEM text that the policy's own checks have accepted already.
fn read<'a>(authority: &'a str, path: String, material: &Material) -> Option<Pinned<'a>> {
    let Material::Inline(text) = material else {
        return None;
    };
    let documents = match document::read(text.as_bytes()) {
        Ok(documents) => documents,
        Err(_) => return None,
    };
    let document = documents.into_iter().next()?;
    let (key, not_after) = match document.kind {
        DocumentKind::Certificate => match Certificate::parse(&document.bytes) {
            Ok(certificate) => {
                let validity = certificate.describe().validity;
                let not_after = validity.map(|validity| validity.not_after.0);
                (KeyDescription::of(certificate.public_key()), not_after)
            }
            Err(_) => return None,
        },
        DocumentKind::PublicKey | DocumentKind::Dilithium5PublicKey => {
            (KeyDescription::of(&document.bytes), None)
        }
    };
    Some(Pinned {
        authority,
        path,
        key,
        not_after,
    })
}

impl Pinned<'_> {
    fn expiry(&self, now: TimeMs) -> Option<Finding> {
        let end = TimeMs::from_seconds(u64::try_from(self.not_after?).unwrap_or(0));
        let authority = self.authority;
        if end <= now {
            let message = format!("the certificate of authority `{authority}` has expired");
            let finding = Finding::new(Code::AuthorityExpired, self.path.clone(), message);
            return Some(
                finding.with_hint("pin its successor; docs/credentials.md says how to rotate"),
            );
        }
        let days = end.since(now).div_ceil(DAY_MS);
        (days <= SOON_DAYS).then(|| {
            let message =
                format!("the certificate of authority `{authority}` expires in {days} days");
            Finding::new(Code::AuthorityExpiresSoon, self.path.clone(), message)
                .with_hint("pin its successor beside it; docs/credentials.md says how to rotate")
        })
    }

    fn strength(&self) -> Option<Finding> {
        let algorithm = &self.key.algorithm;
        let authority = self.authority;
        let bits = algorithm.strip_prefix("RSA-").map(str::parse::<u32>);
        if let Some(Ok(bits)) = bits
            && bits < GOOD_RSA_BITS
        {
            let message = format!("the key of authority `{authority}` is {algorithm}");
            return Some(Finding::new(Code::ShortKey, self.path.clone(), message));
        }
        (algorithm == "P-384").then(|| {
            let message = format!(
                "the key of authority `{authority}` is P-384, which the module verifies slowly"
            );
            Finding::new(Code::SlowKey, self.path.clone(), message)
        })
    }
}

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Time to make a successor, pin it everywhere and have leaves issued by it.
const SOON_DAYS: u64 = 90;
/// NIST SP 800-57 part 1, table 2: 128 bits of security.
const GOOD_RSA_BITS: u32 = 3072;
