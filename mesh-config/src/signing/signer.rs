//! Who signs: keys in files, or a program.

use std::path::Path;

use sallyport_credentials::issue::{IssueError, SigningKeys};
use sallyport_credentials::signing::{
    Draft, Half, InvalidSignature, Purpose, SigningAuthority, Subject,
};

use super::{ExternalSigner, SignerFault};

/// Both keys of one authority, wherever they are.
pub enum Signer {
    /// In files. Wiped when dropped.
    Keys(Box<SigningKeys>),
    /// With a program.
    Command {
        /// For whom it signs.
        authority: Box<SigningAuthority>,
        /// The program.
        signer: ExternalSigner,
    },
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSigner {
    /// A key in a file.
    #[error("{0}")]
    Keys(#[from] IssueError),
    /// The program.
    #[error("the signer {0}")]
    Command(#[from] SignerFault),
    /// What was signed is not what the authority's public keys verify.
    #[error("the signature {0}; nothing was written")]
    Signature(#[from] InvalidSignature),
}

impl Signer {
    /// Reads the keys of a folder.
    ///
    /// # Errors
    /// When they are not there, or do not belong together.
    pub fn of_folder(folder: &Path) -> Result<Self, InvalidSigner> {
        Ok(Self::Keys(Box::new(SigningKeys::load(folder)?)))
    }

    /// Signs these documents, and gives the text of the signature file. It was verified with the
    /// public keys of the authority.
    ///
    /// # Errors
    /// [`InvalidSigner`].
    pub fn sign(
        &self,
        purpose: Purpose,
        subjects: &[Subject],
        signed_at: &str,
    ) -> Result<String, InvalidSigner> {
        let draft = Draft::new(self.authority(), purpose, subjects, signed_at)?;
        let classical = self.half(&draft, Half::Classical)?;
        let alternative = self.half(&draft, Half::Alternative)?;
        Ok(draft.finish(&classical, &alternative)?)
    }

    /// For whom it signs.
    #[must_use]
    pub fn authority(&self) -> &SigningAuthority {
        match self {
            Self::Keys(keys) => keys.authority(),
            Self::Command { authority, .. } => authority,
        }
    }

    fn half(&self, draft: &Draft<'_>, half: Half) -> Result<Vec<u8>, InvalidSigner> {
        match self {
            Self::Keys(keys) => Ok(keys.sign(half, draft.input(half).as_bytes())?),
            Self::Command { signer, .. } => Ok(signer.sign(draft, half)?),
        }
    }
}
