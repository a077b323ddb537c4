//! Authorities for workload certificates.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use sallyport_engine::policy::raw::{self, AlternativeAlgorithm, Material};
use sallyport_engine::time::TimeMs;

use super::alternative::MlDsaSigner;
use super::classical::CertificateSigner;
use super::files::{self, Access};
use super::hybrid_signature::{sign_once, sign_twice};
use super::leaf::{AlternativeSignature, Leaf, LeafRequest, certificate_time, random_serial};
use super::rsa::{PRIVATE_KEY, PUBLIC_KEY};
use super::subject_key::{NewKey, SubjectKey};
use super::{AuthorityKey, IssueError, PrivateKeyPem, RsaBits, encode_pem};
use crate::certificate::parts::Parts;

/// What a new certificate authority shall be.
#[derive(Debug, Clone)]
pub struct AuthorityOptions {
    /// The common name of its subject.
    pub common_name: String,
    /// The kind of its classical key.
    pub key: AuthorityKey,
    /// The size of its classical key, if that is RSA.
    pub rsa_bits: RsaBits,
    /// The algorithm of its ML-DSA key. A [`ClassicalAuthority`] has none and ignores this.
    pub algorithm: AlternativeAlgorithm,
    /// How many authorities may stand between it and a leaf (`pathLenConstraint`, RFC 5280,
    /// section 4.2.1.9).
    pub intermediates: u8,
    /// Its certificate is valid from this time on.
    pub not_before: TimeMs,
    /// Its certificate is valid until this time.
    pub not_after: TimeMs,
}

/// An authority with a classical and an ML-DSA key. Its own certificate states the ML-DSA key in
/// extension 72 and is signed by both.
pub struct HybridAuthority {
    classical: ClassicalAuthority,
    alternative: MlDsaSigner,
}

/// An authority with a classical key only, as Istio's is today.
pub struct ClassicalAuthority {
    key: CertificateSigner,
    certificate_der: Vec<u8>,
    certificate_pem: String,
}

const CERTIFICATE_FILE: &str = "ca.crt";
const KEY_FILE: &str = "ca.key";
const ALTERNATIVE_KEY_FILE: &str = "ca.mldsa.key";
const ALTERNATIVE_PUBLIC_KEY_FILE: &str = "ca.mldsa.pub";
const CERTIFICATE: &str = "CERTIFICATE";
const ALTERNATIVE_PUBLIC_KEY: &[u64] = &[2, 5, 29, 72];

// === impl HybridAuthority ===

impl HybridAuthority {
    /// Makes both keys and the certificate.
    ///
    /// # Errors
    ///
    /// When the operating system gives no randomness, or the options do not fit a certificate.
    pub fn generate(options: &AuthorityOptions) -> Result<Self, IssueError> {
        let key = CertificateSigner::generate(options.key, options.rsa_bits)?;
        let alternative = MlDsaSigner::generate(options.algorithm)?;
        let parameters = options.hybrid_parameters(&alternative)?;
        let own = parameters.clone();
        let issuer = Issuer::from_params(&own, key.key());
        let subject = SubjectKey::Classical(key.key());
        let der = sign_twice(parameters, &subject, &issuer, &alternative)?;
        let classical = ClassicalAuthority::new(key, der)?;
        Ok(Self {
            classical,
            alternative,
        })
    }

    /// Reads what [`Self::save`] wrote.
    ///
    /// # Errors
    ///
    /// When a file is missing, is not what its name says, or does not belong to the others.
    pub fn load(directory: &Path) -> Result<Self, IssueError> {
        let classical = ClassicalAuthority::load(directory)?;
        let pkcs8 = files::read_pem(directory, ALTERNATIVE_KEY_FILE, PRIVATE_KEY)?;
        let mismatch = || IssueError::Mismatch {
            path: directory.join(ALTERNATIVE_KEY_FILE),
        };
        let alternative = MlDsaSigner::from_pkcs8(&pkcs8).ok_or_else(mismatch)?;
        let public = files::read_pem(directory, ALTERNATIVE_PUBLIC_KEY_FILE, PUBLIC_KEY)?;
        if *public != alternative.public_key_spki() {
            return Err(mismatch());
        }
        Ok(Self {
            classical,
            alternative,
        })
    }

    /// Writes `ca.crt`, `ca.key` (PKCS #8), `ca.mldsa.key` (PKCS #8 with the seed alone, RFC 9881,
    /// section 6) and `ca.mldsa.pub` into a directory, which is made if need be. Private keys get
    /// mode 0600. Files that exist are not overwritten.
    ///
    /// # Errors
    ///
    /// When a file exists or cannot be written.
    pub fn save(&self, directory: &Path) -> Result<(), IssueError> {
        self.classical.save(directory)?;
        let secret = self.alternative.private_key_pem()?;
        files::write(
            directory,
            ALTERNATIVE_KEY_FILE,
            secret.expose(),
            Access::Owner,
        )?;
        let public = self.alternative.public_key_pem()?;
        files::write(
            directory,
            ALTERNATIVE_PUBLIC_KEY_FILE,
            &public,
            Access::Everyone,
        )
    }

    /// Makes an authority below this one, whose certificate both keys of this one sign. It can be
    /// pinned by itself. The options of this one must leave room for it (`intermediates`).
    ///
    /// # Errors
    ///
    /// When the operating system gives no randomness, or the options do not fit a certificate.
    pub fn issue_authority(&self, options: &AuthorityOptions) -> Result<Self, IssueError> {
        let key = CertificateSigner::generate(options.key, options.rsa_bits)?;
        let alternative = MlDsaSigner::generate(options.algorithm)?;
        let parameters = options.hybrid_parameters(&alternative)?;
        let subject = SubjectKey::Classical(key.key());
        let issuer = self.classical.issuer()?;
        let der = sign_twice(parameters, &subject, &issuer, &self.alternative)?;
        let classical = ClassicalAuthority::new(key, der)?;
        Ok(Self {
            classical,
            alternative,
        })
    }

    /// Issues a leaf with a new key.
    ///
    /// # Errors
    ///
    /// When the operating system gives no randomness, or the request does not fit a certificate.
    pub fn issue_leaf(&self, request: &LeafRequest) -> Result<Leaf, IssueError> {
        let mut parameters = request.parameters()?;
        let mut alternative_private_key = None;
        if request.own_alternative_key {
            let own = MlDsaSigner::generate(self.alternative.algorithm())?;
            let extension =
                CustomExtension::from_oid_content(ALTERNATIVE_PUBLIC_KEY, own.public_key_spki());
            parameters.custom_extensions.push(extension);
            alternative_private_key = Some(own.private_key_pem()?);
        }
        let key = NewKey::generate(request.key)?;
        let issuer = self.classical.issuer()?;
        let der = match request.alternative {
            AlternativeSignature::Present => {
                sign_twice(parameters, &key.subject(), &issuer, &self.alternative)?
            }
            AlternativeSignature::Absent => sign_once(&parameters, &key.subject(), &issuer)?,
        };
        finish_leaf(der, &key, alternative_private_key)
    }

    /// Its certificate in PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        self.classical.certificate_pem()
    }

    /// Its certificate in DER.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        self.classical.certificate_der()
    }

    /// Its classical private key, PKCS #8.
    ///
    /// # Errors
    ///
    /// When the key cannot be encoded.
    pub fn private_key(&self) -> Result<PrivateKeyPem, IssueError> {
        self.classical.private_key()
    }

    /// Its ML-DSA private key, PKCS #8 with the seed alone.
    ///
    /// # Errors
    ///
    /// When the key cannot be encoded.
    pub fn alternative_private_key(&self) -> Result<PrivateKeyPem, IssueError> {
        self.alternative.private_key_pem()
    }

    /// The entry by which a policy pins it.
    ///
    /// # Errors
    ///
    /// When the key cannot be encoded.
    pub fn to_policy(
        &self,
        name: &str,
        trust_domain: &str,
    ) -> Result<raw::CertificateAuthority, IssueError> {
        let public_key = Material::Inline(self.alternative.public_key_pem()?);
        let algorithm = self.alternative.algorithm();
        Ok(raw::CertificateAuthority {
            alternative_key: Some(raw::AlternativeKey {
                algorithm,
                public_key,
            }),
            ..self.classical.to_policy(name, trust_domain)
        })
    }
}

// === impl ClassicalAuthority ===

impl ClassicalAuthority {
    /// Makes the key and the certificate.
    ///
    /// # Errors
    ///
    /// When the operating system gives no randomness, or the options do not fit a certificate.
    pub fn generate(options: &AuthorityOptions) -> Result<Self, IssueError> {
        let key = CertificateSigner::generate(options.key, options.rsa_bits)?;
        let der = options.parameters()?.self_signed(key.key())?.der().to_vec();
        Self::new(key, der)
    }

    /// Reads what [`Self::save`] wrote.
    ///
    /// # Errors
    ///
    /// When a file is missing, is not what its name says, or does not belong to the other.
    pub fn load(directory: &Path) -> Result<Self, IssueError> {
        let der = files::read_pem(directory, CERTIFICATE_FILE, CERTIFICATE)?;
        let pkcs8 = files::read_pem(directory, KEY_FILE, PRIVATE_KEY)?;
        let key = CertificateSigner::from_pkcs8(&pkcs8)?;
        let path = directory.join(CERTIFICATE_FILE);
        let parts = Parts::parse(&der).map_err(|cause| IssueError::CaCertificate {
            path: path.clone(),
            cause: cause.into(),
        })?;
        if parts.public_key != key.public_key_spki() {
            return Err(IssueError::Mismatch { path });
        }
        Self::new(key, der.to_vec())
    }

    /// Writes `ca.crt` and `ca.key` (PKCS #8, mode 0600) into a directory, which is made if need
    /// be. Files that exist are not overwritten.
    ///
    /// # Errors
    ///
    /// When a file exists or cannot be written.
    pub fn save(&self, directory: &Path) -> Result<(), IssueError> {
        files::write(
            directory,
            KEY_FILE,
            self.private_key()?.expose(),
            Access::Owner,
        )?;
        files::write(
            directory,
            CERTIFICATE_FILE,
            &self.certificate_pem,
            Access::Everyone,
        )
    }

    /// Makes an authority below this one. The options of this one must leave room for it
    /// (`intermediates`).
    ///
    /// # Errors
    ///
    /// When the operating system gives no randomness, or the options do not fit a certificate.
    pub fn issue_authority(&self, options: &AuthorityOptions) -> Result<Self, IssueError> {
        let key = CertificateSigner::generate(options.key, options.rsa_bits)?;
        let subject = SubjectKey::Classical(key.key());
        let der = sign_once(&options.parameters()?, &subject, &self.issuer()?)?;
        Self::new(key, der)
    }

    /// Issues an ordinary leaf with a new key; the request's `alternative` does not apply.
    ///
    /// # Errors
    ///
    /// When the operating system gives no randomness, or the request does not fit a certificate.
    pub fn issue_leaf(&self, request: &LeafRequest) -> Result<Leaf, IssueError> {
        let key = NewKey::generate(request.key)?;
        let der = sign_once(&request.parameters()?, &key.subject(), &self.issuer()?)?;
        finish_leaf(der, &key, None)
    }

    /// Its certificate in PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Its certificate in DER.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate_der
    }

    /// Its private key, PKCS #8.
    ///
    /// # Errors
    ///
    /// When the key cannot be encoded.
    pub fn private_key(&self) -> Result<PrivateKeyPem, IssueError> {
        self.key.private_key_pem()
    }

    /// The entry by which a policy pins it, as an authority for `classical` certificates.
    #[must_use]
    pub fn to_policy(&self, name: &str, trust_domain: &str) -> raw::CertificateAuthority {
        raw::CertificateAuthority {
            name: name.to_owned(),
            trust_domain: trust_domain.to_owned(),
            ca_certificate: Material::Inline(self.certificate_pem.clone()),
            alternative_key: None,
            alternative_required_from: None,
        }
    }

    fn new(key: CertificateSigner, certificate_der: Vec<u8>) -> Result<Self, IssueError> {
        let certificate_pem = encode_pem(CERTIFICATE, &certificate_der)?;
        Ok(Self {
            key,
            certificate_der,
            certificate_pem,
        })
    }

    fn issuer(&self) -> Result<Issuer<'_, &KeyPair>, IssueError> {
        let der = self.certificate_der.as_slice().into();
        Ok(Issuer::from_ca_cert_der(&der, self.key.key())?)
    }
}

// === impl AuthorityOptions ===

impl AuthorityOptions {
    /// A common name and a validity, with RSA-3072 and ML-DSA-65.
    #[must_use]
    pub fn new(common_name: &str, not_before: TimeMs, not_after: TimeMs) -> Self {
        Self {
            common_name: common_name.to_owned(),
            key: AuthorityKey::default(),
            rsa_bits: RsaBits::default(),
            algorithm: AlternativeAlgorithm::MlDsa65,
            intermediates: 0,
            not_before,
            not_after,
        }
    }

    fn hybrid_parameters(&self, own: &MlDsaSigner) -> Result<CertificateParams, IssueError> {
        let mut parameters = self.parameters()?;
        parameters
            .custom_extensions
            .push(CustomExtension::from_oid_content(
                ALTERNATIVE_PUBLIC_KEY,
                own.public_key_spki(),
            ));
        Ok(parameters)
    }

    fn parameters(&self) -> Result<CertificateParams, IssueError> {
        let mut parameters = CertificateParams::default();
        parameters.not_before = certificate_time(self.not_before)?;
        parameters.not_after = certificate_time(self.not_after)?;
        parameters.serial_number = Some(random_serial()?);
        parameters.distinguished_name = DistinguishedName::new();
        parameters
            .distinguished_name
            .push(DnType::CommonName, self.common_name.as_str());
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(self.intermediates));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        parameters.use_authority_key_identifier_extension = true;
        Ok(parameters)
    }
}

fn finish_leaf(
    certificate_der: Vec<u8>,
    key: &NewKey,
    alternative_private_key: Option<PrivateKeyPem>,
) -> Result<Leaf, IssueError> {
    Ok(Leaf {
        certificate_pem: encode_pem(CERTIFICATE, &certificate_der)?,
        certificate_der,
        private_key: key.private_key_pem()?,
        alternative_private_key,
    })
}
