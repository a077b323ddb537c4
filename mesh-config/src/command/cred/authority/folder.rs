//! The folder of an authority.

use std::fs;
use std::path::{Path, PathBuf};

use sallyport_credentials::issue::{ClassicalAuthority, HybridAuthority, TokenIssuer};
use serde::{Deserialize, Serialize};

use crate::command::certificate;
use crate::command::cred::staging::Staging;
use crate::command::failure::Failure;

/// The folder of an authority, which need not hold private keys.
pub(in crate::command::cred) struct AuthorityFolder<'a> {
    path: &'a Path,
}

/// What an authority signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::command::cred) enum FolderKind {
    Hybrid,
    Classical,
    Token,
}

/// What `authority.json` says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Named {
    /// The name of its entry in a policy.
    pub(super) name: String,
    /// The one trust domain that it certifies.
    pub(super) trust_domain: String,
    /// The name of the first of its line; successors add their generation.
    pub(super) line: String,
    /// Counted from 1.
    pub(super) generation: u32,
}

/// An authority with its private keys.
pub(in crate::command::cred) enum Loaded {
    Hybrid(HybridAuthority),
    Classical(ClassicalAuthority),
}

const NAME_FILE: &str = "authority.json";
const CHAIN_FILE: &str = "ca-chain.pem";
pub(super) const CERTIFICATE_FILE: &str = "ca.crt";
pub(super) const ALTERNATIVE_PUBLIC_KEY_FILE: &str = "ca.mldsa.pub";
pub(super) const TOKEN_FILE: &str = "issuer.json";

// === impl AuthorityFolder ===

impl<'a> AuthorityFolder<'a> {
    pub(in crate::command::cred) const fn new(path: &'a Path) -> Self {
        Self { path }
    }

    pub(super) const fn path(&self) -> &'a Path {
        self.path
    }

    /// Told by its public files.
    pub(in crate::command::cred) fn kind(&self) -> FolderKind {
        if self.path.join(TOKEN_FILE).exists() {
            FolderKind::Token
        } else if self.path.join(ALTERNATIVE_PUBLIC_KEY_FILE).exists()
            || self.path.join("ca.mldsa.key").exists()
        {
            FolderKind::Hybrid
        } else {
            FolderKind::Classical
        }
    }

    pub(in crate::command::cred) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Its name in policies; none where the file is missing, as in folders of other makers.
    pub(super) fn named(&self) -> Result<Option<Named>, Failure> {
        let path = self.path.join(NAME_FILE);
        if !path.exists() {
            return Ok(None);
        }
        let text = certificate::bytes(&path)?;
        match serde_json::from_slice(&text) {
            Ok(named) => Ok(Some(named)),
            Err(cause) => Err(Failure::AuthorityFile { path, cause }),
        }
    }

    /// The DER of its own certificate.
    pub(in crate::command::cred) fn certificate(&self) -> Result<Vec<u8>, Failure> {
        certificate::read(&self.path.join(CERTIFICATE_FILE))
    }

    /// The DER of the certificates of the authorities above it: empty for a root, else the root
    /// last.
    pub(in crate::command::cred) fn above(&self) -> Result<Vec<Vec<u8>>, Failure> {
        let path = self.path.join(CHAIN_FILE);
        if path.exists() {
            certificate::chain(&path)
        } else {
            Ok(Vec::new())
        }
    }

    /// Loads a certificate authority with its private keys.
    pub(in crate::command::cred) fn load(&self) -> Result<Loaded, Failure> {
        let unusable = |cause| Failure::Authority {
            path: self.path.to_owned(),
            cause,
        };
        match self.kind() {
            FolderKind::Hybrid => HybridAuthority::load(self.path)
                .map(Loaded::Hybrid)
                .map_err(unusable),
            FolderKind::Classical => ClassicalAuthority::load(self.path)
                .map(Loaded::Classical)
                .map_err(unusable),
            FolderKind::Token => Err(Failure::OtherKind(self.path.to_owned())),
        }
    }

    /// Loads a token authority with its private keys.
    pub(in crate::command::cred) fn load_token(&self) -> Result<TokenIssuer, Failure> {
        TokenIssuer::load(self.path).map_err(|cause| Failure::Authority {
            path: self.path.to_owned(),
            cause,
        })
    }

    /// Writes the chain of an authority that this one issued.
    pub(super) fn write_chain_below(&self, staging: &Staging) -> Result<(), Failure> {
        let mut text = pem_of(&self.path.join(CERTIFICATE_FILE))?;
        let above = self.path.join(CHAIN_FILE);
        if above.exists() {
            text += &pem_of(&above)?;
        }
        staging.write_public(CHAIN_FILE, text.as_bytes())
    }
}

// === impl Named ===

impl Named {
    /// The first of a line.
    pub(super) fn first(name: &str, trust_domain: &str) -> Self {
        Self {
            name: name.to_owned(),
            trust_domain: trust_domain.to_owned(),
            line: name.to_owned(),
            generation: 1,
        }
    }

    /// The next of its line: `mesh-ca`, `mesh-ca-2`, `mesh-ca-3`.
    pub(super) fn next(&self, name: Option<&str>) -> Self {
        let generation = self.generation.saturating_add(1);
        let usual = || format!("{}-{generation}", self.line);
        Self {
            name: name.map_or_else(usual, str::to_owned),
            generation,
            ..self.clone()
        }
    }

    pub(super) fn write(&self, staging: &Staging) -> Result<(), Failure> {
        let text = crate::command::cred::pretty(self)?;
        staging.write_public(NAME_FILE, text.as_bytes())
    }
}

fn pem_of(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(Failure::unreadable(path))
}
