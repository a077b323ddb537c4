//! A client that does mutual TLS itself, as somebody would who stole a workload's certificate.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::args::Tls;
use super::outcome::Outcome;
use crate::HarnessError;
use crate::wire::{
    ClientIdentity, Connection, Dial, Layer, Response, TlsLayer, TlsProtocol, request_text,
};
use crate::world::now_ms;

/// Makes requests, and prints what came of each.
///
/// # Errors
/// When the credentials cannot be read, an option makes no sense, or standard output is closed. A
/// request that fails is no error.
pub fn tls(options: &Tls) -> io::Result<()> {
    let client = identity(&options.credentials)?;
    let mut thief = Thief {
        dial: Dial {
            address: options.address,
            layer: Layer::Tls(TlsLayer {
                server_name: "workload.test",
                protocols: &options.protocols,
                version: TlsProtocol::Tls13,
                client: Some(&client),
                server: None,
            }),
            redirection: None,
        },
        request: request_text("GET", &options.path, &headers(&options.headers)?),
        open: None,
        connections: 0,
    };
    let ended = Arc::new(AtomicBool::new(!options.until_eof));
    if options.until_eof {
        let ended = Arc::clone(&ended);
        drop(thread::spawn(move || end_with_input(&ended)));
    }
    let second = Duration::from_secs(1);
    let pause = second.checked_div(options.rate.unwrap_or_default());
    for number in 1.. {
        let start = Instant::now();
        thief.ask(number, options.brief).print()?;
        if ended.load(Ordering::Relaxed) {
            break;
        }
        thread::sleep(pause.unwrap_or_default().saturating_sub(start.elapsed()));
    }
    Ok(())
}

/// Somebody with a workload's certificate, and the connection that is open.
struct Thief<'a> {
    dial: Dial<'a>,
    request: Vec<u8>,
    open: Option<Connection>,
    connections: u32,
}

impl Thief<'_> {
    fn ask(&mut self, number: u32, brief: bool) -> Outcome {
        let sent_at_ms = now_ms().0;
        let start = Instant::now();
        let answer = self.exchange();
        let mut outcome = Outcome {
            number,
            connection: self.connections,
            sent_at_ms,
            took_us: u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX),
            ..Outcome::default()
        };
        match answer {
            Ok(response) => {
                let body = response.text();
                outcome.answer(response.status, response.headers, body, brief);
            }
            Err(error) => {
                // Nothing is known about the connection any more.
                self.open = None;
                outcome.error = Some(error.to_string());
            }
        }
        outcome
    }

    fn exchange(&mut self) -> Result<Response, HarnessError> {
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                self.connections = self.connections.saturating_add(1);
                self.open.insert(Connection::open(&self.dial)?)
            }
        };
        open.exchange(&self.request)
    }
}

fn end_with_input(ended: &AtomicBool) {
    let mut buffer = [0; 64];
    while let Ok(1..) = io::stdin().read(&mut buffer) {}
    ended.store(true, Ordering::Relaxed);
}

fn headers(lines: &[String]) -> io::Result<Vec<(String, String)>> {
    let parse = |line: &String| match line.split_once(':') {
        Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
        None => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("`{line}` is no header `name: value`"),
        )),
    };
    lines.iter().map(parse).collect()
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
