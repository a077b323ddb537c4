//! The server: it answers with what it was asked.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::task::{self, Poll};
use std::time::Duration;

use base64ct::{Base64, Encoding};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{
    CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    UPGRADE,
};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::args::Serve;
use crate::upstream::Echo;

/// Serves until the process ends.
///
/// A request with `x-mesh-app-chunks: N` gets its answer in N pieces, ten a second.
///
/// # Errors
/// When a port cannot be listened at.
pub async fn serve(options: &Serve) -> io::Result<()> {
    let name = HeaderValue::from_str(&options.name)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the name is no header value"))?;
    let mut listening = tokio::task::JoinSet::new();
    for port in &options.ports {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).await?;
        listening.spawn(listen(listener, name.clone()));
    }
    while listening.join_next().await.is_some() {}
    Ok(())
}

async fn listen(listener: TcpListener, name: HeaderValue) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let name = name.clone();
        // An error here is the end of one connection, which its client sees by itself.
        drop(tokio::spawn(async move {
            let service = service_fn(|request| answer(request, name.clone()));
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection_with_upgrades(TokioIo::new(stream), service)
                .await;
        }));
    }
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

async fn answer(
    request: Request<Incoming>,
    name: HeaderValue,
) -> Result<Response<Body>, Infallible> {
    let asks_for = |value: &str| {
        let upgrade = request.headers().get(UPGRADE);
        upgrade.is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(value.as_bytes()))
    };
    let is_grpc = request
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    let mut response = if asks_for("websocket") {
        web_socket(request)
    } else if is_grpc {
        grpc(request).await
    } else {
        echo(request).await
    };
    response.headers_mut().insert("x-mesh-app", name);
    Ok(response)
}

async fn echo(request: Request<Incoming>) -> Response<Body> {
    let chunks = chunks_wanted(request.headers());
    let body = serde_json::to_vec(&Echo::of(&request)).unwrap_or_default();
    // Like an application that reads before it answers. A body that breaks off ends the connection.
    drop(request.into_body().collect().await);
    let body = match chunks {
        None => Full::new(Bytes::from(body)).boxed_unsync(),
        Some(count) => slowly(count),
    };
    let mut response = Response::new(body);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn chunks_wanted(headers: &HeaderMap) -> Option<u32> {
    match headers.get("x-mesh-app-chunks")?.to_str().map(str::parse) {
        Ok(Ok(count)) => Some(count),
        Ok(Err(_)) | Err(_) => None,
    }
}

fn slowly(count: u32) -> Body {
    let (sender, pieces) = tokio::sync::mpsc::channel(1);
    drop(tokio::spawn(async move {
        for number in 1..=count {
            let piece = Bytes::from(format!("{number}\n"));
            if sender.send(piece).await.is_err() {
                return;
            }
            tokio::time::sleep(CHUNK_PAUSE).await;
        }
    }));
    Pieces(pieces).boxed_unsync()
}

/// A body whose pieces come one by one.
struct Pieces(tokio::sync::mpsc::Receiver<Bytes>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.0.poll_recv(context);
        piece.map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// A message that is empty, and the status in trailers, as the gRPC protocol over HTTP/2 asks for.
async fn grpc(request: Request<Incoming>) -> Response<Body> {
    drop(request.into_body().collect().await);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let message = Full::new(Bytes::from_static(&[0; 5]));
    let body = message.with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut response = Response::new(body.boxed_unsync());
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(CONTENT_TYPE, grpc);
    response
}

/// Switches to WebSocket (RFC 6455, section 4.2.2) and from then on gives back the bytes it gets:
/// frames are not looked into.
fn web_socket(request: Request<Incoming>) -> Response<Body> {
    let mut response = Response::new(Full::default().boxed_unsync());
    let key = request.headers().get(SEC_WEBSOCKET_KEY);
    let accept = key.map(|key| HeaderValue::from_str(&accept(key.as_bytes())));
    let Some(Ok(accept)) = accept else {
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return response;
    };
    drop(tokio::spawn(async move {
        let Ok(upgraded) = hyper::upgrade::on(request).await else {
            return;
        };
        let mut stream = TokioIo::new(upgraded);
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            let bytes = buffer.get(..count).unwrap_or_default();
            if stream.write_all(bytes).await.is_err() {
                return;
            }
        }
    }));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// RFC 6455, section 4.2.2, number 5.4.
fn accept(key: &[u8]) -> String {
    let mut digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    digest.update(key);
    digest.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    Base64::encode_string(digest.finish().as_ref())
}

const CHUNK_PAUSE: Duration = Duration::from_millis(100);
