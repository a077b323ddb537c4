//! Certificates in files.

use std::fs;
use std::path::Path;

use sallyport_credentials::pem::decode_certificate;
use sallyport_credentials::{AuthoritySet, certificate};
use sallyport_engine::facts::PeerCertificate;
use sallyport_engine::identity::SpiffeId;

use super::failure::Failure;

/// The DER of a PEM file with one certificate.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = fs::read(path).map_err(Failure::unreadable(path))?;
    decode_certificate(bytes.trim_ascii()).map_err(|cause| Failure::Certificate {
        path: path.to_owned(),
        cause,
    })
}

/// What a certificate says, whoever signed it: without pinned authorities nothing is verified.
pub(super) fn unverified(der: &[u8]) -> PeerCertificate {
    match AuthoritySet::new(None) {
        Ok(nobody) => certificate::read(&nobody, der),
        Err(_) => PeerCertificate::Unreadable,
    }
}

/// Whom a certificate names, whoever signed it.
pub(super) fn subject(der: &[u8]) -> Option<SpiffeId> {
    match unverified(der) {
        PeerCertificate::Read { subject, .. } => Some(subject),
        PeerCertificate::Unavailable | PeerCertificate::Unreadable => None,
    }
}
