//! The application behind the sidecar: a real HTTP server that answers with what it was asked.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::thread;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};

use crate::HarnessError;

/// What the application saw of a request: it answers with this, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers in their order. Bytes that are not UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
}

/// A running server. It ends with the process.
#[derive(Debug)]
pub struct Upstream {
    port: u16,
}

impl Upstream {
    /// Starts the server on a free port of the loopback interface, in a thread of its own.
    ///
    /// # Errors
    /// When the system gives no port or no thread.
    pub fn start() -> Result<Self, HarnessError> {
        let failed = |cause| HarnessError::Io {
            what: "starting the upstream",
            cause,
        };
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .map_err(failed)?;
        thread::Builder::new()
            .name("upstream".to_owned())
            .spawn(move || runtime.block_on(serve(listener)))
            .map_err(failed)?;
        Ok(Self { port })
    }

    /// Where it listens.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl Echo {
    /// The value of a header that the application saw once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value),
            (_, _) => None,
        }
    }

    /// Whether the application saw a header of this name at all.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(other, _)| other == name)
    }

    pub(crate) fn of(request: &Request<Incoming>) -> Self {
        let headers = request.headers().iter();
        Self {
            method: request.method().to_string(),
            path: request.uri().to_string(),
            headers: headers
                .map(|(name, value)| {
                    (
                        name.to_string(),
                        String::from_utf8_lossy(value.as_bytes()).into_owned(),
                    )
                })
                .collect(),
        }
    }
}

async fn serve(listener: std::net::TcpListener) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        // An error here is the end of one connection, which its client sees by itself.
        drop(tokio::spawn(
            http1::Builder::new()
                .max_headers(MAXIMUM_HEADERS)
                .serve_connection(TokioIo::new(stream), service_fn(answer)),
        ));
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = serde_json::to_vec(&Echo::of(&request)).unwrap_or_default();
    // Like an application that reads before it answers. A body that breaks off ends the connection.
    drop(request.into_body().collect().await);
    let mut response = Response::new(Full::new(Bytes::from(body)));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// As many as tests send through the proxy.
const MAXIMUM_HEADERS: usize = 5000;
