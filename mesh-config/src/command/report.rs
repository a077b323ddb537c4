//! `sallyport report`: who is denied, or would be, and what would allow it?

use std::fs;

use sallyport_mesh_config::finding::Printable;
use sallyport_mesh_config::report::{self, Cause, MAXIMUM_GROUPS, Report, Tally};

use super::failure::Failure;
use super::lines::Lines;
use super::policy;
use crate::args::{Output, ReportArgs};
use crate::exit::Exit;
use crate::terminal::{self, Tone, toned};

pub(super) fn run(args: &ReportArgs, output: Output) -> Result<Exit, Failure> {
    let load = |path| policy::load(path, args.mesh.as_deref());
    let policy = args.policy.as_deref().map(load).transpose()?;
    let mut tally = Tally::default();
    for path in &args.files {
        let mut lines = Lines::open(path)?;
        while let Some(line) = lines.next()? {
            match line {
                Ok(text) => tally.add(text),
                Err(_) => tally.skip(),
            }
        }
        lines.close();
    }
    let report = tally.report(policy.as_ref());
    if let Some(path) = &args.html {
        let page = report::html(&report).map_err(|_| Failure::Encoding("HTML"))?;
        fs::write(path, page).map_err(Failure::unwritable(path))?;
    }
    let text = match output {
        Output::Json => {
            serde_json::to_string_pretty(&report).map_err(|_| Failure::Encoding("JSON"))?
        }
        Output::Text => text(&report),
    };
    terminal::line(text).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

fn text(report: &Report) -> String {
    let counts = &report.counts;
    let mut lines: Vec<String> = report.groups.iter().flat_map(cause).collect();
    lines.push(format!(
        "{} decision records: {} denied, {} would be denied, {} neither; {} lines were no records",
        counts.records, counts.denied, counts.would_deny, counts.allowed, counts.other_lines
    ));
    if !counts.suppressed.is_empty() {
        let shown = counts.suppressed.iter();
        let shown: Vec<String> = shown
            .map(|(reason, count)| format!("{} {count}", Printable(reason)))
            .collect();
        lines.push(format!(
            "not logged one by one by the proxies: {}",
            shown.join(", ")
        ));
    }
    if counts.beyond_limit > 0 {
        let beyond = counts.beyond_limit;
        lines.push(format!(
            "{beyond} denials are in groups beyond the first {MAXIMUM_GROUPS}"
        ));
    }
    lines.join("\n")
}

fn cause(cause: &Cause) -> Vec<String> {
    let count = |count: u64, tone: Tone, word: &str| {
        (count > 0).then(|| format!("{count} {}", toned(tone, word)))
    };
    let counts = [
        count(cause.denied, Tone::Bad, "denied"),
        count(cause.would_deny, Tone::Warning, "would be denied"),
    ];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    let named = |name: &Option<String>, otherwise: &str| {
        Printable(name.as_deref().unwrap_or(otherwise)).to_string()
    };
    let flow = match &cause.flow {
        Some(flow) => format!(", flow {}", Printable(flow)),
        None => String::new(),
    };
    let grant = match &cause.grant {
        Some(grant) => format!(", grant {}", Printable(grant)),
        None => String::new(),
    };
    let mut lines = vec![format!(
        "{}: {} from {} to {}{flow}{grant}",
        counts.join(", "),
        Printable(&cause.reason),
        named(&cause.source, "no identity"),
        named(&cause.destination_segment, "no segment"),
    )];
    let more = if cause.more_requests {
        ", and more"
    } else {
        ""
    };
    lines.push(format!(
        "  asked   {}{more}",
        Printable(&cause.requests.join(", "))
    ));
    let artifacts = cause.artifacts.iter();
    lines.extend(artifacts.map(|text| format!("  runs    {}", Printable(text))));
    lines.push(format!("  when    {} to {}", cause.first, cause.last));
    lines.extend(cause.meaning.map(|meaning| format!("  meaning {meaning}")));
    let remedy = cause.remedy.iter();
    lines.extend(remedy.map(|remedy| format!("  remedy  {}", Printable(remedy))));
    if let Some(suggestion) = &cause.suggestion {
        lines.extend(
            suggestion
                .lines()
                .map(|line| format!("  | {}", Printable(line))),
        );
    }
    lines
}
