//! A client that sends exactly the bytes it is told to, over plain TCP or TLS.
//!
//! Ordinary HTTP clients refuse to send what an attacker would. This one writes a request as given
//! and reads one HTTP/1.1 answer; a connection stays open between requests.

mod response;
mod tls;

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use socket2::{Domain, Socket, Type};

use crate::{HarnessError, scenario};
pub use response::Response;

/// How to reach a listener.
#[derive(Debug)]
pub struct Dial<'a> {
    /// Its address.
    pub address: SocketAddr,
    /// What is spoken on the connection.
    pub layer: Layer<'a>,
    /// What a PROXY protocol header says in front of everything; none sends no such header.
    pub redirection: Option<Redirection>,
}

/// What is spoken on a connection.
#[derive(Debug)]
pub enum Layer<'a> {
    /// HTTP without TLS.
    Plain,
    /// HTTP over TLS.
    Tls(TlsLayer<'a>),
}

/// The client's side of TLS.
#[derive(Debug)]
pub struct TlsLayer<'a> {
    /// The server name to ask for, by which the listener chooses how it treats clients.
    pub server_name: &'a str,
    /// The protocols to offer (ALPN), if any.
    pub protocols: &'a [String],
    /// The one version to speak.
    pub version: TlsProtocol,
    /// What the client presents, if anything.
    pub client: Option<&'a ClientIdentity>,
    /// The one certificate that the server may present; none accepts any.
    pub server: Option<&'a CertificateDer<'static>>,
}

/// TLS versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum TlsProtocol {
    /// TLS 1.2.
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3.
    #[default]
    #[serde(rename = "1.3")]
    Tls13,
}

/// A certificate with its key.
pub struct ClientIdentity {
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    /// Its private key.
    pub key: PrivateKeyDer<'static>,
}

/// Addresses as they were before a redirection: what Istio's iptables rules keep, a PROXY protocol
/// header says here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redirection {
    /// The address of the caller.
    pub source_ip: Ipv4Addr,
    /// The port that it connected to.
    pub destination_port: u16,
}

/// An open connection.
pub struct Connection {
    stream: Box<dyn Stream>,
    /// Bytes that were read and belong to the next answer.
    rest: Vec<u8>,
}

/// A stream of either kind.
trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

// === impl Connection ===

impl Connection {
    /// Opens a connection.
    ///
    /// With TLS 1.3 the server judges the client's certificate after the handshake has ended for
    /// the client, so a refusal shows at the first answer.
    ///
    /// # Errors
    /// When the system or the server refuses.
    pub fn open(dial: &Dial<'_>) -> Result<Self, HarnessError> {
        Self::over(TcpStream::connect_timeout(&dial.address, TIMEOUT), dial)
    }

    /// The same from one of the addresses that this host has.
    ///
    /// # Errors
    /// When the host does not have it, and those of [`Connection::open`].
    pub fn open_from(source: Ipv4Addr, dial: &Dial<'_>) -> Result<Self, HarnessError> {
        let connect = || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.bind(&SocketAddr::from((source, 0)).into())?;
            socket.connect_timeout(&dial.address.into(), TIMEOUT)?;
            Ok(TcpStream::from(socket))
        };
        Self::over(connect(), dial)
    }

    fn over(stream: io::Result<TcpStream>, dial: &Dial<'_>) -> Result<Self, HarnessError> {
        let failed = |cause| HarnessError::Io {
            what: "connecting",
            cause,
        };
        let mut stream = stream.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_read_timeout(Some(TIMEOUT)).map_err(failed)?;
        stream.set_write_timeout(Some(TIMEOUT)).map_err(failed)?;
        if let Some(redirection) = dial.redirection {
            stream
                .write_all(redirection.header().as_bytes())
                .map_err(failed)?;
        }
        let stream: Box<dyn Stream> = match &dial.layer {
            Layer::Plain => Box::new(stream),
            Layer::Tls(layer) => Box::new(tls::start(layer, stream)?),
        };
        Ok(Self {
            stream,
            rest: Vec::new(),
        })
    }

    /// Sends a request, as it is.
    ///
    /// # Errors
    /// When the connection is closed.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), HarnessError> {
        let failed = |cause| HarnessError::Io {
            what: "sending a request",
            cause,
        };
        self.stream.write_all(bytes).map_err(failed)?;
        self.stream.flush().map_err(failed)
    }

    /// Receives the answer to the last request.
    ///
    /// # Errors
    /// When the connection ends before, or the bytes are no answer.
    pub fn receive(&mut self) -> Result<Response, HarnessError> {
        response::read(&mut self.stream, &mut self.rest)
    }

    /// Sends a request and receives its answer.
    ///
    /// # Errors
    /// Those of [`Connection::send`] and [`Connection::receive`].
    pub fn exchange(&mut self, bytes: &[u8]) -> Result<Response, HarnessError> {
        self.send(bytes)?;
        self.receive()
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientIdentity").finish_non_exhaustive()
    }
}

// === impl Redirection ===

impl Redirection {
    /// As a scenario describes a connection.
    #[must_use]
    pub const fn of(connection: &scenario::Connection) -> Self {
        Self {
            source_ip: connection.source_ip,
            destination_port: connection.port,
        }
    }

    /// The text form of the PROXY protocol, version 1 (section 2.1 of its specification).
    fn header(self) -> String {
        let Self {
            source_ip,
            destination_port,
        } = self;
        format!("PROXY TCP4 {source_ip} {WORKLOAD_IP} {SOURCE_PORT} {destination_port}\r\n")
    }
}

/// A port of the loopback interface.
#[must_use]
pub fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Asks a server without TLS, on a connection of its own.
///
/// # Errors
/// When it does not answer.
pub fn ask(address: SocketAddr, method: &str, path: &str) -> Result<Response, HarnessError> {
    let dial = Dial {
        address,
        layer: Layer::Plain,
        redirection: None,
    };
    let close = [("connection".to_owned(), "close".to_owned())];
    Connection::open(&dial)?.exchange(&request_text(method, path, &close))
}

/// The text of a request without a body.
#[must_use]
pub fn request_text(method: &str, path: &str, headers: &[(String, String)]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: workload.test\r\n");
    for (name, value) in headers {
        text.push_str(name);
        text.push_str(": ");
        text.push_str(value);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

const TIMEOUT: Duration = Duration::from_secs(15);
const WORKLOAD_IP: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 1);
const SOURCE_PORT: u16 = 40_000;
