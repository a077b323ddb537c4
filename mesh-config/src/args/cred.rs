//! `sallyport cred` as it is typed.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use sallyport_engine::identity::{SpiffeId, TrustDomain};

use crate::duration::Lifetime;

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

#[derive(Debug, Args)]
#[command(after_help = AUTHORITY_EXAMPLE)]
pub(crate) struct AuthorityArgs {
    /// What it signs.
    #[arg(long, value_enum)]
    pub(crate) kind: AuthorityKind,
    /// Its name in the policy: a DNS label.
    #[arg(long)]
    pub(crate) name: String,
    /// The one trust domain whose identities it certifies.
    #[arg(long)]
    pub(crate) trust_domain: TrustDomain,
    /// Folder for its files; private keys get mode 0600.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Algorithm of its post-quantum key; a classical authority has none.
    #[arg(long, value_enum, ignore_case = true, default_value_t = Algorithm::MlDsa65)]
    pub(crate) algorithm: Algorithm,
    /// Its classical key. Tokens are signed with RSA only.
    #[arg(long, value_enum, default_value_t = AuthorityKeyKind::Rsa3072)]
    pub(crate) key: AuthorityKeyKind,
    /// Make it an intermediate: its certificate is issued by the authority in this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) issuer: Option<PathBuf>,
    /// How many authorities may stand between it and a leaf (`pathLenConstraint`). Default: 1, and
    /// one less than its issuer's for an intermediate.
    #[arg(long, value_name = "N")]
    pub(crate) path_length: Option<u8>,
    /// Lifetime of its certificate, as in `365d`; a token authority has none.
    #[arg(long, default_value = "3650d")]
    pub(crate) ttl: Lifetime,
    /// `iss` of its tokens. Default: `https://<name>.<trust domain>`.
    #[arg(long, value_name = "TEXT")]
    pub(crate) token_issuer: Option<String>,
    /// `aud` of its tokens.
    #[arg(long, value_name = "TEXT", default_value = "sallyport")]
    pub(crate) audience: String,
    /// Replace files that exist.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuthorityKind {
    /// Certificates with a classical (RSA or ECDSA) and an ML-DSA signature.
    Hybrid,
    /// Certificates with a classical signature.
    Classical,
    /// Hybrid tokens.
    Token,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Algorithm {
    /// FIPS 204, security category 2; below the policy's default minimum.
    #[value(name = "ML-DSA-44")]
    MlDsa44,
    /// FIPS 204, security category 3.
    #[value(name = "ML-DSA-65")]
    MlDsa65,
    /// FIPS 204, security category 5.
    #[value(name = "ML-DSA-87")]
    MlDsa87,
    /// Legacy code before the standard; tokens only.
    #[value(name = "Dilithium5")]
    Dilithium5,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuthorityKeyKind {
    /// RSA with 2048 bits.
    #[value(name = "rsa-2048")]
    Rsa2048,
    /// RSA with 3072 bits.
    #[value(name = "rsa-3072")]
    Rsa3072,
    /// RSA with 4096 bits.
    #[value(name = "rsa-4096")]
    Rsa4096,
    /// ECDSA on P-256 with SHA-256.
    #[value(name = "ecdsa-p256")]
    EcdsaP256,
    /// ECDSA on P-384 with SHA-384.
    #[value(name = "ecdsa-p384")]
    EcdsaP384,
}

#[derive(Debug, Args)]
#[command(after_help = ROTATE_EXAMPLE)]
pub(crate) struct RotateArgs {
    /// Folder of the authority that is to be replaced. Of a certificate authority the public files
    /// suffice.
    #[arg(value_name = "DIR")]
    pub(crate) authority: PathBuf,
    /// Folder for the successor's files.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Folder of the authority that issued the old certificate, if that is an intermediate.
    #[arg(long, value_name = "DIR")]
    pub(crate) issuer: Option<PathBuf>,
    /// The successor's name in the policy. Default: `<name>-2`, then `<name>-3`, ..
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Lifetime of the successor's certificate. Default: as long as the old one's.
    #[arg(long)]
    pub(crate) ttl: Option<Lifetime>,
    /// `iss` of the successor's tokens. Default: the old one with `/2`, then `/3`, .. at its end,
    /// since a policy leads each `iss` to one authority.
    #[arg(long, value_name = "TEXT")]
    pub(crate) token_issuer: Option<String>,
    /// Replace files that exist.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Folder of the authority. Its private keys are not read.
    #[arg(value_name = "DIR")]
    pub(crate) authority: PathBuf,
    /// What to print.
    #[arg(long, value_enum, default_value_t = ShowFormat::Text)]
    pub(crate) format: ShowFormat,
    /// Its name in the policy, where the folder does not say it.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Its trust domain, where the folder does not say it.
    #[arg(long)]
    pub(crate) trust_domain: Option<TrustDomain>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShowFormat {
    /// A description and the policy entry; with `--output json` the keys as well.
    Text,
    /// The policy entry that pins it.
    Policy,
    /// Its public keys as a JWK Set (RFC 7517, RFC 9964).
    Jwks,
}

#[derive(Debug, Args)]
#[command(after_help = CERTIFICATE_EXAMPLE)]
pub(crate) struct CertificateArgs {
    /// Folder of the authority that issues it.
    #[arg(long, value_name = "DIR")]
    pub(crate) authority: PathBuf,
    /// Whom it names.
    #[arg(long)]
    pub(crate) spiffe_id: SpiffeId,
    /// Folder for `cert-chain.pem` (leaf, then intermediates), `key.pem` and `root-cert.pem`.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Its lifetime, as in `24h`.
    #[arg(long, default_value = "24h")]
    pub(crate) ttl: Lifetime,
    /// A DNS name beside the SPIFFE ID. May be given several times.
    #[arg(long = "dns-name", value_name = "NAME")]
    pub(crate) dns_names: Vec<String>,
    /// The kind of its key. ML-DSA needs Envoy 1.39 or newer on both sides.
    #[arg(long, value_enum, default_value_t = KeyKind::Rsa2048)]
    pub(crate) key: KeyKind,
    /// The encoding of the files. As DER they are `cert.der`, `key.der` (PKCS #8),
    /// `intermediate-<n>.der` and `root-cert.der`.
    #[arg(long, value_enum, default_value_t = FileFormat::Pem)]
    pub(crate) format: FileFormat,
    /// Replace files that exist.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyKind {
    /// RSA with 2048 bits.
    #[value(name = "rsa-2048")]
    Rsa2048,
    /// RSA with 3072 bits.
    #[value(name = "rsa-3072")]
    Rsa3072,
    /// RSA with 4096 bits.
    #[value(name = "rsa-4096")]
    Rsa4096,
    /// ECDSA on P-256.
    #[value(name = "ecdsa-p256")]
    EcdsaP256,
    /// ECDSA on P-384.
    #[value(name = "ecdsa-p384")]
    EcdsaP384,
    /// ML-DSA-44 (RFC 9881).
    #[value(name = "ml-dsa-44")]
    MlDsa44,
    /// ML-DSA-65 (RFC 9881).
    #[value(name = "ml-dsa-65")]
    MlDsa65,
    /// ML-DSA-87 (RFC 9881).
    #[value(name = "ml-dsa-87")]
    MlDsa87,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileFormat {
    /// Text (RFC 7468).
    Pem,
    /// Bytes.
    Der,
}

#[derive(Debug, Args)]
pub(crate) struct IdentityArgs {
    /// Folder of the authority that issues it: one for tokens.
    #[arg(long, value_name = "DIR")]
    pub(crate) authority: PathBuf,
    /// The certificate (PEM or DER) that it is bound to; the first one of a chain.
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: PathBuf,
    /// Whom it names. Default: whom the certificate names.
    #[arg(long)]
    pub(crate) spiffe_id: Option<SpiffeId>,
    /// The kind of its key.
    #[arg(long, value_enum, default_value_t = ProofKeyKind::MlDsa65)]
    pub(crate) key: ProofKeyKind,
    /// Folder for `workload-identity-token`, `hybrid-identity-signature` and `proof-key.pem`.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Its lifetime, as in `5m`.
    #[arg(long, default_value = "5m")]
    pub(crate) ttl: Lifetime,
    /// Replace files that exist.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProofKeyKind {
    /// FIPS 204, security category 2.
    #[value(name = "ml-dsa-44")]
    MlDsa44,
    /// FIPS 204, security category 3.
    #[value(name = "ml-dsa-65")]
    MlDsa65,
    /// FIPS 204, security category 5.
    #[value(name = "ml-dsa-87")]
    MlDsa87,
}

#[derive(Debug, Args)]
pub(crate) struct ProveArgs {
    /// Folder that `sallyport cred issue identity` wrote.
    #[arg(long, value_name = "DIR")]
    pub(crate) identity: PathBuf,
    /// The workload that will be called.
    #[arg(long, value_name = "SPIFFE_ID")]
    pub(crate) to: SpiffeId,
    /// File with the OAuth access token that the request carries, if it carries one.
    #[arg(long, value_name = "FILE")]
    pub(crate) access_token: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// Folder of the authority that issues it.
    #[arg(long, value_name = "DIR")]
    pub(crate) authority: PathBuf,
    /// The certificate (PEM or DER) that it is bound to; the first one of a chain.
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: PathBuf,
    /// Whom it names. Default: whom the certificate names.
    #[arg(long)]
    pub(crate) spiffe_id: Option<SpiffeId>,
    /// Its `aud`. Default: the authority's.
    #[arg(long, value_name = "TEXT")]
    pub(crate) audience: Option<String>,
    /// Folder for `hybrid-identity-token` and `hybrid-identity-signature`.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Its lifetime, as in `5m`.
    #[arg(long, default_value = "5m")]
    pub(crate) ttl: Lifetime,
    /// Replace files that exist.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = INSPECT_EXAMPLE)]
pub(crate) struct InspectArgs {
    /// The file: certificates or public keys (PEM or DER), a JWK or JWK Set, or a compact JWS.
    pub(crate) file: PathBuf,
    /// Also verify a workload certificate with the authorities of this policy, as the filter does.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = VERIFY_EXAMPLE,
    group = ArgGroup::new("what").args(["certificate", "jws", "token"]).required(true).multiple(true)
)]
pub(crate) struct VerifyArgs {
    /// The certificate, PEM or DER; the first one of a chain. With `--token` it is the one that the
    /// token must be bound to.
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: Option<PathBuf>,
    /// Its issuer's certificate (PEM or DER), or the folder of an authority. Default: the next one
    /// of the chain, or the certificate itself if it is self-issued.
    #[arg(
        long,
        value_name = "FILE|DIR",
        requires = "certificate",
        conflicts_with = "token"
    )]
    pub(crate) issuer: Option<PathBuf>,
    /// The issuer's ML-DSA public key: PEM or DER (RFC 9881), or JWK (RFC 9964). Default: the one
    /// in the folder, or in extension 2.5.29.72 of the issuer's certificate.
    #[arg(
        long,
        value_name = "FILE",
        requires = "certificate",
        conflicts_with = "token"
    )]
    pub(crate) alternative_key: Option<PathBuf>,
    /// A compact JWS, attached or detached (`header..signature`).
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with_all = ["certificate", "token"])]
    pub(crate) jws: Option<PathBuf>,
    /// The key of the JWS: a JWK, a JWK Set of which the header's `kid` names one, or a public key
    /// in PEM or DER.
    #[arg(long, value_name = "FILE", requires = "jws")]
    pub(crate) key: Option<PathBuf>,
    /// The payload of a detached JWS, byte for byte.
    #[arg(long, value_name = "FILE", requires = "jws")]
    pub(crate) payload: Option<PathBuf>,
    /// The value of `hybrid-identity-token`.
    #[arg(long, value_name = "FILE", requires_all = ["signature", "policy"])]
    pub(crate) token: Option<PathBuf>,
    /// The value of `hybrid-identity-signature`.
    #[arg(long, value_name = "FILE", requires = "token")]
    pub(crate) signature: Option<PathBuf>,
    /// The policy that pins the token's authority.
    #[arg(long, value_name = "FILE", requires = "token")]
    pub(crate) policy: Option<PathBuf>,
    /// The time that validity is compared with: RFC 3339, or milliseconds since 1970. Default: now.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
}

const AUTHORITY_EXAMPLE: &str = "\
Examples:
  sallyport cred authority new --kind hybrid --name root --trust-domain d.example --out root \\
    --key ecdsa-p384 --algorithm ML-DSA-87
  sallyport cred authority new --kind hybrid --name mesh-ca --trust-domain d.example \\
    --out mesh-ca --issuer root --ttl 365d
  sallyport cred authority new --kind token --name issuer --trust-domain d.example --out issuer

Files: `ca.crt`, `ca.key`, `ca.mldsa.key`, `ca.mldsa.pub`, and `ca-chain.pem` (the authorities \
above an intermediate, the root last); of a token authority `issuer.json`, `token.key`, `token.pub`, \
`token.pq.key`, `token.pq.pub`; and `authority.json` (name, trust domain, generation).";

const ROTATE_EXAMPLE: &str = "\
Example:
  sallyport cred authority rotate mesh-ca --out mesh-ca-2

Then pin both, roll the policy out, issue with the new one, and remove the old entry when nothing \
that it issued is valid any more. The old keys are not touched.";

const CERTIFICATE_EXAMPLE: &str = "\
Example:
  sallyport cred issue certificate --authority mesh-ca --out web --key ecdsa-p256 \\
    --spiffe-id spiffe://d.example/ns/web/sa/web";

const INSPECT_EXAMPLE: &str = "\
Examples:
  sallyport cred inspect web/cert-chain.pem --policy policy.yaml
  sallyport cred inspect mesh-ca/ca.crt --output json
  sallyport cred inspect jwks.json";

const VERIFY_EXAMPLE: &str = "\
Examples:
  sallyport cred verify --certificate leaf.pem --issuer ca.pem --output json
  sallyport cred verify --certificate ca.pem
  sallyport cred verify --certificate leaf.der --issuer ca.der --alternative-key ca-mldsa.jwk
  sallyport cred verify --jws signed.jws --key key.jwk
  sallyport cred verify --jws detached.jws --payload document --key jwks.json
  sallyport cred verify --token token/hybrid-identity-token \\
    --signature token/hybrid-identity-signature --policy policy.yaml \\
    --certificate web/cert-chain.pem

A certificate has a classical half (its own signature, over the whole TBSCertificate) and may have \
an alternative one (X.509 of 10/2019, extensions 2.5.29.72 to 74, over the TBSCertificate without \
`signature` and extension 74). Each is `verified`, `failed`, `absent` or `unsupported`. The \
assurance is `hybrid` when both are verified, `classical` when the classical one is and there is no \
other, and else `none`: an alternative half that fails is never less than a failure. Certificates of \
any software are read; validity, the issuer's name and the rules for workloads are reported, and \
change no half.

Exit codes: 0 all that is present is verified, 1 otherwise, 3 usage or I/O.";
