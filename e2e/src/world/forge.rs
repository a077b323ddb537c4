//! Certificates that no honest authority issues, but somebody with its RSA key could.

use rcgen::{
    CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use sallyport_credentials::issue::Leaf;

use super::issue::{Identity, time};
use super::{World, issue_error};
use crate::HarnessError;
use crate::scenario::Certificate;

/// Flips one bit of the ML-DSA signature of a leaf of the mesh, and makes the RSA signature anew.
pub(super) fn alter_alternative_signature(
    world: &World,
    leaf: &mut Leaf,
) -> Result<(), HarnessError> {
    let der = &mut leaf.certificate_der;
    let place = der
        .windows(ALTERNATIVE_SIGNATURE.len())
        .position(|window| window == ALTERNATIVE_SIGNATURE)
        .ok_or_else(|| failed("it has no ML-DSA signature"))?;
    let byte = der
        .get_mut(place.saturating_add(100))
        .ok_or_else(|| failed("it is too short"))?;
    *byte ^= 1;
    let signature = rsa_signature(world, to_be_signed(der)?)?;
    // The RSA signature is the last element and keeps its length.
    let start = der.len().saturating_sub(signature.len());
    der.truncate(start);
    der.extend(signature);
    leaf.certificate_pem = pem(der)?;
    Ok(())
}

/// A certificate of the mesh's RSA key with any URI names, and without ML-DSA.
pub(super) fn with_odd_names(
    world: &World,
    name: &str,
    description: &Certificate,
    start_seconds: i64,
) -> Result<Identity, HarnessError> {
    let refused = |cause: rcgen::Error| issue_error(name, &cause.into());
    let at = |offset| {
        let seconds = i64::try_from(time(start_seconds, offset).0 / 1000).unwrap_or(0);
        ::time::OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| failed("its time"))
    };
    let mut parameters = CertificateParams::default();
    parameters.not_before = at(description.validity.from_seconds)?;
    parameters.not_after = at(description.validity.until_seconds)?;
    parameters.distinguished_name = DistinguishedName::new();
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    parameters.use_authority_key_identifier_extension = true;
    for uri in &description.uris {
        let uri = uri.as_str().try_into().map_err(refused)?;
        parameters.subject_alt_names.push(SanType::URI(uri));
    }
    let secret = world
        .mesh
        .private_key()
        .map_err(|cause| issue_error(name, &cause))?;
    let ca_key = KeyPair::from_pem(secret.expose()).map_err(refused)?;
    let issuer = Issuer::from_ca_cert_pem(world.mesh.certificate_pem(), ca_key).map_err(refused)?;
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(refused)?;
    let certificate = parameters.signed_by(&key, &issuer).map_err(refused)?;
    Identity::new(
        certificate.der().to_vec(),
        certificate.pem(),
        &key.serialize_pem(),
    )
}

/// The first element inside of the certificate, with its header: each has a two-byte length.
fn to_be_signed(der: &[u8]) -> Result<&[u8], HarnessError> {
    match der {
        [0x30, 0x82, _, _, inner @ ..] => match inner {
            [0x30, 0x82, high, low, ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                inner
                    .get(..length.saturating_add(4))
                    .ok_or_else(|| failed("it is cut off"))
            }
            _ => Err(failed("it has no TBSCertificate")),
        },
        _ => Err(failed("it is no certificate")),
    }
}

fn rsa_signature(world: &World, message: &[u8]) -> Result<Vec<u8>, HarnessError> {
    let secret = world
        .mesh
        .private_key()
        .map_err(|cause| issue_error("mesh", &cause))?;
    let der = PrivateKeyDer::from_pem_slice(secret.expose().as_bytes())
        .map_err(|_| failed("its authority's key"))?;
    let key =
        RsaKeyPair::from_pkcs8(der.secret_der()).map_err(|_| failed("its authority's key"))?;
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        message,
        &mut signature,
    )
    .map_err(|_| failed("its RSA signature"))?;
    Ok(signature)
}

fn pem(der: &[u8]) -> Result<String, HarnessError> {
    pem_rfc7468::encode_string("CERTIFICATE", pem_rfc7468::LineEnding::LF, der)
        .map_err(|_| failed("its text form"))
}

fn failed(problem: &str) -> HarnessError {
    HarnessError::Issue {
        what: "an altered certificate".to_owned(),
        cause: problem.to_owned(),
    }
}

/// `altSignatureValue`, 2.5.29.74, as an element.
const ALTERNATIVE_SIGNATURE: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 74];
