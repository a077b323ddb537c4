//! The `MeshTrustPolicy` v1alpha1 as it is typed: shapes only, no meaning.
//!
//! Unknown and duplicate keys are errors. [`super::compile`] turns a document into a
//! [`super::Policy`], all or nothing. The doc comments here become the JSON Schema.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize};

use super::Mode;

/// A policy for the microsegments of a mesh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyDocument {
    /// The version of this format.
    pub api_version: ApiVersion,
    /// Always `MeshTrustPolicy`.
    pub kind: Kind,
    /// Name of the policy, as in Kubernetes.
    pub metadata: Metadata,
    /// What the policy says.
    pub spec: Spec,
}

/// The versions of the policy format that this build reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ApiVersion {
    /// The first format; may still change.
    #[serde(rename = "security.sallyport.dev/v1alpha1")]
    V1Alpha1,
}

/// The kinds of document that this build reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Kind {
    /// The policy of a mesh.
    MeshTrustPolicy,
}

/// Kubernetes object metadata, as far as a policy needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Name of the policy: a DNS label. It stands in every decision record.
    pub name: String,
}

/// What the policy says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// `enforce` refuses what is not allowed; `shadow` lets it pass and reports it.
    pub mode: Mode,
    /// Trust domains whose identities are known at all. At least one.
    pub trust_domains: Vec<String>,
    /// The least assurance of a peer, where its flow names none.
    pub minimum_assurance: RequiredAssurance,
    /// The least trust score of a peer, 0 to 99, where its flow names none. Default: 0.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 99)))]
    pub minimum_trust: Option<u8>,
    /// Whether the application is told about the decision, in the request headers
    /// `x-sallyport-trust`, `-state`, `-assurance` and `-decision-id`. Default: false.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub application_headers: Option<bool>,
    /// Whether access logs can show each decision, as the filter state `wasm.sallyport`: verdict,
    /// reason, flow, assurance, trust, state and the terms that weigh most. Costs a host call and the
    /// text of a line on each request. Default: false.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub access_log: Option<bool>,
    /// The pinned authorities. Absent: none, so no peer is more than `classical`.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub authorities: Option<Authorities>,
    /// Credentials that no longer count, before their time. Absent: none.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub revocations: Option<Vec<Revocation>>,
    /// Times before which a credential must not have been issued. Raising one makes its holders
    /// fetch new ones. Absent: none.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub not_before_floors: Option<Vec<NotBeforeFloor>>,
    /// The microsegments. At least one.
    pub segments: Vec<Segment>,
    /// The allowed flows between segments. An empty list allows nothing.
    pub flows: Vec<Flow>,
    /// The numbers of the trust score, and the rules between peers. Absent: docs/trust.md lists
    /// what applies.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub trust: Option<Trust>,
    /// What others know of callers: alerts, postures, quarantines, releases. Absent: none.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub signals: Option<Vec<Signal>>,
    /// Requests of health probes, which need no identity. Absent: none.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub probes: Option<Vec<Probe>>,
}

/// The assurance levels that a policy can require.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum RequiredAssurance {
    /// The TLS identity, validated by Envoy.
    Classical,
    /// The identity is certified by both keys of one pinned authority.
    Hybrid,
    /// `hybrid`, and the certificate's own key is ML-DSA, which the TLS handshake proved.
    HybridProven,
}

/// The pinned authorities, by what they sign. A key serves one purpose only.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Authorities {
    /// The least ML-DSA level of the authorities' keys; ML-DSA keys of workloads below it prove
    /// nothing. `Dilithium5` has no level: it is pinned by name. Default: `ML-DSA-65`.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub minimum_alternative_level: Option<AlternativeAlgorithm>,
    /// Authorities that sign workload certificates.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub certificates: Option<Vec<CertificateAuthority>>,
    /// Authorities that sign hybrid tokens.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub tokens: Option<Vec<TokenAuthority>>,
}

/// An authority for workload certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CertificateAuthority {
    /// Name of the authority in records and messages: a DNS label.
    pub name: String,
    /// The one trust domain whose identities it may certify.
    pub trust_domain: String,
    /// Its certificate (PEM): subject name, key identifier and classical key are pinned from it.
    pub ca_certificate: Material,
    /// Its ML-DSA key. Present: each certificate it issues must carry the alternative signature.
    /// Absent: its certificates are `classical`.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub alternative_key: Option<AlternativeKey>,
    /// Certificates whose `notBefore` is earlier than this time (RFC 3339) may lack the
    /// alternative signature, and are then `classical`; later ones are refused without it. Absent:
    /// all of them need it.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub alternative_required_from: Option<String>,
}

/// An authority for hybrid tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenAuthority {
    /// Name of the authority in records and messages: a DNS label.
    pub name: String,
    /// The one trust domain whose identities it may certify.
    pub trust_domain: String,
    /// The exact `iss` claim of its tokens.
    pub issuer: String,
    /// The `aud` claim that its tokens must contain.
    pub audience: String,
    /// Its RSA key, which signs the JWT.
    pub classical_key: ClassicalKey,
    /// Its ML-DSA key, which signs the whole JWT in a detached JWS.
    pub alternative_key: TokenAlternativeKey,
    /// The longest lifetime (`exp` - `iat`) of a token, in seconds. Default: 3600.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 86400)))]
    pub maximum_lifetime_seconds: Option<u32>,
}

/// The alternative key of a certificate authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AlternativeKey {
    /// The one algorithm of this key.
    pub algorithm: AlternativeAlgorithm,
    /// The public key (PEM, `PUBLIC KEY` of RFC 9881).
    pub public_key: Material,
}

/// The classical key of a token authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClassicalKey {
    /// The `kid` that tokens name this key by. One `kid`, one key.
    pub kid: String,
    /// The one algorithm of this key.
    pub algorithm: ClassicalTokenAlgorithm,
    /// The public key (PEM, `PUBLIC KEY`).
    pub public_key: Material,
}

/// The alternative key of a token authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenAlternativeKey {
    /// The `kid` that detached signatures name this key by. One `kid`, one key.
    pub kid: String,
    /// The one algorithm of this key.
    pub algorithm: AlternativeTokenAlgorithm,
    /// The public key (PEM: `PUBLIC KEY` of RFC 9881, or `DILITHIUM5 PUBLIC KEY`, raw bytes).
    pub public_key: Material,
}

/// A credential, or a kind of credentials, that no longer counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Revocation {
    /// The certificate with this serial number.
    Serial(RevokedSerial),
    /// The certificate with this SHA-256 of its DER, in hexadecimal digits. A second encoding of the
    /// same ECDSA signature has another digest: prefer `serial` or `key` there.
    Certificate(String),
    /// Every credential for this key: the certificate's own, its alternative key or that of a
    /// workload identity token. SHA-256 of the `SubjectPublicKeyInfo` (DER), in hexadecimal digits.
    Key(String),
    /// Every credential of this SPIFFE ID.
    Identity(String),
    /// The token with this `jti`.
    Token(RevokedToken),
}

/// A certificate, by its authority and serial number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokedSerial {
    /// Name of the authority under `authorities.certificates`.
    pub authority: String,
    /// The serial number in hexadecimal digits, with colons or without.
    pub number: String,
}

/// A token, by its authority and `jti`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokedToken {
    /// Name of the authority under `authorities.tokens`.
    pub authority: String,
    /// The exact `jti`.
    pub jti: String,
}

/// A time before which the credentials of an identity or of an authority must not have been issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotBeforeFloor {
    /// The SPIFFE ID, for credentials of one identity. Either this or `authority`.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub identity: Option<String>,
    /// The name of a pinned authority, for all of its credentials. Either this or `identity`.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub authority: Option<String>,
    /// The time (RFC 3339): a certificate's `notBefore` and a token's `iat` must not be earlier.
    /// Authorities that date certificates back, as Istio's by two minutes, need that long to issue
    /// one that is accepted.
    pub not_before: String,
}

/// A PEM text: written in the policy itself, or in a file beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Material {
    /// The PEM text.
    Inline(String),
    /// Path of a PEM file, relative to the policy file. The command line reads it and writes the
    /// text in its place; a sidecar never reads files.
    File(String),
}

/// Post-quantum signature algorithms of certificates (FIPS 204), from the weakest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum AlternativeAlgorithm {
    /// Security category 2; only where `minimumAlternativeLevel` allows it.
    #[serde(rename = "ML-DSA-44")]
    MlDsa44,
    /// Security category 3.
    #[default]
    #[serde(rename = "ML-DSA-65")]
    MlDsa65,
    /// Security category 5.
    #[serde(rename = "ML-DSA-87")]
    MlDsa87,
}

/// Post-quantum signature algorithms of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum AlternativeTokenAlgorithm {
    /// FIPS 204, security category 2; only where `minimumAlternativeLevel` allows it.
    #[serde(rename = "ML-DSA-44")]
    MlDsa44,
    /// FIPS 204, security category 3.
    #[serde(rename = "ML-DSA-65")]
    MlDsa65,
    /// FIPS 204, security category 5.
    #[serde(rename = "ML-DSA-87")]
    MlDsa87,
    /// Legacy: the code before the standard. It is not ML-DSA-87 and not interoperable with it.
    Dilithium5,
}

impl Authorities {
    /// The least ML-DSA level of an authority.
    #[must_use]
    pub fn minimum_level(&self) -> AlternativeAlgorithm {
        self.minimum_alternative_level.unwrap_or_default()
    }
}

impl AlternativeAlgorithm {
    /// The name of FIPS 204, as a policy writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
            Self::MlDsa87 => "ML-DSA-87",
        }
    }
}

impl AlternativeTokenAlgorithm {
    /// The ML-DSA level, if it is one.
    #[must_use]
    pub const fn level(self) -> Option<AlternativeAlgorithm> {
        match self {
            Self::MlDsa44 => Some(AlternativeAlgorithm::MlDsa44),
            Self::MlDsa65 => Some(AlternativeAlgorithm::MlDsa65),
            Self::MlDsa87 => Some(AlternativeAlgorithm::MlDsa87),
            Self::Dilithium5 => None,
        }
    }
}

/// Signature algorithms of the JWT half of a hybrid token (RFC 7518).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ClassicalTokenAlgorithm {
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
}

/// A microsegment: the workloads that share one place in the flow map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Segment {
    /// Name of the segment: a DNS label.
    pub name: String,
    /// Trust domains of its workloads. Required where the policy knows more than one.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub trust_domains: Option<Vec<String>>,
    /// Kubernetes namespaces of its workloads. At least one.
    pub namespaces: Vec<String>,
    /// Service accounts of its workloads. Absent: each one in the namespaces.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub service_accounts: Option<Vec<String>>,
    /// On whose behalf its workloads call. Default: `workload`.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub callers: Option<Callers>,
    /// Numbers of the trust score for callers of this segment, where they differ from
    /// `spec.trust.defaults`.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub trust: Option<TrustNumbers>,
}

/// On whose behalf the workloads of a segment call others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Callers {
    /// On their own: what they ask for is evidence about them.
    Workload,
    /// For many others, as a gateway does: refused requests are no evidence against it, since any of
    /// its users could cause them.
    Aggregator,
}

/// An allowed flow: who may do what to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Flow {
    /// Name of the flow: a DNS label. Denials name it.
    pub name: String,
    /// Segments that may call. At least one.
    pub from: Vec<String>,
    /// The segment that is called.
    pub to: String,
    /// Overrides the policy's mode for requests of this flow.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub mode: Option<Mode>,
    /// Overrides the policy's least assurance.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub minimum_assurance: Option<RequiredAssurance>,
    /// Overrides the policy's least trust score, 0 to 99.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 99)))]
    pub minimum_trust: Option<u8>,
    /// Above this uncertainty, 0 to 100, a caller may do here only what a restricted one may. A
    /// caller has 100 at first, and 0 after ten minutes and a hundred requests. It is counted anew
    /// with each configuration. Default: 100.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub maximum_uncertainty: Option<u8>,
    /// Whether open streams of this flow (server-sent events, gRPC, WebSocket) are ended once their
    /// caller is isolated or quarantined, or its credential is expired or revoked. Otherwise a
    /// stream that is open stays open. Default: false.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub recheck_streams: Option<bool>,
    /// What the callers may do. At least one.
    pub operations: Vec<Operation>,
}

/// A set of requests: one of the methods, on one of the paths, at one of the ports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Operation {
    /// HTTP methods, or `["*"]` for any.
    pub methods: Vec<String>,
    /// Path templates: `{name}` is one segment, `{**}` at the end is the rest.
    pub paths: Vec<String>,
    /// Ports of the called workload. Absent: any.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub ports: Option<Vec<u16>>,
    /// Whether restricted callers may do it. Absent: `GET` and `HEAD` without an upgrade only. Where
    /// operations of a flow cover the same request, the first one counts.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub when_restricted: Option<WhenRestricted>,
}

/// Whether a restricted caller may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum WhenRestricted {
    /// It may, at the capped rate.
    Allow,
    /// It may not.
    Deny,
}

/// The trust score.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trust {
    /// Numbers for callers of all segments that do not say otherwise.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub defaults: Option<TrustNumbers>,
    /// When isolations look like a mistake rather than an attack.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub fleet_guard: Option<FleetGuard>,
    /// Names of attested certificate authorities: a certificate that one of them issued after
    /// another certificate of the same identity was isolated starts trusted, not restricted. Whoever
    /// steals a workload can fetch such certificates too, unless the authority attests what it
    /// issues to. Absent: none.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub fresh_start_authorities: Option<Vec<String>>,
}

/// Numbers of the trust score, in milli-nats. What is absent keeps its value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrustNumbers {
    /// Log-odds that a caller is compromised, before anything is known of it: -9000 to 0. Default:
    /// -4600.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub prior: Option<i32>,
    /// What one event of a family weighs. Default: denial 2000, novelty 500, credential 4000, rate
    /// 4000, volume 4000, error 200.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub weights: Option<Families>,
    /// The most that a family amounts to. Default: denial 20000, novelty 8000, credential 20000,
    /// rate 11000, volume 11000, error 6000.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub caps: Option<Families>,
    /// When a caller is restricted. Default: from 10000 on, until below 7000, for at least 120
    /// seconds.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub restricted: Option<TrustThreshold>,
    /// When a caller is isolated. Default: from 16000 on, until below 12000, for at least 300
    /// seconds.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub isolated: Option<TrustThreshold>,
    /// Requests that a restricted caller has in a minute, at each worker of a proxy. Default: 60.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub restricted_requests_per_minute: Option<u16>,
}

/// A number for each family of evidence, in milli-nats.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Families {
    /// Refused requests, by distinct target.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub denial: Option<u32>,
    /// First uses of an operation, and refused targets.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub novelty: Option<u32>,
    /// Credentials that do not hold.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub credential: Option<u32>,
    /// Eight seconds with far more requests than usual.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub rate: Option<u32>,
    /// Eight seconds with far more bytes than usual.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub volume: Option<u32>,
    /// An answer 401, 403 or 404 of the application.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub error: Option<u32>,
}

/// When a state is entered and left.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrustThreshold {
    /// Entered at this much evidence, in milli-nats.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub enter: Option<u32>,
    /// Left below this much, in milli-nats.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub exit: Option<u32>,
    /// Not left before this many seconds have passed: 1 to 28800.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub dwell_seconds: Option<u32>,
}

/// When isolations look like a mistake: then isolated peers are restricted instead, for ten
/// minutes, and not again within the hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FleetGuard {
    /// At least so many callers of one workload are isolated within a minute. At least 2. Default: 5.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub minimum_peers: Option<u16>,
    /// They are more than this share of the callers seen of late, in percent: 1 to 100. Default: 20.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub share_percent: Option<u8>,
}

/// What somebody else knows of callers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Signal {
    /// Name of the signal: a DNS label.
    pub name: String,
    /// Who says so, for example the scanner or the alerting system.
    pub source: String,
    /// Why.
    pub reason: String,
    /// Who wrote the signal into the policy.
    pub author: String,
    /// When it was issued (RFC 3339).
    pub issued: String,
    /// When it ends (RFC 3339).
    pub expires: String,
    /// About whom.
    pub about: SignalSubject,
    /// What follows.
    pub effect: SignalEffect,
    /// With `weigh`: how much, in milli-nats, 1 to 20000. All signals about a caller weigh at most
    /// 20000 together.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub milli_nats: Option<u32>,
}

/// Whom a signal is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum SignalSubject {
    /// The caller with this certificate: SHA-256 of its DER, in hexadecimal digits.
    Certificate(String),
    /// The callers with this SPIFFE ID.
    Identity(String),
    /// The callers of this segment.
    Segment(String),
}

/// What follows from a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum SignalEffect {
    /// The callers are denied everything, at once.
    Quarantine,
    /// It weighs `milliNats` against them.
    Weigh,
    /// Callers that were restricted or isolated before `issued` are released.
    Release,
}

/// The exact request of a health probe, and where it may come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Probe {
    /// HTTP method, usually `GET`.
    pub method: String,
    /// The exact path, without a query.
    pub path: String,
    /// The port of the probed workload.
    pub port: u16,
    /// Source addresses (CIDR) that may probe. At least one.
    pub ip_blocks: Vec<String>,
}

/// A key that is written has a value: `key: null` is an error, and not the same as no key.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
