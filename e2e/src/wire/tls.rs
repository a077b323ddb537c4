//! The client's side of TLS, by rustls.

use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error,
    SignatureScheme, StreamOwned, version,
};

use super::{TlsLayer, TlsProtocol};
use crate::HarnessError;

/// Prepares TLS on a connection; the handshake runs with the first bytes.
pub(super) fn start(
    layer: &TlsLayer<'_>,
    stream: TcpStream,
) -> Result<StreamOwned<ClientConnection, TcpStream>, HarnessError> {
    let provider = Arc::new(ring::default_provider());
    let versions = match layer.version {
        TlsProtocol::Tls12 => [&version::TLS12],
        TlsProtocol::Tls13 => [&version::TLS13],
    };
    let verifier = PinnedServer {
        certificate: layer.server.cloned(),
        provider: Arc::clone(&provider),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match layer.client {
        None => builder.with_no_client_auth(),
        Some(client) => builder
            .with_client_auth_cert(vec![client.certificate.clone()], client.key.clone_key())?,
    };
    config.resumption = Resumption::disabled();
    config.alpn_protocols = layer
        .protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let name = ServerName::try_from(layer.server_name.to_owned())
        .map_err(|_| Error::General("the server name is not valid".to_owned()))?;
    Ok(StreamOwned::new(
        ClientConnection::new(Arc::new(config), name)?,
        stream,
    ))
}

/// Accepts one certificate only, or any. SPIFFE certificates have no DNS name that the usual verifier could
/// compare with.
#[derive(Debug)]
struct PinnedServer {
    certificate: Option<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedServer {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self
            .certificate
            .as_ref()
            .is_none_or(|pinned| pinned == certificate)
        {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::UnknownIssuer.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
