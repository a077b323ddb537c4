//! What an authority was made with, read from its public certificate, so that a successor can be
//! made alike.

use sallyport_engine::policy::raw::AlternativeAlgorithm;
use sallyport_engine::time::TimeMs;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::{AuthorityKey, AuthorityOptions, IssueError, RsaBits};
use crate::alternative::identified;
use crate::certificate::parts::{ALTERNATIVE_PUBLIC_KEY, Parts};
use crate::classical::{ClassicalKey, Curve, bit_length, split_spki};

// === impl AuthorityOptions ===

impl AuthorityOptions {
    /// The options by which an authority with this certificate (DER) is made again: subject, kinds
    /// and sizes of keys, room for intermediates, and as long a life from `not_before` on.
    ///
    /// # Errors
    ///
    /// [`IssueError::Unlike`] when the certificate says something that these options cannot.
    pub fn like(certificate: &[u8], not_before: TimeMs) -> Result<Self, IssueError> {
        let parts = Parts::parse(certificate).map_err(|_| IssueError::Unlike)?;
        let (_, meaning) =
            X509Certificate::from_der(certificate).map_err(|_| IssueError::Unlike)?;
        let (key, rsa_bits) = kind_of_key(parts.public_key)?;
        let validity = meaning.validity();
        let seconds = validity
            .not_after
            .timestamp()
            .checked_sub(validity.not_before.timestamp())
            .ok_or(IssueError::Unlike)?;
        let lifetime = u64::try_from(seconds).map_err(|_| IssueError::Unlike)?;
        let not_after = TimeMs(not_before.0.saturating_add(lifetime.saturating_mul(1000)));
        let common_name = only_common_name(&meaning)?;
        Ok(Self {
            key,
            rsa_bits,
            algorithm: alternative_algorithm(&parts)?,
            intermediates: path_length(&meaning)?,
            ..Self::new(common_name, not_before, not_after)
        })
    }
}

fn kind_of_key(spki: &[u8]) -> Result<(AuthorityKey, RsaBits), IssueError> {
    let bits = RsaBits::default();
    match ClassicalKey::from_spki(spki).map_err(|_| IssueError::Unlike)? {
        ClassicalKey::Ecdsa(key) => match key.curve() {
            Curve::P256 => Ok((AuthorityKey::EcdsaP256, bits)),
            Curve::P384 => Ok((AuthorityKey::EcdsaP384, bits)),
        },
        ClassicalKey::Rsa(key) => match bit_length(key.modulus()) {
            2048 => Ok((AuthorityKey::Rsa, RsaBits::Bits2048)),
            3072 => Ok((AuthorityKey::Rsa, RsaBits::Bits3072)),
            4096 => Ok((AuthorityKey::Rsa, RsaBits::Bits4096)),
            _ => Err(IssueError::Unlike),
        },
    }
}

/// A classical authority has none, and ignores what stands there.
fn alternative_algorithm(parts: &Parts<'_>) -> Result<AlternativeAlgorithm, IssueError> {
    let Some(extension) = parts.extension(ALTERNATIVE_PUBLIC_KEY) else {
        return Ok(AlternativeAlgorithm::MlDsa65);
    };
    let (identifier, _) = split_spki(extension.value).map_err(|_| IssueError::Unlike)?;
    identified(identifier).ok_or(IssueError::Unlike)
}

fn path_length(meaning: &X509Certificate<'_>) -> Result<u8, IssueError> {
    match meaning.basic_constraints() {
        Ok(Some(constraints)) => {
            let length = constraints.value.path_len_constraint.unwrap_or(0);
            u8::try_from(length).map_err(|_| IssueError::Unlike)
        }
        Ok(None) | Err(_) => Err(IssueError::Unlike),
    }
}

/// The common name, if the subject has nothing else.
fn only_common_name<'a>(meaning: &'a X509Certificate<'_>) -> Result<&'a str, IssueError> {
    let mut attributes = meaning.subject().iter_attributes();
    let (Some(first), None) = (attributes.next(), attributes.next()) else {
        return Err(IssueError::Unlike);
    };
    match meaning.subject().iter_common_name().next() {
        Some(name) if name.attr_type() == first.attr_type() => {
            name.as_str().map_err(|_| IssueError::Unlike)
        }
        Some(_) | None => Err(IssueError::Unlike),
    }
}
