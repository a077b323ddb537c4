//! The `MeshTrustPolicy` v1alpha1 as it is typed: shapes only, no meaning.
//!
//! Unknown and duplicate keys are errors. [`super::compile`] turns a document into a
//! [`super::Policy`], all or nothing. The doc comments here become the JSON Schema.

mod artifacts;
mod authorities;
mod break_glass;
mod flows;
mod grants;
mod post_quantum;
mod probes;
mod revocations;
mod segments;
mod signals;
mod trust;

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize};

pub use artifacts::{
    ArtifactKind, ArtifactRequirement, Artifacts, PolicyManifest, Requirements, VerifiedManifest,
    VettedArtifact,
};
pub use authorities::{
    AlternativeAlgorithm, AlternativeKey, AlternativeTokenAlgorithm, Authorities,
    CertificateAuthority, ClassicalKey, ClassicalTokenAlgorithm, Material, TokenAlternativeKey,
    TokenAuthority,
};
pub use break_glass::BreakGlass;
pub use flows::{Flow, Operation, WhenRestricted};
pub use grants::Grant;
pub use post_quantum::{PostQuantumAssurance, PostQuantumAuth};
pub use probes::Probe;
pub use revocations::{NotBeforeFloor, Revocation, RevokedSerial, RevokedToken};
pub use segments::{Callers, Segment};
pub use signals::{Signal, SignalEffect, SignalSubject};
pub use trust::{Families, FleetGuard, Trust, TrustNumbers, TrustThreshold};

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
    /// What the whole mesh asks of credentials, beside its flows. `sallyport render --mesh` writes
    /// it from `meshConfig.postQuantumAuth`. Absent: nothing.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub post_quantum_auth: Option<PostQuantumAuth>,
    /// An emergency, in which nothing is refused until it ends. Absent: none.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub break_glass: Option<BreakGlass>,
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
    /// The pinned authorities. Absent: none, so no peer is more than `classical`, and callers are refused
    /// on TLS sessions that were resumed (`peer_unvalidated`), of which Envoy 1.39 or newer says that it did
    /// not validate the certificate.
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
    /// The vetted models and images that flows may ask for. Absent: none.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub artifacts: Option<Artifacts>,
    /// The microsegments. At least one.
    pub segments: Vec<Segment>,
    /// The allowed flows between segments. An empty list allows nothing.
    pub flows: Vec<Flow>,
    /// Access for a while, where no flow covers a request. Absent: none.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub grants: Option<Vec<Grant>>,
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

/// A key that is written has a value: `key: null` is an error, and not the same as no key.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
