//! What is said about certificates of other software, and about ones that somebody changed: each
//! half by itself, and never more than holds.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

#[path = "support/forge.rs"]
#[expect(dead_code, reason = "the corpus needs more of it than these tests do")]
mod forge;

use forge::{Forge, ForgeKeys, ML_DSA_65, tlv};
use sallyport_credentials::InvalidDer;
use sallyport_credentials::issue::{
    AuthorityKey, AuthorityOptions, ClassicalAuthority, HybridAuthority, LeafKey, LeafRequest,
    RsaBits,
};
use sallyport_credentials::report::{
    Certificate, HalfFault, HalfResult, InvalidCertificate, MAXIMUM_BYTES, ReportedAssurance,
    SignatureReport,
};
use sallyport_engine::policy::raw::AlternativeAlgorithm;
use sallyport_engine::time::TimeMs;

use HalfResult::{Absent, Failed, Unsupported, Verified};

const START: TimeMs = TimeMs::from_seconds(1_790_000_000);
const END: TimeMs = TimeMs::from_seconds(1_790_086_400);
const SUBJECT_ALTERNATIVE_NAME: u8 = 17;
const BASIC_CONSTRAINTS: u8 = 19;
const ALTERNATIVE_PUBLIC_KEY: u8 = 72;
const ALTERNATIVE_ALGORITHM: u8 = 73;
const ALTERNATIVE_SIGNATURE: u8 = 74;
const CRITICAL: Option<u8> = Some(0xff);

fn options(name: &str, key: AuthorityKey, algorithm: AlternativeAlgorithm) -> AuthorityOptions {
    AuthorityOptions {
        key,
        algorithm,
        rsa_bits: RsaBits::Bits2048,
        intermediates: 1,
        ..AuthorityOptions::new(name, START, END)
    }
}

struct World {
    one: HybridAuthority,
    other: HybridAuthority,
    keys: ForgeKeys,
    leaf: Vec<u8>,
}

impl World {
    fn new() -> Self {
        let level = AlternativeAlgorithm::MlDsa65;
        let make =
            |name| HybridAuthority::generate(&options(name, AuthorityKey::Rsa, level)).unwrap();
        let one = make("one");
        let request = LeafRequest::new("spiffe://d.example/ns/a/sa/b".parse().unwrap(), START, END);
        Self {
            leaf: one.issue_leaf(&request).unwrap().certificate_der,
            keys: ForgeKeys::hybrid(&one, level),
            other: make("other"),
            one,
        }
    }

    fn judge(&self, certificate: &[u8]) -> SignatureReport {
        judge(certificate, self.one.certificate_der(), None)
    }

    /// Judges what somebody with both keys of the authority made of the leaf.
    fn judge_forged(&self, forge: Forge) -> SignatureReport {
        self.judge(&forge.sign_alternative(&self.keys, b"").sign(&self.keys))
    }
}

fn judge(certificate: &[u8], issuer: &[u8], key: Option<&[u8]>) -> SignatureReport {
    let issuer = Certificate::parse(issuer).unwrap();
    Certificate::parse(certificate)
        .unwrap()
        .verify(&issuer, key)
}

fn assert_results(
    report: &SignatureReport,
    classical: HalfResult,
    alternative: HalfResult,
    assurance: ReportedAssurance,
) {
    let found = (
        report.classical.result,
        report.alternative.result,
        report.assurance,
    );
    assert_eq!(found, (classical, alternative, assurance), "{report:?}");
}

fn assert_alternative_fails(report: &SignatureReport, fault: &HalfFault) {
    assert_results(report, Verified, Failed, ReportedAssurance::None);
    assert_eq!(report.alternative.fault.as_ref(), Some(fault));
}

#[test]
fn judges_all_keys_of_authorities_and_their_own_certificates() {
    for key in [
        AuthorityKey::Rsa,
        AuthorityKey::EcdsaP256,
        AuthorityKey::EcdsaP384,
    ] {
        for (level, name) in [
            (AlternativeAlgorithm::MlDsa44, "ML-DSA-44"),
            (AlternativeAlgorithm::MlDsa65, "ML-DSA-65"),
            (AlternativeAlgorithm::MlDsa87, "ML-DSA-87"),
        ] {
            let root = HybridAuthority::generate(&options("root", key, level)).unwrap();
            let middle = root
                .issue_authority(&options("middle", key, level))
                .unwrap();
            let (root, middle) = (root.certificate_der(), middle.certificate_der());
            for (certificate, issuer) in [(root, root), (middle, root)] {
                let report = judge(certificate, issuer, None);
                assert_results(&report, Verified, Verified, ReportedAssurance::Hybrid);
                assert_eq!(report.alternative.algorithm.as_deref(), Some(name));
                assert!(report.issuer_match.name && report.issuer_match.authority);
                assert_eq!(report.issuer_match.key_identifier, Some(true));
            }
            let swapped = judge(root, middle, None);
            assert_results(&swapped, Failed, Failed, ReportedAssurance::None);
            assert!(!swapped.issuer_match.name);
        }
    }
}

#[test]
fn classical_certificates_are_classical() {
    let options = options("ca", AuthorityKey::Rsa, AlternativeAlgorithm::MlDsa65);
    let ca = ClassicalAuthority::generate(&options).unwrap();
    let below = ca.issue_authority(&options).unwrap();
    let report = judge(below.certificate_der(), ca.certificate_der(), None);
    assert_results(&report, Verified, Absent, ReportedAssurance::Classical);
    let with_another = judge(ca.certificate_der(), below.certificate_der(), None);
    assert_results(&with_another, Failed, Absent, ReportedAssurance::None);
}

#[test]
fn an_ml_dsa_leaf_is_hybrid_since_a_file_proves_no_possession() {
    let world = World::new();
    let mut request = LeafRequest::new("spiffe://d.example/ns/a/sa/b".parse().unwrap(), START, END);
    request.key = LeafKey::MlDsa65;
    let leaf = world.one.issue_leaf(&request).unwrap();
    let report = world.judge(&leaf.certificate_der);
    assert_results(&report, Verified, Verified, ReportedAssurance::Hybrid);
}

#[test]
fn halves_of_different_authorities_are_worth_nothing() {
    let world = World::new();
    let other = ForgeKeys::hybrid(&world.other, AlternativeAlgorithm::MlDsa65);
    let forge = Forge::new(&world.leaf);
    let alternative_of_other = forge
        .clone()
        .sign_alternative(&other, b"")
        .sign(&world.keys);
    assert_alternative_fails(&world.judge(&alternative_of_other), &HalfFault::Signature);
    let classical_of_other = forge
        .clone()
        .sign_alternative(&world.keys, b"")
        .sign(&other);
    let report = world.judge(&classical_of_other);
    assert_results(&report, Failed, Verified, ReportedAssurance::None);
    let with_context = forge.sign_alternative(&world.keys, b"x").sign(&world.keys);
    assert_alternative_fails(&world.judge(&with_context), &HalfFault::Signature);
}

#[test]
fn a_stripped_half_is_a_failure_and_not_an_absence() {
    let world = World::new();
    let forge = || Forge::new(&world.leaf);
    let no_value = forge().without(ALTERNATIVE_SIGNATURE).sign(&world.keys);
    assert_alternative_fails(&world.judge(&no_value), &HalfFault::ValueMissing);
    let no_algorithm = forge().without(ALTERNATIVE_ALGORITHM).sign(&world.keys);
    assert_alternative_fails(&world.judge(&no_algorithm), &HalfFault::AlgorithmMissing);
    // Without both it is an ordinary certificate, of an authority that has an ML-DSA key.
    let both = forge()
        .without(ALTERNATIVE_ALGORITHM)
        .without(ALTERNATIVE_SIGNATURE)
        .sign(&world.keys);
    let report = world.judge(&both);
    assert_results(&report, Verified, Absent, ReportedAssurance::Classical);
    // Stripped without a new classical signature.
    let outer = forge().without(ALTERNATIVE_SIGNATURE);
    let signature = forge::split(forge::contents(&world.leaf)).remove(2);
    let stripped = outer.with_classical_signature(&forge::contents(&signature)[1..]);
    let report = world.judge(&stripped);
    assert_results(&report, Failed, Failed, ReportedAssurance::None);
}

#[test]
fn critical_extensions_change_no_half_and_are_reported() {
    let world = World::new();
    let issuer = Forge::new(world.one.certificate_der());
    let key = issuer.extensions.iter().find(|found| found.number == 72);
    let key = forge::contents(&forge::split(forge::contents(&key.unwrap().raw))[1]).to_vec();
    let forge = Forge::new(&world.leaf)
        .without(ALTERNATIVE_SIGNATURE)
        .replace(ALTERNATIVE_ALGORITHM, CRITICAL, ML_DSA_65)
        .with(ALTERNATIVE_PUBLIC_KEY, CRITICAL, &key);
    let signature = world.keys.sign_alternative(&forge.pre_tbs(), b"");
    let value = tlv(0x03, &[&[0], signature.as_slice()].concat());
    let critical = forge
        .with(ALTERNATIVE_SIGNATURE, CRITICAL, &value)
        .sign(&world.keys);
    let report = world.judge(&critical);
    assert_results(&report, Verified, Verified, ReportedAssurance::Hybrid);
    let findings = Certificate::parse(&critical).unwrap().describe().profile;
    let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        findings,
        ["has a critical extension that neither Envoy nor the filter knows"]
    );
}

#[test]
fn extensions_that_stand_twice_are_refused_or_reported() {
    let world = World::new();
    let forge = Forge::new(&world.leaf);
    for number in [ALTERNATIVE_ALGORITHM, ALTERNATIVE_SIGNATURE] {
        let mut doubled = forge.clone();
        let again = doubled
            .extensions
            .iter()
            .find(|found| found.number == number);
        let again = again.unwrap().clone();
        doubled.extensions.push(again);
        let report = world.judge(&doubled.sign(&world.keys));
        assert_alternative_fails(&report, &HalfFault::Duplicate);
    }
    let mut names = forge;
    let again = names
        .extensions
        .iter()
        .find(|found| found.number == SUBJECT_ALTERNATIVE_NAME);
    let again = again.unwrap().clone();
    names.extensions.push(again);
    let doubled = names.sign_alternative(&world.keys, b"").sign(&world.keys);
    let report = world.judge(&doubled);
    assert_results(&report, Verified, Verified, ReportedAssurance::Hybrid);
    let description = Certificate::parse(&doubled).unwrap().describe();
    assert!(!description.profile.is_empty());
}

#[test]
fn certificates_of_any_shape_are_judged() {
    let world = World::new();
    let forge = || Forge::new(&world.leaf);
    let no_names = forge().without(SUBJECT_ALTERNATIVE_NAME);
    let authority = forge().replace(BASIC_CONSTRAINTS, CRITICAL, &[0x30, 0x03, 0x01, 0x01, 0xff]);
    let mut reversed = forge();
    reversed.extensions.reverse();
    for shape in [no_names, authority, reversed] {
        let report = world.judge_forged(shape);
        assert_results(&report, Verified, Verified, ReportedAssurance::Hybrid);
    }
}

#[test]
fn unknown_algorithms_are_unsupported_and_worth_nothing() {
    let world = World::new();
    let forge = || Forge::new(&world.leaf);
    let ed25519 = [0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];
    let report = world.judge(&forge().algorithm(&ed25519).sign(&world.keys));
    assert_eq!(report.classical.result, Unsupported);
    assert_eq!(report.classical.algorithm.as_deref(), Some("Ed25519"));
    assert_eq!(report.assurance, ReportedAssurance::None);
    let report = world.judge(&forge().algorithm(ML_DSA_65).sign(&world.keys));
    assert_eq!(report.classical.fault, Some(HalfFault::NotClassical));

    // HashML-DSA-65, and an identifier with parameters.
    let hash_ml_dsa = [
        0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x21,
    ];
    let with_null = [&[0x30, 0x0d], &ML_DSA_65[2..], &[0x05, 0x00]].concat();
    for identifier in [hash_ml_dsa.as_slice(), &with_null] {
        let other = forge().replace(ALTERNATIVE_ALGORITHM, None, identifier);
        let report = world.judge_forged(other);
        assert_results(&report, Verified, Unsupported, ReportedAssurance::None);
    }
    let other_level = [&ML_DSA_65[..12], &[0x13]].concat();
    let report = world.judge_forged(forge().replace(ALTERNATIVE_ALGORITHM, None, &other_level));
    assert_alternative_fails(&report, &HalfFault::OtherKey);
}

#[test]
fn the_alternative_key_can_be_given() {
    let world = World::new();
    let bare = Forge::new(world.one.certificate_der())
        .without(ALTERNATIVE_PUBLIC_KEY)
        .sign(&world.keys);
    let missing = judge(&world.leaf, &bare, None);
    assert_alternative_fails(&missing, &HalfFault::KeyMissing);
    let own = Certificate::parse(world.one.certificate_der()).unwrap();
    let key = own.alternative_public_key().unwrap();
    let report = judge(&world.leaf, &bare, Some(key));
    assert_results(&report, Verified, Verified, ReportedAssurance::Hybrid);
    let other = Certificate::parse(world.other.certificate_der()).unwrap();
    let report = judge(&world.leaf, &bare, other.alternative_public_key());
    assert_alternative_fails(&report, &HalfFault::Signature);
    let report = judge(&world.leaf, &bare, Some(b"no key"));
    assert_eq!(report.alternative.result, Failed);
}

#[test]
fn what_is_no_certificate_is_refused_without_a_panic() {
    let world = World::new();
    let refused = |der: &[u8]| Certificate::parse(der).err().unwrap();
    let trailing = [world.leaf.as_slice(), &[0]].concat();
    assert_eq!(
        refused(&trailing),
        InvalidCertificate::Der(InvalidDer::Trailing)
    );
    assert_eq!(
        refused(&vec![0x30; MAXIMUM_BYTES + 1]),
        InvalidCertificate::TooLong
    );
    assert_eq!(refused(b""), InvalidCertificate::Der(InvalidDer::Truncated));
    for length in 0..world.leaf.len() {
        assert!(Certificate::parse(&world.leaf[..length]).is_err());
    }
    // Whatever can be read after a change of any byte can be described and judged.
    for position in 0..world.leaf.len() {
        let mut changed = world.leaf.clone();
        changed[position] ^= 0x01;
        let Ok(certificate) = Certificate::parse(&changed) else {
            continue;
        };
        let _ = certificate.describe();
        let own = certificate.verify(&certificate, None);
        assert_eq!(own.assurance, ReportedAssurance::None);
        if position % 16 == 0 {
            let report = world.judge(&changed);
            assert_eq!(report.assurance, ReportedAssurance::None, "{position}");
        }
    }
}

#[test]
fn a_certificate_that_cannot_be_read_is_an_authority_only_by_its_own_word() {
    let world = World::new();
    for (constraints, expected) in [
        (&[0x30, 0x00][..], false),
        (&[0x30, 0x03, 0x02, 0x01, 0x00], false),
        (&[0x30, 0x03, 0x01, 0x01, 0xff], true),
    ] {
        let forge = Forge::new(&world.leaf).replace(BASIC_CONSTRAINTS, CRITICAL, constraints);
        let mut issuer = forge.sign(&world.keys);
        // Not even the x-th year is a time.
        let time = issuer.windows(2).position(|window| window == [0x17, 0x0d]);
        issuer[time.unwrap() + 2] = b'x';
        let read = Certificate::parse(&issuer).unwrap();
        assert_eq!(read.describe().validity, None);
        let report = judge(&world.leaf, &issuer, None);
        assert_eq!(report.issuer_match.authority, expected, "{constraints:?}");
    }
}
