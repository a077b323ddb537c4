//! Files with certificates or public keys, as any software writes them: PEM, also several documents
//! with text around them and lines of any length, or DER.
//!
//! For tools that look at files. What a peer or a policy gives is read by [`crate::pem`], which is
//! strict.

use base64ct::{Base64, Encoding};

use crate::der::{self, Reader};

/// One document of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it is.
    pub kind: DocumentKind,
    /// Its bytes. Of PEM they are what the text encodes, whether that is DER or not.
    pub bytes: Vec<u8>,
}

/// What a document is, by its label or by how its DER starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentKind {
    /// A certificate (RFC 5280).
    Certificate,
    /// A `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7).
    PublicKey,
    /// A `Dilithium5` public key, which has no standard encoding.
    Dilithium5PublicKey,
}

/// Why a file holds nothing that can be read. One variant for each rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDocument {
    /// No bytes but white space.
    #[error("is empty")]
    Empty,
    /// More than [`MAXIMUM_BYTES`].
    #[error("is longer than 1 MiB, which no certificate or key is")]
    TooLong,
    /// A private key.
    #[error("holds a private key")]
    PrivateKey,
    /// Neither PEM nor DER.
    #[error("is neither PEM nor DER of a certificate or public key")]
    Form,
    /// A label that this reads nothing of.
    #[error("holds a PEM document of another kind than certificates and public keys")]
    Label,
    /// A `BEGIN` line without its `END` line, or no base64 between them.
    #[error("has a PEM document that is cut off or no base64")]
    Base64,
    /// More than [`MAXIMUM_DOCUMENTS`].
    #[error("holds more than 32 PEM documents")]
    TooMany,
}

/// The longest file, in bytes.
pub const MAXIMUM_BYTES: usize = 1024 * 1024;
/// The most documents in a file.
pub const MAXIMUM_DOCUMENTS: usize = 32;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// The documents of a file, at least one.
///
/// # Errors
///
/// [`InvalidDocument`] if any part of it cannot be read: no document is left out.
pub fn read(file: &[u8]) -> Result<Vec<Document>, InvalidDocument> {
    if file.len() > MAXIMUM_BYTES {
        return Err(InvalidDocument::TooLong);
    }
    if file.trim_ascii().is_empty() {
        return Err(InvalidDocument::Empty);
    }
    if file.first() == Some(&der::SEQUENCE) {
        let kind = kind_of_der(file)?;
        let bytes = file.to_vec();
        return Ok(vec![Document { kind, bytes }]);
    }
    let documents = read_pem(file)?;
    if documents.is_empty() {
        return Err(InvalidDocument::Form);
    }
    Ok(documents)
}

/// A certificate (DER) in PEM.
///
/// # Errors
///
/// When it is too long to be encoded.
pub fn certificate_pem(der: &[u8]) -> Result<String, InvalidDocument> {
    pem_rfc7468::encode_string("CERTIFICATE", pem_rfc7468::LineEnding::LF, der)
        .map_err(|_| InvalidDocument::TooLong)
}

fn read_pem(file: &[u8]) -> Result<Vec<Document>, InvalidDocument> {
    let mut documents = Vec::new();
    let mut lines = file
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .map(<[u8]>::trim_ascii);
    while let Some(line) = lines.next() {
        let Some(label) = label(line, BEGIN) else {
            continue;
        };
        if label.ends_with(b"PRIVATE KEY") {
            return Err(InvalidDocument::PrivateKey);
        }
        let kind = match label {
            b"CERTIFICATE" | b"X509 CERTIFICATE" => DocumentKind::Certificate,
            b"PUBLIC KEY" => DocumentKind::PublicKey,
            b"DILITHIUM5 PUBLIC KEY" => DocumentKind::Dilithium5PublicKey,
            [..] => return Err(InvalidDocument::Label),
        };
        let bytes = read_body(&mut lines, label)?;
        if documents.len() >= MAXIMUM_DOCUMENTS {
            return Err(InvalidDocument::TooMany);
        }
        documents.push(Document { kind, bytes });
    }
    Ok(documents)
}

fn read_body<'a>(
    lines: &mut impl Iterator<Item = &'a [u8]>,
    begun: &[u8],
) -> Result<Vec<u8>, InvalidDocument> {
    let mut text = Vec::new();
    for line in lines {
        if let Some(ended) = label(line, END) {
            let text = str::from_utf8(&text).map_err(|_| InvalidDocument::Base64)?;
            return match Base64::decode_vec(text) {
                Ok(bytes) if ended == begun => Ok(bytes),
                Ok(_) | Err(_) => Err(InvalidDocument::Base64),
            };
        }
        text.extend_from_slice(line);
    }
    Err(InvalidDocument::Base64)
}

fn label<'a>(line: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    line.strip_prefix(start)?.strip_suffix(DASHES)
}

/// A certificate starts with two sequences, a public key with the sequence of its algorithm, and a
/// private key (PKCS #1, PKCS #8, SEC 1) with its version.
fn kind_of_der(file: &[u8]) -> Result<DocumentKind, InvalidDocument> {
    let first_of = |contents| match Reader::new(contents).next() {
        Ok(Some(element)) => Ok(element),
        Ok(None) | Err(_) => Err(InvalidDocument::Form),
    };
    // One that is cut off has its own fault, which the reader of certificates names.
    let Ok(whole) = first_of(file) else {
        return Ok(DocumentKind::Certificate);
    };
    let first = first_of(whole.contents)?;
    match first.tag {
        der::INTEGER => Err(InvalidDocument::PrivateKey),
        der::SEQUENCE if first_of(first.contents)?.tag == der::OBJECT_IDENTIFIER => {
            Ok(DocumentKind::PublicKey)
        }
        der::SEQUENCE => Ok(DocumentKind::Certificate),
        _ => Err(InvalidDocument::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SEQUENCE { SEQUENCE { INTEGER 1 } }, which starts as a certificate of version 1 does.
    const CERTIFICATE: &[u8] = &[0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x01];
    const PEM: &str = "-----BEGIN CERTIFICATE-----\nMAUwAwIBAQ==\n-----END CERTIFICATE-----\n";

    fn certificates(count: usize) -> Vec<Document> {
        let document = Document {
            kind: DocumentKind::Certificate,
            bytes: CERTIFICATE.to_vec(),
        };
        vec![document; count]
    }

    #[test]
    fn reads_pem_as_other_software_writes_it() {
        let crlf = PEM.replace('\n', "\r\n");
        let narrow = PEM.replace("MAUw", "MA\nUw\n");
        let described = format!("Certificate:\n    Data: \u{e9}\n{PEM}");
        for text in [PEM, &crlf, &narrow, &described] {
            assert_eq!(read(text.as_bytes()), Ok(certificates(1)), "{text}");
        }
        let chain = PEM.repeat(3);
        assert_eq!(read(chain.as_bytes()), Ok(certificates(3)));
    }

    #[test]
    fn tells_what_der_is_by_its_start() {
        assert_eq!(read(CERTIFICATE), Ok(certificates(1)));
        let key = [0x30, 0x06, 0x30, 0x04, 0x06, 0x02, 0x2a, 0x03];
        let kinds = read(&key).unwrap().into_iter().map(|found| found.kind);
        assert!(kinds.eq([DocumentKind::PublicKey]));
        let private = [0x30, 0x03, 0x02, 0x01, 0x00];
        assert_eq!(read(&private), Err(InvalidDocument::PrivateKey));
        let cut = read(&[0x30, 0x05, 0x30]).unwrap().into_iter();
        assert!(cut.map(|found| found.kind).eq([DocumentKind::Certificate]));
        assert_eq!(read(&[0x30, 0x02, 0x05, 0x00]), Err(InvalidDocument::Form));
    }

    #[test]
    fn refuses_what_it_cannot_read_whole() {
        let cases = [
            (String::new(), InvalidDocument::Empty),
            (" \n\t".to_owned(), InvalidDocument::Empty),
            ("hello".to_owned(), InvalidDocument::Form),
            (" ".repeat(MAXIMUM_BYTES + 1), InvalidDocument::TooLong),
            (PEM.repeat(33), InvalidDocument::TooMany),
            (PEM.replace("MAU", "M*U"), InvalidDocument::Base64),
            (PEM.replace("-----END", "----END"), InvalidDocument::Base64),
            (
                PEM.replace("END CERT", "END TRUSTED CERT"),
                InvalidDocument::Base64,
            ),
            (PEM.replace("CERTIFICATE", "CRL"), InvalidDocument::Label),
            (
                format!("{PEM}-----BEGIN EC PRIVATE KEY-----\n"),
                InvalidDocument::PrivateKey,
            ),
        ];
        for (text, cause) in cases {
            assert_eq!(read(text.as_bytes()), Err(cause));
        }
    }
}
