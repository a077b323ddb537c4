//! Leaves of workloads: what is asked for, and what is issued.

use rcgen::string::Ia5String;
use rcgen::{
    CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType,
    SerialNumber,
};
use sallyport_engine::identity::SpiffeId;
use sallyport_engine::time::TimeMs;
use time::OffsetDateTime;

use super::{IssueError, PrivateKeyPem, random_bytes};

/// What a leaf shall say.
#[derive(Debug, Clone)]
pub struct LeafRequest {
    /// Whom it names: the one URI name.
    pub spiffe_id: SpiffeId,
    /// Valid from this time on; whole seconds count.
    pub not_before: TimeMs,
    /// Valid until this time, which still counts (RFC 5280); whole seconds count.
    pub not_after: TimeMs,
    /// DNS names beside the SPIFFE ID.
    pub dns_names: Vec<String>,
    /// Whether a hybrid authority adds its ML-DSA signature.
    pub alternative: AlternativeSignature,
    /// The kind of key that is generated for it.
    pub key: LeafKey,
    /// Whether the workload gets an ML-DSA key of its own, stated in extension 72.
    pub own_alternative_key: bool,
}

/// Whether the alternative signature (extensions 73 and 74) is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlternativeSignature {
    /// It is, so the leaf is hybrid.
    Present,
    /// It is not: the leaf that a downgrade would present, for tests.
    Absent,
}

/// The key of a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeafKey {
    /// RSA, 2048 bits.
    Rsa2048,
    /// RSA, 3072 bits.
    Rsa3072,
    /// RSA, 4096 bits, the most that the filter reads.
    Rsa4096,
    /// ECDSA on P-256, as istiod issues when asked to.
    EcdsaP256,
    /// ECDSA on P-384.
    EcdsaP384,
    /// ML-DSA-44 (RFC 9881), for the TLS of Envoy 1.39 and newer.
    MlDsa44,
    /// ML-DSA-65, likewise.
    MlDsa65,
    /// ML-DSA-87, likewise.
    MlDsa87,
}

/// An issued leaf.
pub struct Leaf {
    /// The certificate in DER.
    pub certificate_der: Vec<u8>,
    /// The same in PEM.
    pub certificate_pem: String,
    /// The private key of TLS, PKCS #8.
    pub private_key: PrivateKeyPem,
    /// The ML-DSA private key, where one was asked for.
    pub alternative_private_key: Option<PrivateKeyPem>,
}

// === impl LeafRequest ===

impl LeafRequest {
    /// A hybrid leaf with a key on P-256 and no other names.
    #[must_use]
    pub const fn new(spiffe_id: SpiffeId, not_before: TimeMs, not_after: TimeMs) -> Self {
        Self {
            spiffe_id,
            not_before,
            not_after,
            dns_names: Vec::new(),
            alternative: AlternativeSignature::Present,
            key: LeafKey::EcdsaP256,
            own_alternative_key: false,
        }
    }

    /// The certificate without the alternative signature. As in Istio, the subject is empty.
    pub(super) fn parameters(&self) -> Result<CertificateParams, IssueError> {
        let mut parameters = CertificateParams::default();
        parameters.not_before = certificate_time(self.not_before)?;
        parameters.not_after = certificate_time(self.not_after)?;
        parameters.serial_number = Some(random_serial()?);
        parameters.distinguished_name = DistinguishedName::new();
        parameters.is_ca = IsCa::ExplicitNoCa;
        parameters.key_usages = self.key.usages();
        parameters.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        parameters.use_authority_key_identifier_extension = true;
        let uri = Ia5String::try_from(self.spiffe_id.as_str())?;
        parameters.subject_alt_names.push(SanType::URI(uri));
        for name in &self.dns_names {
            parameters
                .subject_alt_names
                .push(SanType::DnsName(name.as_str().try_into()?));
        }
        Ok(parameters)
    }
}

// === impl LeafKey ===

impl LeafKey {
    /// As istiod has them; an ML-DSA key only signs (RFC 9881, section 5).
    fn usages(self) -> Vec<KeyUsagePurpose> {
        match self {
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 | Self::EcdsaP256 | Self::EcdsaP384 => {
                vec![
                    KeyUsagePurpose::DigitalSignature,
                    KeyUsagePurpose::KeyEncipherment,
                ]
            }
            Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87 => {
                vec![KeyUsagePurpose::DigitalSignature]
            }
        }
    }
}

// === impl Leaf ===

impl Leaf {
    /// SHA-256 of the DER, as Envoy gives it and as tokens are bound to it.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        crate::sha256(&self.certificate_der)
    }
}

pub(super) fn certificate_time(time: TimeMs) -> Result<OffsetDateTime, IssueError> {
    let seconds = i64::try_from(time.0 / 1000).map_err(|_| IssueError::Time)?;
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| IssueError::Time)
}

/// 127 random bits: positive, and at most 20 bytes (RFC 5280, section 4.1.2.2).
pub(super) fn random_serial() -> Result<SerialNumber, IssueError> {
    let mut bytes = random_bytes::<16>()?;
    if let Some(first) = bytes.first_mut() {
        *first &= 0x7f;
    }
    Ok(bytes.to_vec().into())
}
