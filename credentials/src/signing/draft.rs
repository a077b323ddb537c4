//! What is to be signed, before and after the two keys did.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::authority::SigningAuthority;
use super::envelope::{Envelope, Header, Signature};
use super::error::{Half, InvalidSignature};
use super::statement::{Statement, Subject};
use super::{MAXIMUM_BYTES, Purpose};
use crate::{der, strict_json};

/// A statement about files, with the two texts that the keys of one authority are to sign.
pub struct Draft<'a> {
    authority: &'a SigningAuthority,
    payload: String,
    headers: [String; 2],
}

// === impl Draft ===

impl<'a> Draft<'a> {
    /// States that these files are right. `signed_at` is a time of RFC 3339.
    ///
    /// # Errors
    ///
    /// When the statement cannot be written.
    pub fn new(
        authority: &'a SigningAuthority,
        purpose: Purpose,
        subjects: &[Subject],
        signed_at: &str,
    ) -> Result<Self, InvalidSignature> {
        let encode = |text: String| Base64UrlUnpadded::encode_string(text.as_bytes());
        let header = |half| {
            let key = authority.key(half);
            strict_json::canonical(&Header {
                alg: key.algorithm.clone(),
                kid: key.kid.clone(),
                typ: purpose.typ().to_owned(),
            })
            .map(encode)
            .map_err(|_| InvalidSignature::Statement)
        };
        let statement = Statement::new(subjects, signed_at);
        statement.signed_at()?;
        Ok(Self {
            authority,
            payload: strict_json::canonical(&statement)
                .map(encode)
                .map_err(|_| InvalidSignature::Statement)?,
            headers: [header(Half::Classical)?, header(Half::Alternative)?],
        })
    }

    /// What a key signs: the JWS signing input (RFC 7515, section 5.1), less than 2 KiB of ASCII.
    #[must_use]
    pub fn input(&self, half: Half) -> String {
        format!("{}.{}", self.header(half), self.payload)
    }

    /// The algorithm of that key, as `alg` has it.
    #[must_use]
    pub fn algorithm(&self, half: Half) -> &str {
        &self.authority.key(half).algorithm
    }

    /// The id of that key.
    #[must_use]
    pub fn key_id(&self, half: Half) -> &str {
        &self.authority.key(half).kid
    }

    /// The name of the authority.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.authority.name()
    }

    /// The signature file. Both signatures are verified before it is given out, so nothing is
    /// written that a reader would refuse. An ECDSA signature may be in DER.
    ///
    /// # Errors
    ///
    /// When a signature does not hold.
    pub fn finish(&self, classical: &[u8], alternative: &[u8]) -> Result<String, InvalidSignature> {
        let classical = match self.algorithm(Half::Classical) {
            "ES256" => fixed(classical, 32),
            "ES384" => fixed(classical, 48),
            _ => None,
        }
        .unwrap_or_else(|| classical.to_vec());
        let signature = |half, bytes: &[u8]| Signature {
            protected: self.header(half).to_owned(),
            signature: Base64UrlUnpadded::encode_string(bytes),
        };
        let envelope = Envelope {
            payload: self.payload.clone(),
            signatures: vec![
                signature(Half::Classical, &classical),
                signature(Half::Alternative, alternative),
            ],
        };
        envelope.verify(self.authority)?;
        let text = envelope.text()?;
        if text.len() > MAXIMUM_BYTES {
            return Err(InvalidSignature::TooLong);
        }
        Ok(text)
    }

    fn header(&self, half: Half) -> &str {
        let [classical, alternative] = &self.headers;
        match half {
            Half::Classical => classical,
            Half::Alternative => alternative,
        }
    }
}

/// An ECDSA signature in DER (RFC 3279, section 2.2.3) as the two numbers of this length (RFC 7518,
/// section 3.4); none if it is not in DER, as it may be in that form already.
fn fixed(signature: &[u8], length: usize) -> Option<Vec<u8>> {
    let numbers = || -> Result<[&[u8]; 2], der::InvalidDer> {
        der::check(signature)?;
        let mut reader = der::Reader::new(der::single(signature, der::SEQUENCE)?.contents);
        let numbers = [
            reader.expect(der::INTEGER)?.contents,
            reader.expect(der::INTEGER)?.contents,
        ];
        reader.finish()?;
        Ok(numbers)
    };
    let Ok(numbers) = numbers() else {
        return None;
    };
    let mut fixed = Vec::new();
    for number in numbers {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let magnitude = number.get(zeros..)?;
        let padding = length.checked_sub(magnitude.len())?;
        fixed.resize(fixed.len().checked_add(padding)?, 0);
        fixed.extend_from_slice(magnitude);
    }
    Some(fixed)
}
