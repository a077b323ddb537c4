//! The form of the vectors, and what it means that one agrees.

use std::collections::BTreeMap;

use sallyport_credentials::{AuthoritySet, certificate, pem, token};
use sallyport_engine::facts::CredentialFault;
#[cfg(feature = "classical")]
use sallyport_engine::facts::{CredentialFacts, PeerCertificate};
use sallyport_engine::headers::TokenHalves;
use sallyport_engine::policy::raw;
use serde::{Deserialize, Serialize};

/// Sets of authorities by name, and cases that refer to them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Corpus {
    pub(crate) authorities: BTreeMap<String, raw::Authorities>,
    pub(crate) cases: Vec<Case>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// The set of authorities that is pinned.
    pub(crate) authorities: String,
    pub(crate) input: Input,
    pub(crate) expected: Expected,
}

#[derive(Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Input {
    Certificate {
        /// As `connection.peer_certificate` gives it.
        pem: String,
    },
    Token {
        token: String,
        signature: String,
        /// In hexadecimal digits.
        certificate_sha256: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "outcome",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Expected {
    Credential {
        assurance: String,
        authority: Option<String>,
        subject: String,
        not_before_ms: u64,
        not_after_ms: u64,
    },
    Fault {
        fault: String,
        /// Whether the ML-DSA half holds all the same.
        alternative_holds: bool,
    },
    /// A certificate that names nobody.
    Unreadable,
    /// Not one certificate in PEM.
    InvalidPem,
}

impl Corpus {
    /// Reads a corpus, without the cases that this build cannot judge.
    pub(crate) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let mut corpus: Self = serde_json::from_str(text)?;
        if !cfg!(feature = "legacy-dilithium") {
            corpus.drop_legacy();
        }
        Ok(corpus)
    }

    /// Pins of `Dilithium5` are refused where its code is left out.
    fn drop_legacy(&mut self) {
        for authorities in self.authorities.values_mut() {
            if let Some(tokens) = &mut authorities.tokens {
                tokens.retain(|entry| {
                    entry.alternative_key.algorithm != raw::AlternativeTokenAlgorithm::Dilithium5
                });
            }
        }
        self.cases.retain(|case| !case.name.contains("dilithium5"));
    }

    /// Runs all cases, whole where this build can, and their ML-DSA halves. One line for each case
    /// that disagrees.
    pub(crate) fn disagreements(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut sets = BTreeMap::new();
        for (name, authorities) in &self.authorities {
            match AuthoritySet::new(Some(authorities)) {
                Ok(set) => drop(sets.insert(name, set)),
                Err(faults) => lines.push(format!("authorities {name}: {faults:?}")),
            }
        }
        for case in &self.cases {
            let Some(set) = sets.get(&case.authorities) else {
                lines.push(format!(
                    "{}: no authorities `{}`",
                    case.name, case.authorities
                ));
                continue;
            };
            #[cfg(feature = "classical")]
            if let Err(line) = case.check(set) {
                lines.push(line);
                continue;
            }
            if let Err(line) = case.check_alternative(set) {
                lines.push(line);
            }
        }
        lines
    }
}

impl Case {
    #[cfg(feature = "classical")]
    fn check(&self, set: &AuthoritySet) -> Result<(), String> {
        let found = match &self.input {
            Input::Certificate { pem } => match pem::decode_certificate(pem.as_bytes()) {
                Ok(der) => match certificate::read(set, &der) {
                    PeerCertificate::Read { credential, .. } => outcome(credential),
                    PeerCertificate::Unreadable => Expected::Unreadable,
                    PeerCertificate::Unavailable => {
                        return Err(format!("{}: unavailable", self.name));
                    }
                },
                Err(_) => Expected::InvalidPem,
            },
            Input::Token {
                token,
                signature,
                certificate_sha256,
            } => {
                let headers = TokenHalves {
                    token: token.as_bytes(),
                    signature: signature.as_bytes(),
                };
                outcome(token::verify(set, headers, &unhex(certificate_sha256)))
            }
        };
        if found == self.expected.of_the_whole() {
            Ok(())
        } else {
            Err(format!(
                "{}: expected {:?}, found {found:?}",
                self.name, self.expected
            ))
        }
    }

    fn check_alternative(&self, set: &AuthoritySet) -> Result<(), String> {
        let found = match &self.input {
            Input::Certificate { pem } => match pem::decode_certificate(pem.as_bytes()) {
                Ok(der) => certificate::verify_alternative(set, &der),
                Err(_) => Err(CredentialFault::Malformed),
            },
            Input::Token {
                token, signature, ..
            } => {
                let headers = TokenHalves {
                    token: token.as_bytes(),
                    signature: signature.as_bytes(),
                };
                token::verify_alternative(set, headers)
            }
        };
        let agrees = match (&self.expected, &found) {
            (
                Expected::Credential {
                    assurance,
                    authority,
                    ..
                },
                Ok(name),
            ) => assurance.starts_with("hybrid") && authority.as_deref() == Some(name.as_ref()),
            (
                Expected::Credential {
                    assurance,
                    authority: None,
                    ..
                },
                Err(fault),
            ) => assurance == "classical" && *fault == CredentialFault::AuthorityUnknown,
            (
                Expected::Credential {
                    assurance,
                    authority: Some(_),
                    ..
                },
                Err(fault),
            ) => assurance == "classical" && *fault == CredentialFault::HybridSignatureMissing,
            (
                Expected::Fault {
                    alternative_holds, ..
                },
                Ok(_),
            ) => *alternative_holds,
            (
                Expected::Fault {
                    fault,
                    alternative_holds,
                },
                Err(found),
            ) => {
                // A leaf that needs no alternative half has none that could hold.
                let has_none = *found == CredentialFault::HybridSignatureMissing
                    && fault == "ClassicalSignatureInvalid";
                !alternative_holds && (has_none || *fault == format!("{found:?}"))
            }
            (Expected::Unreadable | Expected::InvalidPem, found) => {
                *found == Err(CredentialFault::Malformed)
            }
        };
        if agrees {
            Ok(())
        } else {
            Err(format!(
                "{}: ML-DSA half of {:?} is {found:?}",
                self.name, self.expected
            ))
        }
    }
}

#[cfg(feature = "classical")]
impl Expected {
    /// What a whole verification gives, which does not tell halves apart.
    fn of_the_whole(&self) -> Self {
        match self {
            Self::Fault { fault, .. } => Self::Fault {
                fault: fault.clone(),
                alternative_holds: false,
            },
            Self::Credential { .. } | Self::Unreadable | Self::InvalidPem => self.clone(),
        }
    }
}

#[cfg(feature = "classical")]
fn outcome(credential: Result<CredentialFacts, CredentialFault>) -> Expected {
    match credential {
        Ok(facts) => Expected::Credential {
            assurance: facts.assurance.to_string(),
            authority: facts.authority.map(|name| name.to_string()),
            subject: facts.subject.to_string(),
            not_before_ms: facts.not_before.0,
            not_after_ms: facts.not_after.0,
        },
        Err(fault) => Expected::Fault {
            fault: format!("{fault:?}"),
            alternative_holds: false,
        },
    }
}

/// Bytes that are missing or no digits become zero: the case then disagrees.
#[cfg(feature = "classical")]
fn unhex(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digits = str::from_utf8(digits).unwrap_or_default();
        *byte = u8::from_str_radix(digits, 16).unwrap_or_default();
    }
    bytes
}
