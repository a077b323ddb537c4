//! The authorities of a run, and what they issue.
//!
//! All keys are made anew in each run and live in memory only (and, for a moment, in a temporary
//! folder that nobody else can read). RSA keys have 2048 bits, for speed.

mod forge;
mod issue;

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use sallyport_credentials::issue::{
    AuthorityOptions, ClassicalAuthority, HybridAuthority, IssueError, RsaBits, TokenIssuer,
    TokenIssuerOptions,
};
use sallyport_engine::policy::raw::{
    AlternativeAlgorithm, AlternativeTokenAlgorithm, Authorities, ClassicalTokenAlgorithm,
    PolicyDocument, TokenAuthority,
};
use sallyport_engine::time::TimeMs;
use sallyport_mesh_config::policy_file::{self, LoadedPolicy};

use crate::HarnessError;
use crate::scenario;
use crate::settings::project_root;
pub use issue::{Credentials, Identity, SignedToken};

/// The authorities of a run.
pub struct World {
    trust_domain: String,
    pub(crate) mesh: HybridAuthority,
    /// The mesh's RSA key and name with another ML-DSA key.
    pub(crate) other_key: HybridAuthority,
    pub(crate) partner: HybridAuthority,
    pub(crate) istiod: ClassicalAuthority,
    pub(crate) stranger: ClassicalAuthority,
    pub(crate) tokens: TokenIssuer,
    pub(crate) legacy_tokens: TokenIssuer,
    pub(crate) unpinned_tokens: TokenIssuer,
}

/// The trust domain of the scenarios' mesh.
pub const TRUST_DOMAIN: &str = "cluster.local";
/// The trust domain of a partner.
pub const PARTNER_TRUST_DOMAIN: &str = "partner.example";
/// The audience of all tokens.
pub const AUDIENCE: &str = "sallyport";

impl World {
    /// Makes all keys. Authorities of the mesh certify identities of `trust_domain`.
    ///
    /// # Errors
    /// When a key cannot be made.
    pub fn new(trust_domain: &str) -> Result<Self, HarnessError> {
        Self::make(trust_domain).map_err(|cause| issue_error("the authorities", &cause))
    }

    /// Lets the authorities of the mesh certify identities of another trust domain from now on.
    pub fn move_to(&mut self, trust_domain: &str) {
        trust_domain.clone_into(&mut self.trust_domain);
    }

    fn make(trust_domain: &str) -> Result<Self, IssueError> {
        let tokens = |name: &str, classical, algorithm| {
            token_issuer(name, trust_domain, classical, algorithm)
        };
        let mesh = HybridAuthority::generate(&authority("mesh", AlternativeAlgorithm::MlDsa65))?;
        Ok(Self {
            other_key: with_other_key(&mesh)?,
            mesh,
            partner: HybridAuthority::generate(&authority(
                "partner",
                AlternativeAlgorithm::MlDsa87,
            ))?,
            istiod: classical("istiod")?,
            stranger: classical("stranger")?,
            tokens: tokens("tokens", ClassicalTokenAlgorithm::PS256, ML_DSA_65)?,
            legacy_tokens: tokens("legacy", ClassicalTokenAlgorithm::RS256, DILITHIUM5)?,
            unpinned_tokens: tokens("unpinned", ClassicalTokenAlgorithm::PS256, ML_DSA_65)?,
            trust_domain: trust_domain.to_owned(),
        })
    }

    /// Pins the authorities of this run in a policy, in place of those that it names.
    ///
    /// # Errors
    /// When a key cannot be encoded.
    pub fn pin(&self, document: &mut PolicyDocument) -> Result<(), HarnessError> {
        let failed = |cause: IssueError| issue_error("a pin", &cause);
        let mut certificates = vec![
            self.mesh
                .to_policy("mesh", &self.trust_domain)
                .map_err(failed)?,
            self.istiod.to_policy("istiod", &self.trust_domain),
        ];
        if document
            .spec
            .trust_domains
            .iter()
            .any(|name| name == PARTNER_TRUST_DOMAIN)
        {
            let pin = self
                .partner
                .to_policy("partner", PARTNER_TRUST_DOMAIN)
                .map_err(failed)?;
            certificates.push(pin);
        }
        document.spec.authorities = Some(Authorities {
            certificates: Some(certificates),
            tokens: Some(vec![
                self.pinned(&self.tokens),
                self.pinned(&self.legacy_tokens),
            ]),
            ..Authorities::default()
        });
        Ok(())
    }

    fn pinned(&self, tokens: &TokenIssuer) -> TokenAuthority {
        TokenAuthority {
            trust_domain: self.trust_domain.clone(),
            ..tokens.to_policy()
        }
    }

    /// A policy with the authorities of this run, as a proxy is given it. The application is told
    /// about decisions, so that a test can see them.
    ///
    /// # Errors
    /// When the policy is not valid.
    pub fn load_policy(&self, document: PolicyDocument) -> Result<LoadedPolicy, HarnessError> {
        let text = self.policy_text(document)?;
        policy_file::from_text(&text, &project_root()).map_err(|findings| {
            let lines = findings.iter().map(ToString::to_string);
            HarnessError::Policy(lines.collect::<Vec<_>>().join("; "))
        })
    }

    /// The same policy as a file has it.
    ///
    /// # Errors
    /// When a key cannot be encoded.
    pub fn policy_text(&self, mut document: PolicyDocument) -> Result<String, HarnessError> {
        self.pin(&mut document)?;
        document.spec.application_headers = Some(true);
        serde_json::to_string(&document).map_err(|cause| HarnessError::Json {
            what: "the policy",
            cause,
        })
    }

    /// The CA certificates that Envoy trusts, in PEM.
    #[must_use]
    pub fn trusted_pem(&self) -> String {
        let hybrid = [&self.mesh, &self.partner].map(HybridAuthority::certificate_pem);
        [hybrid[0], hybrid[1], self.istiod.certificate_pem()].join("\n")
    }

    /// A certificate for a called workload.
    ///
    /// # Errors
    /// When the identity is no SPIFFE ID.
    pub fn server(&self, identity: &str) -> Result<Identity, HarnessError> {
        let certificate = scenario::Certificate {
            uris: vec![identity.to_owned()],
            authority: scenario::CertificateIssuer::Istiod,
            alternative_signature: scenario::AlternativeSignature::default(),
            validity: scenario::Validity::default(),
        };
        issue::certificate(self, "the workload", &certificate, now_seconds())
    }
}

/// The current time, in seconds since the Unix epoch.
#[must_use]
pub fn now_seconds() -> i64 {
    i64::try_from(now_ms().0 / 1000).unwrap_or(0)
}

/// The current time.
#[must_use]
pub fn now_ms() -> TimeMs {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    TimeMs(u64::try_from(since.as_millis()).unwrap_or(0))
}

pub(crate) fn issue_error(what: &str, cause: &IssueError) -> HarnessError {
    HarnessError::Issue {
        what: what.to_owned(),
        cause: cause.to_string(),
    }
}

/// An authority that signs with the RSA key and name of another one, and an ML-DSA key of its own.
fn with_other_key(authority: &HybridAuthority) -> Result<HybridAuthority, IssueError> {
    let options = self::authority("mesh", AlternativeAlgorithm::MlDsa65);
    let folder = tempfile::tempdir().map_err(|source| IssueError::Unwritable {
        path: std::env::temp_dir(),
        source,
    })?;
    let (ours, other) = (folder.path().join("ours"), folder.path().join("other"));
    authority.save(&ours)?;
    HybridAuthority::generate(&options)?.save(&other)?;
    for file in ["ca.crt", "ca.key"] {
        copy(&ours.join(file), &other.join(file))?;
    }
    HybridAuthority::load(&other)
}

fn copy(from: &Path, to: &Path) -> Result<(), IssueError> {
    let failed = |source| IssueError::Unwritable {
        path: to.to_owned(),
        source,
    };
    fs::copy(from, to).map(|_| ()).map_err(failed)
}

fn authority(name: &str, algorithm: AlternativeAlgorithm) -> AuthorityOptions {
    let now = now_ms();
    let not_before = TimeMs(now.0.saturating_sub(DAY_MS));
    let not_after = TimeMs(now.0.saturating_add(2 * DAY_MS));
    let mut options = AuthorityOptions::new(name, not_before, not_after);
    options.rsa_bits = RsaBits::Bits2048;
    options.algorithm = algorithm;
    options
}

fn classical(name: &str) -> Result<ClassicalAuthority, IssueError> {
    ClassicalAuthority::generate(&authority(name, AlternativeAlgorithm::MlDsa65))
}

fn token_issuer(
    name: &str,
    trust_domain: &str,
    classical_algorithm: ClassicalTokenAlgorithm,
    algorithm: AlternativeTokenAlgorithm,
) -> Result<TokenIssuer, IssueError> {
    TokenIssuer::generate(TokenIssuerOptions {
        name: name.to_owned(),
        trust_domain: trust_domain.to_owned(),
        issuer: format!("https://{name}.test"),
        audience: AUDIENCE.to_owned(),
        classical_algorithm,
        algorithm,
        rsa_bits: RsaBits::Bits2048,
        maximum_lifetime_seconds: None,
    })
}

const ML_DSA_65: AlternativeTokenAlgorithm = AlternativeTokenAlgorithm::MlDsa65;
const DILITHIUM5: AlternativeTokenAlgorithm = AlternativeTokenAlgorithm::Dilithium5;
const DAY_MS: u64 = 86_400_000;
