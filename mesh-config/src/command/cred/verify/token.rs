//! `sallyport cred verify --token`: both halves of a hybrid token.

use std::path::Path;

use sallyport_credentials::sha256;
use sallyport_credentials::token;
use sallyport_engine::facts::{CredentialFacts, CredentialFault};
use sallyport_engine::headers::TokenHalves;
use sallyport_engine::reason::DenyReason;
use sallyport_mesh_config::policy_file;
use serde::Serialize;

use super::{conclude, toned_result};
use crate::args::{Output, VerifyArgs};
use crate::clock;
use crate::command::certificate;
use crate::command::failure::Failure;
use crate::exit::Exit;

#[derive(Serialize)]
struct Report {
    classical: HalfReport,
    alternative: HalfReport,
    claims: HalfReport,
    /// Whether the token is bound to the certificate; `unchecked` where none was given.
    binding: &'static str,
    assurance: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authority: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validity: Option<ValidityReport>,
}

/// One part of the verification.
#[derive(Serialize)]
struct HalfReport {
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithm: Option<&'static str>,
    /// The code of the reason why the filter refuses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'static str>,
}

#[derive(Serialize)]
struct ValidityReport {
    not_before: String,
    not_after: String,
    state: &'static str,
}

pub(super) fn run(args: &VerifyArgs, path: &Path, output: Output) -> Result<Exit, Failure> {
    let now = match &args.at {
        Some(text) => clock::parse(text)?,
        None => clock::now(),
    };
    let needed = |flag| Failure::FlagNeeded(flag);
    let policy = args.policy.as_deref().ok_or(needed("--policy"))?;
    let signature = args.signature.as_deref().ok_or(needed("--signature"))?;
    let (token, signature) = (certificate::bytes(path)?, certificate::bytes(signature)?);
    let bound_to = match args.certificate.as_deref() {
        Some(path) => Some(sha256(&certificate::read(path)?)),
        None => None,
    };
    let loaded = policy_file::load(policy)?;
    // An editor may have ended the file with a line end, which a header value cannot have.
    let halves = TokenHalves {
        token: token.trim_ascii(),
        signature: signature.trim_ascii(),
    };
    let judged = token::judge(&loaded.authorities, halves, bound_to.as_ref());
    let facts = match &judged.claims {
        Some(Ok(facts)) => Some(facts),
        Some(Err(_)) | None => None,
    };
    let holds = judged.holds();
    let binding = match (&bound_to, &judged.claims) {
        (None, _) => "unchecked",
        (Some(_), Some(Ok(_))) => "verified",
        (Some(_), Some(Err(CredentialFault::BindingMismatch))) => "failed",
        (Some(_), Some(Err(_)) | None) => "unread",
    };
    let report = Report {
        alternative: half(judged.alternative, judged.alternative_algorithm),
        classical: half(judged.classical, judged.classical_algorithm),
        claims: match &judged.claims {
            Some(Ok(_)) => half(Ok(()), None),
            Some(Err(fault)) => half(Err(*fault), None),
            None => HalfReport {
                result: "unread",
                algorithm: None,
                reason: None,
                fault: Some("claims are read after the JWT half was verified"),
            },
        },
        binding,
        assurance: if holds { "hybrid" } else { "none" },
        authority: judged.authority.map(|name| name.to_string()),
        subject: facts.map(|facts| facts.subject.to_string()),
        validity: facts.map(|facts| validity(facts, now.0)),
    };
    let text = text(&report);
    conclude(&report, &text, holds, output)
}

fn half(result: Result<(), CredentialFault>, algorithm: Option<&'static str>) -> HalfReport {
    let row = match result {
        Ok(()) => None,
        Err(fault) => Some(DenyReason::from(fault).row()),
    };
    HalfReport {
        result: if row.is_none() { "verified" } else { "failed" },
        algorithm,
        reason: row.map(|row| row.code),
        fault: row.map(|row| row.meaning),
    }
}

fn validity(facts: &CredentialFacts, now: u64) -> ValidityReport {
    ValidityReport {
        not_before: clock::show(facts.not_before),
        not_after: clock::show(facts.not_after),
        state: if now < facts.not_before.0 {
            "not_yet_valid"
        } else if now >= facts.not_after.0 {
            "expired"
        } else {
            "valid"
        },
    }
}

fn text(report: &Report) -> String {
    let mut lines = Vec::new();
    let mut add = |name: &str, value: String| lines.push(format!("{name:<12} {value}"));
    for (name, half) in [
        ("classical", &report.classical),
        ("alternative", &report.alternative),
        ("claims", &report.claims),
    ] {
        let algorithm = half.algorithm.map(|name| format!(", {name}"));
        let fault = match (half.reason, half.fault) {
            (Some(reason), Some(fault)) => format!(": {reason}, {fault}"),
            (None, Some(fault)) => format!(": {fault}"),
            (_, None) => String::new(),
        };
        let algorithm = algorithm.unwrap_or_default();
        add(name, toned_result(half.result) + &algorithm + &fault);
    }
    add("assurance", toned_result(report.assurance));
    for (name, value) in [
        ("authority", &report.authority),
        ("subject", &report.subject),
    ] {
        if let Some(value) = value {
            add(name, value.clone());
        }
    }
    if let Some(validity) = &report.validity {
        let state = toned_result(validity.state);
        let (start, end) = (&validity.not_before, &validity.not_after);
        add("validity", format!("{state}, {start} until {end}"));
    }
    if report.binding == "unchecked" {
        let note = "the binding to a certificate was not checked: give it with --certificate";
        add("note", note.to_owned());
    }
    lines.join("\n")
}
