//! The keys of an authority that signs documents, in files.

use std::path::Path;

use rcgen::SigningKey as _;
use sallyport_engine::policy::raw::{AlternativeAlgorithm, ClassicalTokenAlgorithm};

use super::alternative::MlDsaSigner;
use super::classical::CertificateSigner;
use super::files::{self, Access};
use super::rsa::{PRIVATE_KEY, RsaSigner};
use super::{AuthorityKey, IssueError, RsaBits};
use crate::public_key::PublicKey;
use crate::signing::{Half, SigningAuthority};

/// Both private keys of an authority for documents.
pub struct SigningKeys {
    authority: SigningAuthority,
    classical: ClassicalSigner,
    alternative: MlDsaSigner,
}

/// What new keys shall be.
#[derive(Debug, Clone)]
pub struct SigningOptions {
    /// The name of the authority.
    pub name: String,
    /// The kind of its classical key. RSA signs PS256.
    pub key: AuthorityKey,
    /// The size of its classical key, if that is RSA.
    pub rsa_bits: RsaBits,
    /// The algorithm of its ML-DSA key: ML-DSA-65 or ML-DSA-87.
    pub algorithm: AlternativeAlgorithm,
}

enum ClassicalSigner {
    Rsa(Box<RsaSigner>),
    Ecdsa(Box<CertificateSigner>),
}

/// The public file of an authority: a JWK Set.
pub const AUTHORITY_FILE: &str = "signing-authority.json";
const CLASSICAL_KEY_FILE: &str = "signing.key";
const ALTERNATIVE_KEY_FILE: &str = "signing.pq.key";

// === impl SigningKeys ===

impl SigningKeys {
    /// Makes both keys.
    ///
    /// # Errors
    ///
    /// When the operating system gives no randomness, or the options make no authority.
    pub fn generate(options: &SigningOptions) -> Result<Self, IssueError> {
        let classical = match options.key {
            AuthorityKey::Rsa => {
                ClassicalSigner::Rsa(Box::new(RsaSigner::generate(options.rsa_bits)?))
            }
            AuthorityKey::EcdsaP256 | AuthorityKey::EcdsaP384 => ClassicalSigner::Ecdsa(Box::new(
                CertificateSigner::generate(options.key, options.rsa_bits)?,
            )),
        };
        let alternative = MlDsaSigner::generate(options.algorithm)?;
        let keys = [classical.public_key_spki(), alternative.public_key_spki()];
        let [classical_key, alternative_key] = keys.map(|spki| PublicKey::from_spki(&spki));
        let unusable = |_| IssueError::KeyGeneration;
        let keys = [
            classical_key.map_err(unusable)?,
            alternative_key.map_err(unusable)?,
        ];
        Ok(Self {
            authority: SigningAuthority::of_keys(&options.name, keys)?,
            classical,
            alternative,
        })
    }

    /// Reads what [`Self::save`] wrote.
    ///
    /// # Errors
    ///
    /// When a file is missing, is not what its name says, or does not belong to the others.
    pub fn load(directory: &Path) -> Result<Self, IssueError> {
        let mismatch = |file| IssueError::Mismatch {
            path: directory.join(file),
        };
        let text = files::read(directory, AUTHORITY_FILE)?;
        let authority = SigningAuthority::read(text.as_bytes())?;
        let pkcs8 = files::read_pem(directory, CLASSICAL_KEY_FILE, PRIVATE_KEY)?;
        // Only RSA keys can be read as such.
        let classical = match RsaSigner::from_pkcs8(&pkcs8) {
            Ok(signer) => ClassicalSigner::Rsa(Box::new(signer)),
            Err(_) => ClassicalSigner::Ecdsa(Box::new(CertificateSigner::from_pkcs8(&pkcs8)?)),
        };
        if classical.public_key_spki() != authority.public_key(Half::Classical) {
            return Err(mismatch(CLASSICAL_KEY_FILE));
        }
        let pkcs8 = files::read_pem(directory, ALTERNATIVE_KEY_FILE, PRIVATE_KEY)?;
        let alternative =
            MlDsaSigner::from_pkcs8(&pkcs8).ok_or_else(|| mismatch(ALTERNATIVE_KEY_FILE))?;
        if alternative.public_key_spki() != authority.public_key(Half::Alternative) {
            return Err(mismatch(ALTERNATIVE_KEY_FILE));
        }
        Ok(Self {
            authority,
            classical,
            alternative,
        })
    }

    /// Writes [`AUTHORITY_FILE`], `signing.key` (PKCS #8) and `signing.pq.key` (PKCS #8 with the seed
    /// alone, RFC 9881, section 6) into a directory, which is made if need be. Private keys get mode
    /// 0600. Files that exist are not overwritten.
    ///
    /// # Errors
    ///
    /// When a file exists or cannot be written.
    pub fn save(&self, directory: &Path) -> Result<(), IssueError> {
        let public = serde_json::to_string_pretty(&self.authority.to_json())
            .map_err(|_| IssueError::Encoding)?;
        let classical = match &self.classical {
            ClassicalSigner::Rsa(signer) => signer.private_key_pem()?,
            ClassicalSigner::Ecdsa(signer) => signer.private_key_pem()?,
        };
        let alternative = self.alternative.private_key_pem()?;
        for (file, text, access) in [
            (CLASSICAL_KEY_FILE, classical.expose(), Access::Owner),
            (ALTERNATIVE_KEY_FILE, alternative.expose(), Access::Owner),
            (AUTHORITY_FILE, &(public + "\n"), Access::Everyone),
        ] {
            files::write(directory, file, text, access)?;
        }
        Ok(())
    }

    /// Who it is, by its public keys.
    #[must_use]
    pub const fn authority(&self) -> &SigningAuthority {
        &self.authority
    }

    /// Signs with one of the keys; an ECDSA signature is in DER.
    ///
    /// # Errors
    ///
    /// When the key refuses to sign.
    pub fn sign(&self, half: Half, message: &[u8]) -> Result<Vec<u8>, IssueError> {
        match (half, &self.classical) {
            (Half::Classical, ClassicalSigner::Rsa(signer)) => {
                signer.sign_token(ClassicalTokenAlgorithm::PS256, message)
            }
            (Half::Classical, ClassicalSigner::Ecdsa(signer)) => Ok(signer.key().sign(message)?),
            (Half::Alternative, _) => self.alternative.sign(message),
        }
    }
}

// === impl ClassicalSigner ===

impl ClassicalSigner {
    fn public_key_spki(&self) -> Vec<u8> {
        match self {
            Self::Rsa(signer) => signer.public_key_spki(),
            Self::Ecdsa(signer) => signer.public_key_spki(),
        }
    }
}
