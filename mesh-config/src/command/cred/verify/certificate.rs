//! `sallyport cred verify --certificate`: both halves of a certificate's signature.

use std::path::{Path, PathBuf};

use sallyport_credentials::document::DocumentKind;
use sallyport_credentials::report::{
    Certificate, Half, HalfResult, IssuerMatch, KeyDescription, ReportedAssurance, SignatureReport,
    Validity,
};
use sallyport_engine::time::TimeMs;
use sallyport_mesh_config::finding::Printable;
use serde::Serialize;

use super::{conclude, toned_result};
use crate::args::{Output, VerifyArgs};
use crate::clock;
use crate::command::certificate;
use crate::command::cred::authority::AuthorityFolder;
use crate::command::failure::Failure;
use crate::exit::Exit;

/// The report as JSON.
#[derive(Serialize)]
struct Report<'a> {
    classical: &'a Half,
    alternative: &'a Half,
    assurance: ReportedAssurance,
    subject: &'a str,
    issuer: &'a str,
    serial: &'a str,
    sha256: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    spiffe_id: Option<&'a str>,
    public_key: &'a KeyDescription,
    /// Of the issuer whose keys were used.
    issuer_certificate: IssuerReport,
    validity: Option<ValidityReport>,
    profile: Profile,
    /// What else is worth knowing.
    notes: Vec<&'static str>,
}

#[derive(Serialize)]
struct IssuerReport {
    subject: String,
    sha256: String,
    name_matches: bool,
    /// None where one of the two identifiers is not given.
    key_identifier_matches: Option<bool>,
    is_authority: bool,
    self_issued: bool,
    alternative_key: Option<KeyDescription>,
}

#[derive(Serialize)]
struct ValidityReport {
    #[serde(flatten)]
    validity: Validity,
    state: &'static str,
}

#[derive(Serialize)]
struct Profile {
    /// Whether it is a certificate of a workload (X509-SVID) that the filter reads.
    workload: bool,
    findings: Vec<String>,
}

/// Whose keys to use.
struct Issuer {
    path: PathBuf,
    der: Vec<u8>,
    /// `SubjectPublicKeyInfo`, where not that of extension 72.
    alternative_key: Option<Vec<u8>>,
}

pub(super) fn run(args: &VerifyArgs, path: &Path, output: Output) -> Result<Exit, Failure> {
    let now = match &args.at {
        Some(text) => clock::parse(text)?,
        None => clock::now(),
    };
    let chain = certificate::chain(path)?;
    let no_certificate = || Failure::NoCertificate(path.to_owned());
    let der = chain.first().ok_or_else(no_certificate)?;
    let subject = certificate::parse(path, der)?;
    let issuer = find_issuer(args, path, &subject, &chain)?;
    let issuer_certificate = certificate::parse(&issuer.path, &issuer.der)?;
    let key = issuer.alternative_key.as_deref();
    let verdict = subject.verify(&issuer_certificate, key);

    let description = subject.describe();
    let issuer_description = issuer_certificate.describe();
    let used_key = key.or_else(|| issuer_certificate.alternative_public_key());
    let report = Report {
        classical: &verdict.classical,
        alternative: &verdict.alternative,
        assurance: verdict.assurance,
        subject: &description.subject,
        issuer: &description.issuer,
        serial: &description.serial,
        sha256: &description.sha256,
        spiffe_id: description.spiffe_id.as_deref(),
        public_key: &description.public_key,
        issuer_certificate: issuer_report(
            issuer_description.subject,
            issuer_description.sha256,
            verdict.issuer_match,
            issuer.der == *der,
            used_key,
        ),
        validity: description.validity.map(|validity| ValidityReport {
            validity,
            state: state(validity, now),
        }),
        profile: Profile {
            workload: description.profile.is_empty(),
            findings: description
                .profile
                .iter()
                .map(ToString::to_string)
                .collect(),
        },
        notes: notes(
            &verdict,
            &description.public_key,
            used_key.is_some(),
            key,
            &issuer_certificate,
        ),
    };
    let holds = !verdict.classical.is_in_doubt() && !verdict.alternative.is_in_doubt();
    conclude(&report, &text(&report), holds, output)
}

fn issuer_report(
    subject: String,
    sha256: String,
    found: IssuerMatch,
    self_issued: bool,
    alternative_key: Option<&[u8]>,
) -> IssuerReport {
    IssuerReport {
        subject,
        sha256,
        name_matches: found.name,
        key_identifier_matches: found.key_identifier,
        is_authority: found.authority,
        self_issued,
        alternative_key: alternative_key.map(KeyDescription::of),
    }
}

fn find_issuer(
    args: &VerifyArgs,
    path: &Path,
    subject: &Certificate<'_>,
    chain: &[Vec<u8>],
) -> Result<Issuer, Failure> {
    let given = args
        .alternative_key
        .as_deref()
        .map(alternative_key)
        .transpose()?;
    let Some(issuer) = &args.issuer else {
        let der = match chain.get(1) {
            Some(next) if !subject.is_self_issued() => next,
            Some(_) | None if subject.is_self_issued() => chain
                .first()
                .ok_or_else(|| Failure::NoCertificate(path.to_owned()))?,
            Some(_) | None => return Err(Failure::IssuerUnknown(path.to_owned())),
        };
        return Ok(Issuer {
            path: path.to_owned(),
            der: der.clone(),
            alternative_key: given,
        });
    };
    if issuer.is_dir() {
        let folder = AuthorityFolder::new(issuer);
        let key = folder.file("ca.mldsa.pub");
        let alternative_key = match given {
            None if key.exists() => Some(alternative_key(&key)?),
            given => given,
        };
        return Ok(Issuer {
            path: issuer.clone(),
            der: folder.certificate()?,
            alternative_key,
        });
    }
    Ok(Issuer {
        path: issuer.clone(),
        der: best_match(subject, issuer, certificate::chain(issuer)?)?,
        alternative_key: given,
    })
}

/// Of several certificates the one that the subject names by name and key identifier, else by name,
/// else the first.
fn best_match(
    subject: &Certificate<'_>,
    path: &Path,
    candidates: Vec<Vec<u8>>,
) -> Result<Vec<u8>, Failure> {
    let mut best: Option<(u8, Vec<u8>)> = None;
    for der in candidates {
        let found = subject.match_issuer(&certificate::parse(path, &der)?);
        let rank = match (found.name, found.key_identifier) {
            (true, Some(true)) => 3,
            (true, None) => 2,
            (true, Some(false)) => 1,
            (false, _) => 0,
        };
        if best.as_ref().is_none_or(|(best, _)| rank > *best) {
            best = Some((rank, der));
        }
    }
    best.map(|(_, der)| der)
        .ok_or_else(|| Failure::NoCertificate(path.to_owned()))
}

/// The `SubjectPublicKeyInfo` of a file: PEM, DER, JWK, or that of extension 72 of a certificate.
fn alternative_key(path: &Path) -> Result<Vec<u8>, Failure> {
    let invalid = |cause: &str| Failure::AlternativeKey {
        path: path.to_owned(),
        cause: cause.to_owned(),
    };
    let bytes = certificate::bytes(path)?;
    if bytes.trim_ascii().first() == Some(&b'{') {
        let keys = certificate::keys(path)?;
        return match keys.as_slice() {
            [key] => Ok(key.key().spki().to_vec()),
            [..] => Err(invalid("it is a set of several keys")),
        };
    }
    let documents = certificate::documents(path, &bytes)?;
    match documents.as_slice() {
        [only] if only.kind == DocumentKind::PublicKey => Ok(only.bytes.clone()),
        [only] if only.kind == DocumentKind::Certificate => {
            let certificate = certificate::parse(path, &only.bytes)?;
            let key = certificate.alternative_public_key();
            key.map(<[u8]>::to_vec)
                .ok_or_else(|| invalid("the certificate has no extension 2.5.29.72"))
        }
        [..] => Err(invalid("it is not one public key")),
    }
}

fn state(validity: Validity, now: TimeMs) -> &'static str {
    let now = i64::try_from(now.0.checked_div(1000).unwrap_or_default()).unwrap_or(i64::MAX);
    if now < validity.not_before.0 {
        "not_yet_valid"
    } else if now > validity.not_after.0 {
        "expired"
    } else {
        "valid"
    }
}

fn notes(
    verdict: &SignatureReport,
    key: &KeyDescription,
    issuer_has_key: bool,
    given: Option<&[u8]>,
    issuer: &Certificate<'_>,
) -> Vec<&'static str> {
    let carried = issuer.alternative_public_key();
    let cases = [
        (
            verdict.assurance == ReportedAssurance::Hybrid && key.algorithm.starts_with("ML-DSA-"),
            "the certificate's own key is ML-DSA: in a TLS handshake that proves it, the peer is hybridProven",
        ),
        (
            verdict.alternative.result == HalfResult::Absent && issuer_has_key,
            "the issuer has an alternative key: a policy that pins it refuses this certificate \
             (hybrid_signature_missing)",
        ),
        (
            matches!((given, carried), (Some(given), Some(carried)) if given != carried),
            "the alternative key that was given is not the one in extension 2.5.29.72 of the \
             issuer's certificate",
        ),
        (
            !verdict.issuer_match.name,
            "the certificate names another issuer than the one whose keys were used",
        ),
        (
            verdict.issuer_match.key_identifier == Some(false),
            "the certificate's authority key identifier is not that of this issuer",
        ),
        (
            !verdict.issuer_match.authority,
            "the issuer's certificate is not one of an authority (cA is not true)",
        ),
    ];
    let holding = cases.into_iter().filter(|(holds, _)| *holds);
    holding.map(|(_, note)| note).collect()
}

fn text(report: &Report<'_>) -> String {
    let mut lines = Vec::new();
    let mut add = |name: &str, value: String| lines.push(format!("{name:<12} {value}"));
    for (name, half) in [
        ("classical", report.classical),
        ("alternative", report.alternative),
    ] {
        let algorithm = half.algorithm.as_deref();
        let algorithm = algorithm
            .map(|name| format!(", {name}"))
            .unwrap_or_default();
        let fault = half.fault.as_ref();
        let fault = fault.map(|fault| format!(": {fault}")).unwrap_or_default();
        let result = toned_result(half.result.as_str());
        add(
            name,
            format!("{result}{}", Printable(&(algorithm + &fault))),
        );
    }
    add("assurance", toned_result(report.assurance.as_str()));
    let shown = |text: &str| match text {
        "" => "(empty)".to_owned(),
        text => Printable(text).to_string(),
    };
    add("subject", shown(report.subject));
    if let Some(id) = report.spiffe_id {
        add("spiffe id", id.to_owned());
    }
    add("issuer", shown(report.issuer));
    add("serial", report.serial.to_owned());
    add("sha256", report.sha256.to_owned());
    add("key", report.public_key.algorithm.clone());
    match &report.validity {
        Some(validity) => add(
            "validity",
            format!(
                "{}, {} to {}",
                toned_result(validity.state),
                validity.validity.not_before,
                validity.validity.not_after
            ),
        ),
        None => add("validity", "cannot be read".to_owned()),
    }
    if report.profile.workload {
        add(
            "profile",
            "a certificate of a workload (X509-SVID)".to_owned(),
        );
    }
    for finding in &report.profile.findings {
        add("profile", format!("no workload: {finding}"));
    }
    for note in &report.notes {
        add("note", (*note).to_owned());
    }
    lines.join("\n")
}
