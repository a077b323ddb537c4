//! The policy entry that pins an authority, made of its public files, and its keys as JWKs.

use std::path::Path;

use sallyport_credentials::document::DocumentKind;
use sallyport_credentials::jwk::{self, Jwk};
use sallyport_credentials::public_key::PublicKey;
use sallyport_engine::policy::raw::{
    AlternativeAlgorithm, AlternativeKey, Authorities, CertificateAuthority, Material,
    TokenAuthority,
};
use serde::Serialize;
use serde_json::Value;

use super::folder::{
    ALTERNATIVE_PUBLIC_KEY_FILE, AuthorityFolder, CERTIFICATE_FILE, FolderKind, Named, TOKEN_FILE,
};
use crate::command::certificate;
use crate::command::failure::Failure;

/// Entries that pin authorities, in their place.
#[derive(Serialize)]
pub(super) struct Pin {
    pub(super) authorities: Authorities,
}

/// A JWK Set (RFC 7517, section 5).
#[derive(Serialize)]
pub(super) struct Jwks {
    pub(super) keys: Vec<Value>,
}

const TOKEN_PUBLIC_KEY_FILE: &str = "token.pub";
const TOKEN_ALTERNATIVE_PUBLIC_KEY_FILE: &str = "token.pq.pub";

// === impl Pin ===

impl Pin {
    /// Pins the authority in `folder`, whose files will stand in `place`.
    pub(super) fn of(
        folder: &AuthorityFolder<'_>,
        named: &Named,
        place: &Path,
    ) -> Result<Self, Failure> {
        let authorities = match folder.kind() {
            FolderKind::Token => Authorities {
                tokens: Some(vec![token_entry(folder, place)?]),
                ..Authorities::default()
            },
            kind @ (FolderKind::Hybrid | FolderKind::Classical) => Authorities {
                certificates: Some(vec![CertificateAuthority {
                    name: named.name.clone(),
                    trust_domain: named.trust_domain.clone(),
                    ca_certificate: material(place, CERTIFICATE_FILE),
                    alternative_key: match kind {
                        FolderKind::Hybrid => Some(AlternativeKey {
                            algorithm: alternative_algorithm(folder)?,
                            public_key: material(place, ALTERNATIVE_PUBLIC_KEY_FILE),
                        }),
                        FolderKind::Classical | FolderKind::Token => None,
                    },
                    alternative_required_from: None,
                }]),
                ..Authorities::default()
            },
        };
        Ok(Self { authorities })
    }

    /// Both, the other one after this one.
    pub(super) fn and(mut self, other: Self) -> Self {
        let (ours, theirs) = (&mut self.authorities, other.authorities);
        let certificates = ours.certificates.take().into_iter().flatten();
        let certificates = certificates.chain(theirs.certificates.into_iter().flatten());
        ours.certificates = some_of(certificates.collect());
        let tokens = ours.tokens.take().into_iter().flatten();
        ours.tokens = some_of(tokens.chain(theirs.tokens.into_iter().flatten()).collect());
        self
    }
}

/// What `issuer.json` says.
pub(super) fn token_authority(folder: &AuthorityFolder<'_>) -> Result<TokenAuthority, Failure> {
    let path = folder.file(TOKEN_FILE);
    serde_json::from_slice(&certificate::bytes(&path)?)
        .map_err(|cause| Failure::AuthorityFile { path, cause })
}

/// Its public keys. Ids are those of a token authority's entry, else thumbprints (RFC 7638).
/// `Dilithium5` keys have no form as a JWK, and are left out.
pub(super) fn jwks(folder: &AuthorityFolder<'_>) -> Result<Jwks, Failure> {
    let mut keys = Vec::new();
    match folder.kind() {
        FolderKind::Token => {
            let entry = token_authority(folder)?;
            let classical = &entry.classical_key;
            let algorithm = serde_json::to_value(classical.algorithm);
            let algorithm = algorithm.map_err(|_| Failure::Encoding("JSON"))?;
            for (file, kid, algorithm) in [
                (
                    TOKEN_PUBLIC_KEY_FILE,
                    classical.kid.clone(),
                    algorithm.as_str().map(str::to_owned),
                ),
                (
                    TOKEN_ALTERNATIVE_PUBLIC_KEY_FILE,
                    entry.alternative_key.kid.clone(),
                    None,
                ),
            ] {
                if let Some(key) = public_key(&folder.file(file))? {
                    keys.push(Jwk::new(key, Some(kid), algorithm).to_json());
                }
            }
        }
        kind @ (FolderKind::Hybrid | FolderKind::Classical) => {
            let path = folder.file(CERTIFICATE_FILE);
            let der = folder.certificate()?;
            let certificate = certificate::parse(&path, &der)?;
            keys.push(by_thumbprint(key_of(&path, certificate.public_key())?));
            if kind == FolderKind::Hybrid {
                let key = public_key(&folder.file(ALTERNATIVE_PUBLIC_KEY_FILE))?;
                keys.extend(key.map(by_thumbprint));
            }
        }
    }
    Ok(Jwks { keys })
}

fn by_thumbprint(key: PublicKey) -> Value {
    let kid = jwk::thumbprint(&key);
    Jwk::new(key, Some(kid), None).to_json()
}

fn token_entry(folder: &AuthorityFolder<'_>, place: &Path) -> Result<TokenAuthority, Failure> {
    let mut entry = token_authority(folder)?;
    entry.classical_key.public_key = material(place, TOKEN_PUBLIC_KEY_FILE);
    entry.alternative_key.public_key = material(place, TOKEN_ALTERNATIVE_PUBLIC_KEY_FILE);
    Ok(entry)
}

fn alternative_algorithm(folder: &AuthorityFolder<'_>) -> Result<AlternativeAlgorithm, Failure> {
    let path = folder.file(ALTERNATIVE_PUBLIC_KEY_FILE);
    let name = public_key(&path)?.map(|key| key.name()).unwrap_or_default();
    [
        AlternativeAlgorithm::MlDsa44,
        AlternativeAlgorithm::MlDsa65,
        AlternativeAlgorithm::MlDsa87,
    ]
    .into_iter()
    .find(|algorithm| algorithm.name() == name)
    .ok_or_else(|| Failure::AlternativeKey {
        path,
        cause: "it is of another algorithm".to_owned(),
    })
}

/// The key of a PEM or DER file; none if it is one without a form as a JWK.
fn public_key(path: &Path) -> Result<Option<PublicKey>, Failure> {
    let documents = certificate::documents(path, &certificate::bytes(path)?)?;
    match documents.first() {
        Some(document) if document.kind == DocumentKind::PublicKey => {
            key_of(path, &document.bytes).map(Some)
        }
        Some(document) if document.kind == DocumentKind::Dilithium5PublicKey => Ok(None),
        Some(_) | None => Err(Failure::Unknown(path.to_owned())),
    }
}

fn key_of(path: &Path, spki: &[u8]) -> Result<PublicKey, Failure> {
    PublicKey::from_spki(spki).map_err(|_| Failure::Unknown(path.to_owned()))
}

/// The policy names files below its own folder, which only the reader knows: say it as typed.
fn material(place: &Path, name: &str) -> Material {
    Material::File(place.join(name).to_string_lossy().into_owned())
}

fn some_of<T>(entries: Vec<T>) -> Option<Vec<T>> {
    if entries.is_empty() {
        None
    } else {
        Some(entries)
    }
}
