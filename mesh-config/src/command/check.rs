//! `sallyport check`: everything that is wrong with policy files, and what is probably not meant.

use std::path::Path;

use sallyport_engine::hexadecimal;
use sallyport_engine::time::TimeMs;
use sallyport_mesh_config::finding::{Code, Finding, Printable, Severity};
use sallyport_mesh_config::grants::{self, GrantState};
use sallyport_mesh_config::mesh::{self, MeshSettings};
use sallyport_mesh_config::policy_file::{self, LoadedPolicy, PolicyFileErrors};
use sallyport_mesh_config::{lint, sarif};
use serde::Serialize;

use super::counted;
use super::failure::Failure;
use super::inventory::{self, Known};
use crate::args::{CheckArgs, Format};
use crate::clock;
use crate::exit::Exit;
use crate::terminal::{self, Tone, labelled, toned};

/// What is to say about one file.
struct Checked {
    file: String,
    loaded: Option<LoadedPolicy>,
    grants: Vec<GrantState>,
    findings: Vec<Finding>,
    readable: bool,
}

/// What a policy is compared with.
struct Surroundings {
    mesh: Option<MeshSettings>,
    known: Known,
    now: TimeMs,
}

/// The same as JSON.
#[derive(Serialize)]
struct Report<'a> {
    file: &'a str,
    /// Name of the policy, if there is a valid one.
    policy: Option<&'a str>,
    /// Whether nothing fails the check.
    ok: bool,
    errors: Vec<&'a Finding>,
    warnings: Vec<&'a Finding>,
    notes: Vec<&'a Finding>,
    /// The grants as they are at the time, those in force first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    grants: Vec<GrantState>,
    sha256: Option<String>,
    /// What the gauge `sallyport.policy_hash` shows.
    policy_hash: Option<u64>,
}

pub(super) fn run(args: &CheckArgs, format: Format) -> Result<Exit, Failure> {
    let now = match &args.at {
        Some(text) => clock::parse(text)?,
        None => clock::now(),
    };
    let fatal = if args.deny_warnings {
        Severity::Warning
    } else {
        Severity::Error
    };
    let mesh = args.mesh.as_deref().map(mesh::load).transpose();
    let surroundings = Surroundings {
        mesh: mesh.map_err(Failure::files)?,
        known: inventory::read(&args.inventory)?,
        now,
    };
    let files: Vec<Checked> = args
        .files
        .iter()
        .map(|path| check(path, &surroundings))
        .collect();
    match format {
        Format::Text => print(&files, |file| Ok(text(file, fatal)))?,
        Format::Json => print(&files, |file| json(file, fatal))?,
        Format::Sarif => {
            let findings = files.iter().flat_map(|checked| {
                let findings = checked.findings.iter();
                findings.map(|finding| (checked.file.as_str(), finding))
            });
            let log = serde_json::to_string_pretty(&sarif::log(findings));
            let log = log.map_err(|_| Failure::Encoding("SARIF"))?;
            terminal::line(log).map_err(Failure::Output)?;
        }
    }
    Ok(if files.iter().any(|checked| !checked.readable) {
        Exit::Failure
    } else if files.iter().any(|checked| checked.fails(fatal)) {
        Exit::Findings
    } else {
        Exit::Ok
    })
}

fn check(path: &Path, surroundings: &Surroundings) -> Checked {
    let file = path.display().to_string();
    let (loaded, findings, readable) = match policy_file::load(path) {
        Ok(mut loaded) => {
            let mut findings = std::mem::take(&mut loaded.warnings);
            let Surroundings { mesh, known, now } = surroundings;
            findings.extend(lint::lint(&loaded, known.inventory.as_ref(), *now));
            let contradictions =
                |settings| mesh::contradictions(settings, Some(&loaded), &known.manifests);
            findings.extend(mesh.iter().flat_map(contradictions));
            findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
            (Some(loaded), findings, true)
        }
        Err(PolicyFileErrors::Invalid { findings, .. }) => (None, findings, true),
        Err(error) => {
            let finding = Finding::new(Code::Unreadable, "", error.to_string());
            (None, vec![finding], false)
        }
    };
    let grants = loaded
        .iter()
        .flat_map(|loaded| &loaded.document.spec.grants);
    let grants = grants.flat_map(|grants| grants::at(grants, surroundings.now));
    Checked {
        file,
        grants: grants.collect(),
        loaded,
        findings,
        readable,
    }
}

fn print(
    files: &[Checked],
    write: impl Fn(&Checked) -> Result<String, Failure>,
) -> Result<(), Failure> {
    for checked in files {
        terminal::line(write(checked)?).map_err(Failure::Output)?;
    }
    Ok(())
}

impl Checked {
    fn of(&self, severity: Severity) -> Vec<&Finding> {
        let findings = self.findings.iter();
        findings
            .filter(|finding| finding.severity == severity)
            .collect()
    }

    fn fails(&self, fatal: Severity) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.severity >= fatal)
    }
}

fn json(checked: &Checked, fatal: Severity) -> Result<String, Failure> {
    let loaded = checked.loaded.as_ref();
    let report = Report {
        file: &checked.file,
        policy: loaded.map(|loaded| &**loaded.policy.name()),
        ok: !checked.fails(fatal),
        errors: checked.of(Severity::Error),
        warnings: checked.of(Severity::Warning),
        notes: checked.of(Severity::Note),
        grants: checked.grants.clone(),
        sha256: loaded.map(|loaded| hexadecimal::encode(&loaded.sha256)),
        policy_hash: loaded.map(LoadedPolicy::policy_hash),
    };
    serde_json::to_string(&report).map_err(|_| Failure::Encoding("JSON"))
}

fn text(checked: &Checked, fatal: Severity) -> String {
    let findings = checked.findings.iter();
    let lines = findings.map(|finding| labelled(finding) + "\n");
    let grants = checked.grants.iter();
    let grants = grants.map(|grant| format!("grant {grant}\n"));
    lines.chain(grants).collect::<String>() + &summary(checked, fatal)
}

fn summary(checked: &Checked, fatal: Severity) -> String {
    let errors = counted(checked.of(Severity::Error).len(), "error");
    let Some(loaded) = &checked.loaded else {
        let file = Printable(&checked.file);
        if !checked.readable {
            return format!("{file}: {}", toned(Tone::Bad, "cannot be read"));
        }
        return format!("{file}: {}, {errors}", toned(Tone::Bad, "invalid"));
    };
    let verdict = if !checked.fails(fatal) {
        toned(Tone::Good, "ok")
    } else if checked.fails(Severity::Error) {
        toned(Tone::Bad, &format!("not ok, {errors}"))
    } else {
        let warnings = counted(checked.of(Severity::Warning).len(), "warning");
        toned(Tone::Bad, &format!("not ok, {warnings}"))
    };
    let spec = &loaded.document.spec;
    let authorities = spec.authorities.as_ref().map_or(0, |authorities| {
        let certificates = authorities.certificates.as_ref().map_or(0, Vec::len);
        certificates.saturating_add(authorities.tokens.as_ref().map_or(0, Vec::len))
    });
    let grants = match checked.grants.len() {
        0 => String::new(),
        count => format!(", {}", counted(count, "grant")),
    };
    format!(
        "policy {}: {verdict}, {}, {}, {}{grants}, {}, sha256 {}, policy_hash {}",
        loaded.policy.name(),
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
