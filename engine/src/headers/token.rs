//! The headers that carry tokens, and which of them make one token together.

use super::Single;
use crate::facts::CredentialFault;

/// The JWT half of a hybrid token.
pub const TOKEN: &str = "hybrid-identity-token";
/// The ML-DSA half of a hybrid token or of a workload identity token: a detached JWS.
pub const TOKEN_SIGNATURE: &str = "hybrid-identity-signature";
/// A workload identity token (WIT) of WIMSE.
pub const IDENTITY_TOKEN: &str = "workload-identity-token";
/// The proof (WPT) that the caller holds the key in its workload identity token.
pub const PROOF: &str = "workload-proof-token";

/// All headers that carry credentials. The application sees none of them.
pub(super) const CREDENTIALS: [&str; 4] = [TOKEN, TOKEN_SIGNATURE, IDENTITY_TOKEN, PROOF];

/// The two halves of a token, as they stand in the headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHalves<'a> {
    /// The JWT: value of [`TOKEN`] or of [`IDENTITY_TOKEN`].
    pub token: &'a [u8],
    /// Value of [`TOKEN_SIGNATURE`].
    pub signature: &'a [u8],
}

/// What a request brings beside the certificate of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresentedToken<'a> {
    /// A hybrid token, which is bound to the certificate.
    Hybrid(TokenHalves<'a>),
    /// A workload identity token and a proof that the caller holds its key.
    Proven(ProvenToken<'a>),
}

/// A workload identity token with its proof, and the other tokens that the proof has to cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvenToken<'a> {
    /// The workload identity token.
    pub identity: TokenHalves<'a>,
    /// Value of [`PROOF`].
    pub proof: &'a [u8],
    /// The OAuth access token of the request, if it has one (RFC 6750, section 2.1; RFC 9449).
    pub access_token: Option<&'a [u8]>,
    /// The transaction token of the request, if it has one (`txn-token`).
    pub transaction_token: Option<&'a [u8]>,
}

/// The headers of one request, as far as tokens are concerned.
#[derive(Debug, Default)]
pub(super) struct TokenHeaders<'a> {
    token: Single<'a>,
    signature: Single<'a>,
    identity: Single<'a>,
    proof: Single<'a>,
    authorization: Single<'a>,
    transaction_token: Single<'a>,
}

impl<'a> TokenHeaders<'a> {
    /// Takes a header, if it is one of these.
    pub(super) fn take(&mut self, name: &[u8], value: &'a [u8]) -> bool {
        let header = if name == TOKEN.as_bytes() {
            &mut self.token
        } else if name == TOKEN_SIGNATURE.as_bytes() {
            &mut self.signature
        } else if name == IDENTITY_TOKEN.as_bytes() {
            &mut self.identity
        } else if name == PROOF.as_bytes() {
            &mut self.proof
        } else if name == b"authorization" {
            &mut self.authorization
        } else if name == b"txn-token" {
            &mut self.transaction_token
        } else {
            return false;
        };
        header.add(value);
        true
    }

    /// The token, if one of its headers is present.
    pub(super) fn presented(&self) -> Option<Result<PresentedToken<'a>, CredentialFault>> {
        use CredentialFault::{HeaderAmbiguous, HybridSignatureMissing, ProofMissing};
        use Single::{Absent, Once};
        match (self.token, self.signature, self.identity, self.proof) {
            (Absent, Absent, Absent, Absent) => None,
            (Once(token), Once(signature), Absent, Absent) => {
                Some(Ok(PresentedToken::Hybrid(TokenHalves { token, signature })))
            }
            (Absent, Once(signature), Once(token), Once(proof)) => {
                let identity = TokenHalves { token, signature };
                Some(self.proven(identity, proof).map(PresentedToken::Proven))
            }
            (Once(_), Absent, Absent, Absent) | (Absent, Absent, Once(_), Once(_)) => {
                Some(Err(HybridSignatureMissing))
            }
            (Absent, Absent | Once(_), Once(_), Absent) => Some(Err(ProofMissing)),
            // Doubled, or two tokens at once, of which it is open which one the signature is of.
            _ => Some(Err(HeaderAmbiguous)),
        }
    }

    fn proven(
        &self,
        identity: TokenHalves<'a>,
        proof: &'a [u8],
    ) -> Result<ProvenToken<'a>, CredentialFault> {
        let once = |header: Single<'a>| match header {
            Single::Absent => Ok(None),
            Single::Once(value) => Ok(Some(value)),
            Single::Repeated => Err(CredentialFault::HeaderAmbiguous),
        };
        Ok(ProvenToken {
            identity,
            proof,
            access_token: once(self.authorization)?.and_then(access_token),
            transaction_token: once(self.transaction_token)?,
        })
    }

    /// The values that make one token differ from another; empty where there is none. Proofs are no
    /// part of it: a workload makes new ones all the time, also for a token that does not hold.
    pub(super) fn raw(&self) -> [&'a [u8]; 3] {
        [self.token, self.signature, self.identity].map(|header| match header {
            Single::Once(value) => value,
            Single::Absent | Single::Repeated => b"",
        })
    }

    /// The names of the credential headers that are present.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        let headers = [self.token, self.signature, self.identity, self.proof];
        CREDENTIALS
            .into_iter()
            .zip(headers)
            .filter(|(_, header)| !matches!(header, Single::Absent))
            .map(|(name, _)| name.as_bytes())
    }
}

/// The credentials of the schemes that carry an access token. Others, such as `Basic`, do not.
fn access_token(authorization: &[u8]) -> Option<&[u8]> {
    // A tab is no separator by the standard, but many readers take it for one.
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let end = authorization.iter().position(is_space)?;
    let (scheme, token) = authorization.split_at_checked(end)?;
    let is_token = scheme.eq_ignore_ascii_case(b"Bearer") || scheme.eq_ignore_ascii_case(b"DPoP");
    is_token.then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn presented(
        headers: &[(&str, &'static str)],
    ) -> Option<Result<PresentedToken<'static>, CredentialFault>> {
        let mut read = TokenHeaders::default();
        for (name, value) in headers {
            assert!(read.take(name.as_bytes(), value.as_bytes()), "{name}");
        }
        read.presented()
    }

    const HALVES: TokenHalves<'_> = TokenHalves {
        token: b"t",
        signature: b"s",
    };

    #[test]
    fn a_hybrid_token_needs_both_halves_once() {
        let hybrid = Some(Ok(PresentedToken::Hybrid(HALVES)));
        let (token, signature) = ((TOKEN, "t"), (TOKEN_SIGNATURE, "s"));
        assert_eq!(presented(&[token, signature]), hybrid);
        assert_eq!(presented(&[]), None);
        use CredentialFault::{HeaderAmbiguous, HybridSignatureMissing};
        for (headers, fault) in [
            (&[token][..], HybridSignatureMissing),
            (&[signature], HeaderAmbiguous),
            (&[token, token, signature], HeaderAmbiguous),
            (&[token, signature, signature], HeaderAmbiguous),
        ] {
            assert_eq!(presented(headers), Some(Err(fault)), "{headers:?}");
        }
        let empty = TokenHalves {
            token: b"",
            signature: b"",
        };
        assert_eq!(
            presented(&[(TOKEN, ""), (TOKEN_SIGNATURE, "")]),
            Some(Ok(PresentedToken::Hybrid(empty)))
        );
    }

    #[test]
    fn an_identity_token_needs_its_signature_and_a_proof() {
        let token = (TOKEN, "h");
        let (identity, signature, proof) =
            ((IDENTITY_TOKEN, "t"), (TOKEN_SIGNATURE, "s"), (PROOF, "p"));
        use CredentialFault::{HeaderAmbiguous, HybridSignatureMissing, ProofMissing};
        for (headers, fault) in [
            (&[identity, signature][..], ProofMissing),
            (&[identity], ProofMissing),
            (&[identity, proof], HybridSignatureMissing),
            (&[proof], HeaderAmbiguous),
            (&[proof, signature], HeaderAmbiguous),
            (&[identity, signature, proof, proof], HeaderAmbiguous),
            (&[identity, identity, signature, proof], HeaderAmbiguous),
            (&[identity, signature, proof, token], HeaderAmbiguous),
            (&[token, signature, proof], HeaderAmbiguous),
            (
                &[
                    identity,
                    signature,
                    proof,
                    ("authorization", "Bearer a"),
                    ("authorization", "Bearer a"),
                ],
                HeaderAmbiguous,
            ),
        ] {
            assert_eq!(presented(headers), Some(Err(fault)), "{headers:?}");
        }
    }

    #[test]
    fn a_proof_covers_the_other_tokens_of_the_request() {
        for (authorization, access_token) in [
            ("Bearer abc", Some(&b"abc"[..])),
            ("bearer  abc", Some(b"abc")),
            ("Bearer\tabc", Some(b"abc")),
            ("DPoP abc", Some(b"abc")),
            ("Bearer ", Some(b"")),
            ("Basic abc", None),
            ("Bearer", None),
            ("", None),
        ] {
            let all = presented(&[
                (IDENTITY_TOKEN, "t"),
                (TOKEN_SIGNATURE, "s"),
                (PROOF, "p"),
                ("authorization", authorization),
                ("txn-token", "x"),
            ]);
            let expected = ProvenToken {
                identity: HALVES,
                proof: b"p",
                access_token,
                transaction_token: Some(b"x"),
            };
            assert_eq!(all, Some(Ok(PresentedToken::Proven(expected))));
        }
    }
}
