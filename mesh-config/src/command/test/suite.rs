//! A test file, from text to single requests with the answer that is expected.

use std::path::{Path, PathBuf};

use sallyport_engine::reason::DenyReason;
use sallyport_mesh_config::bounded;
use sallyport_mesh_config::explain::Outcome;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_saphyr::Spanned;

use crate::args::{Asked, AssumedAssurance};
use crate::command::failure::Failure;

/// Requests to a policy, and the answers that are expected.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::command) struct TestFile {
    /// The policy file, relative to the folder of the test file. Not needed with `--policy`.
    pub(super) policy: Option<PathBuf>,
    /// What requests have that do not say otherwise.
    #[serde(default)]
    defaults: Asked,
    /// The tests. At least one.
    #[schemars(with = "Vec<Test>", length(min = 1))]
    tests: Vec<Spanned<Test>>,
}

/// A request, or several that get the same answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Test {
    /// What is tested, in a few words.
    name: String,
    /// The request; its keys are named as the flags of `sallyport explain`, in camel case.
    #[serde(default)]
    request: Asked,
    /// Values that the request has in turn: each combination is a test.
    #[serde(default)]
    cases: Cases,
    /// The answer that is expected.
    expect: Expected,
}

/// Lists of values. What is absent is that of the request.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Cases {
    /// SPIFFE IDs of callers.
    from: Vec<String>,
    /// SPIFFE IDs of workloads that are called.
    to: Vec<String>,
    /// HTTP methods.
    method: Vec<String>,
    /// Paths.
    path: Vec<String>,
    /// Ports.
    port: Vec<u16>,
    /// Assurances.
    assurance: Vec<AssumedAssurance>,
    /// Claims `model_digest` of tokens.
    model_digest: Vec<String>,
    /// Claims `image_digest` of tokens.
    image_digest: Vec<String>,
}

/// The answer that a request is expected to get.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Expected {
    /// Whether the request goes on.
    pub(super) verdict: ExpectedVerdict,
    /// The reason code of a denial. Absent: any.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "reason"
    )]
    #[schemars(schema_with = "reasons")]
    pub(super) reason: Option<String>,
    /// The flow that the request belongs to. Absent: any, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) flow: Option<String>,
    /// The grant that decides, where no flow covers the request. Absent: any, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) grant: Option<String>,
}

/// Whether a request goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum ExpectedVerdict {
    /// It does.
    Allow,
    /// It is refused.
    Deny,
    /// It does only because the mode that applies is shadow.
    WouldDeny,
}

/// One request with its expected answer.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) line: u64,
    pub(super) asked: Asked,
    pub(super) expected: Expected,
}

/// Why a test file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidTests {
    #[error("{0}")]
    Form(String),
    #[error("line {line}: test `{name}` has more than {MAXIMUM_CASES} cases")]
    TooManyCases { line: u64, name: String },
    #[error("it has no tests")]
    Empty,
    #[error("it names no `policy`, and there is no `--policy`")]
    NoPolicy,
}

/// Reads a test file.
pub(super) fn read(path: &Path) -> Result<TestFile, Failure> {
    let text = bounded::file(path, MAXIMUM_MEBIBYTES).map_err(Failure::unreadable(path))?;
    let file = parse(&text);
    file.map_err(|cause| Failure::Tests {
        path: path.to_owned(),
        cause,
    })
}

fn parse(text: &str) -> Result<TestFile, InvalidTests> {
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::Error,
        merge_keys: serde_saphyr::options::MergeKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    };
    let file: TestFile = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| InvalidTests::Form(error.without_snippet().to_string()))?;
    if file.tests.is_empty() {
        return Err(InvalidTests::Empty);
    }
    Ok(file)
}

impl TestFile {
    /// All single requests.
    pub(super) fn cases(&self) -> Result<Vec<Case>, InvalidTests> {
        let mut all = Vec::new();
        for test in &self.tests {
            let (line, test) = (test.referenced.line(), &test.value);
            let combinations = test.cases.combinations().ok_or_else(|| {
                let name = test.name.clone();
                InvalidTests::TooManyCases { line, name }
            })?;
            let several = combinations.len() > 1;
            for (label, case) in combinations {
                let name = if several {
                    format!("{} [{label}]", test.name)
                } else {
                    test.name.clone()
                };
                all.push(Case {
                    name,
                    line,
                    asked: case.or(&test.request).or(&self.defaults),
                    expected: test.expect.clone(),
                });
            }
        }
        Ok(all)
    }
}

impl Cases {
    /// Each combination with what tells it apart; none if there are too many.
    fn combinations(&self) -> Option<Vec<(String, Asked)>> {
        let mut all = vec![(String::new(), Asked::default())];
        multiply(&mut all, &self.from, |asked, value| {
            asked.from = Some(value.clone())
        })?;
        multiply(&mut all, &self.to, |asked, value| {
            asked.to = Some(value.clone())
        })?;
        multiply(&mut all, &self.method, |asked, value| {
            asked.method = Some(value.clone())
        })?;
        multiply(&mut all, &self.path, |asked, value| {
            asked.path = Some(value.clone())
        })?;
        multiply(&mut all, &self.port, |asked, value| {
            asked.port = Some(*value)
        })?;
        multiply(&mut all, &self.assurance, |asked, value| {
            asked.assurance = Some(*value)
        })?;
        multiply(&mut all, &self.model_digest, |asked, value| {
            asked.model_digest = Some(value.clone())
        })?;
        multiply(&mut all, &self.image_digest, |asked, value| {
            asked.image_digest = Some(value.clone())
        })?;
        Some(all)
    }
}

/// Replaces each request by one for each value.
fn multiply<T: Label>(
    all: &mut Vec<(String, Asked)>,
    values: &[T],
    set: impl Fn(&mut Asked, &T),
) -> Option<()> {
    if values.is_empty() {
        return Some(());
    }
    if all.len().saturating_mul(values.len()) > MAXIMUM_CASES {
        return None;
    }
    let before = std::mem::take(all);
    for (label, asked) in before {
        for value in values {
            let mut asked = asked.clone();
            set(&mut asked, value);
            let separator = if label.is_empty() { "" } else { " " };
            all.push((format!("{label}{separator}{}", value.label()), asked));
        }
    }
    Some(())
}

/// What tells a value apart in the name of a test.
trait Label {
    fn label(&self) -> String;
}

impl Label for String {
    fn label(&self) -> String {
        self.strip_prefix("spiffe://").unwrap_or(self).to_owned()
    }
}

impl Label for u16 {
    fn label(&self) -> String {
        self.to_string()
    }
}

impl Label for AssumedAssurance {
    fn label(&self) -> String {
        match self {
            Self::Classical => "classical",
            Self::Hybrid => "hybrid",
            Self::HybridProven => "hybridProven",
        }
        .to_owned()
    }
}

// === impl ExpectedVerdict ===

impl ExpectedVerdict {
    pub(super) const fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Allowed => Self::Allow,
            Outcome::Denied => Self::Deny,
            Outcome::WouldBeDenied => Self::WouldDeny,
        }
    }

    /// As in test files.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::WouldDeny => "wouldDeny",
        }
    }
}

/// A reason that exists: a misspelt one would make a test that can never pass, or prove anything.
fn reason<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if DenyReason::ALL.iter().any(|reason| reason.code() == text) {
        Ok(Some(text))
    } else {
        let shown: String = text.escape_debug().take(40).collect();
        Err(serde::de::Error::custom(format!(
            "`{shown}` is no reason; docs/deny-reasons.md lists them"
        )))
    }
}

fn reasons(_: &mut SchemaGenerator) -> Schema {
    let codes: Vec<&str> = DenyReason::ALL.iter().map(|reason| reason.code()).collect();
    json_schema!({"type": "string", "enum": codes})
}

const MAXIMUM_MEBIBYTES: u32 = 8;
/// Of one test.
const MAXIMUM_CASES: usize = 10_000;
