//! `sallyport test`: are a policy's answers the expected ones?

mod coverage;
mod junit;
pub(super) mod suite;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anstream::adapter::strip_str;
use sallyport_mesh_config::explain::explain;
use sallyport_mesh_config::finding::Printable;
use sallyport_mesh_config::policy_file::LoadedPolicy;
use serde::Serialize;

use super::failure::Failure;
use super::{ask, explain as explaining, policy};
use crate::args::{Output, TestArgs};
use crate::exit::Exit;
use crate::terminal::{self, Tone, toned};
use coverage::{Coverage, Covered};
use suite::{Case, Expected, ExpectedVerdict, InvalidTests};

/// What came of a file.
#[derive(Serialize)]
struct Tested {
    file: String,
    #[serde(rename = "tests")]
    results: Vec<TestResult>,
}

/// What came of a request.
#[derive(Serialize)]
struct TestResult {
    name: String,
    /// Where the test stands in its file.
    line: u64,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Mismatch>,
}

/// What was expected, and what came instead.
#[derive(Serialize)]
struct Mismatch {
    expected: Expected,
    came: Expected,
    #[serde(skip)]
    explanation: String,
}

/// What all came to.
#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    passed: usize,
    failed: usize,
    files: &'a [Tested],
    policies: &'a [PolicyReport],
}

#[derive(Serialize)]
struct PolicyReport {
    policy: String,
    file: String,
    coverage: Covered,
}

/// A policy that is asked, and what it was asked about.
struct Subject {
    loaded: LoadedPolicy,
    coverage: Coverage,
}

pub(super) fn run(args: &TestArgs, output: Output) -> Result<Exit, Failure> {
    let mut policies: BTreeMap<PathBuf, Subject> = BTreeMap::new();
    let mut files = Vec::new();
    for path in &args.files {
        files.push(test(path, args, &mut policies)?);
    }
    let reports: Vec<PolicyReport> = policies
        .iter()
        .map(|(path, subject)| PolicyReport {
            policy: subject.loaded.policy.name().to_string(),
            file: path.display().to_string(),
            coverage: subject.coverage.of(&subject.loaded),
        })
        .collect();
    if let Some(path) = &args.junit {
        fs::write(path, junit::xml(&files, &reports, args.min_coverage)?)
            .map_err(Failure::unwritable(path))?;
    }
    let results = || files.iter().flat_map(|file| &file.results);
    let failed = results().filter(|result| !result.ok).count();
    let is_covered = |report: &PolicyReport| report.is_covered(args.min_coverage);
    let report = Report {
        ok: failed == 0 && reports.iter().all(is_covered),
        passed: results().count().saturating_sub(failed),
        failed,
        files: &files,
        policies: &reports,
    };
    let text = match output {
        Output::Json => {
            serde_json::to_string_pretty(&report).map_err(|_| Failure::Encoding("JSON"))?
        }
        Output::Text => text(&report, args.min_coverage),
    };
    terminal::line(text).map_err(Failure::Output)?;
    Ok(if report.ok { Exit::Ok } else { Exit::Findings })
}

fn test(
    path: &Path,
    args: &TestArgs,
    policies: &mut BTreeMap<PathBuf, Subject>,
) -> Result<Tested, Failure> {
    let invalid = |cause: InvalidTests| Failure::Tests {
        path: path.to_owned(),
        cause,
    };
    let file = suite::read(path)?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let policy = match (&args.policy, &file.policy) {
        (Some(policy), _) => policy.clone(),
        (None, Some(policy)) => folder.join(policy),
        (None, None) => return Err(invalid(InvalidTests::NoPolicy)),
    };
    if !policies.contains_key(&policy) {
        let subject = Subject {
            loaded: policy::load(&policy, args.mesh.as_deref())?,
            coverage: Coverage::default(),
        };
        policies.insert(policy.clone(), subject);
    }
    let mut results = Vec::new();
    if let Some(subject) = policies.get_mut(&policy) {
        for case in file.cases().map_err(invalid)? {
            let result = judge(&case, &folder, subject);
            results.push(result.map_err(|cause| Failure::Test {
                path: path.to_owned(),
                line: case.line,
                name: case.name.clone(),
                cause: Box::new(cause),
            })?);
        }
    }
    Ok(Tested {
        file: path.display().to_string(),
        results,
    })
}

fn judge(case: &Case, folder: &Path, subject: &mut Subject) -> Result<TestResult, Failure> {
    ask::check_combination(&case.asked)?;
    let question = ask::question(&case.asked, folder)?;
    let answer = explain(&subject.loaded, &question);
    if let Some(place) = answer.operation {
        subject.coverage.note(place);
    }
    let came = Expected {
        verdict: ExpectedVerdict::of(answer.outcome),
        reason: answer.reason.map(|reason| reason.code().to_owned()),
        flow: answer.record.flow.clone(),
        grant: answer.record.grant.as_ref().map(|grant| grant.name.clone()),
    };
    let record = explaining::recorded(&answer)?;
    let expected = &case.expected;
    let fits = |wanted: &Option<String>, came: &Option<String>| wanted.is_none() || wanted == came;
    let ok = expected.verdict == came.verdict
        && fits(&expected.reason, &came.reason)
        && fits(&expected.flow, &came.flow)
        && fits(&expected.grant, &came.grant);
    Ok(TestResult {
        name: case.name.clone(),
        line: case.line,
        ok,
        failure: (!ok).then(|| Mismatch {
            expected: expected.clone(),
            came,
            explanation: strip_str(&explaining::text(&record)).to_string(),
        }),
    })
}

impl PolicyReport {
    fn is_covered(&self, least: u8) -> bool {
        self.coverage.operations.percent >= usize::from(least)
    }
}

impl Mismatch {
    fn difference(&self) -> String {
        format!(
            "expected {}, and came {}",
            shown(&self.expected),
            shown(&self.came)
        )
    }
}

/// `deny (flow_not_allowed), flow web-to-orders`.
fn shown(answer: &Expected) -> String {
    let mut text = answer.verdict.as_str().to_owned();
    if let Some(reason) = &answer.reason {
        text = format!("{text} ({reason})");
    }
    if let Some(flow) = &answer.flow {
        text = format!("{text}, flow {flow}");
    }
    if let Some(grant) = &answer.grant {
        text = format!("{text}, grant {grant}");
    }
    text
}

fn text(report: &Report<'_>, least: u8) -> String {
    let mut lines = Vec::new();
    for file in report.files {
        for result in &file.results {
            let name = Printable(&result.name).to_string();
            match &result.failure {
                None => lines.push(format!("test {name} ... {}", toned(Tone::Good, "ok"))),
                Some(failure) => {
                    let failed = toned(Tone::Bad, "FAILED");
                    let place = Printable(&file.file).to_string();
                    lines.push(format!("test {name} ... {failed}"));
                    lines.push(format!("  {place}:{}", result.line));
                    lines.push(format!("  {}", Printable(&failure.difference())));
                    lines.extend(
                        failure
                            .explanation
                            .lines()
                            .map(|line| format!("  | {line}")),
                    );
                }
            }
        }
    }
    for policy in report.policies {
        let covered = &policy.coverage;
        lines.push(format!(
            "policy {}: {} % of flows ({} of {}) and {} % of operations ({} of {}) are met by a request",
            policy.policy,
            covered.flows.percent,
            covered.flows.covered,
            covered.flows.total,
            covered.operations.percent,
            covered.operations.covered,
            covered.operations.total,
        ));
        let missing = covered.missing.iter();
        lines.extend(missing.map(|missing| format!("  {missing}")));
        if !policy.is_covered(least) {
            let bad = toned(Tone::Bad, "too little");
            lines.push(format!("  {bad}: {least} % of operations are wanted"));
        }
    }
    let word = if report.ok {
        toned(Tone::Good, "ok")
    } else {
        toned(Tone::Bad, "FAILED")
    };
    let (passed, failed) = (report.passed, report.failed);
    lines.push(format!("result: {word}. {passed} passed, {failed} failed"));
    lines.join("\n")
}
