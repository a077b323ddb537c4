//! The signature file: a JWS in the general JSON form.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

use super::authority::{SigningAuthorities, SigningAuthority};
use super::error::{Half, InvalidSignature};
use super::{MAXIMUM_BYTES, Purpose};
use crate::jws::{Jws, JwsFault};
use crate::strict_json;

/// RFC 7515, section 7.2.1, without unprotected headers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Envelope {
    pub(super) payload: String,
    pub(super) signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signature {
    pub(super) protected: String,
    pub(super) signature: String,
}

/// A protected header: exactly these members.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) kid: String,
    pub(super) typ: String,
}

// === impl Envelope ===

impl Envelope {
    /// Reads a file that is exactly as [`Self::text`] writes it, so that each byte counts.
    pub(super) fn read(file: &[u8]) -> Result<Self, InvalidSignature> {
        if file.len() > MAXIMUM_BYTES {
            return Err(InvalidSignature::TooLong);
        }
        let envelope: Self = strict_json::read(file)
            .map_err(|_| InvalidSignature::Form("it is not a JWS in the general JSON form"))?;
        if envelope.text()?.as_bytes() != file {
            return Err(InvalidSignature::Form(
                "it is not in its one canonical form",
            ));
        }
        Ok(envelope)
    }

    /// Canonical JSON, and the end of the line.
    pub(super) fn text(&self) -> Result<String, InvalidSignature> {
        strict_json::canonical(self)
            .map(|text| text + "\n")
            .map_err(|_| InvalidSignature::Form("it cannot be written"))
    }

    /// The one pinned authority that both headers name.
    pub(super) fn authority<'a>(
        &self,
        authorities: &'a SigningAuthorities,
        purpose: Purpose,
    ) -> Result<&'a SigningAuthority, InvalidSignature> {
        let named = |signature: &Signature| {
            let header = signature.header()?;
            if header.typ != purpose.typ() {
                return Err(InvalidSignature::Purpose {
                    found: shown(&header.typ),
                    expected: purpose.typ(),
                });
            }
            let (authority, half) = authorities
                .by_key(&header.kid)
                .ok_or_else(|| InvalidSignature::AuthorityUnknown(shown(&header.kid)))?;
            if authority.key(half).algorithm == header.alg {
                Ok((authority, half))
            } else {
                Err(InvalidSignature::Algorithm(half))
            }
        };
        let named: Vec<(&SigningAuthority, Half)> = self
            .signatures
            .iter()
            .map(named)
            .collect::<Result<_, _>>()?;
        match named.as_slice() {
            [(one, Half::Classical), (other, Half::Alternative)] => {
                if one.name() == other.name() {
                    Ok(one)
                } else {
                    Err(InvalidSignature::Mixed {
                        classical: one.name().to_owned(),
                        alternative: other.name().to_owned(),
                    })
                }
            }
            [] | [(_, Half::Alternative)] => Err(InvalidSignature::HalfMissing(Half::Classical)),
            [(_, Half::Classical)] => Err(InvalidSignature::HalfMissing(Half::Alternative)),
            [(_, one), (_, other)] if one == other => {
                Err(InvalidSignature::HalfMissing(if *one == Half::Classical {
                    Half::Alternative
                } else {
                    Half::Classical
                }))
            }
            [..] => Err(InvalidSignature::Form(
                "it is not one classical and then one ML-DSA signature",
            )),
        }
    }

    /// Verifies both halves with the keys of one authority.
    pub(super) fn verify(&self, authority: &SigningAuthority) -> Result<(), InvalidSignature> {
        for (signature, half) in self
            .signatures
            .iter()
            .zip([Half::Classical, Half::Alternative])
        {
            let compact = format!(
                "{}.{}.{}",
                signature.protected, self.payload, signature.signature
            );
            let jws = Jws::parse(compact.as_bytes())
                .map_err(|_| InvalidSignature::Form("a part of it is not base64url"))?;
            let signed = jws
                .signed_text(None)
                .map_err(|_| InvalidSignature::Form("it has no payload"))?;
            signed
                .verify(&authority.key(half).jwk)
                .map_err(|fault| match fault {
                    JwsFault::Algorithm => InvalidSignature::Algorithm(half),
                    JwsFault::Signature => InvalidSignature::HalfInvalid(half),
                })?;
        }
        Ok(())
    }

    /// What is signed.
    pub(super) fn payload(&self) -> Result<Vec<u8>, InvalidSignature> {
        Base64UrlUnpadded::decode_vec(&self.payload)
            .map_err(|_| InvalidSignature::Form("its payload is not base64url"))
    }
}

// === impl Signature ===

impl Signature {
    fn header(&self) -> Result<Header, InvalidSignature> {
        let wrong = || InvalidSignature::Form("a header is not of `alg`, `kid` and `typ` alone");
        let bytes = Base64UrlUnpadded::decode_vec(&self.protected).map_err(|_| wrong())?;
        strict_json::read(&bytes).map_err(|_| wrong())
    }
}

/// Text of the file for a message.
fn shown(text: &str) -> String {
    text.escape_debug().take(MAXIMUM_SHOWN).collect()
}

const MAXIMUM_SHOWN: usize = 80;
