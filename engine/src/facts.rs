//! All that a decision may look at. An adapter builds these values once from bytes of the host;
//! the decision reads nothing else.

use alloc::sync::Arc;
use core::net::IpAddr;

use crate::artifact::ArtifactClaims;
use crate::identity::{Assurance, SpiffeId};
use crate::names::{Method, RequestPath};
use crate::reason::DenyReason;
use crate::time::TimeMs;
use crate::trust::PeerKey;

/// The facts of one request.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Facts of the connection, read once.
    pub connection: &'a ConnectionFacts,
    /// The token of the request, if its headers were present: verified, or why it does not count.
    pub token: Option<Result<&'a CredentialFacts, DenyReason>>,
    /// What the request asks for.
    pub request: RequestFacts<'a>,
    /// Address of the TCP peer. Read only for a request that may be a health probe and was not
    /// forwarded: proxies put an address from `x-forwarded-for` in its place.
    pub source_ip: Option<IpAddr>,
}

/// The facts of a downstream connection.
#[derive(Debug, Clone)]
pub struct ConnectionFacts {
    /// Our own identity: the URI SAN of the certificate that this proxy presents.
    pub own: Option<SpiffeId>,
    /// How the peer is connected.
    pub transport: Transport,
    /// Port that the peer connected to, after redirection to the proxy was undone.
    pub destination_port: u16,
    /// What the peer's metadata says, beside its certificate.
    pub peer_metadata: PeerMetadata,
}

/// Whether metadata that a peer sends of itself, as proxies of Istio do, names the workload of its
/// certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PeerMetadata {
    /// There is none.
    #[default]
    Absent,
    /// It names the same namespace and workload.
    Agrees,
    /// It names others.
    Contradicts,
}

/// How a peer is connected.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "one for each connection, and nearly all are mutual TLS"
)]
pub enum Transport {
    /// No TLS, or TLS without a client certificate.
    Plaintext,
    /// TLS, and the peer presented a certificate.
    Mutual(MutualTls),
}

/// Facts of a mutual TLS connection.
#[derive(Debug, Clone)]
pub struct MutualTls {
    /// Who validated the certificate of the peer.
    pub validation: PeerValidation,
    /// The negotiated version.
    pub version: TlsVersion,
    /// How the keys of the connection were agreed on.
    pub key_exchange: KeyExchange,
    /// SHA-256 of the DER of the peer's certificate, as Envoy computed it.
    pub certificate_sha256: [u8; 32],
    /// What the peer's certificate says and proves.
    pub certificate: PeerCertificate,
}

/// Who validated the peer's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerValidation {
    /// Envoy says that it did.
    Validated,
    /// This Envoy (before 1.39) cannot say. Trust rests on its configuration.
    Assumed,
    /// Envoy says that it did not, which it also says of each TLS session that was resumed. But the
    /// certificate is one of a pinned authority, whose signatures hold.
    Pinned,
    /// Envoy says that it did not, and nobody else vouches for the certificate: a listener that
    /// accepts untrusted peers, or a resumed session of a trust domain without pinned authorities.
    Failed,
}

/// TLS protocol versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
    /// An older version, or a name that we do not know.
    Other,
}

/// The key exchange of a TLS connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyExchange {
    /// The proxy does not show it, or the policy does not ask.
    #[default]
    Hidden,
    /// One that is not in the list of hybrid ones.
    Other,
    /// A hybrid of ML-KEM (FIPS 203) and a classical one.
    PostQuantum,
}

/// What reading and verifying the peer's certificate gave.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "one for each connection, and nearly all are read"
)]
pub enum PeerCertificate {
    /// The host does not show the certificate.
    Unavailable,
    /// The certificate is not one SPIFFE ID in strict DER.
    Unreadable,
    /// The certificate names one SPIFFE ID.
    Read {
        /// The one URI SAN.
        subject: SpiffeId,
        /// The certificate as a credential.
        credential: Result<CredentialFacts, CredentialFault>,
    },
}

/// A credential whose signatures hold. Its times are still to be compared with the clock, on
/// every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialFacts {
    /// The pinned authority that signed it; none for a certificate that only Envoy validated.
    pub authority: Option<Arc<str>>,
    /// Whom it names.
    pub subject: SpiffeId,
    /// What its signatures amount to.
    pub assurance: Assurance,
    /// The number that its authority gave it, if it has one.
    pub number: Option<CredentialNumber>,
    /// The keys that it certifies.
    pub keys: CertifiedKeys,
    /// What it says that its workload runs; only hybrid tokens say anything.
    pub artifacts: ArtifactClaims,
    /// When it was issued, by its own word.
    pub issued: TimeMs,
    /// Not valid before this time.
    pub not_before: TimeMs,
    /// Not valid from this time on.
    pub not_after: TimeMs,
}

/// What an authority tells its credentials apart by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CredentialNumber {
    /// The serial number of a certificate (RFC 5280, section 4.1.2.2): big endian, without leading
    /// zeros.
    Serial(Arc<[u8]>),
    /// The `jti` of a token (RFC 7519, section 4.1.7).
    TokenId(Arc<str>),
}

/// The keys that a credential certifies: SHA-256 of their `SubjectPublicKeyInfo` in DER.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CertifiedKeys {
    /// The key of a certificate, which TLS uses.
    pub own: Option<[u8; 32]>,
    /// The alternative key: that of extension 72 of a certificate, or of `cnf` of a workload
    /// identity token.
    pub alternative: Option<[u8; 32]>,
}

/// Why a credential that is present does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialFault {
    /// Not in the strict form that its standard asks for, or larger than allowed.
    Malformed,
    /// Its authority has an ML-DSA key, and the ML-DSA signature is absent.
    HybridSignatureMissing,
    /// The ML-DSA signature does not hold.
    HybridSignatureInvalid,
    /// The RSA or ECDSA signature does not hold.
    ClassicalSignatureInvalid,
    /// No pinned authority issued it.
    AuthorityUnknown,
    /// The authority may not certify identities of this trust domain.
    TrustDomainForeign,
    /// An algorithm, type or critical header other than the pinned authority's.
    AlgorithmRefused,
    /// It belongs to another TLS certificate than the one of this connection.
    BindingMismatch,
    /// A claim is missing, ill-typed, or not what the authority's entry asks for.
    ClaimsInvalid,
    /// A header that carries it is present twice, or one of two without the other.
    HeaderAmbiguous,
    /// A workload identity token without the proof that the caller holds its key.
    ProofMissing,
    /// The signature of the proof does not hold.
    ProofInvalid,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy)]
pub struct RequestFacts<'a> {
    /// The HTTP method.
    pub method: Method<'a>,
    /// The path without its query; `Err` when it can be read in two ways.
    pub path: Result<RequestPath<'a>, crate::names::InvalidPath>,
    /// The path without its query, as sent. Tells one refused target from another.
    pub raw_path: &'a [u8],
    /// Whether the client wants another protocol on the connection, as WebSocket does.
    pub is_upgrade: bool,
}

// === impl KeyExchange ===

impl KeyExchange {
    /// The key exchange of a TLS group, by the name that the IETF gave it. The list of hybrid ones
    /// is closed: those of draft-ietf-tls-ecdhe-mlkem.
    #[must_use]
    pub const fn of_group(name: &[u8]) -> Self {
        match name {
            b"" | b"-" => Self::Hidden,
            b"X25519MLKEM768" | b"SecP256r1MLKEM768" | b"SecP384r1MLKEM1024" => Self::PostQuantum,
            _ => Self::Other,
        }
    }
}

// === impl MutualTls ===

impl MutualTls {
    /// SHA-256 of the alternative key that the peer's certificate certifies, if it certifies one.
    #[must_use]
    pub const fn alternative_key_sha256(&self) -> Option<&[u8; 32]> {
        match &self.certificate {
            PeerCertificate::Read {
                credential: Ok(credential),
                ..
            } => credential.keys.alternative.as_ref(),
            PeerCertificate::Read { .. }
            | PeerCertificate::Unavailable
            | PeerCertificate::Unreadable => None,
        }
    }
}

// === impl ConnectionFacts ===

impl ConnectionFacts {
    /// The caller that the connection can be attributed to: a validated identity and its
    /// certificate.
    #[must_use]
    pub fn peer(&self) -> Option<PeerKey> {
        match &self.transport {
            Transport::Mutual(MutualTls {
                certificate: PeerCertificate::Read { subject, .. },
                certificate_sha256,
                validation:
                    PeerValidation::Validated | PeerValidation::Assumed | PeerValidation::Pinned,
                ..
            }) => Some(PeerKey::new(subject, *certificate_sha256)),
            Transport::Mutual(_) | Transport::Plaintext => None,
        }
    }
}
