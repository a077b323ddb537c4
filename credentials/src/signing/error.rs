//! Why a signature does not count.

/// One of the two signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Half {
    /// RSA or ECDSA.
    #[error("classical")]
    Classical,
    /// ML-DSA.
    #[error("ML-DSA")]
    Alternative,
}

/// Why a signature file does not count. One variant for each rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSignature {
    /// More than [`super::MAXIMUM_BYTES`].
    #[error("is longer than 32 KiB")]
    TooLong,
    /// Not the general JSON form of a JWS with two signatures, or not as this software writes it.
    #[error("is no signature file: {0}")]
    Form(&'static str),
    /// Only one signature, or two of the same kind.
    #[error("has no {0} signature; both are required")]
    HalfMissing(Half),
    /// The `typ` of a header is that of another kind of document.
    #[error("is a signature of another kind of document: its type is `{found}`, not `{expected}`")]
    Purpose {
        /// What stands in the header, cut.
        found: String,
        /// What must stand there.
        expected: &'static str,
    },
    /// A `kid` that no pinned authority has.
    #[error("names the key `{0}`, which no pinned authority has")]
    AuthorityUnknown(String),
    /// The halves are by different authorities.
    #[error("mixes two authorities: `{classical}` signed one half and `{alternative}` the other")]
    Mixed {
        /// Whose classical key is named.
        classical: String,
        /// Whose ML-DSA key is named.
        alternative: String,
    },
    /// `alg` is not that of the pinned key.
    #[error("names another algorithm than the pinned {0} key has")]
    Algorithm(Half),
    /// A signature that does not hold.
    #[error("has a {0} signature that does not hold")]
    HalfInvalid(Half),
    /// The signed statement is none.
    #[error("signs no statement about files")]
    Statement,
    /// The statement is about other files than these.
    #[error("is about other files: it names {signed}, not {given}")]
    OtherFiles {
        /// What the statement names.
        signed: String,
        /// What was to be verified.
        given: String,
    },
    /// A file is not the one that was signed.
    #[error("was made for another {0}: its bytes are not those that were signed")]
    Altered(String),
}
