//! Reading one HTTP/1.1 answer (RFC 9112).

use std::io::Read;

use crate::HarnessError;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Reads one answer. `rest` holds what was read beyond the last one, and gets what is read beyond
/// this one.
pub(super) fn read(stream: &mut dyn Read, rest: &mut Vec<u8>) -> Result<Response, HarnessError> {
    let mut source = Source {
        stream,
        bytes: std::mem::take(rest),
    };
    let (status, headers) = read_head(&mut source)?;
    let value = |name: &str| {
        headers
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    };
    let body = if value("transfer-encoding") == Some("chunked") {
        read_chunks(&mut source)?
    } else if let Some(length) = value("content-length") {
        let length = length
            .parse()
            .map_err(|_| HarnessError::Http("content-length"))?;
        source.take(length)?
    } else if status == 204 || status == 304 {
        Vec::new()
    } else {
        source.take_all()?
    };
    *rest = source.bytes;
    Ok(Response {
        status,
        headers,
        body,
    })
}

type Head = (u16, Vec<(String, String)>);

fn read_head(source: &mut Source<'_>) -> Result<Head, HarnessError> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; MAXIMUM_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response
            .parse(&source.bytes)
            .map_err(|_| HarnessError::Http("malformed head"))?;
        if let httparse::Status::Complete(length) = parsed {
            let status = response.code.ok_or(HarnessError::Http("no status"))?;
            let headers = response
                .headers
                .iter()
                .map(|header| {
                    let value = String::from_utf8_lossy(header.value).into_owned();
                    (header.name.to_ascii_lowercase(), value)
                })
                .collect();
            source.bytes.drain(..length);
            return Ok((status, headers));
        }
        source.more()?;
    }
}

fn read_chunks(source: &mut Source<'_>) -> Result<Vec<u8>, HarnessError> {
    let mut body = Vec::new();
    loop {
        let line = String::from_utf8_lossy(&source.line()?).into_owned();
        let length =
            usize::from_str_radix(line.trim(), 16).map_err(|_| HarnessError::Http("chunk size"))?;
        body.extend(source.take(length)?);
        source.line()?;
        if length == 0 {
            return Ok(body);
        }
    }
}

/// Bytes read and not used yet, and where more come from.
struct Source<'a> {
    stream: &'a mut dyn Read,
    bytes: Vec<u8>,
}

impl Source<'_> {
    fn more(&mut self) -> Result<(), HarnessError> {
        if self.read()? == 0 {
            return Err(HarnessError::Http(
                "the connection was closed before the answer ended",
            ));
        }
        Ok(())
    }

    fn read(&mut self) -> Result<usize, HarnessError> {
        let mut buffer = [0; 4096];
        let count = self
            .stream
            .read(&mut buffer)
            .map_err(|cause| HarnessError::Io {
                what: "receiving an answer",
                cause,
            })?;
        self.bytes.extend(buffer.iter().take(count));
        Ok(count)
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>, HarnessError> {
        if length > MAXIMUM_BODY_BYTES {
            return Err(HarnessError::Http("too long"));
        }
        while self.bytes.len() < length {
            self.more()?;
        }
        Ok(self.bytes.drain(..length).collect())
    }

    fn take_all(&mut self) -> Result<Vec<u8>, HarnessError> {
        while self.bytes.len() < MAXIMUM_BODY_BYTES && self.read()? > 0 {}
        Ok(std::mem::take(&mut self.bytes))
    }

    /// A line without its end.
    fn line(&mut self) -> Result<Vec<u8>, HarnessError> {
        loop {
            if let Some(place) = self.bytes.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.take(place)?;
                self.take(2)?;
                return Ok(line);
            }
            self.more()?;
        }
    }
}

const MAXIMUM_HEADERS: usize = 128;
const MAXIMUM_BODY_BYTES: usize = 4 << 20;
