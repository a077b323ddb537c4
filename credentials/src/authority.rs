//! The pinned authorities of a policy, parsed once per configuration.
//!
//! Input is what the policy file says, with all PEM texts inlined. Output is a set in which each
//! key stands once and has one purpose, or the list of everything that is wrong with the input:
//! one bad entry refuses the whole set. Certificates and tokens have tables of their own.

mod certificate;
mod error;
mod token;
mod unique;

use sallyport_engine::policy::raw::{self, AlternativeAlgorithm, Material};

pub(crate) use certificate::CertificateAuthority;
pub use error::{InvalidAuthority, InvalidAuthorityCause, InvalidCaCertificate};
pub(crate) use token::TokenAuthority;

use crate::pem;
use unique::Seen;

/// The pinned keys of a policy, by what they sign. Immutable.
pub struct AuthoritySet {
    certificates: Vec<CertificateAuthority>,
    tokens: Vec<TokenAuthority>,
    #[cfg_attr(
        not(feature = "classical"),
        expect(dead_code, reason = "only a whole verification gives an assurance")
    )]
    minimum_level: AlternativeAlgorithm,
}

// === impl AuthoritySet ===

impl AuthoritySet {
    /// Parses the authorities of a policy. None at all gives an empty set, with which no peer is
    /// more than `classical`.
    ///
    /// Names are unique in the whole set, since records name an authority by them; key ids among
    /// tokens; issuers among token authorities; subject name with key identifier among certificate
    /// authorities. No public key stands twice, in whichever role.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with its path in the policy file.
    pub fn new(authorities: Option<&raw::Authorities>) -> Result<Self, Vec<InvalidAuthority>> {
        let certificates = authorities
            .and_then(|a| a.certificates.as_deref())
            .unwrap_or_default();
        let tokens = authorities
            .and_then(|a| a.tokens.as_deref())
            .unwrap_or_default();
        let mut faults = Vec::new();
        let mut seen = Seen::default();
        let mut set = Self {
            certificates: Vec::new(),
            tokens: Vec::new(),
            minimum_level: authorities
                .map(raw::Authorities::minimum_level)
                .unwrap_or_default(),
        };
        for (index, entry) in certificates.iter().enumerate() {
            let mut at = Place::new("certificates", index, &mut faults);
            seen.name(&entry.name, &mut at);
            if let Some(authority) = CertificateAuthority::parse(entry, &mut at) {
                seen.certificate_authority(&authority, &mut at);
                set.certificates.push(authority);
            }
        }
        for (index, entry) in tokens.iter().enumerate() {
            let mut at = Place::new("tokens", index, &mut faults);
            seen.name(&entry.name, &mut at);
            if let Some(authority) = TokenAuthority::parse(entry, &mut at) {
                seen.token_authority(&authority, &mut at);
                set.tokens.push(authority);
            }
        }
        if faults.is_empty() {
            Ok(set)
        } else {
            Err(faults)
        }
    }

    /// The certificate authority with this subject name (DER) and key identifier.
    pub(crate) fn certificate_authority(
        &self,
        subject: &[u8],
        key_id: &[u8],
    ) -> Option<&CertificateAuthority> {
        self.certificates
            .iter()
            .find(|authority| authority.subject == subject && authority.key_id == key_id)
    }

    /// Whether a certificate authority is pinned for this trust domain.
    pub(crate) fn has_authority_for(&self, trust_domain: &str) -> bool {
        self.certificates
            .iter()
            .any(|authority| authority.trust_domain.as_str() == trust_domain)
    }

    /// The least ML-DSA level of a key that proves something. Compiling the policy has compared
    /// the pinned keys with it.
    #[cfg(feature = "classical")]
    pub(crate) const fn minimum_level(&self) -> AlternativeAlgorithm {
        self.minimum_level
    }

    /// The token authority whose JWTs name this key. One `kid`, one key.
    #[cfg(feature = "classical")]
    pub(crate) fn token_authority_by_key(&self, kid: &str) -> Option<&TokenAuthority> {
        self.tokens
            .iter()
            .find(|authority| authority.classical_key_id == kid)
    }

    /// The token authority with exactly this issuer.
    pub(crate) fn token_authority(&self, issuer: &str) -> Option<&TokenAuthority> {
        self.tokens
            .iter()
            .find(|authority| authority.issuer == issuer)
    }
}

/// An entry of the policy that is being parsed: knows its path, and collects what is wrong.
struct Place<'a> {
    path: String,
    faults: &'a mut Vec<InvalidAuthority>,
}

// === impl Place ===

impl<'a> Place<'a> {
    fn new(list: &str, index: usize, faults: &'a mut Vec<InvalidAuthority>) -> Self {
        Self {
            path: format!("spec.authorities.{list}[{index}]"),
            faults,
        }
    }

    fn field(&self, field: &str) -> String {
        format!("{}.{field}", self.path)
    }

    fn refuse(&mut self, field: &str, cause: InvalidAuthorityCause) {
        let path = self.field(field);
        self.faults.push(InvalidAuthority { path, cause });
    }

    /// The value of a field, or nothing and a note of what is wrong with it.
    fn accept<T, E: Into<InvalidAuthorityCause>>(
        &mut self,
        field: &str,
        value: Result<T, E>,
    ) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err(cause) => {
                self.refuse(field, cause.into());
                None
            }
        }
    }
}

/// The bytes of a PEM text with this label. A file name must have been replaced by its text.
fn decode(material: &Material, label: &'static str) -> Result<Vec<u8>, InvalidAuthorityCause> {
    match material {
        Material::Inline(text) => Ok(pem::decode_material(text, label)?),
        Material::File(_) => Err(InvalidAuthorityCause::NotInlined),
    }
}

const PUBLIC_KEY: &str = "PUBLIC KEY";

#[cfg(test)]
#[cfg(feature = "issue")]
mod tests;
