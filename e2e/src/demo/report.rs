//! What the demonstration tells: lines on the terminal, and `target/demo/report.json`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anstream::println;
use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::HarnessError;
use crate::observed::{Observed, Seen};
use crate::scenario::{Expectation, Request, Step, Verdict};

/// The outcome of all steps.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Whether all steps came out as expected.
    passed: bool,
    steps: Vec<Line>,
}

/// The outcome of a step.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    name: String,
    caller: String,
    expected: String,
    actual: String,
    reason: Option<String>,
    /// The flow that the sidecar's record names; a request that is simply allowed has no record.
    flow: Option<String>,
    /// The score at the last request.
    trust: Option<u8>,
    /// The score at each request of the step.
    trusts: Vec<Option<u8>>,
    /// The round trip of the last request, as the client saw it.
    milliseconds: f64,
    passed: bool,
    #[serde(skip)]
    style: Style,
    #[serde(skip)]
    expectation: Expectation,
    #[serde(skip)]
    differences: Vec<String>,
}

// === impl Report ===

impl Report {
    pub(super) fn new(steps: Vec<Line>) -> Self {
        Self {
            passed: steps.iter().all(|line| line.passed),
            steps,
        }
    }

    pub(super) const fn passed(&self) -> bool {
        self.passed
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), HarnessError> {
        let text = serde_json::to_string_pretty(self).map_err(|cause| HarnessError::Json {
            what: "the report",
            cause,
        })?;
        fs::write(path, text).map_err(|cause| HarnessError::file(path, cause))
    }

    /// What was shown, and where to read on.
    pub(super) fn conclude(&self, folder: &Path) {
        let count = self.steps.len();
        let failed = self.steps.iter().filter(|line| !line.passed).count();
        let (good, bad, reset) = (GOOD.render(), BAD.render(), GOOD.render_reset());
        println!();
        if failed == 0 {
            println!("{good}All {count} steps came out as they should.{reset}");
        } else {
            println!("{bad}{failed} of {count} steps came out differently.{reset}");
        }
        println!("Every decision was made in Envoy by the WebAssembly module, over mutual TLS:");
        println!("identity by RSA and ML-DSA, flows between segments, and trust that is lost.");
        println!("Report and logs: {}", folder.display());
    }
}

// === impl Line ===

impl Line {
    pub(super) fn new(step: &Step) -> Self {
        let expect = &step.expect;
        println!();
        println!("{}{}{}", TITLE.render(), step.name, TITLE.render_reset());
        Self {
            name: step.name.clone(),
            caller: step.connection.clone(),
            expected: outcome(expect.verdict, expect.would_deny, expect.reason.as_deref()),
            actual: String::new(),
            reason: None,
            flow: None,
            trust: None,
            trusts: Vec::new(),
            milliseconds: 0.0,
            passed: true,
            style: BAD,
            expectation: step.expect.clone(),
            differences: Vec::new(),
        }
    }

    /// Adds the outcome of one request; a step passes when all of its requests do.
    pub(super) fn add(&mut self, observed: &Observed, duration: Duration) {
        let reason = observed.reason.as_deref();
        self.actual = outcome(observed.verdict, observed.would_deny, reason);
        self.reason.clone_from(&observed.reason);
        self.style = match observed.verdict {
            Verdict::Allow if observed.would_deny => WARNING,
            Verdict::Allow => GOOD,
            Verdict::Deny => BAD,
        };
        self.flow = match &observed.flow {
            Seen::Named(name) => Some(name.clone()),
            Seen::None | Seen::NotTold => None,
        };
        self.trust = observed.trust;
        self.trusts.push(observed.trust);
        self.milliseconds = (duration.as_secs_f64() * 10_000.0).round() / 10.0;
        self.differences
            .extend(observed.differences(&self.expectation));
        self.passed = self.differences.is_empty();
    }

    /// Request, verdict, reason, trust and time.
    pub(super) fn print(&self, request: &Request) {
        let (on, off) = (self.style.render(), self.style.render_reset());
        let call = format!("{}: {} {}", self.caller, request.method, request.path);
        let trust = self
            .trust
            .map_or_else(|| "-".to_owned(), |trust| trust.to_string());
        let Self {
            actual,
            milliseconds,
            ..
        } = self;
        println!("  {call:<52} -> {on}{actual:<44}{off} trust {trust:>2}  {milliseconds:5.1} ms");
    }

    pub(super) fn print_differences(&self) {
        for difference in &self.differences {
            println!("  {}{difference}{}", BAD.render(), BAD.render_reset());
        }
    }
}

/// `allow`, `allow (would deny: reason)` or `deny (reason)`.
fn outcome(verdict: Verdict, would_deny: bool, reason: Option<&str>) -> String {
    let reason = reason.unwrap_or("no reason");
    match verdict {
        Verdict::Allow if would_deny => format!("allow (would deny: {reason})"),
        Verdict::Allow => "allow".to_owned(),
        Verdict::Deny => format!("deny ({reason})"),
    }
}

pub(super) fn heading(text: &str) {
    println!("{}{text}{}", TITLE.render(), TITLE.render_reset());
}

pub(super) fn note(text: &str) {
    println!("{text}");
}

const TITLE: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
