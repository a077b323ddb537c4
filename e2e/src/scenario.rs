//! The scenario format: who calls whom, with which credentials, and what must come of it.
//!
//! One YAML file is one scenario. Keys that are not listed here are errors. Times are relative:
//! validities in seconds from the second in which the scenario starts, steps in milliseconds from
//! the moment in which all connections are open. Keys of authorities are made anew for each run and
//! pinned into the policy.

mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use sallyport_engine::policy::raw::PolicyDocument;
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::HarnessError;
use crate::settings::project_root;
use crate::wire::TlsProtocol;
use crate::world::{Credentials, now_seconds};
pub use names::Names;

/// A scenario.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// Name: the file's, without `.yaml`.
    pub name: String,
    /// What the scenario shows, for readers.
    pub description: String,
    /// SPIFFE ID of the workload that is called.
    #[serde(default = "default_workload")]
    pub workload: String,
    /// The policy of the called workload's sidecar.
    pub policy: PolicySource,
    /// The certificates of callers, by name.
    #[serde(default)]
    pub certificates: BTreeMap<String, Certificate>,
    /// The hybrid tokens of callers, by name.
    #[serde(default)]
    pub tokens: BTreeMap<String, Token>,
    /// The connections, by name. All are opened at the start and stay open.
    pub connections: BTreeMap<String, Connection>,
    /// The requests, in their order.
    pub steps: Vec<Step>,
}

/// Where the policy comes from. Its authorities are always those of the run.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicySource {
    /// A policy file, relative to the root of the project.
    pub file: PathBuf,
    /// Changes to it: a JSON merge patch (RFC 7396), in which a list replaces the whole list. A text
    /// `now-60s` stands for the time a minute before the policy is loaded.
    #[serde(default)]
    pub patch: Value,
    /// What stands in the place of the corpus' own names.
    #[serde(skip)]
    names: Names,
}

/// A certificate for TLS.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Certificate {
    /// The URI names: one SPIFFE ID, unless the scenario is about other certificates.
    pub uris: Vec<String>,
    /// Who issues it.
    #[serde(default)]
    pub authority: CertificateIssuer,
    /// What is wrong with its ML-DSA signature, if anything.
    #[serde(default)]
    pub alternative_signature: AlternativeSignature,
    /// When it is valid. Envoy compares these times at the handshake too.
    #[serde(default)]
    pub validity: Validity,
}

/// The issuers of certificates in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CertificateIssuer {
    /// RSA and ML-DSA-65, pinned for trust domain `cluster.local`.
    #[default]
    Mesh,
    /// RSA and ML-DSA-87, pinned for trust domain `partner.example` where the policy knows it.
    Partner,
    /// RSA only, pinned without an ML-DSA key: istiod as it is today.
    Istiod,
    /// RSA only, known to nobody.
    Stranger,
}

/// The ML-DSA signature of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AlternativeSignature {
    /// As its authority makes it.
    #[default]
    Sound,
    /// Left out, as by somebody who can forge RSA signatures only.
    Stripped,
    /// One bit differs. The RSA signature covers the altered certificate, so TLS accepts it.
    Altered,
    /// Made by another ML-DSA key, under the same RSA key and issuer name.
    OfOtherKey,
}

/// A validity, in seconds from the start of the scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Validity {
    /// The first second.
    #[serde(default = "default_from")]
    pub from_seconds: i64,
    /// The last second; of a token, the first one that does not count.
    #[serde(default = "default_until")]
    pub until_seconds: i64,
}

/// A hybrid token, or with `proof` a workload identity token.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Token {
    /// Its `sub`.
    pub subject: String,
    /// The certificate that it is bound to.
    pub bound_to: String,
    /// Who issues it.
    #[serde(default)]
    pub authority: TokenIssuer,
    /// `iat` and `exp`.
    #[serde(default = "default_token_validity")]
    pub validity: Validity,
    /// Claims that are set to another value, or with `null` left out, before both halves are signed.
    #[serde(default)]
    pub claims: BTreeMap<String, Option<Value>>,
    /// The same for members of the JWT's header.
    #[serde(default)]
    pub header: BTreeMap<String, Option<Value>>,
    /// What was changed after it was issued.
    #[serde(default)]
    pub altered: TokenAlteration,
    /// The headers that carry it.
    #[serde(default)]
    pub sent: TokenHeaders,
    /// Makes it a workload identity token for a new ML-DSA-65 key, sent with this proof.
    pub proof: Option<Proof>,
}

/// The proof of a workload identity token. The same bytes are sent each time.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Proof {
    /// Its `aud`. Default: the called workload.
    pub audience: Option<String>,
    /// Its `exp`, in seconds from the start of the scenario.
    #[serde(default = "default_proof_end")]
    pub expires_seconds: i64,
    /// The access token that it covers.
    pub access_token: Option<String>,
    /// Who made it.
    #[serde(default)]
    pub by: ProofMaker,
}

/// Who makes a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProofMaker {
    /// The workload, with its key.
    #[default]
    Workload,
    /// Somebody who has its certificate's key, but not its ML-DSA key.
    Thief,
    /// Nobody: it is not sent.
    Nobody,
}

/// The issuers of tokens in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TokenIssuer {
    /// PS256 and ML-DSA-65, pinned for trust domain `cluster.local`.
    #[default]
    Tokens,
    /// RS256 and `Dilithium5`, pinned for trust domain `cluster.local`.
    LegacyTokens,
    /// PS256 and ML-DSA-65, not pinned.
    Unpinned,
}

/// What was changed of a token after it was issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TokenAlteration {
    /// Nothing.
    #[default]
    None,
    /// The claims: neither signature covers them any more.
    Claims,
    /// The RSA signature; the ML-DSA half is made anew over the altered text.
    ClassicalSignature,
    /// The ML-DSA signature.
    AlternativeSignature,
}

/// The headers in which a token is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TokenHeaders {
    /// Each half once.
    #[default]
    Both,
    /// The JWT alone.
    TokenOnly,
    /// The detached signature alone.
    SignatureOnly,
    /// The JWT twice.
    TokenTwice,
    /// The detached signature twice.
    SignatureTwice,
}

/// A connection to the called workload.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Connection {
    /// The certificate that the caller presents.
    pub certificate: Option<String>,
    /// What the connection is.
    #[serde(default)]
    pub transport: Transport,
    /// The TLS version.
    #[serde(default)]
    pub tls_version: TlsProtocol,
    /// The port of the workload that the caller connected to.
    #[serde(default = "default_port")]
    pub port: u16,
    /// The address of the caller.
    #[serde(default = "default_source")]
    pub source_ip: Ipv4Addr,
}

/// What a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Transport {
    /// Mutual TLS; the listener requires a certificate and validates it.
    #[default]
    MutualTls,
    /// TLS to a listener that neither requires a certificate nor insists on validating it.
    LenientTls,
    /// No TLS.
    Plaintext,
}

/// One request, or several alike.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// What the step shows; unique in its scenario.
    pub name: String,
    /// A change of policy before the step, while all connections stay open: a further patch to the
    /// scenario's policy. `{}` goes back to that policy.
    pub policy: Option<Value>,
    /// The connection to use.
    pub connection: String,
    /// When, in milliseconds from the start; never before the step in front of it.
    #[serde(default)]
    pub at_ms: u64,
    /// What to ask for.
    pub request: Request,
    /// How often. `{n}` in the path is the number of the request, from 1.
    #[serde(default = "once")]
    pub times: u16,
    /// What must come of it, each time.
    pub expect: Expectation,
}

/// A request.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// The method.
    #[serde(default = "default_method")]
    pub method: String,
    /// The path, with its query if any.
    pub path: String,
    /// Further headers.
    #[serde(default)]
    pub headers: Vec<Header>,
    /// The token to send.
    pub token: Option<String>,
}

/// A header.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// What must come of a request. What is absent here must be absent there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expectation {
    /// Whether it reaches the application.
    pub verdict: Verdict,
    /// Whether only shadow mode let it pass.
    #[serde(default)]
    pub would_deny: bool,
    /// The reason code of a denial or would-deny.
    pub reason: Option<String>,
    /// The flow that it belongs to.
    pub flow: Option<String>,
    /// The grant that decides, where no flow covers it.
    pub grant: Option<String>,
    /// The assurance of the caller's identity: `plaintext`, `classical` or `hybrid`.
    pub assurance: String,
    /// The trust score.
    pub trust: Option<TrustRange>,
    /// The HTTP status, where it is not the one that follows from the reason.
    pub status: Option<u16>,
}

/// Whether a request reaches the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// It does.
    Allow,
    /// It does not.
    Deny,
}

/// Bounds of a trust score, both included: where the clock is real, times vary a little.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustRange {
    /// The least.
    pub min: u8,
    /// The most.
    pub max: u8,
}

// === impl Scenario ===

impl Scenario {
    /// Reads a file.
    ///
    /// # Errors
    /// When the file cannot be read, is not in this format, or contradicts itself.
    pub fn load(path: &Path) -> Result<Self, HarnessError> {
        Self::load_with(path, &Names::default())
    }

    /// The same with other names than the file's.
    ///
    /// # Errors
    /// Those of [`Scenario::load`].
    pub fn load_with(path: &Path, names: &Names) -> Result<Self, HarnessError> {
        let text = fs::read_to_string(path).map_err(|cause| HarnessError::file(path, cause))?;
        let mut scenario: Self = serde_saphyr::from_str(&names.put_into(&text))
            .map_err(|cause| HarnessError::format(path, cause))?;
        scenario.workload = names.put_into(&scenario.workload);
        scenario.policy.names = names.clone();
        match scenario.contradiction(path) {
            None => Ok(scenario),
            Some(problem) => Err(HarnessError::inconsistent(path, problem)),
        }
    }

    /// Reads the whole corpus, in the order of the names.
    ///
    /// # Errors
    /// Those of [`Scenario::load`].
    pub fn load_corpus() -> Result<Vec<Self>, HarnessError> {
        let paths = Self::corpus()?;
        paths.iter().map(|path| Self::load(path)).collect()
    }

    /// The files of the corpus, in the order of their names.
    ///
    /// # Errors
    /// When their folder cannot be read.
    pub fn corpus() -> Result<Vec<PathBuf>, HarnessError> {
        let folder = project_root().join("e2e/scenarios");
        let failed = |cause| HarnessError::file(&folder, cause);
        let mut paths = Vec::new();
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "yaml")
            {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }

    /// What the format cannot say: names that refer to nothing, and steps that go back in time.
    fn contradiction(&self, path: &Path) -> Option<String> {
        if path
            .file_stem()
            .is_none_or(|stem| stem != self.name.as_str())
        {
            return Some(format!("the name `{}` is not that of the file", self.name));
        }
        let mut used = BTreeSet::new();
        for (name, connection) in &self.connections {
            if let Some(certificate) = &connection.certificate {
                if !self.certificates.contains_key(certificate) {
                    return Some(format!(
                        "connection `{name}`: no certificate `{certificate}`"
                    ));
                }
                used.insert(certificate.as_str());
            }
        }
        for (name, token) in &self.tokens {
            if !self.certificates.contains_key(&token.bound_to) {
                return Some(format!(
                    "token `{name}`: no certificate `{}`",
                    token.bound_to
                ));
            }
            used.insert(token.bound_to.as_str());
        }
        if let Some(unused) = self
            .certificates
            .keys()
            .find(|name| !used.contains(name.as_str()))
        {
            return Some(format!("certificate `{unused}` is not used"));
        }
        self.contradiction_in_steps()
    }

    fn contradiction_in_steps(&self) -> Option<String> {
        let mut names = BTreeSet::new();
        let mut last = 0;
        for step in &self.steps {
            let name = &step.name;
            if !names.insert(name) {
                return Some(format!("two steps are named `{name}`"));
            }
            if !self.connections.contains_key(&step.connection) {
                return Some(format!(
                    "step `{name}`: no connection `{}`",
                    step.connection
                ));
            }
            if let Some(token) = &step.request.token
                && !self.tokens.contains_key(token)
            {
                return Some(format!("step `{name}`: no token `{token}`"));
            }
            if step.at_ms < last {
                return Some(format!("step `{name}` is before the one in front of it"));
            }
            last = step.at_ms;
        }
        None
    }
}

// === impl Request ===

impl Request {
    /// All headers besides the pseudo headers, in the order in which they are sent.
    ///
    /// # Errors
    /// When the token does not exist.
    pub fn all_headers(
        &self,
        credentials: &Credentials,
    ) -> Result<Vec<(String, String)>, HarnessError> {
        let mut headers: Vec<(String, String)> = self
            .headers
            .iter()
            .map(|header| (header.name.clone(), header.value.clone()))
            .collect();
        if let Some(token) = &self.token {
            headers.extend(credentials.token(token)?.headers.iter().cloned());
        }
        Ok(headers)
    }
}

// === impl PolicySource ===

impl PolicySource {
    /// The policy as the file and the patch say it.
    ///
    /// # Errors
    /// When the file cannot be read, or the result is no policy.
    pub fn load(&self) -> Result<PolicyDocument, HarnessError> {
        self.load_with(&Value::Null)
    }

    /// The same with a further patch.
    ///
    /// # Errors
    /// Those of [`PolicySource::load`].
    pub fn load_with(&self, patch: &Value) -> Result<PolicyDocument, HarnessError> {
        let path = project_root().join(&self.file);
        let text = fs::read_to_string(&path).map_err(|cause| HarnessError::file(&path, cause))?;
        let mut document: Value = serde_saphyr::from_str(&self.names.put_into(&text))
            .map_err(|cause| HarnessError::format(&path, cause))?;
        merge(&mut document, &self.patch);
        merge(&mut document, patch);
        set_times(&mut document);
        serde_json::from_value(document).map_err(|cause| HarnessError::Json {
            what: "the patched policy",
            cause,
        })
    }
}

// === impl Validity ===

impl Default for Validity {
    fn default() -> Self {
        Self {
            from_seconds: default_from(),
            until_seconds: default_until(),
        }
    }
}

/// RFC 7396, section 2. No patch at all changes nothing.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (_, Value::Null) => {}
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    target.remove(key);
                } else {
                    merge(target.entry(key.clone()).or_insert(Value::Null), value);
                }
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}

/// Puts times in the place of `now-60s` and the like.
fn set_times(value: &mut Value) {
    match value {
        Value::String(text) => {
            let offset = text
                .strip_prefix("now")
                .and_then(|offset| offset.strip_suffix('s'));
            if let Some(offset) = offset
                && let Ok(seconds) = offset.parse::<i64>()
                && let Ok(time) = rfc3339_from_now(seconds)
            {
                *text = time;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(set_times),
        Value::Object(members) => members.values_mut().for_each(set_times),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn rfc3339_from_now(seconds: i64) -> Result<String, time::Error> {
    let time = OffsetDateTime::from_unix_timestamp(now_seconds().saturating_add(seconds))?;
    Ok(time.format(&Rfc3339)?)
}

fn default_workload() -> String {
    "spiffe://cluster.local/ns/inference/sa/model-server".to_owned()
}

fn default_method() -> String {
    "GET".to_owned()
}

const fn default_token_validity() -> Validity {
    Validity {
        from_seconds: -10,
        until_seconds: 300,
    }
}

/// A minute: the longest that counts at once.
const fn default_proof_end() -> i64 {
    60
}

const fn default_from() -> i64 {
    -3600
}

const fn default_until() -> i64 {
    86_400
}

const fn default_port() -> u16 {
    8080
}

const fn default_source() -> Ipv4Addr {
    Ipv4Addr::new(10, 1, 0, 7)
}

const fn once() -> u16 {
    1
}

#[cfg(test)]
mod tests;
