//! Certificates in files.

use std::fs::File;
use std::path::Path;

use sallyport_credentials::document::{self, Document, DocumentKind, InvalidDocument};
use sallyport_credentials::jwk::{self, Jwk};
use sallyport_credentials::public_key::PublicKey;
use sallyport_credentials::report::Certificate;
use sallyport_credentials::{AuthoritySet, certificate};
use sallyport_engine::facts::PeerCertificate;
use sallyport_engine::identity::SpiffeId;
use sallyport_mesh_config::bounded;

use super::failure::Failure;

/// The bytes of a file that is not longer than any certificate, key or token.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    File::open(path)
        .and_then(|file| bounded::bytes(file, MAXIMUM_MEBIBYTES))
        .map_err(Failure::unreadable(path))
}

/// The documents of a file, PEM or DER.
pub(super) fn documents(path: &Path, bytes: &[u8]) -> Result<Vec<Document>, Failure> {
    let path = || path.to_owned();
    document::read(bytes).map_err(|cause| {
        if cause == InvalidDocument::PrivateKey {
            Failure::PrivateKey(path())
        } else {
            Failure::Document {
                path: path(),
                cause,
            }
        }
    })
}

/// The DER of the certificates of a file, PEM or DER: at least one.
pub(super) fn chain(path: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let mut chain = Vec::new();
    for document in documents(path, &bytes(path)?)? {
        match document.kind {
            DocumentKind::Certificate => chain.push(document.bytes),
            DocumentKind::PublicKey | DocumentKind::Dilithium5PublicKey => {}
        }
    }
    if chain.is_empty() {
        return Err(Failure::NoCertificate(path.to_owned()));
    }
    Ok(chain)
}

/// The public keys of a file: JWK, JWK Set, PEM or DER.
pub(super) fn keys(path: &Path) -> Result<Vec<Jwk>, Failure> {
    let bytes = bytes(path)?;
    if bytes.trim_ascii().first() == Some(&b'{') {
        return jwk::read(&bytes).map_err(|cause| Failure::Jwk {
            path: path.to_owned(),
            cause,
        });
    }
    let keys = of_documents(path, &bytes)?.into_iter();
    Ok(keys.map(|key| Jwk::new(key, None, None)).collect())
}

/// The public keys of a file, PEM or DER.
pub(super) fn public_keys(path: &Path) -> Result<Vec<PublicKey>, Failure> {
    of_documents(path, &bytes(path)?)
}

fn of_documents(path: &Path, bytes: &[u8]) -> Result<Vec<PublicKey>, Failure> {
    let keys = documents(path, bytes)?.into_iter().map(|document| {
        let unknown = || Failure::Unknown(path.to_owned());
        if document.kind != DocumentKind::PublicKey {
            return Err(unknown());
        }
        PublicKey::from_spki(&document.bytes).map_err(|_| unknown())
    });
    keys.collect()
}

/// Takes a certificate of a file apart.
pub(super) fn parse<'a>(path: &Path, der: &'a [u8]) -> Result<Certificate<'a>, Failure> {
    Certificate::parse(der).map_err(|cause| Failure::Certificate {
        path: path.to_owned(),
        cause,
    })
}

/// The DER of the first certificate of a file: a chain starts with its leaf.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let first = chain(path)?.into_iter().next();
    first.ok_or_else(|| Failure::NoCertificate(path.to_owned()))
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

/// As much as [`document`] reads.
const MAXIMUM_MEBIBYTES: u32 = 1;
