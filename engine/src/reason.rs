//! Why a request is denied: one table from reason to code, status, evidence and help.
//!
//! The table is the source of docs/deny-reasons.md, of metric labels and of the replies. A reason
//! has one name everywhere.

mod table;

pub use table::ReasonRow;

/// Why a request is denied, in the order of the gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DenyReason {
    /// No valid configuration.
    NotConfigured,
    /// A fact could not be read from the host.
    HostReadFailed,
    /// A state that should be impossible.
    InternalBug,
    /// The request has no method or path, or several.
    RequestMalformed,
    /// The filter stands in a listener that is not inbound.
    ListenerNotInbound,
    /// The policy has no segment for this workload itself.
    OwnIdentityUnknown,
    /// No mutual TLS.
    PeerPlaintext,
    /// Envoy did not validate the peer's certificate.
    PeerUnvalidated,
    /// The peer's certificate is not shown to the filter.
    PeerCertificateUnavailable,
    /// The peer's certificate does not name exactly one SPIFFE ID.
    PeerIdentityInvalid,
    /// The peer is of a trust domain that the policy does not list.
    TrustDomainUnknown,
    /// The TLS group of the connection is not a hybrid post-quantum one, or not shown.
    KeyExchangeNotPostQuantum,
    /// A credential breaks the form that its standard asks for.
    CredentialMalformed,
    /// A header that carries a credential is doubled or lacks its other half.
    CredentialHeaderAmbiguous,
    /// No pinned authority issued the credential.
    CredentialAuthorityUnknown,
    /// The authority may not certify this trust domain.
    CredentialTrustDomainForeign,
    /// Another algorithm, type or critical header than the pinned authority's.
    CredentialAlgorithmRefused,
    /// The ML-DSA signature is absent where the authority has an ML-DSA key.
    HybridSignatureMissing,
    /// The ML-DSA signature does not hold.
    HybridSignatureInvalid,
    /// The RSA or ECDSA signature does not hold.
    ClassicalSignatureInvalid,
    /// The token belongs to another TLS certificate.
    CredentialBindingMismatch,
    /// A claim of the token is missing or wrong.
    CredentialClaimsInvalid,
    /// The token names another identity than the TLS certificate.
    CredentialIdentityMismatch,
    /// The credential is not valid yet.
    CredentialNotYetValid,
    /// The credential is no longer valid.
    CredentialExpired,
    /// The policy took the credential, its key or its identity back.
    CredentialRevoked,
    /// The credential was issued before the policy's floor.
    CredentialReissueRequired,
    /// A workload identity token came without its proof.
    ProofMissing,
    /// The signature of the proof does not hold.
    ProofInvalid,
    /// The proof was seen on another connection before.
    ProofReplayed,
    /// The caller has too many proofs in flight.
    ProofQuotaExceeded,
    /// The proxy has no time left for verifying credentials.
    VerificationBudgetExceeded,
    /// The assurance of the peer is below what the flow asks for.
    AssuranceTooLow,
    /// The peer is isolated because of what it did.
    PeerIsolated,
    /// A signal of the policy shuts the peer out.
    PeerQuarantined,
    /// No flow leads from the peer's segment to this one.
    FlowNotAllowed,
    /// The path can be read in two ways.
    PathAmbiguous,
    /// No operation of the flow covers the request.
    OperationNotAllowed,
    /// A grant allowed the request until a short time ago.
    GrantExpired,
    /// A grant will allow the request a short time from now.
    GrantNotYetValid,
    /// The manifest that the flow requires does not count at this time.
    ArtifactManifestExpired,
    /// The flow requires a claim that no token of the request has.
    ClaimMissing,
    /// What the peer runs is not among the artifacts that the flow requires.
    ArtifactNotAllowed,
    /// The trust score of the peer is below what the flow asks for.
    TrustTooLow,
    /// The peer is restricted, and the operation is not for restricted peers.
    TrustRestricted,
    /// The peer is not known well enough for the operation.
    TrustUncertain,
    /// The peer is restricted, and has used up its requests of this minute.
    RestrictedRateExceeded,
}

impl DenyReason {
    /// All reasons, in the order of the gates.
    pub const ALL: [Self; 47] = [
        Self::NotConfigured,
        Self::HostReadFailed,
        Self::InternalBug,
        Self::RequestMalformed,
        Self::ListenerNotInbound,
        Self::OwnIdentityUnknown,
        Self::PeerPlaintext,
        Self::PeerUnvalidated,
        Self::PeerCertificateUnavailable,
        Self::PeerIdentityInvalid,
        Self::TrustDomainUnknown,
        Self::KeyExchangeNotPostQuantum,
        Self::CredentialMalformed,
        Self::CredentialHeaderAmbiguous,
        Self::CredentialAuthorityUnknown,
        Self::CredentialTrustDomainForeign,
        Self::CredentialAlgorithmRefused,
        Self::HybridSignatureMissing,
        Self::HybridSignatureInvalid,
        Self::ClassicalSignatureInvalid,
        Self::CredentialBindingMismatch,
        Self::CredentialClaimsInvalid,
        Self::CredentialIdentityMismatch,
        Self::CredentialNotYetValid,
        Self::CredentialExpired,
        Self::CredentialRevoked,
        Self::CredentialReissueRequired,
        Self::ProofMissing,
        Self::ProofInvalid,
        Self::ProofReplayed,
        Self::ProofQuotaExceeded,
        Self::VerificationBudgetExceeded,
        Self::AssuranceTooLow,
        Self::PeerIsolated,
        Self::PeerQuarantined,
        Self::FlowNotAllowed,
        Self::PathAmbiguous,
        Self::OperationNotAllowed,
        Self::GrantExpired,
        Self::GrantNotYetValid,
        Self::ArtifactManifestExpired,
        Self::ClaimMissing,
        Self::ArtifactNotAllowed,
        Self::TrustTooLow,
        Self::TrustRestricted,
        Self::TrustUncertain,
        Self::RestrictedRateExceeded,
    ];

    /// The name in replies, records, metrics and documents.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.row().code
    }

    /// The gRPC status code for the HTTP status of the reason: 7 permission denied, 16
    /// unauthenticated, 14 unavailable, 8 resource exhausted, 3 invalid argument.
    #[must_use]
    pub const fn grpc_status(self) -> u8 {
        match self.row().status {
            400 => 3,
            401 => 16,
            429 => 8,
            503 => 14,
            _ => 7,
        }
    }
}

impl From<crate::facts::CredentialFault> for DenyReason {
    fn from(fault: crate::facts::CredentialFault) -> Self {
        use crate::facts::CredentialFault as Fault;
        match fault {
            Fault::Malformed => Self::CredentialMalformed,
            Fault::HybridSignatureMissing => Self::HybridSignatureMissing,
            Fault::HybridSignatureInvalid => Self::HybridSignatureInvalid,
            Fault::ClassicalSignatureInvalid => Self::ClassicalSignatureInvalid,
            Fault::AuthorityUnknown => Self::CredentialAuthorityUnknown,
            Fault::TrustDomainForeign => Self::CredentialTrustDomainForeign,
            Fault::AlgorithmRefused => Self::CredentialAlgorithmRefused,
            Fault::BindingMismatch => Self::CredentialBindingMismatch,
            Fault::ClaimsInvalid => Self::CredentialClaimsInvalid,
            Fault::HeaderAmbiguous => Self::CredentialHeaderAmbiguous,
            Fault::ProofMissing => Self::ProofMissing,
            Fault::ProofInvalid => Self::ProofInvalid,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::trust::Family;

    #[test]
    fn each_reason_stands_once_in_the_list_with_a_code_of_its_own() {
        let codes: BTreeSet<&str> = DenyReason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), DenyReason::ALL.len());
        let ordered = DenyReason::ALL.windows(2).all(|pair| pair[0] < pair[1]);
        assert!(ordered, "the list follows the order of the enum");
    }

    #[test]
    fn statuses_follow_the_gates() {
        for reason in DenyReason::ALL {
            let row = reason.row();
            match row.status {
                400 => assert_eq!(row.gate, 0),
                429 => assert_eq!(reason.grpc_status(), 8),
                401 => assert_eq!((row.gate, reason.grpc_status()), (3, 16)),
                403 => assert_eq!(reason.grpc_status(), 7),
                503 => assert_eq!(reason.grpc_status(), 14),
                other => panic!("{} has status {other}", row.code),
            }
            assert!(row.gate <= 7);
            assert!(row.meaning.ends_with('.') && row.remedy.ends_with('.'));
        }
    }

    #[test]
    fn only_what_the_caller_chose_to_send_is_evidence() {
        let of = |family| -> alloc::vec::Vec<&str> {
            DenyReason::ALL
                .iter()
                .filter(|reason| reason.row().evidence == Some(family))
                .map(|reason| reason.code())
                .collect()
        };
        assert_eq!(
            of(Family::Credential),
            [
                "hybrid_signature_missing",
                "hybrid_signature_invalid",
                "classical_signature_invalid",
                "credential_binding_mismatch",
                "proof_invalid"
            ]
        );
        assert_eq!(
            of(Family::Denial),
            [
                "flow_not_allowed",
                "path_ambiguous",
                "operation_not_allowed"
            ]
        );
    }
}
