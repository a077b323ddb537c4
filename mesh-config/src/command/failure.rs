//! Why a command gave no result, for people and for programs.

use std::io;
use std::path::{Path, PathBuf};

use sallyport_credentials::document::InvalidDocument;
use sallyport_credentials::issue::IssueError;
use sallyport_credentials::jwk::InvalidJwk;
use sallyport_credentials::jws::InvalidJws;
use sallyport_credentials::report::InvalidCertificate;
use sallyport_engine::artifact::InvalidArtifactDigest;
use sallyport_engine::identity::InvalidSpiffeId;
use sallyport_mesh_config::finding::{Code, Finding, Printable};
use sallyport_mesh_config::format::Unformattable;
use sallyport_mesh_config::policy_file::PolicyFileErrors;
use sallyport_mesh_config::render::InvalidRendering;
use sallyport_simulation::trace::InvalidLine;
use serde::Serialize;

use super::test::suite::InvalidTests;
use crate::args::Output;
use crate::clock::InvalidTime;
use crate::exit::Exit;
use crate::terminal::{Tone, labelled, toned};

/// Why a command gave no result. What to do about it is said by [`Failure::help`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Failure {
    #[error("{0}")]
    Policy(#[from] PolicyFileErrors),
    #[error("a file cannot be used")]
    Files(Vec<Finding>),
    #[error("a file cannot be read")]
    FilesUnreadable(Vec<Finding>),
    #[error("{0}")]
    Rendering(#[from] InvalidRendering),
    #[error("this cannot be rendered")]
    Unrendered(Vec<Finding>),
    #[error(
        "`--manifests` or `--workloads` is needed: a policy names identities, and resources are rendered for the namespaces and ports where workloads with these identities run"
    )]
    WorkloadsNeeded,
    #[error("`{}` is no folder", .0.display())]
    NoFolder(PathBuf),
    #[error("the folder `{}` is not empty", .0.display())]
    NotEmpty(PathBuf),
    #[error("{0}")]
    Time(#[from] InvalidTime),
    #[error("{}", with_source(.0))]
    Issue(#[from] IssueError),
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
    #[error("cannot read `{}`: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("cannot write `{}`: {cause}", path.display())]
    Unwritable { path: PathBuf, cause: io::Error },
    #[error("`{}` exists", .0.display())]
    Exists(PathBuf),
    #[error("cannot write the result as {0}")]
    Encoding(&'static str),
    #[error("`{0}` is missing")]
    FlagMissing(&'static str),
    #[error("`{0}` and `{1}` contradict each other")]
    FlagsContradict(&'static str, &'static str),
    #[error("`{0}` needs `{1}`")]
    FlagNeeds(&'static str, &'static str),
    #[error("`{0}` is needed here")]
    FlagNeeded(&'static str),
    #[error("only `check` writes SARIF")]
    OnlyCheckWritesSarif,
    #[error("`--algorithm Dilithium5` is for token authorities only")]
    LegacyAlgorithm,
    #[error("tokens are signed with RSA, and `--key` names another kind")]
    TokenKey,
    #[error("the request in `{}` cannot be used: {cause}", path.display())]
    InvalidRequest {
        path: PathBuf,
        cause: serde_json::Error,
    },
    #[error("`{flag}`: `{text}` is no SPIFFE ID: it {cause}")]
    SpiffeId {
        flag: &'static str,
        text: String,
        cause: InvalidSpiffeId,
    },
    #[error("--{flag}: `{text}` {cause}")]
    Digest {
        flag: &'static str,
        text: String,
        cause: InvalidArtifactDigest,
    },
    #[error("`{}` {cause}", path.display())]
    Document {
        path: PathBuf,
        cause: InvalidDocument,
    },
    #[error("`{}` {cause}", path.display())]
    Certificate {
        path: PathBuf,
        cause: InvalidCertificate,
    },
    #[error("`{}` holds no such decision record", .0.display())]
    NoRecord(PathBuf),
    #[error("`{}` holds no certificate", .0.display())]
    NoCertificate(PathBuf),
    #[error("`{}` is no workload certificate", .0.display())]
    NoWorkload(PathBuf),
    #[error("`{}` is of `{subject}`", path.display())]
    OtherSubject { path: PathBuf, subject: String },
    #[error("`{}` is left as it is: {cause}", path.display())]
    Unformattable { path: PathBuf, cause: Unformattable },
    #[error("the test file `{}` cannot be used: {cause}", path.display())]
    Tests { path: PathBuf, cause: InvalidTests },
    #[error("`{}`, line {line}: test `{name}`: {cause}", path.display())]
    Test {
        path: PathBuf,
        line: u64,
        name: String,
        cause: Box<Failure>,
    },
    #[error("`--denials` goes up to 1000")]
    TooManyDenials,
    #[error("the name `{0}` is no DNS label")]
    AuthorityName(String),
    #[error("the authority in `{}` cannot be used: {}", path.display(), with_source(cause))]
    Authority { path: PathBuf, cause: IssueError },
    #[error("the folder `{}` does not say its authority's name and trust domain", .0.display())]
    AuthorityUnnamed(PathBuf),
    #[error("`{}` is no description of an authority: {cause}", path.display())]
    AuthorityFile {
        path: PathBuf,
        cause: serde_json::Error,
    },
    #[error("the authority in `{}` may have no authority below it", .0.display())]
    PathLength(PathBuf),
    #[error("the authority in `{}` is of another kind than the one below it", .0.display())]
    OtherKind(PathBuf),
    #[error("the authority in `{}` did not issue its own certificate", .0.display())]
    IssuerNeeded(PathBuf),
    #[error("the authority in `{}` issued its own certificate", .0.display())]
    IssuerUnneeded(PathBuf),
    #[error("the issuer of `{}` is not known", .0.display())]
    IssuerUnknown(PathBuf),
    #[error("`{}` is no certificate, public key, JWK, JWS or token", .0.display())]
    Unknown(PathBuf),
    #[error("`{}`: {cause}", path.display())]
    Jwk { path: PathBuf, cause: InvalidJwk },
    #[error("`{}` {cause}", path.display())]
    Jws { path: PathBuf, cause: InvalidJws },
    #[error("`{}` holds {count} keys, and the JWS does not say by `kid` which one it means", path.display())]
    KeyAmbiguous { path: PathBuf, count: usize },
    #[error("`{}` has no key with the `kid` of the JWS, `{kid}`", path.display())]
    KeyUnknown { path: PathBuf, kid: String },
    #[error("`{}` holds no ML-DSA public key: {cause}", path.display())]
    AlternativeKey { path: PathBuf, cause: String },
    #[error("`{}` holds a private key, which is not shown", .0.display())]
    PrivateKey(PathBuf),
    #[error("`{}`, line {line}: {cause}", path.display())]
    Trace {
        path: PathBuf,
        line: u64,
        cause: LineFault,
    },
}

/// Why a line of a trace cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineFault {
    #[error("longer than 64 KiB")]
    TooLong,
    #[error("is not UTF-8")]
    NotUtf8,
    #[error("{0}")]
    Invalid(InvalidLine),
}

/// A failure as JSON.
#[derive(Serialize)]
struct Report<'a> {
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    findings: &'a [Finding],
}

/// What all is said about a failure beside its message.
struct Row {
    exit: Exit,
    code: &'static str,
    help: Option<&'static str>,
}

impl Failure {
    /// What is wrong with files beside the policy.
    pub(crate) fn files(findings: Vec<Finding>) -> Self {
        if findings
            .iter()
            .any(|finding| finding.code == Code::Unreadable)
        {
            Self::FilesUnreadable(findings)
        } else {
            Self::Files(findings)
        }
    }

    /// The exit code for it.
    pub(crate) fn exit(&self) -> Exit {
        self.row().exit
    }

    /// The whole complaint.
    pub(crate) fn text(&self, output: Output) -> String {
        match output {
            Output::Text => self.plain(),
            Output::Json => {
                let row = self.row();
                let path = self.path().map(|path| path.display().to_string());
                json(row.code, path, &self.to_string(), row.help, self.findings())
            }
        }
    }

    /// For people: with what to do, and each error of an invalid policy.
    fn plain(&self) -> String {
        let error = toned(Tone::Bad, "error");
        let mut text = format!("{error}: {}", Printable(&self.to_string()));
        if let Some(help) = self.row().help {
            text = text + ": " + help;
        }
        let findings = self.findings().iter();
        let lines = findings.map(|finding| format!("\n{}", labelled(finding)));
        lines.fold(text, |text, line| text + &line)
    }

    fn findings(&self) -> &[Finding] {
        if let Self::Policy(PolicyFileErrors::Invalid { findings, .. })
        | Self::Unrendered(findings)
        | Self::Files(findings)
        | Self::FilesUnreadable(findings) = self
        {
            findings
        } else {
            &[]
        }
    }

    /// The file or folder that it is about.
    fn path(&self) -> Option<&Path> {
        match self {
            Self::Policy(
                PolicyFileErrors::Invalid { path, .. } | PolicyFileErrors::Unreadable { path, .. },
            )
            | Self::Unreadable { path, .. }
            | Self::Unwritable { path, .. }
            | Self::Exists(path)
            | Self::InvalidRequest { path, .. }
            | Self::Document { path, .. }
            | Self::Certificate { path, .. }
            | Self::NoRecord(path)
            | Self::NoCertificate(path)
            | Self::NoWorkload(path)
            | Self::OtherSubject { path, .. }
            | Self::Authority { path, .. }
            | Self::AuthorityUnnamed(path)
            | Self::AuthorityFile { path, .. }
            | Self::PathLength(path)
            | Self::OtherKind(path)
            | Self::IssuerNeeded(path)
            | Self::IssuerUnneeded(path)
            | Self::IssuerUnknown(path)
            | Self::Unknown(path)
            | Self::Jwk { path, .. }
            | Self::Jws { path, .. }
            | Self::KeyAmbiguous { path, .. }
            | Self::KeyUnknown { path, .. }
            | Self::AlternativeKey { path, .. }
            | Self::PrivateKey(path)
            | Self::NoFolder(path)
            | Self::NotEmpty(path)
            | Self::Trace { path, .. }
            | Self::Tests { path, .. }
            | Self::Unformattable { path, .. }
            | Self::Test { path, .. } => Some(path),
            Self::Policy(_)
            | Self::Files(_)
            | Self::FilesUnreadable(_)
            | Self::Rendering(_)
            | Self::Unrendered(_)
            | Self::Time(_)
            | Self::Issue(_)
            | Self::Output(_)
            | Self::Encoding(_)
            | Self::FlagMissing(_)
            | Self::FlagsContradict(..)
            | Self::FlagNeeds(..)
            | Self::FlagNeeded(_)
            | Self::OnlyCheckWritesSarif
            | Self::LegacyAlgorithm
            | Self::WorkloadsNeeded
            | Self::TokenKey
            | Self::SpiffeId { .. }
            | Self::Digest { .. }
            | Self::TooManyDenials
            | Self::AuthorityName(_) => None,
        }
    }

    /// One row for each failure: exit code, name in JSON, what to do.
    fn row(&self) -> Row {
        match self {
            Self::Policy(PolicyFileErrors::Invalid { .. }) => invalid("policy_invalid", ""),
            Self::Policy(_) => failed("file_unreadable", ""),
            Self::Files(_) => invalid("files_invalid", ""),
            Self::FilesUnreadable(_) => failed("file_unreadable", ""),
            Self::NoFolder(_) => failed("no_folder", "name a folder"),
            Self::NotEmpty(_) => failed("folder_not_empty", "name a new one, or an empty one"),
            Self::Rendering(_) | Self::Unrendered(_) => invalid("rendering_refused", ""),
            Self::Time(_) => failed("time_invalid", ""),
            Self::Issue(_) => failed("issue_failed", ""),
            Self::Output(_) => failed("output_failed", ""),
            Self::Unreadable { cause, .. } if cause.kind() == io::ErrorKind::FileTooLarge => {
                invalid("file_too_long", "name another file")
            }
            Self::Unreadable { .. } => failed("file_unreadable", ""),
            Self::Unwritable { .. } => failed("file_unwritable", ""),
            Self::Exists(_) => failed(
                "file_exists",
                "give `--force` to replace it, or choose another place",
            ),
            Self::Encoding(_) => failed("internal", "please report it"),
            Self::FlagMissing(_) => {
                failed("usage", "give it as a flag, or in the file of `--request`")
            }
            Self::FlagsContradict(..) => failed("usage", "leave one of them out"),
            Self::FlagNeeds(..)
            | Self::FlagNeeded(_)
            | Self::WorkloadsNeeded
            | Self::TooManyDenials => failed("usage", ""),
            Self::OnlyCheckWritesSarif => failed("usage", "use `--output json`"),
            Self::LegacyAlgorithm => failed("usage", "use ML-DSA-44, ML-DSA-65 or ML-DSA-87"),
            Self::TokenKey => failed("usage", "use rsa-2048, rsa-3072 or rsa-4096"),
            Self::InvalidRequest { .. } => invalid("request_invalid", ""),
            Self::SpiffeId { .. } | Self::Digest { .. } => failed("usage", ""),
            Self::Document { .. } => invalid(
                "file_invalid",
                "name a file with certificates or public keys, PEM or DER",
            ),
            Self::Certificate { .. } => {
                invalid("certificate_invalid", "name a file with X.509 certificates")
            }
            Self::NoRecord(_) => invalid(
                "record_missing",
                "name the log of the proxy that decided; a proxy logs ten refusals a second at most, and no allowed requests",
            ),
            Self::NoCertificate(_) => invalid("certificate_missing", "name another file"),
            Self::NoWorkload(_) => {
                invalid("no_workload", "it needs exactly one URI name, a SPIFFE ID")
            }
            Self::OtherSubject { .. } => {
                failed("subject_differs", "leave `--from` out, or name the same")
            }
            Self::AuthorityName(_) => failed(
                "usage",
                "use lower case letters, digits and inner `-`, at most 63 of them",
            ),
            Self::Authority { .. } => failed("authority_unusable", ""),
            Self::AuthorityUnnamed(_) => failed(
                "authority_unnamed",
                "give `--name` and `--trust-domain`, or restore its `authority.json`",
            ),
            Self::AuthorityFile { .. } => failed("authority_unusable", "restore the file"),
            Self::PathLength(_) => {
                failed("path_length", "make that one with a larger `--path-length`")
            }
            Self::OtherKind(_) => failed(
                "issuer_kind",
                "hybrid authorities issue hybrid ones, classical authorities classical ones",
            ),
            Self::IssuerNeeded(_) => failed(
                "issuer_missing",
                "give the folder of the authority that did with `--issuer`",
            ),
            Self::IssuerUnneeded(_) => failed(
                "usage",
                "leave `--issuer` out, or make a new authority with it",
            ),
            Self::IssuerUnknown(_) => failed(
                "issuer_missing",
                "give the certificate of its issuer with `--issuer`",
            ),
            Self::Unknown(_) => invalid("file_invalid", "name another file"),
            Self::Jwk { .. } => invalid("jwk_invalid", "give a public JWK or JWK Set"),
            Self::Jws { .. } => invalid("jws_invalid", "give a compact JWS"),
            Self::KeyAmbiguous { .. } => failed("key_ambiguous", "give the one JWK"),
            Self::KeyUnknown { .. } => invalid("key_unknown", "give the set that has it"),
            Self::AlternativeKey { .. } => invalid(
                "alternative_key_invalid",
                "give a public key of RFC 9881 (PEM or DER) or an AKP JWK of RFC 9964",
            ),
            Self::PrivateKey(_) => invalid("private_key", "name its public half"),
            Self::Trace { .. } => {
                invalid("trace_invalid", "docs/operations.md says what a line holds")
            }
            Self::Unformattable { .. } => invalid("not_formattable", ""),
            Self::Tests { .. } => invalid(
                "tests_invalid",
                "`sallyport schema policy-tests` prints the format, `sallyport test --help` an example",
            ),
            Self::Test { .. } => invalid("tests_invalid", "correct the request of that test"),
        }
    }

    /// For `map_err` on a read.
    pub(crate) fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |cause| Self::Unreadable {
            path: path.to_owned(),
            cause,
        }
    }

    /// For `map_err` on a write.
    pub(crate) fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |cause| Self::Unwritable {
            path: path.to_owned(),
            cause,
        }
    }
}

/// What to say where the command line itself is wrong.
pub(crate) fn usage_as_json(message: &str) -> String {
    let help = Some("`sallyport --help` and `sallyport <command> --help` say how");
    json("usage", None, message, help, &[])
}

fn json(
    code: &'static str,
    path: Option<String>,
    message: &str,
    help: Option<&'static str>,
    findings: &[Finding],
) -> String {
    let report = Report {
        code,
        path,
        message,
        help,
        findings,
    };
    match serde_json::to_string(&report) {
        Ok(text) => text,
        Err(_) => r#"{"code":"internal","message":"cannot write the failure as JSON"}"#.to_owned(),
    }
}

const fn invalid(code: &'static str, help: &'static str) -> Row {
    row(Exit::Findings, code, help)
}

const fn failed(code: &'static str, help: &'static str) -> Row {
    row(Exit::Failure, code, help)
}

const fn row(exit: Exit, code: &'static str, help: &'static str) -> Row {
    let help = if help.is_empty() { None } else { Some(help) };
    Row { exit, code, help }
}

/// An error and what caused it.
fn with_source(error: &IssueError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error} ({source})"),
        None => error.to_string(),
    }
}
