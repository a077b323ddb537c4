//! `sallyport explain`: what the filter answers to a request, and why.

use std::path::Path;

use sallyport_mesh_config::explain::{Answer, Outcome, Place, explain};
use sallyport_mesh_config::finding::Printable;
use sallyport_mesh_config::grants::GrantState;
use sallyport_mesh_config::policy_file::LoadedPolicy;
use sallyport_mesh_config::recorded::{
    self, Line, Recorded, RecordedArtifact, RecordedGrant, RecordedTerm,
};
use serde::Serialize;

use super::ask;
use super::failure::Failure;
use super::lines::Lines;
use super::policy;
use crate::args::{ExplainArgs, Output};
use crate::exit::Exit;
use crate::terminal::{self, Tone, toned};

/// The answer as JSON.
#[derive(Serialize)]
struct Report<'a> {
    outcome: Outcome,
    /// HTTP status of the reply; none when the request goes on.
    status: Option<u16>,
    meaning: Option<&'static str>,
    remedy: Option<String>,
    /// The grants that cover the request, each in its time; none for a record.
    #[serde(skip_serializing_if = "Option::is_none")]
    grants: Option<&'a [GrantState]>,
    /// The manifests that were asked; none for a record, which has their numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    manifests: Vec<AskedManifest<'a>>,
    /// The record that the filter would log, or did.
    record: &'a Recorded,
}

/// A manifest of artifacts that a flow requires, and when it counts.
#[derive(Serialize)]
struct AskedManifest<'a> {
    name: &'a str,
    serial: u64,
    not_before: &'a str,
    not_after: &'a str,
}

impl<'a> Report<'a> {
    fn of(record: &'a Recorded) -> Self {
        let row = record.known_reason().map(|reason| reason.row());
        let outcome = record.outcome();
        Self {
            outcome,
            status: row
                .filter(|_| outcome == Outcome::Denied)
                .map(|row| row.status),
            meaning: row.map(|row| row.meaning),
            remedy: record.remedy(),
            grants: None,
            manifests: Vec::new(),
            record,
        }
    }
}

pub(super) fn run(args: ExplainArgs, output: Output) -> Result<Exit, Failure> {
    let file = match (&args.record, &args.policy) {
        (Some(record), _) => return explain_records(record, args.decision.as_deref(), output),
        (None, Some(file)) => file,
        (None, None) => return Err(Failure::FlagNeeded("--policy")),
    };
    let (asked, folder) = ask::read(args.request.as_deref(), args.asked)?;
    let question = ask::question(&asked, &folder)?;
    let loaded = policy::load(file, args.mesh.as_deref())?;
    let answer = explain(&loaded, &question);
    let record = recorded(&answer)?;
    let text = match output {
        Output::Text => text(&record) + &manifests(&loaded, &record) + &grants(&answer),
        Output::Json => serde_json::to_string_pretty(&Report {
            grants: Some(&answer.grants),
            manifests: asked_manifests(&loaded, &record),
            ..Report::of(&record)
        })
        .map_err(|_| Failure::Encoding("JSON"))?,
    };
    terminal::line(text).map_err(Failure::Output)?;
    Ok(match answer.outcome {
        Outcome::Denied => Exit::Denied,
        Outcome::Allowed | Outcome::WouldBeDenied => Exit::Ok,
    })
}

/// What the filter would log.
pub(super) fn recorded(answer: &Answer) -> Result<Recorded, Failure> {
    Recorded::try_from(&answer.record).map_err(|_| Failure::Encoding("JSON"))
}

/// Explains records of a log, each by itself.
fn explain_records(path: &Path, wanted: Option<&str>, output: Output) -> Result<Exit, Failure> {
    let mut lines = Lines::open(path)?;
    let mut found = false;
    while let Some(line) = lines.next()? {
        // What is no text is no record.
        let Ok(text) = line else { continue };
        let Line::Record(record) = recorded::read(text) else {
            continue;
        };
        if wanted.is_some_and(|id| record.decision_id.as_deref() != Some(id)) {
            continue;
        }
        let text = match output {
            Output::Text if found => format!("\n{}", self::text(&record)),
            Output::Text => self::text(&record),
            // One object a line, as records are.
            Output::Json => serde_json::to_string(&Report::of(&record))
                .map_err(|_| Failure::Encoding("JSON"))?,
        };
        found = true;
        terminal::line(text).map_err(Failure::Output)?;
    }
    if found {
        Ok(Exit::Ok)
    } else {
        Err(Failure::NoRecord(path.to_owned()))
    }
}

/// For people.
pub(super) fn text(record: &Recorded) -> String {
    let row = record.known_reason().map(|reason| reason.row());
    let mut lines = vec![headline(record)];
    let mut add =
        |name: &str, value: String| lines.push(format!("  {name:<9} {}", Printable(&value)));
    if let Some(row) = row {
        add("meaning", row.meaning.to_owned());
        add("remedy", record.remedy().unwrap_or_default());
    }
    let or = |value: &Option<String>, otherwise: &str| {
        value.clone().unwrap_or_else(|| otherwise.to_owned())
    };
    add(
        "policy",
        format!(
            "{}, mode {} for this request",
            or(&record.policy, "none"),
            or(&record.mode, "unknown")
        ),
    );
    if let Some(mode) = &record.post_quantum_auth {
        add(
            "asked by",
            format!("postQuantumAuth of the mesh, mode {mode}"),
        );
    }
    if let Some(glass) = &record.break_glass {
        add(
            "glass",
            format!("broken until {}: {}", glass.until, glass.reason),
        );
    }
    add("flow", or(&record.flow, "none"));
    if let Some(grant) = &record.grant {
        let RecordedGrant {
            name,
            not_before,
            not_after,
            reason,
            approved_by,
        } = grant;
        add(
            "grant",
            format!(
                "{name}, from {not_before} until {not_after}: {reason}; approved by {approved_by}"
            ),
        );
    }
    add("caller", or(&record.source, "unknown"));
    add("called", called(record));
    add("request", format!("{} {}", record.method, record.path));
    add("assurance", or(&record.assurance, "unknown"));
    for artifact in &record.artifacts {
        add(&artifact.kind, checked(artifact));
        if let Some(required) = &artifact.required {
            let serial = artifact.serial;
            let serial = serial.map_or(String::new(), |serial| format!(" (serial {serial})"));
            add("required", format!("{required}{serial}"));
        }
    }
    if let Some(score) = score(record) {
        add("trust", score);
    }
    if let Some(decisive) = &record.decisive {
        add(
            "decisive",
            format!("{decisive}: without it, it would not have been refused"),
        );
    }
    if let Some(node) = &record.node_id {
        add("proxy", node.clone());
    }
    lines.join("\n")
}

/// The manifests that were asked, with their times.
fn asked_manifests<'a>(loaded: &'a LoadedPolicy, record: &Recorded) -> Vec<AskedManifest<'a>> {
    let manifests = loaded.document.spec.artifacts.iter();
    let manifests = manifests.flat_map(|artifacts| &artifacts.manifests);
    let is_asked = |name: &str| {
        let mut artifacts = record.artifacts.iter();
        artifacts.any(|artifact| artifact.manifest.as_deref() == Some(name))
    };
    manifests
        .filter(|entry| is_asked(&entry.name))
        .filter_map(|entry| {
            let verified = entry.verified.as_ref()?;
            Some(AskedManifest {
                name: &entry.name,
                serial: verified.serial,
                not_before: &verified.not_before,
                not_after: &verified.not_after,
            })
        })
        .collect()
}

/// `manifest models, serial 3, from .. until ..`.
fn manifests(loaded: &LoadedPolicy, record: &Recorded) -> String {
    let manifests = asked_manifests(loaded, record).into_iter();
    let lines = manifests.map(|manifest| {
        let AskedManifest {
            name,
            serial,
            not_before,
            not_after,
        } = manifest;
        let text = format!("{name}, serial {serial}, from {not_before} until {not_after}");
        format!("\n  {:<9} {}", "manifest", Printable(&text))
    });
    lines.collect()
}

/// When the grants that cover the request begin and end; of no interest where a flow does.
fn grants(answer: &Answer) -> String {
    if let Some(Place::Flow(_)) = answer.operation {
        return String::new();
    }
    let lines = answer.grants.iter();
    lines
        .map(|grant| format!("\n  {:<9} {grant}", "covers it"))
        .collect()
}

fn headline(record: &Recorded) -> String {
    let code = record.reason.as_deref().unwrap_or_default();
    let code = Printable(code);
    match record.outcome() {
        Outcome::Allowed => toned(Tone::Good, "ALLOWED"),
        Outcome::Denied => {
            let status = record.known_reason().map(|reason| reason.row().status);
            let status = status.map_or_else(String::new, |status| format!(" (HTTP {status})"));
            format!("{}: {code}{status}", toned(Tone::Bad, "DENIED"))
        }
        Outcome::WouldBeDenied => {
            let word = toned(Tone::Warning, "WOULD BE DENIED");
            format!("{word}: {code} (shadow mode lets it pass, and reports it)")
        }
    }
}

/// `sha256:.., fraud-scorer 3.1.0, production`.
fn checked(artifact: &RecordedArtifact) -> String {
    let digest = artifact.digest.as_deref();
    let digest = digest.unwrap_or("no hybrid token names one");
    match (&artifact.found, &artifact.manifest) {
        (Some(found), _) => format!("{digest}, {found}"),
        (None, Some(manifest)) if artifact.digest.is_some() => {
            format!("{digest}, which manifest {manifest} does not list")
        }
        (None, None) => format!("{digest}, in quarantine"),
        (None, Some(_)) => digest.to_owned(),
    }
}

fn called(record: &Recorded) -> String {
    match &record.destination_segment {
        Some(segment) => format!("segment {segment}"),
        None if record.validated.as_deref() == Some("none") => {
            "unknown without mutual TLS".to_owned()
        }
        None => "no segment of the policy".to_owned(),
    }
}

/// `trust 99 (TRUSTED), log-odds -6.3 = prior -4.6, assurance -1.5, ..`: log-odds in nats, of the
/// caller being compromised.
fn score(record: &Recorded) -> Option<String> {
    let terms: Vec<String> = record
        .terms
        .iter()
        .filter(|term| term.mnat != 0)
        .map(term)
        .collect();
    let lambda = nats(record.lambda_mnat?);
    let (trust, state) = (record.trust?, record.state.as_deref()?);
    let cause = match record.state_cause.as_deref() {
        Some(cause) => format!(" by {cause}"),
        None => String::new(),
    };
    Some(format!(
        "{trust} ({state}{cause}), log-odds {lambda} = {}",
        terms.join(", ")
    ))
}

fn term(term: &RecordedTerm) -> String {
    let weight = format!("{} {}", term.name, nats(term.mnat));
    match (term.distinct_targets, term.span_seconds) {
        (Some(targets), Some(seconds)) => {
            format!("{weight} ({targets} distinct targets in {seconds} s)")
        }
        _ => weight,
    }
}

/// Thousandths as a decimal number, with a sign and without zeros at the end.
fn nats(milli_nats: i32) -> String {
    let sign = if milli_nats < 0 { '-' } else { '+' };
    let size = milli_nats.unsigned_abs();
    let whole = size.checked_div(1000).unwrap_or_default();
    let rest = size.checked_rem(1000).unwrap_or_default();
    let digits = format!("{rest:03}");
    let digits = digits.trim_end_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    format!("{sign}{whole}.{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_thousandths_as_decimals() {
        let cases = [
            (-6300, "-6.3"),
            (-200, "-0.2"),
            (500, "+0.5"),
            (12_345, "+12.345"),
        ];
        for (milli_nats, text) in cases {
            assert_eq!(nats(milli_nats), text);
        }
        assert_eq!(nats(0), "+0.0");
        assert_eq!(nats(-5), "-0.005");
        assert_eq!(nats(i32::MIN), "-2147483.648");
    }
}
