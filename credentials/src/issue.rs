//! Authorities that sign: for development, demonstrations and tests. Native only.
//!
//! A [`HybridAuthority`] issues hybrid certificates, a [`ClassicalAuthority`] ordinary ones, a
//! [`TokenIssuer`] hybrid tokens; [`SigningKeys`] sign documents. Each gives the entry by which it is pinned. Encoded private
//! keys are wiped when dropped (copies inside of the cryptographic libraries are not), their files
//! are readable for their owner only, and their types have no `Debug`, `Display` or `Serialize`.
//!
//! Not an authority for production: there is no hardware key, no audit, no revocation.

mod alternative;
mod authority;
mod classical;
mod error;
mod files;
mod hybrid_signature;
mod leaf;
mod proof;
mod rsa;
mod signing;
mod subject_key;
mod successor;
mod token;

use zeroize::Zeroizing;

pub use authority::{AuthorityOptions, ClassicalAuthority, HybridAuthority};
pub use error::IssueError;
pub use leaf::{AlternativeSignature, Leaf, LeafKey, LeafRequest};
pub use proof::{ProofKey, ProofRequest};
pub use signing::{AUTHORITY_FILE, SigningKeys, SigningOptions};
pub use token::{Overrides, Token, TokenIssuer, TokenIssuerOptions, TokenKind, TokenRequest};

/// The size of an RSA key that is generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RsaBits {
    /// 2048 bits: quick, for tests and leaves.
    Bits2048,
    /// 3072 bits, about as strong as ML-DSA-65 is meant to be against classical attacks.
    #[default]
    Bits3072,
    /// 4096 bits.
    Bits4096,
}

/// The classical key of an authority for certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthorityKey {
    /// RSA, with as many bits as the options say; signs with PKCS1-v1_5 and SHA-256.
    #[default]
    Rsa,
    /// ECDSA on P-256; signs with SHA-256.
    EcdsaP256,
    /// ECDSA on P-384; signs with SHA-384.
    EcdsaP384,
}

/// A private key in PEM. Wiped when dropped; to be written to a file that only its owner reads.
pub struct PrivateKeyPem(Zeroizing<String>);

// === impl PrivateKeyPem ===

impl PrivateKeyPem {
    fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The same in DER. Wiped when dropped.
    ///
    /// # Errors
    ///
    /// When the text is no PEM, which it always is.
    pub fn to_der(&self) -> Result<Zeroizing<Vec<u8>>, IssueError> {
        match pem_rfc7468::decode_vec(self.0.as_bytes()) {
            Ok((_, der)) => Ok(Zeroizing::new(der)),
            Err(_) => Err(IssueError::Encoding),
        }
    }

    /// The secret text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

fn random_bytes<const LENGTH: usize>() -> Result<[u8; LENGTH], IssueError> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(|_| IssueError::Randomness)?;
    Ok(bytes)
}

fn encode_pem(label: &str, bytes: &[u8]) -> Result<String, IssueError> {
    pem_rfc7468::encode_string(label, pem_rfc7468::LineEnding::LF, bytes)
        .map_err(|_| IssueError::Encoding)
}
