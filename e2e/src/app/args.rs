//! The command line of `mesh-app`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use hyper::Uri;

/// The application in the pods of a test mesh, and its client.
#[derive(Debug, Parser)]
pub struct App {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the application can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answer each request with what it was.
    Serve(Serve),
    /// Make requests; print a line of JSON for each.
    Call(Call),
    /// Make requests over mutual TLS of our own, past any sidecar; print a line of JSON for each.
    Tls(Tls),
    /// Open connections and make requests exactly as lines of JSON at standard input say; print a line
    /// of JSON for each.
    Dial,
}

/// Options of the server.
#[derive(Debug, Args)]
pub struct Serve {
    /// A port to listen at, on all addresses of the pod; HTTP/1.1 and HTTP/2 without TLS.
    #[arg(long = "port", required = true)]
    pub ports: Vec<u16>,
    /// What it calls itself in the header `x-mesh-app` of its answers.
    #[arg(long)]
    pub name: String,
}

/// Options of the client.
#[derive(Debug, Args)]
pub struct Call {
    /// What to ask for: `http://HOST[:PORT]/PATH`. `{n}` is the number of the request, from
    /// 1, and `{word}` the same in letters.
    pub url: String,
    /// The method.
    #[arg(long, default_value = "GET")]
    pub method: String,
    /// A header, as `name: value`.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// The protocol.
    #[arg(long, value_enum, default_value_t = Protocol::Http1)]
    pub protocol: Protocol,
    /// How many requests to make.
    #[arg(long, default_value_t = 1)]
    pub count: u32,
    /// Make requests until standard input ends, however many.
    #[arg(long, conflicts_with = "count")]
    pub until_eof: bool,
    /// Requests a second, over all connections; without it, each follows the one before.
    #[arg(long)]
    pub rate: Option<u32>,
    /// How many connections share the requests.
    #[arg(long, default_value_t = 1)]
    pub connections: u32,
    /// Open a connection for each request.
    #[arg(long)]
    pub new_connections: bool,
    /// Leave out headers, and bodies of answers with a status below 300.
    #[arg(long)]
    pub brief: bool,
    /// How long a request may take, in milliseconds.
    #[arg(long, default_value_t = 10_000)]
    pub timeout_ms: u64,
}

/// Options of the client that does its TLS itself.
#[derive(Debug, Args)]
pub struct Tls {
    /// Where to connect to: address and port.
    pub address: SocketAddr,
    /// The path to ask for.
    pub path: String,
    /// A folder with `cert-chain.pem` and `key.pem`.
    #[arg(long)]
    pub credentials: PathBuf,
    /// A protocol to offer (ALPN).
    #[arg(long = "protocol", value_name = "NAME")]
    pub protocols: Vec<String>,
    /// A header, as `name: value`.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// Make requests until standard input ends, on one connection for as long as it stays open.
    #[arg(long, requires = "rate")]
    pub until_eof: bool,
    /// Requests a second, at most.
    #[arg(long)]
    pub rate: Option<u32>,
    /// Leave out headers, and bodies of answers with a status below 300.
    #[arg(long)]
    pub brief: bool,
}

/// What the client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 without TLS, with prior knowledge.
    Http2,
    /// A unary gRPC call over HTTP/2, with an empty message.
    Grpc,
    /// An upgrade to WebSocket over HTTP/1.1; some bytes go there and back.
    Websocket,
}

impl Call {
    /// The address of the n-th request, counted from 1.
    ///
    /// # Errors
    /// When it is no URL.
    pub fn uri(&self, number: u32) -> Result<Uri, String> {
        let text = self.url.replace("{n}", &number.to_string());
        let text = text.replace("{word}", &word(number));
        text.parse()
            .map_err(|cause| format!("`{text}` is no URL: {cause}"))
    }
}

/// A number in letters: the filter takes paths that differ in digits only for one.
fn word(number: u32) -> String {
    let digits = number.to_string().into_bytes();
    let letters = digits
        .into_iter()
        .map(|digit| digit.saturating_add(b'a' - b'0'));
    letters.map(char::from).collect()
}
