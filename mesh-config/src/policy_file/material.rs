//! The files that a policy names, put into it as text.
//!
//! A policy is read by others than its author: a path that leads out of its folder could make the
//! command line of a build machine publish any file. So only plain paths below the folder of the
//! policy are read, symbolic links resolved, and nothing that holds a private key.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use sallyport_engine::policy::raw::{Material, PolicyDocument, Spec};

use crate::finding::{Code, Finding};

/// The longest file, in bytes. The longest PEM text that an authority needs has about 10 KiB.
const MAXIMUM_BYTES: u64 = 64 * 1024;

/// Why a file cannot take its place in the policy. One variant for each rule.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum InvalidMaterial {
    #[error("`{0}` is no path below the folder of the policy")]
    Outside(String),
    #[error("cannot read `{path}`: {cause}")]
    Unreadable { path: String, cause: io::Error },
    #[error("`{0}` is no regular file")]
    NotAFile(String),
    #[error("`{0}` is longer than 64 KiB")]
    TooLong(String),
    #[error("`{0}` is no text")]
    NotText(String),
    #[error("holds a private key")]
    PrivateKey,
}

impl InvalidMaterial {
    const fn hint(&self) -> &'static str {
        match self {
            Self::Outside(_) => {
                "put the file beside the policy and name it by a relative path without `..`"
            }
            Self::Unreadable { .. } => "paths are relative to the folder of the policy file",
            Self::NotAFile(_) | Self::TooLong(_) | Self::NotText(_) => {
                "name one file with a public key or certificate"
            }
            Self::PrivateKey => {
                "pin the public key or certificate; keep the private key with the authority, and \
                 replace it if this file was shared"
            }
        }
    }

    pub(super) fn at(&self, path: String) -> Finding {
        let code = match self {
            Self::PrivateKey => Code::PrivateKey,
            Self::Outside(_)
            | Self::Unreadable { .. }
            | Self::NotAFile(_)
            | Self::TooLong(_)
            | Self::NotText(_) => Code::UnusableFile,
        };
        Finding::new(code, path, self.to_string()).with_hint(self.hint())
    }
}

/// Replaces each file of the document by its text. Errors leave the entry as it is.
pub(super) fn inline(document: &mut PolicyDocument, folder: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, material) in materials(&mut document.spec) {
        match text_of(material, folder) {
            Ok(text) => *material = Material::Inline(text),
            Err(error) => findings.push(error.at(path)),
        }
    }
    findings
}

/// All texts of keys in the document, with their paths.
fn materials(spec: &mut Spec) -> Vec<(String, &mut Material)> {
    let mut materials = Vec::new();
    if let Some(artifacts) = &mut spec.artifacts {
        for (number, entry) in artifacts.authorities.iter_mut().flatten().enumerate() {
            materials.push((format!("spec.artifacts.authorities[{number}]"), entry));
        }
    }
    let Some(authorities) = &mut spec.authorities else {
        return materials;
    };
    for (number, entry) in authorities.certificates.iter_mut().flatten().enumerate() {
        let path = format!("spec.authorities.certificates[{number}]");
        materials.push((format!("{path}.caCertificate"), &mut entry.ca_certificate));
        if let Some(key) = &mut entry.alternative_key {
            materials.push((
                format!("{path}.alternativeKey.publicKey"),
                &mut key.public_key,
            ));
        }
    }
    for (number, entry) in authorities.tokens.iter_mut().flatten().enumerate() {
        let path = format!("spec.authorities.tokens[{number}]");
        let classical = &mut entry.classical_key.public_key;
        materials.push((format!("{path}.classicalKey.publicKey"), classical));
        let alternative = &mut entry.alternative_key.public_key;
        materials.push((format!("{path}.alternativeKey.publicKey"), alternative));
    }
    materials
}

fn text_of(material: &Material, folder: &Path) -> Result<String, InvalidMaterial> {
    let text = match material {
        Material::Inline(text) => text.clone(),
        Material::File(name) => read(name, folder)?,
    };
    if text.contains("PRIVATE KEY") {
        Err(InvalidMaterial::PrivateKey)
    } else {
        Ok(text)
    }
}

fn read(name: &str, folder: &Path) -> Result<String, InvalidMaterial> {
    let unreadable = |cause| InvalidMaterial::Unreadable {
        path: name.to_owned(),
        cause,
    };
    let path = path_of(name, folder)?;
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let limit = MAXIMUM_BYTES.saturating_add(1);
    let length = file
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if u64::try_from(length).is_ok_and(|length| length == limit) {
        return Err(InvalidMaterial::TooLong(name.to_owned()));
    }
    String::from_utf8(bytes).map_err(|_| InvalidMaterial::NotText(name.to_owned()))
}

/// The real path of a regular file below the folder.
pub(super) fn path_of(name: &str, folder: &Path) -> Result<PathBuf, InvalidMaterial> {
    let unreadable = |cause| InvalidMaterial::Unreadable {
        path: name.to_owned(),
        cause,
    };
    let path = resolve(name, folder)?.map_err(unreadable)?;
    // Before it is opened: opening a named pipe waits for somebody who writes to it.
    if fs::metadata(&path).map_err(unreadable)?.is_file() {
        Ok(path)
    } else {
        Err(InvalidMaterial::NotAFile(name.to_owned()))
    }
}

/// The real path of a file below the folder.
fn resolve(name: &str, folder: &Path) -> Result<io::Result<PathBuf>, InvalidMaterial> {
    let outside = || InvalidMaterial::Outside(name.to_owned());
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if name.is_empty() || !Path::new(name).components().all(plain) {
        return Err(outside());
    }
    let real = folder.canonicalize().and_then(|folder| {
        let file = folder.join(name).canonicalize()?;
        Ok((file.starts_with(&folder), file))
    });
    match real {
        Ok((true, file)) => Ok(Ok(file)),
        Ok((false, _)) => Err(outside()),
        Err(cause) => Ok(Err(cause)),
    }
}
