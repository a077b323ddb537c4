//! A client that is told each connection and the bytes of each request.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::net::{Ipv4Addr, SocketAddr};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use crate::HarnessError;
use crate::wire::{ClientIdentity, Connection, Dial, Layer, Response, TlsLayer, TlsProtocol};

/// What the client is to do: one line of its standard input. It answers each with an [`Outcome`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Order {
    /// Open a connection under a name; one that has the name already is closed.
    Open {
        /// The name.
        connection: String,
        /// Where to.
        address: SocketAddr,
        /// From where; an address of this host.
        source: Ipv4Addr,
        /// How TLS is spoken on it; none for plaintext.
        tls: Option<Dialled>,
    },
    /// Send a request on a connection, and read the answer.
    Exchange {
        /// Its name.
        connection: String,
        /// All bytes of the request.
        request: String,
    },
}

/// TLS on a connection.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dialled {
    /// The one version to speak.
    pub version: TlsProtocol,
    /// The protocols to offer (ALPN).
    pub protocols: Vec<String>,
    /// Certificate and key to present, both in PEM; none to present nothing.
    pub client: Option<(String, String)>,
}

/// Does what the lines say, until there are no more.
///
/// # Errors
/// When a line is no order, or standard output is closed. A connection or request that fails is no
/// error.
pub fn dial() -> io::Result<()> {
    let mut connections = BTreeMap::new();
    for (number, line) in (1..).zip(io::stdin().lock().lines()) {
        let mut outcome = Outcome {
            number,
            ..Outcome::default()
        };
        match follow(serde_json::from_str(&line?)?, &mut connections) {
            Ok(None) => {}
            Ok(Some(response)) => {
                outcome.status = Some(response.status);
                outcome.body = response.text();
                outcome.headers = response.headers;
            }
            Err(error) => outcome.error = Some(error.to_string()),
        }
        let mut line = serde_json::to_vec(&outcome)?;
        line.push(b'\n');
        io::stdout().lock().write_all(&line)?;
    }
    Ok(())
}

fn follow(
    order: Order,
    connections: &mut BTreeMap<String, Connection>,
) -> Result<Option<Response>, HarnessError> {
    match order {
        Order::Open {
            connection,
            address,
            source,
            tls,
        } => {
            connections.remove(&connection);
            connections.insert(connection, open(address, source, tls.as_ref())?);
            Ok(None)
        }
        Order::Exchange {
            connection,
            request,
        } => {
            let open = connections.get_mut(&connection);
            let open = open.ok_or_else(|| HarnessError::no_connection(&connection))?;
            open.exchange(request.as_bytes()).map(Some)
        }
    }
}

fn open(
    address: SocketAddr,
    source: Ipv4Addr,
    tls: Option<&Dialled>,
) -> Result<Connection, HarnessError> {
    let client = match tls.and_then(|tls| tls.client.as_ref()) {
        Some((certificate, key)) => Some(identity(certificate, key)?),
        None => None,
    };
    let layer = match tls {
        None => Layer::Plain,
        Some(tls) => Layer::Tls(TlsLayer {
            server_name: "workload.test",
            protocols: &tls.protocols,
            version: tls.version,
            client: client.as_ref(),
            server: None,
        }),
    };
    Connection::open_from(
        source,
        &Dial {
            address,
            layer,
            redirection: None,
        },
    )
}

fn identity(certificate: &str, key: &str) -> Result<ClientIdentity, HarnessError> {
    let invalid = |_| HarnessError::Issue {
        what: "the client's certificate or key".to_owned(),
        cause: "no PEM".to_owned(),
    };
    Ok(ClientIdentity {
        certificate: CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(invalid)?,
        key: PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(invalid)?,
    })
}
