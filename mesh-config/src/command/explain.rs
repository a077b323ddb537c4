//! `sallyport explain`: what the filter answers to a request, and why.

use sallyport_engine::reason::ReasonRow;
use sallyport_engine::record::Record;
use sallyport_mesh_config::explain::{Answer, Outcome, explain};
use sallyport_mesh_config::finding::Printable;
use sallyport_mesh_config::policy_file;
use serde::Serialize;

use super::ask;
use super::failure::Failure;
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
    remedy: Option<&'static str>,
    /// The record that the filter would log.
    record: &'a Record,
}

pub(super) fn run(args: ExplainArgs, output: Output) -> Result<Exit, Failure> {
    let (asked, folder) = ask::read(args.request.as_deref(), args.asked)?;
    let question = ask::question(&asked, &folder)?;
    let loaded = policy_file::load(&args.policy)?;
    let answer = explain(&loaded, &question);
    let text = match output {
        Output::Text => text(&answer),
        Output::Json => json(&answer)?,
    };
    terminal::line(text).map_err(Failure::Output)?;
    Ok(match answer.outcome {
        Outcome::Denied => Exit::Denied,
        Outcome::Allowed | Outcome::WouldBeDenied => Exit::Ok,
    })
}

fn json(answer: &Answer) -> Result<String, Failure> {
    let row = answer.reason.map(|reason| reason.row());
    let report = Report {
        outcome: answer.outcome,
        status: row
            .filter(|_| answer.outcome == Outcome::Denied)
            .map(|row| row.status),
        meaning: row.map(|row| row.meaning),
        remedy: row.map(|row| row.remedy),
        record: &answer.record,
    };
    serde_json::to_string_pretty(&report).map_err(|_| Failure::Encoding("JSON"))
}

/// For people.
pub(super) fn text(answer: &Answer) -> String {
    let row = answer.reason.map(|reason| reason.row());
    let mut lines = vec![headline(answer.outcome, row)];
    let mut add =
        |name: &str, value: String| lines.push(format!("  {name:<9} {}", Printable(&value)));
    let record = &answer.record;
    if let Some(row) = row {
        add("meaning", row.meaning.to_owned());
        add("remedy", row.remedy.to_owned());
    }
    let policy = record.policy.as_deref().unwrap_or("none");
    add(
        "policy",
        format!("{policy}, mode {} for this request", record.mode),
    );
    if let Some(mode) = record.post_quantum_auth {
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
    add(
        "flow",
        record.flow.clone().unwrap_or_else(|| "none".to_owned()),
    );
    add(
        "caller",
        record
            .source
            .clone()
            .unwrap_or_else(|| "unknown".to_owned()),
    );
    add("called", called(record));
    add("request", format!("{} {}", record.method, record.path));
    add("assurance", record.assurance.as_str().to_owned());
    if let Some(score) = score(record) {
        add("trust", score);
    }
    lines.join("\n")
}

fn headline(outcome: Outcome, row: Option<ReasonRow>) -> String {
    let code = row.map_or("", |row| row.code);
    match outcome {
        Outcome::Allowed => toned(Tone::Good, "ALLOWED"),
        Outcome::Denied => {
            let status = row.map_or(0, |row| row.status);
            format!("{}: {code} (HTTP {status})", toned(Tone::Bad, "DENIED"))
        }
        Outcome::WouldBeDenied => {
            let word = toned(Tone::Warning, "WOULD BE DENIED");
            format!("{word}: {code} (shadow mode lets it pass, and reports it)")
        }
    }
}

fn called(record: &Record) -> String {
    match &record.destination_segment {
        Some(segment) => format!("segment {segment}"),
        None if record.validated == "none" => "unknown without mutual TLS".to_owned(),
        None => "no segment of the policy".to_owned(),
    }
}

/// `trust 99 (TRUSTED), log-odds -6.3 = prior -4.6, assurance -1.5, ..`: log-odds in nats, of the
/// caller being compromised.
fn score(record: &Record) -> Option<String> {
    let terms: Vec<String> = record
        .terms
        .iter()
        .filter(|term| term.mnat != 0)
        .map(|term| format!("{} {}", term.name.as_str(), nats(term.mnat)))
        .collect();
    let lambda = nats(record.lambda_mnat?);
    let (trust, state) = (record.trust?, record.state?);
    Some(format!(
        "{trust} ({state}), log-odds {lambda} = {}",
        terms.join(", ")
    ))
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
