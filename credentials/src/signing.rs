//! Signatures of documents: manifests of artifacts, bundles, rollbacks, modules.
//!
//! A signature file is a JWS with two signatures in the general JSON form (RFC 7515, section 7.2.1):
//! first the classical one, then ML-DSA (RFC 9964), by the two keys of one pinned authority, over the
//! same payload. The payload is a small statement, which names each signed file by its length and
//! SHA-256 and says when it was signed, so that what a key signs stays below the limits of a KMS. The
//! `typ` of both headers says what was signed ([`Purpose`]), so no signature can stand in for
//! another kind.
//!
//! All or nothing: [`verify`] gives a [`Verified`] only if both halves hold and the files are those
//! of the statement. Keys and algorithms come from the pins, never from the file. Nothing here reads
//! a clock, a file or a network.

mod authority;
mod draft;
mod envelope;
mod error;
mod statement;

use std::sync::Arc;

use sallyport_engine::time::TimeMs;

pub use authority::{InvalidSigningAuthority, SigningAuthorities, SigningAuthority};
pub use draft::Draft;
use envelope::Envelope;
pub use error::{Half, InvalidSignature};
use statement::Statement;
pub use statement::Subject;

/// What was signed. One `typ` each, compared exactly (RFC 8725, section 3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A manifest of artifacts.
    Artifacts,
    /// A bundle.
    Bundle,
    /// A rollback to the content of an earlier bundle.
    Rollback,
    /// A module and its bill of materials.
    Module,
}

/// Files that both keys of one pinned authority signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    authority: Arc<str>,
    signed_at: TimeMs,
}

/// The longest signature file, in bytes. RSA-4096 with ML-DSA-87 needs about 8 KiB.
pub const MAXIMUM_BYTES: usize = 32 * 1024;

// === impl Purpose ===

impl Purpose {
    /// The `typ` of both headers.
    #[must_use]
    pub const fn typ(self) -> &'static str {
        match self {
            Self::Artifacts => "sallyport-artifacts+jws",
            Self::Bundle => "sallyport-bundle+jws",
            Self::Rollback => "sallyport-rollback+jws",
            Self::Module => "sallyport-module+jws",
        }
    }
}

// === impl Verified ===

impl Verified {
    /// The name of the authority.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// When it was signed, as the signer says.
    #[must_use]
    pub const fn signed_at(&self) -> TimeMs {
        self.signed_at
    }
}

/// Verifies a signature file for these files, all of them, in this order.
///
/// # Errors
///
/// [`InvalidSignature`], if anything about it is not as it must be.
pub fn verify(
    authorities: &SigningAuthorities,
    purpose: Purpose,
    signature: &[u8],
    subjects: &[Subject],
) -> Result<Verified, InvalidSignature> {
    let envelope = Envelope::read(signature)?;
    let authority = envelope.authority(authorities, purpose)?;
    envelope.verify(authority)?;
    // Only what is signed is read.
    let statement = Statement::read(&envelope.payload()?)?;
    statement.check(subjects)?;
    Ok(Verified {
        authority: Arc::clone(authority.shared_name()),
        signed_at: statement.signed_at()?,
    })
}

#[cfg(test)]
#[cfg(feature = "issue")]
mod tests;
