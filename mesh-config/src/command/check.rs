//! `sallyport check`: everything that is wrong with policy files.

use std::path::Path;

use sallyport_engine::hexadecimal;
use sallyport_mesh_config::finding::{Code, Finding, Printable};
use sallyport_mesh_config::policy_file::{self, LoadedPolicy, PolicyFileErrors};
use serde::Serialize;

use super::failure::Failure;
use crate::args::{CheckArgs, Output};
use crate::exit::Exit;
use crate::terminal::{self, Tone, labelled, toned};

/// What is to say about one file.
#[derive(Serialize)]
struct Report<'a> {
    file: String,
    /// Name of the policy, if there is a valid one.
    policy: Option<&'a str>,
    ok: bool,
    errors: &'a [Finding],
    warnings: &'a [Finding],
    sha256: Option<String>,
    /// What the gauge `sallyport.policy_hash` shows.
    policy_hash: Option<u64>,
    #[serde(skip)]
    readable: bool,
}

pub(super) fn run(args: &CheckArgs, output: Output) -> Result<Exit, Failure> {
    let mut exit = Exit::Ok;
    for path in &args.files {
        let result = policy_file::load(path);
        match &result {
            Ok(loaded) => report(path, Some(loaded), &[], true, output)?,
            Err(PolicyFileErrors::Invalid { findings, .. }) => {
                report(path, None, findings, true, output)?;
                if exit == Exit::Ok {
                    exit = Exit::Findings;
                }
            }
            Err(error) => {
                let unreadable = Finding::new(Code::Unreadable, "", error.to_string());
                report(path, None, &[unreadable], false, output)?;
                exit = Exit::Failure;
            }
        }
    }
    Ok(exit)
}

fn report(
    path: &Path,
    loaded: Option<&LoadedPolicy>,
    errors: &[Finding],
    readable: bool,
    output: Output,
) -> Result<(), Failure> {
    let report = Report {
        file: path.display().to_string(),
        policy: loaded.map(|loaded| &**loaded.policy.name()),
        ok: loaded.is_some(),
        errors,
        warnings: loaded
            .map(|loaded| loaded.warnings.as_slice())
            .unwrap_or_default(),
        sha256: loaded.map(|loaded| hexadecimal::encode(&loaded.sha256)),
        policy_hash: loaded.map(LoadedPolicy::policy_hash),
        readable,
    };
    let text = match output {
        Output::Json => serde_json::to_string(&report).map_err(|_| Failure::Encoding("JSON"))?,
        Output::Text => text(&report, loaded),
    };
    terminal::line(text).map_err(Failure::Output)
}

fn text(report: &Report<'_>, loaded: Option<&LoadedPolicy>) -> String {
    let findings = report.errors.iter().chain(report.warnings);
    let lines = findings.map(|finding| labelled(finding) + "\n");
    lines.collect::<String>() + &summary(report, loaded)
}

fn summary(report: &Report<'_>, loaded: Option<&LoadedPolicy>) -> String {
    let Some(loaded) = loaded else {
        let file = Printable(&report.file);
        if !report.readable {
            return format!("{file}: {}", toned(Tone::Bad, "cannot be read"));
        }
        let count = counted(report.errors.len(), "error");
        return format!("{file}: {}, {count}", toned(Tone::Bad, "invalid"));
    };
    let spec = &loaded.document.spec;
    let authorities = spec.authorities.as_ref().map_or(0, |authorities| {
        let certificates = authorities.certificates.as_ref().map_or(0, Vec::len);
        certificates.saturating_add(authorities.tokens.as_ref().map_or(0, Vec::len))
    });
    format!(
        "policy {}: {}, {}, {}, {}, {}, sha256 {}, policy_hash {}",
        loaded.policy.name(),
        toned(Tone::Good, "ok"),
        loaded.policy.mode().as_str(),
        counted(spec.segments.len(), "segment"),
        counted(spec.flows.len(), "flow"),
        if authorities == 1 {
            "1 authority".to_owned()
        } else {
            format!("{authorities} authorities")
        },
        hexadecimal::encode(&loaded.sha256),
        loaded.policy_hash(),
    )
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}
