//! Authorities that sign documents, as they are typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::AuthorityKeyKind;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct SignerKeysArgs {
    /// Its name: a DNS label.
    #[arg(long)]
    pub(crate) name: String,
    /// Folder for its files; private keys get mode 0600.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Its classical key.
    #[arg(long, value_enum, default_value_t = AuthorityKeyKind::Rsa3072, conflicts_with = "public_keys")]
    pub(crate) key: AuthorityKeyKind,
    /// Algorithm of its post-quantum key.
    #[arg(long, value_enum, ignore_case = true, default_value_t = SigningAlgorithm::MlDsa65, conflicts_with = "public_keys")]
    pub(crate) algorithm: SigningAlgorithm,
    /// Make no keys, but the public file of an authority whose keys a KMS or an HSM holds: its RSA or
    /// ECDSA and its ML-DSA public key (PEM or DER). Give it twice.
    #[arg(long = "public-key", value_name = "FILE", num_args = 1)]
    pub(crate) public_keys: Vec<PathBuf>,
    /// Replace files that exist.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SigningAlgorithm {
    /// FIPS 204, security category 3.
    #[value(name = "ML-DSA-65")]
    MlDsa65,
    /// FIPS 204, security category 5.
    #[value(name = "ML-DSA-87")]
    MlDsa87,
}

#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// Folder with the keys, as `cred signer` makes it.
    #[arg(long, value_name = "DIR")]
    pub(crate) keys: PathBuf,
}

const EXAMPLE: &str = "\
Examples:
  sallyport cred signer --name release --out release
  sallyport cred signer --name release --out pins --public-key kms-ecdsa.pem --public-key kms-mldsa.pem

`signing-authority.json` is public: pin it with `--authority` where signatures are verified.";
