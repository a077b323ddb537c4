//! A connection of the client, in one of its protocols.

use std::error::Error;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::{
    CONNECTION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, TE, UPGRADE,
};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::args::Protocol;

/// An answer.
pub(super) struct Answer {
    /// The status.
    pub(super) status: u16,
    /// Headers, then trailers.
    pub(super) headers: Vec<(String, String)>,
    /// The start of the body.
    pub(super) body: String,
}

/// An open connection.
pub(super) struct Connection {
    number: u32,
    protocol: Protocol,
    sender: Sender,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    /// Connects to the authority of a URL.
    pub(super) async fn open(uri: &Uri, protocol: Protocol, number: u32) -> Result<Self, String> {
        let host = uri.host().ok_or("the URL has no host")?;
        let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80)))
            .await
            .map_err(|cause| format!("connecting: {cause}"))?;
        stream
            .set_nodelay(true)
            .map_err(|cause| format!("connecting: {cause}"))?;
        let stream = TokioIo::new(stream);
        let sender = match protocol {
            Protocol::Http1 | Protocol::Websocket => {
                let (sender, driver) = http1::handshake(stream).await.map_err(chain)?;
                drop(tokio::spawn(driver.with_upgrades()));
                Sender::Http1(sender)
            }
            Protocol::Http2 | Protocol::Grpc => {
                let handshake = http2::handshake(TokioExecutor::new(), stream);
                let (sender, driver) = handshake.await.map_err(chain)?;
                drop(tokio::spawn(driver));
                Sender::Http2(sender)
            }
        };
        Ok(Self {
            number,
            protocol,
            sender,
        })
    }

    /// Its number.
    pub(super) const fn number(&self) -> u32 {
        self.number
    }

    /// Whether the other side has closed it.
    pub(super) fn is_closed(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => sender.is_closed(),
            Sender::Http2(sender) => sender.is_closed(),
        }
    }

    /// Makes a request, and reads the whole answer.
    pub(super) async fn exchange(
        &mut self,
        method: &str,
        uri: &Uri,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Answer, String> {
        let request = request(self.protocol, method, uri, headers)?;
        let response = match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await.map_err(chain)?;
                sender.send_request(request).await
            }
            Sender::Http2(sender) => {
                sender.ready().await.map_err(chain)?;
                sender.send_request(request).await
            }
        };
        read(response.map_err(chain)?).await
    }
}

fn request(
    protocol: Protocol,
    method: &str,
    uri: &Uri,
    headers: &[(HeaderName, HeaderValue)],
) -> Result<Request<Full<Bytes>>, String> {
    let authority = uri.authority().ok_or("the URL has no host")?.as_str();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::builder();
    let mut body = Bytes::new();
    match protocol {
        Protocol::Http1 => request = request.method(method).uri(path).header(HOST, authority),
        Protocol::Http2 => request = request.method(method).uri(uri),
        Protocol::Grpc => {
            // No compression, no bytes: the prefix of an empty message.
            body = Bytes::from_static(&[0; 5]);
            let grpc = request.method("POST").uri(uri).header(TE, "trailers");
            request = grpc.header(CONTENT_TYPE, "application/grpc");
        }
        Protocol::Websocket => {
            let upgrade = request.uri(path).header(HOST, authority);
            request = upgrade
                .header(CONNECTION, "Upgrade")
                .header(UPGRADE, "websocket")
                .header(SEC_WEBSOCKET_VERSION, "13")
                .header(SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==");
        }
    }
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let failed = |cause: hyper::http::Error| format!("the request: {cause}");
    request.body(Full::new(body)).map_err(failed)
}

async fn read(response: Response<Incoming>) -> Result<Answer, String> {
    let status = response.status();
    let mut headers = pairs(response.headers());
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(Answer {
            status: status.as_u16(),
            headers,
            body: there_and_back(response).await?,
        });
    }
    let body = response.into_body().collect().await.map_err(chain)?;
    headers.extend(body.trailers().map(pairs).unwrap_or_default());
    let bytes = body.to_bytes();
    let start = bytes.get(..BODY_SHOWN).unwrap_or(&bytes);
    Ok(Answer {
        status: status.as_u16(),
        headers,
        body: String::from_utf8_lossy(start).into_owned(),
    })
}

/// Sends a text frame (RFC 6455, section 5.2; masked with zeros) through a WebSocket, and returns
/// the text that comes back.
async fn there_and_back(response: Response<Incoming>) -> Result<String, String> {
    let upgraded = hyper::upgrade::on(response).await.map_err(chain)?;
    let mut stream = TokioIo::new(upgraded);
    let failed = |cause: std::io::Error| format!("the WebSocket: {cause}");
    let frame = b"\x81\x85\x00\x00\x00\x00hello";
    stream.write_all(frame).await.map_err(failed)?;
    let mut back = [0; 11];
    stream.read_exact(&mut back).await.map_err(failed)?;
    Ok(String::from_utf8_lossy(back.get(6..).unwrap_or_default()).into_owned())
}

fn pairs(headers: &hyper::HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let pairs = headers.iter();
    pairs
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}

/// An error with its causes: hyper's own text is often only half of it.
fn chain(error: impl Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Enough for what the application, the filter or a sidecar's administration says.
const BODY_SHOWN: usize = 1 << 20;
