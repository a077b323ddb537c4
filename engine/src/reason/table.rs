//! The table: what each reason means, and what follows from it.

use super::DenyReason;
use crate::trust::Family;

/// What a reason means to everyone who meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReasonRow {
    /// The name in replies, records, metrics and documents.
    pub code: &'static str,
    /// The gate of the decision, 0 to 7, that denies with it.
    pub gate: u8,
    /// HTTP status of the reply (RFC 9110, section 15).
    pub status: u16,
    /// What kind of evidence against the peer the denial is, if it is any.
    pub evidence: Option<Family>,
    /// What happened, in one sentence.
    pub meaning: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

impl DenyReason {
    /// The row of the table.
    ///
    /// Inlined, so that who asks for a code or a status gets a list of those alone: 9 KB of help,
    /// which only documents and the command line show, stay out of the module.
    #[must_use]
    #[inline(always)]
    pub const fn row(self) -> ReasonRow {
        match self {
            Self::NotConfigured => row(
                "not_configured",
                0,
                503,
                NONE,
                "The filter has no valid configuration, so it denies everything.",
                "Look for `configuration rejected` in the proxy's log, and run `sallyport check` on the policy.",
            ),
            Self::HostReadFailed => row(
                "host_read_failed",
                0,
                503,
                NONE,
                "The proxy did not give a fact that the decision needs.",
                "Read the log line of the decision: it names the fact. The proxy may be older than the filter needs: docs/operations.md, docs/rendering.md.",
            ),
            Self::InternalBug => row(
                "internal_bug",
                0,
                503,
                NONE,
                "The filter met a state that should be impossible, and denies.",
                "Please report it with the decision record.",
            ),
            Self::RequestMalformed => row(
                "request_malformed",
                0,
                400,
                NONE,
                "The request has no valid method or no path, has one of them twice, or its `x-forwarded-client-cert` is not in Envoy's form.",
                "Send one method and one path; `CONNECT` has no path, so it cannot be allowed. A proxy in front must write `x-forwarded-client-cert` as Envoy does, or remove it.",
            ),
            Self::ListenerNotInbound => row(
                "listener_not_inbound",
                0,
                503,
                NONE,
                "The filter stands in a listener that is not inbound, where it cannot identify callers.",
                "Set `match: [{mode: SERVER}]` in the WasmPlugin, or `traffic_direction: INBOUND` in Envoy's listener.",
            ),
            Self::OwnIdentityUnknown => row(
                "own_identity_unknown",
                0,
                503,
                NONE,
                "The policy has no segment for the workload that was called.",
                "Add its namespace and service account to a segment. If it is in one, the proxy has another policy: `sallyport status` compares them.",
            ),
            Self::PeerPlaintext => row(
                "peer_plaintext",
                2,
                403,
                NONE,
                "The caller did not use mutual TLS.",
                "Bring the caller into the mesh; set PeerAuthentication to STRICT.",
            ),
            Self::PeerUnvalidated => row(
                "peer_unvalidated",
                2,
                403,
                NONE,
                "The proxy did not validate the caller's certificate, and no pinned authority issued it.",
                "Configure the listener with a trusted CA, and without accepting untrusted peers. Pin the CA in `spec.authorities.certificates`: of resumed TLS sessions Envoy says that it did not validate them.",
            ),
            Self::PeerCertificateUnavailable => row(
                "peer_certificate_unavailable",
                2,
                503,
                NONE,
                "The proxy does not show the caller's certificate to the filter.",
                "Use Envoy 1.38 or newer, or forward the certificate in XFCC (`setCurrentClientCertDetails.cert`).",
            ),
            Self::PeerIdentityInvalid => row(
                "peer_identity_invalid",
                2,
                403,
                NONE,
                "The caller's certificate does not name exactly one SPIFFE ID.",
                "Issue the certificate as an X509-SVID: one URI SAN, not a CA.",
            ),
            Self::TrustDomainUnknown => row(
                "trust_domain_unknown",
                2,
                403,
                NONE,
                "The caller is of a trust domain that the policy does not list.",
                "Add it to `spec.trustDomains` if it should be known.",
            ),
            Self::KeyExchangeNotPostQuantum => row(
                "key_exchange_not_post_quantum",
                2,
                403,
                NONE,
                "The mesh requires a hybrid post-quantum key exchange, and the TLS group of the connection is another one, or the proxy does not show it.",
                "Let the caller offer X25519MLKEM768. If all callers are refused, the proxy lacks the filter state `sallyport.tls_group`: see docs/post-quantum-auth.md.",
            ),
            Self::CredentialMalformed => row(
                "credential_malformed",
                3,
                401,
                NONE,
                "A certificate, token or proof breaks the form that its standard asks for, or is too large.",
                "Find the fault with `sallyport cred verify`, or `cred inspect`, and issue the credential again. A proxy on the way may have cut or rewritten its header.",
            ),
            Self::CredentialHeaderAmbiguous => row(
                "credential_header_ambiguous",
                3,
                401,
                NONE,
                "A header that carries a credential is present twice, or without its other half.",
                "Send `hybrid-identity-token` and `hybrid-identity-signature` once each.",
            ),
            Self::CredentialAuthorityUnknown => row(
                "credential_authority_unknown",
                3,
                401,
                NONE,
                "No pinned authority issued the token; or certificate authorities are pinned for the caller's trust domain, and none of them issued its certificate.",
                "Pin the issuer and its current key under `spec.authorities`, or use a credential of a pinned one.",
            ),
            Self::CredentialTrustDomainForeign => row(
                "credential_trust_domain_foreign",
                3,
                401,
                NONE,
                "The authority may not certify identities of this trust domain.",
                "Issue it by the authority of that trust domain; `trustDomain` of each entry under `spec.authorities` says whose it is.",
            ),
            Self::CredentialAlgorithmRefused => row(
                "credential_algorithm_refused",
                3,
                401,
                NONE,
                "The credential names another algorithm, type or critical header than its authority is pinned to.",
                "Compare what `sallyport cred inspect` shows with the authority's entry under `spec.authorities`, and issue it with the algorithms pinned there.",
            ),
            Self::HybridSignatureMissing => row(
                "hybrid_signature_missing",
                3,
                401,
                CREDENTIAL,
                "The authority has an ML-DSA key, and the credential lacks its ML-DSA signature.",
                "Issue it with both signatures. A missing one may mean that it was stripped.",
            ),
            Self::HybridSignatureInvalid => row(
                "hybrid_signature_invalid",
                3,
                401,
                CREDENTIAL,
                "The ML-DSA signature does not hold for this authority.",
                "Check that the pinned key is the authority's current one; otherwise treat it as a forgery.",
            ),
            Self::ClassicalSignatureInvalid => row(
                "classical_signature_invalid",
                3,
                401,
                CREDENTIAL,
                "The RSA or ECDSA signature does not hold for this authority.",
                "Check that the pinned key is the authority's current one; otherwise treat it as a forgery.",
            ),
            Self::CredentialBindingMismatch => row(
                "credential_binding_mismatch",
                3,
                401,
                CREDENTIAL,
                "The token is bound to another TLS certificate than the one of this connection.",
                "Fetch a token for the current certificate. A mismatch may mean that it was stolen.",
            ),
            Self::CredentialClaimsInvalid => row(
                "credential_claims_invalid",
                3,
                401,
                NONE,
                "A claim of the token is missing, ill-typed or not what its authority's entry asks for.",
                "Compare issuer, audience and lifetime, as `sallyport cred inspect` shows them, with the authority's entry under `spec.authorities.tokens`.",
            ),
            Self::CredentialIdentityMismatch => row(
                "credential_identity_mismatch",
                3,
                401,
                NONE,
                "The token names another identity than the TLS certificate.",
                "Use a token whose `sub` is the SPIFFE ID of the caller's own certificate.",
            ),
            Self::CredentialNotYetValid => row(
                "credential_not_yet_valid",
                3,
                401,
                NONE,
                "The credential is not valid yet.",
                "Compare the clocks of issuer and proxy, or wait until it is valid.",
            ),
            Self::CredentialExpired => row(
                "credential_expired",
                3,
                401,
                NONE,
                "The credential is no longer valid; open connections are checked on every request.",
                "Renew it, and open a new connection.",
            ),
            Self::CredentialRevoked => row(
                "credential_revoked",
                3,
                401,
                NONE,
                "The policy revokes the credential: by its number, digest or key, or its identity as a whole.",
                "Look under `spec.revocations`. Issue a new credential with a new key, once what led to it is understood.",
            ),
            Self::CredentialReissueRequired => row(
                "credential_reissue_required",
                3,
                401,
                NONE,
                "The credential was issued before the time from which on the policy asks for new ones.",
                "Issue it again: `spec.notBeforeFloors` names the time.",
            ),
            Self::ProofMissing => row(
                "proof_missing",
                3,
                401,
                NONE,
                "A workload identity token came without a proof that the caller holds its key.",
                "Send `workload-proof-token` with each request that has a `workload-identity-token`.",
            ),
            Self::ProofInvalid => row(
                "proof_invalid",
                3,
                401,
                CREDENTIAL,
                "The signature of the proof does not hold for the key in the workload identity token.",
                "Sign the proof with the key that the token names; otherwise treat it as a forgery.",
            ),
            Self::ProofReplayed => row(
                "proof_replayed",
                3,
                401,
                // The caller's own proxy does this when it tries a request again.
                NONE,
                "The same proof was used on another connection.",
                "Make a new proof for each request. Without retries, a replay may mean that it was stolen.",
            ),
            Self::ProofQuotaExceeded => row(
                "proof_quota_exceeded",
                3,
                429,
                NONE,
                "The caller has more unexpired proofs than the proxy remembers for one identity.",
                "Use one proof for all requests of a connection until it expires.",
            ),
            Self::VerificationBudgetExceeded => row(
                "verification_budget_exceeded",
                3,
                503,
                NONE,
                "The proxy is verifying more credentials than its share of processor time allows.",
                "Try again after a second. If it lasts, callers send ever new or failing credentials: see the metric `sallyport.cold_verification`.",
            ),
            Self::AssuranceTooLow => row(
                "assurance_too_low",
                3,
                403,
                NONE,
                "The identity of the caller is known with less assurance than the flow asks for.",
                "Give the caller a hybrid certificate or a hybrid token; for `hybridProven` a certificate for an ML-DSA key, or a workload identity token with proofs.",
            ),
            Self::PeerIsolated => row(
                "peer_isolated",
                4,
                403,
                NONE,
                "The caller is isolated because of what it did before.",
                "Look at its denial records. It is released when the evidence has decayed, or by a signal of release.",
            ),
            Self::PeerQuarantined => row(
                "peer_quarantined",
                4,
                403,
                NONE,
                "A signal of the policy shuts the caller out.",
                "Read the signal under `spec.signals`: it names its source and reason.",
            ),
            Self::FlowNotAllowed => row(
                "flow_not_allowed",
                5,
                403,
                DENIAL,
                "No flow leads from the caller's segment to this one.",
                "If the call is wanted, add a flow between the two segments (and the caller to a segment, if it is in none): `sallyport report --policy` writes it.",
            ),
            Self::PathAmbiguous => row(
                "path_ambiguous",
                6,
                403,
                DENIAL,
                "The path can be read in two ways, so nobody can say what it allows.",
                "Send a plain path: no `//`, `%2f`, `%5c`, `%00`, `;` or dot segments.",
            ),
            Self::OperationNotAllowed => row(
                "operation_not_allowed",
                6,
                403,
                DENIAL,
                "A flow leads here, but not for this method, path and port.",
                "If the call is wanted, add its method, path and port to an operation of the flow: `sallyport report --policy` writes it.",
            ),
            Self::GrantExpired => row(
                "grant_expired",
                6,
                403,
                // It was let in a moment ago. An hour later the grant is not named any more, and the
                // refusal is evidence like any other.
                NONE,
                "A grant allowed the request, and ended within the last hour.",
                "If the access is still wanted, have a new grant approved; what is wanted for good is a flow.",
            ),
            Self::GrantNotYetValid => row(
                "grant_not_yet_valid",
                6,
                403,
                NONE,
                "A grant will allow the request, and begins within the next hour.",
                "Wait until its `notBefore`; the decision record has it.",
            ),
            Self::ArtifactManifestExpired => row(
                "artifact_manifest_expired",
                6,
                403,
                NONE,
                "The manifest of artifacts that the flow requires has ended, or has not begun by the clock of the proxy.",
                "Review its artifacts, sign a new manifest and render the policy again; `sallyport check` warns before the end.",
            ),
            Self::ClaimMissing => row(
                "claim_missing",
                6,
                403,
                NONE,
                "The flow requires a model or an image, and the caller sent no hybrid token that names its own.",
                "Send a hybrid token with the claim `model_digest` or `image_digest`, as the flow requires; a certificate alone has neither.",
            ),
            Self::ArtifactNotAllowed => row(
                "artifact_not_allowed",
                6,
                403,
                NONE,
                "The model or image of the caller is not in the manifest that the flow requires, or not with such a name, version and stage.",
                "The decision record has the digest, and what was asked. Vet the artifact and sign a manifest with it, or deploy one that was vetted.",
            ),
            Self::TrustTooLow => row(
                "trust_too_low",
                7,
                403,
                NONE,
                "The trust score of the caller is below what the flow asks for.",
                "Read the terms in the decision record: they say what lowered it, and docs/trust.md what raises it.",
            ),
            Self::TrustRestricted => row(
                "trust_restricted",
                7,
                403,
                NONE,
                "The caller is restricted because of what it did before, to what the flow leaves restricted callers.",
                "Look at its denial records. It recovers when the evidence has decayed.",
            ),
            Self::TrustUncertain => row(
                "trust_uncertain",
                7,
                403,
                NONE,
                "The caller has not been seen for long enough, and the flow leaves unknown callers only part of it.",
                "Wait until it is known: ten minutes and a hundred requests at most. The flow's `maximumUncertainty` sets the limit.",
            ),
            Self::RestrictedRateExceeded => row(
                "restricted_rate_exceeded",
                7,
                429,
                NONE,
                "The caller is restricted, and has used up its requests of this minute.",
                "Try again after the seconds in `retry-after`; look at the caller's denial records.",
            ),
        }
    }
}

const NONE: Option<Family> = None;
const CREDENTIAL: Option<Family> = Some(Family::Credential);
const DENIAL: Option<Family> = Some(Family::Denial);

const fn row(
    code: &'static str,
    gate: u8,
    status: u16,
    evidence: Option<Family>,
    meaning: &'static str,
    remedy: &'static str,
) -> ReasonRow {
    ReasonRow {
        code,
        gate,
        status,
        evidence,
        meaning,
        remedy,
    }
}
