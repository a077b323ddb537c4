//! `sallyport mesh`: what `postQuantumAuth` means, and what contradicts it.

use sallyport_engine::identity::Assurance;
use sallyport_engine::policy::{KeyExchangeRule, Mode};
use sallyport_mesh_config::finding::{Finding, Printable, Severity};
use sallyport_mesh_config::mesh::{
    self, AnswerMeaning, Asked, FlowMeaning, Form, Meaning, MeshSettings, Setting, WorkloadIs,
    meaning,
};
use sallyport_mesh_config::policy_file;
use serde::Serialize;

use super::failure::Failure;
use super::inventory;
use crate::args::{MeshCommand, MeshExplainArgs, Output};
use crate::exit::Exit;
use crate::terminal::{self, labelled};

/// The answer as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    file: &'a str,
    form: Form,
    /// The path of the setting, or where it would stand.
    path: &'a str,
    line: Option<u64>,
    /// `absent`, `off` or `on`.
    setting: &'static str,
    #[serde(flatten)]
    meaning: Meaning,
    findings: Vec<Finding>,
}

pub(super) fn run(command: &MeshCommand, output: Output) -> Result<Exit, Failure> {
    match command {
        MeshCommand::Explain(args) => explain(args, output),
    }
}

fn explain(args: &MeshExplainArgs, output: Output) -> Result<Exit, Failure> {
    let settings = mesh::load(&args.mesh).map_err(Failure::files)?;
    let loaded = args
        .policy
        .as_ref()
        .map(|path| policy_file::load(path))
        .transpose()?;
    let known = inventory::read(&args.inventory)?;
    let (manifests, inventory) = (known.manifests, known.inventory.unwrap_or_default());
    let asked = match &loaded {
        Some(loaded) => match settings.effective(&loaded.document) {
            Ok(asked) => asked,
            // It is among the findings, and the mesh's word is shown.
            Err(_) => settings.asked().cloned(),
        },
        None => settings.asked().cloned(),
    };
    let findings = mesh::contradictions(&settings, loaded.as_ref(), &manifests);
    let is_bad = findings
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    let report = Report {
        file: &settings.file,
        form: settings.form,
        path: &settings.path,
        line: settings.line,
        setting: word(&settings),
        meaning: meaning(asked.as_ref(), loaded.as_ref(), &inventory),
        findings,
    };
    let text = match output {
        Output::Json => {
            serde_json::to_string_pretty(&report).map_err(|_| Failure::Encoding("JSON"))?
        }
        Output::Text => text(&report),
    };
    terminal::line(text).map_err(Failure::Output)?;
    Ok(if is_bad { Exit::Findings } else { Exit::Ok })
}

const fn word(settings: &MeshSettings) -> &'static str {
    match settings.setting {
        Setting::Absent => "absent",
        Setting::Off => "off",
        Setting::On(_) => "on",
    }
}

fn text(report: &Report<'_>) -> String {
    let mut lines = vec![headline(report)];
    lines.extend(asked(&report.meaning));
    if !report.meaning.segments.is_empty() {
        lines.push("segments, as they are called".to_owned());
    }
    for segment in &report.meaning.segments {
        let name = &segment.segment;
        let mut parts = Vec::new();
        if !segment.asks_in.is_empty() {
            parts.push(format!("asks in {}", namespaces(&segment.asks_in)));
        }
        if !segment.exempt_in.is_empty() {
            parts.push(format!(
                "does not ask in {}",
                namespaces(&segment.exempt_in)
            ));
        }
        lines.push(format!("  {name}: {}", parts.join("; ")));
    }
    if !report.meaning.flows.is_empty() {
        lines.push("flows, and what becomes of callers of each assurance".to_owned());
    }
    for flow in &report.meaning.flows {
        lines.extend(of_flow(flow, report.meaning.asked.as_ref()));
    }
    if !report.meaning.workloads.is_empty() {
        lines.push("workloads, as they are called".to_owned());
    }
    for workload in &report.meaning.workloads {
        let is = match workload.is {
            WorkloadIs::Asking => report
                .meaning
                .asked
                .as_ref()
                .map_or("asks".to_owned(), of_callers),
            WorkloadIs::Exempt => "does not ask, beside its flows".to_owned(),
            WorkloadIs::Unseen => "has no sidecar that could ask".to_owned(),
        };
        let segment = match &workload.segment {
            Some(name) => format!("segment {name}"),
            None => "no segment".to_owned(),
        };
        lines.push(format!(
            "  {}/{} {}, service account {}, {segment}: {is}",
            workload.namespace, workload.kind, workload.name, workload.service_account
        ));
    }
    let mut lines: Vec<String> = lines
        .into_iter()
        .map(|line| Printable(&line).to_string())
        .collect();
    lines.extend(report.findings.iter().map(labelled));
    lines.join("\n")
}

fn headline(report: &Report<'_>) -> String {
    let place = match report.line {
        Some(line) => format!("{} (line {line})", report.path),
        None => report.path.to_owned(),
    };
    format!(
        "{}, {}: {place} is {}",
        report.file, report.form, report.setting
    )
}

fn asked(meaning: &Meaning) -> Vec<String> {
    let Some(asked) = &meaning.asked else {
        return vec!["nothing is asked of callers beside what their flows ask".to_owned()];
    };
    let exempt = if asked.exempt_namespaces.is_empty() {
        "none".to_owned()
    } else {
        asked.exempt_namespaces.join(", ")
    };
    vec![
        format!("  mode               {}", asked.mode.as_str()),
        format!(
            "  minimum assurance  {}",
            Assurance::from(asked.minimum_assurance).as_str()
        ),
        format!("  key exchange       {}", asked.key_exchange.as_str()),
        format!("  exempt namespaces  {exempt}"),
    ]
}

/// What a workload that asks makes of callers, whatever its flows ask.
fn of_callers(asked: &Asked) -> String {
    let floor = Assurance::from(asked.minimum_assurance).as_str();
    let also = match asked.key_exchange {
        KeyExchangeRule::Required => ", or without a hybrid key exchange,",
        KeyExchangeRule::Preferred | KeyExchangeRule::Ignored => "",
    };
    let then = match asked.mode {
        Mode::Enforce => "refused",
        Mode::Shadow => "reported",
    };
    format!("callers below {floor}{also} are {then}")
}

fn namespaces(names: &[String]) -> String {
    let noun = if names.len() == 1 {
        "namespace"
    } else {
        "namespaces"
    };
    format!("{noun} {}", names.join(", "))
}

fn of_flow(flow: &FlowMeaning, asked: Option<&Asked>) -> Vec<String> {
    let of_mesh = match asked {
        Some(asked) if flow.is_asked => format!(
            "the mesh asks {}, {}",
            Assurance::from(asked.minimum_assurance).as_str(),
            asked.mode.as_str()
        ),
        Some(_) => "the mesh exempts the namespace".to_owned(),
        None => "the mesh asks nothing".to_owned(),
    };
    let mut lines = vec![format!(
        "  {} to {} in {}: at least {} (the flow asks {}, {}; {of_mesh})",
        flow.flow,
        flow.to,
        namespaces(&flow.namespaces),
        Assurance::from(flow.minimum_assurance).as_str(),
        Assurance::from(flow.own_minimum_assurance).as_str(),
        flow.own_mode.as_str()
    )];
    for caller in &flow.callers {
        let by = if caller.by.is_empty() {
            String::new()
        } else {
            format!(" by the {}", caller.by.join(" and the "))
        };
        let answer = match caller.answer {
            AnswerMeaning::Allowed => "allowed",
            AnswerMeaning::Reported => "reported",
            AnswerMeaning::Refused => "refused",
        };
        let assurance = Assurance::from(caller.assurance).as_str();
        lines.push(format!("    {assurance:<13}{answer}{by}"));
    }
    lines
}
