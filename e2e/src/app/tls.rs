//! A client that does mutual TLS itself, as somebody would who stole a workload's certificate.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::args::Tls;
use super::outcome::Outcome;
use crate::wire::{ClientIdentity, Connection, Dial, Layer, TlsLayer, TlsProtocol, request_text};

/// Makes a request, and prints what came of it.
///
/// # Errors
/// When the credentials cannot be read, or standard output is closed.
pub fn tls(options: &Tls) -> io::Result<()> {
    let client = identity(&options.credentials)?;
    let dial = Dial {
        address: options.address,
        layer: Layer::Tls(TlsLayer {
            server_name: "workload.test",
            protocols: &options.protocols,
            version: TlsProtocol::Tls13,
            client: Some(&client),
            server: None,
        }),
        redirection: None,
    };
    let request = request_text("GET", &options.path, &[]);
    let answer = Connection::open(&dial).and_then(|mut open| open.exchange(&request));
    let mut outcome = Outcome {
        number: 1,
        connection: 1,
        ..Outcome::default()
    };
    match answer {
        Err(error) => outcome.error = Some(error.to_string()),
        Ok(response) => {
            outcome.status = Some(response.status);
            outcome.body = response.text();
            outcome.headers = response.headers;
        }
    }
    let mut line = serde_json::to_vec(&outcome)?;
    line.push(b'\n');
    io::stdout().lock().write_all(&line)
}

fn identity(folder: &Path) -> io::Result<ClientIdentity> {
    let invalid = |cause| io::Error::new(io::ErrorKind::InvalidData, cause);
    let certificate = fs::read(folder.join("cert-chain.pem"))?;
    let key = fs::read(folder.join("key.pem"))?;
    Ok(ClientIdentity {
        certificate: CertificateDer::from_pem_slice(&certificate).map_err(invalid)?,
        key: PrivateKeyDer::from_pem_slice(&key).map_err(invalid)?,
    })
}
