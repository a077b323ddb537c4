//! `sallyport cred` as it is typed.

mod authority;
mod examine;
mod issue;
mod signer;

use clap::Subcommand;

pub(crate) use authority::*;
pub(crate) use examine::*;
pub(crate) use issue::*;
pub(crate) use signer::*;

#[derive(Debug, Subcommand)]
pub(crate) enum CredCommand {
    /// Make, replace and describe authorities, for development, demonstrations and tests.
    #[command(subcommand)]
    Authority(AuthorityCommand),
    /// Issue credentials of such an authority.
    #[command(subcommand)]
    Issue(IssueCommand),
    /// Make a proof (WPT) with the key of a workload identity token, good for a minute, for one
    /// called workload and one connection, and print it.
    Prove(ProveArgs),
    /// Make the keys of an authority that signs documents: manifests of artifacts, bundles, modules.
    Signer(SignerKeysArgs),
    /// Sign standard input with one key of such an authority, as `--signer-command` asks for it, and
    /// print the signature in base64.
    Sign(SignArgs),
    /// Describe certificates, public keys and tokens, whoever made them. Nothing is verified,
    /// unless a policy is given. Private keys are not shown.
    Inspect(InspectArgs),
    /// Verify a certificate half by half, a JWS, or a hybrid token.
    Verify(Box<VerifyArgs>),
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuthorityCommand {
    /// Make the keys of a new authority, and print the policy entry that pins it.
    New(AuthorityArgs),
    /// Make the successor of an authority: same subject, parameters and issuer, new keys. Prints
    /// the policy entries of both, which overlap until the old one is removed.
    Rotate(RotateArgs),
    /// Describe an authority by its public files: its policy entry, and its keys as a JWK Set.
    Show(ShowArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum IssueCommand {
    /// Issue a workload certificate with a new key.
    Certificate(CertificateArgs),
    /// Issue a hybrid token for a certificate.
    Token(TokenArgs),
    /// Issue a workload identity token (WIT) for a certificate and a new ML-DSA key. It counts only
    /// with proofs, which `sallyport cred prove` makes.
    Identity(IdentityArgs),
}
